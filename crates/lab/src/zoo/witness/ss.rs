//! What `ss -HOanpe` says of a case.

use std::collections::BTreeSet;

use super::Verdict;
use crate::zoo::truth::{List, Point, Scene, Socket};

/// Right where it lists each socket with its holders, and prints what the case is about.
pub(super) fn judge(text: &str, scene: &Scene) -> Verdict {
    let mut lines: Vec<_> = text.lines().filter_map(read).filter(|line| line.is_of(scene)).collect();
    let mut mistakes = Vec::new();
    for socket in &scene.sockets {
        let best = (0..lines.len()).min_by_key(|&at| mistakes_of(socket, &lines[at], &scene.point).len());
        match best {
            Some(at) => mistakes.extend(mistakes_of(socket, &lines.remove(at), &scene.point)),
            None => mistakes.push("not listed".into()),
        }
    }
    if scene.sockets.is_empty() && !lines.is_empty() {
        mistakes.push("still listed".into());
    }
    if matches!(scene.point, Point::Name(name) if name.contains('\u{1b}') && text.contains(name)) {
        mistakes.push("its bytes act on the terminal".into());
    }
    Verdict::of(&mistakes)
}

/// A line, which a name with a line feed may have cut.
#[derive(Debug)]
struct Line<'a> {
    kind: &'a str,
    state: &'a str,
    local: &'a str,
    text: &'a str,
    pids: BTreeSet<u32>,
}

fn read(text: &str) -> Option<Line<'_>> {
    let fields: Vec<_> = text.split_whitespace().take(5).collect();
    let [kind, state, _, _, local] = fields[..] else { return None };
    let pids = text.split("pid=").skip(1).filter_map(|rest| rest.split([',', ')']).next()?.parse().ok());
    Some(Line { kind, state, local, text, pids: pids.collect() })
}

impl Line<'_> {
    fn is_of(&self, scene: &Scene) -> bool {
        let number = scene.port.to_string();
        let has_port = self.local.rsplit_once(':').is_some_and(|(_, port)| port == number);
        // A packet socket has its Ethernet type in front of the interface: `[34997]:*`.
        let has_type = self.kind.starts_with("p_") && self.local.starts_with(&format!("[{number}]:"));
        let is_waiting = ["LISTEN", "UNCONN", "ESTAB"].contains(&self.state) && self.kind != "mptcp";
        (has_port || has_type) && is_waiting
    }
}

fn mistakes_of(socket: &Socket, line: &Line<'_>, point: &Point) -> Vec<String> {
    let mut mistakes = Vec::new();
    if socket.list != List::Other && line.kind != socket.protocol {
        mistakes.push(format!("called {}", line.kind));
    }
    let wanted: BTreeSet<u32> = socket.holders.iter().filter_map(|holder| holder.pid).collect();
    let hidden = socket.holders.iter().find(|holder| holder.pid.is_none());
    mistakes.extend(super::mistakes_of_pids(socket, &line.pids, &wanted));
    // The control group of a socket is open to everybody.
    if hidden.is_some_and(|holder| !line.text.contains(&format!("/{} ", holder.unit))) {
        mistakes.push("no unit".into());
    }
    match point {
        Point::Holders => {}
        Point::Name(name) => mistakes.extend((!line.text.contains(name)).then(|| "another name".into())),
        Point::Executable(what) => mistakes.push(format!("does not say that it is {what}")),
        Point::Property(text) if line.text.contains(text) => {}
        Point::Property(text) => mistakes.push(format!("no {text}")),
    }
    mistakes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo::truth::testing::scene;

    fn wrong(text: &str) -> Verdict {
        Verdict::Wrong(text.into())
    }

    const BOTH: &str = "tcp LISTEN 0 128 127.0.0.1:7001 0.0.0.0:* users:((\"odd\",pid=8,fd=3),(\"odd\",pid=7,fd=3)) ino:1 cgroup:/a.service <->\n";

    #[test]
    fn every_holder_and_nobody_else_is_right() {
        assert_eq!(judge(BOTH, &scene(&[7, 8], Point::Holders)), Verdict::Right);
        assert_eq!(judge(BOTH, &scene(&[7], Point::Holders)), wrong("held by process 8"));
        assert_eq!(judge(BOTH, &scene(&[7, 8, 9], Point::Holders)), wrong("it is missing"));
        assert_eq!(judge("", &scene(&[7], Point::Holders)), wrong("not listed"));
        let ownerless = "tcp LISTEN 0 128 127.0.0.1:7001 0.0.0.0:* ino:1\n";
        assert_eq!(judge(ownerless, &scene(&[7], Point::Holders)), wrong("nobody"));
        assert_eq!(judge(ownerless, &scene(&[], Point::Holders)), Verdict::Right);
    }

    #[test]
    fn another_number_and_the_rest_of_a_connection_are_not_meant() {
        let others =
            "tcp LISTEN 0 128 127.0.0.1:17001 0.0.0.0:*\ntcp TIME-WAIT 0 0 127.0.0.1:7001 127.0.0.1:9\n";
        let gone = Scene::new("", 7001, vec![], vec![]);
        assert_eq!(judge(others, &gone), Verdict::Right);
        assert_eq!(judge(BOTH, &gone), wrong("still listed"));
    }

    #[test]
    fn what_a_case_is_about_must_be_printed() {
        let point = |point| judge(BOTH, &scene(&[7, 8], point));
        assert_eq!(point(Point::Name("odd")), Verdict::Right);
        assert_eq!(point(Point::Name("app.py")), wrong("another name"));
        assert_eq!(point(Point::Property("v6only:1")), wrong("no v6only:1"));
        let painted = BOTH.replace("odd", "\u{1b}[31m");
        let verdict = judge(&painted, &scene(&[7, 8], Point::Name("\u{1b}[31m")));
        assert_eq!(verdict, wrong("its bytes act on the terminal"));
    }
}
