//! `model check`: the exported graphs against outputs of the original implementation.

use std::path::{Path, PathBuf};

use ort::session::RunOptions;
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};
use souffleur_core::RgbImage;
use souffleur_model::{ChatFormat, ModelFolder, PixelValues, Position, PositionCursor, Preprocessor};

use crate::decoder::{Chunk, Decoder};
use crate::engine::EngineOptions;
use crate::graph::ExecutionSettings;
use crate::sampler::Logits;
use crate::vision::VisionEncoder;
use crate::{EngineError, runtime};

/// How far a model folder is from its reference. Distances are the largest absolute difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckReport {
    /// Of the preprocessed pixels of every image.
    pub pixel_values: f32,
    /// Of the features of every image.
    pub image_embeds: f32,
    /// Whether the wire format gives the reference's tokens.
    pub input_ids_equal: bool,
    /// Whether the position rule gives the reference's positions.
    pub position_ids_equal: bool,
    /// Of the logits of every token, the conversation fed at once.
    pub logits: f32,
    /// Whether greedy decoding behind the conversation gives the reference's tokens.
    pub greedy_equal: bool,
    /// Of the logits of every token, the conversation fed turn by turn into the cache.
    pub stepwise_logits: f32,
    /// Share (0–1) of all tokens whose most probable successor is the reference's.
    pub argmax_agreement: f32,
    /// Share (0–1) of the assistant headers whose most probable successor is the reference's: the decisions.
    pub decision_agreement: f32,
}

impl CheckReport {
    /// Whether everything is within the tolerances for weights in f32: pixels to 1e-6, features and logits to 1e-3.
    pub fn is_within_tolerance(&self) -> bool {
        self.is_exact_before_the_weights()
            && self.greedy_equal
            && [self.image_embeds, self.logits, self.stepwise_logits].iter().all(|&distance| distance <= 1e-3)
    }

    /// Whether all that does not depend on how the weights are stored is equal: pixels, tokens and positions.
    pub fn is_exact_before_the_weights(&self) -> bool {
        self.pixel_values <= 1e-6 && self.input_ids_equal && self.position_ids_equal
    }
}

/// Runs a model against a reference folder (`reference.json`, `reference.safetensors`, `images/`), with the pixel
/// bounds the reference was made with.
///
/// # Errors
/// When a file of the model is not the one that was exported, the reference cannot be read or does not belong to a
/// model of this shape, or the model does not run.
pub fn check(folder: &ModelFolder, reference: &Path, options: &EngineOptions) -> Result<CheckReport, EngineError> {
    let reference = Reference::open(reference)?;
    // Damage is told as damage, not as a distance; here all files are read, however large.
    folder.verify(u64::MAX)?;
    let environment = runtime::environment(options.runtime_library.as_deref())?;
    let settings = ExecutionSettings { intra_threads: options.intra_threads() };
    let run = RunOptions::new().map_err(|err| EngineError::ThreadEnded { reason: err.to_string() })?;
    let mut vision = VisionEncoder::load(&environment, folder, settings)?;
    let mut pixel_values = 0.0f32;
    let mut image_embeds = 0.0f32;
    let mut images = Vec::new();
    let bounds = &reference.meta.pixel_bounds;
    let config = folder.preprocessor().with_pixel_bounds(bounds.min_pixels, bounds.max_pixels)?;
    let mut preprocessor = Preprocessor::new(config);
    for (name, image) in &reference.meta.images {
        let pixels = preprocessor.preprocess(&reference.image(&image.file)?)?;
        let features = vision.encode(&pixels, &run)?;
        let distance = |tensor: &str, found: &[f32]| reference.distance(&format!("{tensor}.{name}"), found);
        pixel_values = pixel_values.max(distance("pixel_values.pil", &pixels.data)?);
        image_embeds = image_embeds.max(distance("image_embeds", &features)?);
        images.push((name.clone(), pixels, features));
    }

    let conversation = Conversation::compose(folder, &reference, &images)?;
    let num_tokens = conversation.input_ids.len();
    let greedy_ids = reference.integers("stream.greedy_ids")?;
    let decoder = Decoder::load(&environment, folder, settings, num_tokens + greedy_ids.len())?;
    let vocab_size = folder.config().text.vocab_size;
    let mut replay = Replay { decoder, conversation: &conversation, run, vocab_size };
    let at_once = replay.feed(&[0, num_tokens])?;
    let greedy = replay.decode(&at_once, greedy_ids.len())?;
    let stepwise = replay.feed(&conversation.chunk_bounds)?;
    let expected = reference.floats("stream.logits")?;
    let agreement = Agreement { found: &at_once, expected: &expected, vocab_size };
    let input_ids: Vec<i64> = conversation.input_ids.iter().map(|&id| i64::from(id)).collect();
    Ok(CheckReport {
        pixel_values,
        image_embeds,
        input_ids_equal: input_ids == reference.integers("stream.input_ids")?,
        position_ids_equal: conversation.position_rows() == reference.integers("stream.position_ids")?,
        logits: reference.distance("stream.logits", &at_once)?,
        greedy_equal: greedy == greedy_ids,
        stepwise_logits: reference.distance("stream.logits", &stepwise)?,
        argmax_agreement: agreement.share(0..num_tokens)?,
        decision_agreement: agreement.share(conversation.header_rows.iter().copied())?,
    })
}

