//! `/log/…`: checkpoint, verifier key, tiles and entry bundles as files (spec/api.md §2).

use crate::app::App;
use crate::refusal::Refused;
use crate::reply::Plain;
use axum::extract::State;
use axum::response::Response;
use deedbox_tlog::{BundleId, TileId};
use deedbox_view::Cache;
use http::{HeaderMap, HeaderValue, Method, Uri, header};
use std::sync::Arc;

const TEXT: &str = "text/plain; charset=utf-8";

/// GET and HEAD below `/log/`.
pub(crate) async fn get(State(app): State<Arc<App>>, method: Method, uri: Uri, headers: HeaderMap) -> Result<Response, Refused> {
    let path = uri.path().strip_prefix("/log/").unwrap_or_default();
    let plain = match path {
        "checkpoint" => {
            let checkpoint = app.log.head().checkpoint.ok_or_else(|| Refused::not_found("the log has no entry yet"))?;
            Plain::new(TEXT, checkpoint.to_string(), Cache::Revalidate)
        }
        "log.vkey" => Plain::new(TEXT, format!("{}\n", app.vkey), Cache::Revalidate),
        _ => {
            let nothing = || Refused::not_found("the published tree has no such file");
            let bytes = if path.starts_with("tile/entries/") {
                app.log.bundle(BundleId::parse(path).map_err(|_| nothing())?).await?
            } else {
                app.log.tile(TileId::parse(path).map_err(|_| nothing())?).await?
            };
            Plain::new("application/octet-stream", bytes.ok_or_else(nothing)?, Cache::Immutable)
        }
    };
    Ok(plain.with(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")).answer(&method, &headers))
}
