//! How much memory the process has taken. Linux tells; elsewhere it is 0.

use std::fs;

use crate::Outcome;

/// Counts the peak from here on (proc(5), `clear_refs`). Says what is resident now, in bytes.
pub(crate) fn forget_peak() -> Outcome<u64> {
    if cfg!(target_os = "linux") {
        fs::write("/proc/self/clear_refs", "5")?;
    }
    told("VmRSS:")
}

/// The peak of the resident set, in bytes.
pub(crate) fn peak() -> Outcome<u64> {
    told("VmHWM:")
}

fn told(what: &str) -> Outcome<u64> {
    if !cfg!(target_os = "linux") {
        return Ok(0);
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(what)).unwrap_or_default();
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
