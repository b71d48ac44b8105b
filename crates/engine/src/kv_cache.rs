//! The keys and values of everything the model knows, in one buffer a layer.

use ort::memory::Allocator;
use ort::session::IoBinding;
use ort::value::Tensor;
use souffleur_model::TextConfig;
use souffleur_model::names::{files, graph as graph_names};

use crate::EngineError;
use crate::window::Eviction;

/// One preallocated `[1, num_key_value_heads, context_tokens, head_dim]` buffer for the keys and one for the values
/// of every layer. Each is bound to the decoder as past *and* present, so appending copies nothing and rewinding is
/// a change of `len`: rows behind it are garbage that the next run overwrites.
pub(crate) struct KvCache {
    buffers: Vec<(Tensor<f32>, Tensor<f32>)>,
    len: usize,
    context_tokens: usize,
    head_dim: usize,
}

impl KvCache {
    /// Allocates for `context_tokens` tokens. The system maps the pages as they are first written, so a long context
    /// costs memory only as it fills.
    pub(crate) fn new(config: &TextConfig, context_tokens: usize) -> Result<Self, EngineError> {
        let shape = [1, config.num_key_value_heads, context_tokens, config.head_dim];
        let allocator = Allocator::default();
        let buffer = || {
            Tensor::<f32>::new(&allocator, shape)
                .map_err(|err| EngineError::Run { graph: files::DECODER_ONNX, reason: err.to_string() })
        };
        let buffers =
            (0..config.num_hidden_layers).map(|_| Ok((buffer()?, buffer()?))).collect::<Result<_, EngineError>>()?;
        Ok(Self { buffers, len: 0, context_tokens, head_dim: config.head_dim })
    }

    /// Binds every buffer as the past and the present of its layer. Once is enough for all runs.
    pub(crate) fn bind(&mut self, binding: &mut IoBinding) -> ort::Result<()> {
        for (layer, (key, value)) in self.buffers.iter_mut().enumerate() {
            binding.bind_input(graph_names::past_key(layer), key)?;
            binding.bind_input(graph_names::past_value(layer), value)?;
            binding.bind_output(graph_names::present_key(layer), key)?;
            binding.bind_output(graph_names::present_value(layer), value)?;
        }
        Ok(())
    }

    /// Tokens known.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Tokens that fit in all.
    pub(crate) fn context_tokens(&self) -> usize {
        self.context_tokens
    }

    /// Tokens that still fit.
    pub(crate) fn free_tokens(&self) -> usize {
        self.context_tokens - self.len
    }

    /// Counts rows that a run has just written behind the last one.
    pub(crate) fn append(&mut self, num_tokens: usize) {
        self.len += num_tokens;
        debug_assert!(self.len <= self.context_tokens, "the decoder checks the room before it runs");
    }

    /// Leaves out the rows `eviction.tokens`: the rows behind move up, and their keys are turned back by the shift of
    /// their positions. Values are moved, not turned.
    ///
    /// Rotary positions are angles, so a key at position `p` turned by `-shift` *is* the key at `p - shift`; the same
    /// shift holds for all three M-RoPE axes, because the rows and columns of a frame start at the running position
    /// too (spec of M-RoPE; StreamingVLM does the same for text).
    pub(crate) fn evict(&mut self, eviction: &Eviction, inv_freq: &[f64]) -> Result<(), EngineError> {
        let rows = Rows { tokens: eviction.tokens.clone(), len: self.len, context_tokens: self.context_tokens };
        let turn = Turn::back(eviction.position_shift, inv_freq);
        for (key, value) in &mut self.buffers {
            rows.move_up(tensor_mut(key)?, self.head_dim, |key| turn.apply(key));
            rows.move_up(tensor_mut(value)?, self.head_dim, |_| ());
        }
        self.len -= eviction.tokens.len();
        Ok(())
    }

    /// Forgets everything behind the first `len` tokens.
    pub(crate) fn rewind(&mut self, len: usize) {
        debug_assert!(len <= self.len, "a cache is rewound, not wound on");
        self.len = self.len.min(len);
    }
}

