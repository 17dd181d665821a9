//! What is to be steered is planned where something else is, to whose socket it is plain, and away from nobody who is here (A5, A12).

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

use super::host;
use crate::{
    address::Family,
    facts::{Foothold, Led},
    guard::Mode,
    owner::Owner,
    plan::{Asked, Guards, Loss, Plan, Refused, Steers, dead, plan, refuse_diverted, steer::losses},
    policy::{Guarding, Service},
    port::Protocol,
    programs::Programs,
    rules::testing::Scene,
    steer::{Route, Routes, Steering, Tenancy, WhenDead},
};

fn steered(service: &mut Service) {
    service.steer = Some(WhenDead::Refuse.into());
    service.addresses = ["192.0.2.7".parse().expect("an address")].into();
}

/// To a socket on another port than the declared one.
fn aimed(service: &mut Service) {
    steered(service);
    service.steer = Some(Steering { target_port: Some(8_080), ..WhenDead::Refuse.into() });
}

fn planned(scene: &Scene, steers: Steers) -> Result<Plan, Refused> {
    let asked = Asked { steers: Some(steers), ..Asked::default() };
    scene.with_world(|world| plan(world, &asked))
}

fn kinds(plan: &Plan) -> Vec<&'static str> {
    plan.changes.iter().map(|change| change.what.kind()).collect()
}

fn scene(listens: &[&str]) -> Scene {
    let scene = host(&[("web", "443/tcp", "world")], "").declared(steered);
    listens.iter().fold(scene, |scene, place| scene.listens("own.service", place))
}

fn routes(plan: &Plan) -> Routes {
    plan.programs().map(|Programs { routes, .. }| routes).expect("routes")
}

#[test]
fn what_is_to_be_steered_is_a_change_until_it_is() {
    let scene = scene(&["127.0.0.1:8080/tcp"]).declared(aimed);
    let first = planned(&scene, Steers::default()).expect("a plan");
    assert_eq!(kinds(&first), ["gate", "steer", "lead"]);
    assert_eq!(first.changes[1].what.words().en, "lead what comes in for web to its socket");
    assert!(first.changes[2].what.words().en.starts_with("lead web to "), "{:?}", first.changes[2]);
    let lead = first.leads().next().expect("a socket").clone();
    assert_eq!((lead.families.as_slice(), lead.spec.to_string().as_str()), (&[Family::Ipv4][..], "8080/tcp"));
    let led = led_by(&routes(&first), lead.cookie);
    let standing = Steers { routes: routes(&first), led: [led].into(), seconds_left: None };
    assert_eq!(kinds(&planned(&scene, standing.clone()).expect("a plan")), ["gate"], "it is");
    let dead = Steers { led: Vec::new(), ..standing.clone() };
    assert_eq!(kinds(&planned(&scene, dead).expect("a plan")), ["gate", "lead"], "its socket is gone");
    let another = Steers { seconds_left: Some(9), ..Steers::default() };
    assert_eq!(planned(&scene, another), Err(Refused::OnTrial { seconds_left: 9 }));
    let quiet = host(&[("web", "443/tcp", "world")], "");
    let over = planned(&quiet, standing).expect("a plan");
    assert_eq!((kinds(&over), routes(&over)), (["gate", "steer"].into(), Routes::default()));
}

/// What is led to a socket by IPv4, of the only service of `routes`.
fn led_by(routes: &Routes, cookie: u64) -> Led {
    let (_, tenancy) = routes.tenants().next().expect("there is one").key();
    Led { service: "web".into(), tenancy, protocol: Protocol::Tcp, family: Family::Ipv4, cookie }
}

/// Who owned the service before, beside those who listen.
fn former(scene: Scene) -> Scene {
    scene.listens("former.service", "127.0.0.1:8443/tcp").socket(|listener| listener.cookie = 77)
}

#[test]
fn what_a_stranger_gets_is_told_and_left_to_him() {
    let scene = former(scene(&["127.0.0.1:8080/tcp"]));
    let routes = routes(&planned(&scene, Steers::default()).expect("a plan"));
    let led = led_by(&routes, 77);
    let steers = Steers { routes, led: [led].into(), seconds_left: None };
    assert_eq!(kinds(&planned(&scene, steers.clone()).expect("a plan")), ["gate"]);
    let alone = former(self::scene(&[]));
    let dead = alone.with_world(|world| dead(world, &steers.routes, &steers.led));
    let told = dead.iter().map(|dead| dead.words().en).collect::<Vec<_>>();
    let [text] = told.as_slice() else { panic!("{told:?}") };
    assert!(text.starts_with("what comes in for web by tcp over IPv4 goes to no owner of it ("), "{text}");
}

