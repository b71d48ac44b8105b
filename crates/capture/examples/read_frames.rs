//! Reads a source as fast as it gives frames and prints how fast that was:
//! `cargo run --release -p souffleur-capture --example read_frames -- SOURCE [INTERVAL_SECS [FROM_SECS]]`.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use souffleur_capture::open_source;
use souffleur_core::FrameGrid;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let source = args.next().ok_or("name a video file or a folder of images")?;
    let interval_secs = args.next().map_or(Ok(1.0), |secs| secs.parse())?;
    let from_secs = args.next().map_or(Ok(0.0), |secs| secs.parse())?;
    let grid = FrameGrid::new(interval_secs, from_secs, 1)?;
    let started_at = Instant::now();
    let mut source = open_source(Path::new(&source), grid, None)?;
    let opened = started_at.elapsed();
    let (mut num_frames, mut num_bytes) = (0_u32, 0);
    while let Some(frame) = source.next_frame()? {
        num_frames += 1;
        num_bytes += frame.image.pixels().len();
    }
    let (info, total) = (source.describe(), started_at.elapsed());
    let video_secs = f64::from(num_frames) * interval_secs;
    println!("{}: {}×{} px", info.name, info.width_px.unwrap_or(0), info.height_px.unwrap_or(0));
    println!(
        "first frame after {:.0} ms, {num_frames} frames in {:.2} s",
        opened.as_secs_f64() * 1e3,
        total.as_secs_f64()
    );
    println!(
        "{:.1} frames a second, {:.0} MB/s, {:.1} times real time",
        f64::from(num_frames) / total.as_secs_f64(),
        num_bytes as f64 / 1e6 / total.as_secs_f64(),
        video_secs / total.as_secs_f64()
    );
    Ok(())
}
