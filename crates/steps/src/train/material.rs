//! What a `train` step learns from: the split's table as raw features, target, weights and roles, aligned row by row.

use trainyard_core::{Context, Digest, Schema, StepError, Warning, evaluation::Task};
use trainyard_data::{
    Table,
    columns::{self, numbers},
    split::{FoldInput, FoldSpec, SplitTable, fold_codes, folds, holdout, moments},
};
use trainyard_learn::{
    Frame, Values,
    features::{FeatureParams, is_free_text},
};
use trainyard_model::{Package, Source, Target, frame};

use super::training::Common;

/// Everything a fit needs, in memory and aligned with the table's rows.
pub(super) struct Material<'a> {
    pub(super) common: &'a Common,
    pub(super) split: &'a SplitTable,
    pub(super) frame: Frame,
    /// How the columns of `frame` become features; those left out are no longer among them.
    pub(super) features: FeatureParams,
    pub(super) target: Target,
    pub(super) weights: Option<Vec<f64>>,
    /// The split's group of each row.
    pub(super) groups: Option<Vec<u32>>,
    /// The split's moment of each row, in the unit in which a gap is given.
    pub(super) times: Option<Vec<f64>>,
    /// The model that training goes on from.
    pub(super) start: Option<&'a Package>,
    pub(super) context: &'a Context<'a>,
}

/// Rows to learn from and rows to judge by.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    pub(super) train: Vec<usize>,
    pub(super) test: Vec<usize>,
}

impl<'a> Material<'a> {
    /// Reads what `common` names out of the split; `unsupervised` is the task of an estimator without a target.
    pub(super) fn of(
        common: &'a Common,
        split: &'a SplitTable,
        context: &'a Context<'a>,
        unsupervised: Option<Task>,
    ) -> Result<(Self, &'a str), StepError> {
        let table = split.table();
        let judged_by = common.target.as_deref().or(split.roles().target.as_deref());
        let (name, target) = match unsupervised {
            Some(task) => (judged_by.unwrap_or_default(), super::unsupervised::target(table, judged_by, task)?),
            None => {
                let name = judged_by.map_or_else(|| split.target(), Ok)?;
                (name, Target::of(table, name, common.task)?)
            }
        };
        if target.guessed {
            context.warn(Warning::new(
                "task-guessed",
                format!(
                    "`{name}` holds {} whole numbers, taken for classes; write `task: regression` if they are amounts",
                    target.classes.len()
                ),
            ));
        }
        let roles = Roles {
            target: judged_by,
            group: split.roles().group.clone(),
            time: split.roles().time.clone(),
            weights: common.weights.clone(),
        };
        let mut candidates = roles.candidates(&table.schema(), common);
        // What named the part in a predefined split says which period or batch a row is from.
        candidates.retain(|name| Some(name.as_str()) != split.roles().named_by.as_deref());
        let chosen = common.features.chosen(&candidates);
        let frame = without_identifiers(frame(table, &chosen)?, common, context);
        // Told before anything is fitted: what is made of the target is known to nobody at prediction time.
        let features: Vec<String> = frame.columns.iter().map(|column| column.name.clone()).collect();
        Source::of(table, &features, name)?;
        let weights = common.weights.as_deref().map(|column| row_weights(table, column)).transpose()?;
        let groups = roles.group.as_deref().map(|column| columns::codes(table, column)).transpose()?;
        let times = match &roles.time {
            Some(column) => Some(moments(&table.column(column)?)?),
            None => None,
        };
        let features = FeatureParams { exclude: Vec::new(), ..common.features.clone() }.about(&frame);
        Ok((Self { common, split, frame, features, target, weights, groups, times, start: None, context }, name))
    }

    /// The rows of a part whose target is known.
    pub(super) fn known(&self, rows: Vec<u32>) -> Vec<usize> {
        rows.into_iter().map(|row| row as usize).filter(|&row| self.target.values[row].is_finite()).collect()
    }

    /// The rows of every part but `test` whose target is known, in table order.
    pub(super) fn outside_test(&self) -> Result<Vec<usize>, StepError> {
        let mut rows = Vec::new();
        for part in self.split.part_names().iter().filter(|part| *part != "test") {
            rows.extend(self.known(self.split.rows(part)?));
        }
        rows.sort_unstable();
        Ok(rows)
    }

