//! The `.keras` file: an uncompressed zip archive of `metadata.json`, `config.json` and
//! `model.weights.h5`, in this order.
//!
//! Reading trusts no number in the file: a member is read through a cap, and no buffer is sized by what
//! the archive declares. Writing builds the whole archive in memory and then puts it in place in one
//! step, so that a failed save leaves the old file as it was.
//! Source: Keras 3.15 `saving/saving_lib.py`.

use std::fs;
use std::io::{Cursor, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::error::{Error, Result};

/// Version of Keras whose files are written.
pub const KERAS_VERSION: &str = "3.15.1";

const METADATA: &str = "metadata.json";
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";

/// A member may be this large whatever the archive's size, so that small re-zipped files are read.
const MEMBER_FLOOR_BYTES: u64 = 64 << 20;
/// Beyond the floor, a member may be this many times larger than the archive. Trained weights hardly
/// compress; a zip bomb does.
const MEMBER_EXPANSION: u64 = 100;
/// JSON is parsed into a tree several times its length, so it has a bound of its own.
const JSON_LIMIT_BYTES: u64 = 64 << 20;

const HDF5_SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
const ZIP_SIGNATURE: &[u8] = b"PK\x03\x04";

/// Who wrote an archive, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Version of Keras that the file follows, e.g. `3.15.1`.
    pub keras_version: String,
    /// Time of saving, as `YYYY-MM-DD@HH:MM:SS`.
    pub date_saved: String,
}

impl Metadata {
    /// What a file saved now says; the time is UTC.
    pub fn now() -> Metadata {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        Metadata { keras_version: KERAS_VERSION.to_owned(), date_saved: date_saved(seconds) }
    }
}

/// `seconds` since 1970 as `YYYY-MM-DD@HH:MM:SS`, UTC.
///
/// Source: Howard Hinnant, *chrono-compatible low-level date algorithms*, `civil_from_days`: years start
/// in March there, so that the leap day is the last of its year.
fn date_saved(seconds: u64) -> String {
    const DAY: u64 = 86_400;
    const DAYS_BEFORE_1970: u64 = 719_468;
    let (days, second) = (seconds / DAY + DAYS_BEFORE_1970, seconds % DAY);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}@{hour:02}:{minute:02}:{second:02}")
}

/// The content of a `.keras` file.
#[derive(Clone, Debug, PartialEq)]
pub struct Archive {
    /// Who wrote it.
    pub metadata: Metadata,
    /// The model's configuration, as Keras serialises it.
    pub config: Json,
    /// The weights: an HDF5 file, see [`crate::weights`].
    pub weights: Vec<u8>,
}

impl Archive {
    /// Reads a `.keras` file.
    ///
    /// Errors: the file cannot be read; it is no `.keras` archive, or a damaged one; a member declares a
    /// size that cannot be true.
    pub fn read(path: impl AsRef<Path>) -> Result<Archive> {
        let path = path.as_ref();
        let place = path.display().to_string();
        let io = |source| Error::Io { path: place.clone(), action: "read", source };
        // Before opening: to open a named pipe is to wait for its writer.
        let kind = fs::metadata(path).map_err(io)?;
        if !kind.is_file() {
            let found = if kind.is_dir() { "a directory" } else { "no regular file" };
            return Err(Error::malformed("a `.keras` archive", found).within(&place));
        }
        let file = std::io::BufReader::new(fs::File::open(path).map_err(io)?);
        Archive::read_from(file).map_err(|error| error.within(&place))
    }

    /// Reads the bytes of a `.keras` file. Errors: as [`Archive::read`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Archive> {
        Archive::read_from(Cursor::new(bytes))
    }

    fn read_from<R: Read + Seek>(mut reader: R) -> Result<Archive> {
        let io = |source| Error::Io { path: String::new(), action: "read", source };
        let mut start = Vec::new();
        reader.by_ref().take(HDF5_SIGNATURE.len() as u64).read_to_end(&mut start).map_err(io)?;
        let archive_bytes = reader.seek(std::io::SeekFrom::End(0)).map_err(io)?;
        let mut zip = ZipArchive::new(reader).map_err(|error| foreign(&start, &error))?;
        if zip.has_duplicate_names() {
            return Err(Error::malformed("each member once", "two members of one name"));
        }
        let metadata = metadata(&member(&mut zip, METADATA, archive_bytes, JSON_LIMIT_BYTES)?)
            .map_err(|error| error.within(METADATA))?;
        let config = json(&member(&mut zip, CONFIG, archive_bytes, JSON_LIMIT_BYTES)?)
            .map_err(|error| error.within(CONFIG))?;
        let weights = member(&mut zip, WEIGHTS, archive_bytes, u64::MAX)?;
        Ok(Archive { metadata, config, weights })
    }

    /// The bytes of the `.keras` file: the same bytes for the same content.
    ///
    /// Errors: more than a zip archive can hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let metadata = json!({
            "keras_version": self.metadata.keras_version,
            "date_saved": self.metadata.date_saved,
        });
        let members = [
            (METADATA, metadata.to_string().into_bytes()),
            (CONFIG, self.config.to_string().into_bytes()),
        ];
        let members = members.iter().map(|(name, bytes)| (*name, bytes.as_slice()));
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in members.chain([(WEIGHTS, self.weights.as_slice())]) {
            let refused = |source| Error::Io { path: name.to_owned(), action: "pack", source };
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .last_modified_time(zip::DateTime::default())
                .large_file(bytes.len() as u64 >= u64::from(u32::MAX));
            zip.start_file(name, options).map_err(|error| refused(error.into()))?;
            zip.write_all(bytes).map_err(refused)?;
        }
        let finished = zip.finish().map_err(|error| Error::Io {
            path: String::new(),
            action: "pack",
            source: error.into(),
        })?;
        Ok(finished.into_inner())
    }

    /// Writes the file at `path` in one step, see [`write_atomically`].
    pub fn write(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let bytes = self.to_bytes().map_err(|error| error.within(&path.display().to_string()))?;
        write_atomically(path, &bytes)
    }
}

