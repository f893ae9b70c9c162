//! Name servers on loopback: BIND 9, unmodified, as the authority for a root and zones below it, and as a recursive resolver that knows this
//! root and no other. Zones are signed by BIND's own tools with keys that are made for the test. Nobody outside is asked.
//!
//! Each world has its own folder, its own port and its own processes, which end with it.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};
use deedbox_dnssec::Anchor;
use tempfile::TempDir;

use crate::{
    clients::{on_path, run, target_folder},
    debian::debian,
};

/// Where all of them listen, each at a port of its own: BIND uses no other address of 127.0.0.0/8.
const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// Where nobody answers: the name servers of [`Signing::Lame`].
const NOBODY: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 99);

/// A zone that is served. The zone above it gets its delegation.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Without a dot at its end: `acme.test`.
    pub name: &'static str,
    /// How it is signed.
    pub signing: Signing,
    /// Lines of a zone file, in which names without a dot at their end are below the zone.
    pub records: String,
}

/// How a zone is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    /// With NSEC and ECDSA P-256.
    Nsec,
    /// With NSEC, and RSA with SHA-256.
    Rsa,
    /// With NSEC3.
    Nsec3,
    /// With NSEC3 and opt-out.
    OptOut,
    /// With NSEC; but its signatures are over.
    Expired,
    /// Not at all.
    Unsigned,
    /// Not at all; but the zone above has a digest of a key of an algorithm that nobody has yet (RFC 4035 §5.2).
    Strange,
    /// Not at all, and its delegation leads to where nobody answers.
    Lame,
}

impl Zone {
    /// A zone with these records.
    pub fn new(name: &'static str, signing: Signing, records: &str) -> Self {
        Zone { name, signing, records: records.to_owned() }
    }

    fn is_signed(&self) -> bool {
        !matches!(self.signing, Signing::Unsigned | Signing::Strange | Signing::Lame)
    }

    /// With the dot at its end, as files and tools name it.
    fn full(&self) -> String {
        format!("{}.", self.name)
    }

    fn is_below(&self, other: &Zone) -> bool {
        self.name != other.name && (other.name.is_empty() || self.name.ends_with(&format!(".{}", other.name)))
    }
}

/// The servers.
#[derive(Debug)]
pub struct Nameservers {
    folder: TempDir,
    /// Where the zones are served.
    port: Option<u16>,
    anchors: Vec<Anchor>,
    // They end before the folder goes.
    running: Vec<Named>,
    resolver: SocketAddr,
}

impl Nameservers {
    /// Signs the zones and serves them, below a root that is signed too, and starts a resolver. Every zone above a zone must be given.
    ///
    /// # Errors
    /// When BIND cannot be had, or does not like the zones; in its words.
    pub fn start(zones: &[Zone]) -> anyhow::Result<Self> {
        debian(&["bind9", "bind9-utils", "bind9-dnsutils"])?;
        let folder = tempfile::Builder::new().prefix("names-").tempdir_in(scratch()?)?;
        let ns = format!("ns. A {HERE}\nnobody. A {NOBODY}\n");
        let mut zones = [&[Zone::new("", Signing::Nsec, &ns)], zones].concat();
        // Children first: the zone above has the digest of their keys.
        zones.sort_by_key(|zone| std::cmp::Reverse(zone.name.split('.').filter(|label| !label.is_empty()).count()));
        for zone in &zones {
            write(folder.path(), zone, &zones).with_context(|| format!("the zone {}", zone.full()))?;
        }
        let anchors = anchors(folder.path())?;
        let mut servers = Nameservers { folder, port: None, anchors, running: Vec::new(), resolver: SocketAddr::from((HERE, 0)) };
        servers.port = Some(servers.serve(&zones)?);
        servers.resolver = servers.another_resolver("")?;
        Ok(servers)
    }

    /// The recursive resolver.
    pub fn resolver(&self) -> SocketAddr {
        self.resolver
    }

    /// The keys of this root, as trust anchors.
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// The same in the form of zone files, a line each: what `deedbox serve --dns-anchors` reads.
    pub fn anchors_file(&self) -> String {
        let line = |anchor: &Anchor| {
            format!(". IN DS {} {} {} {}\n", anchor.key_tag, anchor.algorithm, anchor.digest_type, hex::encode(&anchor.digest))
        };
        self.anchors.iter().map(line).collect()
    }

    /// Where the zones are served, and may be changed by anybody (RFC 2136).
    ///
    /// # Errors
    /// When nothing is served.
    pub fn zones(&self) -> anyhow::Result<SocketAddr> {
        Ok(SocketAddr::from((HERE, self.port.context("nothing is served")?)))
    }

