//! `decoder.onnx`: embeddings, angles and the key-value cache to logits (Qwen2.5, §2; grouped query attention).

use souffleur_model::TextConfig;
use souffleur_model::names::{graph as io, weights as names};

use crate::graph::{Attribute, Dim, GraphBuilder, MICROSOFT, Op, Value};
use crate::layers::{Linear, LinearKind, Residual, SwiGlu};
use crate::plan::{DataPlan, Source};
use crate::proto::DataType;

const TOKENS: Dim = Dim::Symbol("S");
const CAPACITY: Dim = Dim::Symbol("capacity");

/// The graph and the plan of its data file. `is_tied`: the head is the embedding table.
///
/// Only keys and values of the other rows are ever read again, so after the last layer's attention nothing is
/// computed but the rows whose logits are wanted.
pub fn decoder_graph(config: &TextConfig, kind: LinearKind, is_tied: bool) -> (Vec<u8>, DataPlan) {
    let mut g = GraphBuilder::new("decoder");
    let decoder = Decoder { config, kind, inputs: inputs(&mut g, config) };
    let mut residual = Residual::new(decoder.inputs.inputs_embeds.clone());
    for layer_idx in 0..config.num_hidden_layers {
        decoder.layer(&mut g, layer_idx, &mut residual);
    }
    let logits = decoder.head(&mut g, &mut residual, is_tied);
    let dims = [Dim::Known(1), Dim::Symbol("R"), Dim::Known(config.vocab_size)];
    g.output(&logits, io::LOGITS, DataType::Float, &dims);
    g.finish()
}

struct Inputs {
    inputs_embeds: Value,
    cos: Value,
    sin: Value,
    seqlens_k: Value,
    total_sequence_length: Value,
    logits_rows: Value,
    /// Key and value of each layer.
    past: Vec<[Value; 2]>,
}

fn cache_dims(config: &TextConfig) -> [Dim; 4] {
    [Dim::Known(1), Dim::Known(config.num_key_value_heads), CAPACITY, Dim::Known(config.head_dim)]
}

fn inputs(g: &mut GraphBuilder, config: &TextConfig) -> Inputs {
    let embeds = [Dim::Known(1), TOKENS, Dim::Known(config.hidden_size)];
    let rotary = [TOKENS, Dim::Known(config.rotary_width())];
    let mut inputs = Inputs {
        inputs_embeds: g.input(io::INPUTS_EMBEDS, DataType::Float, &embeds),
        cos: g.input(io::COS, DataType::Float, &rotary),
        sin: g.input(io::SIN, DataType::Float, &rotary),
        seqlens_k: g.input(io::SEQLENS_K, DataType::Int32, &[Dim::Known(1)]),
        total_sequence_length: g.input(io::TOTAL_SEQUENCE_LENGTH, DataType::Int32, &[]),
        logits_rows: g.input(io::LOGITS_ROWS, DataType::Int64, &[Dim::Symbol("R")]),
        past: Vec::new(),
    };
    for layer_idx in 0..config.num_hidden_layers {
        let names = [io::past_key(layer_idx), io::past_value(layer_idx)];
        inputs.past.push(names.map(|name| g.input(&name, DataType::Float, &cache_dims(config))));
    }
    inputs
}

struct Decoder<'a> {
    config: &'a TextConfig,
    kind: LinearKind,
    inputs: Inputs,
}

