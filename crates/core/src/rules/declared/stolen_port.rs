//! A declared port is held, shared or shadowed by somebody who is not its owner (A13, A24).

use alloc::{format, vec::Vec};
use core::net::IpAddr;

use super::list;
use crate::{
    address::{Address, Breadth, Family},
    desired::DesiredPort,
    facts::Listener,
    finding::{Finding, Severity},
    ledger::Claim,
    owner::Match,
    policy::{Guarding, Service},
    rules::{Page, Rule},
    steer::Tenancy,
    steered::stranger,
    text,
    words::{Text, Words},
    world::{Holding, World, name_of, strangers, unowned_socket},
};

/// Somebody else where the policy says whose place it is.
pub(super) const RULE: Rule = Rule {
    name: "stolen-port",
    severity: Severity::Critical,
    article: &["A13", "A24"],
    outranks: &[
        "shared-by-strangers",
        "bound-wider-than-declared",
        "number-of-another-service",
        "opener-gone",
        "unneeded-open-port",
        "opened-before-guard",
    ],
    page: Page {
        what: Words {
            en: "A declared port is held, shared or shadowed by somebody who is not its owner, or a claimed one is held by another user than its claimant.",
            ja: "宣言済みのポートを、所有者ではないプロセスが保持、共有、または横取りしています。または、申請済みのポートを、申請者以外のユーザーが保持しています。",
        },
        why: Words {
            en: "Clients trust the number. Whoever stands there reads what was meant for the owner: passwords, mail, sessions.",
            ja: "クライアントはポート番号を信じて接続します。そのポートで待ち受ける者は、所有者に宛てたパスワードやメールを読めてしまいます。",
        },
        fix: Words {
            en: "Find out who it is and stop it. If it is meant to be there, name it as an owner of the service, or release the claim.",
            ja: "どのプロセスかを確認して停止します。正当なものなら、policy のそのサービスの owner に加えるか、申請を解放します。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let judged = |holding| judge(world, holding).or_else(|| of_claim(world, holding));
    world.every_holding().iter().filter_map(judged).chain(led(world)).collect()
}

/// Strangers to whom what comes in for a service is led: its owner was another when they were led to.
fn led(world: &World<'_>) -> Vec<Finding> {
    let services = world.policy.map(|policy| policy.services.as_slice()).unwrap_or_default();
    let steered = services.iter().filter(|service| service.steer.is_some() && !service.owners.is_empty());
    let led = world.snapshot.steer.as_ref().map(|steer| steer.led.as_slice()).unwrap_or_default();
    let to = |service: &Service| {
        let mut own = led.iter().filter(|led| led.service == service.name);
        let (led, (pid, process)) =
            own.find_map(|led| Some((led, stranger(world, &service.owners, led)?)))?;
        let (name, Text { en, ja }) = (&service.name, name_of(process));
        let Text { en: en_owner, ja: ja_owner } = list(&service.owners);
        let finding = RULE.finding(
            text!(
                "what comes in for {name} is led to {en}, pid {pid}, and its owner is {en_owner}",
                "{name} 宛ての通信が、owner({ja_owner})ではない {ja}(pid {pid})に誘導されています"
            ),
            text!(
                "have its owner listen, and lead to his socket",
                "owner に待ち受けさせ、そのソケットを誘導先に登録してください"
            ),
        );
        // What was applied is another owner's still.
        let is_applied = led.tenancy == Tenancy::of(service);
        let register = || format!("portreeve steer register {name}");
        Some(finding.run([if is_applied { register() } else { "portreeve apply".into() }]))
    };
    steered.filter_map(to).collect()
}

/// Somebody else than the claimant stands where a number is claimed.
fn of_claim(world: &World<'_>, holding: &Holding<'_>) -> Option<Finding> {
    let thieves = holding.listeners.iter().filter(|listener| !listener.ephemeral);
    let mut claims = thieves.filter_map(|listener| {
        world.claim_of(listener).filter(|claimed| !claimed.claim.is_held_by(listener))
    });
    let Claim { name, claimant, .. } = claims.next()?.claim;
    let (Text { en, ja }, spec, uid) = (holding.who(), holding.spec(), claimant.uid);
    let finding = RULE.finding(
        text!(
            "{en} holds {spec}, which user {uid} has claimed for {name}",
            "ユーザー {uid} が {name} 用に申請した {spec} を {ja} が保持しています"
        ),
        text!("stop it, or have the claim given up", "停止するか、申請を解放してもらってください"),
    );
    Some(
        finding
            .about(holding)
            .run([format!("portreeve who {spec}"), "portreeve claims --state stolen".into()]),
    )
}

fn judge(world: &World<'_>, holding: &Holding<'_>) -> Option<Finding> {
    let declared = holding.declared.filter(|declared| !declared.service.owners.is_empty())?;
    let Some(thief) = thief(world, holding) else { return refused_to_socket(holding, declared.service) };
    let spec = holding.spec();
    let service = &declared.service.name;
    let finding = RULE.finding(
        describe(&thief, manner(world, holding, &declared, &thief), holding, &declared),
        text!(
            "stop it, or name it as an owner of {service} in the policy",
            "停止するか、policy の {service} の owner に加えてください"
        ),
    );
    Some(finding.about(holding).run([format!("portreeve who {spec}")]))
}

/// The `.socket` for which the service manager holds it is no owner to the guard, whichever service it starts.
fn refused_to_socket(holding: &Holding<'_>, service: &Service) -> Option<Finding> {
    let is_guarded = matches!(service.guard, Some(Guarding::Kept(_)));
    let unit = unowned_socket(holding).filter(|_| is_guarded)?;
    let (name, spec) = (&service.name, holding.spec());
    let finding = RULE.finding(
        text!(
            "{unit} has {spec}, and is no owner of {name}: to the guard it is a stranger, whichever service it starts",
            "{spec} は {unit} のために保持されていますが、{name} の owner ではありません。ガードは、どのサービスを起動するかにかかわらず所有者以外として扱います"
        ),
        text!(
            "stop that unit, or name it as an owner of {name} too",
            "このユニットを停止するか、{name} の owner に加えてください"
        ),
    );
    let finding = Finding { severity: Severity::High, ..finding };
    Some(finding.about(holding).run([format!("portreeve who {spec}")]))
}

/// Who holds it without right.
enum Thief {
    /// The holding's own main process.
    Holder(Text),
    /// Somebody with a descriptor of the owner's very socket.
    Guest(Text),
}

/// A holder who is surely not the owner, nor family of anybody who may be; nobody where none was seen.
fn thief(world: &World<'_>, holding: &Holding<'_>) -> Option<Thief> {
    let strangers = strangers(world, holding)?;
    Some(if strangers.beside_owner {
        Thief::Guest(name_of(strangers.first))
    } else {
        Thief::Holder(holding.who())
    })
}

#[derive(Clone, Copy)]
enum Manner {
    /// The owner is not there.
    Held,
    /// At the owner's very address.
    Shared,
    /// At an address of its own, which goes before the owner's wildcard.
    Shadowed,
    /// A wildcard beside the owner's of the other family.
    OtherFamily,
    /// A wildcard beside the owner's addresses.
    Beside,
    /// A wildcard where the owner holds every address that it declares.
    Behind,
}

fn manner(world: &World<'_>, holding: &Holding<'_>, declared: &DesiredPort<'_>, thief: &Thief) -> Manner {
    if matches!(thief, Thief::Guest(_)) {
        return Manner::Shared;
    }
    let socket = holding.widest();
    let owns = |other: &&Holding<'_>| other.identity.matches_any(&declared.service.owners) == Match::Yes;
    let at = world.holdings_at(socket.netns, socket.protocol, socket.port);
    let owned: Vec<_> =
        at.iter().filter(owns).flat_map(|other| &other.listeners).map(|listener| &listener.address).collect();
    if owned.is_empty() {
        return Manner::Held;
    }
    if owned.contains(&&socket.address) {
        return Manner::Shared;
    }
    if socket.address.breadth() != Breadth::Wildcard {
        return Manner::Shadowed;
    }
    if owned.iter().any(|address| address.breadth() == Breadth::Wildcard) {
        return Manner::OtherFamily;
    }
    if is_behind(socket, &declared.service.addresses, &owned) { Manner::Behind } else { Manner::Beside }
}

/// Whether all that is declared is held by its owner, and would go to the wildcard `socket` if it were not.
///
/// The kernel looks for a socket at the very address first (net/ipv4/inet_hashtables.c, __inet_lookup_listener).
fn is_behind(socket: &Listener, declared: &[Address], owned: &[&Address]) -> bool {
    let is_owned =
        |address: &Address| owned.iter().any(|owned| owned.ip.to_canonical() == address.ip.to_canonical());
    let is_heard = |address: &Address| match address.ip.to_canonical() {
        IpAddr::V4(_) => socket.hears_ipv4(),
        IpAddr::V6(_) => socket.hears_ipv6(),
    };
    !declared.is_empty() && declared.iter().all(is_owned) && declared.iter().any(is_heard)
}

fn describe(thief: &Thief, manner: Manner, holding: &Holding<'_>, declared: &DesiredPort<'_>) -> Text {
    let (Thief::Holder(Text { en, ja }) | Thief::Guest(Text { en, ja })) = thief;
    let spec = holding.spec();
    let address = &holding.widest().address;
    let family = Family::of(address.ip.to_canonical()).written();
    let service = &declared.service.name;
    let Text { en: en_owner, ja: ja_owner } = list(&declared.service.owners);
    match manner {
        Manner::Held => text!(
            "{en} holds {spec}, which belongs to {service} ({en_owner})",
            "{service}({ja_owner})の {spec} を {ja} が保持しています"
        ),
        Manner::Shared => text!(
            "{en} shares {spec} with its owner {en_owner}: part of what is meant for {service} goes there",
            "{ja} が {spec} を所有者 {ja_owner} と共有し、{service} 宛ての通信の一部を受け取っています"
        ),
        Manner::Shadowed => text!(
            "{en} takes what is sent to {address} on {spec}, which belongs to {service} ({en_owner})",
            "{service}({ja_owner})の {spec} のうち、{address} 宛ての通信を {ja} が横取りしています"
        ),
        Manner::OtherFamily => text!(
            "{en} takes what is sent over {family} to {spec}, which belongs to {service} ({en_owner})",
            "{service}({ja_owner})の {spec} のうち、{family} での通信を {ja} が横取りしています"
        ),
        Manner::Beside => text!(
            "{en} takes what is sent to {spec} at addresses where its owner {en_owner} does not listen; it belongs to {service}",
            "{service}({ja_owner})の {spec} のうち、所有者が待ち受けていないアドレス宛ての通信を {ja} が受け取っています"
        ),
        Manner::Behind => text!(
            "{en} stands on {address} at {spec} behind its owner {en_owner}: what is meant for {service} goes there once the owner stops",
            "{address} の {spec} では、所有者 {ja_owner} の背後で {ja} も待ち受けています。所有者が停止すると、{service} 宛ての通信は {ja} に届きます"
        ),
    }
}

#[cfg(test)]
mod tests {
    use alloc::{
        format,
        string::{String, ToString},
    };

    use crate::{
        address::Family,
        cgroup,
        facts::{Container, GuardStands, HolderGap, Led, LeftSteer, Listener},
        finding::Severity,
        guard::Mode,
        owner::Owner,
        policy::Guarding,
        port::{PortRange, Protocol},
        rules::testing::scene,
        steer::{Routes, Tenancy, WhenDead},
    };

    #[test]
    fn a_stranger_on_a_declared_port_is_found() {
        let scene = scene()
            .service("web", "443/tcp", "nginx.service")
            .listens("session-4.scope", "0.0.0.0:443/tcp")
            .program("python3", "eve");
        assert_eq!(
            scene.texts("stolen-port"),
            ["443/tcp: python3 (user eve) holds 443/tcp, which belongs to web (nginx.service)"]
        );
        assert_eq!(scene.rules(), ["stolen-port"]);
    }

    /// `Service=` may name the owner, so nobody is accused where no guard asks for the `.socket` itself.
    #[test]
    fn a_socket_unit_that_owns_nothing_is_a_stranger_where_the_port_is_guarded() {
        let scene = |guard: Option<Guarding>| {
            let scene = scene()
                .service("web", "443/tcp", "nginx.service")
                .declared(move |service| service.guard = guard)
                .listens("init.scope", "0.0.0.0:443/tcp")
                .program("systemd", "root");
            scene.socket(|socket| {
                socket.socket_cgroup = Some("/system.slice/shop.socket".into());
                socket.socket_unit = Some("shop.socket".into());
            })
        };
        for mode in [Mode::Observe, Mode::Enforce] {
            let scene = scene(Some(Guarding::Kept(mode)));
            let text = "443/tcp: shop.socket has 443/tcp, and is no owner of web: to the guard it is a stranger, whichever service it starts";
            assert_eq!(scene.texts("stolen-port"), [text]);
            assert!(scene.judge().iter().any(|finding| finding.severity == Severity::High));
        }
        for guard in [None, Some(Guarding::Off)] {
            assert!(scene(guard).texts("stolen-port").is_empty());
        }
    }

    #[test]
    fn a_stranger_to_whom_what_is_declared_is_led_is_found() {
        let led_for = |unit: &str, owner: &str| {
            let former = scene().service("web", "443/tcp", owner).policy.unwrap();
            let tenancy = Tenancy::of(&former.services[0]);
            let scene =
                scene().service("web", "443/tcp", "nginx.service").listens(unit, "127.0.0.1:8443/tcp");
            let mut scene = scene.program("httpd", "root").socket(|socket| socket.cookie = 77);
            scene.policy.as_mut().unwrap().services[0].steer = Some(WhenDead::Refuse.into());
            let led = Led {
                service: "web".into(),
                tenancy,
                protocol: Protocol::Tcp,
                family: Family::Ipv4,
                cookie: 77,
            };
            scene.snapshot.steer = Some(LeftSteer {
                stands: GuardStands::Whole,
                dead: [].into(),
                led: [led].into(),
                routes: Routes::default(),
            });
            scene
        };
        let led_to = |unit| led_for(unit, "nginx.service");
        let told = led_to("apache2.service").texts("stolen-port");
        let [text] = told.as_slice() else { panic!("{told:?}") };
        assert!(text.contains("what comes in for web is led to httpd (user root), pid "), "{text}");
        assert!(text.ends_with("and its owner is nginx.service"), "{text}");
        assert_eq!(led_to("apache2.service").commands("stolen-port"), ["portreeve steer register web"]);
        let unapplied = led_for("apache2.service", "apache2.service");
        assert_eq!(
            unapplied.commands("stolen-port"),
            ["portreeve apply"],
            "he was the owner when it was applied"
        );
        assert!(led_to("nginx.service").texts("stolen-port").is_empty());
    }

    #[test]
    fn another_user_on_a_claimed_port_is_found() {
        let held_by = |uid: u32| {
            let kept = scene().namespace(|own| own.reserved = [PortRange::one(20_500)].into());
            let scene = kept.claims(&[(1000, "web 20500/tcp")]);
            let scene = scene.listens("session-4.scope", "127.0.0.1:20500/tcp").program("python3", "eve");
            scene.socket(|socket| socket.uid = Some(uid))
        };
        let thief = held_by(1001);
        assert_eq!(
            thief.texts("stolen-port"),
            ["20500/tcp: python3 (user eve) holds 20500/tcp, which user 1000 has claimed for web"]
        );
        assert_eq!(thief.rules(), ["stolen-port"]);
        assert_eq!(held_by(1000).rules(), [""; 0]);
        assert_eq!(held_by(0).rules(), [""; 0], "the service manager listens for others");
    }

    #[test]
    fn the_owner_on_its_port_is_no_thief() {
        let scene = scene()
            .service("web", "443/tcp", "nginx.service")
            .reach("world")
            .listens("nginx.service", "0.0.0.0:443/tcp")
            .again("[::]:443/tcp");
        assert_eq!(scene.rules(), [""; 0]);
    }

    #[test]
    fn a_users_own_unit_of_the_same_name_is_a_thief() {
        let scene = scene()
            .service("web", "8443/tcp", "nginx.service")
            .reach("world")
            .listens("user@1000.service", "0.0.0.0:8443/tcp")
            .program("nginx", "eve")
            .process(|process| process.user_unit = Some("nginx.service".into()));
        assert_eq!(scene.rules(), ["stolen-port"]);
    }

    /// Whoever has a user manager may call a cgroup whatever they like.
    #[test]
    fn a_container_that_a_user_made_up_is_a_thief() {
        let id = "ab".repeat(32);
        let user = "/user.slice/user-1000.slice/user@1000.service";
        let declared = |owner: &str| {
            let web = Owner::Container(owner.into());
            scene().service_of("web", "8443/tcp", web).reach("world").listens("x.service", "0.0.0.0:8443/tcp")
        };
        let at = |owner: &str, path: String| {
            let place = cgroup::read(&path);
            let scene = declared(owner).process(|process| {
                process.container = place.container.map(|it| Container { name: Some(owner.into()), ..it });
                process.unit = place.unit;
                process.cgroup = Some(path);
            });
            scene.rules()
        };
        assert_eq!(at("web", format!("{user}/app.slice/a.service/lxc/web")), ["stolen-port"]);
        assert_eq!(at("web", format!("{user}/app.slice/libpod-{id}.scope")), ["stolen-port"]);
        assert_eq!(at(&id, format!("/user.slice/user-1000.slice/docker-{id}.scope")), ["stolen-port"]);
        assert_eq!(at("web", format!("/system.slice/docker-{id}.scope")), [""; 0]);
        assert_eq!(at("web", "/lxc/web".into()), [""; 0]);
    }

    #[test]
    fn a_stranger_beside_the_owner_shares_and_at_one_address_shadows() {
        let owner = || {
            let scene = scene().service("web", "443/tcp", "nginx.service").reach("world");
            scene.listens("nginx.service", "0.0.0.0:443/tcp")
        };
        let shared = owner().listens("evil.service", "0.0.0.0:443/tcp").texts("stolen-port");
        assert_eq!(shared.len(), 1);
        assert!(shared[0].contains("evil shares 443/tcp with its owner nginx.service"), "{shared:?}");
        let shadowed = owner().listens("evil.service", "192.0.2.1:443/tcp").texts("stolen-port");
        assert_eq!(shadowed.len(), 1);
        assert!(shadowed[0].contains("evil takes what is sent to 192.0.2.1"), "{shadowed:?}");
    }

    #[test]
    fn a_wildcard_takes_only_what_the_owners_addresses_leave() {
        let beside = |addresses: &[&str], owner: &str, evil: &str| {
            let web = scene().service("web", "443/tcp", "nginx.service").reach("world");
            let scene = addresses.iter().fold(web, |scene, address| scene.at(address));
            let texts =
                scene.listens("nginx.service", owner).listens("evil.service", evil).texts("stolen-port");
            assert_eq!(texts.len(), 1, "{texts:?}");
            texts[0].strip_prefix("443/tcp: evil ").unwrap().to_string()
        };
        let others = "takes what is sent to 443/tcp at addresses where its owner nginx.service does not listen; \
                      it belongs to web";
        let (home, any) = ("127.0.0.1:443/tcp", "0.0.0.0:443/tcp");
        assert_eq!(beside(&[], home, any), others);
        assert_eq!(beside(&["127.0.0.1", "192.0.2.1"], home, any), others);
        assert_eq!(
            beside(&["127.0.0.1"], home, any),
            "stands on 0.0.0.0 at 443/tcp behind its owner nginx.service: what is meant for web goes there once \
             the owner stops"
        );
        assert_eq!(beside(&["::1"], "[::1]:443/tcp", any), others);
        assert_eq!(
            beside(&[], "[::]:443/tcp", any),
            "takes what is sent over IPv4 to 443/tcp, which belongs to web (nginx.service)"
        );
    }

    #[test]
    fn who_cannot_be_seen_is_no_thief() {
        let scene = scene()
            .service_of("web", "443/tcp", Owner::Exe("/usr/sbin/nginx".into()))
            .reach("world")
            .listens("session-4.scope", "0.0.0.0:443/tcp")
            .hidden();
        assert_eq!(scene.rules(), [""; 0]);
    }

    /// Whoever bound in one cgroup may have moved to another, so the socket's does not say who holds it now.
    #[test]
    fn a_socket_whose_holder_was_not_seen_accuses_nobody() {
        let declared = || scene().service("web", "443/tcp", "nginx.service").reach("world");
        let in_root = |socket: &mut Listener| {
            socket.socket_unit = None;
            socket.socket_cgroup = Some("/".into());
        };
        for unit in ["nginx.service", "evil.service"] {
            let hidden = declared().listens(unit, "0.0.0.0:443/tcp").hidden();
            assert_eq!(hidden.rules(), [""; 0], "{unit}");
            assert_eq!(hidden.socket(in_root).rules(), [""; 0], "{unit}");
        }
        let moved = declared().listens("nginx.service", "0.0.0.0:443/tcp").socket(in_root);
        assert_eq!(moved.rules(), [""; 0]);
        let seen = declared().listens("evil.service", "0.0.0.0:443/tcp").socket(in_root);
        assert_eq!(seen.rules(), ["stolen-port"]);
    }

    /// lockd listens in the cgroup of whoever mounted first.
    #[test]
    fn the_kernel_is_no_thief() {
        let scene = scene()
            .service("nfs", "2049/tcp", "nfs-server.service")
            .reach("world")
            .listens("session-4.scope", "0.0.0.0:2049/tcp")
            .hidden()
            .socket(|socket| socket.gap = Some(HolderGap::Kernel));
        assert_eq!(scene.rules(), [""; 0]);
    }

    #[test]
    fn a_master_and_its_workers_are_one_family() {
        let scene = scene()
            .service_of("web", "443/tcp", Owner::User("www-data".into()))
            .reach("world")
            .listens("nginx.service", "0.0.0.0:443/tcp")
            .program("nginx", "root")
            .worker("www-data");
        assert_eq!(scene.rules(), [""; 0]);
    }

    #[test]
    fn a_stranger_with_a_descriptor_of_the_owners_socket_is_a_thief() {
        let scene = scene()
            .service("web", "443/tcp", "nginx.service")
            .reach("world")
            .listens("nginx.service", "0.0.0.0:443/tcp")
            .guest("session-9.scope", "tap", "eve");
        let texts = scene.texts("stolen-port");
        assert_eq!(texts.len(), 1);
        assert!(texts[0].contains("tap (user eve) shares 443/tcp"), "{texts:?}");
    }

    #[test]
    fn a_socket_that_the_service_manager_holds_for_the_owner_is_in_its_place() {
        let scene = scene()
            .service("ssh", "22/tcp", "ssh.service")
            .reach("world")
            .listens("init.scope", "[::]:22/tcp")
            .program("systemd", "root")
            .socket(|socket| {
                socket.socket_unit = Some("ssh.socket".into());
                socket.socket_cgroup = Some("/system.slice/ssh.socket".into());
            });
        assert_eq!(scene.rules(), [""; 0]);
    }

    #[test]
    fn a_number_of_a_pool_is_declared_too() {
        let scene = scene()
            .service("ftp", "30000-30099/tcp", "vsftpd.service")
            .listens("evil.service", "127.0.0.1:30007/tcp");
        assert_eq!(scene.found("stolen-port"), ["30007/tcp 127.0.0.1"]);
    }

    #[test]
    fn two_services_at_two_addresses_share_a_number_in_peace() {
        let scene = scene()
            .service("stub", "53/udp", "systemd-resolved.service")
            .at("127.0.0.53")
            .service("dns", "53/udp", "dnsmasq.service")
            .reach("world")
            .listens("systemd-resolved.service", "127.0.0.53:53/udp")
            .listens("dnsmasq.service", "0.0.0.0:53/udp");
        assert!(scene.texts("stolen-port").is_empty());
    }
}
