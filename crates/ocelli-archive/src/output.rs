use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Lets an archive be given up: from then on nothing more is written, and everything seems to succeed.
#[derive(Clone, Default)]
pub(crate) struct Abandon(Arc<AtomicBool>);

impl Abandon {
    pub(crate) fn now(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_abandoned(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Where an archive is written.
///
/// A zip writer that is dropped tries to complete its archive, and complains on stderr where it cannot. Half an
/// archive must not look whole, and a library writes nothing on stderr: so the output is abandoned first, and a
/// failure of the medium abandons it at once.
pub(crate) struct Output<W> {
    inner: W,
    abandon: Abandon,
    position: u64,
    /// The furthest position. An abandoned output is always there: the zip writer counts on what it has written
    /// since it last asked not to be less than nothing.
    end: u64,
}

impl<W: Seek> Output<W> {
    pub(crate) fn new(inner: W, abandon: Abandon) -> Self {
        Self { inner, abandon, position: 0, end: 0 }
    }

    pub(crate) fn into_inner(self) -> W {
        self.inner
    }
}

impl<W> Output<W> {
    fn try_inner<T>(&mut self, operation: impl FnOnce(&mut W) -> io::Result<T>) -> io::Result<T> {
        operation(&mut self.inner).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.abandon.now();
            }
        })
    }
}

impl<W: Write> Write for Output<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = if self.abandon.is_abandoned() {
            bytes.len()
        } else {
            self.try_inner(|inner| match inner.write(bytes) {
                Ok(0) if !bytes.is_empty() => Err(io::ErrorKind::WriteZero.into()),
                written => written,
            })?
        };
        if self.abandon.is_abandoned() {
            self.position = self.end;
        }
        self.position = self.position.saturating_add(written as u64);
        self.end = self.end.max(self.position);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.abandon.is_abandoned() { Ok(()) } else { self.try_inner(W::flush) }
    }
}

impl<W: Seek> Seek for Output<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        if self.abandon.is_abandoned() {
            return Ok(match to {
                SeekFrom::Start(position) => position,
                SeekFrom::Current(_) | SeekFrom::End(_) => self.end,
            });
        }
        self.position = self.try_inner(|inner| inner.seek(to))?;
        self.end = self.end.max(self.position);
        Ok(self.position)
    }
}
