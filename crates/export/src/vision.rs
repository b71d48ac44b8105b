//! `vision.onnx`: patches to the features that stand for a frame in the decoder's input (Qwen2.5-VL, §2.1.1).

use souffleur_model::names::{graph as io, weights as names};
use souffleur_model::{VISION_RMS_NORM_EPS, VisionConfig};

use crate::graph::{Attribute, Dim, GraphBuilder, MICROSOFT, Op, Value};
use crate::layers::{Linear, LinearKind, Residual, SwiGlu};
use crate::plan::{DataPlan, Source};
use crate::proto::DataType;

const PATCHES: Dim = Dim::Symbol("P");

/// The graph and the plan of its data file.
///
/// Everything stays in the order of `pixel_values` (merge blocks, row by row). A windowed block gathers its queries,
/// keys and values into windows, all windows in one attention call, empty slots masked, and gathers the result
/// back; nothing is ever put into window order as a whole, so the merger needs no inverse.
pub fn vision_graph(config: &VisionConfig, kind: LinearKind) -> (Vec<u8>, DataPlan) {
    let mut g = GraphBuilder::new("vision");
    let tower = Tower { config, kind, inputs: inputs(&mut g, config) };
    let mut residual = Residual::new(tower.patch_embed(&mut g));
    for block_idx in 0..config.depth {
        tower.block(&mut g, block_idx, &mut residual);
    }
    let features = tower.merger(&mut g, &mut residual);
    let hidden = Dim::Known(config.out_hidden_size);
    g.output(&features, io::IMAGE_FEATURES, DataType::Float, &[Dim::Symbol("T"), hidden]);
    g.finish()
}

struct Inputs {
    pixel_values: Value,
    cos: Value,
    sin: Value,
    window_index: Value,
    window_inverse: Value,
    window_mask: Value,
}

fn inputs(g: &mut GraphBuilder, config: &VisionConfig) -> Inputs {
    let rotary = [PATCHES, Dim::Known(config.rotary_width())];
    let slots = Dim::Known(config.patches_per_window());
    Inputs {
        pixel_values: g.input(io::PIXEL_VALUES, DataType::Float, &[PATCHES, Dim::Known(config.patch_width())]),
        cos: g.input(io::COS, DataType::Float, &rotary),
        sin: g.input(io::SIN, DataType::Float, &rotary),
        window_index: g.input(io::WINDOW_INDEX, DataType::Int64, &[Dim::Symbol("W*L")]),
        window_inverse: g.input(io::WINDOW_INVERSE, DataType::Int64, &[PATCHES]),
        window_mask: g.input(io::WINDOW_MASK, DataType::Int32, &[Dim::Symbol("W"), slots]),
    }
}

struct Tower<'a> {
    config: &'a VisionConfig,
    kind: LinearKind,
    inputs: Inputs,
}

