//! A typed builder, so that a graph reads like the architecture it writes down.

use std::fmt::Write as _;

use prost::Message;

use crate::plan::{DataPlan, Weight};
use crate::proto::{
    AttributeProto, AttributeType, DataLocation, DataType, DimensionProto, DimensionValue, GraphProto, IR_VERSION,
    ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};

/// Domain of ONNX Runtime's own operators.
pub const MICROSOFT: &str = "com.microsoft";
/// Domain of the standard operators.
pub const ONNX: &str = "";

const ONNX_OPSET: i64 = 21;
const MICROSOFT_OPSET: i64 = 1;

/// A value of the graph: what an operator, an input or a constant gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value(String);

impl Value {
    /// Its name in the graph.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// A dimension of an input or an output: a number or a symbol.
#[derive(Clone, Copy, Debug)]
pub enum Dim {
    /// Known at export.
    Known(usize),
    /// Known at run time, such as the number of tokens.
    Symbol(&'static str),
}

/// The value of an operator's attribute.
#[derive(Clone, Copy, Debug)]
pub enum Attribute {
    /// A 64-bit integer.
    Int(i64),
    /// A 32-bit float.
    Float(f32),
    /// A text.
    Str(&'static str),
}

/// One operator to add. Inputs are in the operator's order; `None` leaves an optional one out.
pub struct Op<'a> {
    /// Unique name; the first output takes it too.
    pub name: &'a str,
    /// The operator, e.g. `MatMul`.
    pub op_type: &'static str,
    /// [`ONNX`] or [`MICROSOFT`].
    pub domain: &'static str,
    /// What it reads.
    pub inputs: &'a [Option<&'a Value>],
    /// Attributes in the order they are written.
    pub attributes: &'a [(&'static str, Attribute)],
}

/// Builds one ONNX graph and the plan of its external data file.
///
/// Nothing here reads a weight: offsets follow from shapes, so a graph is whole, and checked, before the first
/// byte of data is written. The same calls give the same bytes.
pub struct GraphBuilder {
    graph: GraphProto,
    plan: DataPlan,
    data_file: String,
}

impl GraphBuilder {
    /// An empty graph `name` whose weights will lie in `NAME.onnx.data` beside it.
    pub fn new(name: &str) -> Self {
        let graph = GraphProto { name: name.to_owned(), ..GraphProto::default() };
        Self { graph, plan: DataPlan::default(), data_file: format!("{name}.onnx.data") }
    }

    /// Declares an input.
    pub fn input(&mut self, name: &str, data_type: DataType, dims: &[Dim]) -> Value {
        self.graph.input.push(value_info(name, data_type, dims));
        Value(name.to_owned())
    }

    /// Declares `value` as an output of the graph. It is the output's name that the runtime binds, so the value
    /// takes it wherever it is used.
    pub fn output(&mut self, value: &Value, name: &str, data_type: DataType, dims: &[Dim]) {
        for node in &mut self.graph.node {
            for used in node.input.iter_mut().chain(&mut node.output).filter(|used| **used == value.0) {
                name.clone_into(used);
            }
        }
        self.graph.output.push(value_info(name, data_type, dims));
    }

    /// Adds an operator with one output.
    pub fn op(&mut self, op: &Op<'_>) -> Value {
        let [value] = self.op_with_outputs(op, [op.name]);
        value
    }

    /// Adds an operator with several outputs of the names given; an empty name leaves an optional output out.
    pub fn op_with_outputs<const N: usize>(&mut self, op: &Op<'_>, outputs: [&str; N]) -> [Value; N] {
        self.graph.node.push(NodeProto {
            input: op.inputs.iter().map(|input| input.map_or_else(String::new, |value| value.0.clone())).collect(),
            output: outputs.iter().map(|&output| output.to_owned()).collect(),
            name: op.name.to_owned(),
            op_type: op.op_type.to_owned(),
            attribute: op.attributes.iter().map(|(name, value)| attribute(name, *value)).collect(),
            domain: op.domain.to_owned(),
        });
        outputs.map(|output| Value(output.to_owned()))
    }

    /// A small constant of 64-bit integers (a shape, the sizes of a split), kept inside the graph. Equal constants
    /// are one.
    pub fn ints(&mut self, values: &[i64]) -> Value {
        let mut name = "ints".to_owned();
        for value in values {
            let _ = write!(name, "_{value}");
        }
        if !self.graph.initializer.iter().any(|initializer| initializer.name == name) {
            self.graph.initializer.push(TensorProto {
                dims: vec![values.len() as i64],
                data_type: DataType::Int64 as i32,
                name: name.clone(),
                raw_data: Some(values.iter().flat_map(|value| value.to_le_bytes()).collect()),
                ..TensorProto::default()
            });
        }
        Value(name)
    }

