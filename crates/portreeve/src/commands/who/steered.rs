//! Ports whose packets the kernel leads to a service, wherever its socket is (A4, A5, A12).

use portreeve_core::{
    address::Address,
    facts::Gap,
    steer::{Route, WhenDead},
    steered::{Steered, Taker, hidden, steered},
    text,
    words::{Text, Words},
    world::World,
};

use crate::{asked::Asked, show::connection::endpoint};

/// Those of the ports that were asked about: of this host, so nobody's who asks about another namespace.
pub(in crate::commands) fn among<'a>(world: &World<'a>, asked: &[Asked]) -> Vec<Steered<'a>> {
    if !world.snapshot.own_namespace().is_some_and(|own| world.judges(own.id)) {
        return Vec::new();
    }
    asked.iter().flat_map(|asked| steered(world.snapshot, asked.protocol, asked.range)).collect()
}

/// What hides to whom packets for any of them are led, where it is known or the policy says that they are.
pub(in crate::commands) fn hidden<'a>(world: &World<'a>, asked: &[Asked]) -> Option<&'a Gap> {
    let of = |asked: &Asked| hidden::hidden(world.snapshot, world.policy, (asked.protocol, asked.range));
    asked.iter().find_map(of)
}

/// `443/tcp at 192.0.2.10 is led to web: nginx (pid 77) at 127.0.0.1:8443`.
pub(super) fn text(Steered { route, takers }: &Steered<'_>) -> Text {
    let Route { service, protocol, ports, .. } = route;
    let address = route.address.as_ref().map_or_else(|| "*".into(), Address::to_string);
    let at = format!("{ports}/{protocol}");
    if takers.is_empty() {
        let Words { en, ja } = without_socket(route.when_dead);
        return text!(
            "{at} at {address} is led to {service}, whose socket is not seen: {en}",
            "{address} の {at} は {service} に導かれますが、そのソケットが見当たりません({ja})"
        );
    }
    let sockets: Vec<String> = takers.iter().map(socket).collect();
    let sockets = sockets.join(", ");
    text!(
        "{at} at {address} is led to {service}: {sockets}",
        "{address} の {at} は {service} に導かれます: {sockets}"
    )
}

/// Who holds it, and where it is bound.
fn socket(Taker { listener, holder }: &Taker<'_>) -> String {
    let at = endpoint(&listener.address, listener.port);
    holder.map_or_else(|| at.clone(), |(pid, process)| format!("{} (pid {pid}) {at}", process.called()))
}

const fn without_socket(when_dead: WhenDead) -> Words {
    match when_dead {
        WhenDead::Refuse => {
            Words { en: "without one, who asks is refused", ja: "ない場合は接続を拒否します" }
        }
        WhenDead::Pass => Words {
            en: "without one, whoever has bound the very port gets it",
            ja: "ない場合はそのポートを bind したプロセスに届きます",
        },
    }
}