/// The service of another owner is another one: nothing that was led to the former one's socket is to be led away from it.
#[test]
fn another_owner_has_a_slot_of_his_own() {
    let owned = |units: &[&str], port: &str| {
        let owners: Vec<Owner> = units.iter().map(|unit| Owner::Unit((*unit).into())).collect();
        let scene = host(&[("web", port, "world")], "").declared(aimed);
        let scene = scene.declared(|service| service.owners.clone_from(&owners));
        former(scene.listens("own.service", "127.0.0.1:8080/tcp"))
    };
    let routes_of = |scene: &Scene| routes(&planned(scene, Steers::default()).expect("a plan"));
    let routes_before = routes_of(&owned(&["former.service"], "443/tcp"));
    let led = [led_by(&routes_before, 77)].into();
    let before = Steers { routes: routes_before, led, seconds_left: None };
    for port in ["443/tcp", "444/tcp"] {
        let plan = planned(&owned(&["own.service"], port), before.clone()).expect("a plan");
        assert_eq!(kinds(&plan), ["gate", "steer", "lead"], "{port}");
        assert!(plan.leads().all(|lead| lead.spec.range.first == 8_080), "{port}");
        let loses = |loss: &&Loss| loss.spec.range.first == 443 && loss.who.en.contains("former");
        assert_eq!(plan.losses.iter().filter(loses).count(), 1, "{port}: {:?}", plan.losses);
        assert!(routes(&plan).0.iter().all(|route| !route.uses(&before.led[0])), "{port}");
    }
    // Where the former one is an owner still, what he has goes on, wherever he listens.
    let both = planned(&owned(&["former.service", "own.service"], "443/tcp"), before.clone());
    let both = both.expect("a plan");
    assert_eq!(kinds(&both), ["gate", "steer", "lead"]);
    assert!(both.leads().all(|lead| lead.cookie == 77) && both.losses.is_empty(), "{:?}", both.losses);
}

/// Nor does one owner's socket get what is for another place of his.
#[test]
fn other_places_may_have_another_socket() {
    let at = |ports: &str, listens: &[&str]| {
        let scene = host(&[("web", ports, "world")], "").declared(steered);
        listens.iter().fold(scene, |scene, place| scene.listens("own.service", place))
    };
    let both = &["127.0.0.1:9080/tcp", "127.0.0.1:9443/tcp"];
    let first = planned(&at("9080/tcp", both), Steers::default()).expect("a plan");
    let cookie = first.leads().next().expect("a socket").cookie;
    let led = [led_by(&routes(&first), cookie)].into();
    let steers = Steers { routes: routes(&first), led, seconds_left: None };
    let chosen = |ports, listens| {
        let plan = planned(&at(ports, listens), steers.clone()).expect("a plan");
        plan.leads().map(|lead| lead.spec.range.first).collect::<Vec<_>>()
    };
    assert_eq!(chosen("9080/tcp", both), [0; 0], "it is led to");
    assert_eq!(chosen("9443/tcp", both), [9_443], "the one on the declared number");
    assert_eq!(chosen("443/tcp", both), [0; 0], "nobody said that this one is meant");
    // Not open yet: nobody gets it meanwhile.
    assert_eq!(chosen("9443/tcp", &both[..1]), [0; 0]);
}

