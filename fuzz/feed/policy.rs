//! Gives bytes to the policy parser: whatever a person or a broken disk left in the file.

use portreeve_core::{
    desired::desire,
    policy::{Source, parse},
    registry::Registry,
};

/// A mistake stands within the text it is about, and what was understood can be judged.
pub(crate) fn feed(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let source = Source { name: "fuzz.toml".into(), text };
    let lines = u32::try_from(text.split('\n').count()).unwrap_or(u32::MAX);
    match parse(&[source], Registry::builtin()) {
        Ok(parsed) => {
            let ports = parsed.policy.services.iter().map(|service| service.ports.len()).sum::<usize>();
            assert_eq!(desire(&parsed.policy).ports().len(), ports);
            assert!(parsed.warnings.iter().all(|warning| (1..=lines).contains(&warning.place.line)));
        }
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "a policy is refused for a reason");
            assert!(mistakes.iter().all(|mistake| (1..=lines).contains(&mistake.place.line)));
        }
    }
}
