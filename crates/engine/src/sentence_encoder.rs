//! Texts to vectors whose dot product says how alike they are.

use std::fmt;
use std::path::Path;

use ort::session::Session;
use ort::value::TensorRef;
use souffleur_model::names::{files, graph as graph_names};
use souffleur_model::sentence_encoder_names as names;
use souffleur_model::{ModelError, SentenceEncoderConfig, SentenceTokenizer};

use crate::EngineError;
use crate::graph::{ExecutionSettings, load_file, run_error};
use crate::runtime;

/// A sentence encoder that `souffleur model export` wrote.
pub struct SentenceEncoder {
    session: Session,
    tokenizer: SentenceTokenizer,
    config: SentenceEncoderConfig,
}

impl fmt::Debug for SentenceEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentenceEncoder").field("config", &self.config).finish_non_exhaustive()
    }
}

impl SentenceEncoder {
    /// Opens the folder.
    ///
    /// # Errors
    /// When a file is missing or not of its form, or ONNX Runtime is missing or refuses the graph.
    pub fn open(folder: &Path) -> Result<Self, EngineError> {
        if !folder.is_dir() {
            let (folder, reason) = (folder.display().to_string(), "it does not exist or is no folder".to_owned());
            return Err(ModelError::NotAFolder { folder, reason }.into());
        }
        let read = |name: &str| {
            let path = folder.join(name);
            std::fs::read(&path).map_err(|source| ModelError::Read { path: path.display().to_string(), source })
        };
        let config = SentenceEncoderConfig::from_json(&read(files::CONFIG)?, &read(names::SENTENCE_CONFIG)?)?;
        let tokenizer = SentenceTokenizer::from_bytes(&read(files::TOKENIZER)?, &config)?;
        let environment = runtime::environment(None)?;
        let intra_threads = std::thread::available_parallelism().map_or(1, usize::from);
        let settings = ExecutionSettings { intra_threads };
        let session = load_file(&environment, &folder.join(names::ENCODER_ONNX), names::ENCODER_ONNX, settings)?;
        Ok(Self { session, tokenizer, config })
    }

    /// Values of one embedding.
    pub fn hidden_size(&self) -> usize {
        self.config.hidden_size
    }

    /// One vector of length 1 a text, in order. A text beyond `max_seq_length` tokens counts up to there.
    ///
    /// # Errors
    /// When the tokenizer or the runtime fails.
    pub fn encode(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EngineError> {
        texts.iter().map(|text| self.encode_one(text)).collect()
    }

    fn encode_one(&mut self, text: &str) -> Result<Vec<f32>, EngineError> {
        let input_ids: Vec<i64> = self.tokenizer.encode(text)?.into_iter().map(i64::from).collect();
        let embedding = run(&mut self.session, &input_ids).map_err(|err| run_error(names::ENCODER_ONNX, &err))?;
        let (expected, found) = (self.config.hidden_size, embedding.len());
        if found == expected {
            Ok(embedding)
        } else {
            Err(EngineError::OutputSize { graph: names::ENCODER_ONNX, expected, found })
        }
    }
}

fn run(session: &mut Session, input_ids: &[i64]) -> ort::Result<Vec<f32>> {
    let position_ids: Vec<i64> = (0..input_ids.len() as i64).collect();
    let shape = [1, input_ids.len()];
    let outputs = session.run(ort::inputs![
        graph_names::INPUT_IDS => TensorRef::from_array_view((shape, input_ids))?,
        names::POSITION_IDS => TensorRef::from_array_view((shape, position_ids.as_slice()))?,
    ])?;
    let embedding = outputs.get(names::SENTENCE_EMBEDDING);
    let embedding = embedding.ok_or_else(|| ort::Error::new("the graph has no output sentence_embedding"))?;
    Ok(embedding.try_extract_tensor::<f32>()?.1.to_vec())
}
