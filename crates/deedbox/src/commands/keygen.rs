//! `deedbox keygen`: a new key, in a file that only its owner reads.

use crate::args::Keygen;
use crate::context::Context;
use crate::{keyfile, terminal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

#[derive(Serialize)]
struct Made {
    file: String,
    kid: String,
    key: String,
}

pub(crate) fn run(context: &Context, args: Keygen) -> anyhow::Result<()> {
    let path = args.out.map_or_else(|| context.key_path(), Ok)?;
    let key = keyfile::make(&path)?;
    let public = key.public();
    let made = Made { file: path.display().to_string(), kid: public.id().to_hex(), key: STANDARD.encode(public.to_bytes()) };
    if context.json {
        return terminal::say_json(&made);
    }
    terminal::say(&format!(
        "made the key {}\n  in {} (only you can read it; keep a copy somewhere safe)",
        made.kid,
        terminal::word(&made.file)
    ));
    let at = context.url_if_given().ok().flatten().map(|url| format!(" --registry {url}")).unwrap_or_default();
    terminal::say(&format!("  its public half is {}", made.key));
    terminal::say(&format!("  next: deedbox claim YOUR-DOMAIN{at}"));
    Ok(())
}
