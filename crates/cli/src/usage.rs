use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::failure::Failure;

/// Turns what clap says about a wrong command line into the two lines of every error.
///
/// `None` for what is no error: `--help` and `--version`, which clap prints itself.
pub(crate) fn failure(err: &clap::Error) -> Option<Failure> {
    match err.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => None,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let command = typed_command();
            let hint = match command.as_str() {
                "souffleur" => "start with `souffleur demo`, or see `souffleur --help`".into(),
                _ => format!("see `{command} --help`"),
            };
            Some(Failure::misuse(format!("{command} expects a command, found none"), hint))
        }
        _ => Some(Failure::misuse(message(err), hint(err))),
    }
}

/// The first paragraph of clap's own text: it names the argument and what was found.
fn message(err: &clap::Error) -> String {
    let text = err.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    text.split("\n\n").next().unwrap_or_default().to_owned()
}

fn hint(err: &clap::Error) -> String {
    let suggested = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    let suggestion = suggested.into_iter().find_map(|kind| match err.get(kind)? {
        ContextValue::String(name) => Some(name.clone()),
        ContextValue::Strings(names) => names.first().cloned(),
        _ => None,
    });
    let command = typed_command();
    match suggestion {
        Some(name) => format!("did you mean {name}? see `{command} --help`"),
        None => format!("see `{command} --help`"),
    }
}

/// The commands as the user typed them, up to the first word that is none: `souffleur model export`.
fn typed_command() -> String {
    let mut command = crate::Cli::command();
    let mut names = vec![command.get_name().to_owned()];
    for word in std::env::args_os().skip(1) {
        let Some(subcommand) = command.find_subcommand(&word).cloned() else { break };
        names.push(subcommand.get_name().to_owned());
        command = subcommand;
    }
    names.join(" ")
}
