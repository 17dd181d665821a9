//! What two looks at made-up hosts say changed.

use alloc::{format, string::String, vec, vec::Vec};

use super::*;
use crate::{
    facts::Consent,
    rules::testing::{Scene, scene},
};

/// Each change as `kind port address`, and how many owners were unknown.
fn changes(before: &Scene, after: &Scene) -> (Vec<String>, u32) {
    let difference = diff(&before.snapshot, &after.snapshot, &Scope::Own);
    let said = difference.changes.iter().map(|change| {
        let kind = serde_json::to_string(&change.kind).unwrap();
        format!("{} {}/{} {}", kind.trim_matches('"'), change.port, change.protocol, change.address)
    });
    (said.collect(), difference.unknown)
}

fn certain(before: &Scene, after: &Scene) -> Vec<String> {
    let (changes, unknown) = changes(before, after);
    assert_eq!(unknown, 0);
    changes
}

#[test]
fn what_opened_and_what_closed() {
    let before = scene().listens("nginx.service", "0.0.0.0:80/tcp");
    let after = scene().listens("nginx.service", "0.0.0.0:443/tcp");
    assert_eq!(certain(&before, &after), ["closed 80/tcp 0.0.0.0", "opened 443/tcp 0.0.0.0"]);
    assert_eq!(certain(&before, &before), [""; 0]);
}

#[test]
fn a_new_pid_of_the_same_owner_is_no_change_and_another_owner_is() {
    let before = scene().listens("nginx.service", "0.0.0.0:80/tcp");
    let restarted =
        scene().listens("nginx.service", "127.0.0.1:1/tcp").listens("nginx.service", "0.0.0.0:80/tcp");
    assert_eq!(certain(&before, &restarted), ["opened 1/tcp 127.0.0.1"]);
    let other = scene().listens("apache2.service", "0.0.0.0:80/tcp");
    assert_eq!(certain(&before, &other), ["changed-hands 80/tcp 0.0.0.0"]);
}

#[test]
fn somebody_who_joins_a_group_of_sockets_changes_hands() {
    let before = scene().listens("nginx.service", "0.0.0.0:80/tcp");
    let after = before.clone().listens("evil.service", "0.0.0.0:80/tcp");
    assert_eq!(certain(&before, &after), ["changed-hands 80/tcp 0.0.0.0"]);
    let more = before.clone().again("0.0.0.0:80/tcp");
    assert_eq!(certain(&before, &more), [""; 0]);
}

/// Whoever came and whoever went are shown, in whatever order the sockets were made.
#[test]
fn changed_hands_shows_who_came_and_who_went() {
    let hands = |before: &Scene, after: &Scene| {
        let difference = diff(&before.snapshot, &after.snapshot, &Scope::Own);
        let units = |listener: Option<&Listener>| listener.unwrap().socket_unit.clone().unwrap();
        difference.changes.iter().map(|it| (units(it.before), units(it.after))).collect::<Vec<_>>()
    };
    let pair = |before: &str, after: &str| vec![(before.into(), after.into())];
    let listening =
        |units: &[&str]| units.iter().fold(scene(), |scene, unit| scene.listens(unit, "127.0.0.1:8001/tcp"));
    let (web, both) = (listening(&["web.service"]), listening(&["web.service", "evil.service"]));
    assert_eq!(hands(&web, &both), pair("web.service", "evil.service"));
    assert_eq!(hands(&both, &web), pair("evil.service", "web.service"));
    assert_eq!(hands(&both, &listening(&["web.service", "x.service"])), pair("evil.service", "x.service"));
    assert_eq!(
        hands(&listening(&["evil.service", "web.service"]), &web),
        pair("evil.service", "web.service")
    );
}

