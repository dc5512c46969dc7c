//! What each transform of a column makes of it.

use trainyard_learn::features::{Clip, Encoding, FeaturePlan, Missing, Transform};

use crate::onnx::{
    Refusal,
    graph::{CONTRIB, Graph, Value, int},
    inputs::Input,
    proto::element,
};

/// Features side by side, `[N, width]`.
#[derive(Clone, Debug)]
pub(super) struct Features {
    pub(super) x: Value,
    pub(super) width: usize,
}

/// The features of a plan and of those beside it.
pub(super) fn features(graph: &mut Graph, plan: &FeaturePlan, inputs: &[Input]) -> Result<Features, Refusal> {
    let mut parts = Vec::new();
    let mut width = 0;
    for column in &plan.columns {
        let input = inputs
            .iter()
            .find(|input| input.column == column.name)
            .ok_or_else(|| Refusal::of(format!("column `{}`, which is no input", column.name)))?;
        let made = column.outputs().len();
        if made > 0 {
            parts.push(graph.column(&column.transform, input)?);
            width += made;
        }
    }
    if parts.is_empty() && !plan.columns.is_empty() || plan.columns.is_empty() && plan.beside.is_empty() {
        return Err(Refusal::of("a model without features"));
    }
    let mut all = Vec::new();
    if !parts.is_empty() {
        let mut own = Features { x: graph.beside(&parts), width };
        for stage in &plan.stages {
            own = graph.stage(stage, own);
        }
        all.push(own);
    }
    for plan in &plan.beside {
        all.push(features(graph, plan, inputs)?);
    }
    let values: Vec<Value> = all.iter().map(|part| part.x.clone()).collect();
    Ok(Features { x: graph.beside(&values), width: all.iter().map(|part| part.width).sum() })
}

impl Graph {
    /// The features of one column, side by side.
    fn column(&mut self, transform: &Transform, input: &Input) -> Result<Value, Refusal> {
        Ok(match transform {
            Transform::Number { fill, offset, divisor, value, indicator, clip, shape } => {
                let x = self.numbers_of(input);
                let mut parts = Vec::new();
                if *value {
                    let filled = self.filled(&x, *fill, *clip);
                    let shaped = match shape {
                        Some(shape) => self.curve(shape, &filled),
                        None => filled,
                    };
                    parts.push(self.scaled(&shaped, *offset, *divisor));
                }
                if *indicator {
                    parts.push(self.indicator(&x, fill.is_some()));
                }
                self.beside(&parts)
            }
            Transform::Bins { fill, clip, edges, one_hot, indicator } => {
                let x = self.numbers_of(input);
                let mut parts = Vec::new();
                let filled = self.filled(&x, *fill, *clip);
                let place = if edges.is_empty() { self.zeros(&x, 1) } else { self.place_number(&filled, edges) };
                let missing = self.is_missing(&filled);
                let none = self.number(f64::NAN);
                let place = self.choose(&missing, &none, &place);
                match one_hot {
                    Some(kept) => {
                        let kept: Vec<f64> = kept.iter().map(|&bin| f64::from(bin)).collect();
                        if !kept.is_empty() {
                            let kept = self.list(&kept);
                            let same = self.op("Equal", &[&place, &kept]);
                            parts.push(self.flag(&same));
                        }
                    }
                    None if edges.is_empty() => {}
                    None => parts.push(place),
                }
                if *indicator {
                    parts.push(self.indicator(&x, fill.is_some()));
                }
                self.beside(&parts)
            }
            Transform::Category { levels, other, missing, encoding, dropped } => {
                // No code is -1.
                let absent = if let Missing::Code(code) = missing { i64::from(*code) } else { -1 };
                let unknown = if *other { levels.len() as i64 } else { absent };
                let code = self.level_of(input, levels, unknown, absent);
                if *encoding == Encoding::OneHot {
                    let kept = (0..transform.code_count()).filter(|code| !dropped.contains(code)).map(i64::from);
                    let kept = self.whole(&kept.collect::<Vec<i64>>());
                    let same = self.op("Equal", &[&code, &kept]);
                    self.flag(&same)
                } else {
                    let number = self.cast(&code, element::DOUBLE);
                    let (zero, none) = (self.number(0.0), self.number(f64::NAN));
                    let known = self.op("GreaterOrEqual", &[&number, &zero]);
                    self.choose(&known, &number, &none)
                }
            }
            Transform::Table { levels, names, values, unseen, missing } => {
                let place = self.level_of(input, levels, levels.len() as i64, levels.len() as i64 + 1);
                let rows: Vec<f64> = values.iter().chain(unseen).chain(missing).copied().collect();
                let table = self.matrix(levels.len() + 2, names.len(), &rows);
                let found = self.look_up(&table, &place);
                self.reshape(&found, &[-1, names.len() as i64])
            }
            Transform::Hash { size } => {
                let text = self.texts_of(input)?;
                let (place, sign) = self.hashed(&text, *size);
                let none = self.constant(super::graph::strings([""]));
                let missing = self.op("Equal", &[&text, &none]);
                let zero = self.number(0.0);
                let sign = self.choose(&missing, &zero, &sign);
                let all: Vec<i64> = (0..i64::from(*size)).collect();
                let all = self.whole(&all);
                let same = self.op("Equal", &[&place, &all]);
                let here = self.flag(&same);
                self.mul(&here, &sign)
            }
            Transform::Date { fill, parts, indicator } => self.date(&input.name, *fill, parts, *indicator),
            Transform::Text { vectoriser } => self.words(vectoriser, input)?,
        })
    }

