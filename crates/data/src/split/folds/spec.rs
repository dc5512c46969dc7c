//! What folds should be, as a pipeline file says it: one method with its number, and options beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use trainyard_core::Problem;

/// Most rounds of chance, and most folds of groups left out.
pub(super) const MOST_ROUNDS: u32 = 10_000;
/// Most folds that are parts of the rows.
pub(super) const MOST_FOLDS: u32 = 253;
/// The share of rows that judge in a round of subsampling, unless told otherwise.
const TEST_SHARE: f64 = 0.2;

/// What folds should be: exactly one method (`k-fold`, `time-series`, `purged`, `bootstrap`, `subsampling`,
/// `leave-one-out`, `leave-groups-out` or `predefined`) and its options, such as `{k-fold: 5, repeats: 3}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FoldSpec {
    /// So many folds (2 to 253), each row judged once: whole groups where there are groups, with equal shares of the
    /// classes where there are classes. Where there is a time column and no group, as `time-series`: what comes later
    /// must not train what is judged on what came before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub k_fold: Option<u32>,
    /// So many folds (1 to 253) in time order: each is judged by what was learned from the rows before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_series: Option<u32>,
    /// So many stretches of time (2 to 253), each judged by what was learned from the rows before and after it, but for
    /// those within `gap` of it and an `embargo` after it (López de Prado 2018, chapter 7).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purged: Option<u32>,
    /// So many rounds (1 to 10 000) that learn from as many rows as there are, drawn with replacement, and judge by the
    /// rows never drawn; whole groups where there are groups, class by class where there are classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bootstrap: Option<u32>,
    /// So many rounds (1 to 10 000) that judge by `test-size` of the rows drawn anew and learn from the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subsampling: Option<u32>,
    /// True: as many folds as rows, each judged by what was learned from all others.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub leave_one_out: bool,
    /// A fold for each choice of so many groups, which judge what was learned from all others; 1 is leave-one-group-out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leave_groups_out: Option<u32>,
    /// The column that names each row's fold; a row without a value is learned from always and judged by never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predefined: Option<String>,
    /// `k-fold` so many times over, each time by other chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeats: Option<u32>,
    /// Whether each fold is to have equal shares of the classes (or of quantile bins of a number target); for classes
    /// yes unless told otherwise, for numbers no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stratify: Option<bool>,
    /// Quantile bins for a stratified number target; 10 unless told otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bins: Option<u32>,
    /// The column whose rows stay together; the split's group when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The column that orders rows in time; the split's time when absent, and without one the order of the table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Rows less than this before (for `purged`: or after) a fold's rows are not learned from: seconds for timestamps,
    /// days for dates, the column's own unit for numbers, rows where there is no time column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<f64>,
    /// The share of all rows (0 to below 1) that is not learned from after a fold's rows and the gap behind them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embargo: Option<f64>,
    /// Rows that judge in each fold of `time-series`, or in a round of `subsampling`: below 1 a share, from 1 a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_size: Option<f64>,
    /// Most rows to learn from in a fold of `time-series`: the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_train_size: Option<u32>,
}

/// A method with what it needs, out of a [`FoldSpec`] without fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Method {
    KFold { folds: usize, repeats: u64 },
    TimeSeries { folds: usize },
    Purged { folds: usize },
    Bootstrap { rounds: u64 },
    Subsampling { rounds: u64, test_size: f64 },
    LeaveOneOut,
    LeaveGroupsOut { groups: usize },
    Predefined,
}

impl FoldSpec {
    /// `folds` folds by chance: see [`FoldSpec::k_fold`].
    #[must_use]
    pub fn k_fold(folds: u32) -> Self {
        Self { k_fold: Some(folds), ..Self::default() }
    }

    /// `folds` folds in time order: see [`FoldSpec::time_series`].
    #[must_use]
    pub fn time_series(folds: u32) -> Self {
        Self { time_series: Some(folds), ..Self::default() }
    }

