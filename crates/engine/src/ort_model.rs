//! One turn after another on this thread: encode, prefill with the drafted silence, decide, decode.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use souffleur_core::{Observation, RgbImage, is_silence};
use souffleur_model::{
    ChatFormat, ModelFolder, PixelValues, Position, PositionCursor, Preprocessor, TurnTokens, inv_freq,
};

use crate::canceller::CancelState;
use crate::decoder::{Chunk, Decoder};
use crate::draft::{Divergence, Draft};
use crate::engine::{EngineOptions, SilencePass, SilentTurns};
use crate::graph::ExecutionSettings;
use crate::info::EngineInfo;
use crate::sampler::{Adjustment, Logits, SplitMix64};
use crate::vision::VisionEncoder;
use crate::window::{Spans, keep_turns};
use crate::{EngineError, Finish, Observed, Resolution, Resolved, Sampling, TurnInput, TurnModel, Urge, runtime};

/// Files up to this size are held against their digest at every start: a fraction of a second. The weights of a large
/// model would take longer to hash than to load.
const MAX_VERIFIED_BYTES: u64 = 64 << 20;

/// The model and everything it has seen so far. Lives on the engine thread.
pub(crate) struct OrtModel {
    vision: VisionEncoder,
    decoder: Decoder,
    folder: ModelFolder,
    chat: ChatFormat,
    preprocessor: Preprocessor,
    system_prompt: String,
    draft: Draft,
    silence_pass: SilencePass,
    silent_turns: SilentTurns,
    seed: u64,
    rng: SplitMix64,
    cancel: Arc<CancelState>,
    context: Context,
    /// The most turns to look back on; `None` keeps all that fit.
    max_turns: Option<usize>,
    spans: Spans,
    /// Angles a position turns by, `[head_dim / 2]`.
    inv_freq: Vec<f64>,
    open_turn: Option<OpenTurn>,
}

/// What lies behind the last token of the KV cache.
#[derive(Clone)]
struct Context {
    /// The running position of the next token.
    cursor: PositionCursor,
    /// Tokens that belong to the dialogue but have not been through the decoder yet: the system prompt at the start,
    /// the end of the last reply later. They go in front of the next turn, so no pass is spent on them alone.
    unread_ids: Vec<u32>,
}

/// Rows kept free for a reply, where old turns can make room for them.
const REPLY_RESERVE_TOKENS: usize = 64;

struct ComposedTurn {
    input_ids: Vec<u32>,
    /// How many of them belong to earlier messages.
    num_unread: usize,
    /// What follows these.
    turn: TurnTokens,
    /// How many stand before the drafted silence.
    header_len: usize,
}

impl ComposedTurn {
    /// Where the features of each frame go.
    fn frames(&self) -> impl Iterator<Item = Range<usize>> {
        self.turn.frames.iter().map(|range| range.start + self.num_unread..range.end + self.num_unread)
    }
}

/// Between `observe` and `resolve`.
struct OpenTurn {
    /// Tokens in the cache up to and with the assistant header.
    header_len: usize,
    /// The running position behind the header.
    header_cursor: PositionCursor,
    divergence: Option<Divergence>,
    /// Logits behind the header, `[vocab_size]`.
    first_row: Vec<f32>,
    sampling: Sampling,
}

impl OrtModel {
    pub(crate) fn load(
        folder: ModelFolder,
        options: &EngineOptions,
        cancel: Arc<CancelState>,
    ) -> Result<(Self, EngineInfo), EngineError> {
        // Damaged weights give wrong words, not an error.
        folder.verify(MAX_VERIFIED_BYTES)?;
        let environment = runtime::environment(options.runtime_library.as_deref())?;
        let settings = ExecutionSettings { intra_threads: options.intra_threads() };
        let manifest = folder.manifest();
        let chat = ChatFormat::new(folder.tokenizer(), folder.config())?;
        let silence_ids = chat.silence_draft(&manifest.silence_text)?;
        let context_tokens = options.context_tokens.unwrap_or(manifest.context_tokens as usize);
        let vision = VisionEncoder::load(&environment, &folder, settings)?;
        let decoder = Decoder::load(&environment, &folder, settings, context_tokens)?;
        let info = EngineInfo::new(&folder, context_tokens, vision.graph(), decoder.graphs())?;
        let mut model = Self {
            vision,
            decoder,
            chat,
            preprocessor: Preprocessor::new(folder.preprocessor().clone()),
            draft: Draft { silence_ids, eos_token_ids: folder.generation().eos_token_ids.clone() },
            system_prompt: options.system_prompt.clone().unwrap_or_else(|| manifest.system_prompt.clone()),
            silence_pass: options.silence_pass,
            silent_turns: options.silent_turns,
            seed: options.seed,
            rng: SplitMix64::new(options.seed),
            cancel,
            max_turns: options.window.max_turns(manifest.trained_turns),
            spans: Spans::default(),
            inv_freq: inv_freq(&folder.config().text),
            context: Context { cursor: PositionCursor::default(), unread_ids: Vec::new() },
            open_turn: None,
            folder,
        };
        model.reset()?;
        Ok((model, info))
    }

