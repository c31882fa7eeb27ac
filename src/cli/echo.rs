//! Keeps the terminal from writing `^C` into a bar.
//!
//! The cursor rests behind the last character of the bar; what the terminal echoes there begins a line that nobody counts, and
//! half a bar stays behind.

use std::io;

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

/// While this lives, control characters are not echoed. None when stderr is no terminal.
pub struct QuietEcho(Termios);

impl QuietEcho {
    /// Silences the terminal behind stderr.
    pub fn new() -> Option<Self> {
        let before = tcgetattr(io::stderr()).ok()?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHOCTL);
        tcsetattr(io::stderr(), SetArg::TCSANOW, &quiet).ok()?;
        Some(Self(before))
    }
}

impl Drop for QuietEcho {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stderr(), SetArg::TCSANOW, &self.0);
    }
}