    /// The class codes of rows whose target is known; none where it is no class.
    fn labels(&self, rows: &[usize]) -> Option<Vec<u32>> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "class codes are small and known")]
        let code = |&row: &usize| self.target.values[row] as u32;
        self.target.task.is_classification().then(|| rows.iter().map(code).collect())
    }

    /// The folds of `rows` that `spec` asks for: by the group and time that it names, else by the split's.
    pub(super) fn folds(&self, spec: &FoldSpec, rows: &[usize]) -> Result<Vec<Rows>, StepError> {
        let table = self.split.table();
        let own = |column: Option<&str>| column.map(|column| columns::codes(table, column)).transpose();
        let groups = own(spec.group.as_deref())?;
        let times = match &spec.time {
            Some(column) => Some(moments(&table.column(column)?)?),
            None => None,
        };
        let predefined = spec.predefined.as_deref().map(|column| fold_codes(&table.column(column)?)).transpose()?;
        let groups = pick(groups.as_ref().or(self.groups.as_ref()), rows);
        let times = pick(times.as_ref().or(self.times.as_ref()), rows);
        let predefined = pick(predefined.as_ref(), rows);
        let (labels, target) = (self.labels(rows), pick(Some(&self.target.values), rows));
        let input = FoldInput {
            rows: rows.len(),
            labels: labels.as_deref(),
            target: target.as_deref(),
            groups: groups.as_deref(),
            times: times.as_deref(),
            predefined: predefined.as_deref(),
            seed: self.common.seed,
        };
        let back = |picked: Vec<u32>| picked.into_iter().map(|at| rows[at as usize]).collect();
        let made = folds(spec, &input)?;
        Ok(made.into_iter().map(|fold| Rows { train: back(fold.train), test: back(fold.test) }).collect())
    }

    /// The folds that the split itself is made of, of rows whose target is known; none of another split.
    pub(super) fn folds_of_split(&self) -> Option<Vec<Rows>> {
        let folds = self.split.folds()?.into_iter();
        Some(folds.map(|fold| Rows { train: self.known(fold.train), test: self.known(fold.test) }).collect())
    }

    /// Sets about a share of `rows` apart: whole groups where the split has groups, the latest where it has a time, else
    /// by chance with equal shares of the classes.
    pub(super) fn hold_out(&self, rows: &[usize], share: f64) -> Result<Rows, StepError> {
        if let (Some(times), None) = (&self.times, &self.groups) {
            return latest(times, rows, share);
        }
        let (labels, groups) = (self.labels(rows), pick(self.groups.as_ref(), rows));
        let fold = holdout(rows.len(), share, labels.as_deref(), groups.as_deref(), self.common.seed)?;
        let back = |picked: Vec<u32>| picked.into_iter().map(|at| rows[at as usize]).collect();
        Ok(Rows { train: back(fold.train), test: back(fold.test) })
    }

    /// The rows in an order of which every beginning is a smaller set of the same kind: the latest first where the split
    /// has a time, whole groups where it has groups, else by chance with equal shares of the classes.
    pub(super) fn growing(&self, rows: &[usize], number: u64) -> Vec<usize> {
        let mut order = rows.to_vec();
        if let (Some(times), None) = (&self.times, &self.groups) {
            // a row without a moment counts as early
            let moment = |row: usize| if times[row].is_nan() { f64::NEG_INFINITY } else { times[row] };
            order.sort_by(|&a, &b| moment(b).total_cmp(&moment(a)).then(a.cmp(&b)));
            return order;
        }
        // a row's number by chance, the same for all rows of a group
        let unit = |row: usize| self.groups.as_ref().map_or(row as u64, |groups| u64::from(groups[row]));
        let seed = self.common.seed.wrapping_add(number);
        order.sort_by_cached_key(|&row| (Digest::of(format!("{seed} {}", unit(row)).as_bytes()), unit(row), row));
        if let (Some(labels), None) = (self.labels(&order), &self.groups) {
            return evenly(&order, &labels);
        }
        order
    }

    /// The targets and weights of rows.
    pub(super) fn truth(&self, rows: &[usize]) -> (Vec<f64>, Option<Vec<f64>>) {
        let truth = rows.iter().map(|&row| self.target.values[row]).collect();
        (truth, pick(self.weights.as_ref(), rows))
    }
}

/// The rows, those of each class spread evenly over the whole.
fn evenly(order: &[usize], labels: &[u32]) -> Vec<usize> {
    let mut counts = std::collections::BTreeMap::<u32, usize>::new();
    for label in labels {
        *counts.entry(*label).or_default() += 1;
    }
    let mut met = std::collections::BTreeMap::<u32, usize>::new();
    let mut placed: Vec<(f64, usize)> = Vec::with_capacity(order.len());
    for (&row, label) in order.iter().zip(labels) {
        let before = met.entry(*label).or_default();
        placed.push(((*before as f64 + 0.5) / counts[label] as f64, row));
        *before += 1;
    }
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    placed.into_iter().map(|(_, row)| row).collect()
}

