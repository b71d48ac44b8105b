//! On the embedded model with drawn frames: what a turn leaves in the context, and that no shortcut changes it.

use std::path::Path;
use std::sync::Arc;

use souffleur_core::RgbImage;
use souffleur_export::{ExportOptions, export};
use souffleur_model::names::files;
use souffleur_model::{Manifest, ModelFolder, Weights};

use super::OrtModel;
use crate::canceller::{CancelState, Canceller};
use crate::decoder::Chunk;
use crate::engine::{EngineOptions, SilencePass, SilentTurns};
use crate::window::Window;
use crate::{EngineError, Finish, Resolution, Resolved, Sampling, TurnInput, TurnModel, Urge, catalog, runtime};

fn load(folder: ModelFolder, options: &EngineOptions) -> OrtModel {
    runtime::environment(None).unwrap();
    OrtModel::load(folder, options, Arc::new(CancelState::new().unwrap())).unwrap().0
}

fn model(options: &EngineOptions) -> OrtModel {
    load(catalog::resolve(catalog::DEFAULT_MODEL).unwrap(), options)
}

/// The embedded model's checkpoint in f32: what is exact in theory is exact there to rounding.
fn export_f32(out: &Path) {
    let checkpoint = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/checkpoints/kitchen");
    let export_options = ExportOptions { weights: Weights::F32, manifest_defaults: Default::default() };
    export(&checkpoint, out, &export_options, &mut |_| ()).unwrap();
}

fn model_f32(options: &EngineOptions) -> OrtModel {
    let dir = tempfile::tempdir().unwrap();
    export_f32(&dir.path().join("kitchen"));
    load(ModelFolder::open(&dir.path().join("kitchen")).unwrap(), options)
}

/// A frame that differs from turn to turn.
fn frame(turn: usize) -> RgbImage {
    let pixel = |idx: usize| ((idx * 7 + turn * 31 + (idx * idx) % 97) % 256) as u8;
    RgbImage::new(64, 64, (0..64 * 64 * 3).map(pixel).collect::<Vec<_>>()).unwrap()
}

fn input(turn: usize) -> TurnInput {
    TurnInput {
        frames: vec![frame(turn)],
        text: (turn == 0).then(|| "Describe each step.".to_owned()),
        is_pinned: turn == 0,
        eagerness: 0.0,
        sampling: Sampling::Greedy,
    }
}

const SPEAK: Resolution = Resolution::Speak { max_new_tokens: 12, urge: Urge::Policy };

/// Every third turn speaks, the others are silent.
fn take_turn(model: &mut OrtModel, turn: usize) -> (f32, Resolved) {
    let observed = model.observe(input(turn)).unwrap();
    let resolution = if turn % 3 == 1 { SPEAK } else { Resolution::Silent };
    (observed.observation.p_silent, model.resolve(resolution).unwrap())
}

fn take_turns(model: &mut OrtModel, num_turns: usize) -> Vec<(f32, Resolved)> {
    (0..num_turns).map(|turn| take_turn(model, turn)).collect()
}

#[test]
fn drafting_changes_nothing_but_the_number_of_passes() {
    let mut drafted = model_f32(&EngineOptions::default());
    let mut stepwise = model_f32(&EngineOptions { silence_pass: SilencePass::TokenByToken, ..Default::default() });
    for turn in 0..9 {
        let (p_drafted, a) = take_turn(&mut drafted, turn);
        let (p_stepwise, b) = take_turn(&mut stepwise, turn);
        assert!((p_drafted - p_stepwise).abs() < 1e-3, "turn {turn}: {p_drafted} {p_stepwise}");
        assert_eq!((a.text, a.is_silent, a.cache_tokens), (b.text, b.is_silent, b.cache_tokens), "turn {turn}");
    }
    assert_eq!(drafted.observe(input(9)).unwrap().passes, 1);
    assert!(stepwise.observe(input(9)).unwrap().passes > 3);
}

#[test]
fn reset_forgets_everything() {
    let mut model = model(&EngineOptions { seed: 3, ..Default::default() });
    let first: Vec<_> = take_turns(&mut model, 4).into_iter().map(|(p, resolved)| (p, resolved.text)).collect();
    model.reset().unwrap();
    let again: Vec<_> = take_turns(&mut model, 4).into_iter().map(|(p, resolved)| (p, resolved.text)).collect();
    assert_eq!(first, again);
}

