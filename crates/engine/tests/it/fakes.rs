//! Steps that do as little as a test needs. Each notes its name in `executions.log` in the pipeline's folder when it
//! runs, which counts executions across threads and processes.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write as _,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use trainyard_core::{
    Codec, Context, Digest, Inputs, Keeper, Kind, Outline, Outlines, Outputs, Ports, Problem, Registry, Setting, Step,
    StepError, Value, Warning,
    artifact::Document,
    evaluation::{Evaluation, JudgedModel, Measured, Pictures, Release, Task},
    judgement::Details,
};

pub(crate) static REGISTRY: Registry = Registry {
    stages: &[&[
        &Source, &Add, &Parity, &Sum, &Pass, &Slow, &Flaky, &Panics, &Effect, &Gate, &Bulky, &Secret, &Chatty, &Judge,
        &Always, &Register,
    ]],
    codecs: &[&Document::CODEC, &Evaluation::CODEC, &Release::CODEC, &BULK],
};

const DOCUMENT: &[Kind] = &[Kind::Document];

fn note(context: &Context<'_>) {
    let path = context.setting.resolve("executions.log");
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    // One write, so that lines of several processes do not mix.
    file.write_all(format!("{}\n", context.step).as_bytes()).unwrap();
}

fn outlines() -> Outlines {
    Outlines::output("out", Outline::Document)
}

fn number(inputs: &Inputs, port: &str) -> Result<i64, StepError> {
    Ok(inputs.one::<Document>(port)?.0.as_i64().unwrap_or_default())
}

fn out(value: impl Into<serde_json::Value>) -> Outputs {
    Outputs::one("out", Document(value.into()))
}

/// Declares a step: its parameters, ports, and what it does.
macro_rules! step {
    ($step:ident, $name:literal, { $($field:ident: $type:ty),* }, $ports:expr,
     |$params:ident, $inputs:ident, $context:ident| $run:expr $(, { $($more:tt)* })?) => {
        pub(crate) struct $step;
        paste_params!($step { $($field: $type),* });
        impl Step for $step {
            const NAME: &'static str = $name;
            const VERSION: u32 = 1;
            const ABOUT: &'static str = "for tests";
            const EXAMPLES: &'static [&'static str] = &["{}"];
            type Params = <$step as HasParams>::Params;
            type Checked = Self::Params;
            fn ports(_params: &Self::Params) -> Ports {
                $ports
            }
            fn check(
                params: Self::Params,
                _inputs: &Outlines,
                _setting: &Setting,
            ) -> Result<(Self::Params, Outlines), Vec<Problem>> {
                Ok((params, outlines()))
            }
            fn run($params: &Self::Params, $inputs: &Inputs, $context: &Context<'_>) -> Result<Outputs, StepError> {
                note($context);
                $run
            }
            $($($more)*)?
        }
    };
}

pub(crate) trait HasParams {
    type Params;
}

macro_rules! paste_params {
    ($step:ident { $($field:ident: $type:ty),* }) => {
        const _: () = {
            #[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
            #[serde(default, deny_unknown_fields)]
            pub(crate) struct Params { $(pub(crate) $field: $type),* }
            impl HasParams for $step { type Params = Params; }
        };
    };
}

step!(Source, "fake/source", { path: String }, Ports::new().output("out", DOCUMENT),
    |params, _inputs, context| {
        let text = fs::read_to_string(context.setting.resolve(&params.path)).map_err(StepError::io)?;
        Ok(out(text.trim().parse::<i64>().unwrap_or_default()))
    }, {
        fn identity(params: &Self::Params, setting: &Setting) -> Result<Option<Digest>, StepError> {
            let path = setting.resolve(&params.path);
            let bytes = fs::read(&path)
                .map_err(|_| StepError::new("file-not-found", format!("there is no file `{}`", params.path)))?;
            Ok(Some(Digest::of(&bytes)))
        }
    }
);

