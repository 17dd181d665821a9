//! Hosts whose ports were opened by somebody who can, or cannot, be named.

use alloc::{format, string::ToString, vec, vec::Vec};

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    facts::{Origins, Session, UnitOrigin},
    rules::testing::{Scene, scene},
};

/// Midnight of 2026, as of which scenes are seen, and so many seconds.
fn at(seconds: i64) -> Timestamp {
    "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

/// A web server with a worker of another user.
fn web() -> Scene {
    let mut host = scene().listens("nginx.service", "0.0.0.0:80/tcp").worker("www-data");
    host.snapshot.host.boot_id = "boot".into();
    host.snapshot.listeners[0].cookie = 7;
    host.snapshot.listeners[0].inode = 70;
    host.snapshot.listeners[0].socket_cgroup = Some("/system.slice/nginx.service".into());
    host
}

fn found(host: &Scene) -> Opener<'_> {
    opener(&host.snapshot, &host.snapshot.listeners[0], None)
}

/// The pid of the first holder.
fn first(host: &Scene) -> u32 {
    host.snapshot.listeners[0].holders[0].pid
}

fn why(host: &Scene) -> Why<'_> {
    match found(host).who {
        Who::Unknown(why) => why,
        who => panic!("{who:?}"),
    }
}

fn likely(host: &Scene) -> Option<u32> {
    match found(host).who {
        Who::Likely(pid, _) => Some(pid),
        _ => None,
    }
}

#[test]
fn of_a_master_and_its_workers_most_likely_the_master_opened_it() {
    let host = web();
    assert_eq!(host.snapshot.listeners[0].holders.len(), 2);
    assert_eq!(likely(&host), Some(first(&host)));
    assert!(found(&host).text().en.starts_with("not recorded; a guess "), "nothing is asserted");
}

#[test]
fn what_was_not_asked_or_seen_is_not_guessed() {
    let partly = web().socket(|socket| socket.holders_complete = false);
    let fits = (first(&partly), &partly.snapshot.processes[&first(&partly)]);
    assert_eq!(why(&partly), Why::NotAllAsked(Some(fits)));
    assert_eq!(why(&web().hidden()), Why::NoHolder);
    let kernel = web().socket(|socket| {
        socket.holders.clear();
        socket.gap = Some(HolderGap::Kernel);
    });
    assert_eq!(why(&kernel), Why::Kernel);
}

#[test]
fn a_socket_unit_is_opened_by_the_service_manager_and_handed_on() {
    let mut host = scene().listens("cups.service", "0.0.0.0:631/tcp");
    host.snapshot.listeners[0].socket_unit = Some("cups.socket".into());
    let pid = first(&host);
    let handed = Some((pid, &host.snapshot.processes[&pid]));
    let socket = Some(("cups.socket", ToldBy::Cgroup));
    assert_eq!(found(&host).who, Who::Manager { socket, handed_to: handed });
    assert!(
        found(&host).text().en.starts_with("systemd opened it for cups.socket and handed it to cups.service")
    );

    let mut waiting = scene().listens("init.scope", "0.0.0.0:631/tcp");
    waiting.snapshot.listeners[0].socket_unit = Some("init.scope".into());
    assert_eq!(found(&waiting).who, Who::Manager { socket: None, handed_to: None });
    waiting.snapshot.listeners[0].socket_unit = None;
    assert_eq!(why(&waiting), Why::OnlyManager);
}

#[test]
fn a_socket_from_another_unit_was_handed_on() {
    let host = web().socket(|socket| {
        socket.socket_unit = Some("old.service".into());
        socket.socket_cgroup = Some("/system.slice/old.service".into());
    });
    assert_eq!(why(&host), Why::Elsewhere("old.service"));
    let said = found(&host).text();
    assert!(said.en.contains("old.service") && said.ja.contains("old.service"), "{said:?}");
}

/// Who starts a process may move it into its cgroup when it already listens.
#[test]
fn whoever_opened_it_may_have_been_moved_since() {
    for cgroup in ["/", "/system.slice"] {
        let host = web().socket(|socket| {
            (socket.socket_unit, socket.socket_cgroup) = (None, Some(cgroup.into()));
        });
        assert_eq!(why(&host), Why::OtherCgroup(cgroup));
        let said = found(&host).text();
        let place = format!("cgroup {cgroup}");
        assert!(said.en.contains(&format!("{place},")) && said.ja.contains(&format!("{place} ")), "{said:?}");
        assert!(!said.en.contains("gone") && !said.ja.contains("終了"), "{said:?}");
    }
    let below = web().socket(|socket| {
        socket.socket_unit = Some("nginx.service".into());
        socket.socket_cgroup = Some("/system.slice/nginx.service/control".into());
    });
    assert_eq!(why(&below), Why::OtherCgroup("/system.slice/nginx.service/control"), "its unit is theirs");
}