#[test]
fn a_masked_reply_is_not_silence() {
    let mut model = model(&EngineOptions::default());
    for turn in 0..4 {
        let observed = model.observe(input(turn)).unwrap();
        let resolved = model.resolve(SPEAK).unwrap();
        assert!(!resolved.is_silent, "turn {turn}, p_silent {}", observed.observation.p_silent);
        assert!(resolved.num_new_tokens <= 12);
    }
}

#[test]
fn the_bound_of_tokens_holds_and_the_dialogue_goes_on() {
    let mut model = model(&EngineOptions::default());
    model.observe(input(0)).unwrap();
    let resolved = model.resolve(Resolution::Speak { max_new_tokens: 1, urge: Urge::Policy }).unwrap();
    assert_eq!((resolved.num_new_tokens, resolved.finish), (1, Finish::MaxNewTokens));
    let before = resolved.cache_tokens;
    let after = model.observe(input(1)).unwrap().cache_tokens;
    // The one token and the end of the reply are read with the next turn.
    assert_eq!(after - before, 2 + turn_tokens(&mut model));
}

/// Rows of a silent turn without text.
fn turn_tokens(model: &mut OrtModel) -> usize {
    model.resolve(Resolution::Silent).unwrap();
    let before = model.decoder.cache.len();
    model.observe(input(2)).unwrap().cache_tokens - before
}

#[test]
fn turns_out_of_order_are_refused() {
    let mut model = model(&EngineOptions::default());
    assert!(matches!(model.resolve(Resolution::Silent), Err(EngineError::NoOpenTurn)));
    let no_frames = TurnInput { frames: Vec::new(), ..input(0) };
    assert!(matches!(model.observe(no_frames), Err(EngineError::NoFrames)));
}

#[test]
fn a_turn_that_cannot_fit_leaves_the_context_as_it_was() {
    let mut model = model(&EngineOptions { context_tokens: Some(200), ..Default::default() });
    take_turn(&mut model, 0);
    let before = model.decoder.cache.len();
    let long = TurnInput { text: Some("Tell me when the water boils. ".repeat(60)), ..input(1) };
    assert!(matches!(model.observe(long), Err(EngineError::ContextFull { context_tokens: 200, .. })));
    assert_eq!(model.decoder.cache.len(), before);
    take_turn(&mut model, 1);
}

#[test]
fn a_window_that_is_not_full_changes_nothing() {
    let mut plain = model(&EngineOptions { window: Window::Off, ..Default::default() });
    let mut windowed = model(&EngineOptions { window: Window::Turns(9), ..Default::default() });
    for turn in 0..9 {
        let (a, b) = (take_turn(&mut plain, turn), take_turn(&mut windowed, turn));
        assert_eq!((a.0, a.1.text, a.1.cache_tokens), (b.0, b.1.text, b.1.cache_tokens), "turn {turn}");
    }
}

/// A collapsed silent turn must leave what a context without its answer holds: the same rows as a turn that was never
/// answered, and the next turn right behind it.
#[test]
fn collapsed_silence_leaves_the_frames_alone() {
    let mut kept = model_f32(&EngineOptions::default());
    let mut collapsed = model_f32(&EngineOptions { silent_turns: SilentTurns::Collapsed, ..Default::default() });
    for model in [&mut kept, &mut collapsed] {
        model.observe(input(0)).unwrap();
        model.resolve(Resolution::Silent).unwrap();
    }
    let answer_len = collapsed.draft.silence_ids.len() + 1 + collapsed.chat.reply_header_len();
    assert_eq!(kept.decoder.cache.len() - collapsed.decoder.cache.len(), answer_len);
    assert_eq!(kept.context.cursor.next_position() - collapsed.context.cursor.next_position(), answer_len as i64);
    let (kept_rows, collapsed_rows) = (kept.decoder.cache.rows(), collapsed.decoder.cache.rows());
    for (a, b) in kept_rows.iter().flatten().zip(collapsed_rows.iter().flatten()) {
        assert_eq!((&a.key, &a.value), (&b.key, &b.value));
    }
    for turn in 1..20 {
        take_turn(&mut collapsed, turn);
        assert_eq!(collapsed.spans.end(), (collapsed.decoder.cache.len(), collapsed.context.cursor.next_position()));
    }
}

