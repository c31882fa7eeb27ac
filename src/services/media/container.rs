//! What kind of file a file is, by its first bytes. Names lie, and downloads often have none.

/// A kind of media file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Container {
    /// Its usual short name: `mkv`, `jpeg`.
    pub name: &'static str,
    /// What it holds.
    pub medium: Medium,
}

/// What a container holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Moving pictures, or sound alone in a container made for both.
    Video,
    /// Still pictures.
    Image,
}

struct Signature {
    offset: usize,
    magic: &'static [u8],
    container: Container,
}

const fn video(name: &'static str, offset: usize, magic: &'static [u8]) -> Signature {
    Signature { offset, magic, container: Container { name, medium: Medium::Video } }
}

const fn image(name: &'static str, offset: usize, magic: &'static [u8]) -> Signature {
    Signature { offset, magic, container: Container { name, medium: Medium::Image } }
}

/// The first that matches holds, so the particular stand before the general.
const SIGNATURES: &[Signature] = &[
    // ISO base media: `ftyp`, then the brand (https://mp4ra.org/registered-types/brands).
    video("mov", 4, b"ftypqt  "),
    video("3gp", 4, b"ftyp3g"),
    image("avif", 4, b"ftypavif"),
    image("avif", 4, b"ftypavis"),
    image("heic", 4, b"ftyphei"),
    image("heic", 4, b"ftyphev"),
    image("heic", 4, b"ftypmif1"),
    video("mp4", 4, b"ftyp"),
    // QuickTime from before `ftyp` begins with any of its atoms.
    video("mov", 4, b"moov"),
    video("mov", 4, b"mdat"),
    video("mov", 4, b"wide"),
    // RIFF: the form's name stands behind its size.
    video("avi", 8, b"AVI "),
    image("webp", 8, b"WEBP"),
    video("asf", 0, b"\x30\x26\xB2\x75\x8E\x66\xCF\x11"),
    video("flv", 0, b"FLV\x01"),
    video("ogg", 0, b"OggS\x00"),
    video("mpeg", 0, b"\x00\x00\x01\xBA"),
    image("jpeg", 0, b"\xFF\xD8\xFF"),
    image("png", 0, b"\x89PNG\r\n\x1A\n"),
    image("gif", 0, b"GIF87a"),
    image("gif", 0, b"GIF89a"),
    image("tiff", 0, b"II*\x00"),
    image("tiff", 0, b"MM\x00*"),
    image("jxl", 0, b"\x00\x00\x00\x0CJXL \r\n\x87\n"),
];

/// Matroska and WebM are both EBML; the document's type stands within its header (RFC 8794, section 11.2.6).
const EBML: &[u8] = b"\x1A\x45\xDF\xA3";
const EBML_HEADER: usize = 64;

/// A transport stream has no header, but a packet of this length after the other, each with the same first byte. Blu-ray
/// puts four bytes of time before each (ISO/IEC 13818-1, section 2.4.3.2).
const TS_PACKETS: &[(usize, usize)] = &[(0, 188), (4, 192)];
const TS_SYNC: u8 = 0x47;

impl Container {
    /// The kind of file that begins with `head`; a few hundred bytes are enough. None for what is no media file.
    pub fn detect(head: &[u8]) -> Option<Self> {
        let video = |name| Some(Self { name, medium: Medium::Video });
        if head.starts_with(EBML) {
            let header = &head[..head.len().min(EBML_HEADER)];
            return video(if header.windows(4).any(|w| w == b"webm") { "webm" } else { "mkv" });
        }
        if TS_PACKETS.iter().any(|&(first, length)| is_transport_stream(head, first, length)) {
            return video("ts");
        }
        let riff = head.starts_with(b"RIFF");
        let found = SIGNATURES
            .iter()
            .find(|s| head.get(s.offset..).is_some_and(|rest| rest.starts_with(s.magic)) && (s.offset != 8 || riff));
        found.map(|signature| signature.container)
    }

    /// Whether files of the kind with this name are videos.
    pub fn is_video_name(name: &str) -> bool {
        let by_signature = SIGNATURES.iter().any(|s| s.container.name == name && s.container.medium == Medium::Video);
        by_signature || matches!(name, "mkv" | "webm" | "ts")
    }
}

fn is_transport_stream(head: &[u8], first: usize, length: usize) -> bool {
    (0..3).all(|packet| head.get(first + packet * length) == Some(&TS_SYNC))
}

#[cfg(test)]
mod tests {
    use super::{Container, Medium};

    fn name(head: &[u8]) -> Option<&'static str> {
        Container::detect(head).map(|container| container.name)
    }

    #[test]
    fn kinds_are_known_by_their_first_bytes() {
        let known: &[(&[u8], &str)] = &[
            (b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2", "mp4"),
            (b"\0\0\0\x14ftypqt  \0\0\0\0", "mov"),
            (b"\0\0\0\x08wide\0\0\0\0mdat", "mov"),
            (b"\0\0\0\x1Cftypavif\0\0\0\0", "avif"),
            (b"\x1A\x45\xDF\xA3\x01\0\0\0\0\0\0\x1F\x42\x86\x81\x01\x42\x82\x84webm", "webm"),
            (b"\x1A\x45\xDF\xA3\x93\x42\x82\x88matroska", "mkv"),
            (b"RIFF\x24\0\0\0AVI LIST", "avi"),
            (b"RIFF\x24\0\0\0WEBPVP8 ", "webp"),
            (b"\x30\x26\xB2\x75\x8E\x66\xCF\x11\xA6\xD9", "asf"),
            (b"\xFF\xD8\xFF\xE0\0\x10JFIF", "jpeg"),
            (b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR", "png"),
            (b"GIF89a\x01\0", "gif"),
        ];
        for (head, expected) in known {
            assert_eq!(name(head), Some(*expected), "{}", head.escape_ascii());
        }
    }

    #[test]
    fn a_transport_stream_is_known_by_three_packets() {
        for (first, length) in [(0, 188), (4, 192)] {
            let mut head = vec![0; 600];
            for packet in 0..3 {
                head[first + packet * length] = 0x47;
            }
            assert_eq!(Container::detect(&head), Some(Container { name: "ts", medium: Medium::Video }));
            head[first + length] = 0;
            assert_eq!(Container::detect(&head), None);
        }
    }

    #[test]
    fn what_is_no_media_file_has_no_kind() {
        for head in [&b""[..], b"R", b"hello, world: AVI ", b"RIFF\x24\0\0\0WAVEfmt ", b"\x7FELF\x02\x01\x01", b"GGGG"]
        {
            assert_eq!(name(head), None, "{}", head.escape_ascii());
        }
    }
}
