//! Tests of looking files up.

use super::*;
use rustix::fs::mknodat;
use std::{os::unix::fs::symlink, path::PathBuf};

/// A folder that is gone when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("portreeve-view-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).expect("the test made this folder");
    }
}

fn own_view() -> View {
    Views::new().of(std::process::id()).unwrap()
}

#[test]
fn links_and_dots_lead_where_the_kernel_goes() {
    let folder = Folder::new("links");
    fs::create_dir(folder.path("d")).unwrap();
    fs::write(folder.path("d/file"), "").unwrap();
    symlink("d", folder.path("relative")).unwrap();
    symlink(folder.path("d"), folder.path("absolute")).unwrap();
    symlink("../relative/../absolute/./file", folder.path("d/round")).unwrap();
    symlink("self", folder.path("self")).unwrap();
    let view = own_view();
    let stat = fs::metadata(folder.path("d/file")).unwrap();
    let file = Some((stat.st_dev(), stat.st_ino()));
    for path in ["d/file", "./d/../d//file", "relative/file", "absolute/file", "d/round"] {
        assert_eq!(view.find(&folder.path(path)).unwrap(), file, "{path}");
        assert!(view.has_file(&folder.path(path)), "{path}");
    }
    assert!(!view.has_file(&folder.path("d")));
    assert_eq!(view.find(&folder.path("none")).unwrap(), None);
    assert_eq!(view.find(&folder.path("absolute/file/below")).unwrap(), None);
    view.find(&folder.path("self")).unwrap_err();
}

#[test]
fn only_a_whole_regular_file_of_its_owner_is_read() {
    let folder = Folder::new("read");
    let view = own_view();
    let uid = rustix::process::geteuid().as_raw();
    fs::write(folder.path("file"), "1234").unwrap();
    symlink("file", folder.path("link")).unwrap();
    mknodat(CWD, folder.path("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let read = |name: &str, uid: u32, limit: usize| view.read(&folder.path(name), uid, limit);
    assert_eq!(read("file", uid, 5).as_deref(), Some(b"1234".as_slice()));
    assert_eq!(read("link", uid, 5).as_deref(), Some(b"1234".as_slice()));
    assert_eq!(read("file", uid, 4), None, "there could be more");
    assert_eq!(read("file", uid + 1, 5), None, "somebody else's");
    for other in ["pipe", "", "none"] {
        assert_eq!(read(other, uid, 5), None, "{other}");
    }
    assert!(view.read("/proc/version", 0, 4096).is_some_and(|text| text.starts_with(b"Linux")));
    let dead = testing::with_server_at(own_view(), "/proc");
    assert_eq!(dead.read("/proc/version", 0, 4096), None, "a server would have to be asked");
}

#[test]
fn another_mount_is_entered_where_it_is_known_and_asks_no_server() {
    let view = own_view();
    let version = fs::metadata("/proc/version").unwrap();
    let found = view.find("/proc/./version").unwrap();
    assert_eq!(found, Some((version.st_dev(), version.st_ino())), "needs /proc");
    let folder = Folder::new("mounts");
    symlink("/proc", folder.path("link")).unwrap();
    assert!(view.has_file(&folder.path("link/version")));

    let unknown = View { places: Arc::default(), ..view };
    let refused = unknown.find("/proc/version").unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::Unsupported, "mounted after the table was read");
    let dead = testing::with_server_at(unknown, "/proc");
    for path in ["/proc/version", "/./proc/version", "/usr/../proc", &folder.path("link/version")] {
        assert_eq!(dead.find(path).unwrap_err().kind(), io::ErrorKind::Unsupported, "{path}");
    }
}

#[test]
fn a_mount_that_took_the_place_of_the_known_one_is_not_entered() {
    let places = Places::read(b"1 0 0:1 / /proc rw - proc proc rw\n");
    let view = View { places: Arc::new(places), ..own_view() };
    // No mount of this machine has number 1 but that of the kernel's own first root.
    assert_eq!(view.find("/proc/version").unwrap_err().kind(), io::ErrorKind::Unsupported);
}
