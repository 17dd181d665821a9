//! What the programs in the kernel are told: whose numbers nobody else may bind, and whose packets are whose (A12, A24).

use serde::{Deserialize, Serialize};

use crate::{guard::Rules, steer::Routes};

/// Both; none of what is not wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Programs {
    /// What the guard keeps.
    pub rules: Rules,
    /// What is steered.
    pub routes: Routes,
}

/// As it is, or was before anything was steered.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Rules(Rules),
    Both { rules: Rules, routes: Routes },
}

impl From<Written> for Programs {
    fn from(written: Written) -> Self {
        match written {
            Written::Rules(rules) => Self { rules, routes: Routes::default() },
            Written::Both { rules, routes } => Self { rules, routes },
        }
    }
}

impl Programs {
    /// Whether they are told nothing.
    #[must_use]
    pub fn are_idle(&self) -> bool {
        self.rules.entries.is_empty() && self.routes.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_before_anything_was_steered_is_read() {
        let old = r#"[{"protocol":"tcp","ports":{"first":443,"last":443},"entries":[{"owner":{"user":7},"mode":"observe","service":0}]}]"#;
        let read: Programs = serde_json::from_str(old).expect("programs");
        assert_eq!((read.rules.entries.len(), read.routes.0.len(), read.are_idle()), (1, 0, false));
        let text = serde_json::to_string(&read).expect("text");
        assert_eq!(text, alloc::format!(r#"{{"rules":{old},"routes":[]}}"#));
        assert_eq!(serde_json::from_str::<Programs>(&text).expect("programs"), read);
    }
}
