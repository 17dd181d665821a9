//! Another program than portreeve's chooses the sockets that packets get to (A5, A12).

use alloc::vec::Vec;

use crate::{
    facts::SteeringProgram,
    finding::{Finding, Severity},
    rules::{Page, Rule},
    text,
    words::Words,
    world::World,
};

/// What a listener is bound to then does not tell what it gets.
pub(super) const RULE: Rule = Rule {
    name: "foreign-steering",
    severity: Severity::Notice,
    article: &["A5", "A12"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "A program that is not portreeve's stands in this network namespace and chooses for packets the socket that gets them (BPF, sk_lookup).",
            ja: "portreeve 以外のプログラムが、このネットワーク名前空間でパケットの届け先ソケットを選んでいます(BPF の sk_lookup)。",
        },
        why: Words {
            en: "It may lead the packets of any port to another socket than the one that is bound there, whatever is declared, steered or seen by `ls`.",
            ja: "宣言、誘導、`ls` の表示にかかわらず、任意のポート宛てのパケットが、そこに bind したものとは別のソケットに届くことがあります。",
        },
        fix: Words {
            en: "See whose it is: `bpftool prog show id ID` and `bpftool link show`. Where that is meant, waive the rule.",
            ja: "`bpftool prog show id ID` と `bpftool link show` で、誰のプログラムかを確認してください。意図したものであれば、このルールを免除します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    world.snapshot.foreign_steering.iter().map(finding).collect()
}

fn finding(SteeringProgram { id, name }: &SteeringProgram) -> Finding {
    let said = if name.is_empty() {
        text!(
            "the program {id} in the kernel chooses sockets for packets, and is not portreeve's",
            "portreeve 以外のプログラム(番号 {id})がパケットの届け先ソケットを選んでいる"
        )
    } else {
        text!(
            "the program {name} in the kernel chooses sockets for packets, and is not portreeve's",
            "portreeve 以外のプログラム {name} がパケットの届け先ソケットを選んでいる"
        )
    };
    let fix = text!("see whose it is", "誰のプログラムかを確認してください");
    RULE.finding(said, fix).run([alloc::format!("bpftool prog show id {id}")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        facts::{GuardStands, LeftSteer},
        rules::testing::scene,
        steer::Routes,
    };

    #[test]
    fn where_nobody_else_chooses_nothing_is() {
        let mut scene = scene().service("web", "443/tcp", "nginx.service");
        scene.snapshot.steer = Some(LeftSteer {
            stands: GuardStands::Whole,
            dead: Vec::new(),
            led: Vec::new(),
            routes: Routes::default(),
        });
        assert!(scene.texts(RULE.name).is_empty(), "portreeve's own is none");
    }

    #[test]
    fn each_program_of_others_is_found() {
        let mut scene = scene().service("web", "443/tcp", "nginx.service");
        let program = |id, name: &str| SteeringProgram { id, name: name.into() };
        scene.snapshot.foreign_steering = [program(7, "chooser"), program(8, "")].into();
        assert_eq!(
            scene.texts(RULE.name),
            [
                "the program 8 in the kernel chooses sockets for packets, and is not portreeve's",
                "the program chooser in the kernel chooses sockets for packets, and is not portreeve's",
            ]
        );
        assert_eq!(scene.commands(RULE.name), ["bpftool prog show id 8", "bpftool prog show id 7"]);
    }
}