/// The reference's conversation in our tokens, positions and embeddings.
struct Conversation {
    input_ids: Vec<u32>,
    position_ids: Vec<Position>,
    /// Start of each frame's tokens, with its features.
    features: Vec<(usize, Vec<f32>)>,
    /// First token of each chunk of the turn-by-turn replay, and the end.
    chunk_bounds: Vec<usize>,
    /// The row that answers, one a turn.
    header_rows: Vec<usize>,
}

impl Conversation {
    fn compose(
        folder: &ModelFolder,
        reference: &Reference,
        images: &[(String, PixelValues, Vec<f32>)],
    ) -> Result<Self, EngineError> {
        let chat = ChatFormat::new(folder.tokenizer(), folder.config())?;
        let merge = folder.config().vision.spatial_merge_size;
        let stream = &reference.meta.stream;
        let mut cursor = PositionCursor::default();
        let mut this = Self {
            input_ids: chat.system(&stream.system)?,
            position_ids: Vec::new(),
            features: Vec::new(),
            chunk_bounds: vec![0],
            header_rows: Vec::new(),
        };
        cursor.text(this.input_ids.len(), &mut this.position_ids);
        for turn in &stream.turns {
            let frames: Vec<_> =
                turn.frames.iter().map(|name| reference.find(images, name)).collect::<Result<_, _>>()?;
            let counts: Vec<usize> = frames.iter().map(|(_, pixels, _)| pixels.grid.num_tokens(merge)).collect();
            let text = Some(turn.text.as_str()).filter(|text| !text.is_empty());
            let tokens = chat.turn(&counts, text)?;
            let start = this.input_ids.len();
            this.input_ids.extend_from_slice(&tokens.input_ids);
            let grids: Vec<[usize; 2]> = frames.iter().map(|(_, pixels, _)| pixels.grid.merged(merge)).collect();
            cursor.turn(&tokens, &grids, &mut this.position_ids);
            let features = tokens.frames.iter().zip(&frames);
            this.features.extend(features.map(|(range, (.., features))| (start + range.start, features.clone())));
            this.header_rows.push(this.input_ids.len() - 1);
            if let Some(reply) = &turn.reply {
                this.input_ids.extend(chat.reply(reply)?);
                this.input_ids.push(chat.end_token());
                cursor.text(this.input_ids.len() - this.position_ids.len(), &mut this.position_ids);
            }
            this.chunk_bounds.push(this.input_ids.len());
        }
        Ok(this)
    }

    /// `[3, S]` in one row, as the reference stores it.
    fn position_rows(&self) -> Vec<i64> {
        (0..3).flat_map(|axis| self.position_ids.iter().map(move |position| position[axis])).collect()
    }
}

/// Feeds the conversation through the decoder, in any cut.
struct Replay<'a> {
    decoder: Decoder,
    conversation: &'a Conversation,
    run: RunOptions,
    vocab_size: usize,
}

impl Replay<'_> {
    /// Logits of every token, the tokens fed in chunks between `bounds`.
    fn feed(&mut self, bounds: &[usize]) -> Result<Vec<f32>, EngineError> {
        self.decoder.cache.rewind(0);
        let conversation = self.conversation;
        let mut inputs_embeds = self.decoder.embed_tokens(&conversation.input_ids, &self.run)?;
        let hidden_size = inputs_embeds.len() / conversation.input_ids.len();
        for (start, features) in &conversation.features {
            inputs_embeds[start * hidden_size..][..features.len()].copy_from_slice(features);
        }
        let mut logits = Vec::new();
        for (&start, &end) in bounds.iter().zip(&bounds[1..]) {
            let rows: Vec<usize> = (0..end - start).collect();
            let inputs_embeds = inputs_embeds[start * hidden_size..end * hidden_size].to_vec();
            let chunk = Chunk { inputs_embeds, position_ids: &conversation.position_ids[start..end] };
            logits.extend(self.decoder.prefill(chunk, &rows, &self.run)?);
        }
        Ok(logits)
    }

    /// Greedy tokens behind the conversation that was fed last, whose logits are given.
    fn decode(&mut self, logits: &[f32], num_tokens: usize) -> Result<Vec<i64>, EngineError> {
        let mut next_id = Logits::checked(&logits[logits.len() - self.vocab_size..])?.argmax();
        let mut position = self.conversation.position_ids.last().map_or(0, |last| last[0] + 1);
        let mut decoded = vec![i64::from(next_id)];
        while decoded.len() < num_tokens {
            let inputs_embeds = self.decoder.embed_tokens(&[next_id], &self.run)?;
            let chunk = Chunk { inputs_embeds, position_ids: &[[position; 3]] };
            next_id = Logits::checked(&self.decoder.prefill(chunk, &[0], &self.run)?)?.argmax();
            decoded.push(i64::from(next_id));
            position += 1;
        }
        Ok(decoded)
    }
}

