//! The demo's npm packages with the clients that read what npm reads, as `deedbox setup` points them. A minimum age of releases
//! is switched off where a client has one: these are seconds old.

use super::{npmrc, yarn as yarnrc};
use crate::demo::DOMAIN;
use crate::demo::client::{Client, Tried};
use crate::demo::registry::DemoRegistry;
use crate::failure::refused;
use deedbox_model::Domain;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Installs them with each client that is here.
pub(super) async fn install(registry: &DemoRegistry<'_>, tried: &Tried) -> anyhow::Result<()> {
    if let Some(client) = tried.find("pnpm", "--version").await? {
        tried.tell(&client, pnpm(registry, &client)).await;
    }
    if let Some(client) = tried.find("yarn", "--version").await? {
        tried.tell(&client, yarn(registry, &client)).await;
    }
    if let Some(client) = tried.find("bun", "--version").await? {
        tried.tell(&client, bun(registry, &client)).await;
    }
    if let Some(client) = tried.find("deno", "--version").await? {
        tried.tell(&client, deno(registry, &client)).await;
    }
    Ok(())
}

async fn pnpm(registry: &DemoRegistry<'_>, client: &Client) -> anyhow::Result<String> {
    let project = project(registry, client)?;
    let mut pnpm = client.command(&project)?;
    // Up to version 10 it reads npm's variables, then its own.
    for prefix in ["npm_config_", "pnpm_config_"] {
        pnpm.env(format!("{prefix}store_dir"), client.home.join("store")).env(format!("{prefix}update_notifier"), "false");
        pnpm.env(format!("{prefix}minimum_release_age"), "0");
    }
    runs(client, &project, pnpm.args(["install", "--no-frozen-lockfile"])).await
}

async fn yarn(registry: &DemoRegistry<'_>, client: &Client) -> anyhow::Result<String> {
    let project = project(registry, client)?;
    // By this file it takes the folder for a project of its own.
    std::fs::write(project.join("yarn.lock"), "")?;
    let mut yarn = client.command(&project)?;
    yarn.arg("install").env("YARN_CACHE_FOLDER", client.home.join("cache"));
    if !client.version.starts_with("1.") {
        let domain = Domain::parse(DOMAIN)?;
        let settings = yarnrc::settings(&domain, registry.url).map_err(refused)?;
        // The scope has a minimum age of its own, whatever is said for all.
        let settings = settings.replacen("/npm/\"\n", "/npm/\"\n    npmMinimalAgeGate: 0\n", 1);
        std::fs::write(project.join(".yarnrc.yml"), settings)?;
        yarn.env("YARN_GLOBAL_FOLDER", client.home.join("global")).env("YARN_ENABLE_TELEMETRY", "0");
        yarn.env("YARN_NODE_LINKER", "node-modules").env("YARN_ENABLE_IMMUTABLE_INSTALLS", "false");
    }
    runs(client, &project, &mut yarn).await
}

async fn bun(registry: &DemoRegistry<'_>, client: &Client) -> anyhow::Result<String> {
    let project = project(registry, client)?;
    let mut bun = client.command(&project)?;
    bun.env("BUN_INSTALL", client.home.join("bun")).env("BUN_INSTALL_CACHE_DIR", client.home.join("cache")).env("DO_NOT_TRACK", "1");
    runs(client, &project, bun.arg("install")).await
}

async fn deno(registry: &DemoRegistry<'_>, client: &Client) -> anyhow::Result<String> {
    let project = project(registry, client)?;
    std::fs::write(project.join("deno.json"), "{ \"minimumDependencyAge\": 0, \"nodeModulesDir\": \"auto\" }\n")?;
    let mut deno = client.command(&project)?;
    deno.env("DENO_DIR", client.home.join("deno")).env("DENO_NO_UPDATE_CHECK", "1");
    runs(client, &project, deno.arg("install")).await
}

/// A project that wants the demo's program.
fn project(registry: &DemoRegistry<'_>, client: &Client) -> anyhow::Result<PathBuf> {
    let project = client.home.join("project");
    std::fs::create_dir_all(&project)?;
    let wants = format!(
        "{{\n  \"name\": \"project\",\n  \"private\": true,\n  \"dependencies\": {{ \"@{DOMAIN}/hello-deedbox\": \"^1.0.0\" }}\n}}\n"
    );
    std::fs::write(project.join("package.json"), wants)?;
    std::fs::write(project.join(".npmrc"), format!("{}\n", npmrc::scope_line(&Domain::parse(DOMAIN)?, registry.url)))?;
    Ok(project)
}

/// Installs, and runs what was installed.
async fn runs(client: &Client, project: &Path, install: &mut Command) -> anyhow::Result<String> {
    client.run(install).await?;
    let mut program = client.program(&project.join("node_modules/.bin/hello-deedbox"), project)?;
    let ran = client.run(program.arg("Ada")).await?;
    if !String::from_utf8_lossy(&ran.stdout).contains("Hello, Ada!") {
        return Err(refused("installed another program than the one that was published"));
    }
    Ok(format!("installed @{DOMAIN}/hello-deedbox with what it needs, and it greets Ada"))
}
