//! Nobody listens on a declared number (A20, A24).

use alloc::{format, vec::Vec};

use super::{list, silent_ports};
use crate::{
    finding::{Finding, Severity},
    policy::Service,
    port::PortSpec,
    rules::{Page, Rule},
    text,
    words::{Text, Words},
    world::World,
};

/// A service that is down, or a line of the policy that nobody needs.
pub(super) const RULE: Rule = Rule {
    name: "declared-but-silent",
    severity: Severity::Warning,
    article: &["A20", "A24"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The policy declares a single number on which nobody listens. A range is a pool and need not be in use.",
            ja: "policy が宣言している番号で、誰も待ち受けていません。範囲での宣言はプールなので対象外です。",
        },
        why: Words {
            en: "Either the service is down, or the policy is out of date; and a free number can be taken by anybody.",
            ja: "サービスが停止しているか、policy が古くなっています。空いたポートは誰でも使えてしまいます。",
        },
        fix: Words {
            en: "Start the service, or remove it from the policy.",
            ja: "サービスを起動するか、policy から削除します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let services = world.policy.into_iter().flat_map(|policy| &policy.services);
    services.filter_map(|service| judge(world, service)).collect()
}

fn judge(world: &World<'_>, service: &Service) -> Option<Finding> {
    let silent = silent_ports(world, service);
    let first: PortSpec = *silent.first()?;
    let name = &service.name;
    let Text { en: en_ports, ja: ja_ports } = list(&silent);
    let finding = RULE.finding(
        text!(
            "{name} is declared on {en_ports}, where nobody listens",
            "{name} は {ja_ports} で宣言されていますが、誰も待ち受けていません"
        ),
        text!(
            "start it, or remove {en_ports} from {name} in the policy",
            "起動するか、policy の {name} から {ja_ports} を削除してください"
        ),
    );
    Some(finding.at(first).of(service).run([format!("portreeve who {first}")]))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{published, scene};

    #[test]
    fn a_service_with_two_silent_numbers_is_found_once() {
        let scene = scene()
            .service("mail", "25/tcp 465/tcp 587/tcp", "postfix@-.service")
            .listens("postfix@-.service", "127.0.0.1:25/tcp");
        assert_eq!(
            scene.texts("declared-but-silent"),
            ["465/tcp: mail is declared on 465/tcp, 587/tcp, where nobody listens"]
        );
    }

    #[test]
    fn one_of_two_declared_addresses_is_enough() {
        let scene = scene()
            .service("db", "5432/tcp", "postgresql.service")
            .at("127.0.0.1")
            .at("::1")
            .listens("postgresql.service", "127.0.0.1:5432/tcp");
        assert_eq!(scene.rules(), [""; 0]);
    }

    #[test]
    fn a_range_is_a_pool_and_never_silent() {
        assert_eq!(scene().service("ftp", "30000-30099/tcp", "vsftpd.service").rules(), [""; 0]);
    }

    #[test]
    fn what_is_sent_on_is_heard_elsewhere() {
        let scene = |port| scene().service("shop", port, "docker.service").reach("world");
        let texts = |port| scene(port).filtered(published(""), &[]).texts("declared-but-silent");
        assert_eq!(texts("8080/tcp"), [""; 0]);
        assert_eq!(texts("8081/tcp").len(), 1);
        assert_eq!(texts("8080/udp").len(), 1);
    }

    #[test]
    fn a_socket_that_is_bound_and_does_not_listen_is_silent() {
        let scene = scene()
            .service("web", "80/tcp", "nginx.service")
            .listens("nginx.service", "127.0.0.1:80/tcp")
            .socket(|socket| socket.state = crate::facts::SocketState::Bound);
        assert_eq!(scene.rules(), ["declared-but-silent"]);
    }

    #[test]
    fn another_protocol_on_the_number_does_not_count() {
        let scene =
            scene().service("dns", "53/tcp", "named.service").listens("named.service", "127.0.0.1:53/udp");
        assert_eq!(scene.rules(), ["declared-but-silent", "unneeded-open-port"]);
    }
}
