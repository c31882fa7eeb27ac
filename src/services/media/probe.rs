//! What ffprobe says of a file.

use serde::Deserialize;

/// The arguments of ffprobe, to be followed by the path, for an output that [`Probe::parse`] reads. It opens that file and
/// nothing else: a playlist may not lead it elsewhere.
pub const FFPROBE_ARGS: &[&str] = &[
    "-v",
    "error",
    "-protocol_whitelist",
    "file",
    "-print_format",
    "json",
    "-show_entries",
    "format=duration:stream=codec_type,codec_name,width,height:stream_disposition=attached_pic",
    "-i",
];

/// Length, codec and size of a video. Of a file that holds only sound: its length and codec.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probe {
    /// In seconds.
    pub duration: Option<f64>,
    /// ffmpeg's name of it: `h264`, `hevc`.
    pub codec: Option<String>,
    /// In pixels.
    pub width: Option<i32>,
    /// In pixels.
    pub height: Option<i32>,
}

#[derive(Deserialize)]
struct Output {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Format,
}

#[derive(Deserialize)]
struct Stream {
    codec_type: Option<String>,
    codec_name: Option<String>,
    width: Option<i32>,
    height: Option<i32>,
    #[serde(default)]
    disposition: Disposition,
}

#[derive(Default, Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Default, Deserialize)]
struct Format {
    duration: Option<String>,
}

impl Probe {
    /// Reads what ffprobe printed.
    pub fn parse(stdout: &[u8]) -> serde_json::Result<Self> {
        let output: Output = serde_json::from_slice(stdout)?;
        let duration = output.format.duration.and_then(|text| text.parse().ok()).filter(|d: &f64| d.is_finite());
        // A cover picture is a video stream too.
        let shown = |s: &Stream| s.disposition.attached_pic == 0 && s.codec_type.as_deref() == Some("video");
        let heard = |s: &Stream| s.codec_type.as_deref() == Some("audio");
        let main = output.streams.iter().find(|s| shown(s)).or_else(|| output.streams.iter().find(|s| heard(s)));
        Ok(main.map_or(Self { duration, ..Self::default() }, |stream| Self {
            duration,
            codec: stream.codec_name.clone(),
            width: stream.width,
            height: stream.height,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::Probe;

    #[test]
    fn the_video_counts_not_the_sound_before_it_nor_the_cover() {
        let stdout = br#"{"programs": [], "streams": [
            {"codec_name": "aac", "codec_type": "audio", "disposition": {"attached_pic": 0}},
            {"codec_name": "mjpeg", "codec_type": "video", "width": 100, "height": 100, "disposition": {"attached_pic": 1}},
            {"codec_name": "h264", "codec_type": "video", "width": 1920, "height": 1080, "disposition": {"attached_pic": 0}}
        ], "format": {"duration": "12.345000"}}"#;
        let probe = Probe::parse(stdout).unwrap();
        assert_eq!((probe.duration, probe.codec.as_deref()), (Some(12.345), Some("h264")));
        assert_eq!((probe.width, probe.height), (Some(1920), Some(1080)));
    }

    #[test]
    fn what_ffprobe_does_not_know_is_none() {
        assert_eq!(Probe::parse(br#"{"streams": [], "format": {"duration": "N/A"}}"#).unwrap(), Probe::default());
        let sound =
            Probe::parse(br#"{"streams": [{"codec_name": "aac", "codec_type": "audio"}], "format": {}}"#).unwrap();
        assert_eq!(sound.codec.as_deref(), Some("aac"));
        assert!(Probe::parse(b"").is_err());
    }
}
