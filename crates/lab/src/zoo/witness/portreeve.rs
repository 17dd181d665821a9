//! What `portreeve ls -a -o json` says of a case, in every field that the case is about.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Verdict;
use crate::zoo::truth::{Holder, List, Scene, Socket};

/// Right where it lists exactly the sockets of the scene, each as it is.
pub(super) fn judge(answer: &Value, scene: &Scene) -> Verdict {
    let mut found = entries(answer, scene);
    let mut mistakes = Vec::new();
    for socket in &scene.sockets {
        // Of several that share a number, the one with the same holders is the one that is meant.
        let best = (0..found.len())
            .filter(|&at| found[at].0 == socket.list)
            .min_by_key(|&at| mistakes_of(socket, found[at].1, answer).len());
        match best {
            Some(at) => mistakes.extend(mistakes_of(socket, found.remove(at).1, answer)),
            None => mistakes.push("not listed".into()),
        }
    }
    mistakes.extend(found.iter().map(|(list, entry)| format!("also in {}: {}", list.key(), brief(entry))));
    Verdict::of(&mistakes)
}

/// Whatever stands under the number of the scene in the namespaces of its sockets.
fn entries<'a>(answer: &'a Value, scene: &Scene) -> Vec<(List, &'a Value)> {
    let namespaces: BTreeSet<u64> = scene.sockets.iter().map(|socket| socket.netns).collect();
    let is_here = |entry: &Value| {
        let netns = &entry["netns"];
        netns["own"] == json!(true) || netns["id"].as_u64().is_some_and(|id| namespaces.contains(&id))
    };
    let mut found = Vec::new();
    for list in [List::Listeners, List::Connections, List::Other] {
        let key = if list == List::Other { "number" } else { "port" };
        let entries = answer[list.key()].as_array().into_iter().flatten();
        let entries = entries.filter(|entry| entry[key] == json!(scene.port) && is_here(entry));
        found.extend(entries.filter(|entry| !is_left_over(entry)).map(|entry| (list, entry)));
    }
    found
}

/// What remains of a caller that a program of the zoo tried its own socket with.
fn is_left_over(entry: &Value) -> bool {
    entry["protocol"] == json!("tcp") && !["listen", "bound"].map(Value::from).contains(&entry["state"])
}

fn brief(entry: &Value) -> String {
    let state = entry["state"].as_str().or(entry["kind"].as_str()).unwrap_or("?");
    format!("{state} {}", entry["address"].as_str().unwrap_or_default()).trim_end().into()
}

/// Where `entry` differs from `socket`.
fn mistakes_of(socket: &Socket, entry: &Value, answer: &Value) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (key, wanted) in wanted(socket) {
        if entry[key] != wanted && !(key == "netns" && entry[key]["id"] == wanted) {
            mistakes.push(format!("{key}: {}", entry[key]));
        }
    }
    mistakes.extend(mistakes_of_holders(socket, entry, answer));
    if socket.list == List::Listeners {
        mistakes.extend(mistake_of_gap(socket, entry));
        mistakes.extend(mistake_of_opener(socket, entry));
    }
    mistakes
}

/// The fields of its list that are the same for everybody who may look.
fn wanted(socket: &Socket) -> Vec<(&'static str, Value)> {
    let mut wanted = vec![("netns", json!(socket.netns))];
    if socket.list == List::Other {
        wanted.push(("kind", json!(socket.protocol)));
        return wanted;
    }
    wanted.extend([
        ("protocol", json!(socket.protocol)),
        ("family", json!(socket.family)),
        ("address", json!(socket.address)),
        ("state", json!(socket.state)),
        ("socket_unit", json!(socket.socket_unit)),
    ]);
    if socket.list == List::Listeners {
        wanted.extend([("v6only", json!(socket.v6only)), ("mptcp", json!(socket.mptcp))]);
    }
    wanted
}

fn mistakes_of_holders(socket: &Socket, entry: &Value, answer: &Value) -> Vec<String> {
    let seen = seen_holders(socket.list, entry, answer);
    let wanted: BTreeMap<_, _> = socket.holders.iter().map(|holder| (holder.pid, holder)).collect();
    let mut mistakes = Vec::new();
    for (pid, holder) in &wanted {
        match seen.get(pid) {
            None if seen.is_empty() => mistakes.push(nobody(entry)),
            None => mistakes.push(format!("{} is missing", holder.label)),
            Some(seen) => mistakes.extend(mistakes_of_holder(holder, seen)),
        }
    }
    for pid in seen.keys().filter(|pid| !wanted.contains_key(pid)) {
        let who = pid.map_or_else(|| "a process that cannot be seen".into(), |pid| format!("process {pid}"));
        mistakes.push(format!("held by {who}"));
    }
    mistakes.extend(mistake_of_main(socket, entry));
    mistakes.dedup();
    mistakes
}

/// The first holder is the main process: the ancestor of the others.
fn mistake_of_main(socket: &Socket, entry: &Value) -> Option<String> {
    let main =
        socket.holders.first().filter(|_| socket.list == List::Listeners && socket.holders.len() > 1)?;
    let first = &entry["holders"][0]["pid"];
    (*first != json!(main.pid)).then(|| format!("{} is not the first", main.label))
}

fn nobody(entry: &Value) -> String {
    entry["gap"].as_str().map_or_else(|| "nobody".into(), |gap| format!("nobody ({gap})"))
}

