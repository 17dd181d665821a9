//! Numbers that nobody can guess (random(4)).

use std::{fs::File, io, io::Read as _};

/// Three of them.
///
/// # Errors
///
/// What reading /dev/urandom answers.
pub fn chance() -> io::Result<[u64; 3]> {
    let mut bytes = [[0; 8]; 3];
    File::open("/dev/urandom")?.read_exact(bytes.as_flattened_mut())?;
    Ok(bytes.map(u64::from_ne_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_comes_twice() {
        let [one, two, three] = chance().unwrap();
        assert!(one != two && two != three && Some(one) != chance().ok().map(|next| next[0]));
    }
}
