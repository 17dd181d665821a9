//! A service has left its number for another: a wrong edit, most likely (A24).

use alloc::{format, vec::Vec};

use super::{list, silent_ports};
use crate::{
    finding::{Finding, Severity, spot_of},
    owner::Roll,
    policy::Service,
    port::{PortSpec, Protocol},
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::{Holding, World},
};

/// The declared number is silent while its owner listens on one that is not declared.
pub(super) const RULE: Rule = Rule {
    name: "moved-from-declared-port",
    severity: Severity::Warning,
    article: &["A24"],
    outranks: &["declared-but-silent", "unneeded-open-port"],
    page: Page {
        what: Words {
            en: "A declared number is silent while its owner listens on another number that is not declared.",
            ja: "宣言済みの番号では誰も待ち受けておらず、その所有者が宣言にない別の番号で待ち受けています。",
        },
        why: Words {
            en: "Clients knock where nobody answers, and the old number is free for anybody. It is most often a wrong edit.",
            ja: "クライアントは応答のない番号に接続しようとし、空いたポートは誰でも使えてしまいます。多くは設定の書き間違いが原因です。",
        },
        fix: Words {
            en: "Put the declared number back into the service's configuration, or change the policy if the move is meant.",
            ja: "サービスの設定を宣言どおりの番号に戻します。意図した変更なら policy を直します。",
        },
    },
    check,
};

/// A move is about a few numbers; more are said one by one by other rules.
const NEW_PORTS_MAX: usize = 4;

fn check(world: &World<'_>) -> Vec<Finding> {
    let Some(policy) = world.policy else {
        return Vec::new();
    };
    let undeclared: Vec<_> = world.holdings().filter(|holding| holding.declared.is_none()).collect();
    if undeclared.is_empty() {
        return Vec::new();
    }
    let roll = Roll::new(undeclared.iter().map(|holding| holding.identity.clone()).collect());
    let mut findings = Vec::new();
    for service in policy.services.iter().filter(|service| !service.owners.is_empty()) {
        let silent = silent_ports(world, service);
        if silent.is_empty() {
            continue;
        }
        let owned: Vec<_> =
            roll.meant_by(&service.owners).into_iter().map(|index| undeclared[index]).collect();
        findings.extend(
            Protocol::ALL.into_iter().filter_map(|protocol| judge(service, &silent, &owned, protocol)),
        );
    }
    findings
}

fn judge(
    service: &Service,
    silent: &[PortSpec],
    owned: &[&Holding<'_>],
    protocol: Protocol,
) -> Option<Finding> {
    let left: Vec<_> = silent.iter().filter(|spec| spec.protocol == protocol).collect();
    let taken: Vec<_> =
        owned.iter().filter(|holding| holding.spec().protocol == protocol).take(NEW_PORTS_MAX).collect();
    let (from, to) = (*left.first()?, taken.first()?);
    let name = &service.name;
    let Text { en: en_old, ja: ja_old } = list(&left);
    let Text { en: en_new, ja: ja_new } = list(taken.iter().map(|holding| holding.spec()));
    let finding = RULE.finding(
        text!(
            "{name} is declared on {en_old}, where nobody listens; its owner listens on {en_new}",
            "{name} は {ja_old} で宣言されていますが、所有者は {ja_new} で待ち受けています"
        ),
        text!(
            "set its configuration back to {en_old}, or change {name} in the policy",
            "サービスの設定を {ja_old} に戻すか、policy の {name} を直してください"
        ),
    );
    let mut finding = finding.about(to).at(*from).of(service);
    finding.address = None;
    finding.silences = taken.iter().map(|holding| spot_of(holding)).collect();
    finding.silences.extend(silent.first().map(|first| (None, Some(*first), Vec::new())));
    Some(finding.run([format!("portreeve who {}", to.spec())]))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::scene;

    #[test]
    fn a_server_on_a_wrong_number_is_found_once() {
        let scene = scene()
            .service("web", "80/tcp 443/tcp", "nginx.service")
            .reach("world")
            .listens("nginx.service", "0.0.0.0:80/tcp")
            .again("0.0.0.0:8443/tcp")
            .again("[::]:8443/tcp");
        assert_eq!(
            scene.texts("moved-from-declared-port"),
            ["443/tcp: web is declared on 443/tcp, where nobody listens; its owner listens on 8443/tcp"]
        );
        assert_eq!(scene.rules(), ["moved-from-declared-port"]);
    }

    #[test]
    fn a_stranger_on_another_number_is_no_move() {
        let scene =
            scene().service("web", "443/tcp", "nginx.service").listens("apache2.service", "0.0.0.0:8443/tcp");
        assert_eq!(scene.rules(), ["declared-but-silent", "unneeded-open-port"]);
    }

    #[test]
    fn an_owner_who_is_also_where_declared_has_not_moved() {
        let scene = scene()
            .service("web", "443/tcp", "nginx.service")
            .reach("world")
            .listens("nginx.service", "0.0.0.0:443/tcp")
            .again("0.0.0.0:8443/tcp");
        assert_eq!(scene.rules(), ["unneeded-open-port"]);
    }

    #[test]
    fn another_protocol_is_no_move() {
        let scene =
            scene().service("web", "443/udp", "nginx.service").listens("nginx.service", "0.0.0.0:8443/tcp");
        assert_eq!(scene.rules(), ["declared-but-silent", "unneeded-open-port"]);
    }
}
