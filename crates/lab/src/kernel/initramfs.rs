//! The whole system that another kernel finds: busybox, an init of ours, and the programs that a test brings.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use super::{
    Kernel,
    archive::{self, Entry},
    modules, programs,
};
use crate::{error::LabError, output::Output};

/// The first process.
const INIT: &str = include_str!("init.sh");

/// Folders of a Debian host that are there before anything is mounted on them.
const FOLDERS: &[&str] =
    &["dev", "home/dev", "proc", "root", "run", "sys", "tmp", "usr/lib64", "usr/sbin", "var"];

/// Debian's merged /usr: one place, whichever way it is called.
const MERGED: &[&str] = &["bin", "lib", "lib64", "sbin"];

/// As on the lab's hosts, `dev` is an ordinary user.
const FILES: &[(&str, &str)] = &[
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\ndev:x:1000:1000:A developer:/home/dev:/bin/sh\n\
         nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
    ),
    ("etc/group", "root:x:0:\ntty:x:5:\ndev:x:1000:\nnogroup:x:65534:\n"),
    ("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ("etc/hostname", "guest\n"),
];

/// The modules that a Debian host loads when somebody asks about sockets, and those of sockets that are not TCP's or
/// UDP's; they are there to be loaded, and nothing loads them unasked.
const MODULES: &[&str] = &[
    "af_packet_diag",
    "fuse",
    "mptcp_diag",
    "netlink_diag",
    "raw_diag",
    "sctp",
    "sctp_diag",
    "tcp_diag",
    "udp_diag",
    "unix_diag",
    "veth",
    "vsock_diag",
    "vsock_loopback",
    "vxlan",
    "wireguard",
];

/// What stands in a guest's first file system.
#[derive(Clone, Debug)]
pub struct Initramfs {
    entries: BTreeMap<String, Entry>,
    modules: Vec<String>,
}

impl Initramfs {
    /// busybox under every name that it answers to, the lab's users, and the modules that sockets need.
    ///
    /// # Errors
    ///
    /// Where busybox is not there.
    pub fn bare() -> Result<Self, LabError> {
        let modules = MODULES.iter().map(ToString::to_string).collect();
        let mut initramfs = Self { entries: BTreeMap::new(), modules };
        FOLDERS.iter().for_each(|folder| initramfs.folder(folder));
        for merged in MERGED {
            initramfs.insert(merged, Entry::Link(format!("usr/{merged}")));
        }
        initramfs.write("init", INIT, 0o755);
        FILES.iter().for_each(|(path, text)| initramfs.write(path, text, 0o644));
        initramfs.busybox()?;
        Ok(initramfs)
    }

    /// Adds a text.
    pub fn write(&mut self, path: &str, text: &str, mode: u32) {
        self.insert(path, Entry::Bytes(text.into(), mode));
    }

    /// Adds a program of the machine, and the shared libraries that it needs.
    ///
    /// # Errors
    ///
    /// Where it or a library is not there.
    pub fn program(&mut self, from: &Path, path: &str) -> Result<(), LabError> {
        self.copy(from, path)?;
        programs::libraries(from)?
            .iter()
            .try_for_each(|library| self.copy(library, &library.to_string_lossy()))
    }

    /// Adds a program that the machine has on its path, below its own name in `usr/bin`.
    ///
    /// # Errors
    ///
    /// Where it or a library is not there.
    pub fn tool(&mut self, name: &str) -> Result<(), LabError> {
        self.program(&programs::find(name)?, &format!("usr/bin/{name}"))
    }

