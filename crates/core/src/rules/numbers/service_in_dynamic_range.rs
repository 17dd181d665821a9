//! A fixed service stands where the kernel hands out numbers to clients (A9, A10).

use alloc::{collections::BTreeSet, format, string::String, vec::Vec};

use crate::{
    desired::DesiredPort,
    facts::Namespace,
    finding::{Finding, Severity},
    port::{PortRange, PortSpec, Protocol},
    rules::{Page, Rule},
    text, unit,
    words::{Text, Words},
    world::{Holding, World},
};

/// A client may have taken the number before the service starts again.
pub(super) const RULE: Rule = Rule {
    name: "service-in-dynamic-range",
    severity: Severity::Warning,
    article: &["A9", "A10"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "A fixed service stands on a number that this kernel may hand out to a client, and that is not reserved.",
            ja: "固定ポートのサービスが、カーネルがクライアントに自動で割り当てる範囲(エフェメラルポート)の番号を使っており、その番号は予約されていません。",
        },
        why: Words {
            en: "If a client happens to have the number when the service starts, the service does not come up.",
            ja: "サービスの起動時にクライアントがその番号を使っていると、サービスは起動できません。",
        },
        fix: Words {
            en: "Reserve the number (net.ipv4.ip_local_reserved_ports; `portreeve apply` does so of what the policy declares), or move the service below the range.",
            ja: "net.ipv4.ip_local_reserved_ports で番号を予約するか(policy で宣言したものは `portreeve apply` が予約します)、サービスを範囲外の番号に移します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    world.namespaces().flat_map(|namespace| judge(world, namespace)).collect()
}

fn judge(world: &World<'_>, namespace: &Namespace) -> Vec<Finding> {
    let mut findings = match world.policy {
        Some(_) => declared(world, namespace),
        None => running(world, namespace),
    };
    let numbers = findings.iter().filter_map(|finding| finding.ports).map(|ports| ports.range.first);
    let command = command(namespace, &numbers.collect());
    for finding in &mut findings {
        finding.netns = Some(namespace.id);
        finding.commands.extend(command.clone());
    }
    findings
}

/// Declared single numbers, running or not; in another namespace than the policy's own only where they run.
fn declared(world: &World<'_>, namespace: &Namespace) -> Vec<Finding> {
    let ports = world.desired.ports().iter();
    let fixed = ports.filter(|port| port.spec.range.is_one() && is_handed_out(namespace, port.spec));
    let found = fixed.filter_map(|port| {
        let name = &port.service.name;
        let finding = finding(port.spec, text!("{name}", "{name}"));
        let finding = match holding_of(world, namespace, port) {
            Some(holding) => finding.about(holding),
            None if namespace.own => finding.at(port.spec),
            None => return None,
        };
        Some(finding.of(port.service))
    });
    found.collect()
}

fn holding_of<'w, 'a>(
    world: &'w World<'a>,
    namespace: &Namespace,
    port: &DesiredPort<'_>,
) -> Option<&'w Holding<'a>> {
    let at = world.holdings_at(namespace.id, port.spec.protocol, port.spec.range.first);
    at.iter().find(|holding| holding.declared.is_some_and(|own| own.service.name == port.service.name))
}

/// Without a policy nobody said what is fixed: units of the service manager are, on numbers that a person chose.
fn running(world: &World<'_>, namespace: &Namespace) -> Vec<Finding> {
    let fixed = |holding: &&Holding<'_>| {
        let unit = holding.identity.unit.filter(|_| holding.identity.container.is_none());
        holding.netns() == namespace.id
            && unit.is_some_and(unit::is_service)
            && is_handed_out(namespace, holding.spec())
            && is_chosen(namespace, holding)
    };
    world
        .holdings()
        .filter(fixed)
        .map(|holding| finding(holding.spec(), holding.who()).about(holding))
        .collect()
}

/// Whether a person surely chose the number.
///
/// bind(2) to port 0, and listen(2) without any bind(2), give a number of the other parity than the range begins with,
/// as long as any is left, and leave the others to connect(2) (inet_csk_find_open_port in
/// net/ipv4/inet_connection_sock.c, __inet_hash_connect in net/ipv4/inet_hashtables.c): rpc.statd, containerd, Java's
/// RMI. That IANA assigned the number says nothing: the kernel draws those too. A lab test asks the real kernel.
fn is_chosen(namespace: &Namespace, holding: &Holding<'_>) -> bool {
    let socket = holding.widest();
    let same_parity = socket.port % 2 == namespace.client_range.first % 2;
    !socket.ephemeral && (socket.protocol != Protocol::Tcp || same_parity)
}

