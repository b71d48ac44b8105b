//! A sentence encoder's checkpoint to one graph: BERT (arXiv 1810.04805), mean over the tokens, length 1
//! (Sentence-BERT, arXiv 1908.10084).
//!
//! One text a run: without padding there is no mask, and a text's embedding cannot depend on its neighbours.

use std::path::Path;

use souffleur_model::names::{files, graph as io};
use souffleur_model::sentence_encoder_names as names;
use souffleur_model::{SentenceEncoderConfig, SentenceTokenizer};

use crate::checkpoint::Checkpoint;
use crate::data::write_data;
use crate::graph::{Attribute, Dim, GraphBuilder, MICROSOFT, ONNX, Op, Value};
use crate::layers::{Linear, LinearKind};
use crate::plan::{DataPlan, Encoding, Source, Weight};
use crate::proto::DataType;
use crate::stage::{Stage, open_file};
use crate::{ExportError, Progress};

/// Writes the sentence encoder in `src` as a folder `out` that the engine opens: graph, weights in f32, tokenizer and
/// configs. The folder appears under its name when it is whole.
///
/// # Errors
/// When the checkpoint is not a sound sentence encoder, `out` holds something, or the disk refuses.
pub fn export_sentence_encoder(
    src: &Path,
    out: &Path,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), ExportError> {
    let read = |name: &'static str| {
        let path = src.join(name);
        Ok::<_, ExportError>((name, std::fs::read(&path).map_err(ExportError::read(&path))?))
    };
    let copied = [read(files::CONFIG)?, read(names::SENTENCE_CONFIG)?, read(files::TOKENIZER)?];
    let config = SentenceEncoderConfig::from_json(&copied[0].1, &copied[1].1)?;
    SentenceTokenizer::from_bytes(&copied[2].1, &config)?;
    let (onnx, plan) = Encoder { config: &config }.graph();
    let checkpoint = Checkpoint::open(src)?;
    let total_bytes = plan.sources().map(|source| checkpoint.check(source)).sum::<Result<u64, _>>()?;

    let mut stage = Stage::new(out, &open_file)?;
    for (name, bytes) in &copied {
        stage.write(name, bytes)?;
    }
    let mut file = stage.create(&files::external_data(names::ENCODER_ONNX))?;
    let mut done_bytes = 0;
    write_data(&plan, &checkpoint, &mut file, &mut |tensor, size_bytes| {
        done_bytes += size_bytes;
        progress(Progress { done_bytes, total_bytes, tensor });
    })?;
    file.finish()?;
    stage.write(names::ENCODER_ONNX, &onnx)?;
    stage.publish()
}

struct Encoder<'a> {
    config: &'a SentenceEncoderConfig,
}

