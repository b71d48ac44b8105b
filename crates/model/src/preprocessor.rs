//! `preprocessor_config.json`: how a picture becomes numbers.

use serde_json::Value;

use crate::json::{self, Section};
use crate::{MAX_RESIZED_PX, ModelError, VisionConfig};

const FILE: &str = "preprocessor_config.json";

/// Most pixels a frame may be resized to.
pub(crate) const MAX_PIXELS: u64 = MAX_RESIZED_PX;

/// Size bounds and normalisation of a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct PreprocessorConfig {
    /// A frame of fewer pixels is enlarged.
    pub min_pixels: u64,
    /// A frame of more pixels is shrunk; at least `min_pixels`.
    pub max_pixels: u64,
    /// Side of a patch in pixels.
    pub patch_size: usize,
    /// Frames a patch spans; a still is repeated.
    pub temporal_patch_size: usize,
    /// Patches along a side that become one token.
    pub merge_size: usize,
    /// Mean of each channel on the scale 0–1.
    pub image_mean: [f32; 3],
    /// Standard deviation of each channel on the scale 0–1; over 0.
    pub image_std: [f32; 3],
}

impl PreprocessorConfig {
    /// Reads `preprocessor_config.json`. The pixel bounds stand at the top (as published) or under `size`, there
    /// as `shortest_edge` and `longest_edge` (newer saves; they are numbers of pixels all the same).
    ///
    /// # Errors
    /// When the bytes are not a JSON object, or a key is missing or out of range.
    pub fn from_json(json: &[u8]) -> Result<Self, ModelError> {
        let value = json::parse(FILE, json)?;
        let top = Section::top(FILE, &value)?;
        let (min_pixels, max_pixels) = pixel_bounds(&top)?;
        let image_std = top.three_numbers("image_std")?;
        if image_std.iter().any(|std| *std <= 0.0) {
            return Err(top.wrong("image_std", "three numbers over 0", top.found("image_std")));
        }
        check_rescale_factor(&top)?;
        Ok(Self {
            min_pixels,
            max_pixels,
            patch_size: top.size("patch_size", 1 << 8)?,
            temporal_patch_size: top.size("temporal_patch_size", 16)?,
            merge_size: top.size("merge_size", 16)?,
            image_mean: top.three_numbers("image_mean")?,
            image_std,
        })
    }

    /// Checks that patches have the shape that the vision tower takes.
    ///
    /// # Errors
    /// At the first size that differs.
    pub fn check_fits(&self, vision: &VisionConfig) -> Result<(), ModelError> {
        for (key, found, expected) in [
            ("patch_size", self.patch_size, vision.patch_size),
            ("temporal_patch_size", self.temporal_patch_size, vision.temporal_patch_size),
            ("merge_size", self.merge_size, vision.spatial_merge_size),
        ] {
            if found != expected {
                return Err(ModelError::value(FILE, key, format!("the config's {expected}"), found));
            }
        }
        Ok(())
    }

    /// The same with other pixel bounds, such as a manifest's or a reference's.
    ///
    /// # Errors
    /// When the bounds are 0, beyond what a frame may have, or crossed.
    pub fn with_pixel_bounds(&self, min_pixels: u64, max_pixels: u64) -> Result<Self, ModelError> {
        if !(1..=MAX_PIXELS).contains(&max_pixels) {
            let expected = format!("a whole number from 1 to {MAX_PIXELS}");
            return Err(ModelError::value("the pixel bounds", "max_pixels", expected, max_pixels));
        }
        if !(1..=max_pixels).contains(&min_pixels) {
            let expected = format!("from 1 to max_pixels {max_pixels}");
            return Err(ModelError::value("the pixel bounds", "min_pixels", expected, min_pixels));
        }
        Ok(Self { min_pixels, max_pixels, ..self.clone() })
    }
}

fn pixel_bounds(top: &Section<'_>) -> Result<(u64, u64), ModelError> {
    let size = top.section("size")?;
    let bound = |key: &str, edge: &str| -> Result<u64, ModelError> {
        match &size {
            Some(size) if top.get(key).is_none() => {
                size.integer(if size.get(edge).is_some() { edge } else { key }, 1..=MAX_PIXELS)
            }
            _ => top.integer(key, 1..=MAX_PIXELS),
        }
    };
    let (min_pixels, max_pixels) = (bound("min_pixels", "shortest_edge")?, bound("max_pixels", "longest_edge")?);
    if min_pixels > max_pixels {
        return Err(top.wrong("min_pixels", format!("up to max_pixels {max_pixels}"), min_pixels));
    }
    Ok((min_pixels, max_pixels))
}

/// Bytes are scaled by 1/255; another factor would silently feed the model other numbers.
fn check_rescale_factor(top: &Section<'_>) -> Result<(), ModelError> {
    let is_right = |value: &Value| value.as_f64().is_some_and(|factor| (factor * 255.0 - 1.0).abs() < 1e-6);
    match top.get("rescale_factor") {
        Some(value) if !is_right(value) => Err(top.wrong("rescale_factor", "1/255", value)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn published() -> Value {
        json!({
            "min_pixels": 3136, "max_pixels": 12845056, "patch_size": 14, "temporal_patch_size": 2, "merge_size": 2,
            "image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711]
        })
    }

    fn read(value: &Value) -> Result<PreprocessorConfig, ModelError> {
        PreprocessorConfig::from_json(value.to_string().as_bytes())
    }

    #[test]
    fn bounds_at_the_top_or_under_size() {
        let config = read(&published()).unwrap();
        assert_eq!((config.min_pixels, config.max_pixels), (3136, 12_845_056));
        let mut newer = published();
        newer["min_pixels"] = Value::Null;
        newer.as_object_mut().unwrap().remove("max_pixels");
        newer["size"] = json!({"shortest_edge": 3136, "longest_edge": 12845056});
        newer["rescale_factor"] = json!(0.00392156862745098);
        assert_eq!(read(&newer).unwrap(), config);
        newer["size"] = json!({"min_pixels": 3136, "max_pixels": 12845056});
        assert_eq!(read(&newer).unwrap(), config);
    }

    #[test]
    fn an_error_names_the_key() {
        let cases = [
            ("min_pixels", json!(99_999_999), "min_pixels must be up to max_pixels 12845056, found 99999999"),
            ("max_pixels", json!(0), "max_pixels must be a whole number from 1 to 134217728, found 0"),
            ("image_mean", json!([0.5]), "image_mean must be a list of three numbers, found [0.5]"),
            ("image_std", json!([0.5, 0, 0.5]), "image_std must be three numbers over 0, found [0.5,0,0.5]"),
            ("rescale_factor", json!(1), "rescale_factor must be 1/255, found 1"),
            ("merge_size", json!("2"), "merge_size must be a whole number from 1 to 16, found \"2\""),
        ];
        for (key, value, expected) in cases {
            let mut config = published();
            config[key] = value;
            let message = read(&config).unwrap_err().to_string();
            assert_eq!(message, format!("preprocessor_config.json: {expected}"));
        }
    }

    #[test]
    fn bounds_can_be_replaced_but_not_crossed() {
        let config = read(&published()).unwrap();
        assert_eq!(config.with_pixel_bounds(12_544, 12_544).unwrap().max_pixels, 12_544);
        for (min, max) in [(0, 5), (6, 5), (1, 0), (1, u64::MAX)] {
            assert!(config.with_pixel_bounds(min, max).is_err(), "{min} {max}");
        }
    }
}
