use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::failure::Failure;

/// Turns what clap says about a wrong command line into the two lines of every error.
///
/// `None` for what is no error: `--help` and `--version`, which clap prints itself.
pub(crate) fn failure(err: &clap::Error) -> Option<Failure> {
    match err.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => None,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let command = command(err).unwrap_or_else(|| "souffleur".into());
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
    let help = command(err).map_or_else(|| "`souffleur --help`".into(), |command| format!("`{command} --help`"));
    match suggestion {
        Some(name) => format!("did you mean {name}? see {help}"),
        None => format!("see {help}"),
    }
}

/// The command clap was reading: the plain words of its usage line, or of the help it shows instead of an error.
fn command(err: &clap::Error) -> Option<String> {
    let text = err.render().to_string();
    let usage = text.lines().find_map(|line| line.trim().strip_prefix("Usage: "))?;
    let words: Vec<&str> = usage.split(' ').take_while(|word| !word.starts_with(['[', '<', '-'])).collect();
    Some(words.join(" "))
}
