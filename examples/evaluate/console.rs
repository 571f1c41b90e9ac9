//! Results on stdout, progress on stderr.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

/// Prints a result. A reader that has seen enough and is gone, as `head` does, is no failure.
pub(crate) fn print(text: &str) -> io::Result<()> {
    write_to(&mut io::stdout().lock(), text)
}

/// Tells a person how it goes. Progress is a courtesy: a closed terminal is no reason to stop.
pub(crate) fn tell(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

fn write_to(out: &mut impl Write, text: &str) -> io::Result<()> {
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails(ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_is_gone_is_no_failure_and_a_full_disk_is_one() {
        assert!(write_to(&mut Fails(ErrorKind::BrokenPipe), "figures").is_ok());
        let full = write_to(&mut Fails(ErrorKind::StorageFull), "figures");
        assert_eq!(full.unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
