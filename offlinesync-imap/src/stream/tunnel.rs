//! A command that carries the connection on its standard input and output.

use super::socket::Socket;
use crate::config::Tunnel;
use offlinesync_core::{Error, ErrorKind, Result};
use rustix::fd::OwnedFd;
use std::io;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

/// The running command. Dropped, it is ended and waited for.
#[derive(Debug)]
pub(super) struct Child(std::process::Child);

impl Drop for Child {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
}

/// Starts the command and answers our end of the connection.
pub(super) fn start(tunnel: &Tunnel) -> Result<(Socket, Child)> {
    let (Tunnel::Preauth(command) | Tunnel::Transport(command)) = tunnel;
    spawn(command).map_err(|error| Error::io(format_args!("tunnel {command:?}"), error, ErrorKind::Unavailable))
}

fn spawn(command: &str) -> io::Result<(Socket, Child)> {
    let (ours, theirs) = UnixStream::pair()?;
    let input = Stdio::from(OwnedFd::from(theirs.try_clone()?));
    let output = Stdio::from(OwnedFd::from(theirs));
    let child = Command::new("/bin/sh").arg("-c").arg(command).stdin(input).stdout(output).spawn()?;
    Ok((Socket::new(ours.into())?, Child(child)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::wait::{Interest, Patience, Waker, poll};
    use rustix::fd::AsFd;
    use std::io::{Read, Write};
    use std::time::{Duration, Instant};

    #[test]
    fn what_is_written_reaches_the_command_and_comes_back() {
        let (socket, _child) = start(&Tunnel::Transport("cat".into())).unwrap();
        (&socket).write_all(b"hello").unwrap();
        let (waker, cancel) = (Waker::new().unwrap(), offlinesync_core::Cancel::new());
        let patience = Patience { waker: &waker, cancel: &cancel };
        let until = Instant::now() + Duration::from_secs(60);
        poll(&[(socket.as_fd(), Interest::Read)], until, &patience).unwrap();
        let mut buffer = [0; 5];
        (&socket).read_exact(&mut buffer).unwrap();
        assert_eq!(&buffer, b"hello");
    }
}
