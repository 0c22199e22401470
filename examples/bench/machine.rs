//! What the operating system knows of this process and its machine; nothing where it does not say.

use std::fs;

/// Linux counts time in hundredths of a second here, whatever the kernel's own clock.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds since this process was started, in steps of 10 ms.
pub(crate) fn seconds_since_start() -> Option<f64> {
    let uptime = fs::read_to_string("/proc/uptime").ok()?;
    let now: f64 = uptime.split_whitespace().next()?.parse().ok()?;
    Some(now - own_statistics()?[19] / TICKS_PER_SECOND)
}

/// The most memory this process has held.
pub(crate) fn peak_mebibytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    let kibibytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes / 1024.0)
}

/// Processes that were ready to run, a mean of the last minute.
pub(crate) fn load() -> Option<f64> {
    fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}

/// Seconds that other processes have used the processors.
pub(crate) fn seconds_of_others() -> Option<f64> {
    let statistics = fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<f64> = statistics
        .lines()
        .next()?
        .split_whitespace()
        .skip(1)
        .take(8)
        .map_while(|ticks| ticks.parse().ok())
        .collect();
    // The fourth and fifth are idle time.
    let busy: f64 = ticks.iter().sum::<f64>() - ticks.get(3)? - ticks.get(4)?;
    let own = own_statistics()?;
    Some((busy - own[11] - own[12]) / TICKS_PER_SECOND)
}

/// The numbers of `/proc/self/stat` after the command's name.
fn own_statistics() -> Option<Vec<f64>> {
    let statistics = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, numbers) = statistics.rsplit_once(')')?;
    let numbers: Vec<f64> =
        numbers.split_whitespace().map(|number| number.parse().unwrap_or(0.0)).collect();
    (numbers.len() > 19).then_some(numbers)
}
