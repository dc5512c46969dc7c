//! What is done to all features together, one stage after the other, each row by itself.

mod components;
mod neighbours;
mod products;
mod scores;
pub(super) mod selection;

use serde::{Deserialize, Serialize};

use crate::{
    LearnError,
    features::{FeatureParams, FeaturePlan, Goal, Layout, Transform, fit::no_features, glob},
};

/// A step over all features; `features` are places in the order the stage before left them in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "as")]
pub enum Stage {
    /// A missing or infinite value of `features` becomes the mean of that feature over the `count` nearest donors that
    /// have it. The distance is the mean square over the features that both have, then nearer donors come first, and
    /// earlier ones among equals; `means` where no donor has anything in common with the row.
    Neighbours {
        /// The features filled, and looked at for distances.
        features: Vec<u32>,
        /// Number of donors whose mean is taken.
        count: u32,
        /// Training rows, each with its values of `features`.
        donors: Vec<Vec<Option<f64>>>,
        /// The mean of each feature over the donors; none where no donor has it, and it then stays missing.
        means: Vec<Option<f64>>,
    },
    /// The product of each pair is added as a feature at the end.
    Products {
        /// The pairs, the same feature twice for its square.
        pairs: Vec<[u32; 2]>,
    },
    /// `features` are taken away, and for each row of `directions` the sum of `(feature - mean) * weight` is added at the
    /// end.
    Components {
        /// The features replaced.
        features: Vec<u32>,
        /// The mean of each over the training rows.
        means: Vec<f64>,
        /// Component by component, one weight a feature.
        directions: Vec<Vec<f64>>,
        /// The share of the variance that each component explains.
        shares: Vec<f64>,
    },
    /// Only `features` stay.
    Selection {
        /// The features kept, ascending.
        features: Vec<u32>,
        /// What each was worth.
        worth: Vec<f64>,
    },
}

/// Most features that products may add.
const MOST_PRODUCTS: usize = 20_000;

impl Stage {
    /// The features after the stage, from those before.
    pub(super) fn layout(&self, mut layout: Vec<Layout>) -> Vec<Layout> {
        match self {
            Self::Neighbours { .. } => layout,
            Self::Products { pairs } => {
                let name = |&[a, b]: &[u32; 2]| {
                    let (first, second) = (&layout[a as usize].name, &layout[b as usize].name);
                    if a == b { format!("{first}^2") } else { format!("{first} * {second}") }
                };
                let added: Vec<String> = pairs.iter().map(name).collect();
                layout.extend(added.into_iter().map(|name| Layout { name, levels: None, column: None }));
                layout
            }
            Self::Components { features, directions, .. } => {
                let mut kept = without(layout, features);
                let name = |place: usize| format!("(component {})", place + 1);
                kept.extend((0..directions.len()).map(|place| Layout {
                    name: name(place),
                    levels: None,
                    column: None,
                }));
                kept
            }
            Self::Selection { features, .. } => keep(layout, features),
        }
    }

    /// The features after the stage.
    pub(super) fn apply(&self, mut values: Vec<Vec<f64>>, rows: usize) -> Vec<Vec<f64>> {
        match self {
            Self::Neighbours { features, count, donors, means } => {
                neighbours::fill(&mut values, rows, features, *count as usize, donors, means);
                values
            }
            Self::Products { pairs } => {
                products::append(&mut values, pairs);
                values
            }
            Self::Components { features, means, directions, .. } => {
                let added = components::project(&values, rows, features, means, directions);
                let mut kept = without(values, features);
                kept.extend(added);
                kept
            }
            Self::Selection { features, .. } => keep(values, features),
        }
    }
}

/// The items at ascending `places`.
fn keep<T>(items: Vec<T>, places: &[u32]) -> Vec<T> {
    let kept = |(place, item): (u32, T)| places.binary_search(&place).is_ok().then_some(item);
    (0..).zip(items).filter_map(kept).collect()
}

/// The items not at ascending `places`.
fn without<T>(items: Vec<T>, places: &[u32]) -> Vec<T> {
    let kept = |(place, item): (u32, T)| places.binary_search(&place).is_err().then_some(item);
    (0..).zip(items).filter_map(kept).collect()
}

/// True when any stage is to be fitted.
pub(super) fn wanted(params: &FeatureParams, plan: &FeaturePlan, nearest: &[bool]) -> bool {
    let filled = plan.columns.iter().zip(nearest).any(|(_, nearest)| *nearest);
    filled || params.interactions.is_some() || params.pca.is_some() || params.select.is_some()
}

/// The training rows' features on their way through the stages.
pub(super) struct Training<'a> {
    pub(super) params: &'a FeatureParams,
    /// By column, whether its missing numbers are filled from the nearest rows.
    pub(super) nearest: &'a [bool],
    pub(super) values: Vec<Vec<f64>>,
    pub(super) layout: Vec<Layout>,
    pub(super) rows: usize,
}