    /// The name of its method, as in the file; none where none or several are given.
    #[must_use]
    pub fn method_name(&self) -> Option<&'static str> {
        match self.given().as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// The columns it names, each with the key that names it.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [("predefined", &self.predefined), ("group", &self.group), ("time", &self.time)]
            .into_iter()
            .filter_map(|(key, column)| Some((key, column.as_deref()?)))
    }

    /// What is wrong with it whatever the data, each problem at its key: `bad-folds` when no method or several are
    /// given, or an option that the method does not have; `out-of-range`.
    #[must_use]
    pub fn check(&self) -> Vec<Problem> {
        let given = self.given();
        let [method] = given.as_slice() else {
            let message = match given.as_slice() {
                [] => "no method of resampling is named".to_owned(),
                several => format!("{} cannot go together", ticked(several)),
            };
            let help = format!("name one of {}", ticked(&METHODS));
            return vec![Problem::error("bad-folds", message).help(help)];
        };
        let mut problems = Vec::new();
        let mut range = |key: &str, value: Option<f64>, from: f64, to: f64| {
            if let Some(value) = value.filter(|value| !(from..=to).contains(value)) {
                let message = format!("`{key}` is {value}, expected {from} to {to}");
                problems.push(Problem::error("out-of-range", message).at([key]));
            }
        };
        let number = |value: Option<u32>| value.map(f64::from);
        range("k-fold", number(self.k_fold), 2.0, f64::from(MOST_FOLDS));
        range("time-series", number(self.time_series), 1.0, f64::from(MOST_FOLDS));
        range("purged", number(self.purged), 2.0, f64::from(MOST_FOLDS));
        range("bootstrap", number(self.bootstrap), 1.0, f64::from(MOST_ROUNDS));
        range("subsampling", number(self.subsampling), 1.0, f64::from(MOST_ROUNDS));
        range("leave-groups-out", number(self.leave_groups_out), 1.0, f64::from(MOST_ROUNDS));
        range("repeats", number(self.repeats), 1.0, f64::from(MOST_ROUNDS));
        range("bins", number(self.bins), 2.0, 1000.0);
        range("gap", self.gap, 0.0, f64::MAX);
        range("embargo", self.embargo, 0.0, 1.0 - f64::EPSILON);
        range("test-size", self.test_size, f64::MIN_POSITIVE, f64::from(u32::MAX));
        range("max-train-size", number(self.max_train_size), 1.0, f64::from(u32::MAX));
        if let Some(size) = self.test_size.filter(|size| *size >= 1.0 && size.fract() != 0.0) {
            let message = format!("`test-size` is {size}, expected a share below 1 or a whole number of rows");
            problems.push(Problem::error("out-of-range", message).at(["test-size"]));
        }
        for (key, methods) in self.options() {
            if !methods.contains(method) {
                let message = format!("`{key}` is no option of `{method}`");
                let help = format!("it goes with {}", ticked(methods));
                problems.push(Problem::error("bad-folds", message).at([key]).help(help));
            }
        }
        problems
    }

    /// The method; to be asked of a spec without fault.
    pub(super) fn method(&self) -> Option<Method> {
        let many = |number: u32| number as usize;
        let methods = [
            self.k_fold
                .map(|folds| Method::KFold { folds: many(folds), repeats: u64::from(self.repeats.unwrap_or(1)) }),
            self.time_series.map(|folds| Method::TimeSeries { folds: many(folds) }),
            self.purged.map(|folds| Method::Purged { folds: many(folds) }),
            self.bootstrap.map(|rounds| Method::Bootstrap { rounds: u64::from(rounds) }),
            self.subsampling.map(|rounds| Method::Subsampling {
                rounds: u64::from(rounds),
                test_size: self.test_size.unwrap_or(TEST_SHARE),
            }),
            self.leave_one_out.then_some(Method::LeaveOneOut),
            self.leave_groups_out.map(|groups| Method::LeaveGroupsOut { groups: many(groups) }),
            self.predefined.as_ref().map(|_| Method::Predefined),
        ];
        methods.into_iter().flatten().next()
    }

    fn given(&self) -> Vec<&'static str> {
        let given = [
            self.k_fold.is_some(),
            self.time_series.is_some(),
            self.purged.is_some(),
            self.bootstrap.is_some(),
            self.subsampling.is_some(),
            self.leave_one_out,
            self.leave_groups_out.is_some(),
            self.predefined.is_some(),
        ];
        METHODS.into_iter().zip(given).filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    /// The options given, each with the methods that have it.
    fn options(&self) -> Vec<(&'static str, &'static [&'static str])> {
        const CHANCE: &[&str] = &["k-fold", "bootstrap", "subsampling"];
        const ORDER: &[&str] = &["time-series", "purged", "k-fold"];
        let options: [(&str, bool, &[&str]); 9] = [
            ("repeats", self.repeats.is_some(), &["k-fold"]),
            ("stratify", self.stratify.is_some(), CHANCE),
            ("bins", self.bins.is_some(), CHANCE),
            ("group", self.group.is_some(), &["k-fold", "bootstrap", "subsampling", "leave-groups-out"]),
            ("time", self.time.is_some(), ORDER),
            ("gap", self.gap.is_some(), ORDER),
            ("embargo", self.embargo.is_some(), &["purged"]),
            ("test-size", self.test_size.is_some(), &["time-series", "subsampling"]),
            ("max-train-size", self.max_train_size.is_some(), &["time-series"]),
        ];
        options.into_iter().filter(|(_, given, _)| *given).map(|(key, _, methods)| (key, methods)).collect()
    }
}

