//! What `--help`, completions and man pages are made of: the arguments, with examples, and with each setting shown only
//! where it does something. A setting that does nothing in a command is refused there. Does nothing itself.

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory as _};

/// The settings that stand before or behind any command.
pub(crate) const SETTINGS: [&str; 4] = ["registry", "key", "log_key", "json"];

/// What a command is told beside its arguments.
pub(crate) struct About {
    /// Its words: `channel set`.
    pub(crate) command: &'static str,
    /// The settings that do something in it.
    pub(crate) settings: &'static [&'static str],
    /// Command lines, each with what it does behind a `#` if it needs that.
    pub(crate) examples: &'static [&'static str],
}

const ALL: &[&str] = &["registry", "key", "log_key", "json"];

/// Every command.
pub(crate) const COMMANDS: &[About] = &[
    About { command: "demo", settings: &[], examples: &["deedbox demo", "deedbox demo --once --dir story"] },
    About {
        command: "serve",
        settings: &[],
        examples: &[
            "deedbox serve --data deedbox-data --public-url https://registry.example",
            "deedbox serve --public-url https://registry.example --public-suffixes public_suffix_list.dat   # claims by DNS and HTTPS",
            "deedbox serve --allow-local-claims   # to try it out on this machine",
        ],
    },
    About { command: "keygen", settings: &["registry", "key", "json"], examples: &["deedbox keygen", "deedbox keygen --out team.pem"] },
    About {
        command: "claim",
        settings: ALL,
        examples: &[
            "deedbox claim acme.example --registry https://registry.example   # says what to put into DNS, and waits until it is seen",
            "deedbox claim acme.example --wait 0   # looks once",
            "deedbox claim acme.example --operator-key operator.pem   # the operator vouches",
            "deedbox claim acme.example --request request.json   # for an operator who vouches on another machine",
            "deedbox claim --countersign request.json --operator-key operator.pem   # and they file it",
            "deedbox claim team.localhost --registry http://127.0.0.1:8417",
        ],
    },
    About {
        command: "keys put",
        settings: ALL,
        examples: &[
            "deedbox keys put acme.example BASE64 --until 2027-12-31",
            "deedbox keys put acme.example BASE64 --role admin   # a second one, in case the first is lost",
            "deedbox keys put acme.example BASE64 --role recovery   # one that is kept offline, above the others",
        ],
    },
    About { command: "keys only", settings: ALL, examples: &["deedbox keys only acme.example on --key recovery.pem"] },
    About { command: "keys remove", settings: ALL, examples: &["deedbox keys remove acme.example KID"] },
    About {
        command: "keys list",
        settings: &["registry", "log_key", "json"],
        examples: &["deedbox keys list acme.example --registry https://registry.example"],
    },
    About {
        command: "grant",
        settings: ALL,
        examples: &[
            "deedbox grant acme.example BASE64 --for npm:acme.example/widget",
            "deedbox grant acme.example ci.pem --for npm:acme.example/ --for oci:acme.example/ --may publish --may channel --until 2027-12-31",
        ],
    },
    About { command: "revoke", settings: ALL, examples: &["deedbox revoke acme.example GRANT"] },
    About {
        command: "grants",
        settings: &["registry", "log_key", "json"],
        examples: &["deedbox grants acme.example --registry https://registry.example"],
    },
    About {
        command: "log",
        settings: &["registry", "log_key", "json"],
        examples: &["deedbox log acme.example --since 2027-01-31", "deedbox log npm:acme.example/widget"],
    },
    About {
        command: "can",
        settings: &["registry", "key", "json"],
        examples: &[
            "deedbox can publish npm:acme.example/widget",
            "deedbox can publish npm:acme.example/widget ci.pem",
            "deedbox can recover acme.example KID",
        ],
    },
    About {
        command: "freeze",
        settings: ALL,
        examples: &[
            "deedbox freeze acme.example",
            "deedbox freeze acme.example --reason security --operator-key operator.pem   # the registry says it, for 14 days",
        ],
    },
    About {
        command: "thaw",
        settings: ALL,
        examples: &["deedbox thaw acme.example", "deedbox thaw acme.example --operator-key operator.pem"],
    },
    About { command: "accept", settings: ALL, examples: &["deedbox accept acme.example --out acme.json"] },
    About {
        command: "transfer",
        settings: ALL,
        examples: &["deedbox transfer acme.example --to acme.json   # what the next holder wrote with deedbox accept"],
    },
    About { command: "give-up", settings: ALL, examples: &["deedbox give-up acme.example"] },
    About {
        command: "recover",
        settings: ALL,
        examples: &[
            "deedbox recover acme.example   # says what to put into DNS, and opens the recovery when it is seen",
            "deedbox recover acme.example   # the same again when the wait is over: completes it",
            "deedbox recover acme.example --operator-key operator.pem   # the operator vouches",
            "deedbox recover --countersign acme.json --operator-key operator.pem   # for whoever wrote it with deedbox accept",
            "deedbox recover --countersign acme.json --operator-key operator.pem --look   # where DNS or HTTPS shows it, and it was contested",
        ],
    },
    About { command: "contest", settings: ALL, examples: &["deedbox contest acme.example --key old.pem"] },
    About {
        command: "statements",
        settings: ALL,
        examples: &["deedbox statements KID --since 2027-01-31", "deedbox statements KID --since 2027-01-31 --yank"],
    },
    About {
        command: "setup",
        settings: &["registry"],
        examples: &[
            "deedbox setup npm --domain acme.example --registry https://registry.example",
            "deedbox setup maven --domain acme.example --dir app",
            "deedbox setup npm --domain acme.example --undo",
        ],
    },
    About {
        command: "publish",
        settings: ALL,
        examples: &[
            "deedbox publish --dry-run   # everything but signing and sending",
            "deedbox publish",
            "deedbox publish app.tar --id oci:acme.example/app --version 1.1",
        ],
    },
    About { command: "yank", settings: ALL, examples: &["deedbox yank npm:acme.example/widget@1.0.0 --reason broken"] },
    About { command: "unyank", settings: ALL, examples: &["deedbox unyank npm:acme.example/widget@1.0.0"] },
    About {
        command: "deprecate",
        settings: ALL,
        examples: &[
            "deedbox deprecate npm:acme.example/widget@1.0.0 --reason superseded --message gadget-is-next",
            "deedbox deprecate npm:acme.example/widget@1.0.0 --lift",
        ],
    },
    About { command: "channel set", settings: ALL, examples: &["deedbox channel set npm:acme.example/widget@1.0.0 next"] },
    About { command: "channel remove", settings: ALL, examples: &["deedbox channel remove npm:acme.example/widget next"] },
    About {
        command: "channel list",
        settings: &["registry", "json"],
        examples: &["deedbox channel list npm:acme.example/widget --registry https://registry.example"],
    },
    About {
        command: "verify",
        settings: &["registry", "log_key", "json"],
        examples: &[
            "deedbox verify --lockfile package-lock.json",
            "deedbox verify npm:acme.example/widget@1.0.0",
            "deedbox verify npm:acme.example/widget@1.0.0 widget-1.0.0.tgz",
            "deedbox verify --offline widget-1.0.0.tgz",
            "deedbox verify npm:acme.example/widget@1.0.1 --accept-tenure   # once, after you know who has the domain now",
        ],
    },
    About { command: "replay", settings: &["json"], examples: &["deedbox replay --data deedbox-data --verify"] },
    About { command: "fsck", settings: &["json"], examples: &["deedbox fsck --data deedbox-data"] },
    About { command: "completions", settings: &[], examples: &["deedbox completions bash   # into /etc/bash_completion.d/deedbox, say"] },
    About { command: "man", settings: &[], examples: &["deedbox man", "deedbox man --dir share/man/man1"] },
];