impl Training<'_> {
    /// Fits the stages that the parameters ask for, one after the other, and adds them to `plan`.
    pub(super) fn fit(&mut self, plan: &mut FeaturePlan, goal: Option<&Goal<'_>>) -> Result<(), LearnError> {
        if let Some(stage) = self.neighbours(plan) {
            self.step(plan, stage);
        }
        if let Some(stage) = self.products(plan)? {
            self.step(plan, stage);
        }
        if let Some(stage) = self.components(plan)? {
            self.step(plan, stage);
        }
        let Some(select) = &self.params.select else { return Ok(()) };
        let stage = selection::fit(select, &self.layout, &self.values, self.rows, goal)?;
        match stage {
            Stage::Selection { features, .. } if features.is_empty() => {
                let mut error = no_features();
                error.message = "no feature is worth enough to be kept".to_owned();
                error.help = Some("lower `select.threshold`".to_owned());
                error.field = Some("select");
                Err(error)
            }
            stage => {
                self.step(plan, stage);
                prune(plan);
                Ok(())
            }
        }
    }

    fn step(&mut self, plan: &mut FeaturePlan, stage: Stage) {
        self.values = stage.apply(std::mem::take(&mut self.values), self.rows);
        self.layout = stage.layout(std::mem::take(&mut self.layout));
        plan.stages.push(stage);
    }

    fn neighbours(&self, plan: &FeaturePlan) -> Option<Stage> {
        let filled = |feature: &Layout| {
            let place = feature.column.filter(|&place| self.nearest[place])?;
            // The indicator beside the value is never missing.
            matches!(plan.columns[place].transform, Transform::Number { value: true, .. })
                .then_some(feature.name == plan.columns[place].name)
        };
        let features: Vec<u32> =
            (0..).zip(&self.layout).filter(|(_, feature)| filled(feature) == Some(true)).map(|(at, _)| at).collect();
        let impute = &self.params.impute;
        let most = impute.donors.unwrap_or(neighbours::DONORS) as usize;
        (!features.is_empty()).then(|| {
            neighbours::fit(&self.values, self.rows, features, impute.neighbours.unwrap_or(neighbours::COUNT), most)
        })
    }

    /// The number features of the raw columns that a name or pattern means.
    fn numbers_of(&self, plan: &FeaturePlan, pattern: &str) -> Vec<u32> {
        let named = |feature: &Layout| {
            feature.levels.is_none()
                && feature.column.is_some_and(|place| {
                    let name = &plan.columns[place].name;
                    name == pattern || glob::matches(pattern, name)
                })
        };
        (0..).zip(&self.layout).filter(|(_, feature)| named(feature)).map(|(place, _)| place).collect()
    }

    fn products(&self, plan: &FeaturePlan) -> Result<Option<Stage>, LearnError> {
        let Some(wanted) = &self.params.interactions else { return Ok(None) };
        let pairs = products::pairs(wanted, |pattern| self.numbers_of(plan, pattern));
        if pairs.len() > MOST_PRODUCTS {
            return Err(LearnError {
                code: "too-many-features",
                message: format!("the interactions make {} products, more than {MOST_PRODUCTS}", pairs.len()),
                help: Some("name fewer columns, or `pairs`".to_owned()),
                field: Some("interactions"),
            });
        }
        Ok((!pairs.is_empty()).then_some(Stage::Products { pairs }))
    }

    fn components(&self, plan: &FeaturePlan) -> Result<Option<Stage>, LearnError> {
        let Some(pca) = &self.params.pca else { return Ok(None) };
        let features: Vec<u32> = match &pca.columns {
            // A feature that is missing in every row has nothing to give.
            None => (0..)
                .zip(self.layout.iter().zip(&self.values))
                .filter(|(_, (feature, values))| {
                    feature.levels.is_none() && values.iter().any(|value| value.is_finite())
                })
                .map(|(place, _)| place)
                .collect(),
            Some(patterns) => {
                let mut places: Vec<u32> = patterns.iter().flat_map(|pattern| self.numbers_of(plan, pattern)).collect();
                places.sort_unstable();
                places.dedup();
                places
            }
        };
        components::fit(pca, &self.layout, &self.values, self.rows, features)
    }
}

/// Takes away the raw columns of which nothing was kept, where the selection is the only stage.
fn prune(plan: &mut FeaturePlan) {
    let layout = plan.column_layout();
    let [Stage::Selection { features, .. }] = plan.stages.as_mut_slice() else { return };
    let used: std::collections::BTreeSet<usize> =
        features.iter().filter_map(|&place| layout[place as usize].column).collect();
    let mut place = 0_u32;
    let mut moved = Vec::with_capacity(features.len());
    for (old, feature) in (0..).zip(&layout) {
        if feature.column.is_some_and(|column| used.contains(&column)) {
            if features.binary_search(&old).is_ok() {
                moved.push(place);
            }
            place += 1;
        }
    }
    *features = moved;
    let mut column = 0;
    plan.columns.retain(|_| {
        column += 1;
        used.contains(&(column - 1))
    });
}
