//! The firewall that a person keeps says that a port is closed, and packets get in all the same (A15, A17, A20).

use alloc::{format, vec::Vec};

use crate::{
    finding::{Finding, Severity},
    firewall::Author,
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::{Passage, World},
};

/// ufw or firewalld would drop it, and never sees it.
pub(super) const RULE: Rule = Rule {
    name: "says-closed-is-open",
    severity: Severity::Critical,
    article: &["A15", "A17", "A20"],
    outranks: &["open-through-forward", "unneeded-open-port"],
    page: Page {
        what: Words {
            en: "ufw or firewalld keeps a port closed, and packets to it get in by a way that it does not guard.",
            ja: "ufw や firewalld では閉じているはずのポートに、その監視を通らない経路でパケットが届いています。",
        },
        why: Words {
            en: "Whoever asks that program is told that the port is closed, and believes it.",
            ja: "そのプログラムで確認しても「閉じている」と表示されるため、開いていることに誰も気付けません。",
        },
        fix: Words {
            en: "Publish the container's port on 127.0.0.1 only, or declare the port as a service if it is meant to be open.",
            ja: "コンテナのポートを 127.0.0.1 だけで公開します。公開が意図したものなら、policy にサービスとして宣言します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let passages = world.passages();
    let open = passages.iter().filter(|passage| passage.closed_by.is_some());
    let open = open.filter_map(|passage| passage.undeclared(world));
    open.filter_map(|passage| Some(finding(world, &passage, passage.closed_by?))).collect()
}

fn finding(world: &World<'_>, passage: &Passage, author: Author) -> Finding {
    let (ports, Text { en, ja }, author) = (passage.named(), passage.target(), author.name());
    let finding = RULE.finding(
        text!(
            "{author} says that {ports} is closed, and packets from the world get to {en} by it",
            "{author} では {ports} は閉じていますが、外部からのパケットが {ja} に届きます"
        ),
        text!(
            "publish it on 127.0.0.1 only or not at all: {author} never sees what is sent on",
            "127.0.0.1 だけで公開するか、公開をやめてください。転送されるパケットは {author} を通りません"
        ),
    );
    passage.about(finding, world).run(passage.specs().next().map(|spec| format!("portreeve exposure {spec}")))
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use crate::rules::testing::{published, scene};

    const UFW: &str = ":ufw-user-input - [0:0]\n-A INPUT -j ufw-user-input\n-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT\n";

    #[test]
    fn what_ufw_denies_and_a_container_answers_is_found_with_and_without_a_policy() {
        for scene in [scene(), scene().policy()] {
            let scene = scene.filtered(published(UFW), &[]);
            assert_eq!(scene.rules(), ["says-closed-is-open"]);
            assert_eq!(
                scene.texts("says-closed-is-open"),
                [
                    "8080/tcp: ufw says that 8080/tcp is closed, and packets from the world get to 172.17.0.2:80 by it"
                ]
            );
        }
    }

    #[test]
    fn what_ufw_allows_is_not_said_to_be_closed() {
        let allowed = format!("{UFW}-A ufw-user-input -p tcp -m tcp --dport 8080 -j ACCEPT\n");
        assert!(scene().filtered(published(&allowed), &[]).texts("says-closed-is-open").is_empty());
    }

    #[test]
    fn what_the_policy_opens_is_meant_to_be_open() {
        let declared = scene().service("shop", "8080/tcp", "docker.service").reach("world");
        assert!(declared.filtered(published(UFW), &[]).texts("says-closed-is-open").is_empty());
    }
}
