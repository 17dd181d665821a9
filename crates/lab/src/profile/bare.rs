//! A fresh Debian on which only sshd runs.

use super::Profile;

/// A fresh Debian on which only sshd runs.
pub const BARE: Profile = Profile { name: "bare", units: &["ssh.service"], files: &[] };
