//! Where files are saved, and what is left of a save that does not come to its end.
#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use keras_format::write_atomically;

/// The names in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Names the file that a child of the test saves.
const SAVED_BY_CHILD: &str = "KERAS_FORMAT_TEST_SAVES";

#[test]
fn a_process_that_is_killed_while_saving_leaves_nothing() {
    let content = |round: u8| vec![round; 3_000_001];
    if let Some(path) = std::env::var_os(SAVED_BY_CHILD) {
        for round in (0..=u8::MAX).cycle() {
            write_atomically(&path, &content(round)).unwrap();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    let test = "a_process_that_is_killed_while_saving_leaves_nothing";
    for round in 0..40 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", test, "--test-threads", "1"])
            .env(SAVED_BY_CHILD, &path)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while round == 0 && !path.exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(10 + 3 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let found = fs::read(&path).unwrap();
        assert_eq!(found, content(found[0]), "after process {round}");
    }
    write_atomically(&path, b"new").unwrap();
    assert_eq!(names(folder.path()), ["model.keras"]);
}

#[test]
fn what_a_dead_process_left_is_swept_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.keras");
    let left = [".model.keras.4711-0.partial", ".model.keras.1-23.partial"];
    let kept = [".model.keras.a-0.partial", ".other.keras.4711-0.partial", "model.keras.partial"];
    for name in left.iter().chain(&kept) {
        fs::write(folder.path().join(name), "half").unwrap();
    }
    let held = fs::File::open(folder.path().join(left[1])).unwrap();
    held.lock().unwrap();
    write_atomically(&path, b"new").unwrap();
    let mut expected = vec![left[1], "model.keras"];
    expected.extend(kept);
    expected.sort_unstable();
    assert_eq!(names(folder.path()), expected);
    drop(held);
    write_atomically(&path, b"newer").unwrap();
    assert!(!folder.path().join(left[1]).exists());
    assert_eq!(fs::read(&path).unwrap(), b"newer");
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    #[test]
    fn the_permissions_of_a_file_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.keras");
        for mode in [0o640, 0o600, 0o666] {
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            write_atomically(&path, b"new").unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
            assert_eq!(fs::read(&path).unwrap(), b"new");
        }
        // A new file has those of any other new file.
        let [new, other] = ["new.keras", "other"].map(|name| folder.path().join(name));
        write_atomically(&new, b"new").unwrap();
        fs::write(&other, "other").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&new), mode(&other));
    }

    #[test]
    fn links_are_followed_also_to_a_file_that_is_not_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("models")).unwrap();
        let path = folder.path().join("models/model.keras");
        let (near, far) = (folder.path().join("near.keras"), folder.path().join("far.keras"));
        symlink("models/model.keras", &near).unwrap();
        symlink("near.keras", &far).unwrap();
        for content in ["first", "second"] {
            write_atomically(&far, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
            assert!(far.is_symlink() && near.is_symlink() && !path.is_symlink());
        }
        let circle = folder.path().join("circle.keras");
        symlink("circle.keras", &circle).unwrap();
        assert!(write_atomically(&circle, b"new").is_err());
        assert!(circle.is_symlink());
    }

    #[test]
    fn what_is_no_file_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let [pipe, socket, link] = ["pipe", "socket", "link"].map(|name| folder.path().join(name));
        let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        symlink(&pipe, &link).unwrap();
        for (path, found) in [(&pipe, "a pipe"), (&link, "a pipe"), (&socket, "a socket")] {
            let error = write_atomically(path, b"new").unwrap_err().to_string();
            let expected = format!("expected the path of a file, or of none yet, found {found}");
            assert!(error.contains(&expected), "{error}");
        }
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
        assert!(fs::symlink_metadata(&socket).unwrap().file_type().is_socket());
        assert!(link.is_symlink());
        assert_eq!(names(folder.path()).len(), 3);
    }
}