#[test]
fn the_same_owner_at_another_width_widened_or_narrowed() {
    let narrow = scene().listens("db.service", "127.0.0.1:5432/tcp").again("[::1]:5432/tcp");
    let wide = scene().listens("db.service", "[::]:5432/tcp");
    assert_eq!(certain(&narrow, &wide), ["widened 5432/tcp ::"]);
    assert_eq!(certain(&wide, &narrow), ["narrowed 5432/tcp ::1"]);
    let specific = scene().listens("db.service", "192.168.1.5:5432/tcp");
    let everywhere = scene().listens("db.service", "0.0.0.0:5432/tcp");
    assert_eq!(certain(&specific, &everywhere), ["widened 5432/tcp 0.0.0.0"]);
}

#[test]
fn one_family_more_or_less_is_a_width() {
    let dual = scene().listens("web.service", "[::]:80/tcp");
    let single = scene().listens("web.service", "[::]:80/tcp").v6only();
    assert_eq!(certain(&dual, &single), ["narrowed 80/tcp ::"]);
    assert_eq!(certain(&single, &dual), ["widened 80/tcp ::"]);
}

#[test]
fn another_specific_address_or_another_owner_is_no_width() {
    let before = scene().listens("web.service", "192.0.2.1:80/tcp");
    let moved = scene().listens("web.service", "192.0.2.2:80/tcp");
    assert_eq!(certain(&before, &moved), ["closed 80/tcp 192.0.2.1", "opened 80/tcp 192.0.2.2"]);
    let other = scene().listens("evil.service", "0.0.0.0:80/tcp");
    assert_eq!(certain(&before, &other), ["opened 80/tcp 0.0.0.0", "closed 80/tcp 192.0.2.1"]);
}

#[test]
fn an_owner_that_was_not_seen_is_no_change_and_is_counted() {
    let before = scene().listens("session-4.scope", "0.0.0.0:80/tcp");
    let after = scene().listens("session-4.scope", "0.0.0.0:80/tcp").hidden();
    assert_eq!(changes(&before, &after), (Vec::new(), 1));
    assert_eq!(changes(&after, &before), (Vec::new(), 1));
    let known_unit = scene().listens("nginx.service", "0.0.0.0:80/tcp");
    assert_eq!(certain(&known_unit, &known_unit.clone().hidden()), [""; 0]);
}

#[test]
fn a_clients_datagram_socket_is_not_compared() {
    let before = scene().listens("dns.service", "0.0.0.0:40000/udp").ephemeral();
    let after = scene().listens("dns.service", "0.0.0.0:40001/udp").ephemeral();
    assert_eq!(certain(&before, &after), [""; 0]);
}

#[test]
fn where_a_host_is_asked_for_its_consent_is_no_change_as_long_as_it_consents() {
    let listens = |left: i64| {
        let mut scene = scene().listens("session-4.scope", "192.168.1.5:29317/udp");
        let (listener, taken) = (&scene.snapshot.listeners[0], scene.snapshot.taken);
        let (pid, netns) = (listener.holders[0].pid, listener.netns);
        let until = taken + SignedDuration::from_secs(left);
        scene.snapshot.consents = [Consent { port: 29_317, netns, pid, until, answered: Vec::new() }].into();
        scene
    };
    assert_eq!(certain(&scene(), &listens(60)), [""; 0]);
    assert_eq!(certain(&scene(), &listens(0)), ["opened 29317/udp 192.168.1.5"], "it is over");
}

#[test]
fn the_own_namespace_is_the_same_place_after_a_reboot_and_others_are_not_judged() {
    let before = scene().listens("nginx.service", "0.0.0.0:80/tcp");
    let mut after = scene().listens("nginx.service", "0.0.0.0:80/tcp");
    after.snapshot.host.boot_id = "another".into();
    after.snapshot.namespaces[0].id = 7;
    after.snapshot.listeners[0].netns = 7;
    assert_eq!(certain(&before, &after), [""; 0]);
    let elsewhere =
        before.clone().listens("nginx.service", "0.0.0.0:81/tcp").socket(|socket| socket.netns = 99);
    assert_eq!(certain(&before, &elsewhere), [""; 0]);
}

