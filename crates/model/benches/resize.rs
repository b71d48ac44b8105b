//! How long a 640×360 frame takes to the model's 644×364, and to `pixel_values`, next to `fast_image_resize`.
//!
//! `cargo bench -p souffleur-model --bench resize`. One thread everywhere. Criterion's lines are for looking at one
//! of the contestants; the ratios at the end come from rounds in which each contestant runs in turn, the best of each
//! taken, so that what else the machine does weighs on all alike.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions};
use souffleur_core::RgbImage;
use souffleur_model::{Preprocessor, PreprocessorConfig, Resizer};

const FROM: (u32, u32) = (640, 360);
const TO: (u32, u32) = (644, 364);

/// The resize may take this many times what `fast_image_resize` takes.
const WANTED_RATIO: f64 = 2.5;

const ROUNDS: usize = 400;

/// Has the published numbers.
const PREPROCESSOR_CONFIG: &[u8] = include_bytes!("../../../tests/fixtures/reference/tiny/preprocessor_config.json");

struct Contestant {
    name: &'static str,
    run: Box<dyn FnMut()>,
}

fn contestants() -> Vec<Contestant> {
    // A picture with both smooth parts and noise; the time does not depend on it.
    let pixels: Vec<u8> =
        (0..FROM.0 * FROM.1 * 3).map(|idx| (idx / 9 + (idx.wrapping_mul(0x9E37_79B1) >> 28)) as u8).collect();
    let image = RgbImage::new(FROM.0, FROM.1, pixels).expect("the bytes were counted by the sides");

    // Both are kept from frame to frame, with their caches, and make a new image each time.
    let resize_by = |mut resizer: Resizer| {
        let image = image.clone();
        move || {
            black_box(resizer.resize(black_box(&image), TO.0, TO.1).expect("the sizes are ordinary"));
        }
    };
    let mut fast_image_resize = fast_image_resize::Resizer::new();
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
    let of_fast_image_resize = image.clone();
    let mut preprocessor =
        Preprocessor::new(PreprocessorConfig::from_json(PREPROCESSOR_CONFIG).expect("the reference's file is valid"));
    let of_preprocessor = image.clone();
    vec![
        Contestant {
            name: "fast_image_resize, one call",
            run: Box::new(move || {
                let pixels = black_box(of_fast_image_resize.pixels());
                let from = ImageRef::new(FROM.0, FROM.1, pixels, PixelType::U8x3).expect("the sides fit");
                let mut to = Image::new(TO.0, TO.1, PixelType::U8x3);
                fast_image_resize.resize(&from, &mut to, &options).expect("the sizes are ordinary");
                black_box(to);
            }),
        },
        Contestant { name: "Resizer", run: Box::new(resize_by(Resizer::new())) },
        Contestant { name: "Resizer::portable", run: Box::new(resize_by(Resizer::portable())) },
        Contestant {
            name: "Preprocessor (resize and patches)",
            run: Box::new(move || {
                black_box(preprocessor.preprocess(black_box(&of_preprocessor)).expect("the sizes are ordinary"));
            }),
        },
    ]
}

/// The shortest time of each contestant over rounds in which all run.
fn best_of_rounds(contestants: &mut [Contestant]) -> Vec<Duration> {
    let mut best = vec![Duration::MAX; contestants.len()];
    for _ in 0..ROUNDS {
        for (contestant, best) in contestants.iter_mut().zip(&mut best) {
            let started_at = Instant::now();
            (contestant.run)();
            *best = started_at.elapsed().min(*best);
        }
    }
    best
}

fn main() {
    let mut contestants = contestants();
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .configure_from_args();
    for Contestant { name, run } in &mut contestants {
        criterion.bench_function(name, |bencher| bencher.iter(&mut *run));
    }
    criterion.final_summary();

    let best = best_of_rounds(&mut contestants);
    println!("{}×{} -> {}×{}, best of {ROUNDS} rounds, one thread", FROM.0, FROM.1, TO.0, TO.1);
    for (Contestant { name, .. }, time) in contestants.iter().zip(&best) {
        let ratio = time.as_secs_f64() / best[0].as_secs_f64();
        println!("{name:34} {:>8.1} µs  ratio {ratio:.2}", time.as_secs_f64() * 1e6);
    }
    println!("wanted: Resizer at a ratio of at most {WANTED_RATIO}");
}
