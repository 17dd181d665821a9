//! What dpkg keeps of installed packages: its status, lists of files, and diversions (dpkg(1), dpkg-divert(1), A18).

use alloc::{
    borrow::{Cow, ToOwned as _},
    collections::BTreeMap,
    format,
    string::String,
    vec::Vec,
};

use super::{
    Installed, Paths,
    control::Stanza,
    sought::{Found, Spelling},
    spelling::spellings,
};

/// A package and the architecture that its list of files is kept for: `libc6` and `amd64` of `libc6:amd64.list`.
pub type Name = (String, Option<String>);

/// Of whom a list of files is, by the name of its file; `None` for any other file.
#[must_use]
pub fn listed(file: &str) -> Option<Name> {
    let stem = file.strip_suffix(".list")?;
    Some(match stem.split_once(':') {
        Some((name, architecture)) => (name.to_owned(), Some(architecture.to_owned())),
        None => (stem.to_owned(), None),
    })
}

/// How the list of files of a stanza's package is called: of one that may be installed for several architectures at once, with
/// its own (dpkg's `pkg_infodb_get_file`).
#[must_use]
pub fn list(stanza: Stanza<'_>) -> String {
    let [name, architecture, shared] = values(stanza, ["Package", "Architecture", "Multi-Arch"]);
    let name = name.unwrap_or_default();
    match architecture.filter(|_| shared.as_deref() == Some("same")) {
        Some(architecture) => format!("{name}:{architecture}.list"),
        None => format!("{name}.list"),
    }
}

/// What a stanza of the status says of its package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Its files are on the disk.
    Installed(Installed),
    /// They are not.
    Gone(Name),
}

/// What became of the package of a stanza; `None` where that is not told, as of one that was cut off, or whose version is none.
///
/// A distroless image keeps such stanzas in files of their own, which say nothing of their state.
#[must_use]
pub fn state(stanza: Stanza<'_>) -> Option<State> {
    let [name, version, architecture, source, status] =
        values(stanza, ["Package", "Version", "Architecture", "Source", "Status"]);
    let (name, architecture) = (name?, architecture.map(Cow::into_owned));
    let mut words = status.as_deref().unwrap_or("install ok installed").split(' ');
    let (want, state) = (words.next(), words.nth(1)?);
    if matches!(state, "not-installed" | "config-files") {
        return Some(State::Gone((name.into_owned(), architecture)));
    }
    let version = version.filter(|version| is_version(version))?;
    let origin = origin(source.as_deref().unwrap_or(&name), &version);
    let (source, source_version) = (origin.0.to_owned(), origin.1.to_owned());
    Some(State::Installed(Installed {
        name: name.into_owned(),
        architecture,
        version: version.into_owned(),
        source,
        source_version,
        held: want == Some("hold"),
    }))
}

/// Whether it is a version: of what is none dpkg reads the whole status not (its `parseversion`; of a strange letter it warns).
fn is_version(text: &str) -> bool {
    let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
    let is_number = !epoch.is_empty() && epoch.bytes().all(|byte| byte.is_ascii_digit());
    is_number && !rest.is_empty() && !rest.ends_with('-') && !rest.contains(char::is_whitespace)
}

/// The package of a stanza, where its files are on the disk.
#[must_use]
pub fn installed(stanza: Stanza<'_>) -> Option<Installed> {
    match state(stanza)? {
        State::Installed(package) => Some(package),
        State::Gone(_) => None,
    }
}

/// Of which package a stanza of the status is, whatever became of it.
#[must_use]
pub fn named(stanza: Stanza<'_>) -> Option<Name> {
    let [name, architecture] = values(stanza, ["Package", "Architecture"]);
    Some((name?.into_owned(), architecture.map(Cow::into_owned)))
}

/// The values of these fields, whose names are the same in capitals (deb822(5)).
fn values<'a, const COUNT: usize>(stanza: Stanza<'a>, names: [&str; COUNT]) -> [Option<Cow<'a, str>>; COUNT] {
    let mut values = [const { None }; COUNT];
    for (field, value) in stanza.texts() {
        let known = names.iter().zip(&mut values).find(|(name, _)| name.eq_ignore_ascii_case(&field));
        if let Some((_, place)) = known {
            *place = Some(value);
        }
    }
    values
}

/// Whether a file of the journal that dpkg keeps beside its status is one of its entries, which come in the order of their names
/// (`updates/0001`; dpkg's lib/dpkg/dbmodify.c, `ulist_select`).
#[must_use]
pub fn is_journal(name: &str) -> bool {
    const DIGITS_MAX: usize = 10;
    (1..=DIGITS_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_digit())
}

/// `Source: glibc (2.36-9)`; the version stands there only where it differs (deb-control(5)).
pub(super) fn origin<'a>(source: &'a str, version: &'a str) -> (&'a str, &'a str) {
    let (name, told) = source.split_once(' ').unwrap_or((source, ""));
    let told = told.trim().strip_prefix('(').and_then(|told| told.strip_suffix(')'));
    (name, told.unwrap_or(version))
}

