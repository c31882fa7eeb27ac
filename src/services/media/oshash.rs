//! The OpenSubtitles hash, Stash's default fingerprint of a file: its size plus the sums of its first and last 64 KiB as
//! little-endian numbers of 64 bits. It reads 128 KiB of a file of any size.
//!
//! For small files this follows Stash (stashapp/stash, `pkg/hash/oshash/oshash.go`): below 64 KiB both ends are as many whole
//! numbers as the file has, and overlap; up to 8 bytes there is no hash. Others refuse everything below 64 KiB.

/// How much of either end is read.
pub const OSHASH_CHUNK: usize = 64 << 10;

const WORD: usize = size_of::<u64>();

/// The hash of a file of `size` bytes, as 16 hex digits. `head` and `tail` are its first and its last [`OSHASH_CHUNK`]
/// bytes, or all of a file that has fewer. None for a file of 8 bytes or less.
pub fn oshash(size: u64, head: &[u8], tail: &[u8]) -> Option<String> {
    let chunk = head.len().min(tail.len()).min(OSHASH_CHUNK) / WORD * WORD;
    (size > WORD as u64).then(|| {
        let ends = sum(&head[..chunk]).wrapping_add(sum(&tail[tail.len() - chunk..]));
        format!("{:016x}", ends.wrapping_add(size))
    })
}

fn sum(bytes: &[u8]) -> u64 {
    let (words, _) = bytes.as_chunks::<WORD>();
    words.iter().fold(0, |sum, word| sum.wrapping_add(u64::from_le_bytes(*word)))
}

#[cfg(test)]
mod tests {
    use super::{OSHASH_CHUNK, oshash};

    fn of(file: &[u8]) -> Option<String> {
        let end = file.len().min(OSHASH_CHUNK);
        oshash(file.len() as u64, &file[..end], &file[file.len() - end..])
    }

    fn pattern(length: usize) -> Vec<u8> {
        (0..length).map(|i| u8::try_from(i * 7 % 251).unwrap()).collect()
    }

    /// The first two are Stash's own tests; all were computed a second time by other means.
    #[test]
    fn hashes_are_those_of_stash() {
        assert_eq!(of(b"hello world").as_deref(), Some("d3e392dee38cd4df"));
        assert_eq!(of(&b"this is a test".repeat(1 << 15)).as_deref(), Some("6a0eba04654d0b9b"));
        assert_eq!(of(&pattern(OSHASH_CHUNK)).as_deref(), Some("51687da49db3b490"));
        assert_eq!(of(&pattern(100_001)).as_deref(), Some("5c7a87a0adc64433"));
        assert_eq!(of(&pattern(2 * OSHASH_CHUNK)).as_deref(), Some("e6f40a2838423716"));
    }

    #[test]
    fn a_file_of_eight_bytes_or_less_has_none() {
        assert_eq!(of(b""), None);
        assert_eq!(of(b"12345678"), None);
        assert!(of(b"123456789").is_some());
    }
}
