//! The tools that make, copy and read images, each test with folders of its own for them, and what there is of a registry's images.
//! Nobody's settings are read, no image that is on the machine is touched, and no container is run.
#![allow(clippy::unwrap_used, reason = "only tests are made of it, and they may stop where they stand")]

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    debian::debian,
    registry::{DOMAIN, Running, Said},
};

/// `127.0.0.1:PORT/demo.localhost/NAME`.
#[must_use]
pub fn at(registry: &Running, name: &str) -> String {
    format!("{}/{DOMAIN}/{name}", registry.url.trim_start_matches("http://"))
}

/// A folder of its own for a client, with a policy that takes unsigned images.
#[derive(Debug)]
pub struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// With these Debian packages installed.
    #[must_use]
    pub fn new(packages: &[&str]) -> Self {
        debian(packages).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("policy.json"), r#"{"default":[{"type":"insecureAcceptAnything"}]}"#).unwrap();
        Bench { folder }
    }

    /// Where commands run.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file or folder there, as an argument.
    #[must_use]
    pub fn path(&self, name: &str) -> String {
        self.folder().join(name).to_str().unwrap().to_owned()
    }

    /// A program that is at home there.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder()).stdin(Stdio::null()).env("HOME", self.folder()).env("NO_COLOR", "1");
        command.env("XDG_RUNTIME_DIR", self.folder());
        command
    }

    /// Runs a program to its end.
    #[must_use]
    pub fn run(&self, program: &str, args: &[&str]) -> Said {
        Said::of(self.command(program).args(args)).unwrap()
    }

    /// Skopeo, with the policy.
    #[must_use]
    pub fn skopeo(&self, args: &[&str]) -> Said {
        let policy = self.path("policy.json");
        Said::of(self.command("skopeo").args(["--policy", &policy]).args(args)).unwrap()
    }

    /// Podman and Buildah, with a store of their own.
    #[must_use]
    pub fn store(&self, program: &str, args: &[&str]) -> Said {
        let (root, run) = (self.path("store"), self.path("run"));
        self.run(program, &[&["--root", &root, "--runroot", &run, "--storage-driver", "vfs"], args].concat())
    }
}
