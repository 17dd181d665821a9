//! Hosts in a line or three, for the tests of rules.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

use jiff::Timestamp;

use crate::{
    cgroup,
    facts::{
        ExeState, Firewall, Gap, Hold, HolderGap, Interface, Listener, Listing, Namespace, Parent, Privilege,
        Process, Snapshot,
        testing::{listener, snapshot},
    },
    finding::{Finding, Severity},
    ledger::{
        self, Lease, Now, Wish,
        testing::{Desk, MACHINE, at, lease, wish},
    },
    owner::Owner,
    policy::{HOST, Place, Policy, Service, Waiver, Zone},
    registry::Registry,
    rules::judge,
    world::{Claims, Scope, World},
};

/// A host and its policy.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) snapshot: Snapshot,
    pub(crate) policy: Option<Policy>,
    pub(crate) now: Timestamp,
    pub(crate) claims: Option<Claims>,
    next: u32,
}

/// A host on which nothing listens, without a policy, on 2026-01-01.
pub(crate) fn scene() -> Scene {
    let now = "2026-01-01T00:00:00Z".parse().unwrap();
    Scene { snapshot: snapshot(now), policy: None, now, claims: None, next: 1000 }
}

/// A zone of networks and interfaces.
pub(crate) fn zone(name: &str, from: &[&str], interfaces: &[&str]) -> Zone {
    Zone {
        name: name.into(),
        from: from.iter().map(|net| net.parse().unwrap()).collect(),
        interfaces: interfaces.iter().map(ToString::to_string).collect(),
        management: None,
        place: place(),
    }
}

fn place() -> Place {
    Place { file: "policy.toml".into(), line: 1, column: 1 }
}

fn cgroup_of(unit: &str) -> String {
    match unit {
        "init.scope" => "/init.scope".into(),
        unit if unit.ends_with(".scope") => format!("/user.slice/user-1000.slice/{unit}"),
        unit => format!("/system.slice/{unit}"),
    }
}

/// The process that a unit of this name runs, as an ordinary distribution has it.
fn process(unit: &str) -> Process {
    let stem = unit.rsplit_once('.').map_or(unit, |(stem, _)| stem);
    let name = stem.split('@').next().unwrap_or(stem);
    let cgroup = cgroup_of(unit);
    let found = cgroup::read(&cgroup);
    Process {
        name: name.into(),
        exe: Some(format!("/usr/sbin/{name}")),
        exe_state: ExeState::Same,
        stale_files: Some(Vec::new()),
        user: Some(name.into()),
        uid: Some(100),
        privilege: Privilege::None,
        cgroup: Some(cgroup),
        unit: found.unit,
        user_unit: found.user_unit,
        container: found.container,
        parent: Some(Parent { pid: 1, name: "systemd".into() }),
        ..Process::default()
    }
}

/// A host on the world's wire, with a network of containers behind it.
const ADDRESSES: &str = r#"[{"ifname":"lo","addr_info":[{"local":"127.0.0.1","prefixlen":8},{"local":"::1","prefixlen":128}]},
    {"ifname":"eth0","addr_info":[{"local":"203.0.113.1","prefixlen":24},{"local":"2001:db8::1","prefixlen":64}]},
    {"ifname":"docker0","addr_info":[{"local":"172.17.0.1","prefixlen":16}]}]"#;
const ROUTES: &str = r#"[{"dst":"default","dev":"eth0"},{"dst":"172.17.0.0/16","dev":"docker0"}]"#;

/// A packet filter that drops what comes in by IPv4, but for what `rules` of its table `filter` say.
pub(crate) fn filtering(rules: &str) -> Firewall {
    listed(rules, "")
}

/// The same, which sends 8080/tcp on to a container.
pub(crate) fn published(rules: &str) -> Firewall {
    translated(
        rules,
        "-A PREROUTING ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80",
    )
}

/// The same, which sends packets on as `sent_on` says.
pub(crate) fn translated(rules: &str, sent_on: &str) -> Firewall {
    let chains =
        [":PREROUTING", ":INPUT", ":OUTPUT", ":POSTROUTING"].map(|name| format!("{name} ACCEPT [0:0]"));
    listed(rules, &format!("*nat\n{}\n{sent_on}\nCOMMIT\n", chains.join("\n")))
}

fn listed(rules: &str, more: &str) -> Firewall {
    let filter = format!(
        "*filter\n:INPUT DROP [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A INPUT -i lo -j ACCEPT\n{rules}COMMIT\n{more}"
    );
    let listings = [
        (Listing::Addresses, ADDRESSES.into()),
        (Listing::Routes, ROUTES.into()),
        (Listing::Settings, "net.ipv4.ip_forward = 1\n".into()),
        (Listing::IptablesLegacy, filter),
    ];
    Firewall { listings: listings.into() }
}