fn pick<T: Copy>(values: Option<&Vec<T>>, rows: &[usize]) -> Option<Vec<T>> {
    values.map(|values| rows.iter().map(|&row| values[row]).collect())
}

/// The latest rows, all those of one moment on one side; a row without a moment counts as early.
fn latest(times: &[f64], rows: &[usize], share: f64) -> Result<Rows, StepError> {
    let mut moments: Vec<f64> = rows.iter().map(|&row| times[row]).filter(|time| time.is_finite()).collect();
    moments.sort_by(f64::total_cmp);
    let wanted = ((rows.len() as f64 * share).round() as usize).max(1);
    let first = moments.len().checked_sub(wanted).map(|at| moments[at]);
    let (test, train): (Vec<usize>, Vec<usize>) =
        rows.iter().partition(|&&row| first.is_some_and(|first| times[row] >= first));
    if train.is_empty() || test.is_empty() {
        let message = format!("{} rows hold too few moments to set the latest apart", rows.len());
        return Err(StepError::new("too-few-rows", message).help("give the split a `validation` part"));
    }
    Ok(Rows { train, test })
}

/// What some columns are for.
pub(super) struct Roles<'a> {
    pub(super) target: Option<&'a str>,
    pub(super) group: Option<String>,
    pub(super) time: Option<String>,
    pub(super) weights: Option<String>,
}

impl Roles<'_> {
    /// The columns that may be features. The columns of the split's group and time are none unless they are asked for:
    /// a model that knows the unit or the moment has learned the split, not the matter.
    pub(super) fn candidates(&self, schema: &Schema, common: &Common) -> Vec<String> {
        let asked = |name: &str| common.features.columns.iter().flatten().any(|column| column == name);
        schema
            .names()
            .filter(|name| Some(*name) != self.target && Some(*name) != self.weights.as_deref())
            .filter(|name| asked(name) || (Some(*name) != self.group.as_deref() && Some(*name) != self.time.as_deref()))
            .map(str::to_owned)
            .collect()
    }
}

/// Text columns whose values hardly ever repeat say which row it is, not what it is like, unless they are sentences.
fn without_identifiers(mut frame: Frame, common: &Common, context: &Context<'_>) -> Frame {
    let rows = frame.rows;
    frame.columns.retain(|column| {
        let Values::Category { levels, .. } = &column.values else { return true };
        let asked = common.features.columns.iter().flatten().any(|name| *name == column.name)
            || common.features.by_column.contains_key(&column.name);
        let identifier = rows > 100 && levels.len() * 10 > rows * 9 && !asked && !is_free_text(&column.values, None);
        if identifier {
            let message = format!(
                "`{}` has {} distinct texts in {rows} rows and was left out as an identifier; name it in `features.columns` to keep it",
                column.name,
                levels.len()
            );
            context.warn(Warning::new("identifier-column", message));
        }
        !identifier
    });
    frame
}

fn row_weights(table: &Table, column: &str) -> Result<Vec<f64>, StepError> {
    let weights = numbers(&table.column(column)?)?;
    match weights.iter().position(|weight| !(weight.is_finite() && *weight >= 0.0)) {
        None => Ok(weights),
        Some(row) => Err(StepError::new(
            "bad-weight",
            format!("weight `{column}` is {} in row {}; expected a number of at least 0", weights[row], row + 1),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_beginning_has_its_share_of_each_class() {
        let labels: Vec<u32> = (0..100).map(|row| u32::from(row % 10 == 9)).collect();
        let order: Vec<usize> = (0..100).collect();
        let mixed = evenly(&order, &labels);
        for count in [10, 20, 50] {
            assert_eq!(mixed[..count].iter().filter(|&&row| labels[row] == 1).count(), count / 10);
        }
        let mut sorted = mixed;
        sorted.sort_unstable();
        assert_eq!(sorted, order);
    }

    #[test]
    fn the_latest_rows_are_set_apart_and_moments_are_not_torn() {
        let times = [5.0, 1.0, 4.0, 2.0, 4.0, f64::NAN, 3.0, 0.0, 1.0, 2.0];
        let all: Vec<usize> = (0..10).collect();
        let rows = latest(&times, &all, 0.2).unwrap();
        assert_eq!(rows.test, [0, 2, 4]);
        assert_eq!(rows.train.len(), 7);
        let before = rows.train.iter().map(|&row| times[row]).filter(|time| !time.is_nan()).fold(0.0, f64::max);
        assert!(before < 4.0);
        assert_eq!(latest(&[1.0; 10], &all, 0.2).unwrap_err().code, "too-few-rows");
        assert_eq!(latest(&[f64::NAN; 10], &all, 0.2).unwrap_err().code, "too-few-rows");
    }
}
