//! `train/auto`: chooses among algorithms, searches over their parameters, and averages those that help each other.
//!
//! Every algorithm has a trial, the better half share the rest of `trials`; all are judged on the same folds of the
//! training rows, never on the test part. The best of each are averaged with weights found by greedy selection on the
//! predictions of rows that the fits left out, and then each is fitted anew on all training rows. What was tried stands in
//! the model's leaderboard. With `resample`, all of this is done anew in each fold, so that what it measures is honest.

mod contest;
mod member;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::{
    Context, Inputs, Kind, Outlines, Outputs, Ports, Problem, Setting, Step, StepError,
    evaluation::{Resampled, Task},
};
use trainyard_data::split::SplitTable;
use trainyard_learn::metrics;

pub use self::member::Member;
use super::{
    beyond,
    check::check_common,
    cross_validate,
    fit::{Made, pack, parts, sketch},
    material::{Material, Rows},
    search::{Earlier, earlier},
    training::Training,
};

const NAME: &str = "auto";

/// The step that chooses an algorithm.
pub struct AutoStep;

/// What `train/auto` may spend, and on what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Auto {
    /// Trials over all algorithms, 1 to 100 000; by default 20. Each algorithm has one, the better half share the others.
    pub trials: u32,
    /// Start no further trials once so many seconds have gone by. How far it comes then depends on the machine, so that
    /// the result is not the same everywhere; the leaderboard says that it was made so. The fits after the last trial
    /// come on top.
    pub seconds: Option<f64>,
    /// The algorithms to choose among; when left out those that suit the task, and of the slow ones those that suit the
    /// number of rows, as many as there are trials.
    pub members: Vec<Member>,
    /// Folds of the training rows that judge, 2 to 253; by default 5. By the split's group or time where it has one.
    pub folds: u32,
    /// The metric that decides; by default `rmse`, `roc_auc` or `log_loss`, as the task is.
    pub metric: Option<String>,
    /// Whether the best are averaged; by default true. With `false` the single best is the model.
    pub stack: bool,
}

impl Default for Auto {
    fn default() -> Self {
        Self { trials: 20, seconds: None, members: Vec::new(), folds: 5, metric: None, stack: true }
    }
}

impl Auto {
    /// The algorithms to try.
    fn members(&self, task: Task, rows: usize) -> Vec<Member> {
        let mut members = if self.members.is_empty() { Member::usual(task, rows) } else { self.members.clone() };
        members.truncate(self.trials as usize);
        members
    }

    /// Every problem, at its place.
    fn check(&self, task: Option<Task>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut range = |field: &str, ok: bool, found: String, expected: &str| {
            if !ok {
                let message = format!("`{field}` is {found}; expected {expected}");
                problems.push(Problem::error("out-of-range", message).at([field]));
            }
        };
        let least = self.members.len().max(1);
        let expected = if least > 1 { format!("{least}, one a member, to 100000") } else { "1 to 100000".to_owned() };
        let trials = (least..=100_000).contains(&(self.trials as usize));
        range("trials", trials, self.trials.to_string(), &expected);
        range("folds", (2..=253).contains(&self.folds), self.folds.to_string(), "2 to 253");
        if let Some(seconds) = self.seconds {
            range("seconds", seconds.is_finite() && seconds > 0.0, seconds.to_string(), "a number above 0");
        }
        let names: BTreeSet<&str> = self.members.iter().map(|member| member.name()).collect();
        if names.len() < self.members.len() {
            let message = "an algorithm stands twice among the members";
            problems.push(Problem::error("duplicate-member", message).help("name each once").at(["members"]));
        }
        if let Some(metric) = &self.metric
            && let Err(error) = metrics::check(metric, task)
        {
            problems.push(Problem { at: vec!["metric".into()], ..Problem::from(error) });
        }
        problems.extend(task.into_iter().flat_map(|task| self.check_task(task)));
        problems
    }

    /// What of it does not suit the task.
    fn check_task(&self, task: Task) -> Vec<Problem> {
        if task == Task::Ranking {
            let message = "`train/auto` is there for numbers and classes, not for a ranking";
            let help = "use `train/gradient-boosting` with `loss: rank`";
            return vec![Problem::error("wrong-task", message).help(help).at(["task"])];
        }
        let wrong = self.members.iter().filter(|member| task.is_supervised() && !member.fits(task));
        let told = wrong.map(|member| {
            let message = format!("`{}` cannot do the task {}", member.name(), task.name());
            Problem::error("wrong-task", message).help("leave it out of `members`").at(["members"])
        });
        told.collect()
    }
}

