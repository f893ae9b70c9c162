//! Counters, as Prometheus reads them. Handles are made once, so that counting is one addition. One registry each: two
//! servers in one process do not share them. Labels are classes, never names: anybody may read what is counted.

use crate::budget::{Budget, Share};
use crate::waiting::Waiting;
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
    pub(crate) connections: Gauge,
    memory: Vec<(Share, OfShare)>,
    waiting_bodies: [OfWaiting; 2],
}

/// What is said of a share of the memory budget.
struct OfShare {
    limit: Gauge,
    in_use: Gauge,
    waited: Counter,
    refused: Counter,
}

/// What is said of places in which bodies are awaited.
struct OfWaiting {
    taken: Gauge,
    gave_way: Counter,
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
        describe("deedbox_memory_waits_total", "Requests that waited for memory, by what the memory is for.");
        describe("deedbox_memory_refused_total", "Requests that waited for memory in vain and were refused.");
        describe("deedbox_bodies_given_way_total", "Awaited bodies that gave their place to another one.");
        let of = |name: &'static str, kind: &'static str| {
            recorder.register_gauge(&Key::from_parts(name, vec![Label::new("kind", kind)]), &metadata)
        };
        let counter_of = |name: &'static str, kind: &'static str| counter(name, vec![Label::new("kind", kind)]);
        let memory = Share::ALL.map(|share| {
            let limit = of("deedbox_memory_limit_bytes", share.name());
            let in_use = of("deedbox_memory_bytes", share.name());
            let waited = counter_of("deedbox_memory_waits_total", share.name());
            let refused = counter_of("deedbox_memory_refused_total", share.name());
            (share, OfShare { limit, in_use, waited, refused })
        });
        let waiting_bodies = ["short", "upload"].map(|kind| OfWaiting {
            taken: of("deedbox_bodies_awaited", kind),
            gave_way: counter_of("deedbox_bodies_given_way_total", kind),
        });
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
            connections: gauge("deedbox_connections"),
            memory: memory.into(),
            waiting_bodies,
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

    /// How much memory is held, and who waits for what.
    pub(crate) fn hold(&self, budget: &Budget, waiting: [&Waiting; 2]) {
        for (share, of) in &self.memory {
            of.limit.set(budget.limit(*share) as f64);
            of.in_use.set(budget.in_use(*share) as f64);
            of.waited.absolute(budget.waited(*share));
            of.refused.absolute(budget.refused(*share));
        }
        for (of, waiting) in self.waiting_bodies.iter().zip(waiting) {
            of.taken.set(waiting.taken() as f64);
            of.gave_way.absolute(waiting.gave_way());
        }
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