#[test]
fn without_the_cgroup_nobody_is_guessed() {
    let unknown = web().socket(|socket| (socket.socket_unit, socket.socket_cgroup) = (None, None));
    assert_eq!(why(&unknown), Why::CgroupUnknown);
    let removed = unknown.socket(|socket| socket.socket_cgroup_removed = true);
    assert_eq!(why(&removed), Why::CgroupRemoved, "whoever holds it now is in another");
}

#[test]
fn who_was_never_its_user_did_not_open_it() {
    let set = |holders: u32, socket: u32| {
        let mut host = web();
        host.snapshot.processes.values_mut().for_each(|process| process.uid = Some(holders));
        host.snapshot.listeners[0].uid = Some(socket);
        host
    };
    assert_eq!(why(&set(0, 33)), Why::NoneFits, "nobody becomes root to hold what a user opened");
    assert_eq!(why(&set(34, 33)), Why::NoneFits);
    let dropped = set(33, 0);
    assert_eq!(likely(&dropped), Some(first(&dropped)), "a program that began as root");
}

#[test]
fn strangers_that_both_fit_are_both_named() {
    let mut host = web();
    let pids: Vec<u32> = host.snapshot.listeners[0].holders.iter().map(|hold| hold.pid).collect();
    for process in host.snapshot.processes.values_mut() {
        process.parent = None;
    }
    assert_eq!(why(&host), Why::Several(pids.clone()));
    let said = found(&host).text().en;
    assert!(pids.iter().all(|pid| said.contains(&pid.to_string())), "{said}");
}

/// The host with a record of the service manager that the unit was started then.
fn started(mut host: Scene, second: i64) -> Scene {
    let unit = UnitOrigin { started: Some(at(second)), ..UnitOrigin::default() };
    let units = [("nginx.service".into(), unit)].into();
    host.snapshot.origins = Some(Origins { units, ..Origins::default() });
    host
}

/// The host whose processes began then.
fn aged(mut host: Scene, second: i64) -> Scene {
    host.snapshot.processes.values_mut().for_each(|process| process.started = Some(at(second)));
    host
}

#[test]
fn the_start_of_the_unit_bounds_it_from_below() {
    let host = started(aged(web(), -90), -100);
    let earliest = found(&host).earliest.unwrap();
    assert_eq!(earliest, Moment { at: at(-100), known_by: KnownBy::UnitStart("nginx.service") });
    assert_eq!(found(&aged(web(), -90)).earliest, None, "a holder may have inherited what it holds");
}

#[test]
fn a_daemon_may_have_been_forked_from_who_opened_it() {
    let said = |parent: u32| {
        let mut host = web();
        let pid = first(&host);
        let master = host.snapshot.processes.get_mut(&pid).unwrap();
        master.parent = Some(crate::facts::Parent { pid: parent, name: "x".into() });
        found(&host).text().en
    };
    assert!(said(1).contains("or one that it was forked from"), "{}", said(1));
    assert!(!said(40).contains("forked"), "{}", said(40));
}

#[test]
fn a_unit_with_older_processes_has_an_older_cgroup() {
    let host = started(aged(web(), -500), -100);
    assert_eq!(found(&host).earliest, None);
}

#[test]
fn a_session_bounds_what_was_opened_in_it() {
    let mut host = scene().listens("session-4.scope", "0.0.0.0:3000/tcp").hidden();
    host.snapshot.listeners[0].socket_unit = Some("session-4.scope".into());
    let session = Session { since: Some(at(-50)), ..Session::default() };
    let sessions = [("session-4.scope".into(), session)].into();
    host.snapshot.origins = Some(Origins { sessions, ..Origins::default() });
    let expected = Moment { at: at(-50), known_by: KnownBy::SessionStart("session-4.scope") };
    assert_eq!(found(&host).earliest, Some(expected));
}

