//! Any user may bind numbers that services rely on (A6, A24).

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use crate::{
    facts::Namespace,
    finding::{Finding, Severity},
    port::{PortSpec, Protocol},
    rules::{Page, Rule, declared},
    text,
    words::{Text, Words},
    world::{Holding, World},
};

/// `ip_unprivileged_port_start` lies below 1024 and below a service.
pub(super) const RULE: Rule = Rule {
    name: "anyone-may-take-well-known",
    severity: Severity::High,
    article: &["A6", "A24"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "net.ipv4.ip_unprivileged_port_start is below 1024, and a declared or running service lives between.",
            ja: "net.ipv4.ip_unprivileged_port_start が 1024 未満で、その値から 1023 までの番号に宣言済みまたは稼働中のサービスがあります。",
        },
        why: Words {
            en: "While the service restarts, any user of this host can take its number and answer in its place.",
            ja: "サービスの再起動中に、このホストのどのユーザーでもその番号を奪って代わりに応答できます。",
        },
        fix: Words {
            en: "Set it back to 1024, and give the one program that needs a low number CAP_NET_BIND_SERVICE or a systemd socket.",
            ja: "1024 に戻し、低い番号が必要なプログラムには CAP_NET_BIND_SERVICE を与えるか、systemd のソケットユニットを使います。",
        },
    },
    check,
};

/// DHCP clients: root starts them before anybody can log in, and nobody connects to them.
const CLIENTS: [u16; 2] = [68, 546];

fn check(world: &World<'_>) -> Vec<Finding> {
    // Container engines lower it in the namespaces they make, where nobody but the one application lives.
    let own = world.namespaces().filter(|namespace| namespace.own);
    let low = own.filter(|namespace| namespace.unprivileged_port_start < 1024);
    low.filter_map(|namespace| judge(world, namespace)).collect()
}

fn judge(world: &World<'_>, namespace: &Namespace) -> Option<Finding> {
    let start = namespace.unprivileged_port_start;
    let exposed = exposed(world, namespace);
    if exposed.is_empty() {
        return None;
    }
    let Text { en: en_ports, ja: ja_ports } = declared::list(&exposed);
    let mut finding = RULE.finding(
        text!(
            "any user may bind numbers from {start} on, those of services too: {en_ports}",
            "{start} 番以降はどのユーザーでも使えるため、サービスの番号も奪われる可能性があります: {ja_ports}"
        ),
        text!(
            "set net.ipv4.ip_unprivileged_port_start back to 1024, and keep it so in /etc/sysctl.d",
            "net.ipv4.ip_unprivileged_port_start を 1024 に戻し、/etc/sysctl.d にも設定してください"
        ),
    );
    finding.netns = Some(namespace.id);
    Some(finding.run([String::from("sysctl -w net.ipv4.ip_unprivileged_port_start=1024")]))
}

/// The numbers of services that anybody may take.
fn exposed(world: &World<'_>, namespace: &Namespace) -> BTreeSet<PortSpec> {
    let running = world.holdings().filter(|holding| holding.netns() == namespace.id).map(Holding::spec);
    let declared = world.desired.ports().iter().map(|desired| desired.spec);
    let lives_there = |spec: &PortSpec| {
        spec.range.first < 1024 && u32::from(spec.range.last) >= namespace.unprivileged_port_start
    };
    let is_client = |spec: &PortSpec| spec.protocol == Protocol::Udp && CLIENTS.contains(&spec.range.first);
    running.chain(declared).filter(lives_there).filter(|spec| !is_client(spec)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{Scene, scene};

    fn lowered(start: u32) -> Scene {
        scene().namespace(|namespace| namespace.unprivileged_port_start = start)
    }

    #[test]
    fn a_running_service_in_reach_of_any_user_is_found() {
        let scene = lowered(80).listens("nginx.service", "0.0.0.0:80/tcp").again("0.0.0.0:443/tcp");
        assert_eq!(
            scene.texts("anyone-may-take-well-known"),
            ["any user may bind numbers from 80 on, those of services too: 80/tcp, 443/tcp"]
        );
        assert_eq!(
            scene.commands("anyone-may-take-well-known"),
            ["sysctl -w net.ipv4.ip_unprivileged_port_start=1024"]
        );
    }

    #[test]
    fn a_declared_service_need_not_run() {
        let scene = lowered(0).service("web", "443/tcp", "nginx.service");
        assert_eq!(scene.rules(), ["anyone-may-take-well-known", "declared-but-silent"]);
    }

    #[test]
    fn below_the_border_services_are_safe() {
        assert_eq!(lowered(80).listens("ssh.service", "0.0.0.0:22/tcp").rules(), [""; 0]);
        assert_eq!(lowered(1024).listens("nginx.service", "0.0.0.0:80/tcp").rules(), [""; 0]);
    }

    #[test]
    fn a_containers_namespace_is_set_so_on_purpose() {
        let scene = lowered(0).namespace(|namespace| namespace.own = false);
        let scene = scene.listens("nginx.service", "0.0.0.0:80/tcp");
        let scope = crate::world::Scope::All;
        assert!(!scene.judge_in(scope).iter().any(|finding| finding.rule == RULE.name));
    }

    #[test]
    fn a_dhcp_client_is_no_service() {
        assert_eq!(lowered(0).listens("NetworkManager.service", "0.0.0.0:68/udp").rules(), [""; 0]);
    }
}
