//! `deedbox setup` for Bundler, whose sources stand in a project's `Gemfile`, and for `gem`, which has none of a project.

use super::gemfile;
use crate::managers::{PackageManager, Task};

pub(super) static PACKAGE_MANAGERS: [PackageManager; 2] =
    [PackageManager::new("gem", gem).aliases(&["rubygems"]), PackageManager::new("bundler", bundler).aliases(&["bundle"])];

fn gem(task: &Task<'_>) -> anyhow::Result<()> {
    let source = gemfile::source(task.domain, task.url);
    let next = format!("next: gem install NAME --clear-sources --source {source}/");
    task.nothing_to_write("gem has its sources for a user, not for a project", &[next]);
    Ok(())
}

fn bundler(task: &Task<'_>) -> anyhow::Result<()> {
    let mut files = task.files();
    files.edit("Gemfile", |text| gemfile::edit(text, task.domain, task.url, task.mode))?;
    task.finish(files, &["next: write the gems of the domain below that line, like gem \"NAME\", and then: bundle install".to_owned()])
}