impl Decoder<'_> {
    fn layer(&self, g: &mut GraphBuilder, layer_idx: usize, residual: &mut Residual) {
        let scope = format!("layers.{layer_idx}");
        let TextConfig { hidden_size, num_attention_heads, head_dim, rms_norm_eps, .. } = *self.config;
        let weight = self.norm_weight(names::decoder_layer(layer_idx, "input_layernorm.weight"));
        let normed = residual.rms_norm(g, &format!("{scope}.input_layernorm"), weight, rms_norm_eps);
        let mut attended = self.attention(g, layer_idx, &normed);
        if layer_idx + 1 == self.config.num_hidden_layers {
            let rows = &self.inputs.logits_rows;
            attended = g.gather(&format!("{scope}.attended_rows"), &attended, rows, 1);
            residual.keep_rows(g, &format!("{scope}.residual_rows"), rows);
        }
        let o_proj = self.layer_linear(layer_idx, "self_attn.o_proj", hidden_size, num_attention_heads * head_dim);
        let attended = g.linear(&attended, o_proj, self.kind);
        residual.add(g, attended);
        let weight = self.norm_weight(names::decoder_layer(layer_idx, "post_attention_layernorm.weight"));
        let normed = residual.rms_norm(g, &format!("{scope}.post_attention_layernorm"), weight, rms_norm_eps);
        let mlp_out = self.mlp(g, layer_idx, &normed);
        residual.add(g, mlp_out);
    }

    fn norm_weight(&self, name: String) -> Source {
        Source::new(name, &[self.config.hidden_size])
    }

    /// Queries, keys and values of all heads by one product; `[1, S, heads · head_dim]` before `o_proj`.
    fn attention(&self, g: &mut GraphBuilder, layer_idx: usize, x: &Value) -> Value {
        let scope = format!("layers.{layer_idx}.self_attn");
        let TextConfig { hidden_size, num_attention_heads, num_key_value_heads, head_dim, .. } = *self.config;
        let widths = [num_attention_heads, num_key_value_heads, num_key_value_heads].map(|heads| heads * head_dim);
        let sources = |suffix: &str, inner: &[usize]| {
            let source = |(part, rows): (&str, usize)| {
                let name = names::decoder_layer(layer_idx, &format!("self_attn.{part}.{suffix}"));
                Source::new(name, &[&[rows], inner].concat())
            };
            ["q_proj", "k_proj", "v_proj"].into_iter().zip(widths).map(source).collect()
        };
        let name = format!("{scope}.qkv_proj");
        let linear = Linear { name, weights: sources("weight", &[hidden_size]), biases: sources("bias", &[]) };
        let qkv = g.linear(x, linear, self.kind);
        let names = ["q", "k", "v"].map(|part| format!("{scope}.{part}"));
        let [q, k, v] = g.split(&qkv, [&names[0], &names[1], &names[2]], widths.map(|width| width as i64));
        let Inputs { cos, sin, .. } = &self.inputs;
        let q = g.rotary(&format!("{scope}.q.rotary"), &q, cos, sin, num_attention_heads);
        let k = g.rotary(&format!("{scope}.k.rotary"), &k, cos, sin, num_key_value_heads);
        self.grouped_query(g, layer_idx, &format!("{scope}.attend"), [&q, &k, &v])
    }

    fn grouped_query(&self, g: &mut GraphBuilder, layer_idx: usize, name: &str, [q, k, v]: [&Value; 3]) -> Value {
        let Inputs { seqlens_k, total_sequence_length, past, .. } = &self.inputs;
        let [past_key, past_value] = &past[layer_idx];
        let inputs = [q, k, v, past_key, past_value, seqlens_k, total_sequence_length].map(Some);
        let attributes = [
            ("num_heads", Attribute::Int(self.config.num_attention_heads as i64)),
            ("kv_num_heads", Attribute::Int(self.config.num_key_value_heads as i64)),
            ("do_rotary", Attribute::Int(0)),
        ];
        let op_type = "GroupQueryAttention";
        let op = Op { name, op_type, domain: MICROSOFT, inputs: &inputs, attributes: &attributes };
        let (present_key, present_value) = (io::present_key(layer_idx), io::present_value(layer_idx));
        let [attended, key, value] = g.op_with_outputs(&op, [name, &present_key, &present_value]);
        g.output(&key, &present_key, DataType::Float, &cache_dims(self.config));
        g.output(&value, &present_value, DataType::Float, &cache_dims(self.config));
        attended
    }

    fn mlp(&self, g: &mut GraphBuilder, layer_idx: usize, x: &Value) -> Value {
        let name = format!("layers.{layer_idx}.mlp");
        let TextConfig { hidden_size, intermediate_size, .. } = *self.config;
        let source = |part: &str| {
            let name = names::decoder_layer(layer_idx, &format!("mlp.{part}.weight"));
            Source::new(name, &[intermediate_size, hidden_size])
        };
        let gate_up = Linear {
            name: format!("{name}.gate_up_proj"),
            weights: vec![source("gate_proj"), source("up_proj")],
            biases: Vec::new(),
        };
        let down = self.layer_linear(layer_idx, "mlp.down_proj", hidden_size, intermediate_size);
        g.swiglu(x, SwiGlu { name, gate_up, down }, self.kind)
    }

    /// A linear of a layer without a bias.
    fn layer_linear(&self, layer_idx: usize, part: &str, rows: usize, cols: usize) -> Linear {
        let weight = Source::new(names::decoder_layer(layer_idx, &format!("{part}.weight")), &[rows, cols]);
        Linear { name: format!("layers.{layer_idx}.{part}"), weights: vec![weight], biases: Vec::new() }
    }

    fn head(&self, g: &mut GraphBuilder, residual: &mut Residual, is_tied: bool) -> Value {
        let TextConfig { hidden_size, vocab_size, rms_norm_eps, .. } = *self.config;
        let normed = residual.rms_norm(g, "norm", self.norm_weight(names::FINAL_NORM.to_owned()), rms_norm_eps);
        let name = if is_tied { names::EMBED_TOKENS } else { names::LM_HEAD };
        let weights = vec![Source::new(name, &[vocab_size, hidden_size])];
        g.linear(&normed, Linear { name: "lm_head".to_owned(), weights, biases: Vec::new() }, self.kind)
    }
}
