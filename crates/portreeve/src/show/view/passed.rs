//! A port of this host whose packets the kernel passes on to a container.

use portreeve_core::{address::Address, port::Protocol, published::Passed};
use schemars::JsonSchema;
use serde::Serialize;

use super::{ListenerView, Viewer};

/// A published port that no socket of this host takes, as the container's engine tells it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Passed")]
pub(crate) struct PassedView<'a> {
    protocol: Protocol,
    /// The address of this host; `0.0.0.0` and `::` are all of a family.
    address: Address,
    port: u16,
    /// What takes it in the container.
    listener: ListenerView<'a>,
}

impl<'a> Viewer<'_, 'a> {
    /// One port that leads into a container.
    pub(crate) fn passed(self, passed: &Passed<'a>) -> PassedView<'a> {
        let Passed { published, listener, .. } = passed;
        PassedView {
            protocol: published.protocol,
            address: published.address.into(),
            port: published.port,
            listener: self.listener(listener),
        }
    }
}
