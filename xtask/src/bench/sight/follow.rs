//! `ls --follow` beside connections that come and go: what it takes of a core, and whether it misses anything.

use portreeve_lab::{fixture, programs};

use crate::{
    bench::report::{Figure, Promise, Row},
    shell::{Result, output, target},
};

/// On both of its ends a connection on loopback goes through ten states (RFC 9293 §3.3.2) from its beginning to its end.
const CHANGES_A_CONNECTION: u64 = 10;
const CHANGES_A_SECOND: u64 = 50_000;
const SECONDS: u64 = 10;
/// A machine that is this much slower than it should be is too slow for the figure.
const SECONDS_MAX: f64 = 1.1 * SECONDS as f64;
const PERCENT_MAX: f64 = 30.0;
/// Clock ticks a second (proc_pid_stat(5), sysconf(3)).
const TICKS_A_SECOND: f64 = 100.0;

/// Prints what the churn said, the ticks that portreeve took meanwhile, and how many events it told of each kind: the brief
/// listeners of the churn are on 20000 and above.
const SCRIPT: &str = r#"
log=$(mktemp); "$1" ls --follow -o ndjson --policy none >$log & pid=$!
sleep 2
ticks() { awk '{ print $14 + $15 }' /proc/$pid/stat; }
before=$(ticks); said=$("$2" churn $3 $4 | tail -n 1); after=$(ticks)
sleep 2; kill $pid; wait $pid
count() { grep "\"event\": *\"$1\"" $log | grep -c '"port": *20[0-9][0-9][0-9],'; }
lost=$(sed -n 's/.*"event": *"lost".*"count": *\([0-9]*\).*/\1/p' $log | awk '{ sum += $1 } END { print sum + 0 }')
echo $said $((after - before)) $(count opened) $(count closed) $lost
rm $log
"#;

/// Its share of a core, and what it did not tell.
pub(super) fn rows() -> Result<[Row; 2]> {
    let host = fixture::empty()?;
    let portreeve = target().join("release/portreeve").to_string_lossy().into_owned();
    let holder = programs::holder()?.to_string_lossy().into_owned();
    let rate = (CHANGES_A_SECOND / CHANGES_A_CONNECTION).to_string();
    let seconds = SECONDS.to_string();
    let words = ["bash", "-c", SCRIPT, "bash", &portreeve, &holder, &rate, &seconds];
    let printed = output(&mut host.command(words))?;
    let numbers: Vec<f64> =
        printed.split_whitespace().map(str::parse).collect::<std::result::Result<_, _>>()?;
    let [_, listeners, milliseconds, ticks, opened, closed, lost] = numbers[..] else {
        return Err(format!("the churn printed `{printed}`").into());
    };
    let seconds = milliseconds / 1e3;
    if seconds > SECONDS_MAX {
        let told =
            format!("the connections of {SECONDS} seconds took {seconds:.1}: this machine is too slow");
        return Err(told.into());
    }
    let row = |what: &str, ours, most| Row {
        what: format!("{what} of `ls --follow` at {CHANGES_A_SECOND} state changes a second"),
        ours,
        rival: None,
        promise: Promise::AtMost(most),
    };
    let share = ticks / TICKS_A_SECOND / seconds * 100.0;
    let untold = lost + (listeners - opened).abs() + (listeners - closed).abs();
    Ok([
        row("share of a core", Figure::Percent(share), Figure::Percent(PERCENT_MAX)),
        row("events lost", Figure::Count(untold), Figure::Count(0.0)),
    ])
}