/// Whether a stanza is of the package whose list of files has this name.
#[must_use]
pub fn is_named(installed: &Installed, (name, architecture): &Name) -> bool {
    installed.name == *name
        && architecture.as_ref().is_none_or(|it| installed.architecture.as_ref() == Some(it))
}

/// The files that one package has another's moved away for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diversions {
    by_path: BTreeMap<String, Diversion>,
    /// The paths by those where the files are instead.
    by_place: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Diversion {
    place: String,
    /// The package that has the path for itself; nobody's where the administrator diverted it.
    taker: String,
}

impl Diversions {
    /// Reads `/var/lib/dpkg/diversions`: three lines each, the path, where the file is instead, and for which package (`:`
    /// for the administrator).
    #[must_use]
    pub fn read(text: &str) -> Self {
        let lines: Vec<&str> = text.lines().collect();
        let mut diversions = Self::default();
        for entry in lines.chunks_exact(3) {
            let [path, place, taker] = *entry else { continue };
            let diversion = Diversion { place: place.into(), taker: taker.into() };
            diversions.by_path.insert(path.into(), diversion);
            diversions.by_place.insert(place.into(), path.into());
        }
        diversions
    }

    /// The path from which the file at `path` was moved away.
    fn origin(&self, path: &str) -> Option<&str> {
        spellings(path).find_map(|path| self.by_place.get(&*path)).map(String::as_str)
    }

    /// Where the file is that the list of `package` names as `listed`.
    fn place<'p>(&'p self, listed: &'p str, package: &str) -> &'p str {
        let diverted = spellings(listed).find_map(|path| self.by_path.get(&*path));
        diverted.filter(|diversion| diversion.taker != package).map_or(listed, |diversion| &diversion.place)
    }
}

/// What is looked for in lists of files.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// What a line may say, each with the files that may be meant.
    by_line: BTreeMap<String, Vec<String>>,
    diversions: Diversions,
}

impl Search {
    /// A search for `wanted`, as diverted.
    #[must_use]
    pub fn new(wanted: &Paths, diversions: Diversions) -> Self {
        let mut by_line: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in wanted {
            for named in [Some(path.as_str()), diversions.origin(path)].into_iter().flatten() {
                for line in spellings(named) {
                    by_line.entry(line.into_owned()).or_default().push(path.clone());
                }
            }
        }
        Self { by_line, diversions }
    }

    /// The wanted files that the list of `package` names, an absolute path a line.
    #[must_use]
    pub fn find(&self, package: &str, list: &[u8]) -> Found {
        let lines = list.split(|&byte| byte == b'\n').filter_map(|line| core::str::from_utf8(line).ok());
        let mut found = Found::new();
        for (line, paths) in lines.filter_map(|line| Some((line, self.by_line.get(line)?))) {
            let place = self.diversions.place(line, package);
            for path in paths.iter().filter(|path| are_one(path, place)) {
                let spelling = if path == place { Spelling::Own } else { Spelling::Other };
                let known = found.entry(path.clone()).or_insert(spelling);
                *known = spelling.max(*known);
            }
        }
        found
    }
}

fn are_one(path: &str, other: &str) -> bool {
    spellings(path).any(|path| path == other)
}

