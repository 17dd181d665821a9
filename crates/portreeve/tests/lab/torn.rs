//! The gate when whoever changes it dies in the midst of it, and when two change it at the same moment (A15, A16).
//!
//! `cargo xtask soak` kills 200 times and races 200 times where others do some of it.

mod bench;

use std::{
    env,
    time::{Duration, Instant},
};

use self::bench::{Bench, View};
use crate::lab::exposure::Dice;

/// Whoever wants all of it sets this to `full`.
const STORM: &str = "PORTREEVE_STORM";
/// How often somebody is killed, and how often two race, where all of it is wanted.
const ALL_ROUNDS: usize = 200;
/// The same everywhere else.
const SOME_KILLS: usize = 6;
const SOME_RACES: usize = 3;
/// A source that is kept out.
const SOURCE: &str = "203.0.113.66";

fn rounds(some: usize) -> usize {
    if env::var(STORM).is_ok_and(|storm| storm == "full") { ALL_ROUNDS } else { some }
}

/// What changes the gate, what must be so before it, and what it makes of it.
#[derive(Clone, Copy, Debug)]
enum Step {
    Apply,
    Try,
    Confirm,
    TakeBack,
    Undo,
    Block,
}

impl Step {
    const ALL: [Self; 6] = [Self::Apply, Self::Try, Self::Confirm, Self::TakeBack, Self::Undo, Self::Block];

    const fn command(self) -> &'static str {
        match self {
            Self::Apply => "portreeve apply --no-trial --no-session",
            Self::Try => "portreeve apply --trial 60s --no-session",
            Self::Confirm => "portreeve confirm",
            Self::TakeBack | Self::Undo => "portreeve undo --no-session",
            Self::Block => "portreeve close --from 203.0.113.66 --for 1h",
        }
    }

    /// What must have been done before it.
    const fn before(self) -> Option<Self> {
        match self {
            Self::Confirm | Self::TakeBack => Some(Self::Try),
            Self::Undo => Some(Self::Apply),
            Self::Apply | Self::Try | Self::Block => None,
        }
    }

    /// The gate after it, where the policy opens `next` and `last` was confirmed before that.
    fn after(self, View { confirmed, trial, is_blocked }: View, last: u16, next: u16) -> View {
        match self {
            Self::Apply => View { confirmed: next, trial, is_blocked },
            Self::Try => View { confirmed, trial: Some(next), is_blocked },
            Self::Confirm => View { confirmed: next, trial: None, is_blocked },
            Self::TakeBack => View { confirmed, trial: None, is_blocked },
            Self::Undo => View { confirmed: last, trial: None, is_blocked },
            Self::Block => View { confirmed, trial, is_blocked: true },
        }
    }
}

/// One change of a gate, killed by `kill`, whose policy opens `next`; whether it was made all the same.
fn killed(bench: &Bench, step: Step, next: u16, kill: impl FnOnce(&str) -> String) -> bool {
    let last = bench.view().confirmed;
    bench.declare(next);
    if let Some(before) = step.before() {
        bench.run(before.command());
    }
    let old = bench.view();
    let new = step.after(old, last, next);
    let how = kill(step.command());
    let about = format!("{step:?} to {next}, {how}");
    let boot = bench.boot();
    assert!([old.confirmed, new.confirmed].map(Some).contains(&boot), "{about}: the next boot has {boot:?}");
    bench.receipts_can_be_read(&about);
    // Whoever comes next waits for what is still under way, and is told the truth.
    bench.settle();
    let is = bench.view();
    assert!(is == old || is == new, "{about}: {is:?} is neither {old:?} nor {new:?}");
    bench.ends(0, "portreeve gate status", &about);
    assert_eq!(bench.boot(), Some(is.confirmed), "{about}: {is:?}");
    let (told, is_made) = (bench.last_outcome(), is == new);
    assert!(told == "done" || (!is_made && told == "refused"), "{about}: {told}, and {is:?}");
    if is.trial.is_some() {
        bench.run(Step::TakeBack.command());
    }
    if is.is_blocked {
        bench.run(&format!("nft delete element inet portreeve blocked4 {{ {SOURCE} }}"));
    }
    is_made
}

/// A place with a gate.
fn bench() -> Bench {
    let bench = Bench::create();
    bench.declare(999);
    bench.run(Step::Apply.command());
    bench
}

