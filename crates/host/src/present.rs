//! Whether a user, a unit or a file that somebody names exists on this host.

use std::{
    cell::OnceCell,
    collections::HashSet,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
};

use crate::{passwd::Passwd, proc};

/// Entries of a directory of units that are read at most.
const UNITS_MAX: usize = 65_536;

/// Where the service manager looks for units (systemd.unit(5), unit file load path).
pub(crate) const UNIT_DIRECTORIES: [&str; 11] = [
    "etc/systemd/system.control",
    "run/systemd/system.control",
    "run/systemd/transient",
    "run/systemd/generator.early",
    "etc/systemd/system",
    "run/systemd/system",
    "run/systemd/generator",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
    "run/systemd/generator.late",
];

/// Whether something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Present,
    /// It is not.
    Absent,
    /// This host's files do not tell.
    Unknown,
}

impl Presence {
    const fn of(present: bool) -> Self {
        if present { Self::Present } else { Self::Absent }
    }
}

/// A file tree to look in; `/` on a real host.
///
/// What is asked about often (accounts, units) is read once: a policy of ten thousand services asks as often.
#[derive(Debug)]
pub struct Tree {
    root: PathBuf,
    accounts: OnceCell<Option<Accounts>>,
    units: OnceCell<HashSet<OsString>>,
}

/// The users that /etc/passwd lists, and whether there may be others.
#[derive(Debug)]
struct Accounts {
    names: HashSet<String>,
    unlisted: Presence,
}

impl Default for Tree {
    fn default() -> Self {
        Self::below(Path::new("/"))
    }
}

