//! Who learns the names of what a project installs: the real npm between this registry and another one that is its default, with each
//! form of settings that `deedbox setup npm` writes. What docs/guides/install.md says of it is what is seen here.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
};

use deedbox_tests::{
    clients,
    registry::{DOMAIN, Running, Said, Source},
};

/// A registry that has nothing, finds nothing wrong, and writes down what it is told.
struct Other {
    url: String,
    told: Arc<Mutex<Vec<String>>>,
}

impl Other {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&told);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = Arc::clone(&seen);
                // A client that breaks off has said nothing.
                std::thread::spawn(move || answer(&stream, &seen).ok());
            }
        });
        Other { url, told }
    }

    /// What it was told since it was last asked.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.told.lock().unwrap())
    }
}

fn answer(stream: &TcpStream, told: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let mut text = String::new();
    if flate2::read::GzDecoder::new(body.as_slice()).read_to_string(&mut text).is_err() {
        text = String::from_utf8_lossy(&body).into_owned();
    }
    told.lock().unwrap().push(format!("{} {text}", head.lines().next().unwrap_or_default()));
    let mut stream = stream;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
}

#[test]
fn what_npm_tells_its_default_registry_is_what_the_guide_says() {
    let registry = Running::start().unwrap();
    registry.publish(&[Source::plain("secret-plan", "1.0.0")], &[]).unwrap();
    let (npm, other) = (clients::npm11().unwrap(), Other::start());
    let name = format!("@{DOMAIN}/secret-plan");
    // Flags of setup; whether `npm install` and `npm audit` tell the names to the default registry.
    for (flags, installing, auditing) in [(&[][..], true, true), (&["--no-audit"], false, true), (&["--only"], false, false)] {
        let scratch = tempfile::tempdir().unwrap();
        let (home, project) = (scratch.path().join("home"), scratch.path().join("project"));
        for folder in [&home, &project] {
            fs::create_dir(folder).unwrap();
        }
        fs::write(home.join(".npmrc"), format!("registry={}\n", other.url)).unwrap();
        fs::write(project.join("package.json"), "{ \"name\": \"app\", \"private\": true }\n").unwrap();
        let dir = project.display().to_string();
        let setup = ["setup", "npm", "--domain", DOMAIN, "--dir", &dir];
        let said = registry.deedbox(setup.iter().chain(flags)).unwrap().done().unwrap();
        assert_eq!(said.out.contains("default registry"), auditing, "{}", said.out);
        let run = |args: &[&str]| Said::of(npm.command(&home, &project).args(args)).unwrap();
        run(&["install", &name]).done().unwrap();
        assert_eq!(other.take().iter().any(|told| told.contains(&name)), installing, "npm install with {flags:?}");
        let audit = run(&["audit"]);
        assert_eq!(other.take().iter().any(|told| told.contains(&name)), auditing, "npm audit with {flags:?}: {}", audit.all());
        // And back, without a trace.
        registry.deedbox(setup.iter().chain(flags).chain(&["--undo"])).unwrap().done().unwrap();
        assert!(!Path::new(&dir).join(".npmrc").exists(), "{flags:?}");
    }
}