#[test]
fn a_socket_that_the_service_manager_holds_changes_no_hands_when_its_service_starts() {
    let waiting = scene().listens("init.scope", "[::]:22/tcp").program("systemd", "root").socket(|socket| {
        socket.socket_unit = Some("ssh.socket".into());
        socket.socket_cgroup = Some("/system.slice/ssh.socket".into());
    });
    let started = waiting.clone().guest("shell.service", "sshd", "root");
    assert_eq!(certain(&waiting, &started), [""; 0]);
}

#[test]
fn a_stranger_that_nobody_sees_under_a_wildcard_opened_all_the_same() {
    let before = scene().listens("nginx.service", "0.0.0.0:80/tcp");
    let after = before.clone().listens("session-4.scope", "127.0.0.1:80/tcp").hidden();
    assert_eq!(changes(&before, &after).0, ["opened 80/tcp 127.0.0.1"]);
}

#[test]
fn code_that_is_replaced_under_a_service_is_told_and_that_it_is_new_again() {
    use crate::{facts::ExeState, patches::testing::sshd};
    let fresh = sshd("0.0.0.0:22/tcp", |_| {}).snapshot;
    let stale = sshd("0.0.0.0:22/tcp", |code| code.files[1].state = ExeState::Replaced).snapshot;
    let kinds = |before: &Snapshot, after: &Snapshot| -> Vec<ChangeKind> {
        diff(before, after, &Scope::Own).changes.iter().map(|change| change.kind).collect()
    };
    assert_eq!(kinds(&fresh, &stale), [ChangeKind::Outdated]);
    assert_eq!(kinds(&stale, &fresh), [ChangeKind::Renewed]);
    assert_eq!(kinds(&Snapshot { code: None, ..fresh }, &stale), [], "nobody looked for it before");
}

/// A script that is gone from the disk is no other owner and no newer code, as long as the same process runs.
#[test]
fn a_script_that_is_deleted_under_its_process_changes_no_hands() {
    use crate::{facts::ExeState, patches::testing::sshd};
    let script = |state| {
        let scene = sshd("0.0.0.0:22/tcp", |code| {
            code.files[0].path = "/srv/p.py".into();
            code.files[0].state = state;
        });
        scene.process(|process| {
            process.unit = None;
            process.started = Some("2026-01-01T00:00:00Z".parse().unwrap());
            process.script = Some("/srv/p.py".into());
        })
    };
    let gone = |scene: Scene| {
        let mut scene = scene.process(|process| process.script = None);
        scene.snapshot.code.as_mut().unwrap().files.remove(0);
        scene.snapshot.code.as_mut().unwrap().processes.values_mut().for_each(|places| *places = vec![0]);
        scene
    };
    let replaced = script(ExeState::Replaced);
    assert_eq!(certain(&replaced, &gone(replaced.clone())), [""; 0]);
    let same = script(ExeState::Same);
    assert_eq!(certain(&same, &gone(same.clone())), [""; 0]);
    assert_eq!(certain(&gone(same.clone()), &same), [""; 0], "nor where it comes back");
    let later = |process: &mut Process| {
        process.started = process.started.map(|started| started + SignedDuration::from_secs(5));
    };
    let restarted = gone(replaced.clone()).process(later);
    assert_eq!(certain(&replaced, &restarted).len(), 2, "another process with that number");
    let library = |state| {
        let mut scene = same.clone();
        let file = &mut scene.snapshot.code.as_mut().unwrap().files[1];
        (file.path, file.state, file.package) = ("/tmp/own.so".into(), state, None);
        scene
    };
    let old = library(ExeState::Replaced);
    assert_eq!(certain(&old, &library(ExeState::Deleted)), [""; 0], "what went from there runs yet");
    assert_eq!(certain(&old, &library(ExeState::Same)), ["renewed 22/tcp 0.0.0.0"]);
    let deleted = script(ExeState::Deleted);
    assert_eq!(certain(&same, &deleted), ["outdated 22/tcp 0.0.0.0"]);
}
