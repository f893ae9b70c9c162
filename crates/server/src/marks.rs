//! What a handler tells the dispatcher about the body of its answer, as marks on the answer: that it comes from the store while it is sent,
//! or that its bytes have their weight already. Weighs nothing itself.

use axum::response::Response;

/// Marks an answer whose body comes from the store while it is sent.
#[derive(Debug, Clone, Copy)]
struct Streams;

/// Marks an answer whose bytes have their weight already.
#[derive(Debug, Clone, Copy)]
struct Weighed;

/// Says that the body of an answer comes from the store while it is sent.
pub(crate) fn streamed(mut response: Response) -> Response {
    response.extensions_mut().insert(Streams);
    response
}
/// Whether it does.
pub(crate) fn is_streamed(response: &Response) -> bool {
    response.extensions().get::<Streams>().is_some()
}

/// Says that the bytes of an answer have their weight.
pub(crate) fn weighed(mut response: Response) -> Response {
    response.extensions_mut().insert(Weighed);
    response
}
/// Whether they have.
pub(crate) fn is_weighed(response: &Response) -> bool {
    response.extensions().get::<Weighed>().is_some()
}
