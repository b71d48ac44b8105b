//! The head of a safetensors file, read without trusting it.
//!
//! A file is: the head's length as a little-endian u64, the head (a JSON object of tensors), and the data. The head
//! must place the tensors side by side over the whole data, without gap or overlap (safetensors, format section).

use std::collections::BTreeMap;
use std::io::Read;

use serde::Deserialize;

/// The longest head the format allows.
const MAX_HEAD_BYTES: u64 = 100_000_000;

/// A tensor as the head describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Element type as the file writes it, such as `BF16`.
    pub dtype: String,
    /// Shape.
    pub shape: Vec<u64>,
    /// First byte, counted from the start of the file.
    pub offset: u64,
    /// Bytes.
    pub size_bytes: u64,
}

#[derive(Deserialize)]
struct RawTensor {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: [u64; 2],
}

/// Reads the head of a file of `file_bytes` bytes. The error is the reason, on one line.
pub fn read_head(mut file: impl Read, file_bytes: u64) -> Result<BTreeMap<String, TensorInfo>, String> {
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| format!("at least 8 bytes are expected, found {file_bytes}"))?;
    let head_bytes = u64::from_le_bytes(length);
    let rest_bytes = file_bytes.saturating_sub(8);
    if head_bytes > rest_bytes.min(MAX_HEAD_BYTES) {
        let most = rest_bytes.min(MAX_HEAD_BYTES);
        return Err(format!("the header may have {most} bytes at most, found a length of {head_bytes}"));
    }
    let mut head = vec![0; head_bytes as usize];
    file.read_exact(&mut head).map_err(|err| format!("the header of {head_bytes} bytes cannot be read: {err}"))?;
    let head: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(&head).map_err(|err| format!("the header is not JSON: {err}"))?;
    let mut tensors = BTreeMap::new();
    for (name, value) in head {
        if name == "__metadata__" {
            continue;
        }
        let raw = RawTensor::deserialize(value).map_err(|err| format!("the header's entry {name:?}: {err}"))?;
        tensors.insert(name.clone(), place(&name, raw, 8 + head_bytes)?);
    }
    check_cover(&tensors, 8 + head_bytes, file_bytes)?;
    Ok(tensors)
}

fn place(name: &str, raw: RawTensor, data_start: u64) -> Result<TensorInfo, String> {
    let [begin, end] = raw.data_offsets;
    let wrong = || format!("tensor {name:?} must lie inside the file, found bytes {begin} to {end}");
    let size_bytes = end.checked_sub(begin).ok_or_else(wrong)?;
    let offset = begin.checked_add(data_start).ok_or_else(wrong)?;
    if let Some(element_bytes) = element_bytes(&raw.dtype) {
        let expected = raw.shape.iter().try_fold(element_bytes, |bytes, &dim| bytes.checked_mul(dim));
        if expected != Some(size_bytes) {
            let expected = expected.map_or_else(|| "over 2⁶⁴".to_owned(), |bytes| bytes.to_string());
            let RawTensor { dtype, shape, .. } = raw;
            return Err(format!("tensor {name:?}, {dtype} {shape:?}, must have {expected} bytes, found {size_bytes}"));
        }
    }
    Ok(TensorInfo { dtype: raw.dtype, shape: raw.shape, offset, size_bytes })
}

/// Bytes an element of the types we can meet takes; `None` for types that this program never reads.
fn element_bytes(dtype: &str) -> Option<u64> {
    match dtype {
        "F64" | "I64" | "U64" => Some(8),
        "F32" | "I32" | "U32" => Some(4),
        "F16" | "BF16" | "I16" | "U16" => Some(2),
        "I8" | "U8" | "BOOL" => Some(1),
        _ => None,
    }
}