#[test]
fn an_earlier_look_bounds_it_from_above_or_from_below() {
    let host = web();
    let mut earlier = host.snapshot.clone();
    earlier.taken = at(-1000);
    let bounds = |earlier: &Snapshot| {
        let opener = opener(&host.snapshot, &host.snapshot.listeners[0], Some(earlier));
        let earliest = opener.earliest.map(|moment| (moment.at, moment.known_by.name()));
        (earliest, opener.latest.at, opener.latest.known_by.name())
    };
    assert_eq!(bounds(&earlier), (None, at(-1000), "seen-earlier"));

    let mut other = earlier.clone();
    other.listeners[0].cookie = 8;
    let absent = (Some((at(-1000), "not-seen-earlier")), at(0), "look");
    assert_eq!(bounds(&other), absent, "another socket on the same number");
    other.listeners.clear();
    assert_eq!(bounds(&other), absent);

    let nothing = (None, at(0), "look");
    let mut blind = other.clone();
    blind.gaps.push(crate::facts::Gap::new(crate::facts::GapKind::UnsteadyRead, 1));
    assert_eq!(bounds(&blind), nothing, "what may have been missed proves nothing");
    let mut rebooted = earlier.clone();
    rebooted.host.boot_id = "another".into();
    assert_eq!(bounds(&rebooted), nothing);
    let mut later = earlier;
    later.taken = at(1);
    assert_eq!(bounds(&later), nothing);
}

#[test]
fn a_holder_that_is_younger_than_the_port_did_not_open_it() {
    let host = aged(web(), -100);
    let mut earlier = host.snapshot.clone();
    earlier.taken = at(-1000);
    let found = opener(&host.snapshot, &host.snapshot.listeners[0], Some(&earlier));
    assert_eq!(found.who, Who::Unknown(Why::NoneFits));
    let close = aged(web(), -970);
    let found = opener(&close.snapshot, &close.snapshot.listeners[0], Some(&earlier));
    assert!(matches!(found.who, Who::Likely(..)), "a look takes its time: {found:?}");
}

#[test]
fn what_the_guard_recorded_is_certain() {
    let mut host = web();
    let (pid, started) = (first(&host), at(-500));
    host.snapshot.processes.get_mut(&pid).unwrap().started = Some(started);
    let opening = Opening { at: at(-400), pid, started, name: "nginx".into(), uid: 0, mark: None };
    host.snapshot.listeners[0].opening = Some(opening.clone());
    let told = found(&host);
    let moment = Moment { at: at(-400), known_by: KnownBy::Record };
    assert_eq!((told.earliest, told.latest), (Some(moment), moment));
    assert_eq!(told.text().en, format!("nginx (pid {pid}), as the guard recorded"));
    // Another process with its number is not meant, and a daemon's first process ends.
    for other in [Opening { started: at(-90), ..opening.clone() }, Opening { pid: 99_999, ..opening.clone() }]
    {
        host.snapshot.listeners[0].opening = Some(other);
        assert!(matches!(found(&host).who, Who::Recorded { process: None, .. }));
        assert!(found(&host).text().en.contains("uid 0), which does not hold it any more"));
    }
    // Whoever does not see all who hold it cannot tell.
    host.snapshot.listeners[0].holders_complete = false;
    assert_eq!(found(&host).text().en, "nginx (pid 99999, uid 0), as the guard recorded");
}

#[test]
fn two_sockets_of_one_process_are_told_once() {
    let mut host = web().again("[::]:80/tcp");
    let opening =
        Opening { at: at(-400), pid: 7, started: at(-500), name: "nginx".into(), uid: 0, mark: None };
    let of = |host: &mut Scene, at: i64, pid| {
        host.snapshot.listeners[0].opening = Some(opening.clone());
        host.snapshot.listeners[1].opening = Some(Opening { at: self::at(at), pid, ..opening.clone() });
        let [one, other] = [0, 1].map(|n| opener(&host.snapshot, &host.snapshot.listeners[n], None));
        one.is_told_like(&other)
    };
    assert!(of(&mut host, -400, 7));
    assert!(!of(&mut host, -400, 8), "another process");
    assert!(!of(&mut host, -300, 7), "later");
}

#[test]
fn every_reason_is_said_in_both_languages() {
    let several = Why::Several((1..9).collect());
    for why in [
        Why::Kernel,
        Why::NoHolder,
        Why::NotAllAsked(None),
        Why::OnlyManager,
        Why::OtherCgroup("/"),
        Why::CgroupRemoved,
        Why::CgroupUnknown,
        Why::NoneFits,
        several,
    ] {
        let said = Opener { who: Who::Unknown(why), ..found(&web()) }.text();
        assert!(said.en.starts_with("not recorded") && said.ja.starts_with("記録なし"), "{said:?}");
    }
    let mut host = web();
    host.snapshot.hides_openings = true;
    let said = found(&host).text();
    assert!(said.en.starts_with("a record would be for root and the group portreeve alone; "), "{said:?}");
    let said = format!("{:?}", vec![found(&host).latest.known_by.text()]);
    assert!(said.contains("this look"), "{said}");
}
