//! Counters and latencies in the text format of Prometheus (version 0.0.4), under our own names and under those that the
//! dashboards of Seldon Core, KServe and MLServer read.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// Upper bounds of the latency buckets, in seconds.
const BOUNDS: [f64; 16] = [
    0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
];

/// How long requests took.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    /// Requests in each bucket alone; the last is beyond all bounds.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

impl Latency {
    pub(crate) fn record(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        self.buckets[BOUNDS.partition_point(|bound| *bound < seconds)].fetch_add(1, Relaxed);
        self.nanoseconds.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Relaxed);
    }

    fn seconds(&self) -> f64 {
        Duration::from_nanos(self.nanoseconds.load(Relaxed)).as_secs_f64()
    }

    fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Relaxed)).sum()
    }

    fn write(&self, out: &mut String, name: &str, labels: &str) {
        let mut total = 0;
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS.iter().map(f64::to_string).chain(["+Inf".to_owned()])) {
            total += bucket.load(Relaxed);
            line(out, &format!("{name}_bucket"), &format!("{labels},le=\"{bound}\""), total);
        }
        line(out, &format!("{name}_sum"), labels, self.seconds());
        line(out, &format!("{name}_count"), labels, total);
    }
}

/// What is counted of a version of a model.
#[derive(Debug, Default)]
pub(crate) struct ModelMetrics {
    /// Requests that were answered, and how long each took from its body to its answer.
    pub(crate) answered: Latency,
    /// Requests at fault themselves.
    pub(crate) refused: AtomicU64,
    /// Requests that the model failed.
    pub(crate) failed: AtomicU64,
    /// Rows that were predicted.
    pub(crate) rows: AtomicU64,
    /// Rows that were predicted beside another version, without being answered.
    pub(crate) shadow_rows: AtomicU64,
    /// Of those, the rows whose prediction differs from the answered one.
    pub(crate) shadow_differences: AtomicU64,
    /// Requests that were not mirrored because the shadow could not keep up.
    pub(crate) shadow_skipped: AtomicU64,
}

impl ModelMetrics {
    /// How it did so far.
    pub(crate) fn tally(&self) -> Tally {
        let unanswered = self.refused.load(Relaxed) + self.failed.load(Relaxed);
        Tally { answered: self.answered.count(), seconds: self.answered.seconds(), unanswered }
    }
}

/// How a version did, from its loading or between two moments.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    answered: u64,
    /// Spent on the answered requests.
    seconds: f64,
    pub(crate) unanswered: u64,
}

impl Tally {
    /// What came after `before`.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            answered: self.answered.saturating_sub(before.answered),
            seconds: (self.seconds - before.seconds).max(0.0),
            unanswered: self.unanswered.saturating_sub(before.unanswered),
        }
    }

    /// Requests that ended, answered or not.
    pub(crate) const fn ended(self) -> u64 {
        self.answered + self.unanswered
    }

    /// Seconds an answered request took on average; 0 of none.
    pub(crate) fn mean(self) -> f64 {
        self.seconds / self.answered.max(1) as f64
    }
}

/// What is counted of the server as a whole.
#[derive(Debug, Default)]
pub(crate) struct ServerMetrics {
    /// Requests being answered now.
    pub(crate) in_flight: AtomicU64,
    /// Requests turned away because there were too many at once.
    pub(crate) turned_away: AtomicU64,
    /// Connections that are open.
    pub(crate) connections: AtomicU64,
    /// Connections turned away because there were too many.
    pub(crate) connections_refused: AtomicU64,
    /// Models that were loaded, and that could not be.
    pub(crate) loads: AtomicU64,
    /// Models that could not be loaded.
    pub(crate) failed_loads: AtomicU64,
    /// Rows written to the request log.
    pub(crate) logged_rows: AtomicU64,
    /// Rows meant for the request log that it could not take.
    pub(crate) unlogged_rows: AtomicU64,
    spans: AtomicU64,
}

