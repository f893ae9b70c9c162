//! What each ecosystem's part of the demo works with: a registry that runs here, the clients of this machine, and the story that is told.
//! The story itself is `commands::demo`.

pub(crate) mod client;
pub(crate) mod registry;
pub(crate) mod story;
pub(crate) mod theft;

use std::path::Path;
use std::process::Stdio;

/// Whose the demo's packages are.
pub(crate) const DOMAIN: &str = "demo.localhost";
const PROXIES: [&str; 3] = ["http_proxy", "https_proxy", "all_proxy"];

/// A command that gets none of the settings that the user has for clients: `settings` says how their variables begin.
pub(crate) fn command(program: &Path, dir: &Path, settings: &[&str]) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(program);
    command.current_dir(dir).stdin(Stdio::null());
    // The settings of the user who runs the demo (a proxy, a token, another registry) must not change what it does.
    for (name, _) in std::env::vars_os() {
        let lower = name.to_string_lossy().to_ascii_lowercase();
        if settings.iter().any(|prefix| lower.starts_with(prefix)) || PROXIES.contains(&lower.as_str()) {
            command.env_remove(name);
        }
    }
    command.env("npm_config_userconfig", dir.join(".npmrc-of-nobody")).env("npm_config_update_notifier", "false");
    command
}
