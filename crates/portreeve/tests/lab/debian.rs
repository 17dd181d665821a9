//! A Debian with packages and archives of a test's own, made and asked by its own tools (A18).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use portreeve_lab::{Chroot, Output, tools};
use serde_json::Value;

use super::site::{PORTREEVE, lab};

/// Such a place, without a service manager; it goes when this value does, and nothing else of apt's is in it.
pub(super) struct Debian {
    chroot: Chroot,
}

/// A package that an archive has, which consists of one file.
pub(super) struct Deb {
    /// In which archive.
    pub(super) suite: &'static str,
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) architecture: &'static str,
    /// Its source as its control file has it; empty where that is its own name.
    pub(super) source: &'static str,
}

/// What the package of a file is, as apt or portreeve says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) installed: Option<String>,
    pub(super) candidate: Option<String>,
}

/// $1 is a package, $2 its version, $3 its architecture, $4 the line of its source, $5 where it is built to.
const BUILD: &str = r#"
tree=$(mktemp -d); mkdir -p $tree/DEBIAN $tree/opt/lab $tree/etc/lab $5
{ printf 'Package: %s\nVersion: %s\nArchitecture: %s\n' $1 $2 $3
  [ -z "$4" ] || printf 'Source: %s\n' "$4"
  printf 'Maintainer: the lab <lab@example.org>\nDescription: a package of the lab\n'; } >$tree/DEBIAN/control
echo $2 >$tree/opt/lab/$1; echo $2 >$tree/etc/lab/$1; echo /etc/lab/$1 >$tree/DEBIAN/conffiles
dpkg-deb --root-owner-group -Znone -b $tree $5/$1_$(echo $2 | tr : %)_$3.deb; rm -r $tree"#;

/// Where the archives are.
const ARCHIVE: &str = "/srv/lab";
/// The packages of a suite.
const POOL: &str = "/srv/lab/pool";

impl Debian {
    /// One whose apt knows of no archive.
    pub(super) fn create() -> Self {
        lab(tools::check_for(&["dpkg-scanpackages"]));
        let debian = Self { chroot: lab(Chroot::create(Path::new(PORTREEVE))) };
        debian.run(
            "rm -rf /etc/apt/sources.list* /var/lib/apt/lists/* && mkdir -p /srv/lab /etc/apt/sources.list.d",
        );
        debian
    }

    /// What a shell's command of root prints; it must end with 0.
    #[track_caller]
    pub(super) fn run(&self, command: &str) -> Output {
        let output = lab(self.chroot.run(command));
        assert_eq!(output.status, 0, "{command}: {output:#?}");
        output
    }

    /// Writes a file; its folder must be there.
    pub(super) fn write(&self, path: &str, text: &str) {
        lab(self.chroot.write(path, text));
    }

    /// Where the machine sees a file of it.
    pub(super) fn file(&self, path: &str) -> PathBuf {
        self.chroot.file(path)
    }

    /// Builds packages, each in the folder of its suite below [`POOL`].
    pub(super) fn build(&self, packages: &[Deb]) {
        let mut script = format!("set -e\nbuild() {{ {BUILD}\n}}\n");
        for Deb { suite, name, version, architecture, source } in packages {
            writeln!(script, "build {name} {version} {architecture} '{source}' {POOL}/{suite} >/dev/null")
                .expect("a string takes everything");
        }
        self.run(&script);
    }

    /// Makes an archive of what was built for `suite`, which says `release` of itself.
    pub(super) fn scan(&self, suite: &str, release: &str) {
        // It changes to where it looks by the whole path, which for the machine is another.
        let (archive, pool) = (self.file(ARCHIVE), self.file(&format!("{POOL}/{suite}")));
        let mut scan = Command::new("dpkg-scanpackages");
        scan.arg("--multiversion").arg(pool).stdin(Stdio::null());
        let output = scan.output().expect("it was looked for");
        let list = lab(Output::from(output).success("dpkg-scanpackages")).stdout;
        let list = list.replace(&format!("{}/", archive.display()), "");
        assert!(!list.is_empty(), "{suite} has packages");
        self.archive(suite, release, &list);
    }

