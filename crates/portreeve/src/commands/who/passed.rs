//! Ports of this host that the kernel passes on to a container, of which no socket of the host tells (A12).

use portreeve_core::{
    published::{Passed, passed},
    text,
    words::Text,
    world::World,
};

use crate::{
    asked::Asked,
    show::{connection::endpoint, owner},
};

/// Those of the ports that were asked about, where `world` is a look at every port: ports of this host, so nobody's who
/// asks about another namespace.
pub(in crate::commands) fn among<'a>(world: &World<'a>, asked: &[Asked]) -> Vec<Passed<'a>> {
    if !world.snapshot.own_namespace().is_some_and(|own| world.judges(own.id)) {
        return Vec::new();
    }
    asked.iter().flat_map(|asked| passed(world.snapshot, asked.protocol, asked.range)).collect()
}

/// `0.0.0.0:8080/tcp is passed on to 172.17.0.2:80 → httpd (pid 77) in docker shop (shop:1)`.
pub(super) fn text(passed: &Passed<'_>) -> Text {
    let Passed { published, target, pid, process, .. } = passed;
    let at = format!("{}/{}", endpoint(&published.address.into(), published.port), published.protocol);
    let inside = endpoint(&target.address.into(), target.port);
    let name = process.called();
    let container = process.host_container().map(owner::container).unwrap_or_default();
    text!(
        "{at} is passed on to {inside} → {name} (pid {pid}) in {container}",
        "{at} は {container} の {name}(pid {pid})が待ち受ける {inside} に転送されます"
    )
}
