//! What settings of apt decide which version would be installed (apt.conf(5), A18).

use alloc::{
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::pins::Understanding;

/// The setting, without capitals, of the release that is installed from.
const DEFAULT_RELEASE: &str = "apt::default-release";
/// Settings by which apt reads other files, or for another host, and what they are where nobody sets them.
const PLACES: [(&str, &str); 9] = [
    ("rootdir", ""),
    ("dir", ""),
    ("dir::state", "var/lib/apt"),
    ("dir::state::lists", "lists"),
    ("dir::state::status", "var/lib/dpkg/status"),
    ("dir::etc", "etc/apt"),
    ("dir::etc::preferences", "preferences"),
    ("dir::etc::preferencesparts", "preferences.d"),
    ("apt::architecture", ""),
];
/// Nobody nests settings as deeply.
const DEPTH_MAX: usize = 64;

/// What was set so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AptSettings {
    /// The release that is installed from before others.
    pub default_release: Option<String>,
}

/// A piece of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'a> {
    Word(&'a str),
    Begin,
    End,
    Stop,
}

impl AptSettings {
    /// Adds what a file sets, whose word counts more than what came before, and tells whether all of it is understood that decides.
    pub fn read(&mut self, bytes: &[u8]) -> Understanding {
        let text = String::from_utf8_lossy(bytes);
        let Some(pieces) = pieces(&text) else { return unread(&text) };
        let (mut scopes, mut words) = (Vec::new(), Vec::new());
        let mut understanding = Understanding::Whole;
        for piece in pieces {
            match piece {
                Piece::Word(word) => words.push(word),
                Piece::Begin if scopes.len() < DEPTH_MAX => {
                    scopes.push(words.first().copied().unwrap_or_default());
                    words.clear();
                }
                // As apt has it, what is not ended before is a mistake.
                Piece::End if words.is_empty() && !scopes.is_empty() => _ = scopes.pop(),
                Piece::Begin | Piece::End => return unread(&text),
                Piece::Stop => {
                    if self.set(&scopes, &words) == Understanding::Partial {
                        understanding = Understanding::Partial;
                    }
                    words.clear();
                }
            }
        }
        if words.is_empty() && scopes.is_empty() { understanding } else { unread(&text) }
    }

    fn set(&mut self, scopes: &[&str], words: &[&str]) -> Understanding {
        let (Some(name), value) = (words.first(), words.get(1).copied().unwrap_or_default()) else {
            return Understanding::Whole;
        };
        let full = |name: &str| {
            let within = scopes.iter().copied().chain([name]).collect::<Vec<_>>();
            within.join("::").to_ascii_lowercase()
        };
        match *name {
            "#include" => return Understanding::Partial,
            "#clear" if is_within(DEFAULT_RELEASE, &full(value)) => self.default_release = None,
            name if words.len() > 1 => {
                let name = full(name);
                if name == DEFAULT_RELEASE {
                    self.default_release = Some(value.to_string()).filter(|release| !release.is_empty());
                }
                let place = PLACES.iter().find(|(place, _)| *place == name);
                if place.is_some_and(|(_, usual)| value.trim_matches('/') != *usual) {
                    return Understanding::Partial;
                }
            }
            _ => {}
        }
        Understanding::Whole
    }
}

/// Whether a setting is the one that is named or below it.
fn is_within(setting: &str, named: &str) -> bool {
    setting == named || setting.starts_with(&format!("{named}::"))
}

/// A file that is not understood matters where it names what decides.
fn unread(text: &str) -> Understanding {
    let text = text.to_ascii_lowercase();
    let is_named = [
        "default-release",
        "#include",
        "preferences",
        "rootdir",
        "dir::state",
        "dir::etc",
        "apt::architecture",
    ]
    .into_iter()
    .any(|name| text.contains(name));
    if is_named { Understanding::Partial } else { Understanding::Whole }
}

