//! Folders of images: order, what is skipped, what the pixels become.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::fs;
use std::path::Path;

use image::{ImageBuffer, Luma, LumaA, Rgb, Rgba};
use souffleur_capture::{CaptureError, FrameSource, ImageFolder, open_source};
use souffleur_core::{Frame, FrameGrid, MediaTime};

fn open(dir: &Path, from_secs: f64, to_secs: Option<f64>) -> Result<ImageFolder, CaptureError> {
    ImageFolder::open(dir, FrameGrid::new(1.0, from_secs, 1).unwrap(), to_secs.map(MediaTime::from_secs_f64))
}

fn drain(folder: &mut ImageFolder) -> Vec<Frame> {
    std::iter::from_fn(|| folder.next_frame().unwrap()).collect()
}

/// One pixel whose red value tells images apart.
fn save_red(path: &Path, red: u8) {
    ImageBuffer::from_pixel(1, 1, Rgb([red, 0, 0])).save(path).unwrap();
}

fn only_pixel(dir: &Path, name: &str) -> [u8; 3] {
    let own = dir.join(name.replace('.', "_"));
    fs::create_dir(&own).unwrap();
    fs::copy(dir.join(name), own.join(name)).unwrap();
    let frame = open(&own, 0.0, None).unwrap().next_frame().unwrap().unwrap();
    frame.image.pixels()[..3].try_into().unwrap()
}

#[test]
fn images_come_in_natural_order_one_an_interval() {
    let dir = tempfile::tempdir().unwrap();
    for (name, red) in [("f10.png", 10), ("f2.png", 2), ("f1.bmp", 1), ("f11.gif", 11), ("F3.PNG", 0)] {
        save_red(&dir.path().join(name), red);
    }
    fs::write(dir.path().join("notes.txt"), "no image").unwrap();
    fs::write(dir.path().join(".hidden.png"), "no image").unwrap();
    fs::create_dir(dir.path().join("folder.png")).unwrap();
    let mut folder = open(dir.path(), 0.0, None).unwrap();
    assert_eq!((folder.describe().num_frames, folder.describe().width_px), (Some(5), Some(1)));
    let frames = drain(&mut folder);
    let seen: Vec<(u8, f64)> = frames.iter().map(|f| (f.image.pixels()[0], f.media_time.as_secs_f64())).collect();
    assert_eq!(seen, [(0, 0.0), (1, 1.0), (2, 2.0), (10, 3.0), (11, 4.0)]);
    assert_eq!(folder.skipped().num_images, 0);
    assert!(folder.next_frame().unwrap().is_none());
}

#[test]
fn from_and_to_cut_as_in_a_video() {
    let dir = tempfile::tempdir().unwrap();
    (0..6).for_each(|idx| save_red(&dir.path().join(format!("{idx}.png")), idx));
    let seen = |from, to| -> Vec<(u8, f64)> {
        let frames = drain(&mut open(dir.path(), from, to).unwrap());
        frames.iter().map(|f| (f.image.pixels()[0], f.media_time.as_secs_f64())).collect()
    };
    assert_eq!(seen(2.0, Some(4.0)), [(2, 2.0), (3, 3.0)]);
    assert_eq!(seen(4.5, None), [(4, 4.5)]);
    assert!(matches!(open(dir.path(), 6.0, None), Err(CaptureError::FromPastEnd { .. })));
    assert!(matches!(open(dir.path(), 3.0, Some(2.0)), Err(CaptureError::EmptyRange { .. })));
}

#[test]
fn unreadable_images_are_skipped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    for idx in 0..10 {
        let path = dir.path().join(format!("{idx}.png"));
        if idx % 3 == 0 { fs::write(path, "broken").unwrap() } else { save_red(&path, idx) }
    }
    let mut folder = open(dir.path(), 0.0, None).unwrap();
    let seen: Vec<(u8, f64)> =
        drain(&mut folder).iter().map(|f| (f.image.pixels()[0], f.media_time.as_secs_f64())).collect();
    assert_eq!(seen, [(1, 0.0), (2, 1.0), (4, 2.0), (5, 3.0), (7, 4.0), (8, 5.0)]);
    let skipped = folder.skipped();
    assert_eq!((skipped.num_images, skipped.first_reasons.len()), (4, 4));
    assert!(skipped.first_reasons[0].starts_with("0.png: "), "{:?}", skipped.first_reasons);
}