/// The command line of this program.
pub(crate) fn command_line() -> Command {
    let mut command = without_empty(crate::args::Args::command());
    // From here on the settings are part of each command.
    command.build();
    told(command, "")
}

/// A variable that is set to nothing counts as one that is not set, as in a compose file that hands on what it was not
/// given.
fn without_empty(command: Command) -> Command {
    let is_empty = |arg: &Arg| arg.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    command.mut_args(|arg| if is_empty(&arg) { arg.env(Resettable::Reset) } else { arg }).mut_subcommands(without_empty)
}

fn told(command: Command, above: &str) -> Command {
    let mut command = command;
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        let words = format!("{above} {name}").trim_start().to_owned();
        command = command.mut_subcommand(&name, |sub| {
            let sub = told(sub, &words);
            match COMMANDS.iter().find(|about| about.command == words) {
                Some(about) => with(sub, about),
                None => sub,
            }
        });
    }
    command
}

fn with(command: Command, about: &About) -> Command {
    let is_idle = |arg: &Arg| {
        let id = arg.get_id().as_str();
        SETTINGS.contains(&id) && !about.settings.contains(&id)
    };
    let command = command.mut_args(|arg| if is_idle(&arg) { arg.hide(true) } else { arg });
    let examples: Vec<String> = about.examples.iter().map(|example| format!("  {example}")).collect();
    command.after_help(format!("Examples:\n{}", examples.join("\n")))
}

