//! A host with a data store, redis, on loopback as Debian delivers it, and sshd.

use super::Profile;

/// redis on loopback, and sshd.
pub const STORE: Profile =
    Profile { name: "store", units: &["ssh.service", "redis-server.service"], files: &[] };
