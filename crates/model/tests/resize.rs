//! The resizer against Pillow and `smart_resize` against transformers; `fixtures/resize/generate.py` says how.

use serde::Deserialize;
use souffleur_core::RgbImage;
use souffleur_model::{Resizer, sha256_hex, smart_resize};

#[derive(Deserialize)]
struct Cases {
    resize: Vec<ResizeCase>,
    smart_resize: Vec<SmartResizeCase>,
}

#[derive(Debug, Deserialize)]
struct ResizeCase {
    pattern: String,
    seed: u32,
    /// Width and height.
    from: [u32; 2],
    to: [u32; 2],
    /// Of the resized image's bytes.
    sha256: String,
}

#[derive(Debug, Deserialize)]
struct SmartResizeCase {
    /// Height and width.
    from: [usize; 2],
    bounds: [u64; 2],
    to: [usize; 2],
}

fn cases() -> Cases {
    serde_json::from_str(include_str!("fixtures/resize/cases.json")).expect("cases.json is as generate.py writes it")
}

fn hashed(index: u32, seed: u32) -> u32 {
    let mut x = index.wrapping_mul(0x9E37_79B1).wrapping_add(seed);
    x ^= x >> 15;
    x = x.wrapping_mul(0x85EB_CA6B);
    x ^ (x >> 13)
}

fn draw(case: &ResizeCase) -> RgbImage {
    let [width, height] = case.from;
    let seed = case.seed;
    let pixels: Vec<u8> = (0..width * height * 3)
        .map(|index| match case.pattern.as_str() {
            "noise" => (hashed(index, seed) >> 24) as u8,
            "extremes" => (hashed(index, seed) >> 31) as u8 * 255,
            "ramp" => {
                let pixel = index / 3;
                ((pixel % width * 3 + pixel / width * 5 + index % 3 * 17 + seed) % 256) as u8
            }
            other => panic!("no pattern {other}"),
        })
        .collect();
    RgbImage::new(width, height, pixels).expect("every byte was drawn")
}

#[test]
fn bytes_are_pillows() {
    let cases = cases().resize;
    assert!(cases.len() >= 100);
    for (name, mut resizer) in [("fastest", Resizer::new()), ("portable", Resizer::portable())] {
        for case in &cases {
            let resized = resizer.resize(&draw(case), case.to[0], case.to[1]).unwrap();
            let sha256 = sha256_hex(resized.pixels()).unwrap();
            assert_eq!(sha256, case.sha256, "{name}: {case:?}");
        }
    }
}

#[test]
fn sizes_are_those_of_transformers() {
    let cases = cases().smart_resize;
    assert!(cases.len() >= 100);
    for case in cases {
        let found = smart_resize(case.from[0], case.from[1], 28, case.bounds[0], case.bounds[1]).unwrap();
        assert_eq!([found.0, found.1], case.to, "{case:?}");
    }
}
