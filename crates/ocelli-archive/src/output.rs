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
}

impl<W: Seek> Output<W> {
    pub(crate) fn new(inner: W, abandon: Abandon) -> Self {
        Self { inner, abandon, position: 0 }
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
        self.position = self.position.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.abandon.is_abandoned() { Ok(()) } else { self.try_inner(W::flush) }
    }
}

impl<W: Seek> Seek for Output<W> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = if self.abandon.is_abandoned() {
            match to {
                SeekFrom::Start(position) => position,
                SeekFrom::Current(offset) | SeekFrom::End(offset) => {
                    self.position.saturating_add_signed(offset)
                }
            }
        } else {
            self.try_inner(|inner| inner.seek(to))?
        };
        Ok(self.position)
    }
}
