//! Makes maps, and reads and writes what is in them.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::io::Errno;

use super::{bpf, call, short, types};
use crate::bpf::object::Map;

/// BPF_MAP_CREATE, BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM and BPF_MAP_GET_NEXT_KEY of enum bpf_cmd
/// (include/uapi/linux/bpf.h).
const MAP_CREATE: libc::c_int = 0;
const MAP_LOOKUP_ELEM: libc::c_int = 1;
const MAP_UPDATE_ELEM: libc::c_int = 2;
const MAP_DELETE_ELEM: libc::c_int = 3;
const MAP_GET_NEXT_KEY: libc::c_int = 4;
/// BPF_MAP_GET_FD_BY_ID.
const MAP_GET_FD_BY_ID: libc::c_int = 14;
/// BPF_MAP_TYPE_PERCPU_ARRAY, of which a value is read and written for every processor at once.
const ARRAY_OF_EACH_CPU: u32 = 6;
/// BPF_MAP_TYPE_ARRAY_OF_MAPS.
const ARRAY_OF_MAPS: u32 = 12;
/// BPF_MAP_TYPE_SK_STORAGE, of which the kernel wants to know the types.
const SOCKET_STORAGE: u32 = 24;
/// The type of a ring buffer.
pub const RING_BUFFER: u32 = 27;
/// A map is written into another one by its descriptor, and read from there by a number of the kernel's.
const DESCRIPTOR_BYTES: u32 = 4;

/// The beginning of union bpf_attr for BPF_MAP_CREATE.
#[repr(C)]
#[derive(Default)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
    inner_map_fd: u32,
    numa_node: u32,
    map_name: [u8; 16],
    map_ifindex: u32,
    btf_fd: RawFd,
    btf_key_type_id: u32,
    btf_value_type_id: u32,
}

/// That for the commands about an element.
#[repr(C)]
#[derive(Default)]
struct Element {
    map_fd: RawFd,
    padding: u32,
    key: u64,
    /// Or where the next key goes.
    value: u64,
    flags: u64,
}

/// That for what has a number.
#[repr(C)]
struct Numbered {
    id: u32,
    next: u32,
    flags: u32,
}

/// A key and its value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// A map that is open, and how it was made: the kernel reads and writes as many bytes as that says.
#[derive(Debug)]
pub struct OpenMap {
    fd: OwnedFd,
    key_bytes: usize,
    value_bytes: usize,
    entries: u32,
}

impl OpenMap {
    /// Makes a map; it is gone when its last descriptor and the last program that uses it are. Maps that go into it, where they
    /// do, are like `inner`.
    ///
    /// # Errors
    ///
    /// EPERM without CAP_BPF, ENOMEM and EINVAL.
    pub fn create(map: &Map<'_>, inner: Option<&Self>) -> Result<Self, Errno> {
        let value_size = if map.kind == ARRAY_OF_MAPS { DESCRIPTOR_BYTES } else { map.value_bytes };
        let described = (map.kind == SOCKET_STORAGE).then(|| types::describe(map.value_bytes)).transpose()?;
        let [btf_key_type_id, btf_value_type_id] =
            described.as_ref().map_or([0, 0], |_| [types::KEY, types::VALUE]);
        let btf_fd = described.as_ref().map_or(0, OwnedFd::as_raw_fd);
        let attributes = MapCreate {
            map_type: map.kind,
            key_size: map.key_bytes,
            value_size,
            max_entries: map.entries,
            map_flags: map.flags,
            inner_map_fd: inner.map_or(0, |inner| inner.fd.as_raw_fd().cast_unsigned()),
            map_name: short(map.name),
            btf_fd,
            btf_key_type_id,
            btf_value_type_id,
            ..MapCreate::default()
        };
        let bytes = |number: u32| usize::try_from(number).map_err(|_| Errno::TOOBIG);
        // Nothing of such a one is read or written here.
        let value_bytes = if map.kind == ARRAY_OF_EACH_CPU { 0 } else { bytes(value_size)? };
        let (fd, key_bytes) = (bpf(MAP_CREATE, &attributes)?, bytes(map.key_bytes)?);
        Ok(Self { fd, key_bytes, value_bytes, entries: map.entries })
    }

