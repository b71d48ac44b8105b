//! `souffleur bench engine`: what a turn costs on this machine, stage by stage.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;
use souffleur_core::RgbImage;
use souffleur_model::ModelFolder;

use crate::engine::{Engine, EngineOptions, SilencePass};
use crate::info::ProvidersUsed;
use crate::window::Window;
use crate::{EngineError, Resolution, Sampling, TurnInput, TurnModel, Urge};

/// Size of the frames that are measured with: a common camera's.
const FRAME_PX: (u32, u32) = (640, 360);
/// Turns before anything is timed, unless fewer are measured: caches, threads and the window are then as they stay.
const MAX_WARM_UP_TURNS: usize = 20;
/// Tokens of a measured reply.
const REPLY_TOKENS: usize = 24;

/// The times of one stage over all measured turns, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StageMillis {
    /// Half of the turns took no longer.
    pub p50: f64,
    /// 99 % of the turns took no longer.
    pub p99: f64,
}

/// A silent turn, stage by stage.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SilentTurnMillis {
    /// Resize and patches.
    pub preprocess: StageMillis,
    /// Vision encoder.
    pub encode: StageMillis,
    /// Decoder over the turn's tokens and the silence text.
    pub prefill: StageMillis,
    /// All of it, thread hops included.
    pub total: StageMillis,
}

/// What [`measure`] found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpeedReport {
    /// The model's name.
    pub model: String,
    /// How its weights are stored.
    pub weights: String,
    /// What really runs where.
    pub providers: ProvidersUsed,
    /// Threads of one operator.
    pub intra_threads: usize,
    /// Turns the model looked back on.
    pub window_turns: u32,
    /// Silent turns measured, each way.
    pub turns: usize,
    /// From the start to a loaded model.
    pub load_ms: f64,
    /// With the silence drafted: one pass.
    pub silent_drafted_ms: SilentTurnMillis,
    /// With the silence decoded token by token, as other runtimes do it.
    pub silent_token_by_token_ms: SilentTurnMillis,
    /// Median total of a drafted silent turn over that of one decoded token by token.
    pub drafted_ratio: f64,
    /// Tokens of replies a second.
    pub decode_tokens_per_second: f64,
    /// Most memory this process has held, in MiB; `None` where the system does not tell.
    pub peak_rss_mib: Option<f64>,
}

/// Times `turns` silent turns each way, and as many replies as fit into a tenth of them.
///
/// # Errors
/// When the model does not load or run.
pub fn measure(
    open: impl Fn() -> Result<ModelFolder, EngineError>,
    options: &EngineOptions,
    turns: usize,
) -> Result<SpeedReport, EngineError> {
    let folder = open()?;
    let window_turns = folder.manifest().trained_turns;
    let options = EngineOptions { window: Window::Trained, ..options.clone() };
    let started_at = Instant::now();
    let mut engine = Engine::start(folder, options.clone())?;
    let load = started_at.elapsed();
    let silent_drafted_ms = silent_turns(&mut engine, turns)?;
    let decode_tokens_per_second = replies(&mut engine, (turns / 10).max(3))?;
    let info = engine.info().clone();
    drop(engine);
    let stepwise = EngineOptions { silence_pass: SilencePass::TokenByToken, ..options.clone() };
    let silent_token_by_token_ms = silent_turns(&mut Engine::start(open()?, stepwise)?, turns)?;
    Ok(SpeedReport {
        model: info.model,
        weights: info.weights.to_string(),
        providers: info.providers,
        intra_threads: options.intra_threads(),
        window_turns,
        turns,
        load_ms: millis(load),
        silent_drafted_ms,
        silent_token_by_token_ms,
        drafted_ratio: silent_drafted_ms.total.p50 / silent_token_by_token_ms.total.p50,
        decode_tokens_per_second,
        peak_rss_mib: peak_rss_mib(),
    })
}

fn silent_turns(engine: &mut Engine, turns: usize) -> Result<SilentTurnMillis, EngineError> {
    engine.reset()?;
    let mut stages: [Vec<Duration>; 4] = Default::default();
    let warm_up_turns = turns.min(MAX_WARM_UP_TURNS);
    for turn in 0..warm_up_turns + turns {
        let input = turn_input(turn);
        let started_at = Instant::now();
        let observed = engine.observe(input)?;
        engine.resolve(Resolution::Silent)?;
        let total = started_at.elapsed();
        if turn >= warm_up_turns {
            let times = [observed.preprocess, observed.encode, observed.prefill, total];
            stages.iter_mut().zip(times).for_each(|(stage, time)| stage.push(time));
        }
    }
    let [preprocess, encode, prefill, total] = stages.map(stage_millis);
    Ok(SilentTurnMillis { preprocess, encode, prefill, total })
}

