//! What applying a plan needs beside the plan itself, made once: places, names and lookups of levels.

use crate::features::{ColumnPlan, Encoding, FeaturePlan, Layout, Missing, Transform, levels::LevelMap};

/// A plan made ready to be applied again and again.
///
/// It belongs to the plan it was made of, as that was then, and is only good for it.
#[derive(Clone, Debug)]
pub struct Ready {
    pub(super) columns: Vec<ReadyColumn>,
    /// Where each feature before the stages is found.
    pub(super) sources: Vec<Source>,
    /// Number of features that are written, before the stages; the others are raw columns as they are.
    pub(super) written: usize,
    /// The features after the stages.
    pub(super) layout: Vec<Layout>,
    pub(super) beside: Vec<Self>,
}

/// Where the values of a feature are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Source {
    /// They are those of the raw column of this place.
    Raw(usize),
    /// They are written, at this place among all that are.
    Written(usize),
}

/// What one column needs.
#[derive(Clone, Debug)]
pub(super) struct ReadyColumn {
    pub(super) coded: Option<Coded>,
    /// Number of its features that are written.
    pub(super) width: usize,
}

/// How a level becomes features.
#[derive(Clone, Debug)]
pub(super) struct Coded {
    pub(super) map: LevelMap,
    /// Levels known.
    pub(super) known: usize,
    pub(super) form: Form,
}

/// The features of each place: those of the known levels, then of an unknown one, then of a missing one.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// Place by place, one number a feature.
    Numbers(Vec<f64>),
    /// The feature that is 1 at each place, if any.
    OneHot(Vec<Option<u32>>),
}

impl Ready {
    /// Makes `plan` ready.
    #[must_use]
    pub fn of(plan: &FeaturePlan) -> Self {
        let mut ready = Self {
            columns: Vec::with_capacity(plan.columns.len()),
            sources: Vec::new(),
            written: 0,
            layout: plan.layout(),
            beside: plan.beside.iter().map(Self::of).collect(),
        };
        for (place, column) in plan.columns.iter().enumerate() {
            let width = column.feature_count();
            let raw = usize::from(column.is_as_it_is());
            ready.sources.extend((0..raw).map(|_| Source::Raw(place)));
            ready.sources.extend((0..width - raw).map(|feature| Source::Written(ready.written + feature)));
            ready.written += width - raw;
            ready.columns.push(ReadyColumn { coded: Coded::of(&column.transform), width: width - raw });
        }
        ready
    }

    /// The features of the plan and those beside it, after the stages.
    pub(super) fn layouts(&self) -> Vec<&Layout> {
        self.layout.iter().chain(self.beside.iter().flat_map(Self::layouts)).collect()
    }
}

impl ColumnPlan {
    fn feature_count(&self) -> usize {
        match &self.transform {
            Transform::Number { value, indicator, .. } => usize::from(*value) + usize::from(*indicator),
            _ => self.outputs().len(),
        }
    }

    /// True when the first feature is the raw column, number by number.
    pub(super) fn is_as_it_is(&self) -> bool {
        matches!(
            &self.transform,
            Transform::Number { fill: None, offset, divisor, value: true, clip, shape: None, .. }
                if *offset == 0.0 && *divisor == 1.0 && clip.is_none()
        )
    }
}

impl Coded {
    fn of(transform: &Transform) -> Option<Self> {
        match transform {
            Transform::Category { levels, other, missing, encoding, dropped } => {
                let missing = match *missing {
                    Missing::Stays => None,
                    Missing::Code(code) => Some(code),
                };
                let unknown = if *other { Some(levels.len() as u32) } else { missing };
                let codes = (0..levels.len() as u32).map(Some).chain([unknown, missing]);
                let form = match encoding {
                    Encoding::Native | Encoding::Ordinal => {
                        Form::Numbers(codes.map(|code| code.map_or(f64::NAN, f64::from)).collect())
                    }
                    Encoding::OneHot => {
                        let kept: Vec<u32> =
                            (0..transform.code_count()).filter(|code| !dropped.contains(code)).collect();
                        let feature = |code: u32| kept.binary_search(&code).ok().map(|feature| feature as u32);
                        Form::OneHot(codes.map(|code| code.and_then(feature)).collect())
                    }
                };
                Some(Self { map: LevelMap::new(levels), known: levels.len(), form })
            }
            Transform::Table { levels, names, values, unseen, missing } => {
                let known = levels.len() * names.len();
                let numbers = values.iter().take(known).chain(unseen).chain(missing).copied().collect();
                Some(Self { map: LevelMap::new(levels), known: levels.len(), form: Form::Numbers(numbers) })
            }
            _ => None,
        }
    }

    /// Writes the `width` features of rows whose levels are at `places`, one after the other, into `out`, which holds
    /// zeros.
    pub(super) fn write(&self, places: &[u32], width: usize, out: &mut [f64]) {
        let count = places.len();
        let at = |place: u32| if place == LevelMap::MISSING { self.known + 1 } else { place as usize };
        match &self.form {
            Form::Numbers(numbers) => {
                for (feature, out) in out.chunks_exact_mut(count.max(1)).enumerate().take(width) {
                    for (out, &place) in out.iter_mut().zip(places) {
                        // Only a plan that was tampered with has too few.
                        *out = numbers.get(at(place) * width + feature).copied().unwrap_or(f64::NAN);
                    }
                }
            }
            Form::OneHot(features) => {
                for (row, &place) in places.iter().enumerate() {
                    if let Some(Some(feature)) = features.get(at(place)) {
                        out[*feature as usize * count + row] = 1.0;
                    }
                }
            }
        }
    }
}