    /// A number within its bounds; with a fill, that in place of what is missing or infinite.
    fn filled(&mut self, x: &str, fill: Option<f64>, clip: Clip) -> Value {
        let mut value = x.to_owned();
        if let Some(low) = clip.low {
            let low = self.number(low);
            let below = self.op("Less", &[&value, &low]);
            value = self.choose(&below, &low, &value);
        }
        if let Some(high) = clip.high {
            let high = self.number(high);
            let above = self.op("Greater", &[&value, &high]);
            value = self.choose(&above, &high, &value);
        }
        if let Some(fill) = fill {
            let finite = self.is_finite(x);
            let fill = self.number(fill);
            value = self.choose(&finite, &value, &fill);
        }
        value
    }

    fn scaled(&mut self, x: &str, offset: f64, divisor: f64) -> Value {
        let mut value = x.to_owned();
        if offset != 0.0 {
            let offset = self.number(offset);
            value = self.sub(&value, &offset);
        }
        if divisor != 1.0 {
            let divisor = self.number(divisor);
            value = self.div(&value, &divisor);
        }
        value
    }

    /// 1 where a value is missing; with a fill, also where it is infinite.
    fn indicator(&mut self, x: &str, filled: bool) -> Value {
        let missing = if filled {
            let finite = self.is_finite(x);
            self.op("Not", &[&finite])
        } else {
            self.is_missing(x)
        };
        self.flag(&missing)
    }

    /// As [`Graph::place`] among edges that go with the bin above them, as a number.
    pub(super) fn place_number(&mut self, value: &str, edges: &[f64]) -> Value {
        let place = self.place(value, edges, true);
        self.cast(&place, element::DOUBLE)
    }

    /// The feature among `size` that each text counts in, whole, and the sign it counts with.
    pub(super) fn hashed(&mut self, text: &str, size: u32) -> (Value, Value) {
        let settings = vec![int("seed", 0), int("positive", 0)];
        let hash = self.node_of(CONTRIB, "MurmurHash3", &[text], settings);
        let hash = self.cast(&hash, element::INT64);
        let size_of = self.op("Abs", &[&hash]);
        let size = self.whole(&[i64::from(size.max(1))]);
        let place = self.op("Mod", &[&size_of, &size]);
        let zero = self.whole(&[0]);
        let negative = self.op("Less", &[&hash, &zero]);
        let (down, up) = (self.number(-1.0), self.number(1.0));
        let sign = self.choose(&negative, &down, &up);
        (place, sign)
    }
}
