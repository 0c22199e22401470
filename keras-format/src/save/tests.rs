#![allow(clippy::unwrap_used)] // What a helper of a test cannot do, the test cannot do.

use super::*;

#[test]
fn a_save_and_a_sweep_at_once_leave_the_file_alone() {
    const SAVES: usize = 200;
    let folder = tempfile::tempdir().unwrap();
    let (folder, name) = (folder.path(), "model.keras");
    let target = folder.join(name);
    std::thread::scope(|scope| {
        for content in 0..4 {
            let target = &target;
            scope.spawn(move || {
                for _ in 0..SAVES {
                    put_named(folder, name, target, None, &[content; 1000]).unwrap();
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| (0..10 * SAVES).for_each(|_| sweep(folder, name)));
        }
    });
    let found = fs::read(&target).unwrap();
    assert_eq!(found, [found[0]; 1000]);
    assert_eq!(fs::read_dir(folder).unwrap().count(), 1);
}

#[test]
fn a_name_as_long_as_a_file_system_takes_is_saved_and_swept() {
    let folder = tempfile::tempdir().unwrap();
    let name = "é".repeat(120) + "🦀.keras"; // 250 bytes
    let target = folder.path().join(&name);
    let left = partial_path(folder.path(), &name);
    let other = partial_path(folder.path(), &("é".repeat(121) + "🦀.keras"));
    for partial in [&left, &other] {
        fs::write(partial, "half").unwrap();
    }
    for content in ["first", "second"] {
        write_atomically(&target, content.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), content);
    }
    assert!(!left.exists() && other.exists());
}

#[cfg(unix)]
#[test]
fn another_group_may_do_what_everybody_may() {
    for (old, new) in [(0o660, 0o600), (0o664, 0o644), (0o640, 0o600), (0o2755, 0o755)] {
        assert_eq!(mode_for(old, true), old);
        assert_eq!(mode_for(old, false), new, "{old:o}");
    }
}
