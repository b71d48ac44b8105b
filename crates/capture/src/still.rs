use std::io::BufReader;
use std::path::Path;

use image::error::{LimitError, LimitErrorKind};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use souffleur_core::RgbImage;

/// What one still image may take in memory: 178 million RGB pixels. A picture that claims more is a mistake or an
/// attack, and is refused before anything of that size is allocated.
const MAX_DECODED_BYTES: u64 = 512 << 20;

/// The formats read, by the ends of their names.
pub(crate) const EXTENSIONS: [&str; 6] = ["png", "jpg", "jpeg", "webp", "bmp", "gif"];

/// Reads one still image as RGB, 8 bits a channel, turned as its EXIF orientation says.
///
/// As Pillow's `convert("RGB")`, alpha is dropped, not composited, and of 16 bits the high byte is kept. Of an
/// animation this is the first frame.
///
/// # Errors
/// One line that says why, without the path.
pub(crate) fn read_still(path: &Path) -> Result<RgbImage, String> {
    let image = decode(path).map_err(|err| match err {
        ImageError::Limits(_) => format!("the decoded image would take more than {} MiB", MAX_DECODED_BYTES >> 20),
        other => crate::error::one_line(&other.to_string()),
    })?;
    let rgb = match image {
        DynamicImage::ImageLuma16(_)
        | DynamicImage::ImageLumaA16(_)
        | DynamicImage::ImageRgb16(_)
        | DynamicImage::ImageRgba16(_) => {
            let wide = image.into_rgb16();
            let (width, height) = wide.dimensions();
            let bytes: Vec<u8> = wide.into_raw().into_iter().map(|sample| (sample >> 8) as u8).collect();
            return RgbImage::new(width, height, bytes).map_err(|err| err.to_string());
        }
        other => other.into_rgb8(),
    };
    let (width, height) = rgb.dimensions();
    RgbImage::new(width, height, rgb.into_raw()).map_err(|err| err.to_string())
}

fn decode(path: &Path) -> Result<DynamicImage, ImageError> {
    let mut reader = ImageReader::open(path)?.with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    if decoder.total_bytes() > MAX_DECODED_BYTES {
        return Err(ImageError::Limits(LimitError::from_kind(LimitErrorKind::InsufficientMemory)));
    }
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// Whether a file is a still image this crate reads, by its first bytes. A GIF is not: it may be an animation, and
/// ffmpeg plays those.
pub(crate) fn is_still(path: &Path) -> bool {
    let Ok(file) = std::fs::File::open(path) else { return false };
    let guessed = ImageReader::new(BufReader::new(file)).with_guessed_format().ok().and_then(|it| it.format());
    matches!(guessed, Some(ImageFormat::Png | ImageFormat::Jpeg | ImageFormat::WebP | ImageFormat::Bmp))
}
