//! The language model: token embeddings and the decoder over the KV cache.

use ort::environment::Environment;
use ort::memory::{AllocationDevice, AllocatorType, MemoryInfo, MemoryType};
use ort::session::{IoBinding, RunOptions};
use ort::value::{Tensor, TensorRef};
use souffleur_model::names::{files, graph as graph_names};
use souffleur_model::{ModelFolder, Position, TextConfig, rotary};

use crate::EngineError;
use crate::graph::{ExecutionSettings, Graph};
use crate::kv_cache::KvCache;

pub(crate) struct Decoder {
    embed: Graph,
    graph: Graph,
    binding: IoBinding,
    logits_memory: MemoryInfo<'static>,
    pub(crate) cache: KvCache,
    config: TextConfig,
}

/// Tokens to append, with their embeddings and positions.
pub(crate) struct Chunk<'a> {
    /// `[num_tokens, hidden_size]`.
    pub(crate) inputs_embeds: Vec<f32>,
    /// One a token.
    pub(crate) position_ids: &'a [Position],
}

impl Decoder {
    pub(crate) fn load(
        environment: &Environment,
        folder: &ModelFolder,
        settings: ExecutionSettings,
        context_tokens: usize,
    ) -> Result<Self, EngineError> {
        let config = folder.config().text.clone();
        let embed = Graph::load(environment, folder, files::EMBED_ONNX, settings)?;
        embed.expect_names(&[graph_names::INPUT_IDS], &[graph_names::INPUTS_EMBEDS])?;
        let graph = Graph::load(environment, folder, files::DECODER_ONNX, settings)?;
        expect_decoder_names(&graph, &config)?;
        let mut cache = KvCache::new(&config, context_tokens)?;
        let mut bound = || -> ort::Result<(IoBinding, MemoryInfo<'static>)> {
            let mut binding = graph.session.create_binding()?;
            cache.bind(&mut binding)?;
            let logits_memory =
                MemoryInfo::new(AllocationDevice::CPU, 0, AllocatorType::Device, MemoryType::CPUOutput)?;
            Ok((binding, logits_memory))
        };
        let (binding, logits_memory) = bound().map_err(|err| graph.run_error(&err))?;
        Ok(Self { embed, graph, binding, logits_memory, cache, config })
    }

    pub(crate) fn graphs(&self) -> (&Graph, &Graph) {
        (&self.embed, &self.graph)
    }

    /// Embeddings of tokens, `[input_ids.len(), hidden_size]`.
    pub(crate) fn embed_tokens(&mut self, input_ids: &[u32], run: &RunOptions) -> Result<Vec<f32>, EngineError> {
        let expected = input_ids.len() * self.config.hidden_size;
        let input_ids: Vec<i64> = input_ids.iter().map(|&token_id| i64::from(token_id)).collect();
        let embeds = run_embed(&mut self.embed, &input_ids, run).map_err(|err| self.embed.run_error(&err))?;
        if embeds.len() == expected {
            Ok(embeds)
        } else {
            Err(EngineError::OutputSize { graph: files::EMBED_ONNX, expected, found: embeds.len() })
        }
    }

    /// Appends a chunk behind what the cache holds, in one forward pass, and gives the logits behind the tokens that
    /// `logits_rows` names (indices into the chunk): `[logits_rows.len(), vocab_size]`.
    ///
    /// # Errors
    /// When the chunk does not fit or the run fails; the cache then holds what it held.
    pub(crate) fn prefill(
        &mut self,
        chunk: Chunk<'_>,
        logits_rows: &[usize],
        run: &RunOptions,
    ) -> Result<Vec<f32>, EngineError> {
        let num_tokens = chunk.position_ids.len();
        if num_tokens > self.cache.free_tokens() {
            return Err(EngineError::ContextFull {
                needed_tokens: num_tokens,
                free_tokens: self.cache.free_tokens(),
                context_tokens: self.cache.context_tokens(),
            });
        }
        let logits = self.run(chunk, logits_rows, run).map_err(|err| self.graph.run_error(&err))?;
        let expected = logits_rows.len() * self.config.vocab_size;
        if logits.len() != expected {
            return Err(EngineError::OutputSize { graph: files::DECODER_ONNX, expected, found: logits.len() });
        }
        self.cache.append(num_tokens);
        Ok(logits)
    }

    fn run(&mut self, chunk: Chunk<'_>, logits_rows: &[usize], run: &RunOptions) -> ort::Result<Vec<f32>> {
        let num_tokens = chunk.position_ids.len();
        let total = self.cache.len() + num_tokens;
        let table = rotary(chunk.position_ids, &self.config);
        let rotary_shape = [num_tokens, self.config.head_dim / 2];
        let rows: Vec<i64> = logits_rows.iter().map(|&row| row as i64).collect();
        let binding = &mut self.binding;
        let embeds_shape = [1, num_tokens, self.config.hidden_size];
        binding.bind_input(graph_names::INPUTS_EMBEDS, &Tensor::from_array((embeds_shape, chunk.inputs_embeds))?)?;
        binding.bind_input(graph_names::COS, &Tensor::from_array((rotary_shape, table.cos))?)?;
        binding.bind_input(graph_names::SIN, &Tensor::from_array((rotary_shape, table.sin))?)?;
        binding.bind_input(graph_names::SEQLENS_K, &Tensor::from_array(([1], vec![total as i32 - 1]))?)?;
        let scalar: [usize; 0] = [];
        binding.bind_input(graph_names::TOTAL_SEQUENCE_LENGTH, &Tensor::from_array((scalar, vec![total as i32]))?)?;
        binding.bind_input(graph_names::LOGITS_ROWS, &Tensor::from_array(([rows.len()], rows))?)?;
        // Bound anew for each run: the runtime would else hold the output to the shape of the run before.
        binding.bind_output_to_device(graph_names::LOGITS, &self.logits_memory)?;
        let outputs = self.graph.session.run_binding_with_options(binding, run)?;
        let (_, logits) = outputs[graph_names::LOGITS].try_extract_tensor::<f32>()?;
        Ok(logits.to_vec())
    }
}

fn run_embed(embed: &mut Graph, input_ids: &[i64], run: &RunOptions) -> ort::Result<Vec<f32>> {
    let input = TensorRef::from_array_view(([1, input_ids.len()], input_ids))?;
    let outputs = embed.session.run_with_options(ort::inputs![graph_names::INPUT_IDS => input], run)?;
    let (_, embeds) = outputs[graph_names::INPUTS_EMBEDS].try_extract_tensor::<f32>()?;
    Ok(embeds.to_vec())
}

fn expect_decoder_names(graph: &Graph, config: &TextConfig) -> Result<(), EngineError> {
    let layers = 0..config.num_hidden_layers;
    let past: Vec<String> =
        layers.clone().flat_map(|layer| [graph_names::past_key(layer), graph_names::past_value(layer)]).collect();
    let present: Vec<String> =
        layers.flat_map(|layer| [graph_names::present_key(layer), graph_names::present_value(layer)]).collect();
    let inputs = [
        graph_names::INPUTS_EMBEDS,
        graph_names::COS,
        graph_names::SIN,
        graph_names::SEQLENS_K,
        graph_names::TOTAL_SEQUENCE_LENGTH,
        graph_names::LOGITS_ROWS,
    ];
    let inputs: Vec<&str> = inputs.into_iter().chain(past.iter().map(String::as_str)).collect();
    let outputs: Vec<&str> = std::iter::once(graph_names::LOGITS).chain(present.iter().map(String::as_str)).collect();
    graph.expect_names(&inputs, &outputs)
}