    /// Adds a file of the machine, or a folder with all that stands in it; links are followed.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn copy(&mut self, from: &Path, path: &str) -> Result<(), LabError> {
        let status = fs::metadata(from).map_err(LabError::file("read", from))?;
        if !status.is_dir() {
            self.insert(path, Entry::File(from.into(), status.permissions().mode() & 0o7777));
            return Ok(());
        }
        self.folder(path);
        for entry in fs::read_dir(from).map_err(LabError::file("read", from))? {
            let entry = entry.map_err(LabError::file("read", from))?;
            self.copy(&entry.path(), &format!("{path}/{}", entry.file_name().to_string_lossy()))?;
        }
        Ok(())
    }

    /// Adds a kernel's module and those that it needs, for `modprobe` and for whatever asks the kernel for it.
    pub fn module(&mut self, name: &str) {
        self.modules.push(name.into());
    }

    /// Writes it as the file that qemu takes, with the modules of `kernel`.
    ///
    /// # Errors
    ///
    /// Where the kernel lacks a module, or a file cannot be read or written.
    pub(super) fn pack(&self, kernel: &Kernel, file: &Path) -> Result<(), LabError> {
        let mut whole = self.clone();
        whole.copy(&kernel.settings(), &format!("boot/config-{}", kernel.release()))?;
        whole.add_modules(kernel)?;
        let mut out = BufWriter::new(File::create(file).map_err(LabError::file("write", file))?);
        archive::write(&whole.entries, &mut out)
            .and_then(|()| out.flush())
            .map_err(LabError::file("pack programs into", file))
    }

    fn busybox(&mut self) -> Result<(), LabError> {
        self.tool("busybox")?;
        let names = Command::new("busybox").arg("--list").stdin(Stdio::null()).output();
        let names = names.map_err(|source| LabError::Start { program: "busybox".into(), source })?;
        for name in Output::from(names).success("busybox --list")?.stdout.lines() {
            let link = format!("usr/bin/{name}");
            self.entries.entry(link).or_insert_with(|| Entry::Link("busybox".into()));
        }
        // The kernel knows no other place of it (CONFIG_MODPROBE_PATH).
        self.insert("usr/sbin/modprobe", Entry::Link("../bin/busybox".into()));
        Ok(())
    }

    fn add_modules(&mut self, kernel: &Kernel) -> Result<(), LabError> {
        let from = kernel.modules();
        let read = |name: &str| {
            let file = from.join(name);
            fs::read_to_string(&file).map_err(LabError::file("read", file))
        };
        let (dependencies, aliases) = (read("modules.dep")?, read("modules.alias")?);
        let built_in = read("modules.builtin")?;
        let files = modules::files(&dependencies, &built_in, &self.modules)
            .map_err(|name| LabError::NoModule { release: kernel.release().into(), name })?;
        let to = format!("usr/lib/modules/{}", kernel.release());
        self.write(&format!("{to}/modules.dep"), &modules::dependencies_of(&dependencies, &files), 0o644);
        self.write(&format!("{to}/modules.alias"), &modules::aliases_of(&aliases, &files), 0o644);
        self.write(&format!("{to}/modules.builtin"), &built_in, 0o644);
        files.iter().try_for_each(|file| self.copy(&from.join(file), &format!("{to}/{file}")))
    }

    fn folder(&mut self, path: &str) {
        self.insert(path, Entry::Folder);
    }

    /// With the folders that it stands in.
    fn insert(&mut self, path: &str, entry: Entry) {
        let path = merged(path);
        let parents = path.match_indices('/').map(|(at, _)| &path[..at]);
        for parent in parents {
            self.entries.entry(parent.into()).or_insert(Entry::Folder);
        }
        self.entries.insert(path, entry);
    }
}

/// The one path of a file that is reached through a link of [`MERGED`].
fn merged(path: &str) -> String {
    let path = path.trim_start_matches('/');
    let is_merged = path.split_once('/').is_some_and(|(first, _)| MERGED.contains(&first));
    if is_merged { format!("usr/{path}") } else { path.into() }
}

/// The programs with which a test looks at portreeve and at who it should see.
///
/// # Errors
///
/// Where one of them is not there.
pub fn with_witnesses(portreeve: &Path) -> Result<Initramfs, LabError> {
    let mut initramfs = Initramfs::bare()?;
    initramfs.program(portreeve, "usr/local/bin/portreeve")?;
    initramfs.program(&crate::programs::holder()?, "usr/local/bin/holder")?;
    ["ss", "lsof", "bpftool"].iter().try_for_each(|tool| initramfs.tool(tool))?;
    Ok(initramfs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Initramfs {
        Initramfs { entries: BTreeMap::new(), modules: Vec::new() }
    }

    #[test]
    fn a_file_stands_in_folders_and_where_debian_has_it() {
        let mut initramfs = empty();
        initramfs.write("/lib/x86_64/libc.so.6", "text", 0o644);
        initramfs.write("libexec/tool", "text", 0o755);
        let paths: Vec<_> = initramfs.entries.keys().map(String::as_str).collect();
        let expected =
            ["libexec", "libexec/tool", "usr", "usr/lib", "usr/lib/x86_64", "usr/lib/x86_64/libc.so.6"];
        assert_eq!(paths, expected);
    }

    #[test]
    fn a_folder_of_the_machine_comes_whole() {
        let mut initramfs = empty();
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        initramfs.copy(&manifest.join("src/kernel"), "opt/kernel").unwrap();
        assert_eq!(initramfs.entries["opt/kernel"], Entry::Folder);
        assert!(initramfs.entries.contains_key("opt/kernel/init.sh"));
        assert!(initramfs.copy(Path::new("/no/such/file"), "x").is_err());
    }
}