    fn preprocess(&mut self, frames: &[RgbImage]) -> Result<Vec<PixelValues>, EngineError> {
        if frames.is_empty() {
            return Err(EngineError::NoFrames);
        }
        frames.iter().map(|image| Ok(self.preprocessor.preprocess(image)?)).collect()
    }

    fn encode(&mut self, frames: &[PixelValues]) -> Result<Vec<Vec<f32>>, EngineError> {
        frames.iter().map(|pixels| self.vision.encode(pixels, &self.cancel.run)).collect()
    }

    /// The tokens of a turn: what is still unread, the turn itself, the drafted silence and its end.
    fn compose(&self, frames: &[PixelValues], text: Option<&str>) -> Result<ComposedTurn, EngineError> {
        let merge = self.folder.config().vision.spatial_merge_size;
        let token_counts: Vec<usize> = frames.iter().map(|pixels| pixels.grid.num_tokens(merge)).collect();
        let turn = self.chat.turn(&token_counts, text)?;
        let num_unread = self.context.unread_ids.len();
        let mut input_ids = self.context.unread_ids.clone();
        input_ids.extend_from_slice(&turn.input_ids);
        let header_len = input_ids.len();
        input_ids.extend_from_slice(&self.draft.silence_ids);
        input_ids.push(self.chat.end_token());
        Ok(ComposedTurn { input_ids, num_unread, turn, header_len })
    }

    /// Cuts old turns where the window or a full cache asks for it.
    fn make_room(&mut self, needed_tokens: usize) -> Result<(), EngineError> {
        let free_tokens = self.decoder.cache.free_tokens();
        let wanted_tokens = needed_tokens + REPLY_RESERVE_TOKENS;
        let num_turns = self.spans.num_evictable();
        let mut missing_tokens = wanted_tokens.saturating_sub(free_tokens);
        if !self.spans.can_free(missing_tokens) {
            missing_tokens = needed_tokens.saturating_sub(free_tokens);
        }
        let by_window = keep_turns(self.max_turns, num_turns);
        if by_window.is_none() && missing_tokens == 0 {
            return Ok(());
        }
        if !self.spans.can_free(missing_tokens) {
            let context_tokens = self.decoder.cache.context_tokens();
            return Err(EngineError::ContextFull { needed_tokens, free_tokens, context_tokens });
        }
        // A cache that is full is cut by a third as well: cutting one turn before each turn would move all rows
        // every time.
        let keep_turns = by_window.unwrap_or(num_turns * 2 / 3);
        for eviction in self.spans.evict(keep_turns, missing_tokens) {
            self.decoder.cache.evict(&eviction, &self.inv_freq)?;
            self.context.cursor.move_back(eviction.position_shift);
        }
        Ok(())
    }

    /// Appends everything of a turn up to the drafted end token, in one pass.
    fn prefill_turn(
        &mut self,
        composed: &ComposedTurn,
        frames: &[PixelValues],
        features: &[Vec<f32>],
        input: &TurnInput,
    ) -> Result<(OpenTurn, Observation), EngineError> {
        let merge = self.folder.config().vision.spatial_merge_size;
        let ComposedTurn { input_ids, num_unread, header_len, .. } = composed;
        let mut cursor = self.context.cursor;
        let mut position_ids: Vec<Position> = Vec::with_capacity(input_ids.len());
        cursor.text(*num_unread, &mut position_ids);
        let unread_end = cursor.next_position();
        let grids: Vec<[usize; 2]> = frames.iter().map(|pixels| pixels.grid.merged(merge)).collect();
        cursor.turn(&composed.turn, &grids, &mut position_ids);
        let header_cursor = cursor;
        cursor.text(input_ids.len() - header_len, &mut position_ids);

        let mut inputs_embeds = self.decoder.embed_tokens(input_ids, &self.cancel.run)?;
        let hidden_size = inputs_embeds.len() / input_ids.len();
        for (range, features) in composed.frames().zip(features) {
            inputs_embeds[range.start * hidden_size..][..features.len()].copy_from_slice(features);
        }

        let cache_before = self.decoder.cache.len();
        let logits = self.prefill_drafted(inputs_embeds, &position_ids, *header_len)?;
        let rows = checked_rows(&logits, self.draft.num_rows())?;
        let verdict = self.draft.verify(&rows, input.eagerness, input.sampling, &mut self.rng)?;
        self.spans.end_last_at(cache_before + num_unread, unread_end);
        if input.is_pinned {
            self.spans.unpin_turns();
        }
        self.spans.push(input_ids.len() - num_unread, cursor.next_position(), input.is_pinned);
        self.context = Context { cursor, unread_ids: Vec::new() };
        let open_turn = OpenTurn {
            header_len: cache_before + header_len,
            header_cursor,
            divergence: verdict.divergence,
            first_row: logits[..logits.len() / rows.len()].to_vec(),
            sampling: input.sampling,
        };
        Ok((open_turn, verdict.observation))
    }

