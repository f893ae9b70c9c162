//! `deedbox publish`: from directories with their native manifests, or packed artifacts, to releases in the log. Packing
//! is the ecosystem's own tool's work; what is in the result is read here as the server will read it again. What became of each
//! release is said, whatever became of the others.

mod ask;
mod contents;
mod order;
mod release;
mod report;

pub(crate) use release::Release;

use crate::args::Publish;
use crate::context::{self, Context};
use crate::failure::{Failure, words, wrong};
use crate::keyfile::Key;
use crate::packages::Wish;
use crate::secrets::Look;
use crate::{home, interrupt, terminal};
use anyhow::Context as _;
use ask::Asked;
use deedbox_client::{Payload, Registry, Trusted, upload};
use deedbox_model::{Channel, ObjectRef, PackageId, PublicKey, Signer as _, Version};
use report::{Became, Outcome, Report};
use std::path::Path;
use tokio::sync::OnceCell;

pub(crate) async fn run(context: &Context, args: Publish) -> anyhow::Result<()> {
    crate::small_pages::only();
    let mut report = Report::new(args.dry_run, context.json);
    let wanted = match Wanted::of(&args) {
        Ok(wanted) => wanted,
        Err(error) => return report.end_with(context, error),
    };
    let publisher = Publisher::new(context, &args.allow_private_key);
    let releases = read_all(&publisher, &args, &wanted, &mut report).await;
    // A release that cannot be read keeps all from being published: nothing is published by halves without being asked for.
    let stops = report.has_failed() && !args.keep_going;
    let releases = order::ordered(releases);
    if args.dry_run {
        would_publish(&publisher, &args, releases, &mut report).await;
    } else if stops {
        for release in &releases {
            report.add(Outcome::of(release, Became::NotTried));
        }
    } else {
        publish_all(&publisher, &args, &releases, &mut report).await;
    }
    report.end(context)
}

/// What the user said that every release must be.
struct Wanted {
    id: Option<PackageId>,
    version: Option<Version>,
    channels: Vec<Channel>,
}

impl Wanted {
    fn of(args: &Publish) -> anyhow::Result<Self> {
        if args.paths.len() > 1 && (args.id.is_some() || args.version.is_some()) {
            return Err(wrong("--id and --version are about one package: publish the paths one by one"));
        }
        let id = args.id.as_deref().map(context::package).transpose()?;
        let version = args.version.as_deref().map(Version::parse).transpose().map_err(|e| wrong(e.to_string()))?;
        let mut channels = args.channel.iter().map(|channel| context::channel(channel)).collect::<Result<Vec<_>, _>>()?;
        channels.sort();
        channels.dedup();
        Ok(Wanted { id, version, channels })
    }
}

/// Reads what is at every path; what cannot be read is in the report.
async fn read_all(publisher: &Publisher<'_>, args: &Publish, wanted: &Wanted, report: &mut Report) -> Vec<Release> {
    let mut releases = Vec::new();
    for (at, path) in args.paths.iter().enumerate() {
        if report.has_failed() && !args.keep_going {
            report.add(Outcome::at(path, Became::NotTried));
            continue;
        }
        match read_one(publisher, args, wanted, at, path, report).await {
            Ok(read) => releases.extend(read),
            Err(error) => report.add(Outcome::at(path, Became::Refused(error))),
        }
    }
    releases
}

async fn read_one(
    publisher: &Publisher<'_>,
    args: &Publish,
    wanted: &Wanted,
    at: usize,
    path: &Path,
    report: &mut Report,
) -> anyhow::Result<Vec<Release>> {
    let said = || path.display().to_string();
    let registry = publisher.registry()?;
    let wish = Wish {
        id: wanted.id.as_ref(),
        version: wanted.version.as_ref(),
        registry: registry.as_ref(),
        domain: publisher.context.domain()?,
        key: publisher.public.as_ref(),
    };
    let read = Release::read(path, wish, publisher, !args.dry_run).await.with_context(said)?;
    report.notes(read.notes);
    report.left_out(read.left_out);
    for (path, error) in read.refused {
        report.add(Outcome::at(Path::new(&path), Became::Refused(error)));
    }
    if read.releases.len() > 1 && (wanted.id.is_some() || wanted.version.is_some()) {
        let count = read.releases.len();
        return Err(wrong(format!("{} holds {count} releases, but --id and --version are for one", path.display())));
    }
    let mut releases = Vec::new();
    for release in read.releases {
        let release = release.at(at, path);
        match release.must_be(wanted.id.as_ref(), wanted.version.as_ref()) {
            Err(error) => report.add(Outcome::of(&release, Became::Refused(error))),
            Ok(()) if wanted.channels.is_empty() => releases.push(release),
            Ok(()) => releases.push(release.with_channels(wanted.channels.clone())),
        }
    }
    Ok(releases)
}

