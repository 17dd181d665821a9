//! Which port a person means: a number, a name, a URL, or an error that was pasted whole (A1, A6).

mod pasted;

use clap::{Arg, ArgAction, ArgMatches};
use portreeve_core::{
    facts::Listener,
    port::{PortError, PortRange, Protocol},
    registry::{Assignment, Registry},
    text,
    words::{Text, Words},
};

use crate::failure::Failure;

/// Numbers that are asked about; without a protocol, of all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The numbers.
    pub(crate) range: PortRange,
    /// The protocol, if one was named.
    pub(crate) protocol: Option<Protocol>,
}

impl Asked {
    /// Whether `listener` is on one of the numbers.
    pub(crate) fn means(&self, listener: &Listener) -> bool {
        self.is(listener.protocol, listener.port)
    }

    /// Whether this is one of the numbers.
    pub(crate) fn is(&self, protocol: Protocol, port: u16) -> bool {
        self.range.contains(port) && self.protocol.is_none_or(|asked| asked == protocol)
    }
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.protocol {
            Some(protocol) => write!(f, "{}/{protocol}", self.range),
            None => write!(f, "{}", self.range),
        }
    }
}

/// The argument of a command that is asked about ports.
const WHAT: &str = "what";

/// The words that name the ports a command is asked about, explained by `help`.
pub(crate) fn argument(help: &'static str) -> Arg {
    Arg::new(WHAT).value_name("PORT").num_args(1..).required(true).action(ArgAction::Append).help(help)
}

/// What was written for it.
pub(crate) fn words(own: &ArgMatches) -> Vec<String> {
    listed(own.get_many::<String>(WHAT).into_iter().flatten())
}

/// The same words, where a list of numbers as our own tables write it (`80,443/tcp`) is as many words.
pub(crate) fn listed<'a>(words: impl Iterator<Item = &'a String>) -> Vec<String> {
    words.flat_map(|word| numbers(word).unwrap_or_else(|| vec![word.clone()])).collect()
}

/// `80/tcp` and `443/tcp` of `80,443/tcp`, `80` and `http` of `80,http`; `None` of what is no list with a number in it.
fn numbers(word: &str) -> Option<Vec<String>> {
    let parts: Vec<_> = word.split(',').map(str::trim).collect();
    let is_item = |part: &&str| number(part).is_some() || is_service_name(part);
    let is_list =
        parts.len() > 1 && parts.iter().all(is_item) && parts.iter().any(|part| number(part).is_some());
    let protocol = parts.last()?.split_once('/').map(|(_, protocol)| format!("/{protocol}"));
    let one = |part: &&str| match &protocol {
        Some(protocol) if !part.contains('/') => format!("{part}{protocol}"),
        _ => (*part).to_owned(),
    };
    is_list.then(|| parts.iter().map(one).collect())
}

/// Whether it is spelt as IANA spells the names of services (RFC 6335, section 5.1), a protocol behind it or not.
fn is_service_name(word: &str) -> bool {
    let (name, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    let is_spelt = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_+.".contains(&byte))
    };
    is_spelt(name) && is_spelt(protocol)
}

/// What the words of a command line ask about: one question a word where every word is a port or a service, else one of
/// all words joined, as a pasted error needs no quotes.
///
/// # Errors
///
/// Where they name no port.
pub(crate) fn questions(words: &[String], registry: Registry<'_>) -> Result<Vec<Vec<Asked>>, Failure> {
    let names_port = |word: &String| number(word).is_some() || !names(word, registry).is_empty();
    if !words.iter().all(names_port) {
        return Ok(vec![ports(&words.join(" "), registry)?]);
    }
    let mut questions = Vec::new();
    for word in words {
        let asked = ports(word, registry)?;
        if !questions.contains(&asked) {
            questions.push(asked);
        }
    }
    Ok(questions)
}

/// What a list of numbers, a word or a sentence asks about.
///
/// # Errors
///
/// Where a part of it names no port.
pub(crate) fn any_of(word: &String, registry: Registry<'_>) -> Result<Vec<Asked>, Failure> {
    let mut asked = Vec::new();
    for part in listed([word].into_iter()) {
        asked.extend(ports(&part, registry)?);
    }
    Ok(asked)
}

/// What a word or a sentence asks about.
///
/// # Errors
///
/// Where it names no port.
pub(crate) fn ports(asked: &str, registry: Registry<'_>) -> Result<Vec<Asked>, Failure> {
    let asked = asked.trim();
    // A sentence may begin with a date: 2024/01/02.
    let is_sentence = asked.contains(char::is_whitespace);
    if let Some(read) = number(asked).filter(|_| !is_sentence) {
        return read.map(|asked| vec![asked]).map_err(|error| no_port(asked, error.text()));
    }
    let named = names(asked, registry);
    if !named.is_empty() {
        return Ok(named);
    }
    if let Some(found) = pasted::read(asked, registry) {
        return Ok(vec![found]);
    }
    let no_name = if is_sentence && pasted::is_error(asked) { NO_NUMBER } else { NO_NAME };
    Err(no_port(asked, wrong_protocol(asked, registry).unwrap_or(no_name.into())))
}

