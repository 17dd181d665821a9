//! Who is stopped, and what to type so that he serves again (A16, A17).

use std::collections::{BTreeMap, BTreeSet};

use portreeve_core::{shell::quoted, text, words::Text};
use portreeve_host::enforce::stop::Held;

use super::joined;

/// Units as a command takes them.
pub(super) fn typed<'a>(units: impl IntoIterator<Item = &'a String>) -> String {
    units.into_iter().map(|unit| quoted(unit)).collect::<Vec<_>>().join(" ")
}

/// Who is stopped, and how he is started again.
pub(super) fn going(units: &BTreeSet<String>, processes: &BTreeMap<Held, String>) -> Text {
    let (start, units, processes) = (typed(units), joined(units.iter()), joined(processes.values()));
    match (units.as_str(), processes.as_str()) {
        (units, "") => text!(
            "{units} is stopped; portreeve undo does not start it again: systemctl start {start}.",
            "{units} を停止します。portreeve undo では再開されません(systemctl start {start} で開始)。"
        ),
        ("", processes) => text!(
            "SIGTERM ends {processes}, which portreeve undo does not start again.",
            "{processes} を SIGTERM で終了します。portreeve undo では再開されません。"
        ),
        (units, processes) => text!(
            "{units} is stopped, and SIGTERM ends {processes}; portreeve undo starts neither again: systemctl start {start}, and the rest as it was started before.",
            "{units} を停止し、{processes} を SIGTERM で終了します。どちらも portreeve undo では再開されません(ユニットは systemctl start {start} で開始)。"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Deprived, unlistening},
        *,
    };

    #[test]
    fn several_units_are_told_as_a_command_takes_them() {
        let units: BTreeSet<String> = ["a.service", "b.socket"].map(Into::into).into();
        let said = going(&units, &BTreeMap::new());
        assert!(said.en.starts_with("a.service, b.socket is stopped; "), "{said:?}");
        assert!(said.en.ends_with(": systemctl start a.service b.socket."), "{said:?}");
        assert!(said.ja.contains("systemctl start a.service b.socket で開始"), "{said:?}");
        let deprived = |port, who: &str, unit: &str| {
            ((port, 1), Deprived { who: who.into(), units: [unit.to_owned()].into() })
        };
        let said =
            unlistening(&[deprived(80, "x (pid 7)", "x.service"), deprived(81, "y", "y.service")].into());
        assert!(
            said.en.contains("a restart of it does (systemctl restart x.service y.service)."),
            "{said:?}"
        );
    }
}
