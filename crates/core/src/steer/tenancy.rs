//! By which packets are kept apart that are for services of one name: another owner, or other places, make another one (A5, A13).

use alloc::{format, string::String};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Route, Routes};
use crate::{
    address::{Address, Family},
    fnv::fnv,
    owner::Owner,
    policy::Service,
    port::{PortRange, Protocol},
};

/// Which service it is: a digest of its owners and its places, which the kernel keeps beside its name. No socket gets what is for
/// another owner or for other places, whatever is applied, taken back or over by itself.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct Tenancy(pub u32);

impl Tenancy {
    /// That of a service.
    #[must_use]
    pub fn of(service: &Service) -> Self {
        let owners = service.owners.iter().flat_map(|owner| [owner.key(), "=", owner.value(), "\n"]);
        let ports = service.ports.iter().map(|spec| format!("{spec}\n"));
        let addresses = service.addresses.iter().map(|address| format!("{address}\n"));
        let target = service.steer.and_then(|steering| steering.target_port);
        let target = target.map(|port| format!("to {port}\n"));
        let places: String = ports.chain(addresses).chain(target).collect();
        Self(fnv(owners.chain([places.as_str()]).flat_map(str::bytes)))
    }

    /// Whether it was written before anybody kept it.
    #[must_use]
    pub fn is_untold(&self) -> bool {
        self.0 == 0
    }
}

/// A service to which packets are led: whose it is, and from where. It has a route at least.
#[derive(Clone, Copy, Debug)]
pub struct Tenant<'r>(&'r [Route]);

impl Routes {
    /// Each service to which they lead.
    pub fn tenants(&self) -> impl Iterator<Item = Tenant<'_>> {
        let is_one = |one: &Route, other: &Route| one.tenant() == other.tenant();
        self.0.chunk_by(is_one).map(Tenant)
    }

    /// The one of this name and tenancy.
    #[must_use]
    pub fn tenant(&self, key: (&str, Tenancy)) -> Option<Tenant<'_>> {
        self.tenants().find(|tenant| tenant.key() == key)
    }
}

impl Route {
    /// The name and the tenancy of the service that it leads to.
    #[must_use]
    pub fn tenant(&self) -> (&str, Tenancy) {
        (&self.service, self.tenancy)
    }
}

impl<'r> Tenant<'r> {
    /// Its name and its tenancy.
    #[must_use]
    pub fn key(&self) -> (&'r str, Tenancy) {
        let Self([first, ..]) = self else { return ("", Tenancy::default()) };
        (&first.service, first.tenancy)
    }

    /// Its owners.
    #[must_use]
    pub fn owners(&self) -> &'r [Owner] {
        self.0.first().map_or(&[], |route| &route.owners)
    }

    /// By which protocols and families packets come in for it.
    pub fn ways(self) -> impl Iterator<Item = (Protocol, Family)> + 'r {
        let all = [Protocol::Tcp, Protocol::Udp]
            .into_iter()
            .flat_map(|protocol| Family::ALL.map(|family| (protocol, family)));
        all.filter(move |(protocol, family)| {
            self.0.iter().any(|route| route.protocol == *protocol && route.families().contains(family))
        })
    }

    /// Whether its socket is meant to listen on this port: the one that is named for it, else one that it is declared for.
    #[must_use]
    pub fn listens_on(&self, protocol: Protocol, port: u16) -> bool {
        let mut own = self.0.iter().filter(|route| route.protocol == protocol);
        own.any(|route| route.target_port.map_or(route.ports.contains(port), |target| target == port))
    }

    /// Whether it is declared for this very port: not where another one is named for its socket, or it takes all that is left of its
    /// address.
    #[must_use]
    pub fn declares(&self, protocol: Protocol, port: u16) -> bool {
        let is_own = |route: &&Route| route.protocol == protocol && route.target_port.is_none();
        let mut own = self.0.iter().filter(is_own).filter(|route| !route.takes_every_port());
        own.any(|route| route.ports.contains(port))
    }

    /// The addresses that it is declared for; none where it is for every one.
    pub fn addresses(self) -> impl Iterator<Item = &'r Address> {
        self.0.iter().filter_map(|route| route.address.as_ref())
    }

    /// Whether it is for the very places of the other one.
    #[must_use]
    pub fn is_where(&self, other: &Self) -> bool {
        self.places().eq(other.places())
    }

    /// Whether any place is one of both.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        let meets = |one: &Route, other: &Route| {
            let is_near = one.is_anywhere() || other.is_anywhere() || one.address == other.address;
            one.protocol == other.protocol && is_near && one.ports.overlaps(other.ports)
        };
        self.0.iter().any(|one| other.0.iter().any(|other| meets(one, other)))
    }

    /// Whether the same port is meant for the socket of both, where it is no declared one.
    #[must_use]
    pub fn has_target_of(&self, other: &Self) -> bool {
        let target = |tenant: &Self| tenant.0.iter().find_map(|route| route.target_port);
        target(self) == target(other)
    }

    fn places(&self) -> impl Iterator<Item = (Protocol, Option<&'r Address>, PortRange, Option<u16>)> {
        self.0.iter().map(|route| (route.protocol, route.address.as_ref(), route.ports, route.target_port))
    }
}

