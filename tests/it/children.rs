//! Programs that a test starts and waits for; none of them can block the test for ever.

use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Kills a process that takes too long, so that whoever reads its output or waits for its end goes
/// on. Dropping it calls that off.
pub(crate) struct Deadline {
    called_off: Option<Sender<()>>,
    watch: Option<JoinHandle<bool>>,
}

impl Deadline {
    /// Kills that child unless this is dropped within `limit`.
    pub(crate) fn of(process: u32, limit: Duration) -> Deadline {
        let (called_off, wait) = channel();
        let watch = std::thread::spawn(move || {
            let late = wait.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            if late {
                let _ = Command::new("kill")
                    .args(["-9", &process.to_string()])
                    .status();
            }
            late
        });
        Deadline {
            called_off: Some(called_off),
            watch: Some(watch),
        }
    }

    /// Cancels the kill. Returns true if it was too late.
    pub(crate) fn passed(mut self) -> bool {
        self.call_off()
    }

    fn call_off(&mut self) -> bool {
        drop(self.called_off.take());
        self.watch
            .take()
            .is_some_and(|watch| watch.join().unwrap_or(false))
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        self.call_off();
    }
}
