//! Reads messages from their files and hands them on, with line ends as asked. Opens files for reading only, one at a time.

use crate::disk;
use crate::folder::{MaildirFolder, not_there};
use crate::name::NumberedBase;
use offlinesync_core::line_ending::ToCrlf;
use offlinesync_core::repository::HEADER_LIMIT;
use offlinesync_core::{
    Error, ErrorKind, Failures, Headers, Incoming, InternalDate, LineEnding, MessageId, Result, Sink, Window,
};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;

const PIECE: usize = 64 * 1024;
/// A message up to this size is read once and converted in memory; a larger one is read twice, first for its size.
const SMALL: u64 = 256 * 1024;

/// Buffers that serve every message of a handle.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    input: Vec<u8>,
    output: Vec<u8>,
}

/// Collects the short runs of a conversion into pieces worth a call.
struct Gather<'g> {
    output: &'g mut Vec<u8>,
    sink: &'g mut dyn Sink,
    written: u64,
}

impl Gather<'_> {
    fn push(&mut self, run: &[u8]) -> Result<()> {
        self.written += run.len() as u64;
        if self.output.len() + run.len() > PIECE {
            self.flush()?;
        }
        if run.len() >= PIECE {
            return self.sink.write(run);
        }
        self.output.extend_from_slice(run);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if !self.output.is_empty() {
            self.sink.write(self.output)?;
            self.output.clear();
        }
        Ok(())
    }
}