    /// Makes an archive of this list of packages, which says `release` of itself.
    pub(super) fn archive(&self, suite: &str, release: &str, list: &str) {
        let folder = format!("{ARCHIVE}/dists/{suite}/main/binary-amd64");
        self.run(&format!("mkdir -p {folder}"));
        self.write(&format!("{folder}/Packages"), list);
        self.write(&format!("{ARCHIVE}/dists/{suite}/Release"), release);
        self.run(&format!(
            "cd {ARCHIVE}/dists/{suite} && file=main/binary-amd64/Packages && {{ echo SHA256: && \
             echo \" $(sha256sum <$file | cut -d ' ' -f 1) $(stat -c %s $file) $file\"; }} >>Release"
        ));
        let source = format!("deb [trusted=yes] file:{ARCHIVE} {suite} main\n");
        self.write(&format!("/etc/apt/sources.list.d/{suite}.list"), &source);
    }

    /// Has apt fetch its lists anew, and keep them as `options` say.
    pub(super) fn update(&self, options: &str) {
        self.run(&format!("rm -rf /var/lib/apt/lists/*; apt-get -q update --error-on=any {options}"));
    }

    /// What apt says of packages.
    pub(super) fn policy(&self, names: &[&str]) -> BTreeMap<String, Told> {
        let output = self.run(&format!("apt-cache policy {}", names.join(" ")));
        let mut told: BTreeMap<String, Told> = BTreeMap::new();
        let mut name = "";
        for line in output.stdout.lines() {
            let version = |version: &str| (version != "(none)").then(|| version.to_owned());
            if let Some(package) = line.strip_suffix(':').filter(|line| !line.starts_with(' ')) {
                name = package;
            } else if let Some(installed) = line.strip_prefix("  Installed: ") {
                told.entry(name.into()).or_default().installed = version(installed);
            } else if let Some(candidate) = line.strip_prefix("  Candidate: ") {
                told.entry(name.into()).or_default().candidate = version(candidate);
            }
        }
        told
    }

    /// What portreeve says where these files run.
    pub(super) fn patches(&self, files: &[&str]) -> Value {
        self.write("/root/maps", &maps(files));
        let command = "portreeve patches --root / --maps /root/maps --policy none -o json";
        lab(self.chroot.run(command)).json()
    }
}

/// Files that run, as /proc/PID/maps has them.
pub(super) fn maps(files: &[&str]) -> String {
    let line = |(place, file): (usize, &&str)| {
        let (begin, end, inode) = (0x1000 * place + 0x1000, 0x1000 * place + 0x2000, 1_000_000 + place);
        format!("{begin:x}-{end:x} r-xp 00000000 00:00 {inode} {file}\n")
    };
    files.iter().enumerate().map(line).collect()
}

/// Each package of an answer of `patches`, and what is told of it.
pub(super) fn by_package(answer: &Value) -> BTreeMap<String, &Value> {
    let patches = answer["patches"].as_array().expect("`patches` is promised");
    let named = patches.iter().filter_map(|patch| Some((patch["package"].as_str()?.to_owned(), patch)));
    named.collect()
}

/// The package of each file of an answer of `patches`.
pub(super) fn by_file(answer: &Value) -> BTreeMap<String, Option<String>> {
    let patches = answer["patches"].as_array().expect("`patches` is promised");
    let files = patches.iter().flat_map(|patch| {
        let package = patch["package"].as_str().map(str::to_owned);
        let files = patch["files"].as_array().expect("`files` is promised");
        files.iter().map(move |file| (file["path"].as_str().expect("a path").to_owned(), package.clone()))
    });
    files.collect()
}

/// The kinds of what could not be seen.
pub(super) fn gaps(answer: &Value) -> BTreeSet<String> {
    let gaps = answer["gaps"].as_array().expect("`gaps` is promised");
    gaps.iter().map(|gap| gap["what"].as_str().expect("a kind").to_owned()).collect()
}
