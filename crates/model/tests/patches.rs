//! Preprocessing against transformers: `tests/fixtures/reference`, made with its Pillow image processor.

use std::fs;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde_json::Value;
use souffleur_core::RgbImage;
use souffleur_model::{GridThw, Preprocessor, PreprocessorConfig};

/// Largest difference allowed. The values lie within ±2.7, where 32-bit numbers are up to 2.4e-7 apart.
const TOLERANCE: f32 = 1e-6;

fn reference() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/reference")
}

fn read_image(path: &Path) -> RgbImage {
    let image = image::open(path).expect("the image is in the repository").to_rgb8();
    RgbImage::new(image.width(), image.height(), image.into_raw()).expect("a decoded image is whole")
}

#[test]
fn pixel_values_are_those_of_transformers() {
    let meta: Value = serde_json::from_slice(&fs::read(reference().join("reference.json")).unwrap()).unwrap();
    let bytes = fs::read(reference().join("reference.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();

    let config = fs::read(reference().join("tiny/preprocessor_config.json")).unwrap();
    let bound = |key: &str| meta["pixel_bounds"][key].as_u64().unwrap();
    let config = PreprocessorConfig::from_json(&config).unwrap();
    let config = config.with_pixel_bounds(bound("min_pixels"), bound("max_pixels")).unwrap();
    let mut preprocessor = Preprocessor::new(config);

    let images = meta["images"].as_object().unwrap();
    assert_eq!(images.len(), 6);
    for (name, about) in images {
        let image = read_image(&reference().join(about["file"].as_str().unwrap()));
        let found = preprocessor.preprocess(&image).unwrap();

        let [t, h, w] = serde_json::from_value(about["grid_thw"].clone()).unwrap();
        assert_eq!(found.grid, GridThw { t, h, w }, "{name}");
        assert_eq!(found.grid.num_tokens(2) as u64, about["tokens"].as_u64().unwrap(), "{name}");

        let expected = tensors.tensor(&format!("pixel_values.pil.{name}")).unwrap();
        assert_eq!(expected.shape(), [found.grid.num_patches(), 3 * 2 * 14 * 14], "{name}");
        let expected = expected.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
        assert_eq!(expected.len(), found.data.len(), "{name}");
        let largest = expected.zip(&found.data).map(|(expected, found)| (expected - found).abs()).fold(0.0, f32::max);
        println!("{name}: largest difference {largest:e}");
        assert!(largest <= TOLERANCE, "{name}: differs by {largest}");
    }
}
