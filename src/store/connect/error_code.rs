//! Puts the SQLSTATE of an error into its message.
//!
//! diesel keeps the message of an error and drops its code, unless it has a name for that code. Messages are no substitute:
//! they come in the language of the server. [`WithErrorCodes`] therefore follows the frames of the backend on the way to
//! `tokio-postgres`, and appends the code to the message of each `ErrorResponse`: `deadlock detected (SQLSTATE 40P01)`.
//! [`sqlstate`](crate::store::failure::sqlstate) reads it back, and people find it in logs.
//!
//! It sits inside of TLS, so that it sees plain frames, and changes nothing else: other frames pass through untouched.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::TryFutureExt;
use futures_util::future::MapOk;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// What is read from the socket at a time.
const CHUNK: usize = 16 << 10;
/// A larger `ErrorResponse` passes through as it is. Those of Postgres are a few hundred bytes.
const LARGEST_ERROR: usize = 1 << 20;
/// A frame begins with its kind, one byte, and its length, four bytes that count themselves.
const HEADER: usize = 5;

/// A stream from the backend whose errors carry their code in the message.
pub(super) struct WithErrorCodes<S> {
    inner: S,
    frames: Frames,
    /// Bytes that the reader has yet to take.
    ready: Vec<u8>,
    taken: usize,
    chunk: Box<[u8]>,
}

impl<S> WithErrorCodes<S> {
    /// Follows the frames that begin after `preamble` bytes: the answer to a request for TLS comes before the protocol.
    pub fn new(inner: S, preamble: usize) -> Self {
        let frames = Frames { state: State::Body { left: preamble } };
        Self { inner, frames, ready: Vec::new(), taken: 0, chunk: vec![0; CHUNK].into_boxed_slice() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WithErrorCodes<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while this.taken == this.ready.len() {
            this.ready.clear();
            this.taken = 0;
            let mut fresh = ReadBuf::new(&mut this.chunk);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut fresh))?;
            if fresh.filled().is_empty() {
                return Poll::Ready(Ok(())); // the end of the stream; half an error is of no use
            }
            this.frames.feed(fresh.filled(), &mut this.ready);
        }
        let waiting = &this.ready[this.taken..];
        let count = waiting.len().min(buf.remaining());
        buf.put_slice(&waiting[..count]);
        this.taken += count;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WithErrorCodes<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

impl<S: TlsStream + Unpin> TlsStream for WithErrorCodes<S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.inner.channel_binding()
    }
}

/// A TLS connector whose stream carries the codes, over a stream that need not: what is encrypted has no frames.
pub(super) struct ErrorCodesInTls<T>(pub T);

impl<S, T> TlsConnect<WithErrorCodes<S>> for ErrorCodesInTls<T>
where
    T: TlsConnect<S>,
{
    type Stream = WithErrorCodes<T::Stream>;
    type Error = T::Error;
    type Future = MapOk<T::Future, fn(T::Stream) -> WithErrorCodes<T::Stream>>;

    // Bytes that came before the handshake are dropped: whoever sends some is not the server.
    fn connect(self, stream: WithErrorCodes<S>) -> Self::Future {
        self.0.connect(stream.inner).map_ok(|encrypted| WithErrorCodes::new(encrypted, 0))
    }
}

/// Where in the frames a stream is.
struct Frames {
    state: State,
}

enum State {
    /// In the header of a frame, or in an `ErrorResponse`, which is held back until it is whole.
    Held(Vec<u8>),
    /// In bytes that pass through.
    Body { left: usize },
}

impl Frames {
    /// Takes what comes from the backend, in pieces of any size, and appends what goes to the reader.
    fn feed(&mut self, mut input: &[u8], output: &mut Vec<u8>) {
        while !input.is_empty() {
            match &mut self.state {
                State::Body { left: 0 } => self.state = State::Held(Vec::with_capacity(HEADER)),
                State::Body { left } => {
                    let (passed, rest) = input.split_at(input.len().min(*left));
                    output.extend_from_slice(passed);
                    *left -= passed.len();
                    input = rest;
                }
                State::Held(held) => {
                    let missing = frame_length(held).unwrap_or(HEADER) - held.len();
                    let (taken, rest) = input.split_at(input.len().min(missing));
                    held.extend_from_slice(taken);
                    input = rest;
                    if let Some(next) = State::after(held, output) {
                        self.state = next;
                    }
                }
            }
        }
    }
}

impl State {
    /// What follows when so much of a frame is held; none while more of it has to be held.
    fn after(held: &[u8], output: &mut Vec<u8>) -> Option<Self> {
        let length = frame_length(held)?;
        if held[0] != b'E' || length > LARGEST_ERROR {
            output.extend_from_slice(held);
            return Some(Self::Body { left: length - held.len() });
        }
        if held.len() < length {
            return None;
        }
        output.extend(with_code(&held[HEADER..]).unwrap_or_else(|| held.to_vec()));
        Some(Self::Body { left: 0 })
    }
}

/// The length of a whole frame, once its header is there.
fn frame_length(held: &[u8]) -> Option<usize> {
    let length = held.get(1..HEADER)?.try_into().ok()?;
    let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
    Some(1 + length.max(HEADER - 1))
}