/// A moment by chance: the gate is the old one, the trial or the new one, and whoever comes next knows which.
#[test]
fn whoever_is_killed_at_any_moment_leaves_no_gate_between_two() {
    let bench = bench();
    let mut dice = Dice::of(6);
    let rounds = rounds(SOME_KILLS);
    let mut usual = [Duration::ZERO; Step::ALL.len()];
    for (at, step) in Step::ALL.into_iter().enumerate() {
        killed(&bench, step, 1_000 + u16::try_from(at).unwrap(), |command| {
            let start = Instant::now();
            bench.run(command);
            usual[at] = start.elapsed();
            "left alone".into()
        });
    }
    let mut made = 0;
    for (next, at) in (2_000..).zip((0..Step::ALL.len()).cycle().take(rounds)) {
        let after = usual[at].mul_f64(0.2 + 0.01 * f64::from(u32::try_from(dice.below(100)).unwrap()));
        made += usize::from(killed(&bench, Step::ALL[at], next, |command| bench.kill_after(command, after)));
    }
    println!("{made} of {rounds} were made before they were killed, or in spite of it");
    assert!(made < rounds, "nobody died in time");
}

/// Every moment at which nft is about to run, and goes on without whoever called it.
#[test]
fn whoever_is_killed_while_nft_runs_is_waited_for() {
    let bench = bench();
    let mut next = 1_000;
    for step in [Step::Apply, Step::Confirm, Step::Block] {
        let mut made = Vec::new();
        let mut was_reached = true;
        for call in 1.. {
            next += 1;
            made.push(killed(&bench, step, next, |command| {
                was_reached = bench.kill_at_call(command, call);
                format!("killed when nft ran for the {call}. time")
            }));
            if !was_reached {
                break;
            }
        }
        println!("{step:?}: {made:?}");
        // Killed before anything was done, after that, and not at all.
        assert!(made.len() > 3 && !made[0] && made[made.len() - 2..] == [true, true], "{step:?}: {made:?}");
    }
}

/// Two begin at the same moment, and no lock keeps one from the other: the kernel lets one of them win.
#[test]
fn of_two_at_the_same_moment_one_wins() {
    let bench = bench();
    for round in 0..u16::try_from(rounds(SOME_RACES)).unwrap() {
        let (one, two) = (2_000 + round, 4_000 + round);
        bench.write("/tmp/one.toml", one);
        bench.write("/tmp/two.toml", two);
        let confirmed = bench.view().confirmed;
        let apply = "portreeve apply --trial 60s --no-session --policy";
        let (codes, said) = bench.race(&format!("{apply} /tmp/one.toml"), &format!("{apply} /tmp/two.toml"));
        let winner = match codes {
            [0, 5] => one,
            [5, 0] => two,
            codes => panic!("round {round}: {codes:?} {said}"),
        };
        assert!(said.contains("on trial") || said.contains("at the same moment"), "round {round}: {said}");
        assert_eq!(bench.view(), View { confirmed, trial: Some(winner), is_blocked: false }, "round {round}");

        let (codes, said) = bench.race("portreeve confirm", "portreeve confirm");
        assert!(matches!(codes, [0, 6] | [6, 0]), "round {round}: {codes:?} {said}");
        assert!(said.contains("cause: "), "round {round}: {said}");
        assert_eq!(bench.view(), View { confirmed: winner, trial: None, is_blocked: false }, "round {round}");
        bench.receipts_can_be_read(&format!("round {round}"));
    }
}

/// Whoever keeps and whoever takes back at the same moment are told apart, whichever is first.
#[test]
fn what_one_keeps_and_another_takes_back_is_one_of_both() {
    let bench = Bench::create();
    for round in 0..u16::try_from(rounds(SOME_RACES)).unwrap() {
        let (last, next) = (1_000 + 2 * round, 1_001 + 2 * round);
        bench.declare(last);
        bench.run(Step::Apply.command());
        bench.declare(next);
        bench.run(Step::Try.command());
        let trial = bench.last_receipt();
        let (codes, said) =
            bench.race_with_one_lock("portreeve confirm", &format!("portreeve undo {trial} --no-session"));
        // Whoever comes second takes back what is kept by then, or has nothing left to keep: the gate is the old one.
        assert!(matches!(codes, [0 | 6, 0]), "round {round}: {codes:?} {said}");
        assert_eq!(
            bench.view(),
            View { confirmed: last, trial: None, is_blocked: false },
            "round {round}: {codes:?} {said}"
        );
        assert_eq!(bench.boot(), Some(last), "round {round}: {codes:?}");
    }
}
