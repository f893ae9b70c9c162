//! The laws of every projection (spec/projections/README.md), tried on a log that a test has made: what a dialect's own tests bring is the
//! history and the requests.

use crate::folding::{Logged, Store};
use deedbox_model::Rows;
use deedbox_view::question::{MAX_SCAN, absent};
use deedbox_view::{Projection, Reads, Request, Resource, Response, Site, View};

/// Rows that grew in batches, or at once, are those that grew one by one. Gives them.
pub fn rows_from_increments_are_rows_from_zero<D: Projection + Default>(entries: &[Logged], batch: usize) -> Store<D> {
    let in_batches_of = |size: usize| {
        let mut store = Store::<D>::default();
        store.follow(entries, size);
        store
    };
    let one_by_one = in_batches_of(1);
    for size in [batch, entries.len().max(1)] {
        assert!(in_batches_of(size).rows == one_by_one.rows, "in batches of {size} the rows are others");
    }
    one_by_one
}

/// However few rows a scan gives at once, the answer is the same.
pub fn an_answer_is_the_same_however_few_rows_a_scan_gives<D: View>(store: &Store<D>, site: &Site, requests: &[Request], limit: u32) {
    for request in requests {
        assert_eq!(store.answer_at(site, request, limit), store.answer_at(site, request, MAX_SCAN), "{}", request.path);
    }
}

/// An answer that the shell keeps while the rows of its first round stay is the one that it would make (docs/decisions/0007).
pub fn an_answer_stays_while_the_first_rows_of_its_plan_stay<D: Projection + View + Default>(
    entries: &[Logged],
    site: &Site,
    requests: &[Request],
) {
    let mut store = Store::<D>::default();
    let ask = |store: &Store<D>, request: &Request| (first_rows(store, request), store.answer_at(site, request, MAX_SCAN));
    let mut kept: Vec<(Rows, Response)> = requests.iter().map(|request| ask(&store, request)).collect();
    for entry in entries {
        store.follow(std::slice::from_ref(entry), 1);
        for (request, kept) in requests.iter().zip(&mut kept) {
            let now = ask(&store, request);
            if now.0 == kept.0 {
                assert_eq!(now.1, kept.1, "{} changed behind its first rows", request.path);
            }
            *kept = now;
        }
    }
}

/// Whatever an answer has that it would not have without rows, it says what it tells of; and who may not read that gets what is given where
/// nothing is (docs/decisions/0017).
pub fn what_tells_of_something_says_so<D: View + Default>(store: &Store<D>, site: &Site, requests: &[Request]) {
    let nothing = Store::<D>::default();
    for request in requests {
        let question = store.projection.parse(request);
        let (answer, reads) = store.answer_with(question.as_ref(), site, MAX_SCAN);
        let hidden = absent(question.as_ref(), site).unwrap();
        assert_eq!(hidden, nothing.answer_at(site, request, MAX_SCAN), "{}", request.path);
        let told = question.resources(&reads).unwrap();
        let is_said = told.iter().any(|resource| *resource != Resource::Nothing);
        assert!(is_said || answer == hidden, "{} tells of something and does not say of what", request.path);
        assert!(question.resource().is_none_or(|known| told.contains(&known)), "{}: {told:?}", request.path);
    }
}

/// Without rows a path tells of these: `registry`, a domain, a package's id, or `nothing`, with a space between two.
pub fn each_path_says_what_it_tells_of<D: View + Default>(cases: &[(&str, &str)]) {
    let view = D::default();
    for (path, expected) in cases {
        let told = view.parse(&Request::get(view.mounts()[0], path)).resources(&Reads::default()).unwrap();
        let told: Vec<String> = told.iter().map(in_one_word).collect();
        assert_eq!(told.join(" "), *expected, "{path}");
    }
}

fn in_one_word(resource: &Resource) -> String {
    match resource {
        Resource::Nothing => "nothing".to_owned(),
        Resource::Registry => "registry".to_owned(),
        Resource::Domain(domain) => domain.to_string(),
        Resource::Package(id) => id.to_string(),
        Resource::Tree => "tree".to_owned(),
        Resource::Entries => "entries".to_owned(),
    }
}

fn first_rows<D: View>(store: &Store<D>, request: &Request) -> Rows {
    let mut reads = Reads::default();
    store.read(&store.projection.parse(request).plan(), MAX_SCAN, &mut reads);
    reads.rows
}