/// The pieces of a file, without its comments; `None` where a quoted word or a comment does not end.
fn pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.bytes().next() else { return Some(pieces) };
        let is_directive = rest.starts_with("#clear") || rest.starts_with("#include");
        if rest.starts_with("//") || first == b'#' && !is_directive {
            rest = rest.split_once('\n').map_or("", |(_, behind)| behind);
            continue;
        }
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/")?.1;
            continue;
        }
        let (piece, length) = match first {
            b'{' => (Piece::Begin, 1),
            b'}' => (Piece::End, 1),
            b';' => (Piece::Stop, 1),
            b'"' => {
                let end = rest.get(1..)?.find('"')?;
                (Piece::Word(rest.get(1..=end)?), end + 2)
            }
            _ => {
                let end =
                    rest.find(|sign: char| sign.is_whitespace() || matches!(sign, '{' | '}' | ';' | '"'));
                let end = end.unwrap_or(rest.len());
                (Piece::Word(rest.get(..end)?), end)
            }
        };
        pieces.push(piece);
        rest = rest.get(length..)?;
    }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::ToOwned as _;

    use super::*;

    fn read(text: &str) -> (Option<String>, Understanding) {
        let mut settings = AptSettings { default_release: Some("before".to_owned()) };
        let understanding = settings.read(text.as_bytes());
        (settings.default_release, understanding)
    }

    #[test]
    fn the_default_release_is_read_as_apt_reads_it() {
        for (text, release) in [
            ("APT::Default-Release \"stable\";\n", "stable"),
            ("APT { Default-Release \"bookworm\"; };", "bookworm"),
            ("APT { Default-Release \"bookworm\"; }", "bookworm"),
            ("apt{default-release stable;Foo \"x\";};", "stable"),
            ("APT::Default-Release\n \"stable\"; // so far\nAPT::X \"1\";", "stable"),
            ("/* APT::Default-Release \"x\"; */ APT::Default-Release /* */ \"y\"; # z", "y"),
            ("APT::Default-Release \"x\"; APT::Default-Release \"y\";", "y"),
            ("// APT::Default-Release \"x\";\n# APT::Default-Release \"x\";\n", "before"),
            ("APT::X \"1\"; // Default-Release \"x\";\n", "before"),
            (
                "Foo::Default-Release \"x\"; Foo { Default-Release \"x\"; }; XAPT::Default-Release \"x\";",
                "before",
            ),
            ("APT::Default-Release-Foo \"x\"; APT::Default-Release;", "before"),
            ("APT { Periodic { Default-Release \"x\"; }; };", "before"),
        ] {
            assert_eq!(read(text), (Some(release.to_owned()), Understanding::Whole), "{text}");
        }
        for text in [
            "APT::Default-Release \"\";",
            "#clear APT::Default-Release;",
            "#clear APT;",
            "apt { #clear Default-Release; };",
        ] {
            assert_eq!(read(text), (None, Understanding::Whole), "{text}");
        }
    }

    #[test]
    fn what_other_packages_set_is_passed_over() {
        for text in [
            "DPkg::Post-Invoke { \"rm -f /a; true\"; };\nDir::Cache::pkgcache \"\"; Dir::Cache::srcpkgcache \"\";\n",
            "Unattended-Upgrade::Origins-Pattern {\n // \"a\"\n \"origin=Debian,codename=${distro_codename}\";\n};\n",
            "APT { NeverAutoRemove { \"^linux.*\"; }; }; Acquire::Order:: \"gz\";",
            "Dir \"/\"; Dir::State \"var/lib/apt/\"; Dir::Etc::preferencesparts \"preferences.d\";",
            "Acquire::http::Proxy \"http://[::1]:3142/\"",
        ] {
            assert_eq!(read(text), (Some("before".to_owned()), Understanding::Whole), "{text}");
        }
    }

    #[test]
    fn what_leads_elsewhere_or_is_broken_is_not_understood() {
        for text in [
            "APT::Default-Release \"stable;\n",
            "APT { Default-Release \"stable\";",
            "APT::Default-Release \"stable\"",
            "/* APT::Default-Release \"x\";",
            "APT { Default-Release \"x\" };",
            "#include \"/etc/other.conf\";",
            "Dir::Etc::Preferences \"/elsewhere\";",
            "Dir { State { lists \"other/\"; }; };",
            "APT::Architecture \"armhf\";",
        ] {
            assert_eq!(read(text).1, Understanding::Partial, "{text}");
        }
    }
}
