//! `deedbox yank`, `unyank` and `deprecate`: how a release stands. Never touches its bytes.

use crate::args::{Deprecate, Unyank, Yank};
use crate::context::{self, Context};
use crate::failure::{refused_as, wrong};
use crate::{home, terminal};
use deedbox_client::{Included, Intent, Payload, Trusted, state, submit, upload};
use deedbox_model::event::{Notice, ReleaseDeprecated, ReleaseUnyanked, ReleaseYanked};
use deedbox_model::limits::MESSAGE_BYTES;
use deedbox_model::{Event, ObjectRef, PackageId, ReasonCode, Signer, said};
use serde::Serialize;

/// An event that is in the log, for programs.
#[derive(Serialize)]
pub(crate) struct Done {
    pub(crate) subject: String,
    pub(crate) r#type: &'static str,
    pub(crate) index: u64,
    pub(crate) event: String,
    pub(crate) seen: bool,
    pub(crate) tree_size: u64,
}

pub(crate) async fn yank(context: &Context, args: Yank) -> anyhow::Result<()> {
    let (id, version) = context::release(&args.release)?;
    let reason = reason(&args.reason)?;
    let said = format!("yanked {} ({reason}): clients no longer choose it; projects that have it in a lock file can keep it", args.release);
    say(context, id, Event::from(ReleaseYanked { reason, version }), &said).await
}

pub(crate) async fn unyank(context: &Context, args: Unyank) -> anyhow::Result<()> {
    let (id, version) = context::release(&args.release)?;
    let said = format!("unyanked {}: it may be chosen again", args.release);
    say(context, id, Event::from(ReleaseUnyanked { version }), &said).await
}

pub(crate) async fn deprecate(context: &Context, args: Deprecate) -> anyhow::Result<()> {
    let (id, version) = context::release(&args.release)?;
    if args.lift {
        let said = format!("took the notice off {}", args.release);
        return say(context, id, Event::from(ReleaseDeprecated { notice: None, version }), &said).await;
    }
    let said = args.reason.as_deref().map(reason).transpose()?;
    if args.message.as_deref().is_some_and(|text| !deedbox_view::entry::is_message(text)) {
        return Err(wrong(said!("a message has 1 to {} bytes and no control characters or line breaks", MESSAGE_BYTES)));
    }
    let trusted = context.trusted().await?;
    let key = context.signing_key()?;
    let before = state::release(trusted.registry(), &id, &version).await?.and_then(|release| release.notice);
    let reason = match (said, &before) {
        (Some(reason), _) => reason,
        (None, Some(before)) => self::reason(&before.reason)?,
        (None, None) => ReasonCode::Other,
    };
    let (message, how) = match (&args.message, &before) {
        (Some(text), _) => {
            let object = ObjectRef::of(text.as_bytes());
            let payload = Payload::Bytes(text.clone().into_bytes());
            upload(&trusted, &key, id.domain(), vec![(object, payload)], &home::now, &|_| ()).await?;
            (Some(object), String::new())
        }
        (None, Some(before)) if !args.no_message => match kept(before, &args.release)? {
            Some((object, text)) => (Some(object), format!(", and kept its words: {text}")),
            None => (None, String::new()),
        },
        (None, _) => (None, String::new()),
    };
    let event = Event::from(ReleaseDeprecated { notice: Some(Notice { reason, message }), version });
    say_with(context, &trusted, &key, id, event, &format!("put a notice on {} ({reason}){how}", args.release)).await
}

/// The words of the notice that is there: a new reason alone does not take them away. They are signed again, so they are compared with the
/// digest that would be signed.
fn kept(before: &state::NoticeState, release: &str) -> anyhow::Result<Option<(ObjectRef, String)>> {
    let Some(object) = &before.message_object else { return Ok(None) };
    let text = before.message.clone().filter(|text| ObjectRef::of(text.as_bytes()).sha256.to_hex() == object.sha256);
    let text = text.ok_or_else(|| {
        refused_as(
            "notice_words_unknown",
            format!("there is a notice on {release} with words that the registry does not show: give new ones with --message, or remove them with --no-message"),
        )
    })?;
    Ok(Some((ObjectRef::of(text.as_bytes()), terminal::excerpt(&text))))
}

pub(super) fn reason(text: &str) -> anyhow::Result<ReasonCode> {
    ReasonCode::parse(text).ok_or_else(|| {
        let all: Vec<&str> = ReasonCode::ALL.iter().map(|code| code.as_str()).collect();
        wrong(format!("{text:?} is not a reason: use one of {}", all.join(", ")))
    })
}

/// Says it to the log and to the person.
pub(crate) async fn say(context: &Context, id: PackageId, event: Event, said: &str) -> anyhow::Result<()> {
    let key = context.signing_key()?;
    let trusted = context.trusted().await?;
    say_with(context, &trusted, &key, id, event, said).await
}

async fn say_with(context: &Context, trusted: &Trusted, key: &dyn Signer, id: PackageId, event: Event, said: &str) -> anyhow::Result<()> {
    let intent = Intent { id, event };
    let included = submit(trusted, key, &intent, &home::now).await?;
    told(context, &intent, &included, said)
}

fn told(context: &Context, intent: &Intent, included: &Included, said: &str) -> anyhow::Result<()> {
    if context.json {
        return terminal::say_json(&Done {
            subject: intent.id.to_string(),
            r#type: intent.event.type_name(),
            index: included.index,
            event: included.event.to_hex(),
            seen: included.seen,
            tree_size: included.tree_size,
        });
    }
    terminal::say(&format!("{said}\n  entry {}, included in the verified checkpoint of {} entries", included.index, included.tree_size));
    Ok(())
}
