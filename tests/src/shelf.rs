//! The packages that the tests with npm-family clients install, on one registry for all tests of a file.
//!
//! | package | versions |
//! |---|---|
//! | `left` | 1.0.0 (`latest`), 1.1.0 (yanked), 1.2.0-rc.1 (`next`), 2.0.0 (deprecated, with [`NOTICE`]) |
//! | `right` | 1.0.0, which depends on `left@^1.0.0` and has a program of its name |

use std::sync::{Mutex, PoisonError};

use serde_json::json;

use crate::registry::{DOMAIN, Running, Source};

/// What the owner says about `left@2.0.0`.
pub const NOTICE: &str = "Two was a mistake; stay with one.";

/// The registry of this test process, started when it is first asked for.
///
/// # Errors
/// When it does not start or refuses a package; the next caller tries again.
pub fn shared() -> anyhow::Result<&'static Running> {
    static SHARED: Mutex<Option<&'static Running>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = *shared {
        return Ok(running);
    }
    let running = Box::leak(Box::new(stocked()?));
    *shared = Some(running);
    Ok(running)
}

fn stocked() -> anyhow::Result<Running> {
    let running = Running::start()?;
    let left = |version| Source::plain("left", version);
    let mut right = Source::plain("right", "1.0.0");
    right.manifest = json!({
        "main": "index.js",
        "bin": { "right": "right.js" },
        "description": "What stands beside left",
        "keywords": ["beside"],
        "dependencies": { format!("@{DOMAIN}/left"): "^1.0.0" },
    });
    right.files = vec![
        ("index.js", format!("module.exports = 'right 1.0.0 with ' + require('@{DOMAIN}/left')\n").into_bytes()),
        ("right.js", b"#!/usr/bin/env node\nconsole.log(require('./index.js'))\n".to_vec()),
    ];
    running.publish(&[left("1.0.0"), left("1.1.0"), right], &[])?;
    running.publish(&[left("1.2.0-rc.1")], &["--channel", "next"])?;
    running.publish(&[left("2.0.0")], &["--channel", "two"])?;
    let release = |version: &str| format!("npm:{DOMAIN}/left@{version}");
    running.deedbox(["channel", "set", &release("1.0.0"), "latest"])?.done()?;
    running.deedbox(["yank", &release("1.1.0"), "--reason", "broken"])?.done()?;
    running.deedbox(["deprecate", &release("2.0.0"), "--reason", "mistake", "--message", NOTICE])?.done()?;
    Ok(running)
}
