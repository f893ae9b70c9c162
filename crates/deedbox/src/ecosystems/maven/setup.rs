//! `deedbox setup maven` and `gradle`: the registry as a repository of a project's own build file. A repository does
//! not belong to one domain: Maven and Gradle ask each repository in turn. So the domain is only its id, and the registry's comes first.

use crate::failure::wrong;
use crate::managers::file::Edited;
use crate::managers::{Mode, PackageManager, Task, edited};
use deedbox_maven::settings::{Edit, Unedited, gradle_with_repository, pom_with_repository};

pub(super) static PACKAGE_MANAGERS: [PackageManager; 2] =
    [PackageManager::new("maven", maven).aliases(&["mvn"]), PackageManager::new("gradle", gradle)];

fn maven(task: &Task<'_>) -> anyhow::Result<()> {
    let (mut files, repository) = (task.files(), repository(task));
    if !files.has("pom.xml") {
        return Err(wrong(format!("{} has no pom.xml: name the project's folder with --dir", task.dir.display())));
    }
    files.edit("pom.xml", |text| done(task, pom_with_repository(text, task.domain.as_str(), &repository, edit(task.mode))))?;
    let next = format!("next: add the dependency {}, and build with mvn -C: then a wrong checksum is an error", coordinate(task));
    task.finish(files, &[next])
}

fn gradle(task: &Task<'_>) -> anyhow::Result<()> {
    let (mut files, repository) = (task.files(), repository(task));
    // Where the settings say which repositories there are, a project's own are refused or not asked.
    let says_all = |name: &str| {
        let text = std::fs::read_to_string(task.dir.join(name)).unwrap_or_default();
        text.contains("dependencyResolutionManagement") && text.contains("repositories")
    };
    let settings = ["settings.gradle.kts", "settings.gradle"].into_iter().find(|name| files.has(name) && says_all(name));
    let build = ["build.gradle.kts", "build.gradle"].into_iter().find(|name| files.has(name));
    let Some(name) = settings.or(build) else {
        return Err(wrong(format!("{} has no build.gradle: name the project's folder with --dir", task.dir.display())));
    };
    let is_kotlin = name.ends_with(".kts");
    files.edit(name, |text| done(task, gradle_with_repository(text, task.domain.as_str(), &repository, is_kotlin, edit(task.mode))))?;
    task.finish(files, &[format!("next: add the dependency {}", coordinate(task))])
}

fn repository(task: &Task<'_>) -> String {
    format!("{}/maven/", task.url)
}

fn coordinate(task: &Task<'_>) -> String {
    let group: Vec<&str> = task.domain.as_str().rsplit('.').collect();
    format!("{}:ARTIFACT:VERSION", group.join("."))
}

fn edit(mode: Mode) -> Edit {
    match mode {
        Mode::Set => Edit::Set,
        Mode::Replace => Edit::Replace,
        Mode::Undo => Edit::Undo,
    }
}

fn done(task: &Task<'_>, outcome: Result<String, Unedited>) -> Result<Edited, String> {
    let (domain, repository) = (task.domain, repository(task));
    match outcome {
        Ok(text) if task.mode == Mode::Undo => edited(text, format!("without the repository {domain} at {repository}")),
        Ok(text) => edited(text, format!("the repository {domain} at {repository}, before all others")),
        Err(Unedited::Unreadable(why)) => Err(why),
        Err(Unedited::Elsewhere(there)) => {
            let what = format!("the repository {domain}");
            Err(task.mode.objection(&what, &there, &repository).unwrap_or_else(|| format!("{what} cannot be changed")))
        }
    }
}
