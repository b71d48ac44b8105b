//! Files that are broken, odd, or named to be misunderstood.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod media;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use media::{TEN_SECS, assert_follows_rule, drain, frame_hashes, grid, hash, make, truth};
use souffleur_capture::{CaptureError, FrameSource, SourceKind, VideoFile, open_source};
use souffleur_core::{Hint, MediaTime};

/// Opens and reads to the end: how many frames came before which error. Bad input is to be refused within 5 s.
fn read(path: &Path) -> (usize, Option<CaptureError>) {
    let started_at = Instant::now();
    let (num_frames, err) = match open_source(path, grid(1.0, 0.0), None) {
        Ok(mut source) => {
            let (frames, err) = drain(source.as_mut());
            (frames.len(), err)
        }
        Err(err) => (0, Some(err)),
    };
    assert!(started_at.elapsed() < Duration::from_secs(5), "{}", path.display());
    if let Some(err) = &err {
        assert!(!err.to_string().contains('\n') && !err.hint().contains('\n'), "{err}");
    }
    (num_frames, err)
}

fn error(path: &Path) -> CaptureError {
    read(path).1.unwrap()
}

#[test]
fn what_is_no_video_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    assert!(matches!(error(&dir.path().join("none.mp4")), CaptureError::NotFound(_)));
    assert!(matches!(error(&file("empty.mp4", b"")), CaptureError::EmptyFile(_)));
    for name in ["text.mp4", "text.txt"] {
        let text = error(&file(name, b"This is a letter, not a video.\n"));
        assert!(matches!(text, CaptureError::NotAVideo { .. }) && !text.to_string().contains("moov"), "{text}");
    }
    let noise: Vec<u8> = (0..300_000_u32).map(|idx| (idx.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    assert!(matches!(error(&file("noise.mp4", &noise)), CaptureError::NotAVideo { .. }));
}

#[test]
fn sound_and_cover_pictures_are_no_video() {
    let dir = tempfile::tempdir().unwrap();
    let sound = make(dir.path(), "a.wav", "-f lavfi -i sine=d=2");
    let err = error(&sound);
    assert_eq!(err.to_string(), format!("{}: has no video, only audio (pcm_s16le)", sound.display()));
    let picture = make(dir.path(), "c.png", &format!("{TEN_SECS} -frames:v 1"));
    let inputs = format!("-i {} -i {} -map 0 -map 1 -c:v copy", sound.display(), picture.display());
    let cover = make(dir.path(), "cover.m4a", &format!("{inputs} -disposition:v attached_pic"));
    assert!(matches!(error(&cover), CaptureError::NoVideo { found, .. } if found == "audio (aac), a cover picture"));
}

#[test]
fn an_unknown_codec_is_not_a_broken_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "x.mp4", &format!("{TEN_SECS} -t 1 -c:v libx264"));
    let mut bytes = fs::read(&path).unwrap();
    let tags: Vec<usize> = (0..bytes.len() - 4).filter(|&at| &bytes[at..at + 4] == b"avc1").collect();
    for at in tags {
        bytes[at..at + 4].copy_from_slice(b"zzzz");
    }
    fs::write(&path, bytes).unwrap();
    assert!(matches!(error(&path), CaptureError::UnsupportedCodec { codec, .. } if codec == "zzzz"));
}

#[test]
fn a_cut_file_gives_its_frames_then_the_error() {
    let dir = tempfile::tempdir().unwrap();
    for (name, options) in [
        ("a.mp4", "-c:v libx264 -g 50 -movflags +faststart"),
        ("a.mkv", "-c:v libx264 -g 50"),
        ("a.webm", "-c:v libvpx -deadline realtime"),
    ] {
        let path = make(dir.path(), name, &format!("{TEN_SECS} {options}"));
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() * 55 / 100]).unwrap();
        let (num_frames, err) = read(&path);
        assert!((3..=7).contains(&num_frames), "{name}: {num_frames}");
        let Some(CaptureError::Truncated { at, end, .. }) = err else { panic!("{name}: {err:?}") };
        assert!(at == MediaTime::from_secs_f64(num_frames as f64) && end > at, "{name}: {at} of {end}");
    }
}

#[test]
fn an_mp4_cut_before_its_index_gives_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "a.mp4", &format!("{TEN_SECS} -t 2 -c:v libx264"));
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(error(&path).to_string().ends_with("the file is cut short"));
}

#[test]
fn a_broken_stretch_in_the_middle_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "a.ts", &format!("{TEN_SECS} -c:v libx264 -g 10"));
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 2000].fill(0x55);
    fs::write(&path, bytes).unwrap();
    let (num_frames, err) = read(&path);
    assert!(num_frames == 10 && err.is_none(), "{num_frames}: {err:?}");
}

#[test]
fn ranges_outside_the_video_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "a.mp4", &format!("{TEN_SECS} -c:v libx264"));
    let open = |from, to: Option<f64>| VideoFile::open(&path, grid(1.0, from), to.map(MediaTime::from_secs_f64));
    let err = open(10.0, None).err().unwrap();
    assert_eq!(err.to_string(), "the start 0:10 does not lie before the end of a.mp4, which lasts 0:10");
    assert!(matches!(open(4.0, Some(4.0)), Err(CaptureError::EmptyRange { .. })));
    let times = |from, to| {
        let (frames, err) = drain(&mut open(from, to).unwrap());
        assert!(err.is_none());
        frames.iter().map(|frame| frame.media_time.as_secs_f64()).collect::<Vec<_>>()
    };
    assert_eq!(times(7.5, None), [7.5, 8.5]);
    assert_eq!(times(2.0, Some(4.9)), [2.0, 3.0]);
    assert_eq!(times(9.9, Some(60.0)), [9.9]);
}