/// Owners as the kernel and the receipts keep them: `unit=nginx.service`.
pub mod written {
    use alloc::{format, string::String, vec::Vec};

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::owner::Owner;

    /// One as text.
    #[must_use]
    pub fn text(owner: &Owner) -> String {
        format!("{}={}", owner.key(), owner.value())
    }

    /// What such a text means; `None` of another one.
    #[must_use]
    pub fn read(text: &str) -> Option<Owner> {
        let (key, value) = text.split_once('=')?;
        Owner::of(key, value.into())
    }

    pub(crate) fn serialize<S: Serializer>(owners: &[Owner], to: S) -> Result<S::Ok, S::Error> {
        owners.iter().map(text).collect::<Vec<_>>().serialize(to)
    }

    pub(crate) fn deserialize<'d, D: Deserializer<'d>>(from: D) -> Result<Vec<Owner>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        Ok(texts.iter().filter_map(|text| read(text)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        rules::testing::scene,
        steer::{Steering, WhenDead},
    };

    fn of(owners: &[&str], ports: &str, addresses: &[&str]) -> Tenancy {
        let scene = scene().service("web", ports, "own.service").declared(|service| {
            service.owners = owners.iter().map(|unit| Owner::Unit((*unit).into())).collect();
            service.addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        });
        Tenancy::of(&scene.policy.unwrap().services[0])
    }

    #[test]
    fn other_owners_and_other_places_are_told_apart() {
        let all = [
            of(&[], "80/tcp", &[]),
            of(&["a.service"], "80/tcp", &[]),
            of(&["b.service"], "80/tcp", &[]),
            of(&["a.service", "b.service"], "80/tcp", &[]),
            of(&["a.service"], "80/udp", &[]),
            of(&["a.service"], "81/tcp", &[]),
            of(&["a.service"], "80/tcp", &["192.0.2.1"]),
        ];
        let target = |port| {
            let scene = scene().service("web", "80/tcp", "a.service").declared(|service| {
                service.steer = Some(Steering { target_port: port, ..WhenDead::Refuse.into() });
            });
            Tenancy::of(&scene.policy.unwrap().services[0])
        };
        assert_eq!(target(None), all[1]);
        assert_ne!(target(Some(8_080)), all[1]);
        for (nth, one) in all.iter().enumerate() {
            assert!(!one.is_untold());
            assert!(all.iter().skip(nth + 1).all(|other| other != one), "{one:?}");
        }
        assert_eq!(of(&["a.service"], "80/tcp", &[]), all[1]);
    }

    #[test]
    fn owners_read_back_as_they_were_written() {
        let value = String::from("a=b.service");
        for owner in [
            Owner::Unit(value.clone()),
            Owner::User(value.clone()),
            Owner::Exe(value.clone()),
            Owner::Cgroup(value.clone()),
            Owner::Container(value.clone()),
            Owner::Mark(value),
        ] {
            assert_eq!(written::read(&written::text(&owner)), Some(owner));
        }
        assert_eq!((written::read("unit"), written::read("nobody=x")), (None, None));
    }
}
