//! `deedbox setup`: a package manager's own settings for one domain's packages. Sets, changes or takes out that one thing;
//! every other line of the file stays as it is. The same for every client: a setting that is there with another address is
//! refused unless `--replace` says that it is meant, and `--undo` takes out what names this registry.

use crate::args::Setup;
use crate::context::Context;
use crate::ecosystems::Ecosystems;
use crate::failure::wrong;
use crate::managers::{Mode, PackageManager, Task};
use crate::packages::words::all_of;
use deedbox_model::Domain;

pub(crate) fn run(context: &Context, args: Setup) -> anyhow::Result<()> {
    let domain = Domain::parse(&args.domain).map_err(|e| wrong(e.to_string()))?;
    let url = context.url()?;
    if !args.dir.is_dir() {
        return Err(wrong(format!("{} is not a folder: make it, or give the project's folder with --dir", args.dir.display())));
    }
    check_flags(&args, Ecosystems::default())?;
    let task = Task { mode: mode_of(&args), domain: &domain, url, dir: &args.dir, only: args.only, no_audit: args.no_audit };
    (args.client.set_up)(&task)
}

fn mode_of(args: &Setup) -> Mode {
    match (args.undo, args.replace) {
        (true, _) => Mode::Undo,
        (false, true) => Mode::Replace,
        (false, false) => Mode::Set,
    }
}

/// Flags that this client has nothing for.
fn check_flags(args: &Setup, ecosystems: Ecosystems) -> anyhow::Result<()> {
    let named = |takes: fn(&PackageManager) -> bool| {
        let all: Vec<&str> = ecosystems.package_managers().into_iter().filter(|one| takes(one)).map(|one| one.name).collect();
        all_of(&all).unwrap_or_default()
    };
    if args.no_audit && !args.client.takes_no_audit {
        let clients = named(|one| one.takes_no_audit);
        return Err(wrong(format!("--no-audit is for {clients}: the others send no names while they install; leave it out")));
    }
    if args.only && !args.client.takes_only {
        return Err(wrong(format!("--only is for {}; leave it out", named(|one| one.takes_only))));
    }
    Ok(())
}