const NO_NAME: Words = Words {
    en: "it is neither a number nor a service that IANA knows, and no port stands in it",
    ja: "番号でも IANA に登録されたサービス名でもなく、ポートも含まれていません",
};

const NO_NUMBER: Words = Words {
    en: "it tells of an error, but not on which port; the program's settings may say",
    ja: "エラーの内容は分かりますが、どのポートかが書かれていません。そのプログラムの設定を確認してください",
};

/// Of `https/tpc`, what is wrong with it.
fn wrong_protocol(word: &str, registry: Registry<'_>) -> Option<Text> {
    let (known, _) = word.split_once('/').filter(|(known, _)| registry.find(known).next().is_some())?;
    service(word).err().filter(|_| !known.contains(' ')).map(|error| error.text())
}

/// What was asked for, as a person is told of it; in Japanese up to the particle, which follows it.
pub(crate) fn spoken(asked: &[Asked]) -> Text {
    let ports: Vec<_> = asked.iter().map(ToString::to_string).collect();
    let is_bare = matches!(asked, [Asked { range, protocol: None }] if range.is_one());
    let ja = format!("{} {}", ports.join("、"), if is_bare { "番" } else { "" });
    Text { en: ports.join(", "), ja }
}

/// The numbers to look at for all of `asked`, and what lies between.
pub(crate) fn span(asked: &[Asked]) -> Option<PortRange> {
    let first = asked.iter().map(|asked| asked.range.first).min()?;
    let last = asked.iter().map(|asked| asked.range.last).max()?;
    Some(PortRange { first, last })
}

fn no_port(asked: &str, cause: Text) -> Failure {
    Failure::usage(text!("`{asked}` names no port", "`{asked}` からポートを特定できません")).because(cause).hint(
        Words {
            en: "such as 443, 443/udp, https, :3000, 30000-30099/tcp, a URL, or an error message that names it",
            ja: "443、443/udp、https、:3000、30000-30099/tcp、URL、またはポートを含むエラーメッセージを指定してください",
        },
    )
}

/// `443`, `:443`, `443/udp`, `30000-30099/tcp`; `None` where it does not look like one, as `80,` does.
pub(crate) fn number(word: &str) -> Option<Result<Asked, PortError>> {
    let word = word.strip_prefix(':').unwrap_or(word);
    let (numbers, protocol) = match word.split_once('/') {
        Some((numbers, protocol)) => (numbers, Some(protocol)),
        None => (word, None),
    };
    let looks = numbers.starts_with(|first: char| first.is_ascii_digit())
        && numbers.bytes().all(|byte| byte.is_ascii_digit() || b"-,".contains(&byte));
    looks.then(|| {
        let protocol = protocol.map(|name| protocol_of(word, name)).transpose()?;
        Ok(Asked { range: numbers.parse()?, protocol })
    })
}

/// Every number that IANA gives this name, optionally of one protocol (`https/udp`).
fn names(word: &str, registry: Registry<'_>) -> Vec<Asked> {
    let Ok((name, protocol)) = service(word) else { return Vec::new() };
    let mut found = Vec::new();
    for assignment in assigned(name, protocol, registry) {
        let asked =
            Asked { range: assignment.range, protocol: Some(protocol.unwrap_or(assignment.protocol)) };
        if !found.contains(&asked) {
            found.push(asked);
        }
    }
    found
}

/// `https`, or `https/tcp`: the name, and the protocol if one stands behind it.
///
/// # Errors
///
/// Where what stands behind it is no protocol.
pub(crate) fn service(word: &str) -> Result<(&str, Option<Protocol>), PortError> {
    match word.split_once('/') {
        Some((name, protocol)) => Ok((name, Some(protocol_of(word, protocol)?))),
        None => Ok((word, None)),
    }
}

/// The protocol that stands behind the slash of `word`.
fn protocol_of(word: &str, name: &str) -> Result<Protocol, PortError> {
    if name.is_empty() {
        return Err(PortError::NoProtocol(word.into()));
    }
    name.to_ascii_lowercase().parse()
}