/// The frame of an error with its code in the message; none when it is not of the known form.
fn with_code(body: &[u8]) -> Option<Vec<u8>> {
    let fields = body.strip_suffix(b"\0\0")?; // each field ends with a NUL, and their list with another
    let fields: Vec<_> = fields.split(|byte| *byte == 0).collect();
    let code = fields.iter().find_map(|field| field.strip_prefix(b"C"))?;
    let mut frame = vec![b'E', 0, 0, 0, 0];
    for field in &fields {
        frame.extend_from_slice(field);
        if field.first() == Some(&b'M') {
            frame.extend_from_slice(b" (SQLSTATE ");
            frame.extend_from_slice(code);
            frame.push(b')');
        }
        frame.push(0);
    }
    frame.push(0);
    let length = u32::try_from(frame.len() - 1).ok()?;
    frame[1..HEADER].copy_from_slice(&length.to_be_bytes());
    Some(frame)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind][..], &length, body].concat()
    }

    fn error(message: &str) -> Vec<u8> {
        frame(b'E', format!("SFEHLER\0VERROR\0C55P03\0M{message}\0Fx.c\0\0").as_bytes())
    }

    /// Feeds a stream in pieces whose sizes come round in turn.
    fn fed(preamble: usize, stream: &[u8], sizes: &[usize]) -> Vec<u8> {
        let mut frames = Frames { state: State::Body { left: preamble } };
        let (mut output, mut rest, mut turn) = (Vec::new(), stream, sizes.iter().cycle());
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.len().min(*turn.next().unwrap()));
            frames.feed(piece, &mut output);
            rest = later;
        }
        output
    }

    #[test]
    fn errors_get_their_code_and_nothing_else_changes_wherever_the_stream_is_cut() {
        let told = "konnte Sperre nicht setzen";
        let others =
            [frame(b'R', &[0; 8]), frame(b'I', &[]), frame(b'D', b"EEEE\0C12345\0\0"), frame(b'N', b"C00000\0\0")];
        let mixed = |error: Vec<u8>| [&others[0][..], &others[1], &error, &others[2], &error, &others[3]].concat();
        let (stream, expected) = (mixed(error(told)), mixed(error(&format!("{told} (SQLSTATE 55P03)"))));
        for size in 1..stream.len() {
            assert_eq!(fed(0, &stream, &[size]), expected, "in pieces of {size}");
        }
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..1_000 {
            let sizes: Vec<_> = (0..5).map(|_| rng.usize(1..40)).collect();
            assert_eq!(fed(0, &stream, &sizes), expected, "in pieces of {sizes:?}");
        }
    }

    #[test]
    fn the_answer_to_a_request_for_tls_is_no_frame() {
        let stream = [b"N", &error("x")[..]].concat();
        let expected = [b"N", &error("x (SQLSTATE 55P03)")[..]].concat();
        assert_eq!(fed(1, &stream, &[1]), expected);
        assert_eq!(fed(1, &stream, &[stream.len()]), expected);
    }

    #[test]
    fn what_is_no_error_of_the_known_form_passes_as_it_is() {
        for odd in [frame(b'E', b""), frame(b'E', b"\0"), frame(b'E', b"Mno code\0\0"), frame(b'E', b"C1\0Mno end")] {
            assert_eq!(fed(0, &odd, &[3]), odd);
        }
        let old = b"Ecould not fork new process\0"; // of a server that has no memory left to speak the protocol
        assert_eq!(fed(0, old, &[4]), old);
        let short = [&[b'E', 0, 0, 0, 1][..], &frame(b'Z', b"I")].concat(); // shorter than its own length field
        assert_eq!(fed(0, &short, &[2]), short);
    }

    #[test]
    fn any_bytes_come_out_in_finite_time_and_none_is_invented() {
        let mut rng = fastrand::Rng::with_seed(11);
        for _ in 0..2_000 {
            let stream: Vec<_> = (0..rng.usize(0..200)).map(|_| rng.u8(..)).collect();
            let output = fed(rng.usize(0..2), &stream, &[rng.usize(1..9)]);
            assert!(output.len() <= stream.len() + stream.len() / HEADER * 16, "{stream:?}");
        }
    }

    #[tokio::test]
    async fn a_reader_with_a_small_buffer_gets_all_of_it() {
        let (mut server, client) = tokio::io::duplex(7);
        let mut client = WithErrorCodes::new(client, 0);
        let sent = [error("first"), frame(b'Z', b"I"), error("second")].concat();
        let writing = tokio::spawn(async move { server.write_all(&sent).await });
        let mut read = Vec::new();
        let mut small = [0; 3];
        loop {
            match client.read(&mut small).await.unwrap() {
                0 => break,
                count => read.extend_from_slice(&small[..count]),
            }
        }
        writing.await.unwrap().unwrap();
        let expected = [error("first (SQLSTATE 55P03)"), frame(b'Z', b"I"), error("second (SQLSTATE 55P03)")].concat();
        assert_eq!(read, expected);
    }
}
