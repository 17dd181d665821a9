//! Versions stand to each other as dpkg and rpm say, which made the rules (A18).

use std::{
    cmp::Ordering,
    collections::BTreeSet,
    io::Write as _,
    process::{Command, Stdio},
};

use portreeve_core::version::{Scheme, compare};
use portreeve_lab::tools;

use super::{chance::Chance, site::lab};

/// How many are drawn from what apt knows.
const REAL_PAIRS: usize = 10_000;
const MADE_PAIRS: usize = 4_000;
/// Fewer say that there are no lists.
const VERSIONS_MIN: usize = 5_000;

/// What versions are made of that no package has, but might.
const PIECES: [&str; 20] = [
    "0",
    "00",
    "1",
    "9",
    "10",
    "010",
    "18446744073709551615",
    "18446744073709551616",
    "a",
    "z",
    "B",
    "rc",
    ".",
    "..",
    "+",
    "~",
    "~~",
    "+deb12u",
    "-",
    "-0",
];

type Pair = (String, String);

/// The versions of all packages that apt has heard of, in the order of their letters.
fn known_to_apt() -> Vec<String> {
    let output =
        Command::new("apt-cache").arg("dumpavail").output().expect("apt-cache is a program of Debian");
    let text = String::from_utf8(output.stdout).expect("apt writes UTF-8");
    let versions: BTreeSet<_> = text.lines().filter_map(|line| line.strip_prefix("Version: ")).collect();
    assert!(versions.len() > VERSIONS_MIN, "apt knows {} versions; type: apt-get update", versions.len());
    versions.into_iter().map(str::to_owned).collect()
}

/// One of two is drawn with a neighbour, which begins alike.
fn drawn(versions: &[String]) -> Vec<Pair> {
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    let places: Vec<_> = (0..versions.len()).collect();
    let pair = |at: usize| {
        let one = chance.of(&places);
        let other = if at.is_multiple_of(2) { chance.of(&places) } else { one + chance.of(&[1, 2, 3, 5]) };
        (versions[one].clone(), versions[other % versions.len()].clone())
    };
    (0..REAL_PAIRS).map(pair).collect()
}

/// `pieces` in any order, of which two versions have the first few in common.
fn made(chance: &mut Chance, epochs: &[&str], pieces: &[&str]) -> Pair {
    let word = |chance: &mut Chance, lengths: &[usize]| {
        let length = chance.of(lengths);
        (0..length).map(|_| chance.of(pieces)).collect::<String>()
    };
    let common = word(chance, &[0, 1, 2, 3]);
    let whole = |chance: &mut Chance| {
        let (epoch, rest) = (chance.of(epochs), word(chance, &[0, 1, 1, 2, 3]));
        format!("{epoch}1{common}{rest}")
    };
    (whole(chance), whole(chance))
}

/// Whether dpkg says so, too.
fn dpkg_agrees(one: &str, ordering: Ordering, other: &str) -> bool {
    let relation = match ordering {
        Ordering::Less => "lt",
        Ordering::Equal => "eq",
        Ordering::Greater => "gt",
    };
    let mut dpkg = Command::new("dpkg");
    // It warns of what no package may have as its version, and compares it all the same.
    dpkg.args(["--compare-versions", one, relation, other]).stderr(Stdio::null());
    dpkg.status().expect("dpkg is a program of Debian").success()
}

fn disputed_by_dpkg(pairs: &[Pair]) -> Vec<String> {
    let ordered = pairs.iter().map(|(one, other)| (one, compare(Scheme::Debian, one, other), other));
    let disputed = ordered.filter(|(one, ordering, other)| !dpkg_agrees(one, *ordering, other));
    disputed.map(|(one, ordering, other)| format!("{one} {ordering:?} {other}")).collect()
}

/// What rpm says of all of them, in one run.
fn by_rpm(pairs: &[Pair]) -> Vec<Ordering> {
    const SCRIPT: &str = r#"for line in io.lines() do
        local one, other = line:match("^(%S+) (%S+)$")
        one, other = rpm.ver(one), rpm.ver(other)
        print(one < other and "<" or one == other and "=" or one > other and ">" or "?")
    end"#;
    let mut rpm = Command::new("rpmlua")
        .args(["-e", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("rpmlua was looked for");
    let lines: String = pairs.iter().map(|(one, other)| format!("{one} {other}\n")).collect();
    // The answers, two bytes each, wait in the pipe.
    rpm.stdin.take().expect("it is a pipe").write_all(lines.as_bytes()).expect("rpm reads it all");
    let output = rpm.wait_with_output().expect("it ends by itself");
    let answers = String::from_utf8(output.stdout).expect("a sign a line");
    let ordering = |sign: &str| match sign {
        "<" => Ordering::Less,
        "=" => Ordering::Equal,
        ">" => Ordering::Greater,
        _ => panic!("rpm says {sign}"),
    };
    answers.lines().map(ordering).collect()
}

fn disputed_by_rpm(pairs: &[Pair]) -> Vec<String> {
    let said = by_rpm(pairs);
    assert_eq!(said.len(), pairs.len(), "rpm answers each of them");
    let disputed =
        pairs.iter().zip(said).filter(|((one, other), said)| compare(Scheme::Rpm, one, other) != *said);
    disputed.map(|((one, other), said)| format!("{one} {said:?} {other}, says rpm")).collect()
}

/// Ten thousand pairs of versions that packages of Debian have (A18).
#[test]
fn versions_of_debian_stand_to_each_other_as_dpkg_says() {
    assert_eq!(disputed_by_dpkg(&drawn(&known_to_apt())), [""; 0]);
}

/// Epochs, tildes, revisions of nothing, letters beside signs, and numbers longer than a machine counts (A18).
#[test]
fn versions_that_debian_might_have_stand_to_each_other_as_dpkg_says() {
    let mut chance = Chance(0x2545_f491_4f6c_dd1d);
    let pairs = (0..MADE_PAIRS).map(|_| made(&mut chance, &["", "", "0:", "1:", "10:"], &PIECES));
    // dpkg refuses a revision that is there and empty.
    let pairs: Vec<_> = pairs.filter(|(one, other)| !one.ends_with('-') && !other.ends_with('-')).collect();
    assert!(pairs.len() > MADE_PAIRS / 2, "{}", pairs.len());
    assert_eq!(disputed_by_dpkg(&pairs), [""; 0]);
}

/// The same of rpm, with carets and underscores (A18).
#[test]
fn versions_of_rpm_stand_to_each_other_as_rpm_says() {
    lab(tools::check_for(&["rpmlua"]));
    let mut chance = Chance(0x1f83_d9ab_fb41_bd6b);
    let pieces = [&PIECES[..], &["^", "^git", "_", ".el9", "-1"]].concat();
    let made = (0..MADE_PAIRS).map(|_| made(&mut chance, &["", "", "0:", ":", "1:", "010:"], &pieces));
    let made: Vec<_> = made.collect();
    assert_eq!(disputed_by_rpm(&made), [""; 0]);
    let real = drawn(&known_to_apt());
    assert_eq!(disputed_by_rpm(&real[..MADE_PAIRS]), [""; 0]);
}
