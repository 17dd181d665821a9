//! What is known of the host whose packets were captured.

use std::net::IpAddr;

use portreeve_core::{port::PortRange, watch::Known, words::Words};

use super::sight::LOOK;
use crate::{
    exit::Exit,
    failure::Failure,
    look::{self, Look},
    settings::Settings,
};

/// What a kernel gives to clients where nobody has changed that (net.ipv4.ip_local_port_range, ip-sysctl.rst).
const CLIENT_RANGE: PortRange = PortRange { first: 32_768, last: 60_999 };
const UNSEEN: Words = Words {
    en: "the addresses of this host cannot be seen",
    ja: "このホストのアドレスを取得できません",
};
const NAME_THEM: Words = Words {
    en: "--local ADDRESS says which addresses were the host's own",
    ja: "キャプチャーを取得したホストのアドレスを --local で指定してください",
};

/// Of the host that has these addresses nothing but them and the policy, so that a capture is judged alike everywhere; where
/// there are none, it is this one.
///
/// # Errors
///
/// The policy is wrong, or this host cannot be looked at.
pub(super) fn known(local: &[IpAddr], settings: &Settings) -> Result<Known, Failure> {
    if local.is_empty() {
        let look = Look::take(settings, &LOOK)?;
        if look.snapshot.own_namespace().is_none() {
            return Err(Failure::new(Exit::Unreachable, UNSEEN).hint(NAME_THEM));
        }
        return Ok(Known::of(&look.snapshot, look.policy.as_deref()));
    }
    let policy = look::checked_policy(settings)?;
    Ok(Known {
        client_range: Some(CLIENT_RANGE),
        own: local.iter().map(IpAddr::to_canonical).collect(),
        ..Known::declared_by(policy.as_deref())
    })
}