step!(Add, "fake/add", { add: i64, sleep: u64 }, Ports::new().one("data", DOCUMENT).output("out", DOCUMENT),
    |params, inputs, context| {
        thread::sleep(Duration::from_millis(params.sleep));
        if params.add > 1000 {
            context.warn(Warning::new("large", "that is a lot").number("add", params.add as f64));
        }
        Ok(out(number(inputs, "data")? + params.add))
    }
);

step!(
    Parity,
    "fake/parity",
    {},
    Ports::new().one("data", DOCUMENT).output("out", DOCUMENT),
    |_params, inputs, context| Ok(out(number(inputs, "data")? % 2))
);

step!(
    Sum,
    "fake/sum",
    {},
    Ports::new().many("data", DOCUMENT).optional("extra", DOCUMENT).output("out", DOCUMENT),
    |_params, inputs, context| {
        let all = inputs.many::<Document>("data")?;
        let names: Vec<&String> = all.iter().map(|(name, _)| name).collect();
        let sum: i64 = all.iter().filter_map(|(_, value)| value.0.as_i64()).sum();
        let extra = inputs.optional::<Document>("extra")?.and_then(|value| value.0.as_i64()).unwrap_or_default();
        Ok(out(json!({"names": names, "sum": sum + extra})))
    }
);

step!(Pass, "fake/pass", { number: i64 }, Ports::new().one("data", DOCUMENT).output("out", DOCUMENT),
    |_params, inputs, context| {
        let artifact = inputs.artifact("data").cloned();
        let artifact = artifact.ok_or_else(|| StepError::new("missing-input", "nothing in port `data`"))?;
        Ok(Outputs { ports: [("out".to_owned(), artifact)].into() })
    }
);

step!(Slow, "fake/slow", { milliseconds: u64, heed: bool }, Ports::new().output("out", DOCUMENT),
    |params, _inputs, context| {
        let end = Instant::now() + Duration::from_millis(params.milliseconds);
        let mut done = 0;
        while Instant::now() < end {
            thread::sleep(Duration::from_millis(2));
            done += 1;
            if params.heed {
                context.progress(done, 0, "sleeping")?;
            }
        }
        fs::write(context.scratch.join("left-over"), "x").map_err(StepError::io)?;
        Ok(out(params.milliseconds))
    }
);

step!(Flaky, "fake/flaky", { failures: u64 }, Ports::new().output("out", DOCUMENT),
    |params, _inputs, context| {
        let log = fs::read_to_string(context.setting.resolve("executions.log")).unwrap();
        let tries = log.lines().filter(|line| *line == context.step).count() as u64;
        if tries <= params.failures {
            return Err(StepError::new("flaky", format!("attempt {tries} failed")).help("try again"));
        }
        Ok(out(tries))
    }
);

step!(Panics, "fake/panics", {}, Ports::new().output("out", DOCUMENT), |_params, _inputs, context| panic!(
    "row {} is not there",
    7
));

step!(Effect, "fake/effect", { path: String }, Ports::new().one("data", DOCUMENT).output("out", DOCUMENT),
    |params, inputs, context| {
        let value = number(inputs, "data")?;
        fs::write(context.setting.resolve(&params.path), value.to_string()).map_err(StepError::io)?;
        Ok(out(value))
    }, {
        const HAS_EFFECT: bool = true;
        fn still_holds(params: &Self::Params, outputs: &Outputs, context: &Context<'_>) -> Result<bool, StepError> {
            let expected = outputs.get::<Document>("out").map(|value| value.0.to_string());
            Ok(fs::read_to_string(context.setting.resolve(&params.path)).ok() == expected)
        }
    }
);

step!(Gate, "fake/gate", { at_most: i64 }, Ports::new().one("data", DOCUMENT).output("out", DOCUMENT),
    |params, inputs, context| {
        let value = number(inputs, "data")?;
        if value > params.at_most {
            let message = format!("{value} is more than {}", params.at_most);
            return Err(StepError::refusal("gate-refused", message, out(json!({"judged": value}))));
        }
        Ok(out(json!({"judged": value})))
    }
);

