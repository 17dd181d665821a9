//! A unit is to be kept from binding, and nothing keeps it (A24).

use alloc::{format, vec::Vec};

use crate::{
    facts::SocketDenial,
    finding::{Finding, Severity},
    rules::{Page, Rule},
    text,
    words::Words,
    world::World,
};

/// systemd says nothing where it was built without what that takes.
pub(super) const RULE: Rule = Rule {
    name: "ineffective-socket-bind-deny",
    severity: Severity::Warning,
    article: &["A24"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The file of a unit says SocketBindDeny=, the unit runs, and the kernel asks no program when it binds.",
            ja: "ユニットファイルに SocketBindDeny= がありますが、そのユニットの bind を検査するプログラムがカーネルにありません。",
        },
        why: Words {
            en: "The unit binds what it likes. A systemd that was built without BPF (Debian 12's is: `systemctl --version` says -BPF_FRAMEWORK) passes over the setting without a word.",
            ja: "そのユニットはどのポートでも bind できます。BPF なしでビルドされた systemd(Debian 12 など。`systemctl --version` に -BPF_FRAMEWORK と表示)は、この設定を何も言わずに無視します。",
        },
        fix: Words {
            en: "Declare the ports that matter with their owners, and let portreeve refuse them to others (guard = \"enforce\"); or use a systemd with +BPF_FRAMEWORK and restart the unit.",
            ja: "重要なポートを owner 付きで宣言し、guard = \"enforce\" でほかのプロセスに拒否させてください。または +BPF_FRAMEWORK の systemd を使い、ユニットを再起動してください。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let denials = world.snapshot.socket_denials.iter();
    denials.filter(|denial| !denial.is_in_force).map(finding).collect()
}

fn finding(SocketDenial { unit, line, .. }: &SocketDenial) -> Finding {
    let (path, number, setting) = (&line.path, line.number, &line.text);
    let finding = RULE.finding(
        text!(
            "{unit} may bind any port: {setting} ({path}:{number}) is not in force",
            "{unit} はどのポートでも bind できる。{setting}({path}:{number})が効いていない"
        ),
        text!(
            "have the guard keep the ports that matter (guard = \"enforce\"), or use a systemd that is built with BPF",
            "重要なポートは guard = \"enforce\" で保護するか、BPF 付きでビルドされた systemd を使ってください"
        ),
    );
    finding.run([format!("systemctl cat {unit}")])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{facts::Line, rules::testing::scene};

    fn denied(is_in_force: bool) -> SocketDenial {
        let line = Line { path: "/etc/a".into(), number: 3, text: "SocketBindDeny=any".into() };
        SocketDenial { unit: "web.service".into(), line, is_in_force }
    }

    #[test]
    fn a_unit_that_the_kernel_asks_is_kept() {
        let mut scene = scene().service("web", "443/tcp", "web.service");
        scene.snapshot.socket_denials = [denied(true)].into();
        assert!(scene.texts(RULE.name).is_empty());
    }

    #[test]
    fn a_setting_that_nothing_carries_out_is_found() {
        let mut scene = scene().service("web", "443/tcp", "web.service");
        scene.snapshot.socket_denials = [denied(false)].into();
        assert_eq!(
            scene.texts(RULE.name),
            ["web.service may bind any port: SocketBindDeny=any (/etc/a:3) is not in force"]
        );
    }
}