#[test]
fn a_folder_without_a_readable_image_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(open(&dir.path().join("none"), 0.0, None), Err(CaptureError::NotFound(_))));
    assert!(matches!(open(dir.path(), 0.0, None), Err(CaptureError::NoImages(_))));
    (0..20).for_each(|idx| fs::write(dir.path().join(format!("{idx}.png")), "broken").unwrap());
    let err = open(dir.path(), 0.0, None).err().unwrap();
    assert!(matches!(err, CaptureError::NoReadableImage { num_images: 20, .. }), "{err}");
    assert!(matches!(open(&dir.path().join("0.png"), 0.0, None), Err(CaptureError::NotADirectory(_))));
}

#[test]
fn a_broken_still_image_is_told_by_its_own_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.png");
    fs::write(&path, b"\x89PNG\r\n\x1a\nbroken").unwrap();
    let err = open_source(&path, FrameGrid::new(1.0, 0.0, 1).unwrap(), None).err().unwrap();
    assert!(matches!(err, CaptureError::UnreadableImage(_)) && err.to_string().starts_with("a.png: "), "{err}");
}

#[test]
fn alpha_is_dropped_and_wide_samples_keep_their_high_byte() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    ImageBuffer::from_pixel(1, 1, Rgba([200_u8, 100, 50, 0])).save(at("rgba.png")).unwrap();
    ImageBuffer::from_pixel(1, 1, LumaA([77_u8, 1])).save(at("la.png")).unwrap();
    ImageBuffer::from_pixel(1, 1, Luma([0x12FF_u16])).save(at("l16.png")).unwrap();
    ImageBuffer::from_pixel(1, 1, Rgb([0x01FF_u16, 0xFF00, 0x80FF])).save(at("rgb16.png")).unwrap();
    ImageBuffer::from_pixel(1, 1, Rgba([0x01FF_u16, 0xFF00, 0x80FF, 0])).save(at("rgba16.png")).unwrap();
    let seen = ["rgba.png", "la.png", "l16.png", "rgb16.png", "rgba16.png"].map(|name| only_pixel(dir.path(), name));
    assert_eq!(seen, [[200, 100, 50], [77; 3], [0x12; 3], [1, 255, 128], [1, 255, 128]]);
}

#[test]
fn orientation_is_applied() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jpg");
    ImageBuffer::from_fn(32, 16, |x, _| Rgb(if x < 16 { [255_u8, 0, 0] } else { [0, 0, 255] })).save(&path).unwrap();
    let jpeg = fs::read(&path).unwrap();
    // Big-endian TIFF with one entry: tag 0x0112 (orientation), short, value 6 = turn right by 90°.
    let tiff = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut turned = vec![0xFF, 0xD8, 0xFF, 0xE1, 0, (2 + 6 + tiff.len()) as u8];
    turned.extend([b"Exif\0\0".as_slice(), tiff, &jpeg[2..]].concat());
    fs::write(&path, turned).unwrap();
    let frame = open(dir.path(), 0.0, None).unwrap().next_frame().unwrap().unwrap();
    let image = frame.image;
    assert_eq!((image.width_px(), image.height_px()), (16, 32));
    let pixels = image.pixels();
    assert!(pixels[0] > 200 && pixels[2] < 60, "red is on top");
    assert!(pixels[pixels.len() - 3] < 60 && pixels[pixels.len() - 1] > 200, "blue is below");
}

#[test]
fn long_images_pass_and_bombs_do_not() {
    let dir = tempfile::tempdir().unwrap();
    ImageBuffer::from_pixel(100_000, 1, Rgb([9_u8, 8, 7])).save(dir.path().join("1.png")).unwrap();
    fs::write(dir.path().join("2.png"), png_that_claims(60_000, 60_000)).unwrap();
    let mut folder = open(dir.path(), 0.0, None).unwrap();
    let frames = drain(&mut folder);
    assert_eq!((frames.len(), frames[0].image.width_px()), (1, 100_000));
    let reasons = folder.skipped().first_reasons;
    assert_eq!(reasons, ["2.png: the decoded image would take more than 512 MiB"]);
}

/// A PNG of RGB pixels, whole but for the pixels.
fn png_that_claims(width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", &header[..]), (b"IDAT", &[0x78, 0x9C, 3, 0, 0, 0, 0, 1]), (b"IEND", &[])] {
        let body = [kind.as_slice(), data].concat();
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(&body);
        bytes.extend(crc32(&body).to_be_bytes());
    }
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}
