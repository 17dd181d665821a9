//! What to type so that somebody listens again whom `close` stopped, or whose socket it took (A16, A17).

use std::collections::BTreeSet;

use portreeve_core::{
    receipt::{Deed, Means},
    shell::quoted,
    text, unit,
    words::Text,
};

/// How whoever listened there does so again: a process that nobody stopped would not notice that it is started.
pub(super) fn text(deed: &Deed) -> Text {
    let Deed::Halt { by, units, whom, .. } = deed else { return Text::default() };
    // An earlier version kept the units that were stopped among those who were.
    let stopped = whom.iter().filter(|who| *by == Means::Stop && unit::is_service_or_socket(who));
    let units: BTreeSet<&String> = units.iter().chain(stopped).collect();
    let units: Vec<String> = units.into_iter().map(|unit| quoted(unit)).collect();
    let command = |verb: &str| format!("systemctl {verb} {}", units.join(" "));
    match by {
        _ if units.is_empty() && *by == Means::Unlisten => text!(
            "restart it, as it goes on without that socket",
            "プロセスは動き続けているので、再起動してください"
        ),
        _ if units.is_empty() => {
            text!("start it again as it was started before", "以前と同じ方法で、改めて起動してください")
        }
        Means::Stop => {
            let start = command("start");
            text!("start it again: {start}", "改めて起動してください: {start}")
        }
        Means::Unlisten => {
            let restart = command("restart");
            text!("restart it: {restart}", "再起動してください: {restart}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_runs_on_is_restarted_and_several_units_are_a_command() {
        let told = |by, whom: &[&str], units: &[&str]| {
            let [whom, units] = [whom, units].map(|names| names.iter().map(|name| (*name).into()).collect());
            text(&Deed::Halt { by, whom, units, ports: Vec::new(), with: None }).en
        };
        let both = ["k.service", "k.socket"];
        let start = "start it again: systemctl start k.service k.socket";
        assert_eq!(told(Means::Stop, &both, &both), start);
        assert_eq!(told(Means::Stop, &both, &[]), start, "as an earlier version wrote it");
        assert_eq!(told(Means::Stop, &["x (pid 7)"], &[]), "start it again as it was started before");
        let restart = "restart it: systemctl restart k.service";
        assert_eq!(told(Means::Unlisten, &["k (pid 7)"], &["k.service"]), restart);
        assert!(told(Means::Unlisten, &["k (pid 7)"], &[]).starts_with("restart it, as"));
    }
}