/// After a cut the next turn must see what it would see in a fresh context of the kept rows, their values as they
/// were and their keys turned to their new positions. The reference is built the slow way: from a copy of the whole
/// cache before the cut, row by row, each key turned forward from zero in f64.
#[test]
fn a_cut_leaves_the_kept_rows_at_their_new_positions() {
    let options = EngineOptions { window: Window::Turns(6), ..Default::default() };
    let mut model = model(&options);
    take_turns(&mut model, 7);
    let spans = model.spans.clone();
    let before = model.decoder.cache.rows();
    let mut planned = spans.clone();
    let evictions = planned.evict(4, 0);
    assert!(!evictions.is_empty());
    let mut kept: Vec<usize> = (0..before.len()).collect();
    let mut shift = vec![0i64; before.len()];
    for eviction in &evictions {
        shift.iter_mut().skip(eviction.tokens.end).for_each(|shift| *shift += eviction.position_shift);
        kept.retain(|row| !eviction.tokens.contains(row));
    }
    for eviction in &evictions {
        model.decoder.cache.evict(eviction, &model.inv_freq).unwrap();
    }
    let after = model.decoder.cache.rows();
    assert_eq!(after.len(), kept.len());
    for (new_row, &old_row) in kept.iter().enumerate() {
        for (layer, (old, new)) in before[old_row].iter().zip(&after[new_row]).enumerate() {
            assert_eq!(old.value, new.value, "row {old_row}, layer {layer}");
            let expected = turned(&old.key, -shift[old_row], &model.inv_freq);
            for (found, expected) in new.key.iter().zip(&expected) {
                assert!((f64::from(*found) - expected).abs() < 1e-4, "row {old_row}, layer {layer}");
            }
        }
    }
}

fn turned(key: &[f32], positions: i64, inv_freq: &[f64]) -> Vec<f64> {
    let half = inv_freq.len();
    let mut turned: Vec<f64> = key.iter().map(|&element| f64::from(element)).collect();
    for head in turned.chunks_exact_mut(2 * half) {
        for j in 0..half {
            let (sin, cos) = (positions as f64 * inv_freq[j]).sin_cos();
            (head[j], head[j + half]) = (head[j] * cos - head[j + half] * sin, head[j + half] * cos + head[j] * sin);
        }
    }
    turned
}

#[test]
fn hundreds_of_turns_stay_bounded() {
    let options = EngineOptions { window: Window::Turns(6), context_tokens: Some(400), ..Default::default() };
    let mut model = model(&options);
    let most = (0..300).map(|turn| take_turn(&mut model, turn).1.cache_tokens).max().unwrap();
    assert!(most <= 400, "{most}");
    assert!(model.context.cursor.next_position() < 400, "{}", model.context.cursor.next_position());
    assert_eq!(model.spans.end().0, model.decoder.cache.len());
    assert_eq!(model.spans.end().1, model.context.cursor.next_position());
}

#[test]
fn without_a_window_a_full_cache_makes_room() {
    let mut model = model(&EngineOptions { window: Window::Off, context_tokens: Some(400), ..Default::default() });
    let most = (0..60).map(|turn| take_turn(&mut model, turn).1.cache_tokens).max().unwrap();
    assert!((200..=400).contains(&most), "{most}");
}

fn set_silence_text(folder: &Path, silence_text: &str) {
    let path = folder.join(files::MANIFEST);
    let manifest = Manifest::from_toml(&std::fs::read(&path).unwrap()).unwrap();
    let manifest = Manifest { silence_text: silence_text.to_owned(), ..manifest };
    std::fs::write(path, manifest.to_toml().unwrap()).unwrap();
}

fn softmax(logits: &[f32], token_id: u32) -> f64 {
    let sum: f64 = logits.iter().map(|&logit| f64::from(logit).exp()).sum();
    f64::from(logits[token_id as usize]).exp() / sum
}

