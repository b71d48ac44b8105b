//! The layers both halves of the network are made of, as operators that ONNX Runtime has fast kernels for.

use crate::graph::{Attribute, GraphBuilder, MICROSOFT, ONNX, Op, Value};
use crate::plan::{Encoding, Source, Weight};
use crate::proto::DataType;
use crate::quantize::{BLOCK_LEN, BlockFormat};

/// `MatMulNBits` multiplies int8 activations with the codes: the fast path of the CPU provider.
const ACCURACY_LEVEL_INT8: i64 = 4;

/// How the linear layers of a graph are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinearKind {
    /// f32 `MatMul`.
    F32,
    /// f16 in the file, cast to f32 by the runtime when it loads the graph.
    F16,
    /// `MatMulNBits`.
    Blocks(BlockFormat),
}

/// A linear layer: `[out, in]` matrices, and biases if any, that read the same input, stacked by outputs.
pub struct Linear {
    /// Name of the layer in the graph.
    pub name: String,
    /// The matrices.
    pub weights: Vec<Source>,
    /// One bias for each matrix, or none at all.
    pub biases: Vec<Source>,
}

impl Linear {
    fn in_features(&self) -> usize {
        self.weights[0].shape[1..].iter().product()
    }

    fn out_features(&self) -> usize {
        self.weights.iter().map(|weight| weight.shape[0]).sum()
    }
}

impl GraphBuilder {
    /// `x · Wᵀ + b` over the last dimension.
    pub fn linear(&mut self, x: &Value, linear: Linear, kind: LinearKind) -> Value {
        let bias = (!linear.biases.is_empty())
            .then(|| self.weight(Weight::vector(format!("{}.bias", linear.name), linear.biases.clone())).remove(0));
        if let LinearKind::Blocks(format) = kind {
            return self.linear_in_blocks(x, linear, bias.as_ref(), format);
        }
        let weight = self.transposed_weight(&linear, kind);
        let Some(bias) = bias else { return self.standard(&linear.name, "MatMul", &[x, &weight]) };
        let product = self.standard(&format!("{}.matmul", linear.name), "MatMul", &[x, &weight]);
        self.standard(&linear.name, "Add", &[&product, &bias])
    }

    fn transposed_weight(&mut self, linear: &Linear, kind: LinearKind) -> Value {
        let is_half = kind == LinearKind::F16;
        let encoding = if is_half { Encoding::F16Transposed } else { Encoding::F32Transposed };
        let name = format!("{}.weight", linear.name);
        let (rows, cols) = (linear.out_features(), linear.in_features());
        let weight = self.weight(Weight::new(&name, linear.weights.clone(), rows, cols, encoding)).remove(0);
        if is_half { self.cast_to_f32(&format!("{name}.f32"), &weight) } else { weight }
    }

    fn linear_in_blocks(&mut self, x: &Value, linear: Linear, bias: Option<&Value>, format: BlockFormat) -> Value {
        let (rows, cols) = (linear.out_features(), linear.in_features());
        let name = format!("{}.weight", linear.name);
        let tensors = self.weight(Weight::new(name, linear.weights, rows, cols, Encoding::Blocks(format)));
        let (codes, scales) = (&tensors[0], &tensors[1]);
        // A, B, scales, zero_points, g_idx, bias; optional inputs at the end are left out altogether.
        let mut inputs = vec![Some(x), Some(codes), Some(scales), tensors.get(2), None, bias];
        while inputs.last() == Some(&None) {
            inputs.pop();
        }
        self.op(&Op {
            name: &linear.name,
            op_type: "MatMulNBits",
            domain: MICROSOFT,
            inputs: &inputs,
            attributes: &[
                ("K", Attribute::Int(cols as i64)),
                ("N", Attribute::Int(rows as i64)),
                ("bits", Attribute::Int(format.bits.into())),
                ("block_size", Attribute::Int(BLOCK_LEN as i64)),
                ("accuracy_level", Attribute::Int(ACCURACY_LEVEL_INT8)),
            ],
        })
    }

    /// Rotates the two halves of every head of `x [1, S, heads · head_dim]` by `cos` and `sin [S, head_dim / 2]`.
    ///
    /// The operator looks its angles up by position; row s of the tables *is* position s, so the offset is 0.
    pub fn rotary(&mut self, name: &str, x: &Value, cos: &Value, sin: &Value, num_heads: usize) -> Value {
        let offset = self.ints(&[0]);
        let inputs = [Some(x), Some(&offset), Some(cos), Some(sin)];
        let attributes = [("interleaved", Attribute::Int(0)), ("num_heads", Attribute::Int(num_heads as i64))];
        self.op(&Op { name, op_type: "RotaryEmbedding", domain: MICROSOFT, inputs: &inputs, attributes: &attributes })
    }

    /// `down(silu(gate(x)) · up(x))`. The gate and up matrices are one, so that `x` is read once.
    pub fn swiglu(&mut self, x: &Value, mlp: SwiGlu, kind: LinearKind) -> Value {
        let SwiGlu { name, gate_up, down } = mlp;
        let width = down.in_features() as i64;
        let gate_up = self.linear(x, gate_up, kind);
        let [gate, up] = self.split(&gate_up, [&format!("{name}.gate"), &format!("{name}.up")], [width; 2]);
        let silu = self.silu(&format!("{name}.silu"), &gate);
        let product = self.standard(&format!("{name}.product"), "Mul", &[&silu, &up]);
        self.linear(&product, down, kind)
    }

