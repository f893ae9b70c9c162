//! `deedbox can`: whether a key may do something now, and which rule says so, by the registry's word. Signs and sends nothing.

use crate::args;
use crate::context::{Context, package};
use crate::failure::{ended, wrong};
use crate::minutes::short_key;
use crate::terminal;
use deedbox_authority::Question;
use deedbox_client::Registry;
use deedbox_model::{KeyId, Signer as _};

pub(super) async fn run(context: &Context, args: args::Can) -> anyhow::Result<()> {
    if args.target.contains(':') {
        // An ecosystem's own spelling is told what to write instead.
        package(&args.target)?;
    }
    let question = Question::parse(&args.action, &args.target).map_err(wrong)?;
    let kid = match &args.public_key {
        Some(text) => kid_of(text)?,
        None => context.signing_key()?.public().id(),
    };
    let registry = Registry::new(context.url()?.clone())?;
    let can = deedbox_client::can(&registry, &question, kid).await?;
    if context.json {
        terminal::say_json(&can)?;
    }
    let (key, what) = (short_key(&kid), words(&question));
    let by = format!("by the word of {} and its clock", registry.url());
    match (&can.rule, &can.code) {
        (Some(rule), None) => {
            if !context.json {
                let (sentence, section) = (terminal::excerpt(&rule.sentence), terminal::excerpt(&rule.section));
                terminal::say_line(&format!("yes: the key {key} may {what}, by {sentence} ({section}); {by}"));
            }
            Ok(())
        }
        (_, code) => {
            let (code, message) = (terminal::excerpt(code.as_deref().unwrap_or("refused")), can.message.as_deref().unwrap_or_default());
            Err(ended(&code, 1, format!("no: the key {key} may not {what}: {} [{code}]; {by}", terminal::excerpt(message))))
        }
    }
}

/// What is asked, as the end of a sentence.
fn words(question: &Question) -> String {
    match question {
        Question::Package(_, action) => match action.as_str() {
            "channel" => format!("set channels of {question}"),
            action => format!("{action} {question}"),
        },
        Question::Domain(_, act) => match act.as_str() {
            "keys" => format!("change the keys of {question}"),
            "grant" => format!("grant something of {question}"),
            "release" => format!("give up {question}"),
            "transfer" => format!("hand over {question}"),
            act => format!("{act} {question}"),
        },
    }
}

/// The id of a key: written out, or that of a public key or of a key file.
fn kid_of(text: &str) -> anyhow::Result<KeyId> {
    match KeyId::from_hex(text) {
        Some(kid) => Ok(kid),
        None => super::given::public(text).map(|key| key.id()),
    }
}
