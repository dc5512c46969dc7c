//! From scores to what is handed out: calibration, the label, intervals and sets.

use trainyard_core::evaluation::Task;
use trainyard_learn::{
    calibration::Calibration,
    conformal::{Conformal, Method},
};

use crate::{
    Package,
    onnx::{
        Output, Outputs, Refusal,
        graph::{Graph, Value, int, strings},
        proto::{ValueInfoProto, element},
        scores::Scores,
    },
};

/// Keeps logarithms of probabilities finite, as the calibration does.
const LEAST: f64 = 1e-12;

/// Declares the outputs; hands back what each is called.
pub(super) fn outputs(
    graph: &mut Graph,
    package: &Package,
    scores: Scores,
    taken: &[String],
) -> Result<Outputs, Refusal> {
    let name = |wanted: &str| {
        let mut name = wanted.to_owned();
        while taken.contains(&name) {
            name.push_str("_out");
        }
        name
    };
    let mut made = Outputs { prediction: name("prediction"), ..Outputs::default() };
    match scores {
        Scores::Clusters(cluster) => {
            let flat = graph.reshape(&cluster, &[-1]);
            graph.hand_out(&flat, &made.prediction, element::INT64, None, "the cluster");
            made.kind = Output::Cluster;
        }
        Scores::Values(value) => {
            let flat = graph.reshape(&value, &[-1]);
            graph.hand_out(&flat, &made.prediction, element::DOUBLE, None, "the predicted number");
            made.kind = Output::Number;
            if let Some(conformal) = &package.conformal {
                let reach = graph.reach(conformal, &value);
                for (op, wanted, doc) in [
                    ("Sub", "interval_low", "the lower end of the interval"),
                    ("Add", "interval_high", "the upper end of the interval"),
                ] {
                    let end = graph.op(op, &[&value, &reach]);
                    let end = graph.reshape(&end, &[-1]);
                    let name = name(wanted);
                    graph.hand_out(&end, &name, element::DOUBLE, None, doc);
                    made.intervals.push(name);
                }
            }
        }
        Scores::Probabilities { values, classes } => {
            let values = match &package.calibration {
                Some(calibration) => graph.calibrated(calibration, &values, classes),
                None => values,
            };
            let most = graph.node("ArgMax", &[&values], vec![int("axis", 1), int("keepdims", 0)]);
            if package.signature.task == Task::Clustering {
                graph.hand_out(&most, &made.prediction, element::INT64, None, "the most probable cluster");
                made.kind = Output::Cluster;
            } else {
                let names = &package.signature.classes;
                if names.len() != classes {
                    return Err(Refusal::of(format!("{classes} classes of which {} have a name", names.len())));
                }
                let names = graph.constant(strings(names.iter().map(String::as_str)));
                let label = graph.look_up(&names, &most);
                graph.hand_out(&label, &made.prediction, element::STRING, None, "the most probable class");
                made.kind = Output::Class;
            }
            let name_of = name("probabilities");
            let doc = "the probability of each class, in the order of `classes` in the metadata";
            graph.hand_out(&values, &name_of, element::DOUBLE, Some(classes), doc);
            made.probabilities = Some(name_of);
            if let Some(conformal) = package.conformal.as_ref().filter(|_| made.kind == Output::Class) {
                let set = graph.prediction_set(conformal, &values, &most, classes);
                let name = name("set");
                graph.hand_out(&set, &name, element::BOOL, Some(classes), "whether each class is in the set");
                made.set = Some(name);
            }
        }
    }
    Ok(made)
}

impl Graph {
    fn hand_out(&mut self, value: &str, name: &str, element: i32, width: Option<usize>, doc: &str) {
        self.push("", "Identity", &[value], vec![name.to_owned()], Vec::new());
        let shape: Vec<Option<i64>> = [None].into_iter().chain(width.map(|width| Some(width as i64))).collect();
        self.outputs.push(ValueInfoProto::tensor(name, element, &shape, doc));
    }

    /// Probabilities after calibration.
    fn calibrated(&mut self, calibration: &Calibration, values: &str, classes: usize) -> Value {
        if let Calibration::Temperature(temperature) = calibration {
            let least = self.number(LEAST);
            let low = self.op("Less", &[values, &least]);
            let share = self.choose(&low, &least, values);
            let log = self.op("Log", &[&share]);
            let temperature = self.number(*temperature);
            let scaled = self.div(&log, &temperature);
            return self.softmax(&scaled);
        }
        let maps = match calibration {
            Calibration::Isotonic(steps) => steps.len(),
            Calibration::Platt(sigmoids) => sigmoids.len(),
            Calibration::Temperature(_) => 0,
        };
        if (classes, maps) == (2, 1) {
            let share = self.pick(values, &[1]);
            let second = self.mapped(calibration, 0, &share);
            let one = self.number(1.0);
            let first = self.sub(&one, &second);
            return self.beside(&[first, second]);
        }
        let mut shares: Vec<Value> = Vec::with_capacity(classes);
        for class in 0..classes {
            let share = self.pick(values, &[class]);
            shares.push(if class < maps { self.mapped(calibration, class, &share) } else { share });
        }
        let shares = self.beside(&shares);
        let sum = self.row_sum(&shares);
        let zero = self.number(0.0);
        let some = self.op("Greater", &[&sum, &zero]);
        let scaled = self.div(&shares, &sum);
        let even = self.number(1.0 / classes as f64);
        self.choose(&some, &scaled, &even)
    }

