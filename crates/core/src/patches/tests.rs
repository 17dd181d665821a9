//! Tests of what ports run.

use super::*;
use crate::{
    advised, advisories,
    facts::{Gap, GapKind, Offer},
    rules::testing::Scene,
};
use alloc::vec;

/// That host with port 22 open to everybody.
fn sshd(change: impl FnOnce(&mut Code)) -> Scene {
    testing::sshd("0.0.0.0:22/tcp", change)
}

fn offers(code: &mut Code, package: usize, [candidate, newest, security]: [Option<&str>; 3]) {
    let told = |version: Option<&str>| version.map(Into::into);
    let offer = Offer { candidate: told(candidate), newest: told(newest), security: told(security) };
    code.roots[0].packages[package].offer = Some(offer);
}

/// Every row as `package running security waiting`, with its commands.
fn rows(scene: &Scene) -> Vec<(String, Vec<String>)> {
    let row = |patch: &Patch<'_>| {
        let package = patch.package.map_or("-", |package| &package.name);
        let waiting = patch.waiting().map_or("-", |(version, _)| version);
        let row = format!("{package} {:?} {:?} {waiting}", patch.running(), patch.security);
        (row, patch.commands())
    };
    scene.with_world(|world| patches(world).iter().map(row).collect())
}

fn lines(scene: &Scene) -> Vec<String> {
    rows(scene).into_iter().map(|(row, _)| row).collect()
}

#[test]
fn what_runs_as_it_is_installed_and_is_the_newest_is_fine() {
    let scene = sshd(|_| {});
    assert_eq!(lines(&scene), ["libkrb5-3 Same No -", "openssh-server Same No -"]);
    scene.with_world(|world| assert!(patches(world).iter().all(|patch| !patch.needs_a_word())));
}

#[test]
fn a_newer_version_in_a_security_archive_comes_before_a_replaced_program() {
    let scene = sshd(|code| {
        code.files[0].state = ExeState::Replaced;
        offers(code, 1, [Some("1.20-3"), Some("1.20-3"), Some("1.20-3")]);
    });
    let restart = || String::from("systemctl restart ssh.service");
    assert_eq!(
        rows(&scene),
        [
            (
                "libkrb5-3 Same Yes 1.20-3".into(),
                vec!["apt-get install --only-upgrade libkrb5-3".into(), restart()]
            ),
            ("openssh-server Replaced No -".into(), vec![restart()]),
        ]
    );
}

#[test]
fn a_newer_version_elsewhere_may_be_a_security_update_or_not() {
    let scene = sshd(|code| offers(code, 1, [Some("1.20-3"), Some("1.20-3"), None]));
    assert_eq!(lines(&scene)[0], "libkrb5-3 Same Unknown 1.20-3");
    let unread = sshd(|code| code.roots[0].packages[1].offer = None);
    assert_eq!(lines(&unread)[0], "libkrb5-3 Same Unknown -", "no list was read");
    let unlisted = sshd(|code| offers(code, 1, [Some("1.20-2"), None, None]));
    assert_eq!(lines(&unlisted)[0], "libkrb5-3 Same Unknown -", "no archive has it");
}

#[test]
fn lists_that_lack_something_say_of_nothing_that_it_is_the_newest() {
    for (lack, candidate) in [(ListsLack::Part, None), (ListsLack::Security, Some("1.20-2"))] {
        let scene = sshd(|code| code.roots[0].lists_lack = Some(lack));
        assert_eq!(lines(&scene)[0], "libkrb5-3 Same Unknown -", "{lack:?}");
        let told = |world: &World<'_>| {
            let patches = patches(world);
            assert_eq!((patches[0].is_newest(), patches[0].candidate()), (false, candidate), "{lack:?}");
        };
        scene.with_world(|world| told(world));
        let waits = sshd(|code| {
            code.roots[0].lists_lack = Some(lack);
            offers(code, 1, [Some("1.20-3"); 3]);
        });
        assert_eq!(lines(&waits)[0], "libkrb5-3 Same Yes 1.20-3", "what is read is read: {lack:?}");
    }
}

#[test]
fn what_a_pin_or_a_hold_keeps_back_is_installed_by_name() {
    let scene = sshd(|code| {
        offers(code, 1, [Some("1.20-2"), Some("1.20-3"), Some("1.20-3")]);
        code.roots[0].packages[1].held = true;
    });
    let (row, commands) = rows(&scene).remove(0);
    assert_eq!(row, "libkrb5-3 Same Yes -");
    assert_eq!(
        commands,
        ["apt-mark unhold libkrb5-3", "apt-get install libkrb5-3=1.20-3", "systemctl restart ssh.service"]
            .map(String::from)
    );
}