fn is_handed_out(namespace: &Namespace, spec: PortSpec) -> bool {
    namespace.hands_out(spec.range.first)
}

fn finding(spec: PortSpec, Text { en, ja }: Text) -> Finding {
    RULE.finding(
        text!(
            "{en} needs {spec}, which the kernel may hand to a client before it starts",
            "{ja} の起動前に、カーネルが {spec} をクライアントへ割り当てることがあります"
        ),
        text!(
            "reserve the number, and keep the reservation in /etc/sysctl.d",
            "番号を予約し、/etc/sysctl.d にも設定してください"
        ),
    )
}

/// Reserves `numbers` beside what is reserved already: the sysctl is replaced as a whole (ip-sysctl.rst).
fn command(namespace: &Namespace, numbers: &BTreeSet<u16>) -> Option<String> {
    const RANGES_MAX: usize = 64;
    let ranges =
        namespace.reserved.iter().copied().chain(numbers.iter().map(|&number| PortRange::one(number)));
    let ranges: BTreeSet<_> = ranges.collect();
    let fits = namespace.own && !numbers.is_empty() && ranges.len() <= RANGES_MAX;
    let list: Vec<_> = ranges.iter().map(|range| format!("{range}")).collect();
    fits.then(|| format!("sysctl -w net.ipv4.ip_local_reserved_ports={}", list.join(",")))
}

#[cfg(test)]
mod tests {
    use crate::{port::PortRange, rules::testing::scene};

    const NAME: &str = "service-in-dynamic-range";

    #[test]
    fn a_declared_number_that_clients_may_get_is_found_running_or_not() {
        let scene = scene()
            .service("vpn", "51820/udp", "wg.service")
            .reach("world")
            .listens("wg.service", "0.0.0.0:51820/udp")
            .service("ci", "50000/tcp", "jenkins.service");
        assert_eq!(
            scene.texts(NAME),
            [
                "50000/tcp: ci needs 50000/tcp, which the kernel may hand to a client before it starts",
                "51820/udp: vpn needs 51820/udp, which the kernel may hand to a client before it starts",
            ]
        );
        let all = "sysctl -w net.ipv4.ip_local_reserved_ports=50000,51820";
        assert_eq!(scene.commands(NAME), [all, all]);
    }

    #[test]
    fn what_is_reserved_already_stays_reserved() {
        let scene = scene()
            .namespace(|namespace| namespace.reserved.push(PortRange { first: 40000, last: 40010 }))
            .service("a", "40005/tcp 50000/tcp", "a.service");
        assert_eq!(scene.found(NAME), ["50000/tcp"]);
        assert_eq!(scene.commands(NAME), ["sysctl -w net.ipv4.ip_local_reserved_ports=40000-40010,50000"]);
    }

    #[test]
    fn a_namespace_where_it_does_not_run_needs_no_reservation() {
        let scene = scene().service("ci", "50000/tcp", "jenkins.service");
        let scene = scene.namespace(|namespace| namespace.own = false);
        let found = |scene: &crate::rules::testing::Scene| {
            let findings = scene.judge_in(crate::world::Scope::All);
            findings.iter().filter(|finding| finding.rule == NAME).count()
        };
        assert_eq!(found(&scene), 0);
        assert_eq!(found(&scene.listens("jenkins.service", "0.0.0.0:50000/tcp")), 1);
    }

    #[test]
    fn numbers_outside_the_range_and_pools_are_none() {
        let scene = scene().service("a", "32767/tcp 61000/tcp", "a.service").service(
            "ftp",
            "40000-40100/tcp",
            "vsftpd.service",
        );
        assert!(scene.found(NAME).is_empty());
    }

    #[test]
    fn without_a_policy_only_a_service_on_a_chosen_number_counts() {
        let found = |unit: &str| scene().listens(unit, "0.0.0.0:50000/tcp").found(NAME);
        assert_eq!(found("jenkins.service"), ["50000/tcp 0.0.0.0"]);
        assert!(found("session-4.scope").is_empty());
        assert!(found("user@1000.service").is_empty());
        let datagrams = scene().listens("dns.service", "0.0.0.0:50000/udp").ephemeral();
        assert!(datagrams.found(NAME).is_empty());
    }

    #[test]
    fn a_number_that_the_kernel_may_have_chosen_is_none() {
        // The range begins at 32768: the kernel hands listeners an odd number.
        let found = |spot: &str| scene().listens("rpc-statd.service", spot).found(NAME).len();
        assert_eq!(found("0.0.0.0:50001/tcp"), 0);
        assert_eq!(found("0.0.0.0:50002/tcp"), 1);
        // IANA assigned it to kastenxpipe.
        assert_eq!(found("0.0.0.0:36865/tcp"), 0);
    }
}
