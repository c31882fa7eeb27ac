//! Locks on files, which the kernel gives back when their process dies in whatever way.

use std::fs::{File, TryLockError};
use std::time::{Duration, Instant};

/// How long a child of a killed server may hold its lock: from its fork to its exec.
const REMNANT: Duration = Duration::from_millis(500);

/// Takes a lock, also from what is left of a process that was killed while it started a child.
pub fn try_lock_for_a_moment(file: &File) -> Result<(), TryLockError> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if begun.elapsed() < REMNANT => {
                std::thread::sleep(Duration::from_millis(20));
            }
            taken => return taken,
        }
    }
}
