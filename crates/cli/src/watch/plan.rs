use std::collections::HashSet;
use std::path::{Path, PathBuf};

use souffleur_capture::read_subtitles;
use souffleur_core::{FrameGrid, MediaTime};
use souffleur_engine::{EngineOptions, Sampling, SilentTurns, Window, catalog};
use souffleur_model::{EAGERNESS_RANGE, ModelFolder};
use souffleur_session::export::ExportTarget;
use souffleur_session::{GateRules, ModelLabel, Script, SessionOptions};

use super::{Switch, WatchArgs};
use crate::failure::{Failure, OrFail};

/// A command line that makes sense: everything checked that can be without the video and the weights.
pub(super) struct Plan {
    pub model: ModelFolder,
    pub engine_options: EngineOptions,
    pub script: Script,
    /// Its label is filled in once the engine runs.
    pub session: SessionOptions,
    /// Where to stop.
    pub to: Option<MediaTime>,
    pub exports: Vec<ExportTarget>,
}

impl Plan {
    pub(super) fn new(args: &WatchArgs) -> Result<Self, Failure> {
        refuse_devices(&args.source)?;
        refuse_later_versions(args)?;
        let static_skip = static_skip(&args.static_skip)?;
        let policy = args.policy.parse().or_misuse()?;
        let sampling = sampling(args)?;
        let eagerness = args.eagerness.map(checked_eagerness).transpose()?;
        if args.max_new_tokens == 0 {
            return Err(Failure::misuse("a reply holds at least 1 token, found 0", "give --max-new-tokens 1 or more"));
        }
        let engine_options = EngineOptions {
            provider: args.provider.parse().or_misuse()?,
            silent_turns: match args.collapse_silence {
                Switch::On => SilentTurns::Collapsed,
                Switch::Off => SilentTurns::Kept,
            },
            window: args.window.as_deref().map_or(Ok(Window::Trained), window)?,
            seed: args.seed,
            ..EngineOptions::default()
        };
        // With the defaults of most models in place of what only the manifest says, so that a wrong number is told
        // before a wrong model.
        grid(args, 1.0, 1)?;
        let to = end(args)?;
        let exports = exports(&args.export)?;
        keep_what_is_read(args)?;
        let script = script(args)?;

        let model = catalog::resolve(&args.model).or_fail()?;
        let manifest = model.manifest();
        let grid = grid(args, manifest.frame_interval_secs, manifest.frames_per_turn)?;
        let session = SessionOptions {
            policy,
            eagerness: eagerness.unwrap_or(manifest.default_eagerness),
            sampling,
            static_skip,
            max_new_tokens: args.max_new_tokens,
            repeat_guard: args.repeat_guard == Switch::On,
            gate: (args.gate == Switch::On).then(GateRules::default),
            ..SessionOptions::new(grid, ModelLabel::default())
        };
        Ok(Self { engine_options, script, session, to, exports, model })
    }
}

/// `camera` and `screen` are devices even where a folder has that name: `./camera` is the folder.
fn refuse_devices(source: &Path) -> Result<(), Failure> {
    let name = source.to_str().unwrap_or_default();
    let device = name.split_once(':').map_or(name, |(device, _)| device);
    if !matches!(device, "camera" | "screen") {
        return Ok(());
    }
    let hint = format!("give a video file or a folder of images; a folder of that name is ./{device}");
    Err(Failure::because(format!("this build has no {device} source"), hint))
}

fn refuse_later_versions(args: &WatchArgs) -> Result<(), Failure> {
    let later = [("--token-drop", &args.token_drop), ("--memory-note", &args.memory_note)];
    match later.into_iter().find(|(_, value)| *value != "off") {
        None => Ok(()),
        Some((flag, value)) => {
            let message = format!("{flag} {value} is not in this version: only off is");
            Err(Failure::misuse(message, format!("leave {flag} out")))
        }
    }
}

fn static_skip(written: &str) -> Result<Option<MediaTime>, Failure> {
    match (written, written.parse::<f64>()) {
        ("off", _) => Ok(None),
        (_, Ok(secs)) if secs > 0.0 && secs <= 3600.0 => Ok(Some(MediaTime::from_secs_f64(secs))),
        _ => {
            let message = format!("--static-skip is a time of up to 3600 seconds or off, found {written}");
            Err(Failure::misuse(message, "give --static-skip 10, or --static-skip off"))
        }
    }
}

