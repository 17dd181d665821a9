//! Finds the port in a sentence of another program.

use std::net::IpAddr;

use portreeve_core::{port::Protocol, registry::Registry};

use super::{Asked, names, number};

/// An error message is a few lines long.
const WORDS_MAX: usize = 1_000;

/// The port that `sentence` is about: what stands in an address or URL wins over the number after "port", and that
/// over the only number that nothing else explains.
pub(super) fn read(sentence: &str, registry: Registry<'_>) -> Option<Asked> {
    let spaced = space_keys(sentence);
    let split = |c: char| c.is_whitespace() || "\"'`,;(){}=".contains(c);
    let words: Vec<&str> =
        spaced.split(split).map(bare).filter(|word| !word.is_empty()).take(WORDS_MAX).collect();
    let protocol = words.iter().find_map(|word| protocol(word));
    let found = words
        .iter()
        .find_map(|word| published(word))
        .or_else(|| words.iter().find_map(|word| endpoint(word).or_else(|| url_with_port(word))))
        .or_else(|| pair(&words))
        .or_else(|| after_port(&words))
        .or_else(|| named(&words, protocol, registry))
        .or_else(|| {
            let mut words = words.iter().filter(|_| !is_error(sentence));
            words.find_map(|word| scheme(word, registry))
        })
        .or_else(|| only_number(sentence));
    found.map(|found| Asked { protocol: found.protocol.or(protocol), ..found })
}

/// `"id":20568` of JSON with a space for its colon, which begins no endpoint.
fn space_keys(sentence: &str) -> String {
    let mut before = (' ', ' ');
    let spaced = sentence.chars().map(|c| {
        let is_key = c == ':' && matches!(before.1, '"' | '\'') && before.0.is_ascii_alphanumeric();
        before = (before.1, c);
        if is_key { ' ' } else { c }
    });
    spaced.collect()
}

/// Whether `sentence` is about something that went wrong, as far as a few words tell.
pub(super) fn is_error(sentence: &str) -> bool {
    const SIGNS: [&str; 7] = ["error", "in use", "inuse", "denied", "fail", "refused", "cannot"];
    let sentence = sentence.to_ascii_lowercase();
    SIGNS.iter().any(|sign| sentence.contains(sign))
}

/// A word without the punctuation around it; brackets of an IPv6 address stay, and so does what begins one.
fn bare(word: &str) -> &str {
    let mark = |c: char| matches!(c, '.' | '?' | '!');
    let word = word.trim_start_matches(mark).trim_end_matches(|c: char| c == ':' || mark(c));
    match (word.contains('['), word.contains(']')) {
        (true, false) => word.trim_start_matches('['),
        (false, true) => word.trim_end_matches(']'),
        _ => word,
    }
}

/// `tcp`, `tcp4`, `udp6`, as Go and others write it.
fn protocol(word: &str) -> Option<Protocol> {
    let name = word.to_ascii_lowercase();
    match name.trim_end_matches(['4', '6']) {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        _ => None,
    }
}

/// `8080`, `8080/tcp`; nobody can ask for port 0.
fn one(written: &str) -> Option<Asked> {
    if !written.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    number(written)?.ok().filter(|asked| asked.range.is_one() && asked.range.first != 0)
}

/// `0.0.0.0:7001->80/tcp` and `0.0.0.0:7001:172.17.0.2:80/tcp`, as container engines write it: the host's port is meant.
fn published(word: &str) -> Option<Asked> {
    let (host, inside) = match word.split_once("->") {
        Some(both) => both,
        None => {
            let (address, rest) = word.split_once(':')?;
            let (port, inside) = rest.split_once(':')?;
            let (container, inside) = inside.rsplit_once(':')?;
            let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
            (is_address(address) && is_address(container)).then_some((port, inside))?
        }
    };
    let protocol = one(inside)?.protocol;
    let port = host.rsplit_once(':').map_or(host, |(_, port)| port);
    Some(Asked { protocol, ..one(port)? })
}