#[test]
fn advisories_decide_where_no_security_archive_has_a_newer_version() {
    let scene = sshd(|code| {
        code.roots[0].release = Some("Debian:12".into());
        offers(code, 1, [Some("1.20-3"), Some("1.20-3"), None]);
    });
    let told = |fixed: &str| {
        let document = format!(
            r#"{{"id":"DSA-1","aliases":["CVE-2026-1"],"affected":[{{"package":{{"ecosystem":"Debian:12","name":"libkrb5-3"}},
            "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}}{fixed}]}}]}}]}}"#
        );
        let code = scene.snapshot.code.as_ref().unwrap();
        let advisories = advisories::read(document.as_bytes(), &advised::asked(code)).unwrap();
        let advised = advised::advise(code, &advisories);
        scene.with_world(|world| {
            let world = world.clone().advised_by(Some(&advised));
            let patches = patches(&world);
            let krb = patches.iter().find(|patch| patch.package.unwrap().name == "libkrb5-3").unwrap();
            let names = krb.advisories.iter().map(|advisory| advisory.id.clone()).collect::<Vec<_>>();
            (krb.security, names, krb.has_open_hole(), krb.lacks_fix())
        })
    };
    let named = || vec![String::from("CVE-2026-1")];
    assert_eq!(told(r#",{"fixed":"1.20-3"}"#), (Security::Yes, named(), false, false));
    assert_eq!(told(r#",{"fixed":"99-1"}"#), (Security::Yes, named(), false, true), "no list has it");
    assert_eq!(told(""), (Security::No, named(), true, true), "no version is without the hole yet");
    let none = (Security::No, Vec::new(), false, false);
    assert_eq!(told(r#",{"fixed":"1.20-2"}"#), none, "the installed one is without it");
}

/// What one document says of krb5's library, for which a security archive has 1.20-3 where `waits`: whether it is secure,
/// whether it is the newest, and the gaps.
fn told_by(document: &str, release: Option<&str>, waits: bool) -> (Security, bool, Vec<String>) {
    let scene = sshd(|code| {
        code.roots[0].release = release.map(Into::into);
        if waits {
            offers(code, 1, [Some("1.20-3"), Some("1.20-3"), Some("1.20-3")]);
        }
    });
    let code = scene.snapshot.code.as_ref().unwrap();
    let advisories = advisories::read(document.as_bytes(), &advised::asked(code)).unwrap();
    let advised = advised::advise(code, &advisories);
    let gaps = advised::unspoken(code, &advisories, "osv/").iter().map(|gap| gap.why().en).collect();
    scene.with_world(|world| {
        let world = world.clone().advised_by(Some(&advised));
        let patches = patches(&world);
        let krb = patches.iter().find(|patch| patch.package.unwrap().name == "libkrb5-3").unwrap();
        (krb.security, krb.is_newest(), gaps)
    })
}

#[test]
fn silent_advisories_are_a_gap_of_their_release_alone() {
    let root = |release: &str| CodeRoot { release: Some(release.into()), ..CodeRoot::default() };
    let gap = |detail: &str| Gap { detail: detail.into(), ..Gap::new(GapKind::SilentAdvisories, 1) };
    assert!(root("Debian:12").is_hidden_by(&gap("Debian:12: osv/")));
    assert!(!root("Debian:12").is_hidden_by(&gap("Alpine:v3.20: osv/")));
    assert!(!CodeRoot::default().is_hidden_by(&gap("Debian:12: osv/")));
}

fn about(ecosystem: &str, name: &str) -> String {
    format!(
        r#"{{"id":"DSA-1","affected":[{{"package":{{"ecosystem":"{ecosystem}","name":"{name}"}},
        "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}}]}}]}}]}}"#
    )
}

#[test]
fn advisories_about_another_release_leave_it_to_the_archives() {
    let silent = vec![String::from("security holes by advisories: no advisory of osv/ is about Debian:12")];
    for document in [&*about("Debian:11", "libkrb5-3"), &about("PyPI", "libkrb5-3"), "[]"] {
        let told = told_by(document, Some("Debian:12"), true);
        assert_eq!(told, (Security::Yes, false, silent.clone()), "{document}");
        assert_eq!(told_by(document, Some("Debian:12"), false), (Security::No, true, silent.clone()));
    }
    let (security, _, gaps) = told_by(&about("Debian:12", "libkrb5-3"), None, true);
    assert_eq!((security, gaps.len()), (Security::Yes, 1), "a root that does not say what it is: {gaps:?}");
}

/// Nobody knows whether the advisories at hand are all.
#[test]
fn what_a_security_archive_has_waits_whatever_advisories_say() {
    let told = told_by(&about("Debian:12", "another"), Some("Debian:12"), true);
    assert_eq!(told, (Security::Yes, false, Vec::new()));
}

#[test]
fn only_what_lists_call_the_newest_and_no_advisory_names_is_the_newest() {
    assert!(told_by(&about("Debian:12", "another"), Some("Debian:12"), false).1);
    assert!(!told_by(&about("Debian:12", "libkrb5-3"), Some("Debian:12"), false).1, "it has a hole");
    let newest = |change: fn(&mut Code)| {
        sshd(change).with_world(|world| patches(world).iter().filter(|patch| patch.is_newest()).count())
    };
    assert_eq!(newest(|_| {}), 2);
    assert_eq!(newest(|code| code.roots[0].packages[1].offer = None), 1, "no list was read");
    assert_eq!(newest(|code| offers(code, 1, [Some("1.20-2"), None, None])), 1, "no list has it");
    assert_eq!(newest(|code| offers(code, 1, [None, Some("1.20-2"), None])), 1, "nobody knows which");
    assert_eq!(newest(|code| offers(code, 1, [Some("1.20-3"), Some("1.20-3"), None])), 1);
}

#[test]
fn a_deleted_file_of_no_package_is_old_code_only_where_packages_put_theirs() {
    let deleted = |path: &str| {
        let scene = sshd(|code| {
            code.files[0] = CodeFile {
                path: path.into(),
                state: ExeState::Deleted,
                package: None,
                ..code.files[0].clone()
            };
        });
        scene.with_world(|world| patches(world).iter().any(Patch::is_stale))
    };
    let jailed = |path: &str| {
        let scene = sshd(|code| {
            let file = CodeFile {
                path: path.into(),
                state: ExeState::Deleted,
                package: None,
                ..code.files[0].clone()
            };
            code.files[0] = file;
            code.roots[0].name = Some("chroot /srv/shop".into());
        });
        scene.with_world(|world| patches(world).iter().any(Patch::is_stale))
    };
    assert!(jailed("/srv/shop/usr/lib/libexpat.so.1") && !jailed("/srv/shop/tmp/usr/jna.tmp"));
    assert!(deleted("/usr/lib/x86_64-linux-gnu/libicu.so.70") && deleted("/lib/libz.so.1"));
    assert!(
        !deleted("/tmp/jna-1234.tmp") && !deleted("/var/cache/app/x.so") && !deleted("/usr/local/lib/x.so")
    );
}

/// The program of port 22 at that path, of no package and deleted; and what holds the port.
fn deleted_program(path: &'static str) -> Scene {
    let scene = sshd(|code| {
        let gone =
            CodeFile { path: path.into(), state: ExeState::Deleted, package: None, ..code.files[0].clone() };
        code.files[0] = gone;
    });
    scene.process(|process| {
        process.exe = Some(path.into());
        process.exe_state = ExeState::Deleted;
    })
}

#[test]
fn the_program_itself_is_old_code_wherever_it_was_deleted() {
    let scene = deleted_program("/tmp/l2");
    scene.with_world(|world| assert!(patches(world)[0].is_stale()));
    assert_eq!(rows(&scene)[0].1, ["systemctl restart ssh.service"]);
    let of_nobody = deleted_program("/tmp/l2").process(|process| process.unit = None);
    assert_eq!(rows(&of_nobody)[0].1, ["portreeve who 22/tcp"], "no unit can be restarted");
    let script = deleted_program("/tmp/p.py").process(|process| {
        process.exe = Some("/usr/bin/python3.11".into());
        process.script = Some("/tmp/p.py".into());
    });
    script.with_world(|world| assert!(patches(world)[0].is_stale(), "a script is what an interpreter is"));
}

#[test]
fn nothing_that_a_shell_could_misread_is_typed() {
    let scene = sshd(|code| {
        code.roots[0].packages[1].name = "a;reboot".into();
        offers(code, 1, [Some("2"), Some("2"), Some("2")]);
    });
    assert_eq!(rows(&scene)[0].1, [""; 0]);
}

#[test]
fn a_containers_packages_are_its_images() {
    let scene = sshd(|code| {
        code.roots[0].name = Some("web".into());
        offers(code, 1, [Some("2"), Some("2"), Some("2")]);
    });
    assert_eq!(rows(&scene)[0].1, [""; 0]);
}
