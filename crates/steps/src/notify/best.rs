//! `notify/best`: tells others which model is best.
//!
//! A line in the log, and a CloudEvents 1.0 event (structured JSON) sent to a webhook, signed: the header
//! `X-Trainyard-Signature` holds `v1,` and the base64 HMAC-SHA256, under the shared secret, of
//! `<X-Trainyard-Delivery-Id>.<X-Trainyard-Timestamp>.<body>`. A receiver that answers with an error or not at all is
//! tried three times; then the step fails.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use trainyard_core::{
    Context, Hasher, Inputs, Kind, Outline, Outlines, Outputs, Ports, Problem, Setting, Step, StepError,
    artifact::Document,
    evaluation::{Evaluation, Release},
};

/// Where to send the event.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// An `http://` or `https://` address.
    pub url: String,
    /// The shared secret of the signature; write it as `${env.NAME}`.
    #[serde(default)]
    pub secret: Option<String>,
    /// Seconds to wait for an answer (1 to 300); 10 when absent.
    #[serde(default)]
    pub timeout: Option<u64>,
}

/// Whom to tell.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// Receivers of the event; the log is always told.
    pub webhooks: Vec<Webhook>,
}

/// Broadcasts the best model.
pub struct Best;

impl Step for Best {
    const NAME: &'static str = "notify/best";
    const VERSION: u32 = 1;
    const ABOUT: &'static str = "tells others which model is best: log, signed webhook";
    const EXAMPLES: &'static [&'static str] =
        &["{}", r#"{"webhooks": [{"url": "https://example.org/hook", "secret": "${env.HOOK_SECRET}"}]}"#];
    type Params = Params;
    type Checked = Params;

    fn ports(_: &Params) -> Ports {
        Ports::new()
            .one("data", &[Kind::Evaluation])
            .optional("release", &[Kind::Release])
            .output("event", &[Kind::Document])
    }

    fn check(params: Params, _: &Outlines, _: &Setting) -> Result<(Params, Outlines), Vec<Problem>> {
        let mut problems = Vec::new();
        for (index, webhook) in params.webhooks.iter().enumerate() {
            let index = index.to_string();
            // A secret in the address stands as a placeholder until the step runs.
            if !["http://", "https://", "${env."].iter().any(|start| webhook.url.starts_with(start)) {
                let message = format!("`{}` is no address: expected http:// or https://", webhook.url);
                problems.push(Problem::error("bad-url", message).at(["webhooks", &index, "url"]));
            }
            if webhook.timeout.is_some_and(|seconds| !(1..=300).contains(&seconds)) {
                let message = "`timeout` must be 1 to 300 seconds";
                problems.push(Problem::error("out-of-range", message).at(["webhooks", &index, "timeout"]));
            }
        }
        if problems.is_empty() { Ok((params, Outlines::output("event", Outline::Document))) } else { Err(problems) }
    }

    fn run(params: &Params, inputs: &Inputs, context: &Context<'_>) -> Result<Outputs, StepError> {
        let evaluation = inputs.one::<Evaluation>("data")?;
        let release = inputs.optional::<Release>("release")?;
        let verdict = verdict(&evaluation, release.as_deref());
        let event = event(&verdict, &evaluation.best, context);
        context.monitor.log(&sentence(&evaluation, release.as_deref()));
        for webhook in &params.webhooks {
            deliver(webhook, &event, context)?;
        }
        // The verdict alone: the delivery's time and id would make equal work differ.
        Ok(Outputs::one("event", Document(verdict)))
    }
}

fn sentence(evaluation: &Evaluation, release: Option<&Release>) -> String {
    let metric = &evaluation.decided_by;
    let measured = evaluation.models.get(&evaluation.best).and_then(|model| model.metrics.get(metric));
    let number = measured.map_or_else(String::new, |measured| {
        format!(": {metric} {:.5} ({:.5} to {:.5})", measured.value, measured.low, measured.high)
    });
    let version =
        release.map_or_else(String::new, |release| format!(", registered as {} {}", release.name, release.version));
    format!("best model `{}`{number} on {} rows{version}", evaluation.best, evaluation.rows)
}

fn verdict(evaluation: &Evaluation, release: Option<&Release>) -> serde_json::Value {
    let best = evaluation.models.get(&evaluation.best);
    serde_json::json!({
        "step": evaluation.best,
        "model": best.map(|model| model.digest),
        "estimator": best.map(|model| &model.estimator),
        "target": evaluation.target,
        "task": evaluation.task,
        "decided_by": evaluation.decided_by,
        "metrics": best.map(|model| &model.metrics),
        "rows": evaluation.rows,
        "release": release,
    })
}

fn event(verdict: &serde_json::Value, best: &str, context: &Context<'_>) -> serde_json::Value {
    let time = chrono::DateTime::from_timestamp_millis(context.monitor.now())
        .map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
    let mut data = verdict.clone();
    data["run"] = context.run.into();
    data["pipeline"] = context.pipeline.into();
    serde_json::json!({
        "specversion": "1.0",
        "id": Hasher::new("event").part(context.run.as_bytes()).part(context.step.as_bytes()).digest().short(),
        "source": format!("/pipelines/{}", context.pipeline),
        "type": "org.trainyard.model.best.v1",
        "subject": best,
        "time": time,
        "datacontenttype": "application/json",
        "data": data,
    })
}

/// The signature of a delivery; a receiver computes the same.
#[must_use]
pub fn signature(secret: &str, delivery: &str, timestamp: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(format!("{delivery}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

fn deliver(webhook: &Webhook, event: &serde_json::Value, context: &Context<'_>) -> Result<(), StepError> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(webhook.timeout.unwrap_or(10))))
        .max_redirects(0)
        .build()
        .into();
    let body = event.to_string();
    let delivery = event["id"].as_str().unwrap_or_default().to_owned();
    let timestamp = (context.monitor.now() / 1000).to_string();
    let mut last = String::new();
    for attempt in 0..3_u32 {
        context.progress(u64::from(attempt), 3, "delivering")?;
        if attempt > 0 {
            std::thread::sleep(Duration::from_millis(250 << attempt));
        }
        let mut request = agent
            .post(&webhook.url)
            .header("Content-Type", "application/cloudevents+json; charset=utf-8")
            .header("X-Trainyard-Delivery-Id", &delivery)
            .header("X-Trainyard-Timestamp", &timestamp);
        if let Some(secret) = &webhook.secret {
            request = request.header("X-Trainyard-Signature", signature(secret, &delivery, &timestamp, &body));
        }
        match request.send(&body) {
            Ok(_) => return Ok(()),
            Err(error) => last = error.to_string(),
        }
    }
    // Not the address itself: it may hold a secret.
    Err(StepError::new("webhook-failed", format!("the receiver could not be told: {last}"))
        .help("three tries were made; is the address right and the receiver up?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_is_hmac_sha256() {
        // python3: base64.b64encode(hmac.new(b"secret", b"id.1700000000.{}", "sha256").digest())
        assert_eq!(signature("secret", "id", "1700000000", "{}"), PYTHON);
    }

    const PYTHON: &str = "v1,GBemBzTgbKoVEGKycqyY3615LbdJbhFLE1oQk+zZ+lo=";
}