    /// `x · sigmoid(x)`: the runtime's QuickGelu with α = 1 is that in one pass.
    fn silu(&mut self, name: &str, x: &Value) -> Value {
        let attributes = [("alpha", Attribute::Float(1.0))];
        self.op(&Op { name, op_type: "QuickGelu", domain: MICROSOFT, inputs: &[Some(x)], attributes: &attributes })
    }

    /// The exact (erf) GELU.
    pub fn gelu(&mut self, name: &str, x: &Value) -> Value {
        let attributes = [("approximate", Attribute::Str("none"))];
        self.op(&Op { name, op_type: "Gelu", domain: ONNX, inputs: &[Some(x)], attributes: &attributes })
    }

    /// Cuts the last dimension into parts of the sizes given.
    pub fn split<const N: usize>(&mut self, x: &Value, names: [&str; N], sizes: [i64; N]) -> [Value; N] {
        let sizes = self.ints(&sizes);
        let name = format!("{}.split", names[0]);
        let attributes = [("axis", Attribute::Int(-1))];
        let inputs = [Some(x), Some(&sizes)];
        let op = Op { name: &name, op_type: "Split", domain: ONNX, inputs: &inputs, attributes: &attributes };
        self.op_with_outputs(&op, names)
    }

    /// Rows of `x` along `axis`.
    pub fn gather(&mut self, name: &str, x: &Value, rows: &Value, axis: i64) -> Value {
        let attributes = [("axis", Attribute::Int(axis))];
        self.op(&Op { name, op_type: "Gather", domain: ONNX, inputs: &[Some(x), Some(rows)], attributes: &attributes })
    }

    /// The same values under another shape; one dimension may be −1.
    pub fn reshape(&mut self, name: &str, x: &Value, shape: &[i64]) -> Value {
        let shape = self.ints(shape);
        self.standard(name, "Reshape", &[x, &shape])
    }

    /// f16 to f32.
    pub fn cast_to_f32(&mut self, name: &str, x: &Value) -> Value {
        let attributes = [("to", Attribute::Int(DataType::Float as i64))];
        self.op(&Op { name, op_type: "Cast", domain: ONNX, inputs: &[Some(x)], attributes: &attributes })
    }

    /// A standard operator without attributes.
    pub fn standard(&mut self, name: &str, op_type: &'static str, inputs: &[&Value]) -> Value {
        let inputs: Vec<_> = inputs.iter().map(|&input| Some(input)).collect();
        self.op(&Op { name, op_type, domain: ONNX, inputs: &inputs, attributes: &[] })
    }

    fn rms_norm(&mut self, name: &str, x: &Value, weight: Source, eps: f32) -> Value {
        let gamma = self.weight(Weight::vector(format!("{name}.weight"), vec![weight])).remove(0);
        let attributes = [("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(eps))];
        let inputs = [Some(x), Some(&gamma)];
        self.op(&Op {
            name,
            op_type: "SimplifiedLayerNormalization",
            domain: ONNX,
            inputs: &inputs,
            attributes: &attributes,
        })
    }

    /// Gives the norm of the sum, and the sum.
    fn add_rms_norm(&mut self, name: &str, x: &Value, residual: &Value, weight: Source, eps: f32) -> [Value; 2] {
        let gamma = self.weight(Weight::vector(format!("{name}.weight"), vec![weight])).remove(0);
        let op = Op {
            name,
            op_type: "SkipSimplifiedLayerNormalization",
            domain: MICROSOFT,
            inputs: &[Some(x), Some(residual), Some(&gamma)],
            attributes: &[("epsilon", Attribute::Float(eps))],
        };
        let sum = format!("{name}.residual");
        let [normed, _, _, sum] = self.op_with_outputs(&op, [name, "", "", &sum]);
        [normed, sum]
    }
}

/// The feed-forward block of both halves.
pub struct SwiGlu {
    /// Name of the block in the graph.
    pub name: String,
    /// Gate and up, stacked.
    pub gate_up: Linear,
    /// Down.
    pub down: Linear,
}

/// The residual stream: the sum so far, and what the last layer adds to it.
///
/// The two are kept apart because the runtime adds and norms in one operator.
pub struct Residual {
    sum: Value,
    update: Option<Value>,
}

impl Residual {
    /// A stream that begins with `embeds`.
    pub fn new(embeds: Value) -> Self {
        Self { sum: embeds, update: None }
    }

    /// Adds the output of a layer.
    pub fn add(&mut self, g: &mut GraphBuilder, update: Value) {
        if let Some(before) = self.update.replace(update) {
            let name = format!("{}.residual", before.name());
            self.sum = g.standard(&name, "Add", &[&self.sum, &before]);
        }
    }

    /// Root mean square norm of the stream over its last dimension, by a learned `weight`.
    pub fn rms_norm(&mut self, g: &mut GraphBuilder, name: &str, weight: Source, eps: f32) -> Value {
        let Some(update) = self.update.take() else { return g.rms_norm(name, &self.sum, weight, eps) };
        let [normed, sum] = g.add_rms_norm(name, &update, &self.sum, weight, eps);
        self.sum = sum;
        normed
    }

    /// Keeps only `rows` of `[1, S, hidden]` from here on. To be called between a norm and the next addition.
    pub fn keep_rows(&mut self, g: &mut GraphBuilder, name: &str, rows: &Value) {
        self.sum = g.gather(name, &self.sum, rows, 1);
    }
}