/// What IANA assigns to a name: of a protocol without assignments of its own, those that hold for it.
pub(crate) fn assigned<'a>(
    name: &str,
    protocol: Option<Protocol>,
    registry: Registry<'a>,
) -> impl Iterator<Item = Assignment<'a>> {
    let protocol = protocol.map(Protocol::assigned_as);
    registry.find(name).filter(move |found| protocol.is_none_or(|protocol| protocol == found.protocol))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Option<String> {
        let words: Vec<_> = text.split(' ').map(String::from).collect();
        let questions = questions(&words, Registry::builtin()).ok()?;
        let shown = |asked: &Vec<Asked>| asked.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        Some(questions.iter().map(shown).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn several_ports_are_several_questions() {
        assert_eq!(asked("25 443 3000/tcp").as_deref(), Some("25; 443; 3000/tcp"));
        assert_eq!(asked("ssh/tcp :8080").as_deref(), Some("22/tcp; 8080"));
        assert_eq!(asked("443 443").as_deref(), Some("443"));
        assert_eq!(asked("443 70000"), None);
        for sentence in ["port 3000 in use", "bind 3000 failed", "listen on 3000"] {
            assert_eq!(asked(sentence).as_deref(), Some("3000"), "{sentence}");
        }
    }

    #[test]
    fn a_list_that_a_table_shows_is_so_many_words() {
        let shown = |word: &str| listed([word.to_owned()].iter()).join(" ");
        assert_eq!(shown("80,443/tcp"), "80/tcp 443/tcp");
        assert_eq!(shown("22,30000-30099"), "22 30000-30099");
        assert_eq!(shown("80,http"), "80 http");
        assert_eq!(shown("53/udp, 80,443/tcp"), "53/udp 80/tcp 443/tcp");
        for other in
            ["80", "80/tcp", "80,", ",80", "80,,443", "http,https", "[Errno 98] ('::1', 7001, 0, 0)", "a,b"]
        {
            assert_eq!(shown(other), other);
        }
    }

    #[test]
    fn a_name_is_known_by_the_protocol_that_its_assignment_holds_for() {
        assert_eq!(asked("domain/udplite").as_deref(), Some("53/udplite"));
        assert_eq!(asked("HTTPS/TCP").as_deref(), Some("443/tcp"));
        let causes = |word| wrong_protocol(word, Registry::builtin()).map(|text| text.en);
        assert_eq!(causes("https/tpc").as_deref(), Some("`tpc` is not a protocol"));
        assert_eq!(causes("https/").as_deref(), Some("`https/` names no protocol"));
        assert_eq!(causes("banana/tpc"), None);
    }

    #[test]
    fn numbers_are_read_as_people_write_them() {
        for (text, meant) in [
            ("443", "443"),
            (":3000", "3000"),
            ("443/udp", "443/udp"),
            ("443/UDP", "443/udp"),
            ("30000-30099/tcp", "30000-30099/tcp"),
            ("localhost:3000", "3000"),
            ("[::]:3000", "3000"),
            ("http://localhost:8080/x?y=1:2", "8080"),
            ("http://[::1]:9000", "9000"),
        ] {
            assert_eq!(asked(text).as_deref(), Some(meant), "{text}");
        }
    }

    #[test]
    fn a_pasted_error_names_its_port() {
        for (text, meant) in [
            ("Error: listen EADDRINUSE: address already in use :::3000", "3000"),
            ("EADDRINUSE: address already in use 127.0.0.1:8080", "8080"),
            ("listen tcp :8080: bind: address already in use", "8080/tcp"),
            ("listen udp 0.0.0.0:53: bind: permission denied", "53/udp"),
            ("nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)", "80"),
            ("nginx: [emerg] bind() to [::]:80 failed (98: Address already in use)", "80"),
            ("Web server failed to start. Port 8080 was already in use.", "8080"),
            ("Is another postmaster already running on port 5432?", "5432"),
            ("Bind for 0.0.0.0:443 failed: port is already allocated", "443"),
            ("at Server.listen (node:net:1817:16) port: 3000", "3000"),
            (
                "[Errno 98] error while attempting to bind on address ('127.0.0.1', 7001): address already in use",
                "7001",
            ),
            ("[Errno 98] bind on address ('::1', 7001, 0, 0): address already in use", "7001"),
            ("Address already in use: null:7001", "7001"),
            ("listen tcp :http: bind: permission denied", "80/tcp"),
            ("Bind for 0.0.0.0:7001->80/tcp failed", "7001/tcp"),
            ("cannot listen on example.com:7001 (see main.go:12)", "7001"),
            ("-bash: bind: port 3000 in use", "3000"),
        ] {
            assert_eq!(asked(text).as_deref(), Some(meant), "{text}");
        }
    }

    #[test]
    fn what_names_no_port_is_refused() {
        for text in [
            "banana",
            "70000",
            "443/tpc",
            "9-3",
            "80,,",
            "",
            "OSError: [Errno 98] Address already in use",
            "0x50",
        ] {
            assert_eq!(asked(text), None, "{text}");
        }
    }
}
