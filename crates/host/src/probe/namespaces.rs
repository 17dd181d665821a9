//! Entering other network namespaces: a thread of our own enters the one that it is in (setns(2)).

use std::{fs::File, os::fd::AsFd};

use rustix::{
    io::Errno,
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use super::{Reason, chain};
use crate::observe::share::apart;

pub(super) fn probe() -> Result<(), Reason> {
    let enter = || {
        let own = File::open("/proc/thread-self/ns/net").map_err(|error| Reason::Error(chain(&error)))?;
        match move_into_link_name_space(own.as_fd(), Some(LinkNameSpaceType::Network)) {
            Ok(()) => Ok(()),
            Err(Errno::PERM) => Err(Reason::NotPermitted),
            Err(error) => Err(Reason::Error(chain(&error))),
        }
    };
    apart(enter).unwrap_or_else(|error| Err(Reason::Error(chain(&error))))
}