impl Step for AutoStep {
    const NAME: &'static str = "train/auto";
    // A package of another format is another output.
    const VERSION: u32 = trainyard_model::Package::FORMAT;
    const ABOUT: &'static str = "chooses among algorithms and averages those that help each other";
    const EXAMPLES: &'static [&'static str] = &[
        "{}",
        r#"{"trials": 40, "members": ["gradient-boosting", "extra-trees", "linear"], "metric": "mae", "seed": 7}"#,
        r#"{"stack": false, "seconds": 600, "resample": {"k-fold": 5}}"#,
    ];
    type Params = Training<Auto>;
    type Checked = Training<Auto>;

    fn ports(_: &Training<Auto>) -> Ports {
        Ports::new().one("data", &[Kind::Split]).output("model", &[Kind::Model])
    }

    fn check(
        params: Training<Auto>,
        inputs: &Outlines,
        _: &Setting,
    ) -> Result<(Training<Auto>, Outlines), Vec<Problem>> {
        let mut problems = params.estimator.check(params.common.task);
        if params.common.tune.is_some() {
            let message = "`train/auto` searches over every algorithm's parameters itself";
            let help = "leave `tune` out; say how long to search by `trials` or `seconds`";
            problems.push(Problem::error("searches-itself", message).help(help).at(["tune"]));
        }
        let outlines = check_common(&params.common, inputs, NAME, None, problems)?;
        Ok((params, outlines))
    }

    fn run(params: &Training<Auto>, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let (common, auto) = (&params.common, &params.estimator);
        let split = inputs.one::<SplitTable>("data")?;
        let (material, name) = Material::of(common, &split, context, None)?;
        let problems = auto.check_task(material.target.task);
        if !problems.is_empty() {
            return Err(StepError::problems(problems));
        }
        let (train, validation) = parts(&material, name)?;
        let earlier = earlier(&material)?;
        let winners = contest::hold(&material, auto, &train, "", &earlier)?;
        let (plan, fitting) = winners.fit(&material, &train)?;
        let folds = match &common.resample {
            Some(resample) => Some(material.folds(resample, &material.outside_test()?)?),
            None => material.folds_of_split(),
        };
        let resampled =
            folds.map_or_else(|| Ok(BTreeMap::new()), |folds| resample(&material, auto, &folds, &earlier))?;
        let leaderboard = Some(winners.leaderboard);
        let made = Made { estimator: NAME, plan, fitting, resampled, tuning: None, leaderboard };
        let used = serde_json::to_value(params).unwrap_or_default();
        let mut package = pack(&material, name, &train, used, made)?;
        beyond::calibrate(&mut package, &material, &validation, || Ok(winners.out_of_fold))?;
        sketch(&mut package, &material, &train, &validation)?;
        Ok(Outputs::one("model", package))
    }
}

/// The contest anew in each fold, judged by rows that it has not seen.
fn resample(
    material: &Material<'_>,
    auto: &Auto,
    folds: &[Rows],
    earlier: &Earlier,
) -> Result<BTreeMap<String, Resampled>, StepError> {
    let mut all = Vec::with_capacity(folds.len());
    for (index, fold) in folds.iter().enumerate() {
        let winners = contest::hold(material, auto, &fold.train, &format!("fold {}", index + 1), earlier)?;
        all.push(winners.predict(material, &fold.train, &fold.test)?);
    }
    Ok(cross_validate::scores(material, &all))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str, task: Option<Task>) -> Vec<(String, String)> {
        let auto: Auto = serde_json::from_str(text).unwrap();
        auto.check(task).into_iter().map(|problem| (problem.code.clone(), problem.at.join("."))).collect()
    }

    fn pair(code: &str, at: &str) -> (String, String) {
        (code.to_owned(), at.to_owned())
    }

    #[test]
    fn what_is_wrong_is_told_at_its_place() {
        assert!(codes("{}", None).is_empty());
        let found = codes(r#"{"trials": 0, "folds": 1, "seconds": 0, "metric": "rmsee"}"#, None);
        let expected = [
            pair("out-of-range", "trials"),
            pair("out-of-range", "folds"),
            pair("out-of-range", "seconds"),
            pair("unknown-metric", "metric"),
        ];
        assert_eq!(found, expected);
        let found = codes(r#"{"trials": 2, "members": ["linear", "knn", "linear"]}"#, Some(Task::Binary));
        let wrong = pair("wrong-task", "members");
        let expected = [pair("out-of-range", "trials"), pair("duplicate-member", "members"), wrong.clone(), wrong];
        assert_eq!(found, expected);
        assert_eq!(codes("{}", Some(Task::Ranking)), [pair("wrong-task", "task")]);
        assert!(serde_json::from_str::<Auto>(r#"{"members": ["lgbm"]}"#).is_err());
    }

    #[test]
    fn there_are_no_more_members_than_trials() {
        let auto = Auto { trials: 2, ..Auto::default() };
        assert_eq!(auto.members(Task::Regression, 100), [Member::GradientBoosting, Member::Forest]);
    }
}