/// `:::3000`, `0.0.0.0:80`, `[::]:443`, `[0.0.0.0:80]`, `10.0.0.1#53`, `example.com:7001`; no `file.js:12`.
fn endpoint(word: &str) -> Option<Asked> {
    let inner = word.strip_prefix('[').and_then(|word| word.strip_suffix(']')).unwrap_or(word);
    let (host, port) = match inner.rsplit_once('#') {
        Some((host, port)) if host.parse::<IpAddr>().is_ok() => (host, port),
        _ => inner.rsplit_once(':')?,
    };
    if is_place(host) { one(port) } else { None }
}

fn is_place(host: &str) -> bool {
    matches!(host, "" | "*" | "::" | "::*" | "localhost" | "null" | "<null>")
        || is_address(host)
        || is_domain(host)
}

/// Also `fe80::1%eth0`, and `localhost/127.0.0.1` as Java writes it.
fn is_address(host: &str) -> bool {
    let address = host.rsplit_once('/').map_or(host, |(_, address)| address);
    let inner = address.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(address);
    inner.split_once('%').map_or(inner, |(address, _)| address).parse::<IpAddr>().is_ok()
}

/// A name with dots whose last label is no file's ending.
fn is_domain(host: &str) -> bool {
    const FILES: [&str; 33] = [
        "c", "cc", "cfg", "cjs", "conf", "cpp", "cs", "erl", "ex", "exs", "go", "h", "ini", "java", "js",
        "json", "jsx", "kt", "log", "lua", "mjs", "php", "pl", "py", "rb", "rs", "scala", "toml", "ts",
        "tsx", "xml", "yaml", "yml",
    ];
    let Some((before, last)) = host.rsplit_once('.') else { return false };
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    before.split('.').all(is_label)
        && last.len() >= 2
        && last.bytes().all(|byte| byte.is_ascii_alphabetic())
        && !FILES.contains(&last.to_ascii_lowercase().as_str())
}

/// `('127.0.0.1', 7001)` and `('::1', 7001, 0, 0)`, as Python writes an address.
fn pair(words: &[&str]) -> Option<Asked> {
    words.windows(2).find_map(|pair| match pair {
        [host, port] if host.parse::<IpAddr>().is_ok() => one(port),
        _ => None,
    })
}

/// `listen tcp :http`: a service after the colon, of the protocol that the sentence names.
fn named(words: &[&str], protocol: Option<Protocol>, registry: Registry<'_>) -> Option<Asked> {
    words.iter().find_map(|word| {
        let (_, name) = word.rsplit_once(':').filter(|(host, name)| is_place(host) && !name.is_empty())?;
        let found = names(name, registry).into_iter();
        found
            .filter(|asked| protocol.is_none() || asked.protocol == protocol)
            .find(|asked| asked.range.is_one())
    })
}

/// The port that a URL names.
fn url_with_port(word: &str) -> Option<Asked> {
    let (_, port) = authority(word)?.1.rsplit_once(':')?;
    Some(Asked { protocol: None, ..one(port)? })
}

/// The usual port of a URL that names none; in an error it is a page to read about it.
fn scheme(word: &str, registry: Registry<'_>) -> Option<Asked> {
    let (scheme, host) = authority(word)?;
    let is_named = host.rsplit_once(':').is_some_and(|(before, port)| {
        !port.is_empty() && (!before.starts_with('[') || before.ends_with(']'))
    });
    let usual = if is_named { None } else { names(scheme, registry).first().copied() };
    usual.map(|usual| Asked { protocol: None, ..usual })
}

/// The scheme of a URL, and its host with the port.
fn authority(word: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = word.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some((scheme, authority.rsplit('@').next()?))
}

