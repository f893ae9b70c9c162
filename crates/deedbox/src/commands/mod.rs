//! One command a file.

mod can;
mod channel;
pub(crate) mod claim;
pub(crate) mod demo;
mod fsck;
mod given;
mod grants;
mod hands;
mod keygen;
mod keys;
mod log;
mod manual;
pub(crate) mod publish;
mod recover;
mod replay;
mod request;
pub(crate) mod serve;
pub(crate) mod setup;
mod shown;
mod standing;
mod statements;
pub(crate) mod verify;

use crate::args::{Args, Command};
use crate::context::Context;
use crate::interrupt;

/// Runs the command.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    match args.command {
        // These know no registry but their own, or none.
        Command::Serve(args) => serve::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(args),
        command => {
            let context = Context::new(args.global)?;
            match command {
                Command::Keygen(args) => keygen::run(&context, args),
                Command::Claim(args) => claim::run(&context, args).await,
                Command::Keys(args) => keys::run(&context, args).await,
                Command::Grant(args) => grants::grant(&context, args).await,
                Command::Revoke(args) => grants::revoke(&context, args).await,
                Command::Grants(args) => grants::list(&context, args).await,
                Command::Log(args) => log::run(&context, args).await,
                Command::Can(args) => can::run(&context, args).await,
                Command::Freeze(args) => hands::freeze(&context, args).await,
                Command::Thaw(args) => hands::thaw(&context, args).await,
                Command::Accept(args) => hands::accept(&context, args).await,
                Command::Transfer(args) => hands::transfer(&context, args).await,
                Command::GiveUp(args) => hands::give_up(&context, args).await,
                Command::Recover(args) => recover::run(&context, args).await,
                Command::Contest(args) => hands::contest(&context, args).await,
                Command::Statements(args) => statements::run(&context, args).await,
                Command::Setup(args) => setup::run(&context, args),
                Command::Publish(args) => {
                    let registry = context.url_if_given().ok().flatten().map(ToString::to_string);
                    interrupt::may_end(registry, publish::run(&context, args)).await
                }
                Command::Yank(args) => standing::yank(&context, args).await,
                Command::Unyank(args) => standing::unyank(&context, args).await,
                Command::Deprecate(args) => standing::deprecate(&context, args).await,
                Command::Channel(args) => channel::run(&context, args).await,
                Command::Verify(args) => verify::run(&context, args).await,
                Command::Replay(args) => replay::run(&context, args).await,
                Command::Fsck(args) => fsck::run(&context, args).await,
                Command::Serve(_) | Command::Demo(_) | Command::Completions(_) | Command::Man(_) => Ok(()),
            }
        }
    }
}