impl Encoder<'_> {
    fn graph(&self) -> (Vec<u8>, DataPlan) {
        let mut g = GraphBuilder::new("encoder");
        let tokens = [Dim::Known(1), Dim::Symbol("S")];
        let input_ids = g.input(io::INPUT_IDS, DataType::Int64, &tokens);
        let position_ids = g.input(names::POSITION_IDS, DataType::Int64, &tokens);
        let mut x = self.embeddings(&mut g, &input_ids, &position_ids);
        for layer_idx in 0..self.config.num_hidden_layers {
            x = self.layer(&mut g, layer_idx, &x);
        }
        let embedding = pool(&mut g, &x);
        g.output(
            &embedding,
            names::SENTENCE_EMBEDDING,
            DataType::Float,
            &[Dim::Known(1), Dim::Known(self.config.hidden_size)],
        );
        g.finish()
    }

    /// Token, position and segment rows added up, then the norm. There is one segment: the first.
    fn embeddings(&self, g: &mut GraphBuilder, input_ids: &Value, position_ids: &Value) -> Value {
        let SentenceEncoderConfig { vocab_size, max_position_embeddings, type_vocab_size, .. } = *self.config;
        let words = self.look_up(g, "word_embeddings", vocab_size, input_ids);
        let positions = self.look_up(g, "position_embeddings", max_position_embeddings, position_ids);
        let first_segment = g.ints(&[0]);
        let segment = self.look_up(g, "token_type_embeddings", type_vocab_size, &first_segment);
        let sum = g.standard("embeddings.words_at", "Add", &[&words, &positions]);
        self.add_norm(g, "embeddings.LayerNorm", &sum, &segment)
    }

    fn look_up(&self, g: &mut GraphBuilder, table: &str, rows: usize, ids: &Value) -> Value {
        let cols = self.config.hidden_size;
        let name = format!("embeddings.{table}");
        let source = vec![Source::new(format!("{name}.weight"), &[rows, cols])];
        let weight = g.weight(Weight::new(format!("{name}.weight"), source, rows, cols, Encoding::F32)).remove(0);
        g.gather(&name, &weight, ids, 0)
    }

    /// Attention, then the two wide linear layers; each is added to what it read and normed after.
    fn layer(&self, g: &mut GraphBuilder, layer_idx: usize, x: &Value) -> Value {
        let SentenceEncoderConfig { hidden_size, intermediate_size, .. } = *self.config;
        let name = |part: &str| format!("encoder.layer.{layer_idx}.{part}");
        let attended = self.attention(g, layer_idx, x);
        let x = self.add_norm(g, &name("attention.output.LayerNorm"), &attended, x);
        let wide = linear(g, &name("intermediate.dense"), &x, hidden_size, intermediate_size);
        let active = g.gelu(&name("intermediate.gelu"), &wide);
        let narrow = linear(g, &name("output.dense"), &active, intermediate_size, hidden_size);
        self.add_norm(g, &name("output.LayerNorm"), &narrow, &x)
    }

    /// Every token looks at every token. Query, key and value are one matrix, so that `x` is read once.
    fn attention(&self, g: &mut GraphBuilder, layer_idx: usize, x: &Value) -> Value {
        let SentenceEncoderConfig { hidden_size, num_attention_heads, .. } = *self.config;
        let name = |part: &str| format!("encoder.layer.{layer_idx}.attention.{part}");
        let parts = ["self.query", "self.key", "self.value"];
        let qkv = Linear {
            name: name("self.qkv"),
            weights: parts.map(|part| Source::new(name(part) + ".weight", &[hidden_size; 2])).into(),
            biases: parts.map(|part| Source::new(name(part) + ".bias", &[hidden_size])).into(),
        };
        let qkv = g.linear(x, qkv, LinearKind::F32);
        let [q, k, v] = parts.map(name);
        let [q, k, v] = g.split(&qkv, [&q, &k, &v], [hidden_size as i64; 3]);
        let attended = g.op(&Op {
            name: &name("self"),
            op_type: "MultiHeadAttention",
            domain: MICROSOFT,
            inputs: &[Some(&q), Some(&k), Some(&v)],
            attributes: &[("num_heads", Attribute::Int(num_attention_heads as i64))],
        });
        linear(g, &name("output.dense"), &attended, hidden_size, hidden_size)
    }

    fn add_norm(&self, g: &mut GraphBuilder, name: &str, update: &Value, residual: &Value) -> Value {
        let sum = g.standard(&format!("{name}.sum"), "Add", &[update, residual]);
        let mut vector = |part: &str| {
            let source = Source::new(format!("{name}.{part}"), &[self.config.hidden_size]);
            g.weight(Weight::vector(format!("{name}.{part}"), vec![source])).remove(0)
        };
        let (gamma, beta) = (vector("weight"), vector("bias"));
        g.op(&Op {
            name,
            op_type: "LayerNormalization",
            domain: ONNX,
            inputs: &[Some(&sum), Some(&gamma), Some(&beta)],
            attributes: &[("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(self.config.layer_norm_eps))],
        })
    }
}

fn linear(g: &mut GraphBuilder, name: &str, x: &Value, from: usize, to: usize) -> Value {
    let linear = Linear {
        name: name.to_owned(),
        weights: vec![Source::new(format!("{name}.weight"), &[to, from])],
        biases: vec![Source::new(format!("{name}.bias"), &[to])],
    };
    g.linear(x, linear, LinearKind::F32)
}

/// The mean over all tokens, the special ones included, at length 1.
fn pool(g: &mut GraphBuilder, x: &Value) -> Value {
    let axes = g.ints(&[1]);
    let mean = g.op(&Op {
        name: "pooling.mean",
        op_type: "ReduceMean",
        domain: ONNX,
        inputs: &[Some(x), Some(&axes)],
        attributes: &[("keepdims", Attribute::Int(0))],
    });
    g.op(&Op {
        name: "pooling.normalize",
        op_type: "LpNormalization",
        domain: ONNX,
        inputs: &[Some(&mean)],
        attributes: &[("axis", Attribute::Int(-1)), ("p", Attribute::Int(2))],
    })
}
