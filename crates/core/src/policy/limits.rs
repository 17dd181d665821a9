//! How much a policy may hold: it may be written by somebody who means harm.

/// Files of one policy.
pub const FILES_MAX: usize = 1_024;
/// Bytes of one file: enough for thirty thousand services.
pub const FILE_BYTES_MAX: usize = 4 << 20;
/// Services of all files together.
pub const SERVICES_MAX: usize = 65_536;
/// Zones of all files together.
pub const ZONES_MAX: usize = 4_096;
/// Waivers of all files together.
pub const WAIVERS_MAX: usize = 65_536;
/// Ports and ranges, each counted once for every address of its service.
pub const PORT_RULES_MAX: usize = 131_072;
/// Items of one list.
pub const ITEMS_MAX: usize = 16_384;
