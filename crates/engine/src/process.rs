//! What the operating system says of this process: processor time and resident memory. Read from Linux's `/proc`,
//! which needs no unsafe code; elsewhere everything is zero.

use std::fs::File;

/// One look at the process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// Processor seconds so far, over all threads, in the kernel's steps of 10 ms.
    pub(crate) cpu_seconds: f64,
    /// Resident memory, in bytes.
    pub(crate) resident: u64,
}

/// The open files through which the process is watched: reading an open one again takes a few microseconds.
#[derive(Debug, Default)]
pub(crate) struct Process {
    stat: Option<File>,
    status: Option<File>,
    clear: Option<File>,
    page: u64,
}

/// Linux reports ticks to programs as 1/100 s on every architecture it runs Rust on (`USER_HZ`, proc(5)).
const TICKS_A_SECOND: f64 = 100.0;

impl Process {
    /// Opens what there is.
    pub(crate) fn open() -> Self {
        if !cfg!(target_os = "linux") {
            return Self::default();
        }
        Self {
            stat: File::open("/proc/self/stat").ok(),
            status: File::open("/proc/self/status").ok(),
            clear: File::options().write(true).open("/proc/self/clear_refs").ok(),
            page: std::fs::read("/proc/self/auxv").ok().and_then(|auxv| page_size(&auxv)).unwrap_or(4096),
        }
    }

    /// Processor time and resident memory now.
    pub(crate) fn sample(&self) -> Sample {
        let mut buffer = [0; 1024];
        self.stat
            .as_ref()
            .and_then(|file| read(file, &mut buffer))
            .and_then(|text| parse_stat(text, self.page))
            .unwrap_or_default()
    }

    /// Starts the measuring of the highest resident memory afresh; false where that cannot be done.
    pub(crate) fn reset_peak(&self) -> bool {
        // "5" resets the high-water mark and nothing else (proc(5)).
        self.clear.as_ref().is_some_and(|file| write(file, b"5"))
    }

    /// The highest resident memory since the last reset, in bytes.
    pub(crate) fn peak(&self) -> Option<u64> {
        let mut buffer = [0; 4096];
        parse_peak(read(self.status.as_ref()?, &mut buffer)?)
    }
}

#[cfg(unix)]
fn read<'a>(file: &File, buffer: &'a mut [u8]) -> Option<&'a str> {
    let length = std::os::unix::fs::FileExt::read_at(file, buffer, 0).ok()?;
    std::str::from_utf8(buffer.get(..length)?).ok()
}

#[cfg(unix)]
fn write(file: &File, bytes: &[u8]) -> bool {
    std::os::unix::fs::FileExt::write_at(file, bytes, 0).is_ok()
}

#[cfg(not(unix))]
fn read<'a>(_file: &File, _buffer: &'a mut [u8]) -> Option<&'a str> {
    None
}

#[cfg(not(unix))]
fn write(_file: &File, _bytes: &[u8]) -> bool {
    false
}

/// `utime`, `stime` (fields 14 and 15, ticks) and `rss` (field 24, pages) of `/proc/PID/stat`, see proc(5).
fn parse_stat(text: &str, page: u64) -> Option<Sample> {
    // The second field is the command's name in brackets, which may itself hold brackets and spaces.
    let (_, fields) = text.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    let pages: u64 = fields.nth(8)?.parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "2^53 ticks are three million years")]
    let cpu_seconds = (user + system) as f64 / TICKS_A_SECOND;
    Some(Sample { cpu_seconds, resident: pages * page })
}

/// `VmHWM` of `/proc/PID/status`, given in kibibytes.
fn parse_peak(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// `AT_PAGESZ` (6) of the auxiliary vector, which is pairs of machine words.
fn page_size(auxv: &[u8]) -> Option<u64> {
    const WORD: usize = size_of::<usize>();
    let word = |bytes: &[u8]| Some(usize::from_ne_bytes(bytes.try_into().ok()?));
    auxv.chunks_exact(2 * WORD).find_map(|pair| {
        let (key, value) = pair.split_at(WORD);
        if word(key)? == 6 { word(value)?.try_into().ok() } else { None }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_fields_after_an_odd_name() {
        let text = "12 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0 99 4096 300 18446744073709551615";
        assert_eq!(parse_stat(text, 4096), Some(Sample { cpu_seconds: 3.0, resident: 300 * 4096 }));
        assert_eq!(parse_stat("rubbish", 4096), None);
        assert_eq!(parse_peak("VmPeak:\t 9 kB\nVmHWM:\t    2076 kB\n"), Some(2076 * 1024));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn sees_this_process() {
        let process = Process::open();
        let before = process.sample();
        assert!(before.resident > 1 << 20, "{before:?}");
        let start = std::time::Instant::now();
        while process.sample().cpu_seconds <= before.cpu_seconds {
            assert!(start.elapsed().as_secs() < 60, "no processor time passes");
        }
        assert!(process.peak().unwrap() > 1 << 20);
    }
}
