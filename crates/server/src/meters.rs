//! Counters, as Prometheus reads them. Handles are made once, so that counting is one addition. One registry each: two
//! servers in one process do not share them. Labels are classes, never names: anybody may read what is counted.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder as _, SharedString, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::time::Duration;

/// What a request was about, for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `/log/`.
    Log,
    /// Reading events and proofs.
    Events,
    /// Appending.
    Append,
    /// Reading objects.
    Objects,
    /// Uploads.
    Upload,
    /// A projection.
    Projection,
    /// Everything else.
    Other,
}

impl Kind {
    const ALL: [Kind; 7] = [Kind::Log, Kind::Events, Kind::Append, Kind::Objects, Kind::Upload, Kind::Projection, Kind::Other];

    fn name(self) -> &'static str {
        match self {
            Kind::Log => "log",
            Kind::Events => "events",
            Kind::Append => "append",
            Kind::Objects => "objects",
            Kind::Upload => "upload",
            Kind::Projection => "projection",
            Kind::Other => "other",
        }
    }
}

/// Upper ends of the durations that are told apart, in seconds: an answer from memory, one that is made, a commit, one that
/// somebody waits for, and one that is given up.
const SECONDS: [f64; 7] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0];

/// How often what was measured is added up: until then it takes memory.
pub(crate) const UPKEEP_EVERY: Duration = Duration::from_secs(5);

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

struct OfKind {
    by_class: Vec<Counter>,
    seconds: Histogram,
}

/// All counters of one server.
pub(crate) struct Meters {
    handle: PrometheusHandle,
    kinds: Vec<OfKind>,
    pub(crate) answers_from_memory: Counter,
    pub(crate) answers_confirmed: Counter,
    pub(crate) answers_made: Counter,
    pub(crate) appended: Counter,
    pub(crate) refused: Counter,
    pub(crate) busy: Counter,
    pub(crate) uploaded_bytes: Counter,
    pub(crate) swept: Counter,
    pub(crate) tree_size: Gauge,
    pub(crate) folded: Gauge,
    pub(crate) waiting: Gauge,
    pub(crate) under_way: Gauge,
}

impl Meters {
    pub(crate) fn new() -> Self {
        let builder = PrometheusBuilder::new();
        // It fails on an empty list only, and then durations come as quantiles.
        let recorder = builder.set_buckets(&SECONDS).unwrap_or_default().build_recorder();
        let metadata = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));
        let describe = |name: &'static str, text: &'static str| {
            recorder.describe_counter(KeyName::from(name), Some(Unit::Count), SharedString::from(text));
        };
        let counter = |name: &'static str, labels: Vec<Label>| recorder.register_counter(&Key::from_parts(name, labels), &metadata);
        let gauge = |name: &'static str| recorder.register_gauge(&Key::from_name(name), &metadata);
        describe("deedbox_requests_total", "Requests by what they were about and by class of status.");
        let text = SharedString::from("Time until the head of the answer, by what the request was about.");
        recorder.describe_histogram(KeyName::from("deedbox_request_seconds"), Some(Unit::Seconds), text);
        describe("deedbox_answers_total", "Answers of projections: from memory, confirmed by their first rows, or made.");
        describe("deedbox_appended_total", "Statements appended.");
        describe("deedbox_refused_total", "Statements refused.");
        describe("deedbox_busy_total", "Requests turned away because too many were under way.");
        describe("deedbox_uploaded_bytes_total", "Bytes of finished uploads.");
        describe("deedbox_swept_total", "Objects and temporary files removed because nobody referred to them.");
        let kinds = Kind::ALL
            .into_iter()
            .map(|kind| {
                let label = || Label::new("kind", kind.name());
                let by_class = CLASSES
                    .into_iter()
                    .map(|class| counter("deedbox_requests_total", vec![label(), Label::new("status", class)]))
                    .collect();
                let key = Key::from_parts("deedbox_request_seconds", vec![label()]);
                OfKind { by_class, seconds: recorder.register_histogram(&key, &metadata) }
            })
            .collect();
        let answers = |how: &'static str| counter("deedbox_answers_total", vec![Label::new("how", how)]);
        Meters {
            kinds,
            answers_from_memory: answers("memory"),
            answers_confirmed: answers("confirmed"),
            answers_made: answers("made"),
            appended: counter("deedbox_appended_total", vec![]),
            refused: counter("deedbox_refused_total", vec![]),
            busy: counter("deedbox_busy_total", vec![]),
            uploaded_bytes: counter("deedbox_uploaded_bytes_total", vec![]),
            swept: counter("deedbox_swept_total", vec![]),
            tree_size: gauge("deedbox_tree_size"),
            folded: gauge("deedbox_folded"),
            waiting: gauge("deedbox_statements_waiting"),
            under_way: gauge("deedbox_requests_under_way"),
            handle: recorder.handle(),
        }
    }

    /// Counts a request.
    pub(crate) fn count(&self, kind: Kind, status: http::StatusCode, took: Duration) {
        let Some(of_kind) = self.kinds.get(kind as usize) else { return };
        if let Some(counter) = of_kind.by_class.get(usize::from(status.as_u16() / 100).saturating_sub(1)) {
            counter.increment(1);
        }
        of_kind.seconds.record(took);
    }

    /// Adds up what was measured since the last time.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// The text that Prometheus reads.
    pub(crate) fn render(&self) -> String {
        self.handle.render()
    }
}