/// Whoever got it goes on where somebody chose him for it, or nothing else is another place, whatever the service is called.
#[test]
fn what_somebody_chose_goes_on_with_its_places() {
    let both = &["127.0.0.1:8080/tcp", "127.0.0.1:8081/tcp"];
    let at = |name: &str, ports: &str, target: Option<u16>| {
        let scene = host(&[(name, ports, "world")], "").declared(steered).declared(move |service| {
            service.steer = Some(Steering { target_port: target, ..WhenDead::Refuse.into() });
        });
        both.iter().fold(scene, |scene, place| scene.listens("own.service", place))
    };
    let first = planned(&at("web", "443/tcp", Some(8_080)), Steers::default()).expect("a plan");
    let cookie = |port| {
        let scene = at("web", "443/tcp", Some(8_080));
        let listener = scene.snapshot.listeners.iter().find(|listener| listener.port == port);
        listener.expect("it listens").cookie
    };
    let led_to = |port, before: &Plan, scene: &Scene| {
        let led = [led_by(&routes(before), cookie(port))].into();
        let steers = Steers { routes: routes(before), led, seconds_left: None };
        let plan = planned(scene, steers).expect("a plan");
        plan.leads().map(|lead| lead.spec.range.first).collect::<Vec<_>>()
    };
    // Moved to another socket than the one that is meant.
    let more = at("web", "443/tcp", Some(8_080)).declared(|service| {
        service.ports.push("444/tcp".parse().expect("a port"));
    });
    assert_eq!(led_to(8_081, &first, &more), [8_081], "it stays where it was moved to");
    assert_eq!(led_to(8_080, &first, &more), [8_080], "and so does who is on the port that is meant");
    assert_eq!(led_to(8_081, &first, &at("www", "443/tcp", Some(8_080))), [8_081], "by another name too");
    assert_eq!(
        led_to(8_081, &first, &at("web", "444/tcp", Some(8_080))),
        [8_080],
        "at another place it is another"
    );
    assert_eq!(led_to(8_080, &first, &at("web", "443/tcp", Some(8_081))), [8_081], "another one is meant");
    for had in [8_080, 8_081] {
        assert_eq!(led_to(had, &first, &at("web", "443/tcp", Some(8_443))), [0; 0], "and is not open yet");
    }
}

#[test]
fn datagrams_are_led_to_who_answers_from_where_he_was_asked() {
    let led = |at: &str, addresses: &[&str]| {
        let scene = host(&[("dns", "53/udp", "world")], "").declared(|service| {
            service.steer = Some(WhenDead::Refuse.into());
            service.addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
        });
        let plan = planned(&scene.listens("own.service", at), Steers::default()).expect("a plan");
        plan.leads().count()
    };
    let (one, other, sixth) = ("192.0.2.7", "192.0.2.8", "2001:db8::7");
    assert_eq!((led("192.0.2.7:53/udp", &[one]), led("192.0.2.7:53/udp", &[one, sixth])), (1, 1));
    assert_eq!((led("192.0.2.7:53/udp", &[one, other]), led("192.0.2.7:53/udp", &[other])), (0, 0));
    assert_eq!((led("0.0.0.0:53/udp", &[one, other]), led("127.0.0.1:53/udp", &[one])), (1, 0));
}

#[test]
fn nobody_guesses_which_of_several_sockets_is_meant() {
    let plan = planned(&scene(&["127.0.0.1:443/tcp", "127.0.0.2:443/tcp"]), Steers::default());
    assert_eq!(kinds(&plan.expect("a plan")), ["gate", "steer"]);
    // The one on the declared number is, or on the one that is named instead of it.
    let both = || scene(&["127.0.0.1:8080/tcp", "127.0.0.1:443/tcp"]);
    let meant = |scene: &Scene| {
        let plan = planned(scene, Steers::default()).expect("a plan");
        plan.leads().map(|lead| lead.spec.range.first).collect::<Vec<_>>()
    };
    assert_eq!((meant(&both()), meant(&both().declared(aimed))), ([443].into(), [8_080].into()));
    let stranger = scene(&[]).listens("other.service", "127.0.0.1:8080/tcp");
    assert_eq!(kinds(&planned(&stranger, Steers::default()).expect("a plan")), ["gate", "steer"]);
}

