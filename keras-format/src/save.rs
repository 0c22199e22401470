//! Puts a file in place in one step: either the new content is there afterwards or the old one is.
//!
//! The content goes to a file of its own in the same folder, which is forced to the disk and then
//! takes the name. On Linux that file has no name until it is complete, so that a process that is
//! killed leaves nothing. Elsewhere, and between the two names, a process can leave a
//! `.NAME.PROCESS-COUNT.partial`: whoever writes one holds a lock on it, which ends with the
//! process, and the next save removes what nobody holds.

use std::borrow::Cow;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};

/// Links that lead to a file are followed this far, as Linux does.
const MAX_LINKS: usize = 40;
/// End of the name of a file that is not complete.
const PARTIAL: &str = ".partial";
/// Longest part of a file's name, in bytes, in that of its partial file: file systems take names of
/// 255 bytes, some of 143.
const MAX_STEM_BYTES: usize = 64;

/// Puts `bytes` at `path` in one step.
///
/// A link is followed, also one to a file that is not there yet. A file that is replaced hands its
/// permissions on, and its owner and group if the system allows it; where the group cannot stay,
/// the new one may do no more than everybody may. Errors: something other than a file is
/// there (a folder, a device, a pipe, a socket); the system's. Nothing is changed then.
pub fn write_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<()> {
    let path = path.as_ref();
    let place = path.display().to_string();
    let io = |source| Error::Io { path: place.clone(), action: "write", source };
    let target = followed(path).map_err(io)?;
    let old = match fs::symlink_metadata(&target) {
        Ok(found) if found.is_file() => Some(found),
        Ok(found) => {
            let expected = "the path of a file, or of none yet";
            return Err(Error::malformed(expected, kind(found.file_type())).within(&place));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(io(error)),
    };
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
    sweep(&folder, &name);
    put(&folder, &name, &target, old.as_ref(), bytes).map_err(io)?;
    // Makes the new name durable where folders can be opened and synced; the file is complete
    // either way.
    if let Ok(folder) = File::open(&folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// The path that a chain of links leads to, whether or not something is there.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(link) => path = path.parent().unwrap_or(Path::new("")).join(link),
            // Not a link, or nothing at all.
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other(format!("more than {MAX_LINKS} links, one to the next")))
}

/// What stands in place of a file.
fn kind(found: fs::FileType) -> &'static str {
    if found.is_dir() {
        return "a folder";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if found.is_fifo() {
            return "a pipe";
        }
        if found.is_socket() {
            return "a socket";
        }
        if found.is_char_device() || found.is_block_device() {
            return "a device";
        }
    }
    "something that is no file"
}

/// Writes a new file and gives it its name.
fn put(
    folder: &Path,
    name: &str,
    target: &Path,
    old: Option<&fs::Metadata>,
    bytes: &[u8],
) -> io::Result<()> {
    let partial = partial_path(folder, name);
    #[cfg(target_os = "linux")]
    if let Some(mut file) = unnamed::open(folder, old.is_some()) {
        // Before it has a name, by which another save could find it.
        let _ = file.try_lock();
        fill(&mut file, old, bytes)?;
        if old.is_none() && unnamed::link(&file, target).is_ok() {
            return Ok(());
        }
        // A link cannot replace a file: first a name of its own, then that of the other.
        if unnamed::link(&file, &partial).is_ok() {
            return rename(&partial, target);
        }
    }
    put_named(folder, name, target, old, bytes)
}

/// Writes a new file under a name of its own, and gives it the name of the other.
fn put_named(
    folder: &Path,
    name: &str,
    target: &Path,
    old: Option<&fs::Metadata>,
    bytes: &[u8],
) -> io::Result<()> {
    let (mut file, partial) = create(folder, name, old.is_some())?;
    let filled = fill(&mut file, old, bytes);
    let renamed = filled.and_then(|()| rename(&partial, target));
    if renamed.is_err() {
        // The first fault is the one to report.
        let _ = fs::remove_file(&partial);
    }
    renamed
}

/// A new file that is locked, and where it is. A `private` one is its owner's alone.
fn create(folder: &Path, name: &str, is_private: bool) -> io::Result<(File, PathBuf)> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if is_private {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(OWN);
    }
    #[cfg(not(unix))]
    let _ = is_private;
    loop {
        let partial = partial_path(folder, name);
        let file = match options.open(&partial) {
            // What a process of the same number left.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            file => file?,
        };
        // Where a system has no locks, nothing is swept either.
        let _ = file.lock();
        // Another save may have swept it before it was locked.
        if partial.exists() {
            return Ok((file, partial));
        }
    }
}