/// Calls `each` with the pieces of a file. The outer error is that of `each`, the inner one that of the file.
fn pieces(file: &mut File, buffer: &mut Vec<u8>, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<io::Result<()>> {
    buffer.resize(PIECE, 0);
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(Ok(())),
            Ok(read) => each(&buffer[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// A message that is being sent.
struct Sending<'s> {
    id: &'s MessageId,
    date: Option<InternalDate>,
}

impl Reader {
    fn send(
        &mut self,
        message: &Sending<'_>,
        opened: (File, Metadata),
        form: LineEnding,
        sink: &mut dyn Sink,
    ) -> Result<()> {
        let (mut file, metadata) = opened;
        let sent = match form {
            LineEnding::Lf => self.send_as_is(message, &mut file, metadata.len(), sink)?,
            LineEnding::Crlf if metadata.len() <= SMALL => self.send_small(message, &mut file, sink)?,
            LineEnding::Crlf => self.send_large(message, &mut file, sink)?,
        };
        match sent {
            Ok(()) => sink.end(),
            Err(error) => {
                sink.failed(message.id, Error::io(format!("message {}", message.id), error, ErrorKind::Message))
            }
        }
    }

    fn send_as_is(
        &mut self,
        message: &Sending<'_>,
        file: &mut File,
        octets: u64,
        sink: &mut dyn Sink,
    ) -> Result<io::Result<()>> {
        sink.begin(&Incoming { id: message.id, octets, date: message.date })?;
        let mut written = 0;
        let read = pieces(file, &mut self.input, |piece| {
            written += piece.len() as u64;
            sink.write(piece)
        })?;
        Ok(read.and_then(|()| same_length(octets, written)))
    }

    fn send_small(&mut self, message: &Sending<'_>, file: &mut File, sink: &mut dyn Sink) -> Result<io::Result<()>> {
        self.input.clear();
        // A file that grows while it is read must not fill the memory.
        if let Err(error) = file.take(2 * SMALL).read_to_end(&mut self.input).and_then(|read| fits(read, SMALL)) {
            return Ok(Err(error));
        }
        let octets = self.input.len() as u64 + ToCrlf::default().growth(&self.input);
        sink.begin(&Incoming { id: message.id, octets, date: message.date })?;
        self.output.clear();
        let mut gather = Gather { output: &mut self.output, sink, written: 0 };
        ToCrlf::default().convert(&self.input, |run| gather.push(run))?;
        gather.flush()?;
        Ok(Ok(()))
    }

    fn send_large(&mut self, message: &Sending<'_>, file: &mut File, sink: &mut dyn Sink) -> Result<io::Result<()>> {
        let (mut octets, mut count) = (0, ToCrlf::default());
        let counted = pieces(file, &mut self.input, |piece| {
            octets += piece.len() as u64 + count.growth(piece);
            Ok(())
        })?;
        if let Err(error) = counted.and_then(|()| file.rewind()) {
            return Ok(Err(error));
        }
        sink.begin(&Incoming { id: message.id, octets, date: message.date })?;
        self.output.clear();
        let mut gather = Gather { output: &mut self.output, sink, written: 0 };
        let mut convert = ToCrlf::default();
        let read = pieces(file, &mut self.input, |piece| convert.convert(piece, |run| gather.push(run)))?;
        gather.flush()?;
        Ok(read.and_then(|()| same_length(octets, gather.written)))
    }

    /// Fills `output` with the header block and answers the size of the whole message.
    fn header(&mut self, file: &mut File) -> io::Result<u64> {
        self.output.clear();
        let (header, mut convert, mut count) = (&mut self.output, ToCrlf::default(), ToCrlf::default());
        let (mut octets, mut complete) = (0, false);
        let read = pieces(file, &mut self.input, |piece| {
            octets += piece.len() as u64 + count.growth(piece);
            if !complete {
                convert.convert(piece, |run| {
                    header.extend_from_slice(run);
                    Ok::<_, Error>(())
                })?;
                complete = cut_header(header);
            }
            Ok(())
        });
        read.map_err(io::Error::other)??;
        Ok(octets)
    }
}

/// Cuts a text after its first empty line, or at the limit. Answers whether the header block is complete.
fn cut_header(text: &mut Vec<u8>) -> bool {
    let end = match text.starts_with(b"\r\n") {
        true => Some(2),
        false => text.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4),
    };
    let length = end.unwrap_or(text.len()).min(HEADER_LIMIT);
    text.truncate(length);
    end.is_some() || length == HEADER_LIMIT
}

fn same_length(expected: u64, written: u64) -> io::Result<()> {
    if expected == written { Ok(()) } else { Err(io::Error::other("the file changed while it was read")) }
}

fn fits(read: usize, limit: u64) -> io::Result<()> {
    if read as u64 <= limit { Ok(()) } else { Err(io::Error::other("the file changed while it was read")) }
}

impl MaildirFolder {
    /// Opens a message's file. `None`: there is no such message.
    fn open(&mut self, id: &MessageId, fresh: &mut bool) -> Result<Option<(File, Metadata)>> {
        self.config.cancel.check()?;
        self.attempt(id, fresh, |_, path| disk::open_regular(path))
    }

    pub(crate) fn send(&mut self, ids: &[MessageId], form: LineEnding, sink: &mut dyn Sink) -> Result<()> {
        let mut fresh = false;
        for id in ids {
            match self.open(id, &mut fresh) {
                Ok(Some(opened)) => {
                    let date = self.config.file_time.then(|| arrival(&opened.1));
                    self.reader.send(&Sending { id, date }, opened, form, sink)?;
                }
                Ok(None) => sink.failed(id, not_there(id))?,
                Err(error) => sink.failed(id, of_one_message(error)?)?,
            }
        }
        Ok(())
    }

    pub(crate) fn read_headers(
        &mut self,
        ids: &[MessageId],
        each: &mut dyn FnMut(Headers<'_>) -> Result<()>,
    ) -> Result<Failures> {
        let (mut fresh, mut failures) = (false, Failures::new());
        for id in ids {
            match self.open(id, &mut fresh).and_then(|opened| self.header(id, opened)) {
                Ok(Some(octets)) => each(Headers { id, octets: Some(octets), header: &self.reader.output })?,
                Ok(None) => {}
                Err(error) => failures.push((id.clone(), of_one_message(error)?)),
            }
        }
        Ok(failures)
    }

    /// Those of the messages that are outside the window. A file is read only where its size in octets leaves open how many there
    /// are with CR LF line ends: not less, and at most twice as many.
    pub(crate) fn judge(&mut self, ids: &[MessageId], window: &Window) -> Result<Vec<MessageId>> {
        let (mut fresh, mut outside) = (false, Vec::new());
        for id in ids {
            match self.open(id, &mut fresh).and_then(|opened| self.is_outside(id, opened, window)) {
                Ok(true) => outside.push(id.clone()),
                Ok(false) => {}
                Err(error) => self.warn(&of_one_message(error)?),
            }
        }
        Ok(outside)
    }

    fn is_outside(&mut self, id: &MessageId, opened: Option<(File, Metadata)>, window: &Window) -> Result<bool> {
        let Some((mut file, metadata)) = opened else { return Ok(false) };
        let (date, octets) = (Some(self.arrival(id, &metadata)), metadata.len());
        if !window.admits(date, Some(octets)) {
            return Ok(true);
        }
        if window.admits(date, Some(octets.saturating_mul(2))) {
            return Ok(false);
        }
        let (mut octets, mut count) = (0, ToCrlf::default());
        let read = pieces(&mut file, &mut self.reader.input, |piece| {
            octets += piece.len() as u64 + count.growth(piece);
            Ok(())
        })?;
        read.map_err(|e| Error::io(format!("message {id}"), e, ErrorKind::Message))?;
        Ok(!window.admits(date, Some(octets)))
    }

    /// When a message arrived. Where file times are what authors wrote, names of ours tell it, as long as they do not tell that too, and else the
    /// time when the file was made: judged by another date than on the other side, a message that was removed there would stay here, and one that
    /// was moved here would be removed there and not sent again.
    fn arrival(&self, id: &MessageId, metadata: &Metadata) -> InternalDate {
        let base = match id {
            MessageId::Name(name) if !self.config.name_from_header => NumberedBase::parse(name),
            _ => None,
        };
        let told = base.and_then(|base| i64::try_from(base.seconds).ok()).filter(|seconds| *seconds > 0);
        let made = || self.config.time_from_header.then(|| made(metadata));
        told.or_else(made).map_or_else(|| arrival(metadata), |seconds| InternalDate { seconds, zone_minutes: 0 })
    }

    fn header(&mut self, id: &MessageId, opened: Option<(File, Metadata)>) -> Result<Option<u64>> {
        let octets = opened.map(|(mut file, _)| self.reader.header(&mut file)).transpose();
        octets.map_err(|e| Error::io(format!("message {id}"), e, ErrorKind::Message))
    }
}

fn arrival(metadata: &Metadata) -> InternalDate {
    InternalDate { seconds: metadata.mtime(), zone_minutes: 0 }
}

/// When a file was made, in seconds since 1970; where the file system does not tell, when it was last renamed.
fn made(metadata: &Metadata) -> i64 {
    let since = metadata.created().ok().and_then(|made| made.duration_since(std::time::UNIX_EPOCH).ok());
    since.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or_else(|| metadata.ctime())
}

/// A file that may not be read is one bad message; everything that would hit the next one, too, ends the call.
fn of_one_message(error: Error) -> Result<Error> {
    use std::error::Error as _;
    let cause = error.source().and_then(|s| s.downcast_ref::<io::Error>()).map(io::Error::kind);
    match (error.kind(), cause) {
        (ErrorKind::Message, _) => Ok(error),
        (_, Some(io::ErrorKind::PermissionDenied)) => Ok(error.as_kind(ErrorKind::Message)),
        _ => Err(error),
    }
}