#[test]
fn why_nobody_is_led_to_is_told_of_what_finds_nobody() {
    let told = |listens: &[&str], addresses: &[&str]| {
        let scene = scene(listens).declared(|service| {
            service.addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
        });
        let found = planned(&scene, Steers::default()).expect("a plan").dead;
        found.into_iter().map(|it| (it.way.1, it.is_partly, it.words().en)).collect::<Vec<_>>()
    };
    let several = told(&["127.0.0.1:443/tcp", "127.0.0.2:443/tcp"], &["192.0.2.7"]);
    let [(Family::Ipv4, false, text)] = several.as_slice() else { panic!("{several:?}") };
    assert!(text.starts_with("nothing is led to web: several sockets will do: pid "), "{text}");
    assert!(text.ends_with("portreeve steer register web --pid PID --fd FD"), "{text}");
    // What is for one of them would be led to the socket of the other one.
    let nginx = scene(&["0.0.0.0:80/tcp", "0.0.0.0:443/tcp"]).declared(|service| {
        service.ports = ["80/tcp", "443/tcp"].iter().map(|text| text.parse().expect("a port")).collect();
    });
    let found = planned(&nginx, Steers::default()).expect("a plan").dead;
    let text = found.first().expect("nobody is led to").words().en;
    assert!(text.starts_with("nothing is led to web: its ports have a socket each, and"), "{text}");
    assert!(
        text.ends_with("declare a service for each of these ports, with the same owner: 80/tcp, 443/tcp"),
        "{text}"
    );
    let both = ["192.0.2.7", "2001:db8::7"];
    // A server that is half up has another one's port open at first, and nothing is led there.
    let half_up = told(&["127.0.0.1:8500/tcp"], &["192.0.2.7"]);
    let [(Family::Ipv4, false, text)] = half_up.as_slice() else { panic!("{half_up:?}") };
    assert!(text.contains("listens on 8500/tcp, and not on the port that is meant"), "{text}");
    assert!(text.contains("write target_port = 8500"), "{text}");
    assert!(
        told(&["127.0.0.1:8500/tcp", "127.0.0.1:8501/tcp"], &["192.0.2.7"])[0]
            .2
            .contains("8500/tcp, 8501/tcp")
    );
    // Where he is there for the other family no other port is meant for this one.
    let apart = told(&["127.0.0.1:443/tcp", "[::1]:8500/tcp"], &both);
    assert!(apart[0].2.contains("by tcp over IPv6: no owner of it has a socket"), "{apart:?}");
    let partly = told(&["127.0.0.1:443/tcp"], &both);
    let [(Family::Ipv6, true, text)] = partly.as_slice() else { panic!("{partly:?}") };
    assert!(
        text.starts_with("some of what is led to web finds no socket, by tcp over IPv6: no owner"),
        "{text}"
    );
    assert_eq!(told(&["127.0.0.1:443/tcp", "[::1]:443/tcp"], &both), []);
}

/// Whose socket for one of the ports is not there yet over one family gets nothing of it led to that of the other port.
#[test]
fn what_has_a_socket_each_over_one_family_is_led_to_none_over_the_other() {
    let led = |listens: &[&str]| {
        let scene = scene(listens).declared(|service| {
            service.ports = ["9000/tcp", "9002/tcp"].map(|text| text.parse().expect("a port")).into();
            service.addresses = Vec::new();
        });
        let plan = planned(&scene, Steers::default()).expect("a plan");
        let told: Vec<_> = plan.dead.iter().map(|it| (it.way.1, it.words().en)).collect();
        (plan.leads().count(), told)
    };
    let ports = "with the same owner: 9000/tcp, 9002/tcp";
    let (count, told) = led(&["0.0.0.0:9000/tcp", "0.0.0.0:9002/tcp", "[::1]:9000/tcp"]);
    assert_eq!((count, told.len()), (0, 2), "{told:?}");
    assert!(told.iter().all(|(_, text)| text.ends_with(ports)), "{told:?}");
    let (count, told) = led(&["0.0.0.0:9000/tcp", "[::1]:9002/tcp"]);
    assert_eq!((count, told.len()), (0, 2), "{told:?}");
    assert_eq!(led(&["0.0.0.0:9000/tcp", "[::1]:9000/tcp"]), (2, Vec::new()), "one for both ports");
}