/// The files of a package of a distroless image: `d41d8cd9…  usr/bin/x`, a line each.
#[must_use]
pub fn summed(sums: &[u8]) -> Vec<u8> {
    let mut list = Vec::with_capacity(sums.len());
    for line in sums.split(|&byte| byte == b'\n') {
        let Some(place) = line.windows(2).position(|pair| pair == b"  ") else { continue };
        list.push(b'/');
        list.extend_from_slice(&line[place + 2..]);
        list.push(b'\n');
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &[u8] =
        b"Package: openssh-server\nStatus: install ok installed\nArchitecture: amd64\nSource: openssh\n\
Version: 1:9.2p1-2+deb12u3\nConffiles:\n /etc/default/ssh 500e\n";

    fn read(stanza: &[u8]) -> Option<Installed> {
        installed(Stanza::whole(stanza))
    }

    #[test]
    fn a_package_is_read_with_its_source() {
        let ssh = read(STATUS).unwrap();
        assert_eq!((&*ssh.name, &*ssh.version), ("openssh-server", "1:9.2p1-2+deb12u3"));
        assert_eq!((&*ssh.source, &*ssh.source_version, ssh.held), ("openssh", "1:9.2p1-2+deb12u3", false));
        let lib = read(b"Package: libgcc-s1\nStatus: hold ok installed\nVersion: 12.2.0-14\nSource: gcc-12 (12.2.0-13)\n");
        let lib = lib.unwrap();
        assert_eq!((&*lib.source, &*lib.source_version, lib.held), ("gcc-12", "12.2.0-13", true));
    }

    #[test]
    fn what_was_removed_is_not_installed_and_what_is_half_unpacked_is() {
        let of = |status: &str| read(format!("Package: a\nVersion: 1\nStatus: {status}\n").as_bytes());
        for gone in ["deinstall ok config-files", "purge ok not-installed", "install"] {
            assert_eq!(of(gone), None, "{gone}");
        }
        for here in ["install ok installed", "install ok half-configured", "install reinstreq half-installed"]
        {
            assert!(of(here).is_some(), "{here}");
        }
        assert!(read(b"Package: base-files\nVersion: 12\n").is_some(), "distroless says nothing of a state");
        let cut = Stanza::whole(b"Package: a\nStatus: install ok installed\n");
        assert_eq!(state(cut), None, "no version");
        for none in ["a b:c", "x:1", ":1", "1:", "1-", "1 2", ""] {
            let stanza = format!("Package: a\nStatus: install ok installed\nVersion: {none}\n");
            assert_eq!(state(Stanza::whole(stanza.as_bytes())), None, "{none}");
        }
        for strange in ["abc", "1_2", "1:2:3", "1/2"] {
            assert!(read(format!("Package: a\nVersion: {strange}\n").as_bytes()).is_some(), "{strange}");
        }
        let gone = Stanza::whole(b"Package: a\nStatus: purge ok not-installed\nArchitecture: all\n");
        assert_eq!(state(gone), Some(State::Gone(("a".into(), Some("all".into())))));
    }

    #[test]
    fn names_of_fields_in_small_letters_and_bytes_that_are_no_text_hide_no_package() {
        let small =
            read(b"package: a\nSTATUS: install ok installed\nversion: 1\narchitecture: amd64\n").unwrap();
        assert_eq!((&*small.name, &*small.version, small.architecture.as_deref()), ("a", "1", Some("amd64")));
        let strange = read(b"Package: a\nStatus: install ok installed\nVersion: 1\xff2\n").unwrap();
        assert_eq!(strange.version, "1\u{fffd}2");
    }

    #[test]
    fn a_stanza_is_of_a_package_whatever_became_of_it() {
        let gone = Stanza::whole(b"Package: a\nStatus: deinstall ok config-files\nArchitecture: all\n");
        assert_eq!(named(gone), Some(("a".into(), Some("all".into()))));
        assert!(is_journal("0001") && !is_journal("tmp.i") && !is_journal("") && !is_journal("12345678901"));
    }

    #[test]
    fn a_list_is_of_a_package_and_perhaps_of_an_architecture() {
        assert_eq!(listed("libc6:amd64.list"), Some(("libc6".into(), Some("amd64".into()))));
        assert_eq!(listed("nginx.list"), Some(("nginx".into(), None)));
        assert_eq!(listed("nginx.md5sums"), None);
        let ssh = read(STATUS).unwrap();
        let is = |name: &str| is_named(&ssh, &listed(name).unwrap());
        assert!(is("openssh-server.list") && is("openssh-server:amd64.list"));
        assert!(!is("openssh-server:i386.list") && !is("openssh.list"));
    }

    fn find(diversions: &str, wanted: &[&str], package: &str, list: &str) -> Vec<String> {
        let wanted: Paths = wanted.iter().map(|&path| path.into()).collect();
        let search = Search::new(&wanted, Diversions::read(diversions));
        search.find(package, list.as_bytes()).into_keys().collect()
    }

    #[test]
    fn a_file_is_found_by_either_spelling() {
        let list = "/.\n/lib/x86_64-linux-gnu/libc.so.6\n/usr/share/doc\n";
        let wanted = ["/usr/lib/x86_64-linux-gnu/libc.so.6", "/usr/lib/other"];
        assert_eq!(find("", &wanted, "libc6", list), ["/usr/lib/x86_64-linux-gnu/libc.so.6"]);
        assert_eq!(find("", &["/lib/a"], "a", "/usr/lib/a\n"), ["/lib/a"]);
        assert_eq!(find("", &["/usr/share/a"], "a", "/share/a\n"), [""; 0]);
    }

    #[test]
    fn a_diverted_file_is_where_it_was_moved_and_the_taker_has_the_path() {
        let diversions = "/usr/bin/ex\n/usr/bin/ex.distrib\ntaker\n";
        let list = "/usr/bin/ex\n";
        let both = ["/usr/bin/ex", "/usr/bin/ex.distrib"];
        assert_eq!(find(diversions, &both, "taker", list), ["/usr/bin/ex"]);
        assert_eq!(find(diversions, &both, "giver", list), ["/usr/bin/ex.distrib"]);
        assert_eq!(find("/usr/bin/ex\n/opt/ex\n:\n", &both, "giver", list), [""; 0], "the administrator's");
        assert_eq!(find("/bin/ex\n/bin/ex.distrib\nt\n", &both, "giver", list), ["/usr/bin/ex.distrib"]);
        assert_eq!(Diversions::read("/a\n/b\n"), Diversions::default(), "half an entry");
    }

    #[test]
    fn sums_name_files_without_the_first_slash() {
        assert_eq!(summed(b"d41d8cd98f00b204  usr/lib/a b\nbroken\n"), b"/usr/lib/a b\n".to_vec());
    }
}
