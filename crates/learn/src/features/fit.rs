//! Learning a feature plan from training rows.

use crate::{
    Feature, Frame, FrameColumn, LearnError, Matrix,
    features::{
        ColumnKind, ColumnPlan, Encode, FeatureParams, FeaturePlan, NumberImpute, Transform, Wants,
        apply::numbers_of,
        choice::Choice,
        dates::{fit_dates, moments_of},
        fit_category::fit_category,
        fit_number::fit_number,
        stages,
        text::fit_text,
    },
};

/// What the features are to predict, for the transforms that learn from it.
#[derive(Clone, Copy, Debug)]
pub struct Goal<'a> {
    /// One target a row of the frame, of which only the training rows are looked at: the value for a regression, the
    /// class code 0, 1, … for a classification.
    pub y: &'a [f64],
    /// Number of classes; 0 for a regression, 2 for a binary classification.
    pub classes: usize,
    /// Seeds every random choice.
    pub seed: u64,
}

/// What was learned about one column.
pub(super) struct Learned {
    pub(super) transform: Transform,
    /// The training rows' own features, where they are not what [`FeaturePlan::apply`] gives for them.
    pub(super) training: Option<Vec<Vec<f64>>>,
}

impl From<Transform> for Learned {
    fn from(transform: Transform) -> Self {
        Self { transform, training: None }
    }
}

impl FeaturePlan {
    /// Learns from the rows of `frame` named by `rows` (every row when absent), the target not among its columns.
    /// Infinities count as missing where missing numbers are filled.
    ///
    /// # Errors
    /// Unknown or doubled column names, values out of range, no row, no feature left: every problem at once. A transform
    /// that learns from the target needs [`FeaturePlan::fit_apply`].
    pub fn fit(
        params: &FeatureParams,
        wants: Wants,
        frame: &Frame,
        rows: Option<&[usize]>,
    ) -> Result<Self, Vec<LearnError>> {
        let (plan, held) = fit_columns(params, wants, frame, rows, None)?;
        if stages::wanted(params, &plan, &held.nearest) {
            return finish(params, plan, &held, frame, rows, None).map(|(plan, _)| plan).map_err(|error| vec![error]);
        }
        Ok(plan)
    }

    /// As [`FeaturePlan::fit`], and the features of the training rows, in the order of `rows`. They differ from what
    /// [`FeaturePlan::apply`] gives for these rows where a transform learns from the target: a training row's feature
    /// then comes from the other folds, so that the estimator cannot read the row's own target in it.
    ///
    /// # Errors
    /// As [`FeaturePlan::fit`], a transform that learns from the target where there is no `goal`, and a goal that is not
    /// one known target a row.
    pub fn fit_apply(
        params: &FeatureParams,
        wants: Wants,
        frame: &Frame,
        rows: Option<&[usize]>,
        goal: Option<&Goal<'_>>,
    ) -> Result<(Self, Matrix), Vec<LearnError>> {
        if let Some(goal) = goal {
            check_goal(goal, frame, rows).map_err(|error| vec![error])?;
        }
        let (plan, held) = fit_columns(params, wants, frame, rows, goal)?;
        finish(params, plan, &held, frame, rows, goal).map_err(|error| vec![error])
    }
}

/// What the columns leave for the stages: by column, the training rows' own features; and whether missing numbers are
/// to be filled from the nearest rows.
struct Held {
    training: Vec<Option<Vec<Vec<f64>>>>,
    nearest: Vec<bool>,
}

fn check_goal(goal: &Goal<'_>, frame: &Frame, rows: Option<&[usize]>) -> Result<(), LearnError> {
    let refuse = |code, message| {
        Err(LearnError { code, message, help: Some("leave out rows without a target".to_owned()), field: None })
    };
    if goal.y.len() != frame.rows {
        return refuse("lengths-differ", format!("{} targets for {} rows", goal.y.len(), frame.rows));
    }
    let bad = |value: f64| {
        let class = value >= 0.0 && value < goal.classes as f64 && value.fract() == 0.0;
        !value.is_finite() || (goal.classes > 0 && !class)
    };
    let first = match rows {
        Some(rows) => rows.iter().map(|&row| goal.y[row]).find(|&value| bad(value)),
        None => goal.y.iter().copied().find(|&value| bad(value)),
    };
    let Some(value) = first else { return Ok(()) };
    match goal.classes {
        0 => refuse("target-not-finite", format!("the target must be a finite number in every row, found {value}")),
        classes => refuse(
            "class-out-of-range",
            format!("class codes must be whole numbers from 0 to {}, found {value}", classes - 1),
        ),
    }
}