    /// Logits behind the header and behind each drafted token: `[draft.num_rows(), vocab_size]`.
    fn prefill_drafted(
        &mut self,
        inputs_embeds: Vec<f32>,
        position_ids: &[Position],
        header_len: usize,
    ) -> Result<Vec<f32>, EngineError> {
        let run = &self.cancel.run;
        if self.silence_pass == SilencePass::Drafted {
            let rows: Vec<usize> = (0..self.draft.num_rows()).map(|row| header_len - 1 + row).collect();
            return self.decoder.prefill(Chunk { inputs_embeds, position_ids }, &rows, run);
        }
        let hidden_size = inputs_embeds.len() / position_ids.len();
        let mut bounds = vec![0];
        bounds.extend(header_len..=position_ids.len());
        let mut logits = Vec::new();
        for (&start, &end) in bounds.iter().zip(&bounds[1..]) {
            let inputs_embeds = inputs_embeds[start * hidden_size..end * hidden_size].to_vec();
            let chunk = Chunk { inputs_embeds, position_ids: &position_ids[start..end] };
            logits.extend(self.decoder.prefill(chunk, &[end - start - 1], run)?);
        }
        // The row behind the end token predicts the next turn, not this one.
        logits.truncate(logits.len() / (bounds.len() - 1) * self.draft.num_rows());
        Ok(logits)
    }

    /// Where decoding starts when the turn is not silent; `None` when the drafted silence is what decoding gives.
    fn first_divergence(&mut self, turn: &OpenTurn, urge: Urge) -> Result<Option<Divergence>, EngineError> {
        let is_first_silent = turn.divergence.is_none_or(|divergence| divergence.num_confirmed > 0);
        if urge == Urge::Model || !is_first_silent {
            return Ok(turn.divergence);
        }
        let masked = Adjustment::mask(self.draft.silence_ids[0]);
        let token_id = Logits::checked(&turn.first_row)?.choose(turn.sampling, masked, &mut self.rng);
        Ok(Some(Divergence { num_confirmed: 0, token_id }))
    }

    fn decode_reply(
        &mut self,
        turn: &OpenTurn,
        start: Divergence,
        max_new_tokens: usize,
    ) -> Result<Decoded, EngineError> {
        let mut reply_ids = self.draft.silence_ids[..start.num_confirmed].to_vec();
        self.decoder.cache.rewind(turn.header_len + start.num_confirmed);
        self.context.cursor = turn.header_cursor;
        self.context.cursor.text(start.num_confirmed, &mut Vec::new());
        let mut next_id = start.token_id;
        let mut passes = 0;
        let finish = loop {
            if self.draft.eos_token_ids.contains(&next_id) {
                self.context.unread_ids = vec![self.chat.end_token()];
                break Finish::EndToken;
            }
            reply_ids.push(next_id);
            // A cache that is full ends the reply as its bound does: what was said so far stands.
            let is_at_bound = reply_ids.len() >= max_new_tokens || self.decoder.cache.free_tokens() == 0;
            let step = match is_at_bound {
                true => None,
                false => match self.decode_step(next_id, turn.sampling) {
                    Ok(chosen) => Some(chosen),
                    Err(EngineError::Cancelled) => None,
                    Err(err) => return Err(err),
                },
            };
            let Some(chosen) = step else {
                self.context.unread_ids = vec![next_id, self.chat.end_token()];
                break if is_at_bound { Finish::MaxNewTokens } else { Finish::Cancelled };
            };
            passes += 1;
            next_id = chosen;
        };
        Ok(Decoded { reply_ids, passes, finish })
    }

