//! Downloads a file with a progress bar, checks it on the way, and puts it in place in one step.
//!
//! The bytes go to a file of another name in the same folder, are flushed to the disk and renamed,
//! so that no reader and no crash ever meets half a file under the real name.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};

use super::Source;
use super::cache::{File, hex};
use crate::error::{Error, Result};

/// How long a server may take to accept, and again to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a whole file may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(3600);
const BAR: &str = "{msg} {bar:30} {bytes}/{total_bytes} {eta}";

/// Downloads one file into the cache.
///
/// Errors: [`Error::DownloadFailed`] if the server fails or sends anything but the published file,
/// [`Error::Io`] if it cannot be written.
pub(super) fn fetch(source: &Source, file: &File) -> Result<()> {
    let url = source.url(file.name);
    let failed = |cause: String| Error::DownloadFailed { url: url.clone(), cause };
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_connect(Some(ANSWER_TIMEOUT))
        .timeout_recv_response(Some(ANSWER_TIMEOUT))
        .timeout_recv_body(Some(BODY_TIMEOUT))
        .build()
        .into();
    let response = agent.get(&url).call().map_err(|error| failed(error.to_string()))?;
    // One byte too many is enough to see that it is another file.
    let mut body =
        response.into_body().into_with_config().limit(u64::MAX).reader().take(file.bytes + 1);

    fs::create_dir_all(&source.cache).map_err(Error::io(&source.cache))?;
    let part = Part::beside(&source.cache, file.name);
    let mut writer = fs::File::create_new(&part.0).map_err(Error::io(&part.0))?;
    let mut hasher = Sha256::new();
    let mut received_bytes = 0;
    let mut chunk = vec![0; 1 << 16];
    let bar = progress_bar(file);
    loop {
        let len = body.read(&mut chunk).map_err(|error| failed(error.to_string()))?;
        if len == 0 {
            break;
        }
        received_bytes += len as u64;
        hasher.update(&chunk[..len]);
        writer.write_all(&chunk[..len]).map_err(Error::io(&part.0))?;
        bar.set_position(received_bytes);
    }
    bar.finish_and_clear();
    if received_bytes != file.bytes {
        let found =
            if received_bytes > file.bytes { "more".into() } else { received_bytes.to_string() };
        return Err(failed(format!("expected {} bytes, found {found}", file.bytes)));
    }
    let sha256 = hex(&hasher.finalize());
    if sha256 != file.sha256 {
        return Err(failed(format!("expected sha256 {}, found {sha256}", file.sha256)));
    }
    writer.sync_all().map_err(Error::io(&part.0))?;
    drop(writer);
    let path = source.cache.join(file.name);
    fs::rename(&part.0, &path).map_err(Error::io(&path))
}

/// A bar on the standard error stream; hidden where that is no terminal.
fn progress_bar(file: &File) -> ProgressBar {
    let style = ProgressStyle::with_template(BAR).expect("the template is well formed");
    ProgressBar::new(file.bytes).with_style(style).with_message(file.name.to_string())
}

/// The file of another name, removed when it goes out of use; after the rename there is none to
/// remove.
struct Part(PathBuf);

impl Part {
    /// A path that no other download uses, in this process or another.
    fn beside(folder: &Path, name: &str) -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Self(folder.join(format!(".{name}.{}.{count}.part", process::id())))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Nobody can be told here, and a part left behind harms nothing.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::server::{Reply, serve};
    use crate::datasets::testing::{Made, nowhere};

    fn made() -> Made {
        let content: Vec<u8> =
            (0..200_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        Made::new("x.gz", &content)
    }

    /// Fetches `x.gz` from a server that answers so; returns the files then in the cache.
    fn fetch_made(made: &Made, reply: Option<Reply>) -> (Result<()>, Vec<(String, Vec<u8>)>) {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("datasets/made");
        let source = Source { base_url: serve(reply.map(|reply| ("x.gz", reply))), cache };
        let result = fetch(&source, &made.file());
        let entries = fs::read_dir(&source.cache).into_iter().flatten().map(|entry| entry.unwrap());
        let files = entries.map(|entry| {
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        });
        (result, files.collect())
    }

    #[test]
    fn a_good_file_is_put_in_place() {
        let made = made();
        let (result, files) = fetch_made(&made, Some(Reply::Whole(made.gzip.clone())));
        result.unwrap();
        assert!(files == [("x.gz".to_string(), made.gzip.clone())]);
    }

    #[test]
    fn anything_else_is_an_error_and_leaves_no_file() {
        let made = made();
        let bytes = made.gzip.len();
        let mut changed = made.gzip.clone();
        changed[bytes / 3] ^= 4;
        let longer = [&made.gzip[..], &[0; 9]].concat();
        let cases = [
            (
                Some(Reply::Whole(changed)),
                format!("expected sha256 {}, found ", made.file().sha256),
            ),
            (Some(Reply::Whole(longer)), format!("expected {bytes} bytes, found more")),
            (
                Some(Reply::HalfUnannounced(made.gzip.clone())),
                format!("expected {bytes} bytes, found {}", bytes / 2),
            ),
            (Some(Reply::Half(made.gzip.clone())), String::new()),
            (None, "404".into()),
        ];
        for (reply, expected) in cases {
            let (result, files) = fetch_made(&made, reply);
            let error = result.unwrap_err();
            let Error::DownloadFailed { url, cause } = &error else { panic!("{error}") };
            assert!(url.ends_with("/sets/x.gz"), "{url}");
            assert!(cause.contains(&expected), "{cause}");
            assert!(files.is_empty(), "{:?}", files[0].0);
        }
    }

    #[test]
    fn a_server_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = fetch(&nowhere(folder.path()), &made().file()).unwrap_err();
        assert!(matches!(error, Error::DownloadFailed { .. }), "{error}");
    }
}
