//! The `.keras` file: an uncompressed zip archive of `metadata.json`, `config.json` and
//! `model.weights.h5`, in this order.
//!
//! Reading trusts no number in the file: a member is read through a cap, and no buffer is sized by
//! what the archive declares. Writing builds the whole archive in memory and then puts it in place
//! in one step, so that a failed save leaves the old file as it was. Source: Keras 3.15
//! `saving/saving_lib.py`.

use std::fs;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value as Json, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::error::{Error, Result};
use crate::foreign::{self, HDF5_SIGNATURE, START_BYTES};
use crate::python;
use crate::save::write_atomically;

/// Version of Keras whose files are written.
pub const KERAS_VERSION: &str = "3.15.1";

const METADATA: &str = "metadata.json";
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";

/// A member may be this large whatever the archive's size, so that small re-zipped files are read.
const MEMBER_FLOOR_BYTES: u64 = 64 << 20;
/// Beyond the floor, a member may be this many times larger than the archive. Trained weights
/// hardly compress; a zip bomb does.
const MEMBER_EXPANSION: u64 = 100;
/// JSON has a bound of its own, as it is parsed into a tree of [`Json`] values of 72 bytes each: a
/// list of digits, two characters each, needs 36 times its length, 2.3 GB at this bound. A layer is
/// some 2 KB of text, so a quarter of the bound would do for every architecture; it is the matrices
/// that initializers hold, of some 20 characters a number, that need it: 3 million numbers fit.
const JSON_LIMIT_BYTES: u64 = 64 << 20;

/// What is expected where an archive is read.
const EXPECTED: &str = "a `.keras` archive (zip)";

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
/// Source: Howard Hinnant, *chrono-compatible low-level date algorithms*, `civil_from_days`: years
/// start in March there, so that the leap day is the last of its year.
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

/// Where in a `.keras` file the weights lie as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Their first byte in the file.
    pub start: usize,
    /// Their CRC-32, which reading has compared.
    pub checksum: u32,
}

impl Archive {
    /// Reads a `.keras` file.
    ///
    /// Errors: the file cannot be read; it is no `.keras` archive, or a damaged one; a member
    /// declares a size that cannot be true.
    pub fn read(path: impl AsRef<Path>) -> Result<Archive> {
        let path = path.as_ref();
        let within = |error: Error| error.within(&path.display().to_string());
        let file = open(path, "a `.keras` archive").map_err(within)?;
        Archive::read_from(std::io::BufReader::new(file))
            .map(|(archive, _)| archive)
            .map_err(within)
    }

    /// Reads a `.keras` file, and says where in it the weights lie; none if they are compressed.
    /// Errors: as [`Archive::read`].
    pub fn read_in_place(path: impl AsRef<Path>) -> Result<(Archive, Option<Place>)> {
        let path = path.as_ref();
        let within = |error: Error| error.within(&path.display().to_string());
        let file = open(path, "a `.keras` archive").map_err(within)?;
        Archive::read_from(std::io::BufReader::new(file)).map_err(within)
    }

    /// Reads the bytes of a `.keras` file. Errors: as [`Archive::read`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Archive> {
        Ok(Archive::read_from(Cursor::new(bytes))?.0)
    }

    fn read_from<R: Read + Seek>(mut reader: R) -> Result<(Archive, Option<Place>)> {
        let start = start(&mut reader)?;
        let archive_bytes = reader.seek(SeekFrom::End(0)).map_err(unreadable)?;
        let mut zip = ZipArchive::new(reader).map_err(|error| {
            // What zip says helps where a file looked like an archive.
            let detail = if start.starts_with(b"PK") { error.to_string() } else { String::new() };
            foreign::refused(EXPECTED, &start, &detail)
        })?;
        if zip.has_duplicate_names() {
            return Err(Error::malformed("each member once", "two members of one name"));
        }
        let metadata = metadata(&member(&mut zip, METADATA, archive_bytes, JSON_LIMIT_BYTES)?)
            .map_err(|error| error.within(METADATA))?;
        let config = json(&member(&mut zip, CONFIG, archive_bytes, JSON_LIMIT_BYTES)?)
            .map_err(|error| error.within(CONFIG))?;
        let weights = member(&mut zip, WEIGHTS, archive_bytes, u64::MAX)?;
        let place = place(&mut zip, WEIGHTS);
        Ok((Archive { metadata, config, weights }, place))
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
            (CONFIG, python::to_string(&self.config).into_bytes()),
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

/// What a model is loaded from.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A `.keras` file: architecture, weights, and how the model is trained.
    Model(Archive),
    /// The bytes of a `.weights.h5` file: weights, and perhaps the state of an optimizer.
    Weights(Vec<u8>),
}

impl Content {
    /// Reads a file of either kind, which its first bytes tell apart.
    ///
    /// Errors: as [`Archive::read`].
    pub fn read(path: impl AsRef<Path>) -> Result<Content> {
        let path = path.as_ref();
        let within = |error: Error| error.within(&path.display().to_string());
        let mut file = open(path, "a `.keras` or `.weights.h5` file").map_err(within)?;
        let start = start(&mut file).map_err(within)?;
        let read = |mut file: fs::File| {
            if start.starts_with(HDF5_SIGNATURE) {
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes).map_err(unreadable)?;
                return Ok(Content::Weights(bytes));
            }
            if path.extension().is_some_and(|extension| extension == "h5") {
                return Err(foreign::refused("an HDF5 file of weights", &start, ""));
            }
            Archive::read_from(std::io::BufReader::new(file))
                .map(|(archive, _)| Content::Model(archive))
        };
        read(file).map_err(within)
    }
}

fn unreadable(source: std::io::Error) -> Error {
    Error::Io { path: String::new(), action: "read", source }
}

/// Opens what is a file.
fn open(path: &Path, expected: &str) -> Result<fs::File> {
    // Before opening: to open a named pipe is to wait for its writer.
    let kind = fs::metadata(path).map_err(unreadable)?;
    if kind.is_dir() {
        return Err(Error::malformed(expected, "a directory"));
    }
    if !kind.is_file() {
        return Err(Error::malformed(expected, "no regular file"));
    }
    fs::File::open(path).map_err(unreadable)
}

/// The first bytes of a file, which is at its start again afterwards.
fn start<R: Read + Seek>(reader: &mut R) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    reader.by_ref().take(START_BYTES as u64).read_to_end(&mut start).map_err(unreadable)?;
    reader.seek(SeekFrom::Start(0)).map_err(unreadable)?;
    Ok(start)
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

/// Where the bytes of a member lie, if they are not compressed.
fn place<R: Read + Seek>(zip: &mut ZipArchive<R>, name: &str) -> Option<Place> {
    let file = zip.by_name(name).ok()?;
    let start = file.data_start().filter(|_| file.compression() == CompressionMethod::Stored);
    Some(Place { start: usize::try_from(start?).ok()?, checksum: file.crc32() })
}

fn json(bytes: &[u8]) -> Result<Json> {
    python::from_slice(bytes).map_err(|error| Error::malformed("JSON", error.to_string()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_of_json_is_what_it_says() {
        assert_eq!(size_of::<Json>(), 72);
    }

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