    /// Feeds one token and chooses the next.
    fn decode_step(&mut self, token_id: u32, sampling: Sampling) -> Result<u32, EngineError> {
        if self.cancel.is_cancelled() {
            return Err(EngineError::Cancelled);
        }
        let inputs_embeds = self.decoder.embed_tokens(&[token_id], &self.cancel.run)?;
        let mut cursor = self.context.cursor;
        let mut position_ids = Vec::with_capacity(1);
        cursor.text(1, &mut position_ids);
        let chunk = Chunk { inputs_embeds, position_ids: &position_ids };
        let logits = self.decoder.prefill(chunk, &[0], &self.cancel.run)?;
        self.context.cursor = cursor;
        Ok(Logits::checked(&logits)?.choose(sampling, Adjustment::NONE, &mut self.rng))
    }

    fn passes_of_observe(&self) -> u32 {
        match self.silence_pass {
            SilencePass::Drafted => 1,
            SilencePass::TokenByToken => 1 + self.draft.num_rows() as u32,
        }
    }

    /// Ends a turn with the silence that was drafted, or without an answer where silent turns leave none.
    fn end_silently(&mut self, turn: &OpenTurn) -> Resolved {
        if self.silent_turns == SilentTurns::Collapsed {
            let header_len = self.chat.reply_header_len();
            self.decoder.cache.rewind(turn.header_len - header_len);
            self.context.cursor = turn.header_cursor;
            self.context.cursor.move_back(header_len as i64);
            self.spans.end_last_at(self.decoder.cache.len(), self.context.cursor.next_position());
        }
        Resolved {
            text: self.folder.manifest().silence_text.clone(),
            is_silent: true,
            cache_tokens: self.decoder.cache.len(),
            passes: 0,
            num_new_tokens: 0,
            decode: Duration::ZERO,
            finish: Finish::EndToken,
        }
    }
}

struct Decoded {
    reply_ids: Vec<u32>,
    passes: u32,
    finish: Finish,
}

impl TurnModel for OrtModel {
    fn observe(&mut self, input: TurnInput) -> Result<Observed, EngineError> {
        self.cancel.clear();
        let started_at = Instant::now();
        let frames = self.preprocess(&input.frames)?;
        let preprocessed_at = Instant::now();
        let features = self.encode(&frames)?;
        let encoded_at = Instant::now();
        let composed = self.compose(&frames, input.text.as_deref())?;
        self.make_room(composed.input_ids.len())?;
        let cache_len = self.decoder.cache.len();
        let (open_turn, observation) = match self.prefill_turn(&composed, &frames, &features, &input) {
            Ok(prefilled) => prefilled,
            Err(err) => {
                self.decoder.cache.rewind(cache_len);
                return Err(err);
            }
        };
        self.open_turn = Some(open_turn);
        Ok(Observed {
            observation,
            cache_tokens: self.decoder.cache.len(),
            passes: self.passes_of_observe(),
            preprocess: preprocessed_at - started_at,
            encode: encoded_at - preprocessed_at,
            prefill: encoded_at.elapsed(),
        })
    }

    fn resolve(&mut self, resolution: Resolution) -> Result<Resolved, EngineError> {
        let turn = self.open_turn.take().ok_or(EngineError::NoOpenTurn)?;
        let (max_new_tokens, urge) = match resolution {
            Resolution::Silent => return Ok(self.end_silently(&turn)),
            Resolution::Speak { max_new_tokens, urge } => (max_new_tokens, urge),
        };
        let started_at = Instant::now();
        let Some(start) = self.first_divergence(&turn, urge)? else { return Ok(self.end_silently(&turn)) };
        let decoded = self.decode_reply(&turn, start, max_new_tokens)?;
        self.spans.end_last_at(self.decoder.cache.len(), self.context.cursor.next_position());
        let text = self.folder.tokenizer().decode(&decoded.reply_ids)?.trim().to_owned();
        Ok(Resolved {
            is_silent: is_silence(&text, &self.folder.manifest().silence_text),
            text,
            cache_tokens: self.decoder.cache.len(),
            passes: decoded.passes,
            num_new_tokens: decoded.reply_ids.len(),
            decode: started_at.elapsed(),
            finish: decoded.finish,
        })
    }

    fn reset(&mut self) -> Result<(), EngineError> {
        self.decoder.cache.rewind(0);
        self.rng = SplitMix64::new(self.seed);
        self.open_turn = None;
        self.spans = Spans::default();
        self.spans.push(0, 0, true);
        self.context =
            Context { cursor: PositionCursor::default(), unread_ids: self.chat.system(&self.system_prompt)? };
        Ok(())
    }
}

fn checked_rows(logits: &[f32], num_rows: usize) -> Result<Vec<Logits<'_>>, EngineError> {
    logits.chunks_exact((logits.len() / num_rows).max(1)).map(Logits::checked).collect()
}

#[cfg(test)]
mod tests;