/// Says what would come of it, and signs and sends nothing.
async fn would_publish(publisher: &Publisher<'_>, args: &Publish, releases: Vec<Release>, report: &mut Report) {
    let mut asked = Asked::default();
    for release in &releases {
        let became = match release.ask(publisher, &mut asked, args.skip_existing).await {
            Ok(became) => became,
            Err(error) => Became::Refused(error),
        };
        report.add(Outcome::of(release, became));
    }
    let key = publisher.keyless.as_ref().map(|why| {
        format!("no key could be read, so it was not checked whether your key may publish this, and whether the key itself is in it: {why}")
    });
    let registry = match publisher.context.url_if_given() {
        Ok(None) => Some("no registry was named, so no registry was asked whether it would accept this".to_owned()),
        // What is wrong with the settings is why each was refused.
        Ok(Some(_)) | Err(_) => None,
    };
    report.notes([key, registry].into_iter().flatten().collect());
}

/// Publishes one after the other, in order.
async fn publish_all(publisher: &Publisher<'_>, args: &Publish, releases: &[Release], report: &mut Report) {
    let mut asked = Asked::default();
    let mut stopped = false;
    for release in releases {
        if stopped {
            report.add(Outcome::of(release, Became::NotTried));
            continue;
        }
        let became = match release.publish_or_skip(publisher, &mut asked, args.skip_existing).await {
            Ok(became) => became,
            Err(error) => {
                // Who cannot be reached now cannot be reached for the next either.
                stopped = !args.keep_going || Failure::of(&error).exit == 3;
                Became::Refused(error)
            }
        };
        report.add(Outcome::of(release, became));
    }
}

/// Who publishes, and where: asked for when it is first needed, so that what is wrong with a package is said before what is wrong here.
pub(crate) struct Publisher<'a> {
    context: &'a Context,
    /// The key's public half, if the key can be read.
    public: Option<PublicKey>,
    /// Why it cannot, if it cannot.
    keyless: Option<String>,
    look: std::sync::Arc<Look>,
    opened: OnceCell<(Key, Trusted)>,
}

impl<'a> Publisher<'a> {
    pub(crate) fn new(context: &'a Context, allowed: &[String]) -> Self {
        let (key, keyless) = match context.signing_key() {
            Ok(key) => (Some(key), None),
            Err(error) => (None, Some(words(&error))),
        };
        let look = std::sync::Arc::new(Look::new(key.as_ref().and_then(Key::secret), allowed));
        Publisher { context, public: key.map(|key| key.public()), keyless, look, opened: OnceCell::new() }
    }

    fn registry(&self) -> anyhow::Result<Option<Registry>> {
        Ok(self.context.url_if_given()?.map(|url| Registry::new(url.clone())).transpose()?)
    }

    async fn open(&self) -> anyhow::Result<&(Key, Trusted)> {
        let open = || async { anyhow::Ok((self.context.signing_key()?, self.context.trusted().await?)) };
        self.opened.get_or_try_init(open).await
    }

    /// Uploads what is so large that its digests take seconds, while they are computed. What comes of it is forgotten by the registry
    /// after a day if the rest is refused; where it breaks off, `Release::publish` sends what is missing.
    async fn upload_ahead(&self, id: Option<PackageId>, files: Vec<(ObjectRef, Payload)>) -> anyhow::Result<()> {
        let Some(id) = id.filter(|_| !files.is_empty()) else { return Ok(()) };
        let (key, trusted) = self.open().await?;
        let bar = terminal::bytes_bar(files.iter().map(|(object, _)| object.size).sum(), id.as_str());
        upload(trusted, key, id.domain(), files, &home::now, &|bytes| sent(&bar, bytes)).await?;
        bar.finish_and_clear();
        Ok(())
    }
}

/// So many bytes more were sent, or were there.
fn sent(bar: &indicatif::ProgressBar, bytes: u64) {
    bar.inc(bytes);
    interrupt::sent(bytes);
}
