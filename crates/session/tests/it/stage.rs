use std::time::{Duration, Instant};

use souffleur_capture::{CaptureError, FrameSource, SourceInfo, SourceKind};
use souffleur_core::{Frame, FrameGrid, MediaTime, Reply, RgbImage};
use souffleur_session::{
    Clock, Controls, Event, GraphProviders, ModelLabel, Script, ScriptedAnswer, ScriptedModel, SessionError,
    SessionOptions, Summary, TurnRecord, VirtualClock, run,
};

/// Frames on a grid, at once; breaks off where it is told to.
pub struct Frames {
    pub grid: FrameGrid,
    pub num_frames: u64,
    pub fails_at: Option<u64>,
    pub clock: VirtualClock,
    info: SourceInfo,
    /// Plays by the clock, one frame an interval from the first on.
    pub is_live: bool,
    next_idx: u64,
    num_dropped: u64,
    started_at: Option<Instant>,
}

impl FrameSource for Frames {
    fn describe(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, CaptureError> {
        if self.is_live && self.next_idx < self.num_frames {
            self.go_to_the_newest();
        }
        let frame_idx = self.next_idx;
        if self.fails_at == Some(frame_idx) {
            return Err(CaptureError::Injected { frame_idx });
        }
        if frame_idx == self.num_frames {
            return Ok(None);
        }
        self.next_idx += 1;
        let image = RgbImage::new(4, 4, vec![frame_idx as u8; 48]).unwrap();
        let captured_at = if self.is_live { self.due_at(frame_idx) } else { self.clock.now() };
        Ok(Some(Frame { image, media_time: self.grid.frame_time(frame_idx), captured_at }))
    }

    fn is_live(&self) -> bool {
        self.is_live
    }

    fn num_dropped(&self) -> u64 {
        self.num_dropped
    }
}

impl Frames {
    fn due_at(&mut self, frame_idx: u64) -> Instant {
        let started_at = *self.started_at.get_or_insert_with(|| self.clock.now());
        started_at + Duration::from_micros(self.grid.interval().times(frame_idx).as_micros() as u64)
    }

    fn go_to_the_newest(&mut self) {
        let due_at = self.due_at(self.next_idx);
        self.clock.advance(due_at.saturating_duration_since(self.clock.now()));
        while self.next_idx + 1 < self.num_frames && self.due_at(self.next_idx + 1) <= self.clock.now() {
            self.next_idx += 1;
            self.num_dropped += 1;
        }
    }
}

/// Everything a session needs, set up for a clip of some frames a second apart.
pub struct Stage {
    pub source: Frames,
    pub model: ScriptedModel,
    pub script: Script,
    pub options: SessionOptions,
    pub controls: Controls,
    pub clock: VirtualClock,
}

pub struct Played {
    pub events: Vec<Event>,
    pub outcome: Result<Summary, SessionError>,
    pub model: ScriptedModel,
}

pub fn secs(value: f64) -> MediaTime {
    MediaTime::from_secs_f64(value)
}

pub fn millis(value: u64) -> Duration {
    Duration::from_millis(value)
}

pub fn grid(frames_per_turn: u32) -> FrameGrid {
    FrameGrid::new(1.0, 0.0, frames_per_turn).unwrap()
}

impl Stage {
    pub fn new(grid: FrameGrid, num_frames: u64, answers: Vec<ScriptedAnswer>) -> Self {
        let clock = VirtualClock::default();
        let info = SourceInfo {
            name: "made up".into(),
            kind: SourceKind::Synthetic,
            num_frames: Some(num_frames),
            duration: None,
            width_px: Some(4),
            height_px: Some(4),
            media_path: None,
        };
        let cpu = || "cpu".to_owned();
        let providers = GraphProviders { vision: cpu(), embed: cpu(), decoder: cpu() };
        let label = ModelLabel { model: "scripted".into(), provider: cpu(), providers };
        Self {
            source: Frames {
                grid,
                num_frames,
                fails_at: None,
                clock: clock.clone(),
                info,
                is_live: false,
                next_idx: 0,
                num_dropped: 0,
                started_at: None,
            },
            model: ScriptedModel::new(answers).on_clock(clock.clone()),
            script: Script::default(),
            options: SessionOptions::new(grid, label),
            controls: Controls { clock: Box::new(clock.clone()), ..Controls::default() },
            clock,
        }
    }

    pub fn play(self) -> Played {
        self.play_and(|_| {})
    }

    /// Plays, and shows every event to `watcher` as it happens.
    pub fn play_and(mut self, mut watcher: impl FnMut(&Event)) -> Played {
        let mut events = Vec::new();
        let mut sink = |event: Event| {
            watcher(&event);
            events.push(event);
        };
        let outcome = run(&mut self.source, &mut self.model, self.script, &self.options, &self.controls, &mut sink);
        Played { events, outcome, model: self.model }
    }
}

impl Played {
    pub fn lines(&self) -> String {
        self.events.iter().map(|event| event.to_json_line() + "\n").collect()
    }

    pub fn turns(&self) -> Vec<&TurnRecord> {
        let turns =
            self.events.iter().filter_map(|event| if let Event::Turn(turn) = event { Some(turn) } else { None });
        turns.collect()
    }

    pub fn turn_times(&self) -> Vec<f64> {
        self.turns().iter().map(|turn| turn.time.as_secs_f64()).collect()
    }

    pub fn replies(&self) -> Vec<&Reply> {
        let replies =
            self.events.iter().filter_map(|event| if let Event::Reply(reply) = event { Some(reply) } else { None });
        replies.collect()
    }

    pub fn summary(&self) -> &Summary {
        match self.events.last() {
            Some(Event::Summary(summary)) => summary,
            other => panic!("a summary comes last, found {other:?}"),
        }
    }

    /// The text of each turn that the model was shown.
    pub fn texts(&self) -> Vec<Option<&str>> {
        self.model.seen.iter().map(|input| input.text.as_deref()).collect()
    }
}