/// Neighbours and ranges are declared ports as all others.
#[test]
fn no_hint_leads_a_declared_port_to_the_socket_of_another() {
    let told = |ports: &[&str], listens: &[&str]| {
        let scene = scene(listens).declared(|service| {
            service.ports = ports.iter().map(|text| text.parse().expect("a port")).collect();
        });
        planned(&scene, Steers::default()).expect("a plan").dead.first().expect("nobody is led to").words().en
    };
    let both = ["127.0.0.1:9000/tcp", "127.0.0.1:9001/tcp"];
    for ports in [&["9000/tcp", "9001/tcp"][..], &["9000-9001/tcp"], &["9000/tcp", "9001-9003/tcp"]] {
        let text = told(ports, &both);
        assert!(text.ends_with("with the same owner: 9000/tcp, 9001/tcp"), "{ports:?}: {text}");
    }
    let doubled = ["127.0.0.1:9000/tcp", "127.0.0.2:9000/tcp", "0.0.0.0:9002/tcp"];
    let text = told(&["9000/tcp", "9002/tcp"], &doubled);
    assert!(text.ends_with("with the same owner: 9000/tcp, 9002/tcp"), "{text}");
    // Of all ports that are left nobody declares each.
    assert!(told(&["1-65535/tcp"], &both).contains("several sockets will do"));
    // A socket of its owner's is offered, but not where another service is declared.
    let half_up = |ports: &str| {
        let scene = scene(&both[1..]).service("other", ports, "own.service");
        planned(&scene, Steers::default()).expect("a plan").dead[0].words().en
    };
    assert!(half_up("9002/tcp").contains("register web --pid"), "{}", half_up("9002/tcp"));
    assert!(half_up("9001/tcp").contains("no owner of it has a socket"), "{}", half_up("9001/tcp"));
    assert!(half_up("1-65535/tcp").contains("register web --pid"));
}

#[test]
fn nobody_who_is_here_is_led_elsewhere() {
    let plan = planned(&scene(&[]), Steers::default()).expect("a plan");
    let here = |local: &str, port| Foothold {
        protocol: Protocol::Tcp,
        peer: "198.51.100.2".parse().expect("an address"),
        local: local.parse().expect("an address"),
        port,
        interface: None,
        who: "sshd (pid 9)".into(),
    };
    // Nor is what is for where he is taken in by this host.
    let mut taken = scene(&[]).declared(|service| {
        service.addresses = ["198.51.100.2".parse().expect("an address")].into();
    });
    let local = |taken: &mut Scene, local| {
        let service = &mut taken.policy.as_mut().expect("a policy").services[0];
        service.steer = Some(Steering { local, ..WhenDead::Refuse.into() });
        planned(taken, Steers::default()).expect("a plan")
    };
    let (own, others) = (local(&mut taken, false), local(&mut taken, true));
    assert_eq!(refuse_diverted(&own.changes, &[here("192.0.2.8", 22)]), Ok(()));
    let Err(Refused::Diverted(peer)) = refuse_diverted(&others.changes, &[here("192.0.2.8", 22)]) else {
        panic!("he is")
    };
    assert!(peer.why().en.contains("from 198.51.100.2"), "{:?}", peer.why());
    assert!(others.changes[1].what.words().en.ends_with("take in 198.51.100.2"));
    let refused = refuse_diverted(&plan.changes, &[here("192.0.2.8", 443), here("192.0.2.7", 443)]);
    let Err(Refused::Diverted(diverted)) = refused else { panic!("{refused:?}") };
    assert_eq!((diverted.service.as_str(), diverted.foothold.port), ("web", 443));
    assert!(diverted.why().en.contains("443/tcp (sshd (pid 9))"), "{:?}", diverted.why());
    assert_eq!(refuse_diverted(&plan.changes, &[here("192.0.2.7", 22)]), Ok(()));
}

#[test]
fn who_gets_nothing_more_is_told() {
    let told = |plan: &Plan| plan.losses.iter().map(|loss| loss.words().en).collect::<Vec<_>>();
    let beside =
        |stranger: &str| scene(&["127.0.0.1:8080/tcp"]).declared(aimed).listens("other.service", stranger);
    let taken = "other gets nothing more of what comes in for 192.0.2.7 on 443/tcp: it is led to web.";
    for stranger in ["0.0.0.0:443/tcp", "[::]:443/tcp", "192.0.2.7:443/tcp"] {
        assert_eq!(
            told(&planned(&beside(stranger), Steers::default()).expect("a plan")),
            [taken],
            "{stranger}"
        );
    }
    for elsewhere in ["192.0.2.8:443/tcp", "192.0.2.7:444/tcp", "192.0.2.7:443/udp", "[::1]:443/tcp"] {
        let plan = planned(&beside(elsewhere), Steers::default()).expect("a plan");
        assert_eq!(told(&plan), [""; 0], "{elsewhere}");
    }
    // Whoever listens at the very place is meant; of two others nobody knows which is.
    let own = |places: &[&str]| told(&planned(&scene(places), Steers::default()).expect("a plan"));
    assert_eq!(own(&["127.0.0.1:443/tcp", "192.0.2.7:443/tcp"]), [""; 0]);
    let unled = "own gets nothing more of what comes in for 192.0.2.7 on 443/tcp: it is led to web, and no socket of \
                 that is registered.";
    assert_eq!(own(&["127.0.0.1:443/tcp", "0.0.0.0:443/tcp"]), [unled]);
}