/// What a file is that zip cannot open, by its first bytes.
fn foreign(start: &[u8], error: &zip::result::ZipError) -> Error {
    let found = if start.is_empty() {
        "an empty file".to_owned()
    } else if start.starts_with(HDF5_SIGNATURE) {
        let help = "open it in Keras and save it again with `model.save(\"model.keras\")`";
        return Error::unsupported("an HDF5 file in place of a `.keras` archive", help);
    } else if start.starts_with(ZIP_SIGNATURE) {
        format!("a truncated or damaged one ({error})")
    } else {
        let bytes: Vec<String> = start.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("a file that starts with the bytes {}", bytes.join(" "))
    };
    Error::malformed("a `.keras` archive (zip)", found)
}

/// The bytes of one member, at most `limit_bytes`.
fn member<R: Read + Seek>(
    zip: &mut ZipArchive<R>,
    name: &str,
    archive_bytes: u64,
    limit_bytes: u64,
) -> Result<Vec<u8>> {
    let Some(index) = zip.index_for_name(name) else {
        let names: Vec<String> =
            zip.file_names().take(8).filter_map(|name| Some(name.ok()?.into_owned())).collect();
        return Err(Error::malformed(
            format!("a member `{name}`"),
            format!("{} members: {}", zip.len(), names.join(", ")),
        ));
    };
    let damaged = |error: &dyn std::fmt::Display| {
        Error::malformed("a readable member", format!("a damaged one ({error})")).within(name)
    };
    let file = zip.by_index(index).map_err(|error| damaged(&error))?;
    let declared = file.size();
    let expanded = archive_bytes.saturating_mul(MEMBER_EXPANSION).max(MEMBER_FLOOR_BYTES);
    let limit_bytes = limit_bytes.min(expanded);
    if declared > limit_bytes {
        let path = name.to_owned();
        return Err(Error::TooLarge { path, limit_bytes, found_bytes: declared });
    }
    // One byte more than declared: reading up to the end is what makes zip check the checksum.
    let mut bytes = Vec::new();
    file.take(declared + 1).read_to_end(&mut bytes).map_err(|error| damaged(&error))?;
    if bytes.len() as u64 != declared {
        let found = format!("{} or more", bytes.len());
        return Err(Error::malformed(format!("{declared} bytes"), found).within(name));
    }
    Ok(bytes)
}

fn json(bytes: &[u8]) -> Result<Json> {
    serde_json::from_slice(bytes).map_err(|error| Error::malformed("JSON", error.to_string()))
}

fn metadata(bytes: &[u8]) -> Result<Metadata> {
    let json = json(bytes)?;
    let text = |key: &str| match json.get(key).and_then(Json::as_str) {
        Some(text) => Ok(text.to_owned()),
        None => Err(Error::malformed(format!("a text `{key}`"), "none")),
    };
    let keras_version = text("keras_version")?;
    if !keras_version.starts_with("3.") {
        let expected = "a file of Keras 3";
        return Err(Error::malformed(expected, format!("one of Keras {keras_version}")));
    }
    Ok(Metadata { keras_version, date_saved: text("date_saved")? })
}

/// Puts `bytes` at `path` in one step: either the whole new file is there afterwards or the old one is.
///
/// They are written to a new file in the same folder, forced to the disk, and renamed; a link at `path` is
/// followed. Errors: the system's; the new file is removed then.
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let io = |action| move |source| Error::Io { path: path.display().to_string(), action, source };
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let partial = partial_path(&target);
    let written = write_synced(&partial, bytes).and_then(|()| fs::rename(&partial, &target));
    if let Err(source) = written {
        // The first fault is the one to report; that the file was never made is no second one.
        let _ = fs::remove_file(&partial);
        return Err(io("write")(source));
    }
    // Makes the new name durable where folders can be opened and synced; the file is whole either way.
    if let Some(Ok(folder)) = partial.parent().map(fs::File::open) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// A name beside `target` that no other save uses: other processes differ by id, threads by count.
fn partial_path(target: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let partial = format!(".{name}.{}-{count}.partial", std::process::id());
    match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.join(partial),
        _ => Path::new(".").join(partial),
    }
}

fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::date_saved;

    /// The dates are those of Python's `datetime.fromtimestamp(seconds, timezone.utc)`.
    #[test]
    fn dates_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1970-01-01@00:00:00"),
            (951_782_400, "2000-02-29@00:00:00"),
            (1_735_689_599, "2024-12-31@23:59:59"),
            (1_772_323_445, "2026-03-01@00:04:05"),
            (4_107_542_399, "2100-02-28@23:59:59"),
            (4_107_542_400, "2100-03-01@00:00:00"),
        ] {
            assert_eq!(date_saved(seconds), expected);
        }
    }
}
