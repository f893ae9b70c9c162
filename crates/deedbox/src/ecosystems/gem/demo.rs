//! The demo's gem, with `gem` and with Bundler.

use crate::demo::DOMAIN;
use crate::demo::client::{Client, Tried};
use crate::demo::registry::DemoRegistry;
use crate::failure::refused;
use std::path::{Path, PathBuf};
use std::process::Output;
use tokio::process::Command;

const GEMSPEC: &str = include_str!("../../../demo/gem/chime.gemspec");
const GEM: &str = include_str!("../../../demo/gem/chime.rb");
/// What the gem says at three.
const AT_THREE: &str = "ding ding ding dong";
const ASK: &str = "require 'chime'; puts Chime.at(3)";

/// Writes the gem's source, to be packed by the machine's own `gem`.
pub(super) fn source(dir: &Path) -> anyhow::Result<PathBuf> {
    let source = dir.join("packages/chime");
    std::fs::create_dir_all(source.join("lib"))?;
    std::fs::write(source.join("chime.gemspec"), GEMSPEC)?;
    std::fs::write(source.join("lib/chime.rb"), GEM)?;
    Ok(source)
}

/// Installs it with each client that is here. Without `gem` there is none to install.
pub(super) async fn install(registry: &DemoRegistry<'_>, tried: &Tried, gem: Option<Client>) -> anyhow::Result<()> {
    let bundle = tried.find("bundle", "--version").await?;
    let Some(gem) = gem else {
        if bundle.is_some() {
            tried.lacks("bundle (it has nothing to install, since nothing packs the gem)");
        }
        return Ok(());
    };
    tried.tell(&gem, with_gem(registry, &gem)).await;
    if let Some(bundle) = bundle {
        tried.tell(&bundle, with_bundle(registry, &bundle)).await;
    }
    Ok(())
}

async fn with_gem(registry: &DemoRegistry<'_>, client: &Client) -> anyhow::Result<String> {
    let gems = client.home.join("gems");
    let mut gem = client.command(&client.home)?;
    gem.args(["install", "chime", "--no-document", "--clear-sources", "--source"]);
    gem.arg(format!("{}/gem/{DOMAIN}/", registry.url)).arg("--install-dir").arg(&gems);
    client.run(&mut gem).await?;
    let mut ruby = client.program(Path::new("ruby"), &client.home)?;
    let ran = client.run(ruby.arg("-I").arg(gems.join("gems/chime-1.0.0/lib")).args(["-e", ASK])).await?;
    says(&ran)
}

async fn with_bundle(registry: &DemoRegistry<'_>, client: &Client) -> anyhow::Result<String> {
    let project = client.home.join("project");
    std::fs::create_dir_all(&project)?;
    std::fs::write(project.join("Gemfile"), format!("source \"{}/gem/{DOMAIN}\" do\n  gem \"chime\"\nend\n", registry.url))?;
    let bundle = |args: &[&str]| -> anyhow::Result<Command> {
        let mut bundle = client.command(&project)?;
        for (variable, folder) in [("BUNDLE_PATH", "gems"), ("BUNDLE_USER_HOME", "bundle"), ("BUNDLE_APP_CONFIG", "settings")] {
            bundle.env(variable, client.home.join(folder));
        }
        bundle.env("BUNDLE_SILENCE_ROOT_WARNING", "1").args(args);
        Ok(bundle)
    };
    client.run(&mut bundle(&["install"])?).await?;
    says(&client.run(&mut bundle(&["exec", "ruby", "-e", ASK])?).await?)
}

fn says(ran: &Output) -> anyhow::Result<String> {
    let said = String::from_utf8_lossy(&ran.stdout);
    if said.trim() != AT_THREE {
        return Err(refused("installed another gem than the one that was published"));
    }
    Ok(format!("installed the gem chime, and it says {AT_THREE}"))
}
