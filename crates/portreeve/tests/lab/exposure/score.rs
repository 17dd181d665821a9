//! How the answers about a ruleset compare with what became of the packets.

use std::fmt;

use portreeve_lab::perimeter::{Outcome, Question, Side, questions};
use serde_json::{Value, json};

/// One of so many questions may stay open.
const OPEN_SHARE: usize = 50;
/// So many wrong answers are shown.
const SHOWN_MAX: usize = 12;

/// The answers about one ruleset.
#[derive(Debug, Default)]
pub(super) struct Score {
    ruleset: String,
    questions: usize,
    right: usize,
    /// Packets arrive where the answer says that they do not.
    false_safe: usize,
    /// The other way round.
    false_alarm: usize,
    /// They do not arrive and are refused in another way, or they arrive elsewhere.
    otherwise: usize,
    cannot_tell: usize,
    wrong: Vec<String>,
    first_wrong: Option<usize>,
    open: Vec<String>,
}

/// The row of a table.
impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ruleset, questions, right, false_safe, false_alarm, otherwise, cannot_tell, .. } = self;
        write!(
            f,
            "{ruleset:12} {questions:5} asked {right:5} right {false_safe:3} false safe {false_alarm:3} false alarm \
             {otherwise:3} otherwise {cannot_tell:3} cannot tell"
        )
    }
}

/// What is asked about it, a line of `exposure --ask`.
pub(super) fn line(question: &Question) -> String {
    let Question { side, from, to, protocol, port } = question;
    let asked = json!({"in": side.interface(), "from": from, "to": to, "protocol": protocol.to_string(), "port": port});
    format!("{asked}\n")
}

impl Score {
    /// Nothing asked yet.
    pub(super) fn of(ruleset: &str) -> Self {
        Self { ruleset: ruleset.into(), ..Self::default() }
    }

    /// Adds what `exposure --ask` printed, a line for each of `questions`, beside what became of each.
    #[track_caller]
    pub(super) fn add(&mut self, questions: &[Question], outcomes: &[Outcome], printed: &str) {
        let answers: Vec<Value> = printed
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
            .collect();
        assert_eq!(answers.len(), questions.len(), "{}: a line for each question", self.ruleset);
        for ((question, outcome), answer) in questions.iter().zip(outcomes).zip(&answers) {
            self.count(question, outcome, answer);
        }
    }

    /// Which of the questions was the first to be answered wrongly.
    pub(super) fn first_wrong(&self) -> Option<usize> {
        self.first_wrong
    }

    /// Adds the answers about another ruleset.
    pub(super) fn join(&mut self, other: Self) {
        let named = |line| format!("{}: {line}", other.ruleset);
        self.questions += other.questions;
        self.right += other.right;
        self.false_safe += other.false_safe;
        self.false_alarm += other.false_alarm;
        self.otherwise += other.otherwise;
        self.cannot_tell += other.cannot_tell;
        self.wrong.extend(other.wrong.into_iter().map(named));
        self.open.extend(other.open.into_iter().map(named));
    }

    fn count(&mut self, question: &Question, outcome: &Outcome, answer: &Value) {
        self.questions += 1;
        let verdict = answer["verdict"].as_str().expect("`verdict` is promised");
        let arrives = matches!(outcome, Outcome::Arrives { .. });
        let count = match (verdict, outcome) {
            ("unknown" | "partly", _) => {
                self.open.push(format!("{question}: {answer}"));
                &mut self.cannot_tell
            }
            ("reachable", Outcome::Arrives { at, port }) if is_way(question, &answer["how"], at, *port) => {
                &mut self.right
            }
            ("dropped", Outcome::Dropped) | ("rejected", Outcome::Rejected) => &mut self.right,
            ("reachable", _) if !arrives => &mut self.false_alarm,
            ("dropped" | "rejected", _) if arrives => &mut self.false_safe,
            _ => &mut self.otherwise,
        };
        *count += 1;
        if self.right + self.cannot_tell + self.wrong.len() < self.questions {
            self.first_wrong.get_or_insert(self.questions - 1);
            self.wrong.push(format!("{question}: {outcome:?}, but {answer}"));
        }
    }

    /// Fails where an answer is wrong, or where too many questions stay open.
    #[track_caller]
    pub(super) fn pass(&self) {
        self.pass_in_doubt();
        assert!(self.cannot_tell * OPEN_SHARE <= self.questions, "{self}\n{}", shown(&self.open));
    }

    /// Fails where an answer is wrong; of rules that are not all listed, questions may stay open.
    #[track_caller]
    pub(super) fn pass_in_doubt(&self) {
        println!("{self}");
        assert!(self.wrong.is_empty(), "{self}\n{}", shown(&self.wrong));
        assert!(self.right * 2 > self.questions, "{self}\n{}", shown(&self.open));
    }
}

fn shown(lines: &[String]) -> String {
    lines.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join("\n")
}

/// Whether packets that are said to come in this way come to `port` of `at`.
fn is_way(question: &Question, how: &Value, at: &str, port: u16) -> bool {
    // One of several ports is none that is named.
    let is_any = how["to"].is_object() && how["to"]["port"].is_null();
    let said = how["to"]["port"].as_u64().unwrap_or(question.port.into());
    match how["kind"].as_str() {
        Some("local") => at == "host" && (is_any || said == u64::from(port)),
        Some("forwarded" | "routed") => at != "host" && (is_any || said == u64::from(port)),
        _ => false,
    }
}

/// An oracle is only worth its answers where a wrong one is told from a right one.
#[test]
fn a_wrong_answer_is_counted_as_what_it_is() {
    let asked = questions(&[(Side::World, "203.0.113.7")], &["203.0.113.1"], &[80]);
    let arrives = |at: &str, port| Outcome::Arrives { at: at.into(), port };
    let count = |outcome: Outcome, answer: Value| {
        let mut score = Score::of("one");
        score.add(&asked[..1], &[outcome], &format!("{answer}\n"));
        [score.right, score.false_safe, score.false_alarm, score.otherwise, score.cannot_tell]
    };
    let here = json!({"verdict": "reachable", "how": {"kind": "local", "to": null}});
    let there = json!({"verdict": "reachable", "how": {"kind": "forwarded", "to": {"port": 8080}}});
    let refused = |verdict: &str| json!({"verdict": verdict, "how": null});

    assert_eq!(count(arrives("host", 80), here.clone()), [1, 0, 0, 0, 0]);
    assert_eq!(count(arrives("br0", 8080), there.clone()), [1, 0, 0, 0, 0]);
    assert_eq!(count(arrives("host", 80), refused("dropped")), [0, 1, 0, 0, 0]);
    assert_eq!(count(Outcome::Dropped, here.clone()), [0, 0, 1, 0, 0]);
    assert_eq!(count(Outcome::Rejected, refused("dropped")), [0, 0, 0, 1, 0]);
    assert_eq!(count(arrives("br0", 8080), here), [0, 0, 0, 1, 0]);
    assert_eq!(count(arrives("br0", 80), there), [0, 0, 0, 1, 0]);
    assert_eq!(count(arrives("host", 80), refused("unknown")), [0, 0, 0, 0, 1]);
}
