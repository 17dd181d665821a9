//! The socket of a service to which its packets are led, or why there is none (A5, A12).

use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString as _},
    vec::Vec,
};

use super::Lead;
use crate::{
    address::{Address, Family},
    facts::{Hold, Listener, Process, Snapshot, SocketState},
    owner::{Identity, Match},
    port::{PortSpec, Protocol},
    steer::{Tenancy, Tenant},
    text,
    words::Text,
    world::{World, name_of},
};

/// A sentence names so many sockets.
const NAMED_MAX: usize = 8;

/// Whose socket is meant, where somebody says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The process.
    pub pid: u32,
    /// Its descriptor; `None` where it has only one that will do.
    pub fd: Option<u32>,
}

/// Why there is no socket to lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unled {
    /// No owner has one that takes such packets.
    Nobody,
    /// Its owner listens elsewhere alone than on the port that is meant: that may be for others, as for the administrator.
    Elsewhere(Vec<Lead>),
    /// Several will do, and nobody says which.
    Several(Vec<Lead>),
    /// So it is, and they are on ports that are declared apart: what is for one would be led to another one's.
    Apart(Vec<Lead>),
    /// It is one of MPTCP, to which the kernel leads nothing.
    Mptcp(PortSpec),
    /// Answers of a datagram would leave from its port, and not from the one that was asked.
    OtherPort(PortSpec),
    /// Nor would they leave from the address that was asked, but from this one.
    OtherAddress(Address),
}

impl Unled {
    /// The one of several that takes packets of the family, and has one of these numbers of the kernel's.
    #[must_use]
    pub fn among(&self, family: Family, cookies: &[u64]) -> Option<&Lead> {
        let (Self::Several(leads) | Self::Apart(leads)) = self else { return None };
        leads.iter().find(|lead| lead.families.contains(&family) && cookies.contains(&lead.cookie))
    }