fn check_cover(tensors: &BTreeMap<String, TensorInfo>, data_start: u64, file_bytes: u64) -> Result<(), String> {
    let mut in_order: Vec<_> = tensors.iter().collect();
    // An empty tensor shares its offset with the next one and must come before it.
    in_order.sort_by_key(|(_, tensor)| (tensor.offset, tensor.size_bytes));
    let mut end = data_start;
    for (name, tensor) in in_order {
        if tensor.offset != end {
            let (expected, found) = (end - data_start, tensor.offset - data_start);
            return Err(format!(
                "tensor {name:?} must begin where the one before it ends, at {expected}, found {found}"
            ));
        }
        end = end.checked_add(tensor.size_bytes).ok_or("the tensors are longer than a file can be")?;
    }
    if end != file_bytes {
        return Err(format!("the header describes {end} bytes, the file has {file_bytes}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(head: &str, data_bytes: usize) -> Vec<u8> {
        let mut bytes = (head.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(head.as_bytes());
        bytes.resize(bytes.len() + data_bytes, 0);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<BTreeMap<String, TensorInfo>, String> {
        read_head(bytes, bytes.len() as u64)
    }

    #[test]
    fn places_are_counted_from_the_start_of_the_file() {
        let head = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[2,3],"data_offsets":[4,16]},
            "b":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"e":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}"#;
        let tensors = read(&file(head, 16)).unwrap();
        let data_start = 8 + head.len() as u64;
        assert_eq!((tensors["a"].offset, tensors["a"].size_bytes), (data_start + 4, 12));
        assert_eq!((tensors["b"].offset, tensors.len()), (data_start, 3));
    }

    #[test]
    fn lies_are_named() {
        let one = |offsets: &str| format!(r#"{{"a":{{"dtype":"F32","shape":[2],"data_offsets":{offsets}}}}}"#);
        let two = |begin: u64| {
            format!(
                r#"{{"a":{{"dtype":"F32","shape":[2],"data_offsets":[0,8]}},
                "b":{{"dtype":"F32","shape":[1],"data_offsets":[{begin},{}]}}}}"#,
                begin + 4
            )
        };
        let cases: [(Vec<u8>, &str); 12] = [
            (vec![], "at least 8 bytes are expected, found 0"),
            (vec![1, 0, 0], "at least 8 bytes"),
            (file("", 0), "the header is not JSON"),
            (u64::MAX.to_le_bytes().to_vec(), "0 bytes at most, found a length of 18446744073709551615"),
            (file(&one("[0,8]"), 8)[..40].to_vec(), "the header may have 32 bytes at most"),
            (file(&one("[0,8]"), 7), "bytes, the file has"),
            (file(&one("[0,8]"), 9), "bytes, the file has"),
            (file(&one("[0,4]"), 4), "must have 8 bytes, found 4"),
            (file(&one("[8,0]"), 8), "must lie inside the file"),
            (file(&one("[18446744073709551607,18446744073709551615]"), 8), "must lie inside the file"),
            (file(&two(4), 12), "must begin where the one before it ends, at 8, found 4"),
            (file(&two(12), 16), "must begin where the one before it ends, at 8, found 12"),
        ];
        for (bytes, expected) in cases {
            let reason = read(&bytes).unwrap_err();
            assert!(reason.contains(expected) && !reason.contains('\n'), "{reason}");
        }
        let huge = r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#;
        assert!(read(&file(huge, 0)).unwrap_err().contains("over 2⁶⁴"));
    }

    proptest! {
        #[test]
        fn bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }

        #[test]
        fn heads_never_panic(head in r#"[\[\]{}:,"a0-9.]{0,80}"#, data_bytes in 0usize..32) {
            let _ = read(&file(&head, data_bytes));
        }

        /// Whatever a head of the right form says, the tensors read from it lie side by side inside the file.
        #[test]
        fn what_is_accepted_lies_inside(
            tensors in prop::collection::vec((0u64..40, 0u64..40, prop::collection::vec(0u64..5, 0..3)), 0..4),
            data_bytes in 0usize..64,
        ) {
            let entry = |(idx, (begin, end, shape)): (usize, &(u64, u64, Vec<u64>))| {
                format!(r#""t{idx}":{{"dtype":"BF16","shape":{shape:?},"data_offsets":[{begin},{end}]}}"#)
            };
            let head = format!("{{{}}}", tensors.iter().enumerate().map(entry).collect::<Vec<_>>().join(","));
            let bytes = file(&head, data_bytes);
            if let Ok(tensors) = read(&bytes) {
                let total: u64 = tensors.values().map(|tensor| tensor.size_bytes).sum();
                prop_assert_eq!(total, data_bytes as u64);
                prop_assert!(tensors.values().all(|tensor| tensor.offset + tensor.size_bytes <= bytes.len() as u64));
            }
        }
    }
}
