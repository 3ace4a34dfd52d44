//! What the machine has: room on a disk, memory.

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// How many bytes an ordinary process may still write below `folder`.
pub(super) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let path = CString::new(folder.as_os_str().as_bytes()).map_err(io::Error::other)?;
    let mut answer = std::mem::MaybeUninit::<libc::statvfs>::zeroed();
    #[expect(
        unsafe_code,
        reason = "statvfs has no safe wrapper in std; it fills the struct it is given"
    )]
    // SAFETY: `path` is a NUL-terminated string and `answer` is a statvfs that outlives the call;
    // an all-zero statvfs is a valid value, so reading it is sound whatever the call wrote.
    let (status, answer) = unsafe {
        let status = libc::statvfs(path.as_ptr(), answer.as_mut_ptr());
        (status, answer.assume_init())
    };
    if status != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(answer.f_bavail.saturating_mul(answer.f_frsize))
}

/// How much memory programs can still take without swapping; `None` where the system won't say.
pub fn free_memory_bytes() -> Option<u64> {
    available(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Whether an error means that the disk, or the person's share of it, is full.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// A size for people: three significant digits and a binary unit.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        _ if value >= 100.0 => format!("{value:.0} {}", UNITS[unit]),
        _ if value >= 10.0 => format!("{value:.1} {}", UNITS[unit]),
        _ => format!("{value:.2} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        let shown: Vec<String> = [0, 1023, 1536, 98_362_432, 1_117_320_768]
            .into_iter()
            .map(human_bytes)
            .collect();
        assert_eq!(shown, ["0 B", "1023 B", "1.50 KiB", "93.8 MiB", "1.04 GiB"]);
    }

    #[test]
    fn memory_is_read_from_meminfo() {
        let text = "MemTotal:       24576000 kB\nMemAvailable:    1024 kB\n";
        assert_eq!(available(text), Some(1024 * 1024));
        assert_eq!(available("MemTotal: 1 kB\n"), None);
    }

    #[test]
    fn a_folder_has_free_space_and_an_absent_one_is_an_error() {
        assert!(free_bytes(Path::new("/tmp")).is_ok());
        assert!(free_bytes(Path::new("/no/such/folder")).is_err());
    }
}
