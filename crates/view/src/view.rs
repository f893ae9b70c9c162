//! What answers: the half of a projection that reads rows (spec/projections/README.md §4). Reads nothing itself, and writes nothing at all.

use crate::question::Question;
use crate::request::{Method, Request, Takes};
use crate::response::{Refused, Response};
use deedbox_model::ProjectionId;

/// What answers from the rows of one generation.
pub trait View: Send + Sync {
    /// The generation whose rows it reads: the id of what folds them.
    fn reads(&self) -> ProjectionId;

    /// The URL path prefixes that it answers under, each with slashes at both ends: `/npm/`.
    fn mounts(&self) -> &'static [&'static str];

    /// What it takes of a request beside its method, mount and path. Said from these alone, before a body is read: the
    /// shell drops the rest, and looks for a kept answer before `parse`. By default everything.
    fn takes(&self, _method: Method, _mount: &'static str, _path: &str) -> Takes {
        Takes::EVERYTHING
    }

    /// Reads a request, once. Whatever it is, it is a question: one that cannot be answered is answered with a refusal in words.
    fn parse(&self, request: &Request) -> Box<dyn Question>;

    /// A refusal of the shell's own below its mounts, in the shape that its clients read: media type, body and headers of
    /// this; the status stays the shell's. None: the shell's own shape.
    fn refuse(&self, _refused: &Refused<'_>) -> Option<Response> {
        None
    }
}