/// A route without an address takes what comes in at each.
#[test]
fn who_listens_at_a_very_address_loses_it_too() {
    let anywhere = |strangers: &[&str]| {
        let scene = host(&[("web", "443/tcp", "world")], "").declared(|service| {
            service.steer = Some(WhenDead::Refuse.into());
        });
        let scene = scene.listens("own.service", "127.0.0.1:8080/tcp");
        let scene = strangers.iter().fold(scene, |scene, at| scene.listens("other.service", at));
        let plan = planned(&scene, Steers::default()).expect("a plan");
        let told = |loss: &Loss| (loss.address.as_ref().map(ToString::to_string), loss.who.en.clone());
        plan.losses.iter().map(told).collect::<Vec<_>>()
    };
    let loses = |address: Option<&str>| (address.map(Into::into), "other".into());
    assert_eq!(anywhere(&["198.51.100.1:443/tcp"]), [loses(Some("198.51.100.1"))]);
    assert_eq!(anywhere(&["127.0.0.1:443/tcp"]), [loses(Some("127.0.0.1"))]);
    assert_eq!(anywhere(&["0.0.0.0:443/tcp"]), [loses(None)]);
    assert_eq!(anywhere(&["198.51.100.1:444/tcp"]), []);
}

/// Of those who share a number each gets some of what comes in (SO_REUSEPORT).
#[test]
fn each_of_those_who_share_a_number_is_told() {
    let losers = |services: &[(&str, &str)]| {
        let web = host(&[("web", "443/tcp", "world")], "");
        let web = web.declared(|service| service.steer = Some(WhenDead::Refuse.into()));
        let scene = services.iter().fold(web, |scene, (unit, at)| scene.listens(unit, at));
        let plan = planned(&scene, Steers::default()).expect("a plan");
        plan.losses.iter().map(|loss| loss.who.en.clone()).collect::<Vec<_>>()
    };
    const ANY: &str = "0.0.0.0:443/tcp";
    let own = ("own.service", "127.0.0.1:8080/tcp");
    assert_eq!(losers(&[own, ("one.service", ANY), ("other.service", ANY)]), ["one", "other"]);
    assert_eq!(
        losers(&[own, ("one.service", ANY), ("other.service", "[::]:443/tcp")]),
        ["one", "other"],
        "one by IPv4, the other by IPv6"
    );
    assert_eq!(
        losers(&[("own.service", ANY), ("other.service", ANY)]),
        [""; 0],
        "what is led to one of them is led to both"
    );
}

#[test]
fn who_is_led_to_no_more_is_told_where_he_does_not_listen() {
    let steered = planned(&scene(&[]), Steers::default()).expect("a plan");
    let led = [led_by(&routes(&steered), 7)].into();
    let standing = Steers { routes: routes(&steered), led, seconds_left: None };
    let over = |listens: &str, standing: &Steers| {
        let quiet = host(&[("web", "443/tcp", "world")], "").listens("own.service", listens);
        let quiet = quiet.socket(|listener| listener.cookie = 7);
        let plan = planned(&quiet, standing.clone()).expect("a plan");
        plan.losses.iter().map(|loss| loss.words().en).collect::<Vec<_>>()
    };
    let lost = "own gets nothing more of what comes in for 192.0.2.7 on 443/tcp: it is led to nobody any more, \
                and own does not listen there.";
    assert_eq!(over("127.0.0.1:8080/tcp", &standing), [lost]);
    assert_eq!(over("127.0.0.1:443/tcp", &standing), [lost], "on loopback at the very number");
    assert_eq!(over("0.0.0.0:443/tcp", &standing), [""; 0]);
    let dead = Steers { led: Vec::new(), ..standing };
    assert_eq!(over("127.0.0.1:8080/tcp", &dead), [""; 0], "nobody got it before");
}

