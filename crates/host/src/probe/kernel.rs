//! The kernel's release: older ones than the oldest supported were never tried.

use rustix::system::uname;

use super::Reason;

/// Linux 6.1.
const OLDEST: (u32, u32) = (6, 1);

pub(super) fn probe() -> Result<(), Reason> {
    let release = uname().release().to_string_lossy().into_owned();
    if is_supported(&release) { Ok(()) } else { Err(Reason::TooOld(release)) }
}

/// `6.1.0-37-amd64`, `6.18.44`; one that is written otherwise is none.
fn is_supported(release: &str) -> bool {
    let mut numbers = release.split(|character: char| !character.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= OLDEST,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_compared_as_numbers() {
        for release in ["6.1.0-37-amd64", "6.18.44-fc", "7.0", "6.10-rc1", "10.0.0"] {
            assert!(is_supported(release), "{release}");
        }
        for release in ["6.0.19", "5.15.0-91-generic", "4.19.0", "", "linux", "6", "99999999999.1"] {
            assert!(!is_supported(release), "{release}");
        }
    }
}
