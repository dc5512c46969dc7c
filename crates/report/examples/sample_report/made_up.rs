//! Made-up numbers that look like real ones.

use std::collections::BTreeMap;

use trainyard_core::{
    Digest, Kind, Warning,
    evaluation::{Curve, Importance, JudgedModel, Measured, Pictures, Resampled},
    judgement::Details,
    profile::{ColumnProfile, NumberProfile},
    record::{Cost, OutputRecord, StepRecord, StepStatus},
    schema::ColumnType,
};

/// Numbers that look random: a linear congruential generator with Knuth's MMIX constants.
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    /// Uniform between 0 and 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// About normal: twelve uniforms.
    pub(crate) fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

pub(crate) fn measured(value: f64, low: f64, high: f64, method: &str) -> Measured {
    Measured { value, low, high, level: 0.95, method: method.to_owned() }
}

pub(crate) fn metrics(all: &[(&str, f64, f64, f64)]) -> BTreeMap<String, Measured> {
    all.iter()
        .map(|(name, value, low, high)| ((*name).to_owned(), measured(*value, *low, *high, "bootstrap")))
        .collect()
}

pub(crate) fn resampled(all: &[(&str, f64, f64)]) -> BTreeMap<String, Resampled> {
    all.iter()
        .map(|(name, mean, deviation)| {
            let folds = [-1.2, -0.4, 0.1, 0.5, 1.0].map(|z| mean + z * deviation).to_vec();
            ((*name).to_owned(), Resampled { mean: *mean, deviation: *deviation, folds })
        })
        .collect()
}

pub(crate) fn importance(all: &[(&str, f64, f64)]) -> Vec<Importance> {
    all.iter()
        .map(|(column, mean, deviation)| Importance {
            column: (*column).to_owned(),
            mean: *mean,
            deviation: *deviation,
        })
        .collect()
}

pub(crate) fn model(
    name: &str,
    estimator: &str,
    metrics: BTreeMap<String, Measured>,
    pictures: Pictures,
) -> JudgedModel {
    JudgedModel {
        digest: Digest::of(name.as_bytes()),
        estimator: estimator.to_owned(),
        metrics,
        resampled: BTreeMap::new(),
        importance: Vec::new(),
        pictures,
        details: Details::default(),
    }
}

/// A ROC curve of two normals `distance` apart, with steps.
pub(crate) fn roc(distance: f64, seed: u64) -> (Curve, Curve, f64) {
    let mut numbers = Numbers(seed);
    let mut rows: Vec<(f64, bool)> = (0..3_000)
        .map(|_| {
            let positive = numbers.uniform() < 0.24;
            (numbers.normal() + if positive { distance } else { 0.0 }, positive)
        })
        .collect();
    rows.sort_by(|one, other| other.0.total_cmp(&one.0));
    let positives = rows.iter().filter(|row| row.1).count() as f64;
    let negatives = rows.len() as f64 - positives;
    let (mut hits, mut alarms) = (0.0, 0.0);
    let (mut roc, mut precision_recall) = (vec![[0.0, 0.0]], Vec::new());
    for (_, positive) in &rows {
        if *positive {
            hits += 1.0
        } else {
            alarms += 1.0
        }
        roc.push([alarms / negatives, hits / positives]);
        precision_recall.push([hits / positives, hits / (hits + alarms)]);
    }
    (roc, precision_recall, positives / rows.len() as f64)
}

pub(crate) fn residuals(deviation: f64, rows: f64) -> Vec<[f64; 3]> {
    (0..40)
        .map(|bin| {
            let low = -16.0 + f64::from(bin) * 0.8;
            let z = (low + 0.4) / deviation;
            [low, low + 0.8, (rows * 0.8 / deviation * 0.4 * (-z.abs().powf(1.7) / 2.0).exp()).round()]
        })
        .collect()
}

pub(crate) fn number_column(
    name: &str,
    column_type: ColumnType,
    middle: f64,
    deviation: f64,
    skew: f64,
) -> ColumnProfile {
    let mut numbers = Numbers(name.bytes().map(u64::from).sum());
    let mut values: Vec<f64> = (0..4_000)
        .map(|_| {
            let z = numbers.normal();
            let value = middle + deviation * (z + skew * z * z);
            if column_type == ColumnType::Integer { value.round() } else { value }
        })
        .collect();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[(share * 3_999.0) as usize];
    let (min, max) = (at(0.0), at(1.0));
    let mut histogram: Vec<[f64; 3]> = (0..30)
        .map(|bin| {
            let width = (max - min) / 30.0;
            [min + f64::from(bin) * width, min + f64::from(bin + 1) * width, 0.0]
        })
        .collect();
    for value in &values {
        let bin = ((value - min) / (max - min) * 30.0).min(29.0) as usize;
        histogram[bin][2] += 1.0;
    }
    let number = NumberProfile {
        min,
        max,
        mean: values.iter().sum::<f64>() / 4_000.0,
        deviation,
        quantiles: [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99].map(at),
        histogram,
        zeros: 0,
        not_finite: 0,
    };
    ColumnProfile {
        name: name.to_owned(),
        column_type,
        nulls: 0,
        distinct: 2_773,
        distinct_exact: true,
        top: Vec::new(),
        number: Some(number),
        lengths: None,
    }
}

pub(crate) fn text_column(name: &str, top: &[(&str, u64)], nulls: u64) -> ColumnProfile {
    ColumnProfile {
        name: name.to_owned(),
        column_type: ColumnType::Text,
        nulls,
        distinct: top.len() as u64,
        distinct_exact: true,
        top: top.iter().map(|(value, rows)| ((*value).to_owned(), *rows)).collect(),
        number: None,
        lengths: Some((4, 19)),
    }
}

/// A step that ran; the rest is set by the caller.
pub(crate) fn step(name: &str, uses: &str, from: &[&str], started_after: u64, seconds: f64) -> StepRecord {
    StepRecord {
        name: name.to_owned(),
        uses: uses.to_owned(),
        status: StepStatus::Ran,
        seconds,
        why: Some("nothing kept under its fingerprint".to_owned()),
        outputs: BTreeMap::new(),
        warnings: Vec::new(),
        error: None,
        fingerprint: Some(Digest::of(uses.as_bytes())),
        from: from.iter().map(|name| (*name).to_owned()).collect(),
        cost: Cost {
            cpu_seconds: seconds * 1.7,
            peak_memory: 140_000_000 + (seconds * 6e7) as u64,
            bytes_in: 383_000,
            bytes_out: 383_000,
        },
        started_after,
        params: serde_json::Value::Null,
    }
}

pub(crate) fn output(mut step: StepRecord, port: &str, kind: Kind, rows: Option<u64>, bytes: u64) -> StepRecord {
    let digest = Digest::of(format!("{}.{port}", step.name).as_bytes());
    step.outputs.insert(port.to_owned(), OutputRecord { kind, digest, rows, bytes });
    step
}

pub(crate) fn cached(mut step: StepRecord) -> StepRecord {
    step.status = StepStatus::Cached;
    step.why = Some("fingerprint known: outputs found in the store".to_owned());
    step.seconds = 0.0006;
    step.cost = Cost::default();
    step
}

pub(crate) fn with_params(mut step: StepRecord, params: serde_json::Value) -> StepRecord {
    step.params = params;
    step
}

pub(crate) fn warned(mut step: StepRecord, code: &str, message: &str, numbers: &[(&str, f64)]) -> StepRecord {
    let warning =
        numbers.iter().fold(Warning::new(code, message), |warning, (name, value)| warning.number(name, *value));
    step.warnings.push(warning);
    step
}
