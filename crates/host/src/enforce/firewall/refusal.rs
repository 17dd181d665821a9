//! Why the kernel took nothing of a transaction, by the command at which it stopped (nft(8), "ERROR REPORTING").

use std::fmt;

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody else changed the gate, made it or took it away since it was read.
    Moved,
    /// The trial was over before it was confirmed or taken back.
    TooLate,
    /// Another change is on trial.
    OnTrial,
    /// What should be taken out is not there, or no longer.
    Absent,
    /// The gate does not have the zone.
    NoZone,
    /// The table was made by a version of this program that had no such set.
    Earlier,
    /// Something else: the first line that nft said.
    Other(String),
}

impl Refusal {
    /// What nft `said` first of `text`: `/dev/stdin:3:43-51: Error: No such file or directory`.
    pub(super) fn of(text: &str, said: &str) -> Self {
        let (place, message) = said.split_once(": Error: ").unwrap_or(("", said));
        let at = place.split(':').nth(1).and_then(|line| line.parse::<usize>().ok());
        let command = at.and_then(|at| text.lines().nth(at.checked_sub(1)?)).unwrap_or_default();
        let is_missing = message.contains("No such file") && command.starts_with("delete element");
        let is_there = message.contains("File exists") && command.starts_with("create ");
        let cannot_add = message.contains("No such file") && command.starts_with("add element");
        let words: Vec<&str> = command.split(' ').collect();
        let set = words.get(4).copied().unwrap_or_default();
        match set {
            "revision" if is_missing => Self::Moved,
            _ if is_missing && set.starts_with("trial_") => Self::TooLate,
            _ if is_missing => Self::Absent,
            _ if is_there && set.starts_with("trial_") => Self::OnTrial,
            "" if is_there => Self::Moved,
            _ if cannot_add && set.starts_with("open_zone_") => Self::NoZone,
            _ if cannot_add && set.starts_with("askers") => Self::Earlier,
            _ if cannot_add => Self::Moved,
            _ => Self::Other(said.to_owned()),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Moved => "somebody else changed the gate meanwhile",
            Self::TooLate => "the trial is over",
            Self::OnTrial => "another change is on trial",
            Self::Absent => "it is not there, or no longer",
            Self::NoZone => "the gate does not have the zone",
            Self::Earlier => "an earlier version made the gate",
            Self::Other(said) => said,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MISSING: &str = "No such file or directory";

    fn at(line: usize, text: &str, message: &str) -> Refusal {
        Refusal::of(text, &format!("/dev/stdin:{line}:1-9: Error: {message}"))
    }

    #[test]
    fn the_command_tells_why_it_was_refused() {
        let confirm = "delete element inet portreeve trial_input { ipv4, ipv6 }\n\
                       delete element inet portreeve trial_forward { ipv4, ipv6 }\n\
                       delete element inet portreeve revision { 7 }\n";
        assert_eq!(at(1, confirm, MISSING), Refusal::TooLate);
        assert_eq!(at(2, confirm, MISSING), Refusal::TooLate);
        assert_eq!(at(3, confirm, MISSING), Refusal::Moved);
        assert_eq!(at(1, "create table inet portreeve\n", "File exists"), Refusal::Moved);
        let trial = "create element inet portreeve trial_input { ipv4 timeout 1m : goto b_input }\n";
        assert_eq!(at(1, trial, "File exists"), Refusal::OnTrial);
        let element = |command: &str| at(1, &format!("{command} {{ 1 }}\n"), MISSING);
        assert_eq!(element("delete element inet portreeve blocked4"), Refusal::Absent);
        assert_eq!(element("add element inet portreeve open_zone_x_tcp"), Refusal::NoZone);
        assert_eq!(element("add element inet portreeve askers4"), Refusal::Earlier);
        assert_eq!(element("add element inet portreeve open_world_tcp"), Refusal::Moved, "the table is gone");
    }

    #[test]
    fn whatever_else_is_said_is_quoted() {
        let text = "delete element inet portreeve revision { 1 }";
        for said in [
            "/dev/stdin:1:1-2: Error: Could not process rule: Device or resource busy",
            "/dev/stdin:9:1-2: Error: No such file or directory",
            "/dev/stdin:0:1-2: Error: No such file or directory",
            "a:b:c: Error: ",
            ":",
            "",
            MISSING,
        ] {
            assert_eq!(Refusal::of(text, said), Refusal::Other(said.into()));
        }
    }
}