/// The losses where what is steered by `before` is by `after`, the first service being led to a socket of its own at number 8080 of
/// loopback.
fn lost(
    before: &[(&str, &str)],
    after: &[(&str, &str)],
    when_dead: [WhenDead; 2],
    strangers: &[&str],
) -> Vec<String> {
    let route = |(service, ports): &(&str, &str), when_dead| Route {
        service: (*service).into(),
        tenancy: Tenancy::default(),
        owners: Vec::new(),
        protocol: Protocol::Tcp,
        address: "192.0.2.7".parse().ok(),
        ports: ports.parse().expect("ports"),
        when_dead,
        local: false,
        target_port: None,
    };
    let routes = |all: &[(&str, &str)], dead| Routes(all.iter().map(|it| route(it, dead)).collect());
    let scene = host(&[], "").listens("own.service", "127.0.0.1:8080/tcp");
    let scene = scene.socket(|listener| listener.cookie = 7);
    let scene = strangers.iter().fold(scene, |scene, at| scene.listens("other.service", at));
    let led = |all: &[(&str, &str)]| -> Vec<Led> {
        let own = all.iter().filter(|(service, _)| *service == "web").map(|(service, _)| Led {
            service: (*service).into(),
            tenancy: Tenancy::default(),
            protocol: Protocol::Tcp,
            family: Family::Ipv4,
            cookie: 7,
        });
        own.take(1).collect()
    };
    scene.with_world(|world| {
        let [now, then] = [routes(before, when_dead[0]), routes(after, when_dead[1])];
        let found = losses(world, (&now, &led(before)), (&then, &led(after)));
        let told = |loss: &Loss| {
            let to = loss.service.as_deref().unwrap_or("nobody");
            alloc::format!("{} {} -> {to}", loss.who.en, loss.spec)
        };
        found.iter().map(told).collect()
    })
}

#[test]
fn each_port_that_somebody_loses_is_told_and_no_other() {
    const REFUSE: [WhenDead; 2] = [WhenDead::Refuse; 2];
    let range = [("web", "8999-9005")];
    assert_eq!(lost(&range, &[("web", "8999-9001")], REFUSE, &[]), ["own 9002-9005/tcp -> nobody"]);
    assert_eq!(
        lost(&range, &[], REFUSE, &["0.0.0.0:9000/tcp"]),
        ["own 8999-9005/tcp -> nobody"],
        "others get one of them"
    );
    assert_eq!(
        lost(&[("web", "443")], &[("www", "443")], REFUSE, &[]),
        ["own 443/tcp -> www"],
        "that has no socket"
    );
    let stranger = ["0.0.0.0:443/tcp"];
    assert_eq!(lost(&[], &[("web", "443")], REFUSE, &stranger), ["other 443/tcp -> web"]);
    assert_eq!(lost(&[("www", "443")], &[("web", "443")], REFUSE, &stranger), [""; 0], "he never got any");
    assert_eq!(
        lost(&[("www", "443")], &[("www", "443")], [WhenDead::Pass, WhenDead::Refuse], &stranger),
        ["other 443/tcp -> www"]
    );
    assert_eq!(
        lost(&[("www", "443")], &[("web", "443")], [WhenDead::Pass; 2], &stranger),
        ["other 443/tcp -> web"],
        "its owner came"
    );
    assert_eq!(lost(&[("web", "1-65535")], &[], REFUSE, &["0.0.0.0:22/tcp"]), ["own 1-65535/tcp -> nobody"]);
}

/// A mistake of the policy: the socket is on a port that is another service's.
#[test]
fn nobody_is_led_to_who_is_evicted() {
    let scene = scene(&["127.0.0.1:8080/tcp"]).declared(aimed);
    let enforced = |service: &mut Service| service.guard = Some(Guarding::Kept(Mode::Enforce));
    let scene = scene.service("other", "8080/tcp", "other.service").declared(enforced);
    let planned = |evicts| {
        let guards = Some(Guards::default());
        let asked = Asked { evicts, guards, steers: Some(Steers::default()), ..Asked::default() };
        scene.with_world(|world| plan(world, &asked))
    };
    assert!(matches!(planned(false), Err(Refused::Held(_))));
    let Err(Refused::LedAndEvicted(both)) = planned(true) else { panic!("{:?}", planned(true)) };
    assert_eq!((both.eviction.service.as_str(), both.service.as_str()), ("other", "web"));
}