step!(Secret, "fake/secret", { password: String, tell: bool }, Ports::new().output("out", DOCUMENT),
    |params, _inputs, context| {
        if params.tell {
            let line = format!("cannot log in with {}", params.password);
            context.monitor.log(&line);
            context.warn(Warning::new("login", line.clone()));
            return Err(StepError::new("login", line.clone()).help(line));
        }
        Ok(out(params.password.len()))
    }
);

step!(Chatty, "fake/chatty", { units: u64 }, Ports::new().output("out", DOCUMENT),
    |params, _inputs, context| {
        for done in 1..=params.units {
            context.progress(done, params.units, "talking")?;
        }
        Ok(out(1))
    }
);

step!(
    Judge,
    "fake/judge",
    {},
    Ports::new().one("data", DOCUMENT).output("out", &[Kind::Evaluation]),
    |_params, inputs, context| {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let value = number(inputs, "data")? as f64;
        let measured =
            |value: f64| Measured { value, low: value - 1.0, high: value + 1.0, level: 0.95, method: "t".into() };
        let model = JudgedModel {
            digest: Digest::of(b"model"),
            estimator: "linear".into(),
            metrics: [("rmse".to_owned(), measured(value))].into(),
            resampled: BTreeMap::new(),
            importance: Vec::new(),
            pictures: Pictures::default(),
            details: Details::default(),
        };
        Ok(Outputs::one(
            "out",
            Evaluation {
                task: Task::Regression,
                target: "y".into(),
                classes: Vec::new(),
                part: "test".into(),
                rows: 1,
                decided_by: "rmse".into(),
                best: "model".into(),
                models: [("model".to_owned(), model)].into(),
                baselines: BTreeMap::new(),
                gates: Vec::new(),
                slices: Vec::new(),
                comparisons: Vec::new(),
                champion: None,
            },
        ))
    }
);

step!(Always, "fake/always", {}, Ports::new().output("out", DOCUMENT), |_params, _inputs, context| Ok(out(1)), {
    const ALWAYS_RUNS: bool = true;
});

step!(Register, "fake/register", { name: String },
    Ports::new().one("data", DOCUMENT).output("out", &[Kind::Release]),
    |params, inputs, context| {
        let model = inputs.artifact("data").unwrap().digest;
        let version = context.models.register(&params.name, model, json!({}))?;
        context.models.set_alias(&params.name, "champion", version)?;
        Ok(Outputs::one("out", Release { name: params.name.clone(), version, alias: Some("champion".into()), model }))
    }, {
        const HAS_EFFECT: bool = true;
        fn still_holds(params: &Self::Params, outputs: &Outputs, context: &Context<'_>) -> Result<bool, StepError> {
            let release = outputs.get::<Release>("out");
            let there = context.models.resolve(&params.name, "champion")?;
            Ok(release.zip(there).is_some_and(|(release, there)| (release.version, release.model) == there))
        }
    }
);

step!(Bulky, "fake/bulky", { refuse: bool }, Ports::new().output("out", &[Kind::Table]),
    |params, _inputs, context| {
        Ok(Outputs::default().and("out", Arc::new(Bulk { refuse: params.refuse })))
    }
);

/// A value that may refuse to be kept, as on a full disk.
#[derive(Debug)]
struct Bulk {
    refuse: bool,
}

const BULK: Codec = Codec { kind: Kind::Table, decode: |_| Ok(Arc::new(Bulk { refuse: false })) };

impl Value for Bulk {
    fn kind(&self) -> Kind {
        Kind::Table
    }
    fn digest(&self) -> Digest {
        Digest::of(&[u8::from(self.refuse)])
    }
    fn outline(&self) -> Outline {
        Outline::Document
    }
    fn bytes(&self) -> u64 {
        1
    }
    fn encode(&self, keeper: &mut dyn Keeper) -> Result<(), StepError> {
        if self.refuse {
            return Err(StepError::new("disk-full", "no space left on the disk").help("free some space"));
        }
        keeper.file("bulk", &mut |writer| writer.write_all(b"bulk").map_err(StepError::io))
    }
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
    fn into_any(self: Arc<Self>) -> Arc<dyn std::any::Any + Send + Sync> {
        self
    }
}