/// `port 8080`, `port number 8080`, `http_port: 8080`, `serverPort=8080`; no `support 8080`.
fn after_port(words: &[&str]) -> Option<Asked> {
    let words: Vec<_> = words.iter().filter(|word| !word.eq_ignore_ascii_case("number")).collect();
    words.windows(2).find_map(|pair| match pair {
        [before, after] if ends_with_port(before) => one(after.trim_start_matches(['#', ':'])),
        _ => None,
    })
}

fn ends_with_port(word: &str) -> bool {
    let Some((before, last)) = word.len().checked_sub(4).and_then(|at| word.split_at_checked(at)) else {
        return false;
    };
    let is_apart = !before.ends_with(|c: char| c.is_ascii_alphanumeric());
    let is_hump = last == "Port" && before.ends_with(|c: char| c.is_ascii_lowercase());
    last.eq_ignore_ascii_case("port") && (is_apart || is_hump)
}

/// The only number that stands for itself: no date, no duration, no number of an error or a process, and nothing in
/// brackets, where programs write those.
fn only_number(sentence: &str) -> Option<Asked> {
    let words: Vec<&str> = sentence.split_whitespace().take(WORDS_MAX).collect();
    let mut numbers = (0..words.len()).filter_map(|at| {
        let mark = |c: char| "\"'`,;.?!:".contains(c);
        let asked = one(words.get(at)?.trim_matches(mark))?;
        let before = at.checked_sub(1).and_then(|at| words.get(at)).copied().unwrap_or_default();
        let after = words.get(at + 1).copied().unwrap_or_default();
        (!counts_something(before) && !is_measure(after)).then_some(asked)
    });
    match (numbers.next(), numbers.next()) {
        (Some(one), None) if words.len() > 1 => Some(one),
        _ => None,
    }
}

/// Whether the number after `word` is that of something else than a port.
fn counts_something(word: &str) -> bool {
    const THINGS: [&str; 24] = [
        "apr", "aug", "code", "dec", "errno", "error", "feb", "id", "jan", "jul", "jun", "line", "mar",
        "may", "nov", "oct", "pid", "process", "sep", "signal", "status", "thread", "uid", "worker",
    ];
    let is_time = word.starts_with(|c: char| c.is_ascii_digit()) && word.contains(':');
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase();
    is_time || THINGS.contains(&word.as_str())
}

