//! What `lsof -nP -i -FpcftPn` says of a case (lsof(8), OUTPUT FOR OTHER PROGRAMS).

use std::collections::BTreeSet;

use super::Verdict;
use crate::zoo::truth::{Point, Scene};

/// Right where it lists the socket under each of its holders, and prints what the case is about.
///
/// It lists descriptors: sockets that share a number are one, and one without a descriptor is none.
pub(super) fn judge(text: &str, scene: &Scene) -> Verdict {
    let found = read(text, scene);
    let Some(socket) = scene.sockets.first() else {
        let still = (!found.is_empty()).then(|| "still listed".into());
        return Verdict::of(&still.into_iter().collect::<Vec<_>>());
    };
    if found.is_empty() {
        return Verdict::Wrong("not listed".into());
    }
    let pids: BTreeSet<u32> = found.iter().map(|entry| entry.pid).collect();
    let wanted = scene.sockets.iter().flat_map(|socket| &socket.holders).filter_map(|holder| holder.pid);
    let mut mistakes: Vec<_> = super::mistakes_of_pids(socket, &pids, &wanted.collect()).collect();
    match &scene.point {
        Point::Holders => {}
        Point::Name(name) => {
            let is_named = found.iter().all(|entry| is_same_name(&entry.name, name));
            mistakes.extend((!is_named).then(|| format!("called {}", found[0].name)));
        }
        Point::Executable(what) => mistakes.push(format!("does not say that it is {what}")),
        Point::Property(text) => mistakes.push(format!("no {text}")),
    }
    Verdict::of(&mistakes)
}

/// A descriptor.
#[derive(Debug)]
struct Entry {
    pid: u32,
    name: String,
}

fn read(text: &str, scene: &Scene) -> Vec<Entry> {
    let port = format!(":{}", scene.port);
    let (mut pid, mut name) = (0, "");
    let mut found = Vec::new();
    for line in text.lines() {
        match line.split_at_checked(1) {
            Some(("p", value)) => pid = value.parse().unwrap_or_default(),
            Some(("c", value)) => name = value,
            Some(("n", value)) if value.split("->").next().is_some_and(|near| near.ends_with(&port)) => {
                found.push(Entry { pid, name: name.into() });
            }
            _ => {}
        }
    }
    found
}

/// It escapes what would act on a terminal, and what it leaves of a name is long enough for those of the zoo.
fn is_same_name(printed: &str, name: &str) -> bool {
    printed == name || printed.replace("\\x1b", "\u{1b}").replace("^[", "\u{1b}").replace("\\n", "\n") == name
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo::truth::testing::scene;

    const TEXT: &str = "p7\ncodd\nf3\ntIPv4\nPTCP\nn127.0.0.1:7001\nTST=LISTEN\np8\ncodd\nf3\ntIPv4\nPTCP\nn127.0.0.1:7001\n\
                        p9\ncnc\nf3\ntIPv4\nPTCP\nn127.0.0.1:5000->127.0.0.1:7001\n";

    #[test]
    fn every_holder_and_nobody_else_is_right() {
        let wrong = |text: &str| Verdict::Wrong(text.into());
        assert_eq!(judge(TEXT, &scene(&[7, 8], Point::Holders)), Verdict::Right);
        assert_eq!(judge(TEXT, &scene(&[7], Point::Holders)), wrong("held by process 8"));
        assert_eq!(judge("", &scene(&[7], Point::Holders)), wrong("not listed"));
        assert_eq!(judge(TEXT, &Scene::new("", 7001, vec![], vec![])), wrong("still listed"));
        assert_eq!(judge(TEXT, &scene(&[7, 8], Point::Name("app.py"))), wrong("called odd"));
    }

    #[test]
    fn a_name_may_be_escaped() {
        assert!(is_same_name("\\x1b[31m", "\u{1b}[31m"));
        assert!(is_same_name("^[[31m", "\u{1b}[31m"));
        assert!(!is_same_name("red", "\u{1b}[31m"));
    }
}