fn rename(partial: &Path, target: &Path) -> io::Result<()> {
    fs::rename(partial, target).inspect_err(|_| {
        let _ = fs::remove_file(partial);
    })
}

/// Permissions of a file until it has those of the file that it replaces, which nobody else may
/// read earlier.
#[cfg(unix)]
const OWN: u32 = 0o600;

/// Writes the content, and makes permissions and owner those of the old file.
fn fill(file: &mut File, old: Option<&fs::Metadata>, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    if let Some(old) = old {
        file.set_permissions(handed_on(file, old)?)?;
    }
    file.sync_all()
}

/// Hands the owner and the group of the old file on as far as the system allows it; the permissions
/// that go with them.
#[cfg(unix)]
fn handed_on(file: &File, old: &fs::Metadata) -> io::Result<fs::Permissions> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        // Only the superuser may give a file away, but its owner may give it to another group of
        // the owner's.
        let _ = fchown(file, Some(old.uid()), Some(old.gid()))
            .or_else(|_| fchown(file, None, Some(old.gid())));
    }
    let is_same_group = file.metadata()?.gid() == old.gid();
    Ok(fs::Permissions::from_mode(mode_for(old.permissions().mode(), is_same_group)))
}

/// The old file's permissions.
#[cfg(not(unix))]
fn handed_on(_: &File, old: &fs::Metadata) -> io::Result<fs::Permissions> {
    Ok(old.permissions())
}

/// The mode of a file that replaces one of mode `old`. Another group than the old one may do what
/// everybody may, and no more.
#[cfg(unix)]
fn mode_for(old: u32, is_same_group: bool) -> u32 {
    const OTHERS: u32 = 0o007;
    const GROUP_BITS: u32 = 3;
    const SET_GROUP_ID: u32 = 0o2000;
    if is_same_group {
        return old;
    }
    let for_everybody = (old & OTHERS) << GROUP_BITS;
    old & !((OTHERS << GROUP_BITS) | SET_GROUP_ID) | (old & for_everybody)
}

/// A name that no other save uses: other processes differ by id, threads by count.
fn partial_path(folder: &Path, name: &str) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    folder.join(format!(".{}.{}-{count}{PARTIAL}", stem(name), std::process::id()))
}

/// What stands for the file's name in that of its partial file: the name itself, or its beginning
/// and a number that follows from all of it.
fn stem(name: &str) -> Cow<'_, str> {
    if name.len() <= MAX_STEM_BYTES {
        return Cow::Borrowed(name);
    }
    // FNV-1a.
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
    });
    let begin = name.floor_char_boundary(MAX_STEM_BYTES / 2);
    Cow::Owned(format!("{}~{hash:016x}", &name[..begin]))
}

/// Removes what saves of this file left when their processes died.
fn sweep(folder: &Path, name: &str) {
    let stem = stem(name);
    let is_left = |found: &str| {
        let middle = found.strip_prefix('.').and_then(|found| found.strip_prefix(&*stem));
        let middle = middle.and_then(|found| found.strip_prefix('.')?.strip_suffix(PARTIAL));
        let numbers = middle.and_then(|middle| middle.split_once('-'));
        numbers.is_some_and(|(id, count)| id.parse::<u32>().is_ok() && count.parse::<u64>().is_ok())
    };
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        if !is_file || !entry.file_name().to_str().is_some_and(is_left) {
            continue;
        }
        // Whoever still writes it holds it.
        let Ok(file) = File::open(entry.path()) else { continue };
        if file.try_lock().is_ok() {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;

/// Files without a name.
#[cfg(target_os = "linux")]
mod unnamed {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;
    use std::path::Path;

    use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open as open_file};

    /// A new file in a folder; none where the file system cannot have one. A `private` one is its
    /// owner's alone.
    pub(super) fn open(folder: &Path, is_private: bool) -> Option<File> {
        let mode = if is_private { super::OWN } else { 0o666 };
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        open_file(folder, flags, Mode::from_raw_mode(mode)).ok().map(File::from)
    }

    /// Gives it a name that is free.
    pub(super) fn link(file: &File, path: &Path) -> io::Result<()> {
        let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
        Ok(linkat(CWD, unnamed, CWD, path, AtFlags::SYMLINK_FOLLOW)?)
    }
}
