//! The arguments of every command. Words only; nothing is done here.

use crate::ecosystems::Ecosystems;
use crate::keyfile::KeyGiven;
use crate::managers::PackageManager;
use crate::packages::words::one_of;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A package registry that anyone can check.
#[derive(Debug, Parser)]
#[command(
    name = "deedbox",
    version,
    max_term_width = 100,
    after_help = "Exit codes: 0 done, 1 refused or does not verify, 2 used wrongly, 3 cannot reach, 130 interrupted."
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What most commands need.
#[derive(Debug, Clone, Default, ClapArgs)]
pub(crate) struct Global {
    /// The registry's address [deedbox.toml: registry]
    #[arg(long, global = true, env = "DEEDBOX_REGISTRY", hide_env_values = true, value_name = "URL")]
    pub(crate) registry: Option<String>,
    /// Your key: a file, or its whole text, as a CI job has it; or ssh-agent[:NAME], a key that an ssh-agent keeps [deedbox.toml: key; else the one that keygen makes]
    #[arg(long, global = true, env = "DEEDBOX_KEY", hide_env_values = true, allow_hyphen_values = true, value_name = "FILE|PEM")]
    pub(crate) key: Option<KeyGiven>,
    /// The log's verifier key, if you know it from elsewhere; without it the first one seen is pinned. Never read from a project's files
    #[arg(long, global = true, env = "DEEDBOX_LOG_KEY", hide_env_values = true, value_name = "VKEY")]
    pub(crate) log_key: Option<String>,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole story on this machine, on real packages, in under two minutes
    Demo(Demo),
    /// Run a registry; the first start makes its log
    Serve(Serve),
    /// Make a key
    Keygen(Keygen),
    /// Claim a domain for your key
    Claim(Claim),
    /// List, add or remove the keys of your domain
    #[command(subcommand)]
    Keys(Keys),
    /// Let another key speak for some of your domain's packages
    Grant(Grant),
    /// Take a grant back
    Revoke(Revoke),
    /// List what a domain granted
    Grants(Grants),
    /// Show what was said of a domain or a package, and by whose right, proven by the log
    Log(Log),
    /// Say whether a key may do something, and which rule decides
    Can(Can),
    /// Freeze a domain: nothing is published, and nothing handed over, until it is thawed
    Freeze(Freeze),
    /// Thaw a domain
    Thaw(Thaw),
    /// Accept a domain that somebody hands over to your key, or that its registry's operator is to give back to you
    Accept(Accept),
    /// Hand a domain over to whoever accepted it
    Transfer(Transfer),
    /// Give a domain up: nobody speaks for it until somebody claims it again
    GiveUp(GiveUp),
    /// Recover a domain whose keys you lost, on evidence that it is yours, after a wait
    Recover(Recover),
    /// Say no with your key: to a recovery of your domain, or to that your key was taken away
    Contest(Contest),
    /// List what a key has signed, and yank its releases
    Statements(Statements),
    /// Write a package manager's own settings for a domain
    Setup(Setup),
    /// Publish packages: a directory with its native manifest, or a packed artifact
    Publish(Publish),
    /// Stop clients from choosing a release; who uses it already can keep it
    Yank(Yank),
    /// Let clients choose a yanked release again
    Unyank(Unyank),
    /// Put a notice on a release, or remove it
    Deprecate(Deprecate),
    /// Set, remove or list channels (npm's dist-tags)
    #[command(subcommand, alias = "tag")]
    Channel(Channel),
    /// Check a package, a file or a whole lock file against the log
    Verify(Verify),
    /// Rebuild every view from a stopped registry's log, and compare
    Replay(Replay),
    /// Check a stopped registry's own disk
    Fsck(Fsck),
    /// Print the script with which a shell completes these commands
    Completions(Completions),
    /// Print or write the manual's pages
    Man(Man),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Man {
    /// Write a page for each command into this folder, instead of printing the first page
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Demo {
    /// End after the story instead of keeping the registry running
    #[arg(long)]
    pub(crate) once: bool,
    /// Where the registry and the project are kept; must not exist yet [default: a new temporary directory]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The port to listen on; the next free one if it is taken
    #[arg(long, default_value_t = 8417)]
    pub(crate) port: u16,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Serve {
    /// The data directory
    #[arg(long, env = "DEEDBOX_DATA", default_value = "deedbox-data", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// The address to listen on
    #[arg(long, env = "DEEDBOX_LISTEN", default_value = "127.0.0.1:8417", value_name = "ADDRESS")]
    pub(crate) listen: SocketAddr,
    /// The address under which clients reach it [default: http://<listen>]
    #[arg(long, env = "DEEDBOX_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// The log's name, fixed when it is made [default: the public URL without scheme and port, and /log; on a loopback address a random one]
    #[arg(long, env = "DEEDBOX_ORIGIN", value_name = "NAME")]
    pub(crate) origin: Option<String>,
    /// Write a line for each request to this file [without FILE: to standard output]
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) access_log: Option<PathBuf>,
    /// File claims below localhost without evidence; only on a loopback address
    #[arg(long)]
    pub(crate) allow_local_claims: bool,
    /// Name server to ask about domains that are claimed: one that answers for any name, by UDP and TCP; may be given again [default: this machine's own]
    #[arg(long, env = "DEEDBOX_RESOLVER", value_name = "ADDRESS", value_delimiter = ',')]
    pub(crate) resolver: Vec<SocketAddr>,
    /// The public suffix list, under whose names anybody can have a domain: put in force where it is not. Without one in force, no claim rests on DNS or HTTPS
    #[arg(long, env = "DEEDBOX_PUBLIC_SUFFIXES", value_name = "FILE")]
    pub(crate) public_suffixes: Option<PathBuf>,
    /// DS records of the root of DNS, where it is another one than the world's: put in force where they are not
    #[arg(long, value_name = "FILE")]
    pub(crate) dns_anchors: Option<PathBuf>,
    /// Certificates in PEM of authorities that vouch for domains beside the usual ones, for claims over HTTPS
    #[arg(long, value_name = "FILE")]
    pub(crate) claim_roots: Option<PathBuf>,
    /// Look at domains that are at private addresses too, for claims over HTTPS in a closed network
    #[arg(long)]
    pub(crate) allow_private_addresses: bool,
    /// The port of the web servers of domains that are claimed; another one serves tests and closed networks
    #[arg(long, value_name = "PORT", default_value_t = 443, hide = true)]
    pub(crate) claim_port: u16,
    /// Serve what is there and write nothing: for a copy, or a disk that cannot be written
    #[arg(long)]
    pub(crate) read_only: bool,
    /// Today's date, taken from a calendar: confirms that this machine's clock is right, however far it is ahead of the last time that the registry knows
    #[arg(long, value_name = "DATE")]
    pub(crate) accept_clock: Option<String>,
    /// The header in which a proxy on this machine names its client's address, like X-Forwarded-For; without it, all clients of the proxy count as one
    #[arg(long, env = "DEEDBOX_CLIENT_ADDRESS_HEADER", value_name = "NAME")]
    pub(crate) client_address_header: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Keygen {
    /// Where to write it; never overwritten [default: key.pem in DEEDBOX_HOME]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Claim {
    /// The domain, like acme.example
    #[arg(required_unless_present = "countersign")]
    pub(crate) domain: Option<String>,
    /// The registry operator's key, which vouches for the claim: a file, or its whole text
    #[arg(long, allow_hyphen_values = true, value_name = "FILE|PEM")]
    pub(crate) operator_key: Option<KeyGiven>,
    /// Write your half of the claim to a file, for the operator to file it elsewhere
    #[arg(long, value_name = "FILE", conflicts_with_all = ["operator_key", "countersign"])]
    pub(crate) request: Option<PathBuf>,
    /// Show the half of a claim that a publisher sent; with --operator-key, file it
    #[arg(long, value_name = "FILE", conflicts_with = "domain")]
    pub(crate) countersign: Option<PathBuf>,
    /// The public half of a key that is kept offline, in base64 or as a key file: it is above your other keys from the start. One that you put later
    /// begins 30 days later
    #[arg(long, value_name = "BASE64|FILE", conflicts_with = "countersign")]
    pub(crate) recovery_key: Option<String>,
    /// How many minutes to wait for what you put at the domain to be seen; 0 looks once
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    pub(crate) wait: u32,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Freeze {
    /// The domain, like acme.example
    pub(crate) domain: String,
    /// Why: broken, security, licence, mistake, superseded, unmaintained or other
    #[arg(long, default_value = "security")]
    pub(crate) reason: String,
    /// The registry operator's key: the registry says it, for 14 days
    #[arg(long, allow_hyphen_values = true, value_name = "FILE|PEM")]
    pub(crate) operator_key: Option<KeyGiven>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Thaw {
    /// The domain, like acme.example
    pub(crate) domain: String,
    /// The registry operator's key: ends the registry's freeze
    #[arg(long, allow_hyphen_values = true, value_name = "FILE|PEM")]
    pub(crate) operator_key: Option<KeyGiven>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Accept {
    /// The domain, like acme.example
    pub(crate) domain: String,
    /// The file to write, for its present holder (deedbox transfer) or the registry's operator (deedbox recover)
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// The public half of a key that is kept offline, in base64 or as a key file: it is above your other keys from the start. One that you put later
    /// begins 30 days later
    #[arg(long, value_name = "BASE64|FILE")]
    pub(crate) recovery_key: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Transfer {
    /// The domain, like acme.example
    pub(crate) domain: String,
    /// What its next holder wrote with deedbox accept
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct GiveUp {
    /// The domain, like acme.example
    pub(crate) domain: String,
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Recover {
    /// The domain, like acme.example
    #[arg(required_unless_present = "countersign")]
    pub(crate) domain: Option<String>,
    /// The registry operator's key, which vouches for the recovery: a file, or its whole text
    #[arg(long, allow_hyphen_values = true, value_name = "FILE|PEM")]
    pub(crate) operator_key: Option<KeyGiven>,
    /// With --operator-key: look from this machine at what the claimant put at the domain, and vouch only for what is seen. For a domain that DNS or
    /// HTTPS showed, whose recovery was contested
    #[arg(long, requires = "operator_key")]
    pub(crate) look: bool,
    /// With --look: name server to ask; may be given again [default: this machine's own]
    #[arg(long, requires = "look", value_name = "ADDRESS", value_delimiter = ',')]
    pub(crate) resolver: Vec<SocketAddr>,
    /// What the claimant wrote with deedbox accept; with --operator-key, open or complete their recovery
    #[arg(long, value_name = "FILE", conflicts_with = "domain")]
    pub(crate) countersign: Option<PathBuf>,
    /// How many minutes to wait for what you put at the domain to be seen; 0 looks once
    #[arg(long, value_name = "MINUTES", default_value_t = 60)]
    pub(crate) wait: u32,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Contest {
    /// The domain, like acme.example
    pub(crate) domain: String,
    /// Contest that your key was taken away, although a recovery is open that you could contest
    #[arg(long)]
    pub(crate) removal: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Statements {
    /// The id of the key, as deedbox keys list shows it
    pub(crate) kid: String,
    /// Only those that were signed on this day (UTC) or later, like 2027-01-31
    #[arg(long, value_name = "DAY")]
    pub(crate) since: Option<String>,
    /// Yank each release among them that is not yanked, with your own key and the reason security
    #[arg(long)]
    pub(crate) yank: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Add a key, or give one another role or another end
    Put {
        /// The domain, like acme.example
        domain: String,
        /// The public key in base64, as keygen prints it on the machine that has the key; or a key file, of which the public half is taken
        #[arg(value_name = "BASE64|FILE")]
        public_key: String,
        /// What it may do: publish (releases, their standing, channels), admin (keys too), or recovery (keys, and no releases: a key that is
        /// kept offline, above the admin keys)
        #[arg(long, default_value = "publish")]
        role: String,
        /// The first day on which it may be used (UTC), like 2027-01-31 [default: from now on; the first recovery key: in 31 days]
        #[arg(long, value_name = "DAY")]
        from: Option<String>,
        /// The day from which on it may not be used any more (UTC), like 2028-01-31 [default: no end]
        #[arg(long, value_name = "DAY")]
        until: Option<String>,
    },
    /// Take keys away; what they signed before stays
    Remove {
        /// The domain, like acme.example
        domain: String,
        /// The ids of the keys, as the list shows them
        #[arg(required = true)]
        kids: Vec<String>,
    },
    /// Say whether only keys decide about a domain: then no evidence and no operator gives it to anybody. A recovery key says it
    Only {
        /// The domain, like acme.example
        domain: String,
        /// on or off
        #[arg(value_name = "on|off", value_parser = ["on", "off"])]
        only: String,
    },
    /// List the keys of a domain and how it stands, proven by the log
    List {
        /// The domain, like acme.example
        domain: String,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Grant {
    /// The domain, like acme.example
    pub(crate) domain: String,
    /// The public key in base64, as keygen prints it on the machine that has the key; or a key file, of which the public half is taken
    #[arg(value_name = "BASE64|FILE")]
    pub(crate) public_key: String,
    /// A package, like npm:acme.example/widget; or how ids begin, up to a slash, like npm:acme.example/. May be repeated
    #[arg(long = "for", value_name = "ID", required = true)]
    pub(crate) ids: Vec<String>,
    /// What the key may do: publish (releases, with the channels that they set), yank (and deprecate, and take that back), channel. May be repeated
    #[arg(long = "may", value_name = "ACTION", default_value = "publish", value_parser = ["channel", "publish", "yank"])]
    pub(crate) actions: Vec<String>,
    /// The day on which it ends (UTC), like 2028-01-31 [default: no end]
    #[arg(long, value_name = "DAY")]
    pub(crate) until: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Revoke {
    /// The domain, like acme.example
    pub(crate) domain: String,
    /// The id of the grant, as `deedbox grants` shows it
    pub(crate) grant: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Grants {
    /// The domain, like acme.example
    pub(crate) domain: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Log {
    /// A domain, like acme.example; or a package, like npm:acme.example/widget, with the domains that spoke for it
    #[arg(value_name = "ID|DOMAIN")]
    pub(crate) target: String,
    /// Show only what was said from this day on (UTC), like 2027-01-31
    #[arg(long, value_name = "DAY")]
    pub(crate) since: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Can {
    /// Of a package: publish, yank, channel; of a domain: claim, keys, grant, freeze, thaw, transfer, release, recover
    pub(crate) action: String,
    /// The package, like npm:acme.example/widget, or the domain, like acme.example
    #[arg(value_name = "ID|DOMAIN")]
    pub(crate) target: String,
    /// The public key in base64, a key file of which the public half is taken, or the id of a key [default: your key]
    #[arg(value_name = "BASE64|FILE|KID")]
    pub(crate) public_key: Option<String>,
}

/// The clients that `setup` knows, by every word for them.
fn package_manager() -> impl TypedValueParser<Value = &'static PackageManager> {
    let all = Ecosystems::default().package_managers();
    let values: Vec<PossibleValue> = all.iter().map(|one| one.possible_value()).collect();
    PossibleValuesParser::new(values).try_map(move |word| {
        let known = all.iter().find(|one| one.words().any(|known| known == word));
        known.copied().ok_or("setup does not know this client")
    })
}

/// Which lock files are read.
fn lock_files() -> String {
    format!("Check every package of a {}", one_of(&Ecosystems::default().lock_file_names()).unwrap_or_default())
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Setup {
    /// The client whose settings are written
    #[arg(value_parser = package_manager())]
    pub(crate) client: &'static PackageManager,
    /// The domain whose packages come from the registry, like acme.example
    #[arg(long)]
    pub(crate) domain: String,
    /// The project directory
    #[arg(long, default_value = ".", value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Change a setting that names another registry
    #[arg(long, conflicts_with = "undo")]
    pub(crate) replace: bool,
    /// Remove what setup wrote for this domain and registry
    #[arg(long)]
    pub(crate) undo: bool,
    /// npm only: also write audit=false, so that npm install sends the names of what is installed to nobody
    #[arg(long)]
    pub(crate) no_audit: bool,
    /// npm, pnpm, Yarn, Bun and Deno: use this registry for every package, so that no other registry is asked for a name
    #[arg(long)]
    pub(crate) only: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Publish {
    // What it takes is for each ecosystem to say.
    #[arg(default_value = ".", help = Ecosystems::default().publishables())]
    pub(crate) paths: Vec<PathBuf>,
    /// The package's id; refused if its own manifest says another one. Needed for Maven if it is not clear where the domain ends in the
    /// group; needed for an image or a gem that does not name its domain, if deedbox.toml has none and your key speaks for several
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// The version; refused if the package's own manifest says another one. For an image: a tag that never moves
    #[arg(long)]
    pub(crate) version: Option<String>,
    /// Channels to set with it [default: as the ecosystem does, latest for npm]
    #[arg(long)]
    pub(crate) channel: Vec<String>,
    /// Do everything but sign and send: list the files, and ask the registry whether it would take them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Continue with the others if one is refused
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Leave out versions that are there already, whatever their contents
    #[arg(long)]
    pub(crate) skip_existing: bool,
    /// Allow the private key in this file of the artifact, because it is meant to be public (a key for tests). A folder or an archive
    /// allows all files in it. May be repeated. The key that signs is always refused
    #[arg(long, value_name = "PATH")]
    pub(crate) allow_private_key: Vec<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Yank {
    /// The release, like npm:acme.example/widget@1.0.0
    pub(crate) release: String,
    /// Why: broken, security, licence, mistake, superseded, unmaintained or other
    #[arg(long, default_value = "other")]
    pub(crate) reason: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Unyank {
    /// The release, like npm:acme.example/widget@1.0.0
    pub(crate) release: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Deprecate {
    /// The release, like npm:acme.example/widget@1.0.0
    pub(crate) release: String,
    /// Why: broken, security, licence, mistake, superseded, unmaintained or other [default: that of the present notice, or other]
    #[arg(long, conflicts_with = "lift")]
    pub(crate) reason: Option<String>,
    /// A message that installers show, at most 1,024 bytes [default: that of the present notice]
    #[arg(long, conflicts_with = "lift")]
    pub(crate) message: Option<String>,
    /// Remove the message of the notice, and keep the notice
    #[arg(long, conflicts_with_all = ["lift", "message"])]
    pub(crate) no_message: bool,
    /// Remove the notice
    #[arg(long)]
    pub(crate) lift: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Channel {
    /// Point a channel at a version
    Set {
        /// The release, like npm:acme.example/widget@1.0.0
        release: String,
        /// The channel, like next
        channel: String,
    },
    /// Remove a channel
    Remove {
        /// The package, like npm:acme.example/widget
        id: String,
        /// The channel, like next
        channel: String,
    },
    /// List a package's channels
    List {
        /// The package, like npm:acme.example/widget
        id: String,
    },
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Verify {
    /// A release, like npm:acme.example/widget@1.0.0, or a file; with both, the file is compared with the release
    #[arg(required_unless_present_any = ["lockfile", "proof"])]
    pub(crate) targets: Vec<String>,
    #[arg(long, help = lock_files(), value_name = "FILE", conflicts_with_all = ["proof", "save", "no_download"])]
    pub(crate) lockfile: Option<PathBuf>,
    /// With --lockfile: packages of other registries are failures too
    #[arg(long, requires = "lockfile")]
    pub(crate) require_all: bool,
    /// Use this saved proof instead of asking the registry
    #[arg(long, value_name = "FILE")]
    pub(crate) proof: Option<PathBuf>,
    /// Use no network: only saved proofs and pinned keys
    #[arg(long, conflicts_with = "lockfile")]
    pub(crate) offline: bool,
    /// Also write the proof to this file, and beside it the statement, a tlog-proof and a COSE receipt for other tools
    #[arg(long, value_name = "FILE", conflicts_with_all = ["offline", "proof"])]
    pub(crate) save: Option<PathBuf>,
    /// Trust the log key that the registry shows the first time, if a project's files named the registry and nobody can be asked
    #[arg(long, conflicts_with = "offline")]
    pub(crate) pin_on_first_use: bool,
    /// Accept the present holder of a domain that was recovered, or claimed again after it was given up; once, if all else verifies
    #[arg(long)]
    pub(crate) accept_tenure: bool,
    /// Do not download the release's artifacts to compare them
    #[arg(long, conflicts_with_all = ["offline", "proof"])]
    pub(crate) no_download: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Replay {
    /// The data directory of a registry that is not running
    #[arg(long, env = "DEEDBOX_DATA", default_value = "deedbox-data", value_name = "DIR")]
    pub(crate) data: PathBuf,
    /// Compare every row with what the log gives, and change nothing
    #[arg(long)]
    pub(crate) verify: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Fsck {
    /// The data directory of a registry that is not running
    #[arg(long, env = "DEEDBOX_DATA", default_value = "deedbox-data", value_name = "DIR")]
    pub(crate) data: PathBuf,
}