    /// One class's probability through its own map, within 0 and 1.
    fn mapped(&mut self, calibration: &Calibration, map: usize, share: &str) -> Value {
        let value = match calibration {
            Calibration::Isotonic(steps) => self.polyline(&steps[map].from, &steps[map].to, share),
            Calibration::Platt(sigmoids) => self.platt(sigmoids[map].slope, sigmoids[map].shift, share),
            Calibration::Temperature(_) => share.to_owned(),
        };
        let (none, all) = (self.number(0.0), self.number(1.0));
        let low = self.op("Less", &[&value, &none]);
        let value = self.choose(&low, &none, &value);
        let high = self.op("Greater", &[&value, &all]);
        self.choose(&high, &all, &value)
    }

    /// A line through points, level beyond the outermost.
    fn polyline(&mut self, from: &[f64], to: &[f64], value: &str) -> Value {
        let count = from.len().min(to.len());
        if count == 0 {
            return value.to_owned();
        }
        // Before the first point the line is level: one more point stands there.
        let starts: Vec<f64> = [from[0]].into_iter().chain(from[..count].iter().copied()).collect();
        let heights: Vec<f64> = [to[0]].into_iter().chain(to[..count].iter().copied()).collect();
        let mut spans = vec![1.0];
        let mut rises = vec![0.0];
        for at in 0..count {
            let next = at + 1 < count;
            spans.push(if next { from[at + 1] - from[at] } else { 1.0 });
            rises.push(if next { to[at + 1] - to[at] } else { 0.0 });
        }
        let after = self.place(value, &from[..count], true);
        let [start, height, span, rise] = [&starts, &heights, &spans, &rises].map(|table| {
            let table = self.list(table);
            self.look_up(&table, &after)
        });
        let off = self.sub(value, &start);
        let part = self.div(&off, &span);
        let step = self.mul(&part, &rise);
        self.add(&height, &step)
    }

    fn platt(&mut self, slope: f64, shift: f64, share: &str) -> Value {
        let (least, most) = (self.number(LEAST), self.number(1.0 - LEAST));
        let low = self.op("Less", &[share, &least]);
        let share = self.choose(&low, &least, share);
        let high = self.op("Greater", &[&share, &most]);
        let share = self.choose(&high, &most, &share);
        let log = self.op("Log", &[&share]);
        let negative = self.op("Neg", &[&share]);
        let other = self.ln_1p(&negative);
        let odds = self.sub(&log, &other);
        let (slope, shift) = (self.number(slope), self.number(shift));
        let scaled = self.mul(&slope, &odds);
        let score = self.add(&scaled, &shift);
        self.sigmoid(&score)
    }

    /// Half the width of the interval of each row.
    fn reach(&mut self, conformal: &Conformal, value: &str) -> Value {
        let reach = self.number(conformal.reach);
        if conformal.method != Method::Normalised || conformal.usual.is_empty() {
            return reach;
        }
        let from: Vec<f64> = conformal.usual.iter().map(|[at, _]| *at).collect();
        let to: Vec<f64> = conformal.usual.iter().map(|[_, error]| *error).collect();
        let usual = self.polyline(&from, &to, value);
        self.mul(&reach, &usual)
    }

    /// Whether each class is in a row's set.
    fn prediction_set(&mut self, conformal: &Conformal, values: &str, most: &str, classes: usize) -> Value {
        let score = if conformal.method == Method::Aps {
            // The probabilities of the class itself and of all that are more probable.
            let own = self.reshape(values, &[-1, 1, classes as i64]);
            let others = self.reshape(values, &[-1, classes as i64, 1]);
            let above = self.op("Greater", &[&others, &own]);
            let above = self.flag(&above);
            let counted = self.mul(&above, &others);
            let sum = self.reduce("ReduceSum", &counted, 1, false);
            self.add(&sum, values)
        } else {
            let one = self.number(1.0);
            self.sub(&one, values)
        };
        let reach = self.number(conformal.reach);
        let within = self.op("LessOrEqual", &[&score, &reach]);
        let all: Vec<i64> = (0..classes as i64).collect();
        let all = self.whole(&all);
        let most = self.reshape(most, &[-1, 1]);
        let first = self.op("Equal", &[&most, &all]);
        self.op("Or", &[&within, &first])
    }
}