fn replies(engine: &mut Engine, replies: usize) -> Result<f64, EngineError> {
    engine.reset()?;
    let (mut num_tokens, mut decode) = (0, Duration::ZERO);
    for turn in 0..replies {
        engine.observe(turn_input(turn))?;
        let speak = Resolution::Speak { max_new_tokens: REPLY_TOKENS, urge: Urge::Policy };
        let resolved = engine.resolve(speak)?;
        num_tokens += resolved.passes as usize;
        decode += resolved.decode;
    }
    Ok(num_tokens as f64 / decode.as_secs_f64())
}

/// A frame of noise that is another one each turn, so that nothing can be remembered; a question at the start.
fn turn_input(turn: usize) -> TurnInput {
    let (width_px, height_px) = FRAME_PX;
    let mut state = turn as u32 + 1;
    let pixels: Vec<u8> = (0..width_px * height_px * 3)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    let image = RgbImage::new(width_px, height_px, pixels).expect("the buffer is made for this size");
    TurnInput {
        frames: vec![image],
        text: (turn == 0).then(|| "Describe each step.".to_owned()),
        is_pinned: turn == 0,
        eagerness: 0.0,
        sampling: Sampling::Greedy,
    }
}

fn stage_millis(mut times: Vec<Duration>) -> StageMillis {
    times.sort_unstable();
    // The smallest time that so many percent of the turns did not exceed.
    let percentile = |percent: usize| times[(times.len() * percent).div_ceil(100).max(1) - 1];
    StageMillis { p50: millis(percentile(50)), p99: millis(percentile(99)) }
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Peak resident memory from the system's own account.
fn peak_rss_mib() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some((kib / 102.4).round() / 10.0)
}

impl fmt::Display for SpeedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { model, weights, providers, intra_threads, window_turns, turns, .. } = self;
        let ProvidersUsed { vision, embed, decoder } = providers;
        writeln!(f, "{model} ({weights}), vision on {vision}, embed on {embed}, decoder on {decoder}")?;
        writeln!(
            f,
            "{intra_threads} threads, frames of {}×{} px, window of {window_turns} turns",
            FRAME_PX.0, FRAME_PX.1
        )?;
        writeln!(f, "loaded in {:.0} ms\n", self.load_ms)?;
        writeln!(f, "ms of a silent turn ({turns} turns)   preprocess    encode   prefill     total   p99 total")?;
        for (way, ms) in
            [("silence drafted, one pass", self.silent_drafted_ms), ("token by token", self.silent_token_by_token_ms)]
        {
            let SilentTurnMillis { preprocess, encode, prefill, total } = ms;
            writeln!(
                f,
                "{way:<34} {:>10.2}{:>10.2}{:>10.2}{:>10.2}{:>12.2}",
                preprocess.p50, encode.p50, prefill.p50, total.p50, total.p99
            )?;
        }
        writeln!(f, "\ndrafted over token by token   {:>8.2}", self.drafted_ratio)?;
        write!(f, "replies                       {:>8.0} tokens/s", self.decode_tokens_per_second)?;
        match self.peak_rss_mib {
            Some(mib) => write!(f, "\npeak memory                   {mib:>8.0} MiB"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;

    #[test]
    fn a_short_measurement_is_whole() {
        let open = || catalog::resolve(catalog::DEFAULT_MODEL);
        let report = measure(open, &EngineOptions::default(), 4).unwrap();
        assert!(report.drafted_ratio > 0.0 && report.decode_tokens_per_second > 0.0, "{report:?}");
        let SilentTurnMillis { preprocess, encode, prefill, total } = report.silent_drafted_ms;
        assert!(total.p50 >= preprocess.p50.max(encode.p50).max(prefill.p50), "{report:?}");
        assert!(report.to_string().lines().count() >= 8);
    }

    #[test]
    fn percentiles_are_of_the_sorted_times() {
        let times = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(stage_millis(times), StageMillis { p50: 100.0, p99: 198.0 });
        assert_eq!(stage_millis(vec![Duration::from_millis(7)]), StageMillis { p50: 7.0, p99: 7.0 });
    }
}