/// Whether the number before `word` counts something, or is an answer of FTP (`500 OOPS:`).
fn is_measure(word: &str) -> bool {
    const MEASURES: [&str; 11] =
        ["attempts", "bytes", "minutes", "ms", "oops", "retries", "s", "sec", "seconds", "times", "workers"];
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_ascii_lowercase();
    MEASURES.contains(&word.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What programs say, each in its own words, and the port they mean.
    const MESSAGES: &[(&str, &str)] = &[
        ("2024/01/02 10:11:12 listen tcp :8081: bind: address already in use", "8081/tcp"),
        ("2024/01/02 10:11:12 [emerg] 1#1: bind() to 0.0.0.0:80 failed (98: Address already in use)", "80"),
        (
            "nginx: [emerg] bind() to [::]:443 failed (98: Address already in use) in /etc/nginx/nginx.conf:12",
            "443",
        ),
        ("[ALERT] 001/101112 (1234) : Starting frontend www: cannot bind socket [0.0.0.0:80]", "80"),
        (
            "[ALERT] (1234) : Binding [/etc/haproxy/haproxy.cfg:9] for frontend www: cannot bind socket (Address already in use) for [:::443]",
            "443",
        ),
        (
            "[Thu Jan 02 10:11:12.345678 2024] [core:crit] [pid 77] (98)Address already in use: AH00072: make_sock: could not bind to address [::]:80",
            "80",
        ),
        ("java.net.BindException: Address already in use: JVM_Bind <null>:8080", "8080"),
        ("Socket server failed to bind to 0.0.0.0/0.0.0.0:9092: Address already in use.", "9092"),
        ("Failed to bind to /127.0.0.1:7077", "7077"),
        ("Connector configured to listen on port 8443 failed to start", "8443"),
        ("** (Plug.Cowboy) listen([port: 4000]) failed: eaddrinuse", "4000"),
        (
            "Failed to start Ranch listener http in ranch_tcp:listen([{port,8090}]) for reason eaddrinuse",
            "8090",
        ),
        ("bind: fe80::1%eth0:80: Cannot assign requested address", "80"),
        ("bind [fe80::1%eth0]:81: Cannot assign requested address", "81"),
        ("{ code: 'EADDRINUSE', errno: -98, syscall: 'listen', address: '::', port: 3000 }", "3000"),
        (
            "{\"s\":\"E\",\"id\":20568,\"attr\":{\"port\":27017,\"error\":\"Address already in use\"}}",
            "27017",
        ),
        ("level=error err=\"listen tcp 0.0.0.0:9090: bind: address already in use\"", "9090/tcp"),
        ("failed to bind host port for 0.0.0.0:8085:172.17.0.2:80/tcp: address already in use", "8085/tcp"),
        ("failed to bind host port 0.0.0.0:8086/tcp: address already in use", "8086/tcp"),
        (
            "# Warning: Could not create server TCP listening socket *:6379: bind: Address already in use",
            "6379/tcp",
        ),
        ("could not listen on UDP socket: address in use: 10.0.0.1#53", "53/udp"),
        ("[2024-01-02 10:11:12 +0000] [123] [ERROR] Connection in use: ('127.0.0.1', 8000)", "8000"),
        ("Address already in use - bind(2) for \"127.0.0.1\" port 3001 (Errno::EADDRINUSE)", "3001"),
        ("Failed to bind to address http://127.0.0.1:5000: address already in use.", "5000"),
        ("Port 5173 is in use, see https://vite.dev/config", "5173"),
        ("http://localhost:8080/login?back=localhost:9000 refused", "8080"),
        (
            "Jan  2 10:11:12 web sshd[812]: error: Bind to port 22 on 0.0.0.0 failed: Address already in use.",
            "22",
        ),
        ("fatal: bind 0.0.0.0 port 25: Address already in use", "25"),
        ("Do you already have another mysqld server running on port: 3306 ?", "3306"),
        ("serverPort=8087 is taken (os error 98)", "8087"),
        ("EADDRINUSE 3002, retrying in 5 seconds", "3002"),
    ];

    #[test]
    fn each_program_says_it_in_its_own_way() {
        for (message, port) in MESSAGES {
            let found = read(message, Registry::builtin()).map(|found| found.to_string());
            assert_eq!(found.as_deref(), Some(*port), "{message}");
        }
    }

    #[test]
    fn numbers_of_other_things_are_no_ports() {
        for message in [
            "Error: Os { code: 98, kind: AddrInUse, message: \"Address already in use\" }",
            "Error: Address already in use (os error 98)",
            "thread 'main' (4711) panicked at src/main.rs:4:51:",
            "2024-01-02T10:11:12.345678Z 0 [ERROR] [MY-010262] [Server] Can't start server: Bind on TCP/IP port: Address already in use",
            "(98)Address already in use",
            "bind() failed (98: Address already in use)",
            "[Errno 98] Address already in use",
            "Jan 2 10:11:12 web app[77]: bind failed",
            "Thu Jan 2 10:11:12 2024 bind failed",
            "2024/01/02 10:11:12 bind failed",
            "support 8080 of 9090",
            "listen tcp 127.0.0.1:0: bind: permission denied",
            "in nginx.conf:12",
            "port 70000 is out of range",
            "500 OOPS: could not bind listening IPv4 socket",
            "rsyslogd: bind: Address already in use [v8.2302.0 try https://www.rsyslog.com/e/2077 ]",
        ] {
            assert_eq!(read(message, Registry::builtin()), None, "{message}");
        }
    }
}
