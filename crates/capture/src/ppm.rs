use std::io::{self, BufRead, ErrorKind};

use souffleur_core::RgbImage;

/// Reads binary portable pixmaps (`P6`, 8 bits) that follow one another in a stream.
///
/// The transport of frames from the decoder: each picture carries its own size, so neither rotation nor odd sides
/// can be guessed wrong. `Ok(None)` where the stream ends between two pictures.
///
/// # Errors
/// `UnexpectedEof` inside a picture, `InvalidData` for anything that is not such a picture.
pub(crate) fn read_ppm(stream: &mut impl BufRead) -> io::Result<Option<RgbImage>> {
    if stream.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut magic = [0; 2];
    stream.read_exact(&mut magic)?;
    if &magic != b"P6" {
        return Err(invalid("a pixmap begins with P6"));
    }
    let (width, height) = (read_number(stream)?, read_number(stream)?);
    if read_number(stream)? != 255 {
        return Err(invalid("a pixmap of 8 bits a channel is expected"));
    }
    let num_bytes = (u64::from(width) * u64::from(height)).saturating_mul(3);
    let num_bytes = usize::try_from(num_bytes).ok().filter(|bytes| (1..=MAX_BYTES).contains(bytes));
    let num_bytes = num_bytes.ok_or_else(|| invalid("a pixmap of sensible size is expected"))?;
    let mut pixels = vec![0; num_bytes];
    stream.read_exact(&mut pixels)?;
    RgbImage::new(width, height, pixels).map(Some).map_err(|err| io::Error::new(ErrorKind::InvalidData, err))
}

/// 32,768 × 32,768 × 3 is what ffmpeg itself accepts at most.
const MAX_BYTES: usize = 1 << 31;

/// A decimal number between white space; takes the one white space after it too, as the format wants.
fn read_number(stream: &mut impl BufRead) -> io::Result<u32> {
    let mut value: Option<u32> = None;
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        match (byte[0], value) {
            (digit @ b'0'..=b'9', _) => {
                let shifted = value.unwrap_or(0).checked_mul(10).and_then(|v| v.checked_add(u32::from(digit - b'0')));
                value = Some(shifted.ok_or_else(|| invalid("a side of a pixmap fits 32 bits"))?);
            }
            (b' ' | b'\n' | b'\r' | b'\t', None) => {}
            (b' ' | b'\n' | b'\r' | b'\t', Some(number)) => return Ok(number),
            _ => return Err(invalid("a number is expected in the head of a pixmap")),
        }
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pictures_of_different_sizes_follow_one_another() {
        let mut stream: &[u8] = b"P6\n2 1\n255\nabcdefP6 1 1 255 xyz";
        let first = read_ppm(&mut stream).unwrap().unwrap();
        assert_eq!((first.width_px(), first.height_px(), first.pixels()), (2, 1, &b"abcdef"[..]));
        assert_eq!(read_ppm(&mut stream).unwrap().unwrap().pixels(), b"xyz");
        assert!(read_ppm(&mut stream).unwrap().is_none());
    }

    #[test]
    fn a_cut_picture_is_told_from_the_end() {
        let kind = |mut bytes: &[u8]| read_ppm(&mut bytes).unwrap_err().kind();
        assert_eq!(kind(b"P6\n2 1\n255\nabc"), ErrorKind::UnexpectedEof);
        assert_eq!(kind(b"P6\n2"), ErrorKind::UnexpectedEof);
        assert_eq!(kind(b"P5\n2 1\n255\nabc"), ErrorKind::InvalidData);
        assert_eq!(kind(b"P6\n4294967295 4294967295\n255\n"), ErrorKind::InvalidData);
        assert_eq!(kind(b"P6\n0 1\n255\n"), ErrorKind::InvalidData);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = read_ppm(&mut &bytes[..]);
            let _ = read_ppm(&mut &[b"P6\n".as_slice(), &bytes].concat()[..]);
        }
    }
}
