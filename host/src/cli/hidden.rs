//! Reading a line from the terminal without showing it.

use std::io::{self, BufRead};
use std::mem::MaybeUninit;

use anyhow::{Context, bail};

use super::output;

/// Asks, and reads a line that is not shown. Ctrl-C ends it; the terminal is left as it was.
pub(super) async fn read(prompt: &str) -> anyhow::Result<String> {
    let quiet = Quiet::new().context("the terminal cannot be told not to show what is typed")?;
    output::piece(prompt)?;
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    let line = tokio::select! {
        line = line => Some(line),
        _ = tokio::signal::ctrl_c() => None,
    };
    drop(quiet);
    output::line("")?;
    match line {
        Some(line) => Ok(line??),
        None => bail!("nothing was set"),
    }
}

/// A terminal that does not show what is typed, until this is dropped.
struct Quiet {
    before: libc::termios,
}

impl Quiet {
    fn new() -> io::Result<Quiet> {
        let mut before = MaybeUninit::uninit();
        #[expect(
            unsafe_code,
            reason = "the terminal's settings are reached through libc"
        )]
        // SAFETY: the pointer is to memory of the right type, which is read only after success.
        let before = unsafe {
            if libc::tcgetattr(libc::STDIN_FILENO, before.as_mut_ptr()) != 0 {
                return Err(io::Error::last_os_error());
            }
            before.assume_init()
        };
        let mut quiet = before;
        quiet.c_lflag &= !libc::ECHO;
        set(&quiet)?;
        Ok(Quiet { before })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Where the terminal is gone, nothing is left to be put back.
        let _ = set(&self.before);
    }
}

fn set(settings: &libc::termios) -> io::Result<()> {
    #[expect(
        unsafe_code,
        reason = "the terminal's settings are reached through libc"
    )]
    // SAFETY: the pointer is to settings that were read from this terminal.
    let status = unsafe { libc::tcsetattr(libc::STDIN_FILENO, libc::TCSAFLUSH, settings) };
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}