    /// Adds a weight to the data file and gives its tensors in the order of its encoding.
    pub fn weight(&mut self, weight: Weight) -> Vec<Value> {
        let first_new = self.plan.tensors().len();
        self.plan.push(weight);
        let mut values = Vec::new();
        for tensor in &self.plan.tensors()[first_new..] {
            self.graph.initializer.push(TensorProto {
                dims: tensor.shape.iter().map(|&dim| dim as i64).collect(),
                data_type: tensor.data_type as i32,
                name: tensor.name.clone(),
                raw_data: None,
                external_data: vec![
                    entry("location", self.data_file.clone()),
                    entry("offset", tensor.offset.to_string()),
                    entry("length", tensor.size_bytes().to_string()),
                ],
                data_location: DataLocation::External as i32,
            });
            values.push(Value(tensor.name.clone()));
        }
        values
    }

    /// The bytes of the `.onnx` file, and the plan of its data file.
    pub fn finish(self) -> (Vec<u8>, DataPlan) {
        let opset = |domain: &str, version| OperatorSetIdProto { domain: domain.to_owned(), version };
        let model = ModelProto {
            ir_version: IR_VERSION,
            producer_name: "souffleur".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(self.graph),
            opset_import: vec![opset(ONNX, ONNX_OPSET), opset(MICROSOFT, MICROSOFT_OPSET)],
        };
        (model.encode_to_vec(), self.plan)
    }
}

fn entry(key: &str, value: String) -> StringStringEntryProto {
    StringStringEntryProto { key: key.to_owned(), value }
}

fn attribute(name: &str, value: Attribute) -> AttributeProto {
    let base = AttributeProto { name: name.to_owned(), ..AttributeProto::default() };
    match value {
        Attribute::Int(i) => AttributeProto { i: Some(i), r#type: AttributeType::Int as i32, ..base },
        Attribute::Float(f) => AttributeProto { f: Some(f), r#type: AttributeType::Float as i32, ..base },
        Attribute::Str(s) => AttributeProto { s: Some(s.into()), r#type: AttributeType::String as i32, ..base },
    }
}

fn value_info(name: &str, data_type: DataType, dims: &[Dim]) -> ValueInfoProto {
    let dim = |dim: &Dim| DimensionProto {
        value: Some(match *dim {
            Dim::Known(size) => DimensionValue::DimValue(size as i64),
            Dim::Symbol(symbol) => DimensionValue::DimParam(symbol.to_owned()),
        }),
    };
    let shape = Some(TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor_type = Some(TensorTypeProto { elem_type: data_type as i32, shape });
    ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Encoding, Source};

    fn small_graph() -> (Vec<u8>, DataPlan) {
        let mut g = GraphBuilder::new("small");
        let x = g.input("x", DataType::Float, &[Dim::Symbol("S"), Dim::Known(2)]);
        let weight = Weight::new("w", vec![Source::new("w", &[3, 2])], 3, 2, Encoding::F32Transposed);
        let w = g.weight(weight).remove(0);
        let inputs = [Some(&x), None, Some(&w)];
        let y = g.op(&Op {
            name: "y",
            op_type: "Odd",
            domain: MICROSOFT,
            inputs: &inputs,
            attributes: &[
                ("axis", Attribute::Int(0)),
                ("alpha", Attribute::Float(1.5)),
                ("mode", Attribute::Str("none")),
            ],
        });
        let shape = g.ints(&[1, -1]);
        assert_eq!(shape, g.ints(&[1, -1]));
        g.output(&y, "logits", DataType::Float, &[]);
        g.finish()
    }

    #[test]
    fn the_bytes_decode_back_and_do_not_change() {
        let (bytes, plan) = small_graph();
        assert_eq!(bytes, small_graph().0);
        let model = ModelProto::decode(bytes.as_slice()).unwrap();
        assert_eq!((model.ir_version, model.opset_import.len()), (10, 2));
        let graph = model.graph.unwrap();
        assert_eq!(graph.node[0].input, ["x", "", "w"]);
        assert_eq!(graph.node[0].output, ["logits"]);
        assert_eq!(graph.node[0].attribute[0].i, Some(0));
        assert_eq!(graph.initializer[0].dims, [2, 3]);
        assert_eq!(graph.initializer[0].external_data[2].value, "24");
        assert_eq!(graph.initializer[1].raw_data.as_deref().unwrap()[8..], [255; 8]);
        assert_eq!(graph.initializer.len(), 2);
        assert_eq!(plan.size_bytes(), 24);
    }

    /// The wire format by hand, from the field numbers of onnx.proto: tag byte = number · 8 + wire type.
    #[test]
    fn an_attribute_is_encoded_as_onnx_proto_says() {
        let bytes = attribute("axis", Attribute::Int(0)).encode_to_vec();
        assert_eq!(bytes, [0x0a, 4, b'a', b'x', b'i', b's', 0x18, 0, 0xa0, 0x01, 2]);
    }
}
