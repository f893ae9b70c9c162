//! Refusals as they are answered (spec/api.md §1): one JSON shape, a stable code, words for people.

use crate::headers::{UPLOAD_OFFSET, own_headers, value};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use deedbox_authority::Refusal;
use deedbox_intake::IntakeRefusal;
use deedbox_ledger::SubmitError;
use deedbox_model::{Defect, EventId};
use deedbox_store::{InFull, StoreError};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

/// Seconds after which a caller may come back.
const RETRY_AFTER_S: u64 = 1;

/// An answer that says no.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    message: String,
    extra: Option<(&'static str, Value)>,
    /// Not all of the request was read: its connection ends with the answer.
    is_unread: bool,
}

impl Refused {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Refused { status, code, message: message.into(), extra: None, is_unread: false }
    }
    /// In words.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }
    /// The same for a request whose body was not read, or not to its end.
    pub(crate) fn unread(self) -> Self {
        Refused { is_unread: true, ..self }
    }
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }
    pub(crate) fn not_acceptable(offered: &[&str]) -> Self {
        Self::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", format!("the Accept header takes none of {}", offered.join(", ")))
    }
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }
    pub(crate) fn unprocessable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }
    pub(crate) fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }
    pub(crate) fn timed_out(after: std::time::Duration, words: &str) -> Self {
        Self::unavailable("timeout", format!("no answer within {after:?}; {words}"))
    }
    pub(crate) fn too_large(what: &str, limit: u64) -> Self {
        let refused = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("{what} is larger than {limit} bytes"));
        Refused { extra: Some(("limit", json!(limit))), ..refused }
    }
    pub(crate) fn head_too_large() -> Self {
        let limit = crate::limits::HEADER_BYTES;
        let refused = Self::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "too_large",
            format!("request line and headers are larger than {limit} bytes"),
        );
        Refused { extra: Some(("limit", json!(limit))), ..refused }
    }
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "this program is at fault; nothing is wrong with the request")
    }
    fn stale_prev(message: String, head: Option<EventId>) -> Self {
        let refused = Self::new(StatusCode::CONFLICT, "stale_prev", message);
        Refused { extra: Some(("head", head.map_or(Value::Null, |id| json!(id.to_hex())))), ..refused }
    }
    fn permit(message: String) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "permit", message)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::StalePrev { head, .. } => Self::stale_prev(message, head),
            other => Self::unprocessable(other.code(), message),
        }
    }
}

impl From<IntakeRefusal> for Refused {
    fn from(refusal: IntakeRefusal) -> Self {
        let (code, message) = (refusal.code(), refusal.to_string());
        match refusal {
            IntakeRefusal::Authority(refusal) => refusal.into(),
            IntakeRefusal::Permit(_) => Self::permit(message),
            IntakeRefusal::Budget { .. } | IntakeRefusal::BudgetObjects { .. } => Self::new(StatusCode::TOO_MANY_REQUESTS, code, message),
            IntakeRefusal::UnderWay { .. } => Self::new(StatusCode::CONFLICT, code, message),
            IntakeRefusal::UploadOffset { offset, .. } => {
                Refused { extra: Some(("offset", json!(offset))), ..Self::new(StatusCode::CONFLICT, code, message) }
            }
            IntakeRefusal::ObjectTooLarge { limit, .. } => {
                let refused = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", message);
                Refused { extra: Some(("limit", json!(limit))), ..refused }
            }
            IntakeRefusal::Store(error) => error.into(),
            IntakeRefusal::Defect(defect) => defect.into(),
            _ => Self::unprocessable(code, message),
        }
    }
}

impl From<SubmitError> for Refused {
    fn from(error: SubmitError) -> Self {
        let message = error.to_string();
        match error {
            SubmitError::Refused(refusal) => refusal.into(),
            SubmitError::Busy => Self::unavailable("busy", message),
            SubmitError::Store(_) => Self::unavailable("store", message),
            SubmitError::Undecided(_) => Self::unavailable("undecided", message),
            SubmitError::Stopped => Self::unavailable("stopping", message),
            SubmitError::Defect(_) => {
                tracing::error!(error = %message, "a defect kept a statement from being judged");
                Self::internal()
            }
        }
    }
}

/// What a store says names files and addresses of this machine: for the log, not for a stranger.
impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        // An error of the store displays nothing of this machine: how the disk fails is what a publisher may know.
        tracing::error!(error = %InFull(&error), "the store failed");
        Self::unavailable("store", format!("the registry's store failed ({error}), and nothing was accepted"))
    }
}

impl From<Defect> for Refused {
    fn from(defect: Defect) -> Self {
        tracing::error!(%defect, "a row or a projection is at fault");
        Self::internal()
    }
}

impl Refused {
    /// The JSON.
    pub(crate) fn body(&self) -> Vec<u8> {
        let mut error = Map::new();
        error.insert("code".to_owned(), json!(self.code));
        error.insert("message".to_owned(), json!(self.message));
        error.insert("help".to_owned(), json!(crate::codes::help(self.code)));
        if let Some((name, value)) = &self.extra {
            error.insert((*name).to_owned(), value.clone());
        }
        let mut body = json!({ "error": error }).to_string().into_bytes();
        body.push(b'\n');
        body
    }
}

impl Refused {
    /// What is told to a projection that says it in its clients' shape.
    pub(crate) fn told(&self) -> deedbox_view::Refused<'_> {
        let (status, code) = (self.status.as_u16(), self.code);
        deedbox_view::Refused { status, code, message: &self.message, help: crate::codes::help(code) }
    }

    /// The answer, with media type, body and headers of a projection's if it gave some.
    pub(crate) fn shaped(&self, shape: Option<deedbox_view::Response>) -> Response {
        let (media_type, body, own) = match shape {
            None => (HeaderValue::from_static("application/json"), self.body(), HeaderMap::new()),
            Some(shape) => {
                let own = own_headers(&shape.headers);
                let body = match shape.body {
                    deedbox_view::Body::Bytes(bytes) => bytes,
                    deedbox_view::Body::Empty | deedbox_view::Body::Object(_) => Vec::new(),
                };
                (value(&shape.media_type), body, own)
            }
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        *response.headers_mut() = own;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, media_type);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.is_unread {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(("offset", Value::Number(offset))) = &self.extra {
            headers.insert(UPLOAD_OFFSET, value(&offset.to_string()));
        }
        match self.status {
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Deedbox"));
            }
            _ => {}
        }
        response
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.shaped(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What no request can provoke at will: the pool has 16,384 places, and who is connected when a registry stops is
    /// answered first.
    #[test]
    fn what_the_writer_says_when_it_is_full_or_ends_has_its_status_and_words() {
        for (error, status, code) in [
            (SubmitError::Busy, 503, "busy"),
            (SubmitError::Stopped, 503, "stopping"),
            (SubmitError::Undecided(2), 503, "undecided"),
            (SubmitError::Store("the disk is full".to_owned()), 503, "store"),
            (SubmitError::Defect("row x".to_owned()), 500, "internal"),
            (SubmitError::Refused(Refusal::AlreadyLogged { index: 7 }), 422, "already_logged"),
        ] {
            let refused = Refused::from(error);
            assert_eq!((refused.status.as_u16(), refused.code), (status, code));
            let body: Value = serde_json::from_slice(&refused.body()).unwrap();
            assert!(body["error"]["help"].as_str().unwrap().contains(' '), "{body}");
            assert!(!body.to_string().contains("row x"), "what is wrong inside is for the operator");
        }
    }
}