    /// A map that another process made like `map`, and that is open as `fd`.
    ///
    /// # Errors
    ///
    /// EINVAL where it is not like that.
    pub fn from_fd(fd: OwnedFd, map: &Map<'_>) -> Result<Self, Errno> {
        let bytes = |number: u32| usize::try_from(number).map_err(|_| Errno::TOOBIG);
        let value_size = if map.kind == ARRAY_OF_MAPS { DESCRIPTOR_BYTES } else { map.value_bytes };
        let (key_bytes, value_bytes) = (bytes(map.key_bytes)?, bytes(value_size)?);
        let told = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", fd.as_raw_fd()))
            .map_err(|_| Errno::INVAL)?;
        let says = |name: &str, number: u32| {
            let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.is_some_and(|told| told.trim().parse() == Ok(number))
        };
        let is_like =
            says("map_type", map.kind) && says("key_size", map.key_bytes) && says("value_size", value_size);
        // The kernel writes as many bytes as the map has.
        if !is_like || map.kind == ARRAY_OF_EACH_CPU {
            return Err(Errno::INVAL);
        }
        Ok(Self { fd, key_bytes, value_bytes, entries: map.entries })
    }

    /// The map at `key` of a map of maps, which is like `inner`; `None` where none is.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub fn look_up_map(&self, key: &[u8], inner: &Map<'_>) -> Result<Option<Self>, Errno> {
        let Some(id) = self.look_up(key)? else { return Ok(None) };
        let id = id.first_chunk().map(|id| u32::from_ne_bytes(*id)).ok_or(Errno::INVAL)?;
        let fd = bpf(MAP_GET_FD_BY_ID, &Numbered { id, next: 0, flags: 0 })?;
        Self::from_fd(fd, inner).map(Some)
    }

    /// Its descriptor alone.
    #[must_use]
    pub fn into_fd(self) -> OwnedFd {
        self.fd
    }

    /// Puts `value` at `key`, in the place of what is there.
    ///
    /// # Errors
    ///
    /// EINVAL where they are not as long as those of the map, E2BIG where it is full, and what the kernel answers.
    pub fn put(&self, key: &[u8], value: &[u8]) -> Result<(), Errno> {
        self.fits(key, value)?;
        self.element(MAP_UPDATE_ELEM, key, value.as_ptr() as u64)
    }

    /// Puts a map at `key` of a map of maps.
    ///
    /// # Errors
    ///
    /// As of [`Self::put`]; EINVAL too where it is not like the one that this was made with.
    pub fn put_map(&self, key: &[u8], map: &Self) -> Result<(), Errno> {
        self.put(key, &map.fd.as_raw_fd().to_ne_bytes())
    }

    /// Takes away what is at `key`.
    ///
    /// # Errors
    ///
    /// ENOENT where nothing is, and what the kernel answers.
    pub fn remove(&self, key: &[u8]) -> Result<(), Errno> {
        self.fits(key, &vec![0; self.value_bytes])?;
        self.element(MAP_DELETE_ELEM, key, 0)
    }

    /// What is at `key`; `None` where nothing is.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub fn look_up(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
        let mut value = vec![0; self.value_bytes];
        self.fits(key, &value)?;
        match self.element(MAP_LOOKUP_ELEM, key, value.as_mut_ptr() as u64) {
            Ok(()) => Ok(Some(value)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All that is in it, each key with its value; of what others put and take away meanwhile, some.
    ///
    /// # Errors
    ///
    /// What the kernel answers.
    pub fn all(&self) -> Result<Vec<Pair>, Errno> {
        let (mut found, mut before) = (Vec::new(), None);
        // Where the key before is gone the kernel begins again.
        for _ in 0..self.entries {
            let Some(key) = self.next(before.as_deref())? else { break };
            if let Some(value) = self.look_up(&key)? {
                found.push((key.clone(), value));
            }
            before = Some(key);
        }
        Ok(found)
    }

    fn next(&self, before: Option<&[u8]>) -> Result<Option<Vec<u8>>, Errno> {
        let mut key = vec![0; self.key_bytes];
        let attributes = Element {
            map_fd: self.fd.as_raw_fd(),
            key: before.map_or(0, |before| before.as_ptr() as u64),
            value: key.as_mut_ptr() as u64,
            ..Element::default()
        };
        match call(MAP_GET_NEXT_KEY, &attributes) {
            Ok(_) => Ok(Some(key)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The kernel reads and writes as much as the map was made for, behind addresses that are mere numbers to the compiler.
    fn fits(&self, key: &[u8], value: &[u8]) -> Result<(), Errno> {
        let is_fitting = key.len() == self.key_bytes && value.len() == self.value_bytes && !value.is_empty();
        if is_fitting { Ok(()) } else { Err(Errno::INVAL) }
    }

    fn element(&self, command: libc::c_int, key: &[u8], value: u64) -> Result<(), Errno> {
        let map_fd = self.fd.as_raw_fd();
        call(command, &Element { map_fd, key: key.as_ptr() as u64, value, ..Element::default() }).map(drop)
    }
}

impl AsFd for OpenMap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