impl Tower<'_> {
    /// The strided 3-D convolution covers each patch once: a matrix product with the flattened kernel. `[1, P, C]`.
    fn patch_embed(&self, g: &mut GraphBuilder) -> Value {
        let VisionConfig { hidden_size, in_channels, temporal_patch_size, patch_size, .. } = *self.config;
        let kernel = [hidden_size, in_channels, temporal_patch_size, patch_size, patch_size];
        let linear = Linear {
            name: "patch_embed".to_owned(),
            weights: vec![Source::new(names::PATCH_EMBED, &kernel)],
            biases: Vec::new(),
        };
        let patches = g.linear(&self.inputs.pixel_values, linear, self.kind);
        g.reshape("patch_embed.batch", &patches, &[1, -1, hidden_size as i64])
    }

    fn block(&self, g: &mut GraphBuilder, block_idx: usize, residual: &mut Residual) {
        let norm_weight = |part| Source::new(names::vision_block(block_idx, part), &[self.config.hidden_size]);
        let name = format!("blocks.{block_idx}.norm1");
        let normed = residual.rms_norm(g, &name, norm_weight("norm1.weight"), VISION_RMS_NORM_EPS);
        let attended = self.attention(g, block_idx, &normed);
        residual.add(g, attended);
        let name = format!("blocks.{block_idx}.norm2");
        let normed = residual.rms_norm(g, &name, norm_weight("norm2.weight"), VISION_RMS_NORM_EPS);
        let mlp_out = self.mlp(g, block_idx, &normed);
        residual.add(g, mlp_out);
    }

    fn attention(&self, g: &mut GraphBuilder, block_idx: usize, x: &Value) -> Value {
        let scope = format!("blocks.{block_idx}.attn");
        let VisionConfig { hidden_size, num_heads, .. } = *self.config;
        let qkv = self.block_linear(block_idx, &format!("{scope}.qkv"), &["attn.qkv"], 3 * hidden_size, hidden_size);
        let qkv = g.linear(x, qkv, self.kind);
        let names = ["q", "k", "v"].map(|part| format!("{scope}.{part}"));
        let [q, k, v] = g.split(&qkv, [&names[0], &names[1], &names[2]], [hidden_size as i64; 3]);
        let Inputs { cos, sin, .. } = &self.inputs;
        let q = g.rotary(&format!("{scope}.q.rotary"), &q, cos, sin, num_heads);
        let k = g.rotary(&format!("{scope}.k.rotary"), &k, cos, sin, num_heads);
        let attended = if self.config.fullatt_block_indexes.contains(&block_idx) {
            self.multi_head(g, &format!("{scope}.full"), [&q, &k, &v], None)
        } else {
            self.windowed(g, &scope, [&q, &k, &v])
        };
        let proj = self.block_linear(block_idx, &format!("{scope}.proj"), &["attn.proj"], hidden_size, hidden_size);
        g.linear(&attended, proj, self.kind)
    }

    /// Attention inside windows: `[1, P, C]` to `[W, L, C]` and back.
    fn windowed(&self, g: &mut GraphBuilder, scope: &str, qkv: [&Value; 3]) -> Value {
        let width = self.config.hidden_size as i64;
        let slots = self.config.patches_per_window() as i64;
        let names = ["q", "k", "v"].map(|part| format!("{scope}.{part}.window"));
        let mut into_windows = |idx: usize| {
            let gathered = g.gather(&format!("{}.gather", names[idx]), qkv[idx], &self.inputs.window_index, 1);
            g.reshape(&names[idx], &gathered, &[-1, slots, width])
        };
        let [q, k, v] = [into_windows(0), into_windows(1), into_windows(2)];
        let name = format!("{scope}.window");
        let attended = self.multi_head(g, &name, [&q, &k, &v], Some(&self.inputs.window_mask));
        let flat = g.reshape(&format!("{name}.flat"), &attended, &[1, -1, width]);
        g.gather(&format!("{name}.inverse"), &flat, &self.inputs.window_inverse, 1)
    }

    fn multi_head(&self, g: &mut GraphBuilder, name: &str, [q, k, v]: [&Value; 3], mask: Option<&Value>) -> Value {
        // query, key, value, bias, key_padding_mask.
        let inputs = [Some(q), Some(k), Some(v), None, mask];
        let inputs = if mask.is_some() { &inputs[..] } else { &inputs[..3] };
        let attributes = [("num_heads", Attribute::Int(self.config.num_heads as i64))];
        g.op(&Op { name, op_type: "MultiHeadAttention", domain: MICROSOFT, inputs, attributes: &attributes })
    }

    fn mlp(&self, g: &mut GraphBuilder, block_idx: usize, x: &Value) -> Value {
        let name = format!("blocks.{block_idx}.mlp");
        let VisionConfig { hidden_size, intermediate_size, .. } = *self.config;
        let gate_up = format!("{name}.gate_up_proj");
        let gate_up =
            self.block_linear(block_idx, &gate_up, &["mlp.gate_proj", "mlp.up_proj"], intermediate_size, hidden_size);
        let down = format!("{name}.down_proj");
        let down = self.block_linear(block_idx, &down, &["mlp.down_proj"], hidden_size, intermediate_size);
        g.swiglu(x, SwiGlu { name, gate_up, down }, self.kind)
    }

    /// Norm, then `spatial_merge_size²` neighbouring patches, which lie next to each other, become one token.
    fn merger(&self, g: &mut GraphBuilder, residual: &mut Residual) -> Value {
        let VisionConfig { hidden_size, out_hidden_size, spatial_merge_size, .. } = *self.config;
        let width = hidden_size * spatial_merge_size * spatial_merge_size;
        let weight = Source::new(names::MERGER_NORM, &[hidden_size]);
        let normed = residual.rms_norm(g, "merger.ln_q", weight, VISION_RMS_NORM_EPS);
        let joined = g.reshape("merger.join", &normed, &[-1, width as i64]);
        let fc1 = Linear {
            name: "merger.mlp.0".to_owned(),
            weights: vec![Source::new(names::MERGER_FC1, &[width, width])],
            biases: vec![Source::new(names::MERGER_FC1_BIAS, &[width])],
        };
        let fc2 = Linear {
            name: "merger.mlp.2".to_owned(),
            weights: vec![Source::new(names::MERGER_FC2, &[out_hidden_size, width])],
            biases: vec![Source::new(names::MERGER_FC2_BIAS, &[out_hidden_size])],
        };
        let hidden = g.linear(&joined, fc1, self.kind);
        let hidden = g.gelu("merger.gelu", &hidden);
        g.linear(&hidden, fc2, self.kind)
    }

    /// Linears of a block, all of the same shape, each with a bias.
    fn block_linear(&self, block_idx: usize, name: &str, parts: &[&str], rows: usize, cols: usize) -> Linear {
        let sources = |suffix: &str, shape: &[usize]| {
            let source = |part: &&str| Source::new(names::vision_block(block_idx, &format!("{part}.{suffix}")), shape);
            parts.iter().map(source).collect()
        };
        Linear { name: name.to_owned(), weights: sources("weight", &[rows, cols]), biases: sources("bias", &[rows]) }
    }
}