/// One token's key and value in one layer, all heads in a row.
#[cfg(test)]
pub(crate) struct KeyValue {
    pub(crate) key: Vec<f32>,
    pub(crate) value: Vec<f32>,
}

#[cfg(test)]
impl KvCache {
    /// A copy of everything, `[len][layer]`.
    pub(crate) fn rows(&self) -> Vec<Vec<KeyValue>> {
        let (head_dim, context_tokens) = (self.head_dim, self.context_tokens);
        let gather = |tensor: &Tensor<f32>, row: usize| {
            let (_, data) = tensor.extract_tensor();
            let heads = data.chunks_exact(context_tokens * head_dim);
            heads.flat_map(|head| &head[row * head_dim..(row + 1) * head_dim]).copied().collect()
        };
        let layers = |row| {
            let both = |(key, value): &(_, _)| KeyValue { key: gather(key, row), value: gather(value, row) };
            self.buffers.iter().map(both).collect()
        };
        (0..self.len).map(layers).collect()
    }
}

fn tensor_mut(tensor: &mut Tensor<f32>) -> Result<&mut [f32], EngineError> {
    let data = tensor.try_extract_tensor_mut::<f32>();
    data.map(|(_, data)| data).map_err(|err| EngineError::Run { graph: files::DECODER_ONNX, reason: err.to_string() })
}

/// Rows to leave out of a buffer of `[heads, context_tokens, head_dim]` that holds `len` rows a head.
struct Rows {
    tokens: std::ops::Range<usize>,
    len: usize,
    context_tokens: usize,
}

impl Rows {
    fn move_up(&self, buffer: &mut [f32], head_dim: usize, mut change: impl FnMut(&mut [f32])) {
        for head in buffer.chunks_exact_mut(self.context_tokens * head_dim) {
            head.copy_within(self.tokens.end * head_dim..self.len * head_dim, self.tokens.start * head_dim);
            let moved = self.tokens.start * head_dim..(self.len - self.tokens.len()) * head_dim;
            head[moved].chunks_exact_mut(head_dim).for_each(&mut change);
        }
    }
}

/// A rotation of a key, in the half-and-half layout: elements `j` and `j + head_dim / 2` turn together.
struct Turn {
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Turn {
    /// Back by `shift` positions.
    fn back(shift: i64, inv_freq: &[f64]) -> Self {
        let (sin, cos) =
            inv_freq.iter().map(|freq| (-(shift as f64) * freq).sin_cos()).map(|(s, c)| (s as f32, c as f32)).unzip();
        Self { cos, sin }
    }

    fn apply(&self, key: &mut [f32]) {
        let (low, high) = key.split_at_mut(self.cos.len());
        for (((low, high), cos), sin) in low.iter_mut().zip(high).zip(&self.cos).zip(&self.sin) {
            (*low, *high) = (*low * cos - *high * sin, *high * cos + *low * sin);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two heads, four rows of capacity, head_dim 4; row `r` holds `10·head + r` everywhere.
    #[test]
    fn rows_move_up_in_every_head() {
        let mut buffer: Vec<f32> =
            (0..2).flat_map(|head| (0..4).flat_map(move |row| [10.0 * head as f32 + row as f32; 4])).collect();
        let rows = Rows { tokens: 1..2, len: 4, context_tokens: 4 };
        let mut num_changed = 0;
        rows.move_up(&mut buffer, 4, |_| num_changed += 1);
        assert_eq!([buffer[0], buffer[4], buffer[8]], [0.0, 2.0, 3.0]);
        assert_eq!([buffer[16], buffer[20], buffer[24]], [10.0, 12.0, 13.0]);
        assert_eq!(num_changed, 4);
    }

    #[test]
    fn a_key_turned_back_is_the_key_of_the_earlier_position() {
        let inv_freq = [1.0, 0.01];
        let raw = [0.3, -0.7, 1.1, 0.2];
        let at = |position: i64| {
            let mut key = raw;
            Turn::back(-position, &inv_freq).apply(&mut key);
            key
        };
        let mut key = at(5000);
        Turn::back(4983, &inv_freq).apply(&mut key);
        for (found, expected) in key.iter().zip(at(17)) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }
}
