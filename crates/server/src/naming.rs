//! What a registry is called, and where it may lie (spec/log.md §4.2, docs/ARCHITECTURE.md, "Composition"). Decides before anything is written.

use crate::config::Config;
use crate::error::OpenError;
use deedbox_model::Origin;
use deedbox_store::layout::{STORE_FILES, STORE_FOLDERS};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

/// What a first start makes beside its stores, in whatever order, until `registry.json` says that there is a registry; and what a file
/// system has by itself.
const OURS: [&str; 3] = ["keys", "lost+found", "registry.new"];

/// Refuses a directory that is somebody else's: one without a registry in which there is anything that no first start makes.
pub(crate) fn must_be_ours(data: &Path) -> Result<(), OpenError> {
    let refused = |why: String| OpenError::NoFolder { data: data.display().to_string(), why };
    let entries = match fs::read_dir(data) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) if e.kind() == ErrorKind::NotADirectory => return Err(refused("it is a file; name a directory with --data".to_owned())),
        Err(e) => return Err(refused(e.to_string())),
    };
    if data.join("registry.json").exists() {
        return Ok(());
    }
    for entry in entries {
        let name = entry.map_err(|e| refused(e.to_string()))?.file_name();
        if !name.to_str().is_some_and(|name| OURS.contains(&name) || STORE_FILES.contains(&name) || STORE_FOLDERS.contains(&name)) {
            return Err(OpenError::Foreign { data: data.display().to_string(), found: name.to_string_lossy().into_owned() });
        }
    }
    Ok(())
}

/// The name that a log has, unless another one is asked for.
pub(crate) fn must_be_asked_for(config: &Config, found: &Origin) -> Result<Origin, OpenError> {
    match &config.origin {
        Some(asked) if asked != found => {
            let data = config.data.display().to_string();
            Err(OpenError::OtherOrigin { data, found: found.clone(), asked: asked.clone() })
        }
        _ => Ok(found.clone()),
    }
}

/// The name of a new log: the one that is asked for, else its prefix in the public URL. On a loopback address every registry would have the
/// same one, so each draws its own: a witness takes no two of them for one log.
pub(crate) fn new_origin(config: &Config) -> Result<Origin, OpenError> {
    let none = || OpenError::NoOrigin(config.public_url.as_str().to_owned());
    if let Some(origin) = config.origin.as_ref().or(config.public_url.origin()) {
        return Ok(origin.clone());
    }
    if !config.public_url.is_of_this_machine() {
        return Err(none());
    }
    let mut drawn = [0; 8];
    getrandom::fill(&mut drawn).map_err(|e| OpenError::NotSaid(format!("no randomness for its name: {e}")))?;
    Origin::parse(&format!("localhost/{}/log", hex::encode(drawn))).map_err(|_| none())
}
