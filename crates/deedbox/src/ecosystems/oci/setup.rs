//! `deedbox setup` for clients of images: those that read `registries.conf`, and those that need no settings, since the registry's host
//! is part of an image's name.

use super::registries;
use crate::failure::refused;
use crate::managers::{PackageManager, Task};

pub(super) static PACKAGE_MANAGERS: [PackageManager; 2] = [
    PackageManager::new("podman", podman).aliases(&["oci", "buildah", "skopeo"]).help("Podman, Buildah and Skopeo"),
    PackageManager::new("docker", docker)
        .aliases(&["containerd", "ctr", "nerdctl", "oras"])
        .help("Docker, containerd and oras: nothing to write"),
];

fn podman(task: &Task<'_>) -> anyhow::Result<()> {
    at_the_root_of_a_host(task)?;
    let (domain, url) = (task.domain, task.url);
    let mut files = task.files();
    files.edit(registries::FILE, |text| registries::edit(text, domain, url, task.mode))?;
    let at = task.dir.join(registries::FILE);
    let next = [
        format!("next: CONTAINERS_REGISTRIES_CONF={} podman pull {domain}/NAME:TAG", at.display()),
        "(or copy it to ~/.config/containers/registries.conf.d/deedbox.conf)".to_owned(),
        format!("other clients need no settings: docker pull {}/{domain}/NAME:TAG", url.authority()),
    ];
    task.finish(files, &next)
}

fn docker(task: &Task<'_>) -> anyhow::Result<()> {
    at_the_root_of_a_host(task)?;
    let mut next = vec![format!("next: docker pull {}/{}/NAME:TAG", task.url.authority(), task.domain)];
    if task.url.as_str().starts_with("http:") {
        next.push(
            "Docker takes a registry without TLS from a loopback address, or where insecure-registries in its daemon.json names it"
                .to_owned(),
        );
    }
    task.nothing_to_write("the registry's host is part of an image's name", &next);
    Ok(())
}

/// Clients of images ask below `/v2/` of a host, whatever else stands in an address.
fn at_the_root_of_a_host(task: &Task<'_>) -> anyhow::Result<()> {
    if task.url.as_str().ends_with(&format!("://{}", task.url.authority())) {
        return Ok(());
    }
    Err(refused(format!(
        "clients of images cannot use {}: they ask for /v2/ at the root of {}; a registry for images has an address without a path",
        task.url,
        task.url.authority()
    )))
}