/// By pid; connections and others name only the pids, and `processes` the rest.
fn seen_holders<'a>(list: List, entry: &'a Value, answer: &'a Value) -> BTreeMap<Option<u32>, &'a Value> {
    let number = |value: &Value| value.as_u64().and_then(|pid| u32::try_from(pid).ok());
    if list == List::Listeners {
        let holders = entry["holders"].as_array().into_iter().flatten();
        return holders.map(|holder| (number(&holder["pid"]), holder)).collect();
    }
    let pids = entry["pids"].as_array().into_iter().flatten().filter_map(number);
    pids.map(|pid| (Some(pid), &answer["processes"][pid.to_string()])).collect()
}

fn mistakes_of_holder(holder: &Holder, seen: &Value) -> Vec<String> {
    // The unit of a socket is that of whoever opened it, and proves nothing of a holder who must not be seen.
    let unit = holder.pid.map(|_| holder.unit);
    let wanted =
        [("unit", json!(unit)), ("name", json!(holder.name)), ("exe_state", json!(holder.exe_state))];
    let wrong = wanted.iter().filter(|(key, value)| seen[key] != *value);
    wrong.map(|(key, _)| format!("{key} of {}: {}", holder.label, seen[key])).collect()
}

/// A reason is a sentence; its beginning tells which it is.
fn mistake_of_gap(socket: &Socket, entry: &Value) -> Option<String> {
    let gap = entry["gap"].as_str();
    match (socket.gap, gap) {
        (None, None) => None,
        (Some(wanted), Some(gap)) if gap.starts_with(wanted) => None,
        (None, Some(_)) if !socket.holders.is_empty() => None, // said with the holders
        (_, Some(gap)) => Some(gap.into()),
        (Some(_), None) => Some("no reason why".into()),
    }
}

/// Either the opener, or why it cannot be known.
fn mistake_of_opener(socket: &Socket, entry: &Value) -> Option<String> {
    match entry["opener"]["pid"].as_u64() {
        None if entry["opener_gap"].as_str().is_some_and(|why| !why.is_empty()) => None,
        None => Some("no opener and no reason".into()),
        Some(pid) if socket.opener.map(u64::from) == Some(pid) => None,
        Some(pid) => Some(format!("opened by {pid}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo::truth::listener;

    fn scene() -> Scene {
        let holder = |pid, label| Holder {
            pid: Some(pid),
            label,
            unit: "a.service",
            name: Some("odd".into()),
            exe_state: "same",
        };
        let holders = vec![holder(7, "the parent"), holder(8, "the child")];
        let socket = Socket { holders, socket_unit: Some("a.service"), opener: Some(7), ..listener(4026) };
        Scene::new("", 7001, vec![socket], vec![])
    }

    fn answer() -> Value {
        let holder = |pid: u32| json!({"pid": pid, "unit": "a.service", "name": "odd", "exe_state": "same"});
        json!({
            "listeners": [{
                "protocol": "tcp", "mptcp": false, "family": "ipv4", "address": "127.0.0.1", "port": 7001,
                "state": "listen", "v6only": false, "netns": {"id": 4026, "own": true}, "gap": null,
                "socket_unit": "a.service", "opener": null, "opener_gap": "not recorded",
                "holders": [holder(7), holder(8)],
            }],
            "connections": [{
                "protocol": "tcp", "port": 7001, "state": "time-wait", "netns": {"id": 4026, "own": true},
            }],
            "other": [],
        })
    }

    #[test]
    fn what_is_listed_as_it_is_is_right() {
        assert_eq!(judge(&answer(), &scene()), Verdict::Right);
    }

    #[test]
    fn every_other_answer_is_wrong() {
        for (pointer, value, said) in [
            ("/holders/1/pid", json!(9), "the child is missing; held by process 9"),
            ("/holders/1", json!({}), "the child is missing; held by a process that cannot be seen"),
            ("/holders", json!([]), "nobody; the parent is not the first"),
            ("/holders/0/unit", json!("b.service"), "unit of the parent: \"b.service\""),
            ("/holders/0/name", json!("x"), "name of the parent: \"x\""),
            ("/holders/0/exe_state", json!("deleted"), "exe_state of the parent: \"deleted\""),
            ("/socket_unit", json!(null), "socket_unit: null"),
            ("/mptcp", json!(true), "mptcp: true"),
            ("/opener", json!({"pid": 9}), "opened by 9"),
            ("/opener_gap", json!(null), "no opener and no reason"),
            ("/port", json!(7002), "not listed"),
            ("/netns", json!({"id": 1, "own": false}), "not listed"),
        ] {
            let mut answer = answer();
            *answer.pointer_mut(&format!("/listeners/0{pointer}")).unwrap() = value;
            assert_eq!(judge(&answer, &scene()), Verdict::Wrong(said.into()), "{pointer}");
        }
    }

    #[test]
    fn the_opener_itself_is_right_too() {
        let mut answer = answer();
        answer["listeners"][0]["opener"] = json!({"pid": 7});
        assert_eq!(judge(&answer, &scene()), Verdict::Right);
    }

    #[test]
    fn what_is_gone_must_not_be_listed() {
        let gone = Scene { sockets: vec![], ..scene() };
        assert_eq!(judge(&answer(), &gone), Verdict::Wrong("also in listeners: listen 127.0.0.1".into()));
    }

    #[test]
    fn a_reason_must_be_the_right_one() {
        let mut answer = answer();
        answer["listeners"][0]["holders"] = json!([]);
        answer["listeners"][0]["gap"] = json!("held by the kernel itself, by no process");
        let mut scene = scene();
        scene.sockets[0].holders.clear();
        scene.sockets[0].gap = Some("held by the kernel itself");
        assert_eq!(judge(&answer, &scene), Verdict::Right);
        scene.sockets[0].gap = Some("no process has a descriptor");
        let said = "held by the kernel itself, by no process";
        assert_eq!(judge(&answer, &scene), Verdict::Wrong(said.into()));
    }
}
