//! What started the holder of a port, in a line.

use jiff::Timestamp;
use portreeve_core::{
    activation,
    facts::{Container, Line, UnitOrigin},
    origin::{Login, Origin},
    text,
    words::{Lang, Text, Words},
};

use crate::{
    settings::Verbosity,
    show::{age::ago, connection::endpoint},
};

/// A line of a file is shown up to here; `-v` and `-o json` have it whole.
const LINE_CHARS_MAX: usize = 100;
/// Where units are written that live as long as they run (systemd-run(1)).
const TRANSIENT: &str = "/run/systemd/transient/";

/// When it is told, how much of it, and of which port.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling {
    /// The time of the look.
    pub(super) now: Timestamp,
    /// How much is said.
    pub(super) verbosity: Verbosity,
    /// The port.
    pub(super) port: u16,
}

/// What started it.
pub(super) fn text(origin: &Origin<'_>, telling: Telling) -> Text {
    match origin {
        Origin::Container(container) => container_text(container),
        Origin::Cron { unit, line: Some(line) } => {
            let line = shown(line, telling);
            text!("{unit} by {line}", "{unit}({line})")
        }
        Origin::Cron { unit, line: None } => text!(
            "{unit}; which line of which crontab cannot be told",
            "{unit}(crontab のどの行かは特定できません)"
        ),
        Origin::Login(login) => login_text(login, telling.now),
        Origin::UserUnit { unit, user } => {
            let user = user.unwrap_or("?");
            text!("{unit}, a unit of user {user}'s own systemd", "ユーザー {user} 自身の systemd の {unit}")
        }
        Origin::Unit { unit, origin, socket } => unit_text(unit, *origin, *socket, telling),
        Origin::Kernel => Words { en: "by no process", ja: "起動したプロセスはありません" }.into(),
        Origin::Unknown => Words { en: "cannot be told", ja: "特定できません" }.into(),
    }
}

/// `docker container shop, image nginx:1`.
pub(super) fn container_text(container: &Container) -> Text {
    let Container { runtime, id, name, image, .. } = container;
    let name = name.as_ref().unwrap_or(id);
    match image {
        Some(image) => text!(
            "{runtime} container {name}, image {image}",
            "{runtime} のコンテナ {name}、イメージ {image}"
        ),
        None => text!("{runtime} container {name}", "{runtime} のコンテナ {name}"),
    }
}

fn unit_text(
    unit: &str,
    origin: Option<&UnitOrigin>,
    socket: Option<(&str, Option<&UnitOrigin>)>,
    telling: Telling,
) -> Text {
    let own = described(unit, origin, telling);
    let Some((socket, kept)) = socket else { return own };
    let (Text { en, ja }, socket) = (own, described(socket, kept, telling));
    let Text { en: en_socket, ja: ja_socket } = socket;
    text!("{en}; through {en_socket}", "{ja}。起動のきっかけは {ja_socket}")
}

/// What has one name in both languages.
fn alike(name: &str) -> Text {
    text!("{name}", "{name}")
}

/// The unit, since when it runs, its file and the line that counts.
fn described(unit: &str, origin: Option<&UnitOrigin>, telling: Telling) -> Text {
    let Some(origin) = origin else { return alike(unit) };
    let since = origin.started.map(|started| ago(started, telling.now));
    let Text { en, ja } = since.map_or_else(Text::default, |Text { en, ja }| text!(", {en}", "({ja})"));
    let place = match (line_for(&origin.lines, telling.port), &origin.file) {
        (Some(line), _) => format!(": {}", shown(line, telling)),
        (None, Some(file)) => format!(": {file}"),
        (None, None) => String::new(),
    };
    let is_transient = origin.file.as_ref().is_some_and(|file| file.starts_with(TRANSIENT));
    let made = match (&origin.source, is_transient) {
        (Some(source), _) => text!(", made from {source}", "({source} から生成)"),
        (None, true) => text!(", a transient unit (systemd-run)", "(systemd-run などによる一時ユニット)"),
        (None, false) => Text::default(),
    };
    let Text { en: en_made, ja: ja_made } = made;
    text!("{unit}{en}{place}{en_made}", "{unit}{ja}{place}{ja_made}")
}

/// Of several lines the one that names the port, else the first.
fn line_for(lines: &[Line], port: u16) -> Option<&Line> {
    lines.iter().find(|line| activation::port_of(line) == Some(port)).or(lines.first())
}

fn shown(line: &Line, telling: Telling) -> String {
    let Line { path, number, text } = line;
    let is_whole = telling.verbosity == Verbosity::Verbose || text.chars().count() <= LINE_CHARS_MAX;
    let text =
        if is_whole { text.clone() } else { text.chars().take(LINE_CHARS_MAX).chain(['…']).collect() };
    format!("{path}:{number} `{text}`")
}

