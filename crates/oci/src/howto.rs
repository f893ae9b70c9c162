//! How an image is had with Docker, Podman and others, for a page (docs/guides/oci.md). Says nothing that is done here.

use crate::name::Repository;
use deedbox_view::{HowTo, Wanted};

pub(crate) fn how_to(wanted: &Wanted<'_>) -> Option<HowTo> {
    let repository = Repository::from_id(wanted.id).ok()?;
    let (install, note) = match wanted.host_alone() {
        Some(host) => {
            let option = if wanted.base_url.starts_with("http:") { " --tls-verify=false" } else { "" };
            (format!("podman pull{option} {host}/{repository}:{}", wanted.version), None)
        }
        None => (
            String::new(),
            Some("Clients of images always ask for /v2/ at the root of a host, so they cannot use a registry whose address has a path."),
        ),
    };
    Some(HowTo { clients: "Docker, Podman, Buildah, Skopeo, containerd, oras", setup: None, settings: None, install, note })
}