/// What is wrong with settings that were given on the command line, if one does nothing.
pub(crate) fn idle_setting(matches: &ArgMatches) -> Option<String> {
    let (mut here, mut words) = (matches, String::new());
    while let Some((name, below)) = here.subcommand() {
        words = format!("{words} {name}").trim_start().to_owned();
        here = below;
    }
    let about = COMMANDS.iter().find(|about| about.command == words)?;
    let is_given = |setting: &&str| here.value_source(setting) == Some(ValueSource::CommandLine);
    let idle = SETTINGS.into_iter().filter(|setting| !about.settings.contains(setting)).find(is_given)?;
    Some(format!("--{} does nothing in deedbox {words}: leave it out", idle.replace('_', "-")))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each command that does something, with the words that call it.
    fn leaves(command: &Command, above: &str, found: &mut Vec<(String, Command)>) {
        for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
            let words = format!("{above} {}", sub.get_name()).trim_start().to_owned();
            match sub.get_subcommands().any(|sub| sub.get_name() != "help") {
                true => leaves(sub, &words, found),
                false => found.push((words, sub.clone())),
            }
        }
    }

    #[test]
    fn each_command_shows_the_settings_that_do_something_in_it_and_no_other() {
        let mut found = Vec::new();
        leaves(&command_line(), "", &mut found);
        let mut told: Vec<&str> = COMMANDS.iter().map(|about| about.command).collect();
        let mut there: Vec<&str> = found.iter().map(|(words, _)| words.as_str()).collect();
        told.sort_unstable();
        there.sort_unstable();
        assert_eq!(told, there, "every command is in the table");
        for (words, mut command) in found {
            let about = COMMANDS.iter().find(|about| about.command == words).unwrap();
            let help = command.render_long_help().to_string();
            for setting in SETTINGS {
                let flag = format!("--{}", setting.replace('_', "-"));
                let opens = |line: &str| line == flag || line.starts_with(&format!("{flag} "));
                let shown = help.lines().any(|line| opens(line.trim()));
                assert_eq!(shown, about.settings.contains(&setting), "{flag} in deedbox {words}:\n{help}");
            }
        }
    }

    #[test]
    fn each_command_has_examples_and_each_of_them_is_one() {
        for about in COMMANDS {
            assert!(!about.examples.is_empty(), "{}", about.command);
            for example in about.examples {
                let line = example.split('#').next().unwrap();
                assert!(line.starts_with(&format!("deedbox {}", about.command)), "{example}");
                let matches = command_line().try_get_matches_from(line.split_whitespace());
                let matches = matches.unwrap_or_else(|e| panic!("{example}: {e}"));
                assert_eq!(idle_setting(&matches), None, "{example}");
            }
        }
    }

    #[test]
    fn a_setting_that_does_nothing_is_refused_before_and_behind_the_command() {
        for (line, idle) in [
            ("deedbox setup npm --domain acme.example --key k.pem", Some("--key")),
            ("deedbox --json setup npm --domain acme.example", Some("--json")),
            ("deedbox --log-key x channel list npm:acme.example/widget", Some("--log-key")),
            ("deedbox serve --registry https://registry.example", Some("--registry")),
            ("deedbox verify --key k.pem npm:acme.example/widget@1.0.0", Some("--key")),
            ("deedbox --registry https://registry.example --key k.pem publish", None),
        ] {
            let said = idle_setting(&command_line().try_get_matches_from(line.split_whitespace()).unwrap());
            assert_eq!(said.as_deref().map(|said| said.split(' ').next().unwrap()), idle, "{line}");
        }
    }

    #[test]
    fn the_names_that_people_type_are_known() {
        for (name, client) in [
            ("npm", "npm"),
            ("pnpm", "pnpm"),
            ("yarn", "yarn"),
            ("bun", "bun"),
            ("deno", "deno"),
            ("gem", "gem"),
            ("rubygems", "gem"),
            ("bundle", "bundler"),
            ("bundler", "bundler"),
            ("mvn", "maven"),
            ("maven", "maven"),
            ("gradle", "gradle"),
            ("oci", "podman"),
            ("podman", "podman"),
            ("buildah", "podman"),
            ("skopeo", "podman"),
            ("docker", "docker"),
            ("containerd", "docker"),
            ("oras", "docker"),
        ] {
            use clap::FromArgMatches as _;
            let line = ["deedbox", "setup", name, "--domain", "acme.example"];
            let args = crate::args::Args::from_arg_matches(&command_line().try_get_matches_from(line).unwrap()).unwrap();
            let crate::args::Command::Setup(setup) = args.command else { panic!("{name}") };
            assert_eq!(setup.client.name, client, "{name}");
        }
    }
}