struct Agreement<'a> {
    found: &'a [f32],
    expected: &'a [f32],
    vocab_size: usize,
}

impl Agreement<'_> {
    fn share(&self, rows: impl Iterator<Item = usize>) -> Result<f32, EngineError> {
        let (mut num_rows, mut num_equal) = (0, 0);
        for row in rows {
            let range = row * self.vocab_size..(row + 1) * self.vocab_size;
            num_rows += 1;
            let found = Logits::checked(&self.found[range.clone()])?.argmax();
            num_equal += usize::from(found == Logits::checked(&self.expected[range])?.argmax());
        }
        Ok(num_equal as f32 / num_rows.max(1) as f32)
    }
}

#[derive(Deserialize)]
struct Meta {
    pixel_bounds: PixelBounds,
    images: std::collections::BTreeMap<String, ImageMeta>,
    stream: StreamMeta,
}

#[derive(Deserialize)]
struct PixelBounds {
    min_pixels: u64,
    max_pixels: u64,
}

#[derive(Deserialize)]
struct ImageMeta {
    file: String,
}

#[derive(Deserialize)]
struct StreamMeta {
    system: String,
    turns: Vec<TurnMeta>,
}

#[derive(Deserialize)]
struct TurnMeta {
    frames: Vec<String>,
    text: String,
    reply: Option<String>,
}

struct Reference {
    dir: PathBuf,
    meta: Meta,
    tensors: Vec<u8>,
}

impl Reference {
    fn open(dir: &Path) -> Result<Self, EngineError> {
        let read = |name: &str| {
            let path = dir.join(name);
            std::fs::read(&path).map_err(|err| EngineError::Reference { path, reason: err.to_string() })
        };
        let meta = serde_json::from_slice(&read("reference.json")?)
            .map_err(|err| EngineError::Reference { path: dir.join("reference.json"), reason: err.to_string() })?;
        Ok(Self { dir: dir.to_path_buf(), meta, tensors: read("reference.safetensors")? })
    }

    fn error(&self, reason: impl Into<String>) -> EngineError {
        EngineError::Reference { path: self.dir.join("reference.safetensors"), reason: reason.into() }
    }

    fn bytes(&self, name: &str) -> Result<&[u8], EngineError> {
        let tensors = SafeTensors::deserialize(&self.tensors).map_err(|err| self.error(err.to_string()))?;
        let tensor = tensors.tensor(name).map_err(|err| self.error(err.to_string()))?;
        Ok(tensor.data())
    }

    fn floats(&self, name: &str) -> Result<Vec<f32>, EngineError> {
        let chunks = self.bytes(name)?.as_chunks().0;
        Ok(chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn integers(&self, name: &str) -> Result<Vec<i64>, EngineError> {
        let chunks = self.bytes(name)?.as_chunks().0;
        Ok(chunks.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect())
    }

    /// Largest absolute difference to a tensor of the reference.
    fn distance(&self, name: &str, found: &[f32]) -> Result<f32, EngineError> {
        let expected = self.floats(name)?;
        if expected.len() != found.len() {
            let (expected, found) = (expected.len(), found.len());
            return Err(self.error(format!("{name} holds {expected} numbers, this model gives {found}")));
        }
        Ok(expected.iter().zip(found).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max))
    }

    fn image(&self, file: &str) -> Result<RgbImage, EngineError> {
        let path = self.dir.join(file);
        let unreadable = |reason: String| EngineError::Reference { path: path.clone(), reason };
        let image = image::open(&path).map_err(|err| unreadable(err.to_string()))?.into_rgb8();
        let (width_px, height_px) = image.dimensions();
        RgbImage::new(width_px, height_px, image.into_raw()).map_err(|err| unreadable(err.to_string()))
    }

    fn find<'a>(
        &self,
        images: &'a [(String, PixelValues, Vec<f32>)],
        name: &str,
    ) -> Result<&'a (String, PixelValues, Vec<f32>), EngineError> {
        images.iter().find(|(other, ..)| other == name).ok_or_else(|| self.error(format!("no image named {name}")))
    }
}
