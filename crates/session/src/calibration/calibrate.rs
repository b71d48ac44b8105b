use std::path::PathBuf;

use souffleur_capture::open_source;
use souffleur_engine::{EngineError, Observed, Resolution, Resolved, Sampling, TurnInput, TurnModel};

use super::{Calibration, CalibrationError, Margins, Search, SearchRun};
use crate::{Controls, Event, Policy, Script, SessionOptions, StopSignal, run};

/// Runs over all sources, at most: the first at eagerness 0, the others to verify and to narrow.
const MAX_RUNS: usize = 8;

/// What is to be calibrated.
#[derive(Clone, Debug)]
pub struct CalibrationPlan {
    /// Video files and folders of images, each watched from a clean context.
    pub sources: Vec<PathBuf>,
    /// What is asked of each.
    pub script: Script,
    /// How sessions behave, but for this, whatever is set: the model's own words decide, decoded greedily, every turn is
    /// looked at, and nothing is kept from the user.
    pub session: SessionOptions,
    /// The rate to aim at.
    pub replies_per_minute: f64,
}

impl CalibrationPlan {
    /// Whether a number can be a rate of replies at all.
    ///
    /// # Errors
    /// When it is not above 0 or not finite.
    pub fn check_rate(replies_per_minute: f64) -> Result<(), CalibrationError> {
        let is_rate = replies_per_minute > 0.0 && replies_per_minute.is_finite();
        if is_rate { Ok(()) } else { Err(CalibrationError::Rate(replies_per_minute)) }
    }

    /// Looks at everything that can be known before the first of many turns is taken.
    fn check(&self) -> Result<(), CalibrationError> {
        let asked = self.replies_per_minute;
        Self::check_rate(asked)?;
        if self.sources.is_empty() {
            return Err(CalibrationError::NoSource);
        }
        let grid = self.session.grid;
        let turn_secs = grid.interval().times(u64::from(grid.frames_per_turn())).as_secs_f64();
        let turns_per_minute = 60.0 / turn_secs;
        if asked > turns_per_minute {
            return Err(CalibrationError::TooMany { asked, turns_per_minute });
        }
        let mut num_frames = Some(0);
        for path in &self.sources {
            let source = open_source(path, grid, None)?;
            num_frames = num_frames.zip(source.describe().num_frames).map(|(sum, more)| sum + more);
        }
        let secs = num_frames.map(|num_frames| grid.interval().times(num_frames).as_secs_f64());
        match secs.filter(|secs| asked * secs / 60.0 < 1.0) {
            Some(secs) => Err(CalibrationError::TooShort { asked, secs }),
            None => Ok(()),
        }
    }
}

/// How far a calibration is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CalibrationProgress {
    /// A run over all sources begins.
    Run {
        /// Counted from 1.
        number: usize,
        /// Under which it plays.
        eagerness: f32,
    },
    /// A turn was taken.
    Turn,
}

/// Finds the eagerness under which the model speaks so many times a minute, as files are watched: at full speed,
/// nothing dropped.
///
/// # Errors
/// When the wish is no rate or cannot be met by any number of turns, a source cannot be read to its end, the model
/// fails, or the user asks for the end.
pub fn calibrate(
    plan: &CalibrationPlan,
    model: &mut dyn TurnModel,
    stop: &StopSignal,
    progress: &mut dyn FnMut(CalibrationProgress),
) -> Result<Calibration, CalibrationError> {
    plan.check()?;
    let mut play = |number: usize, eagerness: f32| {
        progress(CalibrationProgress::Run { number, eagerness });
        play(plan, eagerness, model, stop, progress)
    };
    let first = play(1, 0.0)?;
    let target_replies = plan.replies_per_minute * first.secs / 60.0;
    let recorded = Margins::new(first.margins.iter().copied());
    let (secs, num_turns) = (first.secs, first.margins.len());
    let mut search = Search::new(target_replies, MAX_RUNS);
    search.add(first.at(0.0));
    while let Some(eagerness) = search.next_eagerness() {
        search.add(play(search.runs().len() + 1, eagerness)?.at(eagerness));
    }
    Ok(Calibration::new(plan, &search, &recorded, num_turns, secs))
}

/// What a run over all sources gave.
#[derive(Default)]
struct Played {
    margins: Vec<f32>,
    num_replies: usize,
    /// How long the sources last together, in media time.
    secs: f64,
}

impl Played {
    fn at(self, eagerness: f32) -> SearchRun {
        SearchRun { eagerness, num_replies: self.num_replies, margins: Margins::new(self.margins) }
    }
}

fn play(
    plan: &CalibrationPlan,
    eagerness: f32,
    model: &mut dyn TurnModel,
    stop: &StopSignal,
    progress: &mut dyn FnMut(CalibrationProgress),
) -> Result<Played, CalibrationError> {
    let options = SessionOptions {
        policy: Policy::Text,
        eagerness,
        sampling: Sampling::Greedy,
        repeat_guard: false,
        gate: None,
        // A turn that is not looked at has no margin.
        static_skip: None,
        ..plan.session.clone()
    };
    let mut played = Played::default();
    for path in &plan.sources {
        let mut source = open_source(path, options.grid, None)?;
        let mut witness = Witness { model: &mut *model, margins: Vec::new() };
        let mut last_turn = options.grid.from();
        let mut sink = |event: Event| match event {
            Event::Turn(turn) => {
                last_turn = turn.time;
                progress(CalibrationProgress::Turn);
            }
            Event::Reply(_) => played.num_replies += 1,
            Event::Session(_) | Event::Summary(_) => {}
        };
        let controls = Controls { stop: stop.clone(), ..Controls::default() };
        let outcome = run(source.as_mut(), &mut witness, plan.script.clone(), &options, &controls, &mut sink);
        // Ctrl-C reaches ffmpeg too: that the video breaks off then is no error of its own.
        if stop.is_stopped() {
            return Err(CalibrationError::Stopped);
        }
        outcome?;
        played.margins.append(&mut witness.margins);
        played.secs += (last_turn - options.grid.from()).as_secs_f64();
    }
    Ok(played)
}

/// Notes the margin of every turn that goes by.
struct Witness<'a> {
    model: &'a mut dyn TurnModel,
    margins: Vec<f32>,
}

impl TurnModel for Witness<'_> {
    fn observe(&mut self, input: TurnInput) -> Result<Observed, EngineError> {
        let observed = self.model.observe(input)?;
        self.margins.push(observed.observation.silence_margin);
        Ok(observed)
    }

    fn resolve(&mut self, resolution: Resolution) -> Result<Resolved, EngineError> {
        self.model.resolve(resolution)
    }

    fn reset(&mut self) -> Result<(), EngineError> {
        self.model.reset()
    }
}