impl Scene {
    /// A socket at `spot`, held by a process of `unit`, which created it.
    pub(crate) fn listens(mut self, unit: &str, spot: &str) -> Self {
        let pid = self.number();
        let process = process(unit);
        self.snapshot.processes.insert(pid, process);
        self.listener_of(pid, spot);
        self
    }

    /// One more socket of the last process.
    pub(crate) fn again(mut self, spot: &str) -> Self {
        let pid = self.last_pid();
        self.listener_of(pid, spot);
        self
    }

    fn listener_of(&mut self, pid: u32, spot: &str) {
        let number = self.number();
        let process = &self.snapshot.processes[&pid];
        let socket = Listener {
            holders: vec![Hold { pid, fd: 3 }],
            socket_cgroup: process.cgroup.clone(),
            socket_unit: process.unit.clone(),
            inode: number.into(),
            cookie: number.into(),
            ..listener(spot)
        };
        self.snapshot.listeners.push(socket);
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn last_pid(&self) -> u32 {
        *self.snapshot.processes.last_key_value().unwrap().0
    }

    /// Changes the last socket.
    pub(crate) fn socket(mut self, change: impl FnOnce(&mut Listener)) -> Self {
        change(self.snapshot.listeners.last_mut().unwrap());
        self
    }

    /// Changes the last process.
    pub(crate) fn process(mut self, change: impl FnOnce(&mut Process)) -> Self {
        change(self.snapshot.processes.last_entry().unwrap().get_mut());
        self
    }

    /// Changes the namespace.
    pub(crate) fn namespace(mut self, change: impl FnOnce(&mut Namespace)) -> Self {
        change(&mut self.snapshot.namespaces[0]);
        self
    }

    /// Adds an interface.
    pub(crate) fn interface(self, interface: Interface) -> Self {
        self.namespace(|namespace| namespace.interfaces.push(interface))
    }

    /// The last process runs `name` as `user`, with all privileges where that is root.
    pub(crate) fn program(self, name: &str, user: &str) -> Self {
        self.process(|process| {
            process.name = name.into();
            process.exe = Some(format!("/usr/bin/{name}"));
            process.user = Some(user.into());
            process.uid = Some(if user == "root" { 0 } else { 1000 });
            process.privilege = if user == "root" { Privilege::Full } else { Privilege::None };
        })
    }

    /// The last socket's process cannot be seen.
    pub(crate) fn hidden(self) -> Self {
        self.socket(|socket| {
            socket.holders.clear();
            socket.gap = Some(HolderGap::OtherUser);
        })
    }

    /// The kernel chose the last socket's number.
    pub(crate) fn ephemeral(self) -> Self {
        self.socket(|socket| socket.ephemeral = true)
    }

    /// The last socket hears IPv6 alone.
    pub(crate) fn v6only(self) -> Self {
        self.socket(|socket| socket.v6only = true)
    }

    /// A child of the last process holds its last socket too.
    pub(crate) fn worker(mut self, user: &str) -> Self {
        let (parent, pid) = (self.last_pid(), self.number());
        let mut worker = self.snapshot.processes[&parent].clone();
        worker.parent = Some(Parent { pid: parent, name: worker.name.clone() });
        worker.user = Some(user.into());
        worker.uid = Some(33);
        worker.privilege = Privilege::None;
        self.snapshot.processes.insert(pid, worker);
        self.socket(|socket| socket.holders.push(Hold { pid, fd: 3 }))
    }

    /// A process of another unit has a descriptor of the last socket too.
    pub(crate) fn guest(mut self, unit: &str, name: &str, user: &str) -> Self {
        let pid = self.number();
        self.snapshot.processes.insert(pid, process(unit));
        self.program(name, user).socket(|socket| socket.holders.push(Hold { pid, fd: 9 }))
    }

    /// There is a policy, and so far it declares nothing.
    pub(crate) fn policy(mut self) -> Self {
        self.policy.get_or_insert_default();
        self
    }

    /// The policy declares `ports` (a space between) for a unit, with the default reach.
    pub(crate) fn service(self, name: &str, ports: &str, unit: &str) -> Self {
        self.service_of(name, ports, Owner::Unit(unit.into()))
    }

    /// The policy declares `ports` for an owner.
    pub(crate) fn service_of(mut self, name: &str, ports: &str, owner: Owner) -> Self {
        let policy = self.policy.get_or_insert_default();
        policy.services.push(Service {
            name: name.into(),
            ports: ports.split(' ').map(|spec| spec.parse().unwrap()).collect(),
            addresses: Vec::new(),
            device: None,
            owners: vec![owner],
            reach: vec![HOST.into()],
            guard: None,
            steer: None,
            why: None,
            place: place(),
        });
        self
    }

    /// Changes the last service.
    pub(crate) fn declared(mut self, change: impl FnOnce(&mut Service)) -> Self {
        change(self.policy.as_mut().unwrap().services.last_mut().unwrap());
        self
    }

    /// The last service may be bound at this address (too).
    pub(crate) fn at(self, address: &str) -> Self {
        self.declared(|service| service.addresses.push(address.parse().unwrap()))
    }

    /// The last service may be reached from this zone.
    pub(crate) fn reach(self, zone: &str) -> Self {
        self.declared(|service| service.reach = vec![zone.into()])
    }

    /// The policy waives a rule for `ports` (a space between, or empty) until a day.
    pub(crate) fn waives(mut self, rule: &str, ports: &str, until: &str) -> Self {
        self.policy.get_or_insert_default().waivers.push(Waiver {
            rule: rule.into(),
            ports: ports.split_whitespace().map(|spec| spec.parse().unwrap()).collect(),
            why: "known".into(),
            until: Some(until.parse().unwrap()),
            place: place(),
        });
        self
    }

    /// The world as the host's own namespace and the policy make it.
    pub(crate) fn with_world<T>(&self, look: impl FnOnce(&World<'_>) -> T) -> T {
        self.with_scope(Scope::Own, look)
    }

    fn with_scope<T>(&self, scope: Scope, look: impl FnOnce(&World<'_>) -> T) -> T {
        let world = World::new(&self.snapshot, self.policy.as_ref(), Registry::builtin(), self.now, scope);
        look(&world.beside(self.claims.as_ref()))
    }

    /// A packet filter, and what could not be seen of it.
    pub(crate) fn filtered(mut self, firewall: Firewall, gaps: &[Gap]) -> Self {
        self.snapshot.firewall = Some(firewall);
        self.snapshot.gaps.extend_from_slice(gaps);
        self
    }

    /// Beside the host's ledger, in which users have claimed these for good.
    pub(crate) fn claims(self, all: &[(u32, &str)]) -> Self {
        self.claimed(all, &at(0), None)
    }

    /// Beside the host's ledger, in which users have claimed these for a minute that is over.
    pub(crate) fn ended_claims(self, all: &[(u32, &str)]) -> Self {
        self.claimed(all, &at(61), Some(&lease(60, &at(0))))
    }

    fn claimed(self, all: &[(u32, &str)], now: &Now, ends: Option<&Lease>) -> Self {
        let mut desk = Desk::new();
        for ((uid, text), id) in all.iter().zip(1..) {
            let wish = wish(*uid, id, text);
            let lease = ends.cloned().unwrap_or_else(|| wish.lease.clone());
            desk.granted(Wish { lease, ..wish });
        }
        let claims = Claims {
            book: desk.book,
            machine: MACHINE.into(),
            scope: ledger::Scope::Host(MACHINE.into()),
            processes: BTreeMap::new(),
            store_ends_leases: false,
            is_obeyed: true,
            now: now.clone(),
        };
        Self { claims: Some(claims), ..self }
    }

    /// All that is wrong in the namespaces of `scope`.
    pub(crate) fn judge_in(&self, scope: Scope) -> Vec<Finding> {
        self.with_scope(scope, judge)
    }

    /// All that is wrong.
    pub(crate) fn judge(&self) -> Vec<Finding> {
        self.with_world(judge)
    }

    /// The rules that found something, in order.
    pub(crate) fn rules(&self) -> Vec<&'static str> {
        self.judge().iter().map(|finding| finding.rule).collect()
    }

    /// What a rule found, as `port address`.
    pub(crate) fn found(&self, rule: &str) -> Vec<String> {
        let of_rule = |finding: &Finding| (finding.rule == rule).then(|| finding.clone());
        let spot = |finding: Finding| match (finding.ports, finding.address) {
            (Some(ports), Some(address)) => format!("{ports} {address}"),
            (Some(ports), None) => ports.to_string(),
            (None, _) => "-".into(),
        };
        self.judge().iter().filter_map(of_rule).map(spot).collect()
    }

    /// What a rule says, as `port: text`.
    pub(crate) fn texts(&self, rule: &str) -> Vec<String> {
        let of_rule = |finding: &Finding| finding.rule == rule;
        let findings = self.judge();
        let said = |finding: &Finding| match finding.ports {
            Some(ports) => format!("{ports}: {}", finding.text.en),
            None => finding.text.en.clone(),
        };
        findings.iter().filter(|finding| of_rule(finding)).map(said).collect()
    }

    /// How much what a rule found matters.
    pub(crate) fn severities(&self, rule: &str) -> Vec<Severity> {
        self.judge().iter().filter(|finding| finding.rule == rule).map(|finding| finding.severity).collect()
    }

    /// The commands that a rule suggests.
    pub(crate) fn commands(&self, rule: &str) -> Vec<String> {
        let findings = self.judge();
        findings
            .into_iter()
            .filter(|finding| finding.rule == rule)
            .flat_map(|finding| finding.commands)
            .collect()
    }
}
