//! The network namespaces that the calling thread may enter, with their interfaces (setns(2), ip-netns(8)).

use std::{
    collections::BTreeMap,
    fs,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        linux::fs::MetadataExt as _,
    },
    path::PathBuf,
};

use rustix::{
    fs::{Mode, OFlags, open},
    io::Errno,
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use crate::{
    network::{self, NAMED},
    observe::links::{self, Link},
    sys::netlink::{Family, Netlink, NetlinkError, attribute, attributes, bytes_at},
};

/// More than any host has; further ones are not asked.
const ROOMS_MAX: usize = 4_096;
const PROCESSES_MAX: usize = 65_536;
/// RTM_GETNSID, NETNSA_NSID, NETNSA_FD (include/uapi/linux/net_namespace.h), and struct rtgenmsg as it is aligned.
const GET_NUMBER: u16 = 90;
const NUMBER: u16 = 1;
const DESCRIPTOR: u16 = 3;
const HEADER_BYTES: usize = 4;

/// A namespace.
#[derive(Debug)]
pub(super) struct Room {
    /// Its name, or its inode.
    pub(super) name: String,
    /// Its interfaces.
    pub(super) links: Vec<Link>,
    /// The number by which it knows the namespace that was asked from.
    pub(super) ours: Option<i32>,
}

/// All of them but its own; the calling thread ends in another one, so it is to be one that ends.
///
/// # Errors
///
/// No descriptor is free, or what a namespace is asked for breaks off: whoever is missed then may have an address.
pub(super) fn rooms() -> Result<Vec<Room>, NetlinkError> {
    let Some(own) = open_one(&"/proc/thread-self/ns/net".into())? else { return Ok(Vec::new()) };
    let own_inode = network::inode();
    let doors = doors()?.into_iter().filter(|(inode, _)| *inode != own_inode).take(ROOMS_MAX);
    doors.filter_map(|(inode, door)| enter(inode, &door, &own).transpose()).collect()
}

/// A way into each, by inode: one with a name before any other.
fn doors() -> Result<BTreeMap<u64, PathBuf>, NetlinkError> {
    let named = entries(NAMED)?;
    let is_process = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.parse::<u32>().is_ok())
    };
    let processes = entries("/proc")?.filter(is_process).map(|path| path.join("ns/net")).take(PROCESSES_MAX);
    let mut doors = BTreeMap::new();
    for path in named.take(ROOMS_MAX).chain(processes) {
        if let Ok(file) = fs::metadata(&path) {
            doors.entry(file.st_ino()).or_insert(path);
        }
    }
    Ok(doors)
}

/// What is in a folder; nothing where it is not there, or not for whoever asks.
fn entries(folder: &str) -> Result<impl Iterator<Item = PathBuf>, NetlinkError> {
    let listed = fs::read_dir(folder);
    match listed.as_ref().err().and_then(Errno::from_io_error) {
        Some(error) if is_want(error) => Err(NetlinkError::Call("find a namespace for", error)),
        _ => Ok(listed.into_iter().flatten().flatten().map(|entry| entry.path())),
    }
}

/// Whether no descriptor is left, of whoever asks or at all.
fn is_want(error: Errno) -> bool {
    matches!(error, Errno::MFILE | Errno::NFILE)
}

/// `None` where it is gone, or is not for whoever asks.
fn open_one(path: &PathBuf) -> Result<Option<OwnedFd>, NetlinkError> {
    match open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()) {
        Err(error) if is_want(error) => Err(NetlinkError::Call("open a namespace for", error)),
        opened => Ok(opened.ok()),
    }
}

fn enter(inode: u64, door: &PathBuf, own: &OwnedFd) -> Result<Option<Room>, NetlinkError> {
    let Some(namespace) = open_one(door)? else { return Ok(None) };
    if move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).is_err() {
        return Ok(None);
    }
    let is_named = door.starts_with(NAMED);
    let name = door.file_name().and_then(|name| name.to_str()).filter(|_| is_named);
    let name = name.map_or_else(|| inode.to_string(), Into::into);
    Ok(Some(Room { name, links: links::list()?, ours: number(own) }))
}

/// The number by which the namespace of the calling thread knows another one.
fn number(other: &OwnedFd) -> Option<i32> {
    let mut request = vec![0; HEADER_BYTES];
    request.extend(attribute(DESCRIPTOR, &other.as_raw_fd().to_ne_bytes()));
    let mut number = None;
    let mut netlink = Netlink::open(Family::Route).ok()?;
    let asked = netlink.ask(GET_NUMBER, &request, |bytes| {
        let mut told = attributes(bytes.get(HEADER_BYTES..).unwrap_or_default());
        number = told.find(|(kind, _)| *kind == NUMBER).and_then(|(_, value)| bytes_at(value, 0));
    });
    // One that has none is -1.
    asked.ok().and(number).map(i32::from_ne_bytes).filter(|number| *number >= 0)
}
