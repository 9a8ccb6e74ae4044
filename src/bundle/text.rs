//! From bytes to text: bounded in size, whatever encoding the shell that wrote the file used. Never fails on bytes
//! that aren't text: they become U+FFFD.

use super::error::BundleError;
use std::io::Read;

/// The largest file that is taken into memory, 1 GiB. The objects of a cluster of 5,000 nodes and 150,000 pods, the
/// most that Kubernetes supports, come to about that much.
pub const MAX_FILE: u64 = 1 << 30;

/// Reads all of a file or stream, up to [`MAX_FILE`], as text. `length` is how long it says it is, if it does.
pub(super) fn read(reader: impl Read, length: Option<u64>, name: &str) -> Result<String, BundleError> {
    read_at_most(MAX_FILE, reader, length, name)
}

/// The same up to `limit` bytes.
pub(super) fn read_at_most(limit: u64, reader: impl Read, length: Option<u64>, name: &str) -> Result<String, BundleError> {
    let too_large = || BundleError::TooLarge { name: name.to_owned(), limit };
    let length = length.unwrap_or(0);
    if length > limit {
        return Err(too_large());
    }
    // One byte more than it says, so that its end is seen without growing.
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1);
    let read = reader.take(limit + 1).read_to_end(&mut bytes);
    let length = read.map_err(|source| BundleError::Read { name: name.to_owned(), source })?;
    if length as u64 > limit { Err(too_large()) } else { Ok(decode(bytes)) }
}

/// Decodes UTF-8 with or without a byte order mark, and UTF-16 with one, as PowerShell's `>` writes it.
fn decode(mut bytes: Vec<u8>) -> String {
    if let Some(unit) = utf16_mark(&bytes) {
        return decode_utf16(bytes.get(2..).unwrap_or_default(), unit);
    }
    if bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
        bytes.drain(..3);
    }
    lossy(bytes)
}

/// How the units of UTF-16 are read, by the byte order mark at the start of a file; `None` when it has none.
pub(super) fn utf16_mark(start: &[u8]) -> Option<fn([u8; 2]) -> u16> {
    match start.get(..2)? {
        [0xFF, 0xFE] => Some(u16::from_le_bytes),
        [0xFE, 0xFF] => Some(u16::from_be_bytes),
        _ => None,
    }
}

/// Decodes UTF-16 without its byte order mark.
pub(super) fn decode_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let units = pairs.iter().copied().map(unit);
    let mut text: String = char::decode_utf16(units).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    if !rest.is_empty() {
        text.push(char::REPLACEMENT_CHARACTER);
    }
    text
}

/// Decodes UTF-8; bytes that are none become U+FFFD.
pub(super) fn lossy(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        let utf16 = |bytes: fn(u16) -> [u8; 2], mark: [u8; 2]| -> Vec<u8> {
            mark.into_iter().chain("{\"ä\": \"🦀\"}".encode_utf16().flat_map(bytes)).collect()
        };
        assert_eq!(decode(utf16(u16::to_le_bytes, [0xFF, 0xFE])), "{\"ä\": \"🦀\"}");
        assert_eq!(decode(utf16(u16::to_be_bytes, [0xFE, 0xFF])), "{\"ä\": \"🦀\"}");
        assert_eq!(decode(vec![0xFF, 0xFE, 0x41]), "\u{FFFD}");
        assert_eq!(decode(b"\xEF\xBB\xBF{}".to_vec()), "{}");
        assert_eq!(decode(b"a\xFFb".to_vec()), "a\u{FFFD}b");
        assert_eq!(decode(Vec::new()), "");
    }

    #[test]
    fn a_stream_without_end_is_refused() {
        assert_eq!(read_at_most(3, &b"abc"[..], Some(3), "x").unwrap(), "abc");
        assert!(matches!(read_at_most(3, std::io::repeat(b' '), None, "x"), Err(BundleError::TooLarge { .. })));
        assert!(matches!(read_at_most(3, std::io::empty(), Some(4), "x"), Err(BundleError::TooLarge { .. })));
    }
}