fn window(written: &str) -> Result<Window, Failure> {
    match (written, written.parse::<u32>()) {
        ("off", _) => Ok(Window::Off),
        (_, Ok(turns)) if turns > 0 => Ok(Window::Turns(turns)),
        _ => {
            let message = format!("the window is a number of turns above 0 or off, found {written}");
            Err(Failure::misuse(message, "give --window 60, or --window off"))
        }
    }
}

fn sampling(args: &WatchArgs) -> Result<Sampling, Failure> {
    if let Some(found) = args.temperature.filter(|temperature| !(*temperature > 0.0 && temperature.is_finite())) {
        let message = format!("the temperature is a number above 0, found {found}");
        return Err(Failure::misuse(message, "give --temperature 0.7, or leave it out for the likeliest words"));
    }
    if args.top_k == Some(0) {
        let message = "--top-k keeps at least 1 token, found 0";
        return Err(Failure::misuse(message, "give --top-k 10, or leave it out to keep all"));
    }
    Ok(match (args.temperature, args.top_k) {
        (None, None) => Sampling::Greedy,
        (temperature, top_k) => Sampling::TopK { temperature: temperature.unwrap_or(1.0), top_k: top_k.unwrap_or(0) },
    })
}

fn checked_eagerness(eagerness: f32) -> Result<f32, Failure> {
    if EAGERNESS_RANGE.contains(&eagerness) {
        return Ok(eagerness);
    }
    let message = format!("the eagerness is a number from -100 to 100, found {eagerness}");
    Err(Failure::misuse(message, "give --eagerness 1 to speak sooner, -1 to speak later"))
}

fn grid(args: &WatchArgs, interval_secs: f64, frames_per_turn: u32) -> Result<FrameGrid, Failure> {
    let interval_secs = args.interval.unwrap_or(interval_secs);
    FrameGrid::new(interval_secs, args.from.unwrap_or(0.0), args.frames_per_turn.unwrap_or(frames_per_turn)).or_misuse()
}

fn end(args: &WatchArgs) -> Result<Option<MediaTime>, Failure> {
    let Some(to) = args.to else { return Ok(None) };
    let from = args.from.unwrap_or(0.0);
    if to > from && to < MediaTime::MAX_SECS {
        return Ok(Some(MediaTime::from_secs_f64(to)));
    }
    let message = format!("the end must lie after the start, found --from {from} and --to {to}");
    Err(Failure::misuse(message, "give --to a time in seconds that is later than --from"))
}

fn exports(paths: &[PathBuf]) -> Result<Vec<ExportTarget>, Failure> {
    let targets = paths.iter().map(|path| ExportTarget::new(path).or_misuse()).collect::<Result<Vec<_>, _>>()?;
    let mut seen = HashSet::new();
    match paths.iter().find(|path| !seen.insert(*path)) {
        None => Ok(targets),
        Some(twice) => {
            let message = format!("{} is asked for twice", twice.display());
            Err(Failure::misuse(message, "give each --export a file of its own"))
        }
    }
}

/// Nothing that is read is written over, under whatever name.
fn keep_what_is_read(args: &WatchArgs) -> Result<(), Failure> {
    let place = |path: &PathBuf| path.canonicalize().ok();
    let read: Vec<PathBuf> =
        [Some(&args.source), args.subtitles.as_ref()].into_iter().flatten().filter_map(place).collect();
    match args.export.iter().find(|path| place(path).is_some_and(|place| read.contains(&place))) {
        None => Ok(()),
        Some(path) => {
            let message = format!("{} would be written over while it is read", path.display());
            Err(Failure::misuse(message, "give the --export a file of its own"))
        }
    }
}

fn script(args: &WatchArgs) -> Result<Script, Failure> {
    if args.ask.is_empty() && args.ask_at.is_empty() && args.subtitles.is_none() {
        let hint = "say what to look for, such as --ask \"Tell me when the water boils.\"";
        return Err(Failure::misuse("nothing is asked: --ask, --ask-at or --subtitles is expected", hint));
    }
    let mut script = Script::default();
    for text in &args.ask {
        script.ask(text).or_misuse()?;
    }
    for written in &args.ask_at {
        script.ask_at(written).or_misuse()?;
    }
    if let Some(path) = &args.subtitles {
        let subtitles = read_subtitles(path).or_fail()?;
        if subtitles.num_malformed > 0 {
            crate::note(format_args!("left out: {} subtitle lines whose times make no sense", subtitles.num_malformed));
        }
        script.add_subtitles(subtitles.lines);
    }
    Ok(script)
}