fn login_text(login: &Login<'_>, now: Timestamp) -> Text {
    let mut parts: Vec<Text> = Vec::new();
    parts.extend(login.user.map(|user| text!("user {user}", "ユーザー {user}")));
    parts.extend(login.scope.map(alike));
    if let Some(session) = login.session {
        let from = match (&session.service, &session.remote_host) {
            (Some(service), Some(host)) => Some(text!("{service} from {host}", "{host} から {service} 経由")),
            (None, Some(host)) => Some(text!("from {host}", "{host} から")),
            (Some(service), None) => Some(alike(service)),
            (None, None) => None,
        };
        parts.extend(from);
        parts.extend(session.tty.as_deref().map(alike));
        parts.extend(session.since.map(|since| {
            let Text { en, ja } = ago(since, now);
            text!("logged in {en}", "{ja}にログイン")
        }));
    }
    parts.extend(login.peer.map(|peer| {
        let peer = endpoint(&peer.address, peer.port);
        text!("over SSH from {peer}", "{peer} から SSH 経由")
    }));
    let join = |lang: Lang, separator: &str| {
        parts.iter().map(|part| part.in_lang(lang)).collect::<Vec<_>>().join(separator)
    };
    Text { en: join(Lang::En, ", "), ja: join(Lang::Ja, "、") }
}

#[cfg(test)]
mod tests {
    use portreeve_core::facts::{Peer, Session};

    use super::*;

    fn said(origin: &Origin<'_>) -> String {
        let now = Timestamp::from_second(1_000_000).unwrap();
        text(origin, Telling { now, verbosity: Verbosity::Normal, port: 443 }).en
    }

    fn line(number: u32, text: &str) -> Line {
        Line { path: "/x".into(), number, text: text.into() }
    }

    #[test]
    fn a_unit_is_told_with_its_file_line_and_age() {
        let started = Timestamp::from_second(1_000_000 - 7_200).unwrap();
        let kept = UnitOrigin {
            started: Some(started),
            file: Some("/x".into()),
            lines: vec![line(7, "ExecStart=/usr/sbin/nginx")],
            ..UnitOrigin::default()
        };
        let unit = Origin::Unit { unit: "nginx.service", origin: Some(&kept), socket: None };
        assert_eq!(said(&unit), "nginx.service, 2 h ago: /x:7 `ExecStart=/usr/sbin/nginx`");
        let long = UnitOrigin { lines: vec![line(7, &"é".repeat(500))], ..kept };
        let unit = Origin::Unit { unit: "nginx.service", origin: Some(&long), socket: None };
        assert!(said(&unit).ends_with(&format!("{}…`", "é".repeat(100))), "{}", said(&unit));
    }

    #[test]
    fn a_socket_is_told_by_the_line_of_the_port() {
        let kept = UnitOrigin {
            file: Some("/x".into()),
            lines: vec![line(3, "ListenStream=80"), line(4, "ListenStream=[::1]:443")],
            ..UnitOrigin::default()
        };
        let unit = Origin::Unit { unit: "a.service", origin: None, socket: Some(("a.socket", Some(&kept))) };
        assert_eq!(said(&unit), "a.service; through a.socket: /x:4 `ListenStream=[::1]:443`");
    }

    #[test]
    fn generated_and_transient_units_say_so() {
        let of = |file: &str, source: Option<&str>| {
            let kept = UnitOrigin {
                file: Some(file.into()),
                source: source.map(str::to_owned),
                ..UnitOrigin::default()
            };
            said(&Origin::Unit { unit: "a.service", origin: Some(&kept), socket: None })
        };
        assert!(of("/run/systemd/transient/a.service", None).contains("transient"));
        let generated = of("/run/systemd/generator.late/a.service", Some("/etc/init.d/a"));
        assert!(generated.ends_with("made from /etc/init.d/a"), "{generated}");
    }

    #[test]
    fn a_login_is_told_as_far_as_it_is_known() {
        let session = Session {
            user: Some("dev".into()),
            remote_host: Some("198.51.100.9".into()),
            service: Some("sshd".into()),
            tty: Some("pts/0".into()),
            since: Some(Timestamp::from_second(1_000_000 - 60).unwrap()),
        };
        let scope = Some("session-4.scope");
        let whole = Login { scope, session: Some(&session), user: Some("dev"), peer: None };
        assert_eq!(
            said(&Origin::Login(whole)),
            "user dev, session-4.scope, sshd from 198.51.100.9, pts/0, logged in 60 s ago"
        );
        let peer = Peer { address: "198.51.100.7".parse().unwrap(), port: 4711 };
        let bare = Login { peer: Some(&peer), ..Login::default() };
        assert_eq!(said(&Origin::Login(bare)), "over SSH from 198.51.100.7:4711");
    }
}
