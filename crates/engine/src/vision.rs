//! The vision tower: patches in, image features out.

use ort::environment::Environment;
use ort::session::RunOptions;
use ort::value::TensorRef;
use souffleur_model::names::{files, graph as graph_names};
use souffleur_model::{GridThw, ModelConfig, ModelFolder, PixelValues, VisionLayout};

use crate::EngineError;
use crate::graph::{ExecutionSettings, Graph};

/// Grids whose constants are kept. A session has one or two; folders of mixed images have more.
const MAX_CACHED_LAYOUTS: usize = 8;

pub(crate) struct VisionEncoder {
    graph: Graph,
    config: ModelConfig,
    /// Window permutation and rotary tables by grid, most recently used last.
    layouts: Vec<(GridThw, VisionLayout)>,
}

impl VisionEncoder {
    pub(crate) fn load(
        environment: &Environment,
        folder: &ModelFolder,
        settings: ExecutionSettings,
    ) -> Result<Self, EngineError> {
        let graph = Graph::load(environment, folder, files::VISION_ONNX, settings)?;
        graph.expect_names(
            &[
                graph_names::PIXEL_VALUES,
                graph_names::COS,
                graph_names::SIN,
                graph_names::WINDOW_INDEX,
                graph_names::WINDOW_INVERSE,
                graph_names::WINDOW_MASK,
            ],
            &[graph_names::IMAGE_FEATURES],
        )?;
        Ok(Self { graph, config: folder.config().clone(), layouts: Vec::new() })
    }

    pub(crate) fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Features of one frame, `[grid_h · grid_w / merge², hidden_size]`.
    pub(crate) fn encode(&mut self, pixels: &PixelValues, run: &RunOptions) -> Result<Vec<f32>, EngineError> {
        self.cache_layout(pixels.grid)?;
        let Self { graph, config, layouts } = self;
        let layout = &layouts.last().ok_or(EngineError::NoFrames)?.1;
        let features = run_graph(graph, config, layout, pixels, run).map_err(|err| graph.run_error(&err))?;
        let expected = pixels.grid.num_tokens(config.vision.spatial_merge_size) * config.text.hidden_size;
        if features.len() == expected {
            Ok(features)
        } else {
            Err(EngineError::OutputSize { graph: files::VISION_ONNX, expected, found: features.len() })
        }
    }

    /// Puts the layout of `grid` last.
    fn cache_layout(&mut self, grid: GridThw) -> Result<(), EngineError> {
        if let Some(idx) = self.layouts.iter().position(|(cached, _)| *cached == grid) {
            let used = self.layouts.remove(idx);
            self.layouts.push(used);
            return Ok(());
        }
        if self.layouts.len() == MAX_CACHED_LAYOUTS {
            self.layouts.remove(0);
        }
        self.layouts.push((grid, VisionLayout::new(grid, &self.config.vision)?));
        Ok(())
    }
}

fn run_graph(
    graph: &mut Graph,
    config: &ModelConfig,
    layout: &VisionLayout,
    pixels: &PixelValues,
    run: &RunOptions,
) -> ort::Result<Vec<f32>> {
    let num_patches = pixels.grid.num_patches();
    let rotary_shape = [num_patches, config.vision.head_dim() / 2];
    let num_slots = layout.window_index.len();
    let mask_shape = [layout.num_windows, num_slots / layout.num_windows];
    let inputs = ort::inputs![
        graph_names::PIXEL_VALUES => TensorRef::from_array_view(([num_patches, pixels.data.len() / num_patches], pixels.data.as_slice()))?,
        graph_names::COS => TensorRef::from_array_view((rotary_shape, layout.cos.as_slice()))?,
        graph_names::SIN => TensorRef::from_array_view((rotary_shape, layout.sin.as_slice()))?,
        graph_names::WINDOW_INDEX => TensorRef::from_array_view(([num_slots], layout.window_index.as_slice()))?,
        graph_names::WINDOW_INVERSE => TensorRef::from_array_view(([num_patches], layout.window_inverse.as_slice()))?,
        graph_names::WINDOW_MASK => TensorRef::from_array_view((mask_shape, layout.window_mask.as_slice()))?,
    ];
    let outputs = graph.session.run_with_options(inputs, run)?;
    let (_, features) = outputs[graph_names::IMAGE_FEATURES].try_extract_tensor::<f32>()?;
    Ok(features.to_vec())
}