    /// Why, in a sentence without an end.
    #[must_use]
    pub fn why(&self) -> Text {
        match self {
            Self::Nobody => text!(
                "no owner of it has a socket that takes what is led",
                "誘導先にできるソケットを持つ owner がいない"
            ),
            Self::Elsewhere(leads) => {
                let places = listed(leads, |lead| lead.spec.to_string());
                text!(
                    "its owner listens on {places}, and not on the port that is meant",
                    "owner の待ち受けが {places} であり、対象のポートではない"
                )
            }
            Self::Several(leads) => {
                let all = described(leads);
                text!("several sockets will do: {all}", "候補のソケットが複数ある: {all}")
            }
            Self::Apart(leads) => {
                let all = described(leads);
                text!(
                    "its ports have a socket each, and a service is led to one: {all}",
                    "ポートごとにソケットが分かれているが、1 つのサービスの誘導先は 1 つに限られる: {all}"
                )
            }
            Self::Mptcp(spec) => text!(
                "the socket of {spec} is one of MPTCP, to which the kernel leads nothing",
                "{spec} のソケットは MPTCP であり、カーネルの誘導の対象にならない"
            ),
            Self::OtherPort(spec) => text!(
                "it listens on {spec}, and an answer of UDP leaves from the port that it listens on",
                "待ち受けが {spec} であり、UDP の応答は待ち受けポートから送られる"
            ),
            Self::OtherAddress(address) => text!(
                "it listens at {address}, and an answer of UDP leaves from the address that it listens at",
                "待ち受けアドレスが {address} であり、UDP の応答はそのアドレスから送られる"
            ),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> Text {
        match self {
            Self::Nobody => text!(
                "start it, or see who listens: portreeve ls",
                "サービスを起動するか、待ち受けを確認してください: portreeve ls"
            ),
            Self::Elsewhere(leads) => {
                let service = leads.first().map_or("SERVICE", |lead| &lead.service);
                let port = listed(leads, |lead| lead.spec.range.first.to_string());
                let whose = listed(leads, |lead| format!("--pid {} --fd {}", lead.pid, lead.fd));
                if leads.len() == 1 {
                    return text!(
                        "start what is missing; or, where that socket is meant, write target_port = {port} in its steer, or for once: portreeve steer register {service} {whose}",
                        "起動が済んでいなければ待ってください。そのソケットでよければ、steer に target_port = {port} と書くか、今回だけなら portreeve steer register {service} {whose} を実行してください"
                    );
                }
                text!(
                    "start what is missing; or say which socket is meant: target_port in its steer, or for once portreeve steer register {service} with one of {whose}",
                    "起動が済んでいなければ待ってください。いずれかのソケットでよければ、steer の target_port で指定するか、今回だけなら portreeve steer register {service} に {whose} のいずれかを付けて実行してください"
                )
            }
            Self::Several(leads) => {
                let service = leads.first().map_or("SERVICE", |lead| &lead.service);
                text!(
                    "name one: portreeve steer register {service} --pid PID --fd FD",
                    "portreeve steer register {service} --pid PID --fd FD で指定してください"
                )
            }
            Self::Apart(leads) => {
                let ports: BTreeSet<PortSpec> = leads.iter().map(|lead| lead.spec).collect();
                let ports = ports.iter().map(PortSpec::to_string).collect::<Vec<_>>().join(", ");
                text!(
                    "declare a service for each of these ports, with the same owner: {ports}",
                    "同じ owner のサービスを、ポートごとに分けて宣言してください: {ports}"
                )
            }
            Self::Mptcp(_) => text!(
                "have it listen with plain TCP (nginx: no multipath in listen)",
                "通常の TCP で待ち受けてください(nginx では listen の multipath を外す)"
            ),
            Self::OtherPort(_) => text!(
                "have it listen on the declared port, or redirect in the packet filter",
                "宣言したポートで待ち受けるか、パケットフィルターの redirect を使ってください"
            ),
            Self::OtherAddress(_) => text!(
                "have it listen at the declared address (of several, each as a service of its own), or on every one and answer from where it was asked (IP_PKTINFO)",
                "宣言したアドレスで待ち受けるか(複数ある場合はアドレスごとに別のサービスとして宣言)、すべてのアドレスで待ち受けて、問い合わせを受けたアドレスから応答してください(IP_PKTINFO)"
            ),
        }
    }
}

/// The same as [`super::socket()`], whatever is there over the other family.
pub(super) fn of_family(
    world: &World<'_>,
    tenant: Tenant<'_>,
    (protocol, family): (Protocol, Family),
    whose: Option<Whose>,
) -> Result<Lead, Unled> {
    let own = world.own_namespace().map(|own| own.id);
    let is_of_way = |listener: &&Listener| {
        Some(listener.netns) == own && listener.protocol == protocol && takes(listener, family)
    };
    let lead = |listener| holder(world, tenant, listener, whose).map(|lead| (lead, listener));
    let held: Vec<(Lead, &Listener)> =
        world.snapshot.listeners.iter().filter(is_of_way).filter_map(lead).collect();
    let fit: Vec<_> = held.iter().filter(|(_, listener)| !listener.mptcp).collect();
    let Some((first, _)) = fit.first() else {
        let mptcp = held.first().map(|(lead, _)| Unled::Mptcp(lead.spec));
        return Err(mptcp.unwrap_or(Unled::Nobody));
    };
    let is_meant = |lead: &Lead| tenant.listens_on(protocol, lead.spec.range.first);
    let meant: Vec<_> = fit.iter().filter(|(lead, _)| is_meant(lead)).collect();
    let all: Vec<&Lead> = match meant.as_slice() {
        [] if protocol == Protocol::Udp => return Err(Unled::OtherPort(first.spec)),
        // A server that is half up may have its own port for the administrator alone.
        [] if whose.is_none() => return Err(elsewhere(world, tenant, protocol, &fit)),
        [] => fit.iter().map(|(lead, _)| lead).collect(),
        meant => meant.iter().map(|(lead, _)| lead).collect(),
    };
    let all = if protocol == Protocol::Udp { answering(tenant, family, all)? } else { all };
    let is_named = |lead: &Lead| tenant.addresses().any(|own| own.ip == lead.address.ip.to_canonical());
    let at_declared = |lead: &&&Lead| is_meant(lead) && is_named(lead);
    let exact: Vec<&Lead> = all.iter().filter(at_declared).copied().collect();
    // Whoever listens at the very place that is declared, and elsewhere beside it, means that one.
    let all = if are_one(&all) || !are_one(&exact) { all } else { exact };
    if are_one(&all) {
        Ok(Lead { families: [family].into(), ..all[0].clone() })
    } else {
        let are_apart = are_apart(tenant, &all);
        let all = all.into_iter().map(|lead| Lead { families: [family].into(), ..lead.clone() }).collect();
        Err(if are_apart { Unled::Apart(all) } else { Unled::Several(all) })
    }
}

/// Whether they are on several declared ports: neighbours and a range as well, of which each may be asked for by its number.
pub(super) fn are_apart(tenant: Tenant<'_>, leads: &[&Lead]) -> bool {
    let is_declared = |lead: &&&Lead| tenant.declares(lead.spec.protocol, lead.spec.range.first);
    leads.iter().filter(is_declared).map(|lead| lead.spec).collect::<BTreeSet<_>>().len() > 1
}

/// That an owner listens on other ports alone; nobody of the family does where he has those that are meant for the other one.
fn elsewhere(world: &World<'_>, tenant: Tenant<'_>, protocol: Protocol, fit: &[&(Lead, &Listener)]) -> Unled {
    let own = world.own_namespace().map(|own| own.id);
    let is_meant = |listener: &&Listener| {
        Some(listener.netns) == own
            && listener.protocol == protocol
            && tenant.listens_on(protocol, listener.port)
            && listener.state != SocketState::Bound
    };
    let mut meant = world.snapshot.listeners.iter().filter(is_meant);
    if meant.any(|listener| holder(world, tenant, listener, None).is_some()) {
        return Unled::Nobody;
    }
    let mut places: Vec<Lead> = Vec::new();
    for (lead, _) in fit.iter().filter(|(lead, _)| !is_anothers(world, tenant, lead)) {
        if places.len() < NAMED_MAX && places.iter().all(|other| other.spec != lead.spec) {
            places.push(lead.clone());
        }
    }
    if places.is_empty() { Unled::Nobody } else { Unled::Elsewhere(places) }
}

/// Whether it is on a port that another service of the policy is declared for: what is for one is not to be led to the other.
fn is_anothers(world: &World<'_>, tenant: Tenant<'_>, lead: &Lead) -> bool {
    let others = world.policy.iter().flat_map(|policy| &policy.services);
    let mut others = others.filter(|service| service.name != tenant.key().0);
    others.any(|service| service.names(lead.spec.protocol, lead.spec.range.first))
}

fn described(leads: &[Lead]) -> String {
    listed(leads, |lead| format!("pid {} fd {} ({})", lead.pid, lead.fd, lead.place()))
}

/// Each of them in words.
fn listed(leads: &[Lead], each: impl Fn(&Lead) -> String) -> String {
    leads.iter().map(each).collect::<Vec<_>>().join(", ")
}

/// Whether there are any, in one place: of those that share a number the kernel chooses one by itself (SO_REUSEPORT).
fn are_one(leads: &[&Lead]) -> bool {
    let place = |lead: &Lead| (lead.address.clone(), lead.spec);
    leads.first().is_some_and(|first| leads.iter().all(|lead| place(lead) == place(first)))
}

/// The very socket with this number of the kernel's, whoever has it, for packets of this way; `None` where it is closed, or takes none
/// of them.
#[must_use]
pub fn kept(
    snapshot: &Snapshot,
    whose: (&str, Tenancy),
    (protocol, family): (Protocol, Family),
    cookie: u64,
) -> Option<Lead> {
    let is_it = |listener: &&Listener| {
        listener.cookie == cookie && listener.protocol == protocol && takes(listener, family)
    };
    let listener = snapshot.listeners.iter().find(is_it).filter(|listener| !listener.mptcp)?;
    let mut holders = snapshot.holders(listener);
    let (hold, process) = holders.find(|(hold, _)| hold.descriptor().is_some())?;
    lead_to(whose, listener, &hold, process).map(|lead| Lead { families: [family].into(), ..lead })
}

/// Those whose answers leave from where the service is asked, as far as the address that they are bound to tells: one of several
/// addresses would answer for them all.
fn answering<'l>(tenant: Tenant<'_>, family: Family, leads: Vec<&'l Lead>) -> Result<Vec<&'l Lead>, Unled> {
    let first = leads.first().map(|lead| lead.address.clone());
    let asked: Vec<_> = tenant.addresses().map(|own| own.ip.to_canonical()).collect();
    let answers = |lead: &&Lead| {
        let ip = lead.address.ip.to_canonical();
        let mut of_family = asked.iter().filter(|own| own.is_unspecified() || Family::of(**own) == family);
        ip.is_unspecified() || asked.contains(&ip) && of_family.all(|own| *own == ip)
    };
    let answering: Vec<_> = leads.into_iter().filter(answers).collect();
    match first.filter(|_| answering.is_empty()) {
        Some(address) => Err(Unled::OtherAddress(address)),
        None => Ok(answering),
    }
}

/// Whether packets of the family can be led to it, but for MPTCP.
fn takes(listener: &Listener, family: Family) -> bool {
    let hears = match family {
        Family::Ipv4 => listener.hears_ipv4(),
        Family::Ipv6 => listener.family == Family::Ipv6 && listener.address.ip.to_canonical().is_ipv6(),
    };
    hears && listener.state != SocketState::Bound && listener.cookie != 0
}

/// The one of its owners who has it, or the one who is meant.
fn holder(world: &World<'_>, tenant: Tenant<'_>, listener: &Listener, whose: Option<Whose>) -> Option<Lead> {
    let is_meant = |hold: &&Hold| {
        whose.is_none_or(|whose| hold.pid == whose.pid && whose.fd.is_none_or(|fd| hold.fd == fd))
    };
    let meant = listener.holders.iter().filter(is_meant);
    let mut holds = meant.filter_map(|hold| Some((hold, world.snapshot.processes.get(&hold.pid)?)));
    let is_owner =
        |process| Identity::of_holder(process, listener).matches_any(tenant.owners()) == Match::Yes;
    let (hold, process) = holds.find(|(_, process)| is_owner(process))?;
    lead_to(tenant.key(), listener, hold, process)
}

fn lead_to(
    (service, tenancy): (&str, Tenancy),
    listener: &Listener,
    hold: &Hold,
    process: &Process,
) -> Option<Lead> {
    Some(Lead {
        service: service.into(),
        tenancy,
        families: Vec::new(),
        address: listener.address.clone(),
        spec: listener.spec(),
        pid: hold.pid,
        fd: hold.descriptor()?,
        cookie: listener.cookie,
        who: name_of(process),
    })
}
