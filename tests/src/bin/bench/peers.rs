//! What is measured beside: servers of others, each at its best, with what is in their storage.

use crate::process::{Server, free_port};
use deedbox_tests::clients;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;

/// nginx as a server of files at its best: no access log, open files kept, connections kept.
pub(crate) fn nginx(folder: &Path, files: &Path) -> anyhow::Result<Server> {
    let port = free_port()?;
    let at = folder.join("nginx");
    fs::create_dir_all(&at)?;
    let (files, at_shown) = (files.display(), at.display());
    // A worker that gave up root could not read what lies in root's folders.
    let user = if fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0) { "user root;\n" } else { "" };
    let settings = format!(
        "daemon off;\n{user}worker_processes auto;\npid {at_shown}/nginx.pid;\nerror_log stderr warn;\nevents {{ worker_connections 1024; }}\n\
         http {{\n  access_log off;\n  sendfile on;\n  tcp_nopush on;\n  keepalive_requests 100000000;\n  open_file_cache max=1000;\n  \
         default_type application/octet-stream;\n  types {{ application/json json; }}\n  client_body_temp_path {at_shown}/body;\n  \
         proxy_temp_path {at_shown}/proxy;\n  fastcgi_temp_path {at_shown}/fastcgi;\n  uwsgi_temp_path {at_shown}/uwsgi;\n  \
         scgi_temp_path {at_shown}/scgi;\n  server {{ listen 127.0.0.1:{port}; root {files}; }}\n}}\n"
    );
    let file = at.join("nginx.conf");
    fs::write(&file, settings)?;
    let mut command = Command::new("/usr/sbin/nginx");
    command.arg("-p").arg(&at).arg("-c").arg(&file);
    Server::on_port(&command, &at, port)
}

/// verdaccio with what is in its storage, asking no other registry.
pub(crate) fn verdaccio(peer: &clients::Client, folder: &Path, storage: &Path) -> anyhow::Result<Server> {
    let port = free_port()?;
    let at = folder.join("verdaccio");
    fs::create_dir_all(&at)?;
    let settings = json!({
        "storage": storage, "uplinks": {}, "packages": { "**": { "access": "$all", "publish": "$authenticated" } },
        "auth": { "htpasswd": { "file": at.join("htpasswd"), "max_users": -1 } }, "web": { "enable": false },
        "log": { "type": "stdout", "format": "json", "level": "error" },
    });
    // JSON is YAML.
    let file = at.join("config.yaml");
    fs::write(&file, settings.to_string())?;
    let mut command = peer.command(&at, &at);
    command.env("NODE_ENV", "production").arg("--config").arg(&file).arg("--listen").arg(format!("127.0.0.1:{port}"));
    Server::on_port(&command, &at, port)
}

/// Debian's registry of images on a folder, its descriptors kept in memory, no log of requests.
pub(crate) fn docker_registry(folder: &Path) -> anyhow::Result<Server> {
    let port = free_port()?;
    let at = folder.join("docker-registry");
    fs::create_dir_all(&at)?;
    let settings = json!({
        "version": "0.1", "log": { "level": "error", "accesslog": { "disabled": true } },
        "storage": { "filesystem": { "rootdirectory": at.join("storage") }, "cache": { "blobdescriptor": "inmemory" } },
        "http": { "addr": format!("127.0.0.1:{port}") },
    });
    // JSON is YAML.
    let file = at.join("config.yml");
    fs::write(&file, settings.to_string())?;
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(&file).env("OTEL_TRACES_EXPORTER", "none");
    Server::on_port(&command, &at, port)
}