impl Tree {
    /// The tree below `root`.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        Self { root: root.into(), accounts: OnceCell::new(), units: OnceCell::new() }
    }

    /// Whether there is a user of this name (passwd(5)); numbers need no entry.
    ///
    /// Absent is only said where accounts come from files alone (nsswitch.conf(5)).
    #[must_use]
    pub fn user(&self, name: &str) -> Presence {
        if name.parse::<u32>().is_ok() {
            return Presence::Present;
        }
        match self.accounts.get_or_init(|| self.read_accounts()) {
            Some(accounts) if accounts.names.contains(name) => Presence::Present,
            Some(accounts) => accounts.unlisted,
            None => Presence::Unknown,
        }
    }

    /// Whether the service manager could load this unit; `*` in a name and scopes, which have no file, are not told.
    #[must_use]
    pub fn unit(&self, name: &str) -> Presence {
        let template = name.split_once('@').and_then(|(stem, instance)| {
            let (_, suffix) = instance.rsplit_once('.')?;
            Some(format!("{stem}@.{suffix}"))
        });
        let is_pattern = name.contains('*') && template.is_none();
        if is_pattern || name.ends_with(".scope") || name.contains('/') {
            return Presence::Unknown;
        }
        let units = self.units.get_or_init(|| self.read_units());
        let files = [Some(name), template.as_deref()];
        Presence::of(files.into_iter().flatten().any(|file| units.contains(OsStr::new(file))))
    }

    /// Whether a file stands at this absolute path.
    #[must_use]
    pub fn file(&self, path: &str) -> Presence {
        match fs::metadata(self.root.join(path.trim_start_matches('/'))) {
            Ok(_) => Presence::Present,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Presence::Absent,
            Err(_) => Presence::Unknown,
        }
    }

    /// The path that the kernel shows for what stands at this absolute path, with no link on it (path_resolution(7),
    /// proc_pid_exe(5)); `None` where nothing stands there, or links lead out of the tree.
    #[must_use]
    pub fn shown(&self, path: &str) -> Option<String> {
        let file = self.root.join(path.trim_start_matches('/')).canonicalize().ok()?;
        let inner = file.strip_prefix(self.root.canonicalize().ok()?).ok()?;
        Some(format!("/{}", inner.to_str()?))
    }

    /// The name by which a unit runs that is also called `name` (`Alias=` of systemd.unit(5)); `None` of one that has no other.
    #[must_use]
    pub fn own_name(&self, name: &str) -> Option<String> {
        let paths = UNIT_DIRECTORIES.iter().map(|directory| self.root.join(directory).join(name));
        let found = paths.into_iter().find(|path| path.symlink_metadata().is_ok())?;
        let target = fs::read_link(&found).ok()?;
        let own = target.file_name()?.to_str()?;
        let is_unit = Path::new(own).extension() == Path::new(name).extension();
        (is_unit && own != name).then(|| own.to_owned())
    }

    fn read_units(&self) -> HashSet<OsString> {
        let directories = UNIT_DIRECTORIES.iter().filter_map(|path| self.root.join(path).read_dir().ok());
        directories
            .flat_map(|entries| entries.take(UNITS_MAX).flatten())
            .map(|entry| entry.file_name())
            .collect()
    }

    fn read_accounts(&self) -> Option<Accounts> {
        let passwd = Passwd::below(&self.root).ok()?;
        let names = passwd.accounts().map(|(name, _)| name).collect();
        let may_be_elsewhere = !passwd.is_whole() || self.asks_elsewhere_for_users();
        let unlisted = if may_be_elsewhere { Presence::Unknown } else { Presence::Absent };
        Some(Accounts { names, unlisted })
    }

    /// `systemd` only makes up users of running units, which are no names for a policy: it does not count.
    fn asks_elsewhere_for_users(&self) -> bool {
        let sources = proc::read_text(self.root.join("etc/nsswitch.conf")).unwrap_or_default();
        let sources = sources.lines().find_map(|line| line.trim().strip_prefix("passwd:"));
        sources.is_some_and(|sources| {
            let sources = sources.split('#').next().unwrap_or_default();
            sources.split_whitespace().any(|source| !matches!(source, "files" | "compat" | "systemd"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A host with `files`, gone when dropped.
    struct Host(PathBuf);

    impl Host {
        fn with(name: &str, files: &[(&str, &str)]) -> Self {
            let root = std::env::temp_dir().join(format!("portreeve-present-{}-{name}", std::process::id()));
            for (path, text) in files {
                let path = root.join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            Self(root)
        }

        fn tree(&self) -> Tree {
            Tree::below(&self.0)
        }
    }

    impl Drop for Host {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).expect("the test made this directory");
        }
    }

    #[test]
    fn a_user_is_a_name_in_passwd_or_a_number() {
        let host = Host::with("user", &[("etc/passwd", "root:x:0:0::/root:/bin/sh\nwww-data:x:33:33:::\n")]);
        assert_eq!(host.tree().user("www-data"), Presence::Present);
        assert_eq!(host.tree().user("www"), Presence::Absent);
        assert_eq!(host.tree().user("4711"), Presence::Present);
    }

    #[test]
    fn a_user_that_a_directory_server_may_know_is_not_called_absent() {
        let host = Host::with(
            "ldap",
            &[("etc/passwd", "root:x:0:0:::\n"), ("etc/nsswitch.conf", "passwd: files sss # ldap\n")],
        );
        assert_eq!(host.tree().user("alice"), Presence::Unknown);
    }

    #[test]
    fn another_name_of_a_unit_is_a_link_to_its_file() {
        let host = Host::with("alias", &[("lib/systemd/system/ssh.service", ""), ("opt/web.service", "")]);
        let units = host.0.join("etc/systemd/system");
        fs::create_dir_all(&units).expect("ours");
        for (name, target) in [
            ("sshd.service", "/lib/systemd/system/ssh.service"),
            ("web.service", "/opt/web.service"),
            ("masked.service", "/dev/null"),
        ] {
            symlink(target, units.join(name)).expect("ours");
        }
        let own = |name| host.tree().own_name(name);
        assert_eq!(own("sshd.service").as_deref(), Some("ssh.service"));
        for name in ["ssh.service", "web.service", "masked.service", "none.service"] {
            assert_eq!(own(name), None, "{name}");
        }
    }

    #[test]
    fn an_instance_is_there_when_its_template_is() {
        let host = Host::with(
            "unit",
            &[("lib/systemd/system/nginx.service", ""), ("usr/lib/systemd/system/postgresql@.service", "")],
        );
        let unit = |name| host.tree().unit(name);
        assert_eq!(unit("nginx.service"), Presence::Present);
        assert_eq!(unit("ngnix.service"), Presence::Absent);
        assert_eq!(unit("postgresql@15-main.service"), Presence::Present);
        assert_eq!(unit("postgresql@*.service"), Presence::Present);
        assert_eq!(unit("postgresql@*.socket"), Presence::Absent);
        assert_eq!(unit("docker-0123.scope"), Presence::Unknown);
        assert_eq!(unit("../nginx.service"), Presence::Unknown);
    }

    #[test]
    fn a_file_is_there_or_not() {
        let host = Host::with("file", &[("usr/sbin/nginx", "")]);
        assert_eq!(host.tree().file("/usr/sbin/nginx"), Presence::Present);
        assert_eq!(host.tree().file("/usr/sbin/apache2"), Presence::Absent);
    }

    #[test]
    fn the_kernel_shows_no_links() {
        let host = Host::with("links", &[("usr/bin/redis-check-rdb", ""), ("etc/passwd", "")]);
        symlink("redis-check-rdb", host.0.join("usr/bin/redis-server")).unwrap();
        symlink("usr/bin", host.0.join("bin")).unwrap();
        symlink("/etc/passwd", host.0.join("usr/bin/outside")).unwrap();
        let shown = |path| host.tree().shown(path);
        for path in ["/usr/bin/redis-check-rdb", "/usr/bin/redis-server", "/bin/redis-server"] {
            assert_eq!(shown(path).as_deref(), Some("/usr/bin/redis-check-rdb"), "{path}");
        }
        assert_eq!(shown("/usr/bin/outside"), None);
        assert_eq!(shown("/usr/bin/none"), None);
    }
}
