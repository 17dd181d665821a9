//! Nobody recognisable holds a socket any more: no process does, or one of another unit (A12, A20).

use alloc::{format, vec::Vec};

use crate::{
    facts::{HolderGap, Listener, Process},
    finding::{Finding, Severity},
    owner::Identity,
    rules::{Page, Rule},
    text, unit,
    words::{Text, Words},
    world::{Holding, World},
};

/// No process, or one of another unit that inherited the socket.
pub(super) const RULE: Rule = Rule {
    name: "opener-gone",
    severity: Severity::Notice,
    article: &["A12", "A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "A socket is open and no process holds it, or only one of another unit than the one that opened it.",
            ja: "開いているソケットを保持するプロセスがないか、開いたユニットとは別のユニットのプロセスだけが保持しています。",
        },
        why: Words {
            en: "Clients connect and nobody answers, or the wrong one does; and the service cannot start again while its number is taken.",
            ja: "接続しても応答がないか、別の誰かが応答します。番号が塞がったままなので、本来のサービスも起動できません。",
        },
        fix: Words {
            en: "If a process inherited it, stop that one; then start the service again.",
            ja: "引き継いだプロセスがあれば止めてから、サービスを起動し直します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    world.every_holding().iter().filter_map(judge).collect()
}

fn judge(holding: &Holding<'_>) -> Option<Finding> {
    let (text, fix) = holding.listeners.iter().find_map(|listener| describe(holding, listener))?;
    Some(RULE.finding(text, fix).about(holding).run([format!("portreeve who {}", holding.spec())]))
}

/// What is wrong with the socket, and what to do.
fn describe(holding: &Holding<'_>, listener: &Listener) -> Option<(Text, Text)> {
    let spec = holding.spec();
    if is_adrift(listener) {
        let text = text!(
            "no process has a descriptor of {spec}: it is on its way between processes, or kept by other means",
            "{spec} のファイルディスクリプタを持つプロセスがありません。プロセス間で受け渡し中か、別の手段で保持されています"
        );
        let fix = text!(
            "look again; if it stays so, start the service that opened it again",
            "もう一度確認し、変わらなければ、開いたサービスを起動し直してください"
        );
        return Some((text, fix));
    }
    let Text { en, ja } = holding.who();
    let text = match inherited_from(holding, listener)? {
        Some(opener) => text!(
            "{en} holds {spec}, which {opener} opened and no longer has",
            "{opener} が開いた {spec} を、今は {ja} だけが保持しています"
        ),
        None => text!(
            "{en} holds {spec}, which was opened in a cgroup that has been removed since",
            "今は削除された cgroup で開かれた {spec} を、{ja} が保持しています"
        ),
    };
    let fix = text!(
        "stop whoever inherited it, then start the service again",
        "引き継いだプロセスを止めてから、サービスを起動し直してください"
    );
    Some((text, fix))
}

/// Whether no process has it that could answer. Servers in the kernel (LIO's iSCSI, ksmbd) open theirs as root: of
/// root's socket without a descriptor it cannot be told that nobody answers.
fn is_adrift(listener: &Listener) -> bool {
    listener.gap.is_some_and(HolderGap::is_adrift) && listener.uid.is_some_and(|uid| uid != 0)
}

/// The service that opened the socket, where every holder was looked for and none is of it; nobody of whom anything
/// tells, where its cgroup was removed, as that of a service is once it has stopped. One that a service made below its
/// own and took away again proves nothing.
///
/// A `.socket` is opened for another unit, the service manager holds sockets for all, and a container's engine hands
/// them in: those are ordinary.
fn inherited_from<'a>(holding: &Holding<'a>, listener: &'a Listener) -> Option<Option<&'a str>> {
    let opener = listener.socket_unit.as_deref();
    // Seen from a cgroup namespace, units of processes are not those of the host, and no place of the socket is told.
    if opener.is_some() && listener.socket_cgroup.is_none() {
        return None;
    }
    let may_be_service = opener.map_or(listener.socket_cgroup_apart, unit::is_service);
    let complete = listener.holders_complete && !listener.holders.is_empty();
    let recognised = |process: &Process| {
        process.host_container().is_some()
            || process.unit.as_deref().is_none_or(|unit| Some(unit) == opener || unit == "init.scope")
            || (opener.is_none() && Identity::of_process(process).forwards_for_containers())
    };
    let known = holding.holders.iter().any(|(_, process)| recognised(process));
    (may_be_service && complete && !known && !holding.holders.is_empty()).then_some(opener)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::scene;

    #[test]
    fn a_users_socket_without_a_descriptor_is_found_and_nobody_accused() {
        let scene = scene()
            .listens("shop.service", "0.0.0.0:8080/tcp")
            .hidden()
            .socket(|socket| (socket.gap, socket.uid) = (Some(HolderGap::NoDescriptor), Some(1000)));
        assert_eq!(
            scene.texts(RULE.name),
            [
                "8080/tcp: no process has a descriptor of 8080/tcp: it is on its way between processes, or kept by other means"
            ]
        );
        assert!(!scene.judge()[0].fix.en.contains("stop"));
    }

    #[test]
    fn roots_socket_without_a_descriptor_may_be_the_kernels() {
        for uid in [Some(0), None] {
            let scene = scene()
                .listens("target.service", "0.0.0.0:3260/tcp")
                .hidden()
                .socket(|socket| (socket.gap, socket.uid) = (Some(HolderGap::NoDescriptor), uid));
            assert_eq!(scene.rules(), [""; 0], "{uid:?}");
        }
    }

    #[test]
    fn a_socket_that_another_unit_inherited_is_found() {
        let scene = scene()
            .listens("session-4.scope", "0.0.0.0:8080/tcp")
            .program("sleep", "dev")
            .socket(|socket| socket.socket_unit = Some("shop.service".into()));
        assert_eq!(
            scene.texts(RULE.name),
            ["8080/tcp: sleep (user dev) holds 8080/tcp, which shop.service opened and no longer has"]
        );
    }

    #[test]
    fn units_that_are_seen_from_different_roots_are_not_compared() {
        let scene = scene().listens("app.scope", "0.0.0.0:8080/tcp").socket(|socket| {
            (socket.socket_cgroup, socket.socket_unit) = (None, Some("shop.service".into()));
        });
        assert_eq!(scene.rules(), [""; 0], "app.scope may be below shop.service");
    }

    #[test]
    fn a_socket_whose_unit_has_stopped_and_gone_is_found_too() {
        let left = |holder: &str| {
            scene().listens(holder, "0.0.0.0:8080/tcp").socket(|socket| {
                (socket.socket_cgroup, socket.socket_unit) = (None, None);
                (socket.socket_cgroup_removed, socket.socket_cgroup_apart) = (true, true);
            })
        };
        assert_eq!(
            left("other.service").texts(RULE.name),
            ["8080/tcp: other holds 8080/tcp, which was opened in a cgroup that has been removed since"]
        );
        assert_eq!(left("init.scope").rules(), [""; 0], "the service manager keeps it for its next run");
        let monitor = left("libpod-conmon-1.scope").program("conmon", "root");
        assert_eq!(
            monitor.texts(RULE.name),
            [""; 0],
            "podman opens a container's ports in the session that starts it"
        );
        let below = left("other.service").socket(|socket| socket.socket_cgroup_apart = false);
        assert_eq!(below.rules(), [""; 0], "it may have been below that of its holder");
    }

    #[test]
    fn what_the_kernel_holds_or_root_alone_sees_is_none() {
        for gap in [HolderGap::Kernel, HolderGap::OtherUser, HolderGap::OutOfSight, HolderGap::Vanished] {
            let scene = scene()
                .listens("shop.service", "0.0.0.0:8080/tcp")
                .hidden()
                .socket(|socket| socket.gap = Some(gap));
            assert_eq!(scene.rules(), [""; 0], "{gap:?}");
        }
    }

    #[test]
    fn a_socket_unit_hands_over_on_purpose() {
        let scene = scene()
            .listens("shop.service", "0.0.0.0:8080/tcp")
            .socket(|socket| socket.socket_unit = Some("http.socket".into()));
        assert_eq!(scene.rules(), [""; 0]);
    }

    #[test]
    fn an_opener_that_still_holds_it_is_not_gone() {
        let scene =
            scene().listens("shop.service", "0.0.0.0:8080/tcp").guest("session-4.scope", "helper", "dev");
        assert_eq!(scene.rules(), [""; 0]);
    }
}