/// Probabilities of tokens behind the header of the open turn, each fed in a pass of its own, without any draft.
fn probabilities_one_by_one(model: &mut OrtModel, token_ids: &[u32]) -> Vec<f64> {
    let turn = model.open_turn.as_ref().unwrap();
    let (mut row, mut cursor) = (turn.first_row.clone(), turn.header_cursor);
    model.decoder.cache.rewind(turn.header_len);
    let mut probabilities = Vec::new();
    for &token_id in token_ids {
        probabilities.push(softmax(&row, token_id));
        let mut position_ids = Vec::new();
        cursor.text(1, &mut position_ids);
        let inputs_embeds = model.decoder.embed_tokens(&[token_id], &model.cancel.run).unwrap();
        let chunk = Chunk { inputs_embeds, position_ids: &position_ids };
        row = model.decoder.prefill(chunk, &[0], &model.cancel.run).unwrap();
    }
    probabilities
}

/// One token, a few and many: the observation is that of plain decoding, whatever text the manifest names.
#[test]
fn any_text_can_be_silence() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("kitchen");
    export_f32(&folder);
    let mut num_tokens = Vec::new();
    for silence_text in [".", "NO REPLY", "…", "The water is boiling.", "Nothing has changed since I last spoke!"] {
        set_silence_text(&folder, silence_text);
        let mut model = load(ModelFolder::open(&folder).unwrap(), &EngineOptions::default());
        for turn in 0..3 {
            let observed = model.observe(input(turn)).unwrap();
            assert_eq!(observed.passes, 1, "{silence_text}");
            let resolved = model.resolve(Resolution::Speak { max_new_tokens: 40, urge: Urge::Model }).unwrap();
            assert_eq!(resolved.is_silent, observed.observation.is_text_silent, "{silence_text}, turn {turn}");
            assert_eq!(resolved.is_silent, resolved.text == silence_text, "{}", resolved.text);
        }
        let observation = model.observe(input(3)).unwrap().observation;
        let draft_ids = [&model.draft.silence_ids[..], &[model.chat.end_token()]].concat();
        num_tokens.push(draft_ids.len() - 1);
        let plain = probabilities_one_by_one(&mut model, &draft_ids);
        assert!((f64::from(observation.p_silent) / plain[0] - 1.0).abs() < 1e-3, "{silence_text}: {observation:?}");
        // A millionth for the model's other end token, which counts as well.
        let p_text: f64 = plain.iter().product();
        let distance = (f64::from(observation.p_silence_text) - p_text).abs();
        assert!(distance <= 0.01 * p_text + 1e-6, "{silence_text}: {observation:?}, {p_text}");
    }
    assert!(
        num_tokens.contains(&1) && num_tokens.contains(&2) && num_tokens.iter().any(|num| *num > 5),
        "{num_tokens:?}"
    );
}

#[test]
fn a_cancelled_reply_ends_between_tokens_and_the_dialogue_goes_on() {
    let mut model = model(&EngineOptions::default());
    let canceller = Canceller(Arc::clone(&model.cancel));
    // No turn is in progress: nothing to stop.
    canceller.cancel();
    model.observe(input(0)).unwrap();
    canceller.cancel();
    let resolved = model.resolve(SPEAK).unwrap();
    assert_eq!((resolved.num_new_tokens, resolved.finish), (1, Finish::Cancelled));
    let (_, next) = take_turn(&mut model, 1);
    assert_ne!(next.finish, Finish::Cancelled);
    assert_eq!(model.spans.end(), (model.decoder.cache.len(), model.context.cursor.next_position()));
}

#[test]
fn an_offline_question_has_its_own_prompt_and_many_frames() {
    let prompt = "You are a helpful assistant.".to_owned();
    let mut model = model(&EngineOptions { system_prompt: Some(prompt), ..Default::default() });
    let offline = TurnInput { frames: (0..16).map(frame).collect(), ..input(0) };
    let observed = model.observe(offline).unwrap();
    // 16 frames of 16 tokens with their two brackets, and less text than the dialogue's own prompt has.
    assert!((16 * 18..16 * 18 + 60).contains(&observed.cache_tokens), "{}", observed.cache_tokens);
    assert!(!model.resolve(SPEAK).unwrap().is_silent);
}
