//! The parameters in force for one column: what was said about it, about all columns, and what suits the estimator.

use crate::{
    FrameColumn, Values,
    features::{
        Binning, CategoryImpute, ClipParams, ColumnKind, DatePart, Encode, FeatureParams, NumberImpute, Scale,
        TargetEncoding, TextParams, Wants, is_free_text,
    },
};

/// Most levels of a category that a histogram of 256 bins holds beside `(other)` and missing.
const NATIVE_LEVELS: u32 = 254;
const DENSE_LEVELS: u32 = 50;
const DENSE_SHARE: f64 = 0.01;
const HASH_SIZE: u32 = 32;
const NATIVE_TERMS: u32 = 100;
const DENSE_TERMS: u32 = 1000;
const NATIVE_HASHES: u32 = 64;
const DENSE_HASHES: u32 = 512;
const NATIVE_PARTS: &[DatePart] =
    &[DatePart::Year, DatePart::Month, DatePart::Day, DatePart::Weekday, DatePart::Hour, DatePart::DayOfYear];
const DENSE_PARTS: &[DatePart] = &[DatePart::Year, DatePart::Month, DatePart::Weekday, DatePart::Hour];

/// The parameters in force for one column.
pub(super) struct Choice {
    pub(super) kind: ColumnKind,
    /// True when the kind was asked for and not found by looking.
    pub(super) asked: bool,
    pub(super) number: NumberImpute,
    pub(super) constant: f64,
    pub(super) category: CategoryImpute,
    pub(super) level: String,
    pub(super) indicator: bool,
    pub(super) encode: Encode,
    pub(super) max_levels: usize,
    pub(super) min_share: f64,
    pub(super) target_encoding: TargetEncoding,
    pub(super) hash_size: u32,
    pub(super) scale: Scale,
    pub(super) clip: Option<ClipParams>,
    pub(super) bins: Option<Binning>,
    pub(super) parts: Vec<DatePart>,
    pub(super) cyclic: bool,
    pub(super) text: TextParams,
    pub(super) terms: u32,
    pub(super) text_hashes: u32,
    pub(super) dense: bool,
}

impl Choice {
    pub(super) fn of(params: &FeatureParams, wants: Wants, column: &FrameColumn, rows: Option<&[usize]>) -> Self {
        let own = params.of_column(&column.name);
        let dense = wants == Wants::Dense;
        // To say how something is done to a column says what the column is.
        let implied = match &own.encode {
            Some(Encode::Auto | Encode::None) | None => None,
            Some(_) => Some(ColumnKind::Category),
        };
        let implied = implied.or(own.text.as_ref().map(|_| ColumnKind::Text));
        let implied = implied.or(own.date.as_ref().map(|_| ColumnKind::Date));
        let asked = own.kind.or(implied);
        let kind = asked.unwrap_or_else(|| match &column.values {
            Values::Number(_) => ColumnKind::Number,
            Values::Moment(_) => ColumnKind::Date,
            values if is_free_text(values, rows) => ColumnKind::Text,
            Values::Category { .. } => ColumnKind::Category,
        });
        let either = |native, choice| if dense { choice } else { native };
        let encode = own.encode.unwrap_or(params.encode);
        // A linear model cannot take a code that is missing, so that an unseen level must have one.
        let category = match (dense, encode) {
            (true, Encode::Ordinal) => CategoryImpute::MissingLevel,
            _ => CategoryImpute::None,
        };
        let date = own.date.as_ref().unwrap_or(&params.date);
        let parts = date.parts.clone().unwrap_or_else(|| if dense { DENSE_PARTS } else { NATIVE_PARTS }.to_vec());
        let cyclic = date.cyclic.unwrap_or(dense);
        let text = own.text.unwrap_or_else(|| params.text.clone());
        Self {
            kind,
            asked: asked.is_some(),
            number: own.impute.number.or(params.impute.number).unwrap_or(match dense {
                true => NumberImpute::Median,
                false => NumberImpute::None,
            }),
            constant: own.impute.constant.unwrap_or(params.impute.constant),
            category: own.impute.category.or(params.impute.category).unwrap_or(category),
            level: own.impute.level.unwrap_or_else(|| params.impute.level.clone()),
            indicator: own.impute.indicator.or(params.impute.indicator).unwrap_or(dense),
            encode,
            max_levels: own.max_levels.or(params.max_levels).unwrap_or(either(NATIVE_LEVELS, DENSE_LEVELS)) as usize,
            min_share: own.min_share.or(params.min_share).unwrap_or(if dense { DENSE_SHARE } else { 0.0 }),
            target_encoding: own.target_encoding.unwrap_or_else(|| params.target_encoding.clone()),
            hash_size: own.hash_size.or(params.hash_size).unwrap_or(HASH_SIZE),
            scale: own.scale.or(params.scale).unwrap_or(if dense { Scale::Standard } else { Scale::None }),
            clip: own.clip.or(params.clip),
            bins: own.bins.or(params.bins),
            parts,
            cyclic,
            terms: text.max_features.unwrap_or(either(NATIVE_TERMS, DENSE_TERMS)),
            text_hashes: text.hash_size.unwrap_or(either(NATIVE_HASHES, DENSE_HASHES)),
            text,
            dense,
        }
    }
}