fn fit_columns(
    params: &FeatureParams,
    wants: Wants,
    frame: &Frame,
    rows: Option<&[usize]>,
    goal: Option<&Goal<'_>>,
) -> Result<(FeaturePlan, Held), Vec<LearnError>> {
    let names: Vec<String> = frame.columns.iter().map(|column| column.name.clone()).collect();
    let mut problems = params.check(&names);
    if rows.map_or(frame.rows, <[usize]>::len) == 0 {
        problems.push(LearnError {
            code: "no-rows",
            message: "there is no training row to learn features from".to_owned(),
            help: Some("did a filter or the split leave the training part empty?".to_owned()),
            field: None,
        });
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let chosen = params.chosen(&names);
    let mut plan = FeaturePlan { dense: wants == Wants::Dense, ..FeaturePlan::default() };
    let mut held = Held { training: Vec::new(), nearest: Vec::new() };
    for column in frame.columns.iter().filter(|column| chosen.contains(&column.name)) {
        let choice = Choice::of(params, wants, column, rows);
        match fit_column(&choice, column, frame.rows, rows, goal) {
            Ok(Some(Learned { transform, training })) => {
                plan.columns.push(ColumnPlan { name: column.name.clone(), transform });
                held.training.push(training);
                held.nearest.push(choice.kind == ColumnKind::Number && choice.number == NumberImpute::Nearest);
            }
            Ok(None) => {}
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() && plan.columns.is_empty() {
        problems.push(no_features());
    }
    if problems.is_empty() { Ok((plan, held)) } else { Err(problems) }
}

pub(super) fn no_features() -> LearnError {
    LearnError {
        code: "no-features",
        message: "no column holds anything to learn from: each is constant, empty or left out".to_owned(),
        help: Some("look at the profile of the training rows, and at `columns`, `exclude` and `encode`".to_owned()),
        field: Some("columns"),
    }
}

fn fit_column(
    choice: &Choice,
    column: &FrameColumn,
    total: usize,
    rows: Option<&[usize]>,
    goal: Option<&Goal<'_>>,
) -> Result<Option<Learned>, LearnError> {
    if column.values.len() != total {
        return Err(LearnError {
            code: "lengths-differ",
            message: format!("column `{}` holds {} values for {total} rows", column.name, column.values.len()),
            help: None,
            field: None,
        });
    }
    let picked = |all: &[f64]| rows.map_or_else(|| all.to_vec(), |rows| rows.iter().map(|&row| all[row]).collect());
    match choice.kind {
        // Only the training rows are read: a text elsewhere is not this fit's business.
        ColumnKind::Number => Ok(fit_number(choice, &column.name, numbers_of(column, rows)?)?.map(Learned::from)),
        ColumnKind::Date => Ok(fit_dates(choice, &moments_of(column, rows)?).map(Learned::from)),
        ColumnKind::Text if choice.encode == Encode::None => Ok(None),
        ColumnKind::Text => Ok(fit_text(choice, column, rows)?.map(Learned::from)),
        ColumnKind::Category => {
            let goal = goal.filter(|_| choice.encode == Encode::Target);
            let y = goal.map(|goal| picked(goal.y));
            let goal = goal.zip(y.as_ref()).map(|(goal, y)| Goal { y, ..*goal });
            fit_category(choice, &column.values, rows, goal.as_ref())
        }
    }
}

/// Makes the training matrix, and fits the stages on it one after the other.
fn finish(
    params: &FeatureParams,
    mut plan: FeaturePlan,
    held: &Held,
    frame: &Frame,
    rows: Option<&[usize]>,
    goal: Option<&Goal<'_>>,
) -> Result<(FeaturePlan, Matrix), LearnError> {
    let needed: Vec<FrameColumn> = plan
        .columns
        .iter()
        .filter_map(|column| frame.columns.iter().find(|other| other.name == column.name))
        .map(|column| match rows {
            Some(rows) => FrameColumn { name: column.name.clone(), values: column.values.take(rows) },
            None => column.clone(),
        })
        .collect();
    let taken = Frame { columns: needed, rows: rows.map_or(frame.rows, <[usize]>::len) };
    let mut values = plan.of_columns(&taken)?;
    let mut layout = plan.column_layout();
    for (place, training) in held.training.iter().enumerate() {
        let Some(training) = training else { continue };
        let first = layout.iter().position(|feature| feature.column == Some(place)).unwrap_or(0);
        for (offset, own) in training.iter().enumerate() {
            values[first + offset].clone_from(own);
        }
    }
    let picked: Option<Vec<f64>> =
        goal.map(|goal| rows.map_or_else(|| goal.y.to_vec(), |rows| rows.iter().map(|&row| goal.y[row]).collect()));
    let goal = goal.zip(picked.as_ref()).map(|(goal, y)| Goal { y, ..*goal });
    let mut training = stages::Training { params, nearest: &held.nearest, values, layout, rows: taken.rows };
    training.fit(&mut plan, goal.as_ref())?;
    stages::Training { values, layout, .. } = training;
    plan.check_finite(&layout, &values)?;
    let features = layout
        .into_iter()
        .zip(values)
        .map(|(feature, values)| Feature { name: feature.name, values, levels: feature.levels })
        .collect();
    Ok((plan, Matrix { features, rows: taken.rows }))
}
