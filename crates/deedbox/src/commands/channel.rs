//! `deedbox channel` (alias `tag`): names that move between versions.

use super::standing::say;
use crate::args::Channel as Args;
use crate::context::{self, Context};
use crate::failure::refused;
use crate::terminal;
use deedbox_client::{Registry, state};
use deedbox_model::Event;
use deedbox_model::event::{ChannelRemoved, ChannelSet};

pub(crate) async fn run(context: &Context, args: Args) -> anyhow::Result<()> {
    match args {
        Args::Set { release, channel } => {
            let (id, version) = context::release(&release)?;
            let channel = context::channel(&channel)?;
            let said = format!("{channel} of {id} is {version} now");
            say(context, id, Event::from(ChannelSet { channel, version }), &said).await
        }
        Args::Remove { id, channel } => {
            let id = context::package(&id)?;
            let channel = context::channel(&channel)?;
            let said = format!("{id} has no {channel} any more");
            say(context, id, Event::from(ChannelRemoved { channel }), &said).await
        }
        Args::List { id } => list(context, &id).await,
    }
}

async fn list(context: &Context, id: &str) -> anyhow::Result<()> {
    let id = context::package(id)?;
    let registry = Registry::new(context.url()?.clone())?;
    let Some(channels) = state::channels(&registry, &id).await? else {
        return Err(refused(format!("nothing was ever published as {id} at {}", registry.url())));
    };
    if context.json {
        return terminal::say_json(&channels);
    }
    for channel in channels {
        terminal::say_line(&format!("{}  {}  (entry {}, {})", channel.channel, channel.version, channel.index, channel.at));
    }
    Ok(())
}