impl ServerMetrics {
    /// A span's name that no other request of this server has: never 0.
    pub(crate) fn next_span(&self) -> u64 {
        // An odd multiplier makes different numbers of different numbers.
        (self.spans.fetch_add(1, Relaxed) + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

/// Writes all metrics; `models` are the loaded versions by name and version.
pub(crate) fn render<'m>(
    server: &ServerMetrics,
    models: impl Iterator<Item = (&'m str, u64, &'m ModelMetrics)> + Clone,
) -> String {
    let mut out = String::with_capacity(8 << 10);
    let gauges = [
        ("trainyard_requests_in_flight", "requests being answered", &server.in_flight),
        ("trainyard_connections", "open connections", &server.connections),
    ];
    for (name, help, value) in gauges {
        head(&mut out, name, help, "gauge");
        line(&mut out, name, "", value.load(Relaxed));
    }
    let counters = [
        ("trainyard_requests_turned_away_total", "requests beyond the limit", &server.turned_away),
        ("trainyard_connections_refused_total", "connections beyond the limit", &server.connections_refused),
        ("trainyard_model_loads_total", "models loaded", &server.loads),
        ("trainyard_model_load_failures_total", "models that could not be loaded", &server.failed_loads),
        ("trainyard_request_log_rows_total", "rows written to the request log", &server.logged_rows),
        ("trainyard_request_log_skipped_rows_total", "rows the request log could not take", &server.unlogged_rows),
        ("seldon_load_model_counter", "models loaded", &server.loads),
    ];
    for (name, help, value) in counters {
        head(&mut out, name, help, "counter");
        line(&mut out, name, "", value.load(Relaxed));
    }
    head(&mut out, "seldon_loaded_model_gauge", "loaded models", "gauge");
    line(&mut out, "seldon_loaded_model_gauge", "", models.clone().count());

    let own = |name: &str, version: u64| format!("model=\"{}\",version=\"{version}\"", escaped(name));
    let seldon = |name: &str, version: u64| {
        format!(
            "model=\"{}\",model_internal=\"{}_{version}\",method_type=\"rest\",code=\"200\"",
            escaped(name),
            escaped(name)
        )
    };
    let kserve = |name: &str, _: u64| format!("model_name=\"{}\"", escaped(name));
    let mlserver = |name: &str, version: u64| format!("model=\"{}\",version=\"{version}\"", escaped(name));
    type Count = fn(&ModelMetrics) -> f64;
    type Label<'l> = &'l dyn Fn(&str, u64) -> String;
    let answered: Count = |metrics| metrics.answered.count() as f64;
    let bad: Count = |metrics| metrics.tally().unanswered as f64;
    let counted: [(&str, &str, Label<'_>, Count); 10] = [
        ("trainyard_rows_predicted_total", "rows predicted", &own, |m| m.rows.load(Relaxed) as f64),
        ("trainyard_requests_refused_total", "requests at fault themselves", &own, |m| m.refused.load(Relaxed) as f64),
        ("trainyard_requests_failed_total", "requests the model failed", &own, |m| m.failed.load(Relaxed) as f64),
        ("trainyard_shadow_rows_total", "rows predicted in the shadow", &own, |m| m.shadow_rows.load(Relaxed) as f64),
        ("trainyard_shadow_differences_total", "shadow rows predicted otherwise", &own, |m| {
            m.shadow_differences.load(Relaxed) as f64
        }),
        ("trainyard_shadow_skipped_total", "requests that were not mirrored", &own, |m| {
            m.shadow_skipped.load(Relaxed) as f64
        }),
        ("seldon_model_infer_total", "requests answered", &seldon, answered),
        ("seldon_model_infer_seconds_total", "seconds spent answering", &seldon, |m| m.answered.seconds()),
        ("model_infer_request_success_total", "requests answered", &mlserver, answered),
        ("model_infer_request_failure_total", "requests not answered", &mlserver, bad),
    ];
    for (name, help, labels, count) in counted {
        head(&mut out, name, help, "counter");
        for (model, version, metrics) in models.clone() {
            line(&mut out, name, &labels(model, version), count(metrics));
        }
    }
    let latencies: [(&str, Label<'_>); 4] = [
        ("trainyard_request_seconds", &own),
        ("seldon_model_infer_api_seconds", &seldon),
        ("model_infer_request_duration", &mlserver),
        ("request_predict_seconds", &kserve),
    ];
    for (name, labels) in latencies {
        head(&mut out, name, "seconds from a request's body to its answer", "histogram");
        let mut seen = "";
        for (model, version, metrics) in models.clone() {
            // Labels without a version would name a model twice: its newest version, which comes first, stands for it.
            if name == "request_predict_seconds" && std::mem::replace(&mut seen, model) == model {
                continue;
            }
            metrics.answered.write(&mut out, name, &labels(model, version));
        }
    }
    out
}

fn head(out: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, labels: &str, value: impl std::fmt::Display) {
    let _ =
        if labels.is_empty() { writeln!(out, "{name} {value}") } else { writeln!(out, "{name}{{{labels}}} {value}") };
}

fn escaped(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_counts_from_a_moment_on() {
        let model = ModelMetrics::default();
        model.refused.fetch_add(7, Relaxed);
        model.answered.record(Duration::from_secs(9));
        let before = model.tally();
        assert_eq!((before.ended(), before.unanswered, before.mean()), (8, 7, 9.0));
        model.failed.fetch_add(1, Relaxed);
        model.answered.record(Duration::from_secs(1));
        let after = model.tally().since(before);
        assert_eq!((after.ended(), after.unanswered, after.mean()), (2, 1, 1.0));
        // Counters that began anew say nothing, rather than something absurd.
        assert_eq!(Tally::default().since(before), Tally::default());
    }

    #[test]
    fn buckets_are_cumulative_and_labels_escaped() {
        let model = ModelMetrics::default();
        model.answered.record(Duration::from_micros(30));
        model.answered.record(Duration::from_micros(50));
        model.answered.record(Duration::from_secs(9));
        let text = render(&ServerMetrics::default(), [("a\"b", 2, &model)].into_iter());
        let has = |line: &str| assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
        has("trainyard_request_seconds_bucket{model=\"a\\\"b\",version=\"2\",le=\"0.000025\"} 0");
        has("trainyard_request_seconds_bucket{model=\"a\\\"b\",version=\"2\",le=\"0.00005\"} 2");
        has("trainyard_request_seconds_bucket{model=\"a\\\"b\",version=\"2\",le=\"+Inf\"} 3");
        has("trainyard_request_seconds_count{model=\"a\\\"b\",version=\"2\"} 3");
        has("trainyard_request_seconds_sum{model=\"a\\\"b\",version=\"2\"} 9.00008");
        has("request_predict_seconds_count{model_name=\"a\\\"b\"} 3");
    }
}