    /// One more recursive resolver, with these statements at the end of its settings.
    ///
    /// # Errors
    /// When it does not start.
    pub fn another_resolver(&mut self, statements: &str) -> anyhow::Result<SocketAddr> {
        let hints = self.folder.path().join("hints");
        fs::write(&hints, format!(". 3600 IN NS ns.\nns. 3600 IN A {HERE}\n"))?;
        let settings = format!("zone \".\" {{ type hint; file \"{}\"; }};\n{statements}\n", hints.display());
        // Nothing is asked under another name than the question's, so that a test sees what it asks for.
        let port = self.named("recursion yes; qname-minimization off; max-ncache-ttl 0;", &settings)?;
        Ok(SocketAddr::from((HERE, port)))
    }

    /// A resolver that never asks for DNSSEC, and so has none to give.
    ///
    /// # Errors
    /// When it does not start.
    pub fn resolver_without_dnssec(&mut self) -> anyhow::Result<SocketAddr> {
        self.another_resolver(&format!("server {HERE} {{ edns no; }};"))
    }

    /// Changes a zone while it is served, as its owner would: `add NAME TTL TYPE DATA`, `delete NAME TYPE`. Signatures change with it.
    ///
    /// # Errors
    /// When the server refuses.
    pub fn update(&self, zone: &str, changes: &[String]) -> anyhow::Result<()> {
        let mut child = Command::new(tool("nsupdate")?)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("nsupdate cannot be started")?;
        let port = self.port.context("nothing is served")?;
        let mut script = format!("server {HERE} {port}\nzone {zone}.\n");
        for change in changes {
            script += &format!("update {change}\n");
        }
        script += "send\n";
        child.stdin.take().context("no way into nsupdate")?.write_all(script.as_bytes())?;
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "nsupdate: {}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    }

    fn serve(&mut self, zones: &[Zone]) -> anyhow::Result<u16> {
        let mut settings = String::new();
        for zone in zones.iter().filter(|zone| zone.signing != Signing::Lame) {
            let file = self.folder.path().join(served_file(zone));
            let (name, file) = (zone.full(), file.display());
            // Who may be changed is signed again when that is due, so not this one.
            let update = if zone.signing == Signing::Expired { "none" } else { "any" };
            settings += &format!("zone \"{name}\" {{ type primary; file \"{file}\"; allow-update {{ {update}; }}; }};\n");
        }
        self.named("recursion no; notify no;", &settings)
    }

    /// Starts one at a free port, and says which. It asks others at the port of the zones.
    fn named(&mut self, options: &str, settings: &str) -> anyhow::Result<u16> {
        let folder = self.folder.path();
        let shown = folder.display();
        // A port that is free now may be taken a moment later.
        for _ in 0..10 {
            let port = free_port()?;
            let asks_at = self.port.unwrap_or(port);
            let text = format!(
                "options {{ directory \"{shown}\"; key-directory \"{shown}\"; port {asks_at}; listen-on port {port} {{ {HERE}; }};\n\
                 listen-on-v6 {{ none; }}; pid-file none; session-keyfile \"{shown}/session-{port}.key\"; dnssec-validation no;\n\
                 empty-zones-enable no; {options} }};\ncontrols {{ }};\n{settings}"
            );
            let file = folder.join(format!("named-{port}.conf"));
            fs::write(&file, text)?;
            if let Some(named) = Named::start(folder, &file)? {
                self.running.push(named);
                return Ok(port);
            }
        }
        bail!("no port stays free for name servers")
    }
}

/// A process that is ended with this value.
#[derive(Debug)]
struct Named(Child);

impl Named {
    /// Starts one, and waits until it says that it answers. None if somebody else has its port.
    fn start(folder: &Path, settings: &Path) -> anyhow::Result<Option<Self>> {
        // A copy: where AppArmor is in force, the installed file may read nothing outside the folders of Debian's own settings.
        let program = folder.join("named");
        if !program.is_file() {
            fs::copy(tool("named")?, &program).context("named cannot be copied")?;
        }
        let mut command = Command::new(&program);
        command.args(["-g", "-n", "1", "-c"]).arg(settings).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().context("named cannot be started")?;
        let mut lines = BufReader::new(child.stderr.take().context("no way out of named")?).lines();
        let named = Named(child);
        let mut said = Vec::new();
        for line in lines.by_ref().map_while(Result::ok) {
            if line.ends_with(" running") {
                // It must not wait for somebody to read what else it says.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(Some(named));
            }
            if line.ends_with(": address in use") || line.ends_with("unable to listen on any configured interfaces") {
                return Ok(None);
            }
            said.push(line);
        }
        bail!("named ended and said:\n{}", said.split_off(said.len().saturating_sub(15)).join("\n"))
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        // It keeps nothing that anybody reads later.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn tool(program: &str) -> anyhow::Result<PathBuf> {
    // Not on everybody's PATH.
    let installed = Path::new("/usr/sbin").join(program);
    if installed.is_file() {
        Ok(installed)
    } else {
        on_path(program).with_context(|| format!("{program} is not there, though it was installed"))
    }
}

/// Where the folders are: BIND cannot be told of a path with a quotation mark, and the machine's temporary folder may be anything.
fn scratch() -> anyhow::Result<PathBuf> {
    let folder = target_folder().join("names");
    fs::create_dir_all(&folder)?;
    Ok(folder.canonicalize()?)
}

fn file(zone: &Zone) -> String {
    format!("zone-{}", zone.full())
}

fn served_file(zone: &Zone) -> String {
    if zone.is_signed() { format!("{}.signed", file(zone)) } else { file(zone) }
}

/// Writes the zone's file, and signs it.
fn write(folder: &Path, zone: &Zone, all: &[Zone]) -> anyhow::Result<()> {
    if zone.signing == Signing::Lame {
        return Ok(());
    }
    let mut text = format!("$ORIGIN {}\n$TTL 60\n@ SOA ns. hostmaster. 1 3600 600 86400 0\n@ NS ns.\n{}\n", zone.full(), zone.records);
    for child in
        all.iter().filter(|child| child.is_below(zone) && !all.iter().any(|between| child.is_below(between) && between.is_below(zone)))
    {
        let server = if child.signing == Signing::Lame { "nobody." } else { "ns." };
        text += &format!("{} NS {server}\n", child.full());
    }
    fs::write(folder.join(file(zone)), text)?;
    if zone.signing == Signing::Strange {
        let digest = format!("{} IN DS 1 250 2 {}\n", zone.full(), "AA".repeat(32));
        fs::write(folder.join(format!("dsset-{}", zone.full())), digest)?;
    }
    if zone.is_signed() { sign(folder, zone) } else { Ok(()) }
}

/// Makes keys, and signs with them and with the digests of the keys of the zones below.
fn sign(folder: &Path, zone: &Zone) -> anyhow::Result<()> {
    let algorithm = if zone.signing == Signing::Rsa { ["-a", "RSASHA256", "-b", "2048"].as_slice() } else { &["-a", "ECDSAP256SHA256"] };
    for role in [["-f", "KSK"].as_slice(), &[]] {
        run(Command::new(tool("dnssec-keygen")?).arg("-q").args(algorithm).args(role).arg(zone.full()).current_dir(folder))?;
    }
    let mut command = Command::new(tool("dnssec-signzone")?);
    // -S: with the keys of the folder. -g: with the files of digests in it. -P: named would say what is wrong.
    command.args(["-q", "-S", "-g", "-P", "-x", "-o"]).arg(zone.full()).arg("-f").arg(served_file(zone));
    match zone.signing {
        Signing::Nsec3 => command.args(["-3", "-", "-H", "0"]),
        Signing::OptOut => command.args(["-3", "a1b2c3", "-H", "0", "-A"]),
        Signing::Expired => command.args(["-s", "20200101000000", "-e", "20200201000000"]),
        _ => &mut command,
    };
    run(command.arg(file(zone)).current_dir(folder))
}

/// The digests of the root's keys, as signing has left them: `. IN DS TAG ALGORITHM DIGEST-TYPE HEX…`.
fn anchors(folder: &Path) -> anyhow::Result<Vec<Anchor>> {
    let text = fs::read_to_string(folder.join("dsset-.")).context("signing the root left no digests of its keys")?;
    let anchor = |line: &str| {
        let mut words = line.split_ascii_whitespace().skip_while(|word| *word != "DS").skip(1);
        let mut word = || words.next().context("a digest that ends too early");
        let (key_tag, algorithm, digest_type) = (word()?.parse()?, word()?.parse()?, word()?.parse()?);
        let digest = hex::decode(words.collect::<String>())?;
        anyhow::Ok(Anchor { key_tag, algorithm, digest_type, digest })
    };
    text.lines().map(anchor).collect()
}

/// A port that nobody has.
fn free_port() -> anyhow::Result<u16> {
    for _ in 0..100 {
        let listener = TcpListener::bind((HERE, 0))?;
        let port = listener.local_addr()?.port();
        if UdpSocket::bind((HERE, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port is free for name servers")
}
