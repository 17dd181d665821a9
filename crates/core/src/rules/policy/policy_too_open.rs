//! The policy itself opens a datastore or an administrator's door to everybody (A15, A20).

use alloc::{format, vec::Vec};

use crate::{
    desired::DesiredPort,
    finding::{Finding, Severity},
    kinds::{Kind, Nature, kind_of},
    owner::Owner,
    rules::{Page, Rule},
    text,
    words::Words,
    world::World,
};

/// `reach = "world"` on what should not face it.
pub(super) const RULE: Rule = Rule {
    name: "policy-too-open",
    severity: Severity::Notice,
    article: &["A15", "A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The policy says reach = \"world\" for a datastore or an administration port. ssh is made to face the world and does not count.",
            ja: "policy が、データストアや管理用のポートに reach = \"world\" を宣言しています。ssh は外部公開を前提とするため対象外です。",
        },
        why: Words {
            en: "A policy is what everybody relies on. One wide word in it permits the port to everybody wherever the policy is applied.",
            ja: "policy は全員の判断の基準です。\"world\" の 1 語で、適用先のすべてで公開を認めることになります。",
        },
        fix: Words {
            en: "Name the zones that need it (reach = [\"office\"]), or put it behind a VPN; if it is meant, waive this and say why.",
            ja: "必要なゾーンだけを書く(reach = [\"office\"])か、VPN の内側に置きます。意図したものなら、理由を書いて容認(waive)します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let open = world.desired.ports().iter().filter(|desired| desired.service.reaches_world());
    open.filter_map(judge).collect()
}

/// A pool is about no particular service, so only single numbers are judged.
fn judge(desired: &DesiredPort<'_>) -> Option<Finding> {
    let DesiredPort { spec, service } = desired;
    if !spec.range.is_one() {
        return None;
    }
    let programs: Vec<&str> = service.owners.iter().filter_map(program).collect();
    let kind = kind_of(&programs, spec.range.first, spec.protocol)?;
    let kind: &Kind = (kind.is(Nature::Datastore) || kind.is(Nature::Administration)).then_some(kind)?;
    let (name, what) = (&service.name, kind.name);
    let finding = RULE.finding(
        text!(
            "the policy lets everybody reach {name} on {spec} ({what})",
            "policy が、{name} の {spec}({what})に誰でも到達できるようにしています"
        ),
        text!(
            "name the zones that need {name} instead of \"world\"",
            "\"world\" の代わりに、{name} が必要なゾーンだけを書いてください"
        ),
    );
    Some(finding.at(*spec).of(service).run([format!("portreeve explain {}", RULE.name)]))
}

/// What the owner's name tells of its program, as far as it names one.
fn program(owner: &Owner) -> Option<&str> {
    match owner {
        Owner::Unit(unit) => unit.split(['.', '@']).next(),
        Owner::Exe(path) => path.rsplit('/').next(),
        Owner::User(_) | Owner::Cgroup(_) | Owner::Container(_) | Owner::Mark(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::scene;
    use alloc::string::String;

    fn found(ports: &str, unit: &str, reach: &str) -> Vec<String> {
        scene().service("it", ports, unit).reach(reach).texts(RULE.name)
    }

    #[test]
    fn a_datastore_or_an_administrators_door_for_everybody_is_found() {
        assert_eq!(
            found("6379/tcp", "redis-server.service", "world"),
            ["6379/tcp: the policy lets everybody reach it on 6379/tcp (Redis)"]
        );
        assert_eq!(found("7000/tcp", "redis-server.service", "world").len(), 1);
        assert_eq!(found("9090/tcp", "cockpit.service", "world").len(), 1);
        assert_eq!(found("23/tcp", "inetd.service", "world").len(), 1);
    }

    #[test]
    fn a_narrow_reach_a_web_server_a_pool_and_ssh_are_none() {
        assert!(found("6379/tcp", "redis-server.service", "lan").is_empty());
        assert!(found("443/tcp 9090/tcp", "nginx.service", "world").is_empty());
        assert!(found("6379-6400/tcp", "shop.service", "world").is_empty());
        assert!(found("22/tcp", "ssh.service", "world").is_empty());
        assert!(found("21/tcp", "vsftpd.service", "world").is_empty());
    }

    #[test]
    fn a_number_speaks_where_the_owner_names_no_program() {
        let scene = scene().service_of("db", "5432/tcp", Owner::User("postgres".into())).reach("world");
        assert_eq!(scene.found(RULE.name), ["5432/tcp"]);
    }
}
