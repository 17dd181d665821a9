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
    thread::{LinkNameSpaceType, move_into_link_name_space},
};

use crate::{
    network::{self, NAMED},
    observe::links::{self, Link},
    sys::netlink::{Family, Netlink, attribute, attributes, bytes_at},
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
pub(super) fn rooms() -> Vec<Room> {
    let Some(own) = open_one(&"/proc/thread-self/ns/net".into()) else { return Vec::new() };
    let own_inode = network::inode();
    let doors = doors().into_iter().filter(|(inode, _)| *inode != own_inode).take(ROOMS_MAX);
    doors.filter_map(|(inode, door)| enter(inode, &door, &own)).collect()
}

/// A way into each, by inode: one with a name before any other.
fn doors() -> BTreeMap<u64, PathBuf> {
    let named = fs::read_dir(NAMED).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_process = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.parse::<u32>().is_ok())
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path());
    let processes = processes.filter(is_process).map(|path| path.join("ns/net")).take(PROCESSES_MAX);
    let mut doors = BTreeMap::new();
    for path in named.take(ROOMS_MAX).chain(processes) {
        if let Ok(file) = fs::metadata(&path) {
            doors.entry(file.st_ino()).or_insert(path);
        }
    }
    doors
}

fn open_one(path: &PathBuf) -> Option<OwnedFd> {
    open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty()).ok()
}

fn enter(inode: u64, door: &PathBuf, own: &OwnedFd) -> Option<Room> {
    let namespace = open_one(door)?;
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).ok()?;
    let is_named = door.starts_with(NAMED);
    let name = door.file_name().and_then(|name| name.to_str()).filter(|_| is_named);
    let name = name.map_or_else(|| inode.to_string(), Into::into);
    Some(Room { name, links: links::list().ok()?, ours: number(own) })
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
