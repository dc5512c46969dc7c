//! Rows that ask a model about its edges: every threshold, level, fill and bound that it knows, and what it never saw.

use std::collections::BTreeMap;

use trainyard_learn::{
    FittedModel, Frame, FrameColumn, Values,
    boosting::Tree,
    features::{FeaturePlan, Shape, Transform},
};

use crate::{
    Package,
    onnx::{
        Feed,
        inputs::{Input, inputs_of},
    },
};

/// Most values asked about in one column.
const MOST: usize = 120;
/// Rows asked about.
const ROWS: usize = 400;
/// Moments around leap days, ends of years, the start of 1970 and the ends of the calendar.
const MOMENTS: [f64; 9] = [
    0.0,
    -1.0,
    951_782_400.0,
    1_735_689_599.5,
    1_709_208_000.0,
    -2_208_988_800.0,
    253_402_300_799.0,
    -62_135_596_800.0,
    1e13,
];

/// Raw feature columns that ask about what the package knows; the same for the same package.
#[must_use]
pub fn probes(package: &Package) -> Frame {
    let thresholds = thresholds(package);
    // A multiplicative generator is random enough to mix values, and needs no seed.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below.max(1)
    };
    let columns = inputs_of(package)
        .0
        .into_iter()
        .map(|input| {
            let values = values(package, &input, thresholds.get(&input.column), &mut next);
            FrameColumn { name: input.column, values }
        })
        .collect();
    Frame { columns, rows: ROWS }
}

fn values(
    package: &Package,
    input: &Input,
    thresholds: Option<&Vec<f64>>,
    next: &mut impl FnMut(usize) -> usize,
) -> Values {
    let mut known = Known::default();
    known.learn(&package.features, &input.column);
    if input.feed == Feed::Text {
        let mut levels = known.texts;
        levels.retain(|level| !level.contains('\0'));
        levels.dedup();
        let mut levels = thinned(levels);
        let numbers = known.numeric;
        if numbers {
            levels =
                known.numbers.iter().filter(|number| number.is_finite()).map(|number| number.to_string()).collect();
        } else {
            levels.extend(["a level that nobody knows".to_owned(), "Ünseen".to_owned()]);
        }
        let codes = (0..ROWS)
            .map(|_| match next(levels.len() + 1) {
                code if code < levels.len() => code as u32,
                _ => Values::MISSING,
            })
            .collect();
        return Values::Category { codes, levels };
    }
    let mut numbers = known.numbers;
    numbers.extend(thresholds.into_iter().flatten().flat_map(|&at| [at, at.next_up()]));
    numbers.extend(known.texts.iter().filter_map(|text| text.trim().parse::<f64>().ok()));
    let mut numbers = thinned(numbers);
    match input.feed {
        Feed::Seconds => numbers.extend(MOMENTS),
        // A column of whole numbers holds no other.
        Feed::Number { whole: true } => {
            numbers.retain(|number| number.abs() < 1e15);
            numbers.iter_mut().for_each(|number| *number = number.round());
            numbers.extend([0.0, 1.0, -1.0, 1e6, -1e6]);
        }
        _ => numbers.extend([0.0, 1.0, -1.0, 0.5, 1e6, -1e6, f64::INFINITY, f64::NEG_INFINITY]),
    }
    numbers.push(f64::NAN);
    let count = numbers.len();
    let values: Vec<f64> = (0..ROWS).map(|_| numbers[next(count)]).collect();
    if input.feed == Feed::Seconds { Values::Moment(values) } else { Values::Number(values) }
}

/// Every so many of a long list.
fn thinned<T: Clone>(values: Vec<T>) -> Vec<T> {
    if values.len() <= MOST {
        return values;
    }
    (0..MOST).map(|at| values[at * values.len() / MOST].clone()).collect()
}

/// What the plan knows of a column.
#[derive(Default)]
struct Known {
    numbers: Vec<f64>,
    texts: Vec<String>,
    /// True when its texts must read as numbers.
    numeric: bool,
}

impl Known {
    fn learn(&mut self, plan: &FeaturePlan, name: &str) {
        for column in plan.columns.iter().filter(|column| column.name == name) {
            match &column.transform {
                Transform::Number { fill, offset, divisor, clip, shape, .. } => {
                    self.numeric = true;
                    let spread = |by: f64| offset + by * divisor;
                    self.numbers.extend([spread(0.0), spread(1.0), spread(-1.0), spread(2.5), spread(-2.5)]);
                    self.numbers.extend(fill.iter().chain(&clip.low).chain(&clip.high));
                    if let Some(Shape::Quantile { quantiles } | Shape::QuantileNormal { quantiles }) = shape {
                        self.numbers.extend(quantiles);
                        self.numbers.extend(quantiles.windows(2).map(|pair| pair[0] + (pair[1] - pair[0]) / 3.0));
                    }
                }
                Transform::Bins { fill, edges, clip, .. } => {
                    self.numeric = true;
                    self.numbers.extend(edges.iter().flat_map(|&edge| [edge, edge.next_down()]));
                    self.numbers.extend(fill.iter().chain(&clip.low).chain(&clip.high));
                }
                Transform::Category { levels, .. } | Transform::Table { levels, .. } => {
                    self.texts.extend_from_slice(levels)
                }
                Transform::Hash { .. } => self.texts.extend((0..20).map(|number| number.to_string())),
                Transform::Date { fill, parts, .. } => {
                    self.numbers.extend(fill);
                    let days = parts.iter().map(|part| part.offset + part.divisor);
                    self.numbers.extend(days.map(|days| days * 86_400.0));
                }
                Transform::Text { vectoriser } => {
                    let terms = &vectoriser.terms;
                    let sentence = |at: usize| {
                        let words =
                            (0..at % 7 + 1).filter_map(|word| terms.get((at * 31 + word * 7) % terms.len().max(1)));
                        words.map(String::as_str).collect::<Vec<&str>>().join(if at.is_multiple_of(2) {
                            " "
                        } else {
                            ", "
                        })
                    };
                    self.texts.extend((0..60).map(sentence));
                    let odd = ["The  Quick brown-fox; jumps!", "a  b\t\tc", "42 apples & 7 PEARS", "größer ÄRGER"];
                    self.texts.extend(odd.map(str::to_owned));
                }
            }
        }
        for plan in &plan.beside {
            self.learn(plan, name);
        }
    }
}

/// The thresholds of trees on features that are a column as it is.
fn thresholds(package: &Package) -> BTreeMap<String, Vec<f64>> {
    fn collect(model: &FittedModel, names: &[String], found: &mut BTreeMap<String, Vec<f64>>) {
        let trees: &[Tree] = match model {
            FittedModel::GradientBoosting(model) => &model.trees,
            FittedModel::Forest(model) => &model.trees,
            FittedModel::Ensemble(model) => {
                for member in &model.members {
                    collect(&member.model, names.get(member.first..).unwrap_or_default(), found);
                }
                return;
            }
            _ => return,
        };
        for tree in trees {
            for (&feature, &threshold) in tree.features.iter().zip(&tree.thresholds) {
                if let Some(name) = names.get(feature as usize) {
                    found.entry(name.clone()).or_default().push(threshold);
                }
            }
        }
    }
    let mut found = BTreeMap::new();
    if let Some(model) = &package.model {
        collect(model, &package.features.outputs(), &mut found);
    }
    found
}
