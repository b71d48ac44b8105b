//! `embed.onnx`: token ids to rows of the embedding table.

use souffleur_model::TextConfig;
use souffleur_model::names::{graph as io, weights as names};

use crate::graph::{Attribute, Dim, GraphBuilder, MICROSOFT, Op, Value};
use crate::plan::{DataPlan, Encoding, Source, Weight};
use crate::proto::DataType;
use crate::quantize::{BLOCK_LEN, BlockFormat};

/// How the embedding table is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// f32.
    F32,
    /// f16; the rows looked up are cast to f32, the table stays as it is.
    F16,
    /// `GatherBlockQuantized`.
    Blocks(BlockFormat),
}

/// The graph and the plan of its data file.
pub fn embed_graph(config: &TextConfig, kind: TableKind) -> (Vec<u8>, DataPlan) {
    let mut g = GraphBuilder::new("embed");
    let tokens = [Dim::Known(1), Dim::Symbol("S")];
    let input_ids = g.input(io::INPUT_IDS, DataType::Int64, &tokens);
    let embeds = look_up(&mut g, &input_ids, config, kind);
    let dims = [tokens[0], tokens[1], Dim::Known(config.hidden_size)];
    g.output(&embeds, io::INPUTS_EMBEDS, DataType::Float, &dims);
    g.finish()
}

fn look_up(g: &mut GraphBuilder, input_ids: &Value, config: &TextConfig, kind: TableKind) -> Value {
    let (rows, cols) = (config.vocab_size, config.hidden_size);
    let sources = vec![Source::new(names::EMBED_TOKENS, &[rows, cols])];
    let mut table = |encoding| g.weight(Weight::new("embed_tokens.weight", sources.clone(), rows, cols, encoding));
    match kind {
        TableKind::F32 => {
            let table = table(Encoding::F32).remove(0);
            g.gather("embed_tokens", &table, input_ids, 0)
        }
        TableKind::F16 => {
            let table = table(Encoding::F16).remove(0);
            let found = g.gather("embed_tokens.f16", &table, input_ids, 0);
            g.cast_to_f32("embed_tokens", &found)
        }
        TableKind::Blocks(format) => {
            let tensors = table(Encoding::BlockTable(format));
            let mut inputs = vec![Some(&tensors[0]), Some(input_ids), Some(&tensors[1])];
            inputs.extend(tensors.get(2).map(Some));
            let attributes = [
                ("bits", Attribute::Int(format.bits.into())),
                ("block_size", Attribute::Int(BLOCK_LEN as i64)),
                ("gather_axis", Attribute::Int(0)),
                ("quantize_axis", Attribute::Int(1)),
            ];
            let (op_type, domain) = ("GatherBlockQuantized", MICROSOFT);
            g.op(&Op { name: "embed_tokens", op_type, domain, inputs: &inputs, attributes: &attributes })
        }
    }
}
