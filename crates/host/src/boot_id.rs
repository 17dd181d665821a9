//! Tells one boot of this host from another (random(4)).

use crate::proc;

/// The id of this boot; `None` where the kernel hides it.
#[must_use]
pub fn boot_id() -> Option<String> {
    let text = proc::read_text("/proc/sys/kernel/random/boot_id")?;
    Some(text.trim().to_owned()).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boot_has_one_id() {
        let id = boot_id().expect("the kernel tells it");
        assert_eq!((id.len(), Some(id)), (36, boot_id()), "a UUID, the same each time");
    }
}