/// The methods as the file names them.
const METHODS: [&str; 8] =
    ["k-fold", "time-series", "purged", "bootstrap", "subsampling", "leave-one-out", "leave-groups-out", "predefined"];

fn ticked(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> FoldSpec {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_file_names_one_method_and_its_options() {
        assert_eq!(read(r#"{"k-fold": 5}"#), FoldSpec::k_fold(5));
        assert!(read(r#"{"k-fold": 5, "repeats": 3, "group": "unit", "stratify": false}"#).check().is_empty());
        assert!(read(r#"{"purged": 6, "gap": 3600, "embargo": 0.01, "time": "when"}"#).check().is_empty());
        assert!(read(r#"{"leave-one-out": true}"#).check().is_empty());
        assert!(serde_json::from_str::<FoldSpec>(r#"{"kfold": 5}"#).is_err());
        assert_eq!(serde_json::to_string(&FoldSpec::k_fold(5)).unwrap(), r#"{"k-fold":5}"#);
    }

    #[test]
    fn everything_wrong_is_told_at_once_with_its_key() {
        let problems = read(r#"{"bootstrap": 0, "repeats": 3, "embargo": 2}"#).check();
        let told: Vec<(&str, &str)> = problems.iter().map(|one| (one.code.as_str(), one.at[0].as_str())).collect();
        assert_eq!(
            told,
            [
                ("out-of-range", "bootstrap"),
                ("out-of-range", "embargo"),
                ("bad-folds", "repeats"),
                ("bad-folds", "embargo")
            ]
        );
        assert_eq!(problems[2].help.as_deref(), Some("it goes with `k-fold`"));
        assert_eq!(read("{}").check()[0].message, "no method of resampling is named");
        let both = read(r#"{"k-fold": 5, "time-series": 4}"#).check();
        assert_eq!(both[0].message, "`k-fold`, `time-series` cannot go together");
        assert!(!read(r#"{"time-series": 3, "test-size": 2.5}"#).check().is_empty());
        assert!(!read(r#"{"k-fold": 254}"#).check().is_empty());
    }
}