#[test]
fn names_that_look_like_options_addresses_or_patterns() {
    let dir = tempfile::tempdir().unwrap();
    let video = make(dir.path(), "plain.mp4", &format!("{TEN_SECS} -t 1 -c:v libx264"));
    let picture = make(dir.path(), "plain.png", &format!("{TEN_SECS} -frames:v 1"));
    for name in ["-i", "--help", "http:x", "a b'c\"d", "%03d *?[1]", "línea 烹饪 🍳", "two\nlines", "concat:a|b"] {
        for (source, extension) in [(&video, "mp4"), (&picture, "png")] {
            let path = dir.path().join(format!("{name}.{extension}"));
            fs::copy(source, &path).unwrap();
            let (num_frames, err) = read(&path);
            assert!(num_frames == 1 && err.is_none(), "{path:?}: {err:?}");
        }
    }
}

#[test]
fn rotation_and_odd_sides_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let size = |path: &Path| {
        let info = VideoFile::open(path, grid(1.0, 0.0), None).unwrap().describe().clone();
        (info.width_px.unwrap(), info.height_px.unwrap())
    };
    let odd = make(dir.path(), "odd.mkv", "-f lavfi -i testsrc=s=97x63:r=5:d=1 -pix_fmt yuv444p -c:v ffv1");
    assert_eq!(size(&odd), (97, 63));
    let flat = make(dir.path(), "flat.mp4", &format!("{TEN_SECS} -t 1 -c:v libx264"));
    let args = format!("-i {} -c copy -metadata:s:v:0 rotate=90", flat.display());
    let turned = make(dir.path(), "turned.mp4", &args);
    assert_eq!((size(&flat), size(&turned)), ((96, 64), (64, 96)));
    let frame = VideoFile::open(&turned, grid(1.0, 0.0), None).unwrap().next_frame().unwrap().unwrap();
    assert_eq!(hash(&frame.image), frame_hashes(&turned, &[0].into())[&0]);
}

#[test]
fn a_size_that_changes_on_the_way_keeps_the_times() {
    let dir = tempfile::tempdir().unwrap();
    let small = make(dir.path(), "1.ts", "-f lavfi -i testsrc2=s=96x64:r=25:d=3 -c:v libx264");
    let large = make(dir.path(), "2.ts", "-f lavfi -i color=red:s=160x90:r=25:d=3 -c:v libx264 -output_ts_offset 3");
    let path = dir.path().join("both.ts");
    fs::write(&path, [fs::read(small).unwrap(), fs::read(large).unwrap()].concat()).unwrap();
    let (frames, err) = drain(&mut VideoFile::open(&path, grid(0.5, 0.0), None).unwrap());
    assert!(err.is_none(), "{err:?}");
    assert!(frames.iter().all(|frame| (frame.image.width_px(), frame.image.height_px()) == (96, 64)));
    let is_red = |frame: &&souffleur_core::Frame| frame.image.pixels().chunks(3).all(|p| p[0] > 200 && p[1] < 60);
    let first_red = frames.iter().find(is_red).unwrap().media_time;
    assert_eq!(first_red, MediaTime::from_secs_f64(3.0));
}

#[test]
fn the_default_stream_is_watched() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = "-f lavfi -i color=red:s=96x64:r=5:d=2 -f lavfi -i color=blue:s=64x48:r=5:d=2 -map 0 -map 1";
    let args = format!("{inputs} -c:v libx264 -disposition:v:0 0 -disposition:v:1 default");
    let path = make(dir.path(), "two.mkv", &args);
    let frame = VideoFile::open(&path, grid(1.0, 0.0), None).unwrap().next_frame().unwrap().unwrap();
    assert_eq!((frame.image.width_px(), frame.image.pixels()[0] < 60), (64, true));
}

#[test]
fn a_playlist_reaches_no_network() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("list.m3u8");
    let lines = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n";
    fs::write(&path, lines).unwrap();
    let (num_frames, err) = read(&path);
    assert!(num_frames == 0 && err.is_some());
}

#[test]
fn a_seek_gives_what_reading_from_the_start_gives() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "a.mp4", &format!("{TEN_SECS} -c:v libx264 -bf 3 -g 12"));
    let truth = truth(&path);
    let grids = [0.04, 1.2, 5.0, 5.039, 9.99].map(|from_secs| (1.0, from_secs));
    assert_follows_rule(&path, &truth, truth.duration.unwrap(), &grids);
}

#[test]
fn a_still_image_is_one_frame() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "a.png", &format!("{TEN_SECS} -frames:v 1"));
    let mut source = open_source(&path, grid(1.0, 0.0), None).unwrap();
    assert_eq!((source.describe().kind, source.describe().num_frames), (SourceKind::VideoFile, Some(1)));
    assert_eq!(drain(source.as_mut()).0.len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn dropping_leaves_no_child_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = make(dir.path(), "a.mp4", "-f lavfi -i testsrc2=s=640x360:r=25:d=20 -c:v libx264 -preset ultrafast");
    let mut video = VideoFile::open(&path, grid(0.05, 0.0), None).unwrap();
    video.next_frame().unwrap().unwrap();
    // Names of the directory keep the children of tests beside this one out of the count.
    let marked = |process: &fs::DirEntry| {
        let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&command).contains(&*path.to_string_lossy())
    };
    let num_children = || fs::read_dir("/proc").unwrap().filter_map(Result::ok).filter(marked).count();
    assert_eq!(num_children(), 1, "ffmpeg waits for the reader, which is two seconds behind");
    drop(video);
    assert_eq!(num_children(), 0);
}
