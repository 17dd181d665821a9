//! How many lines of a log are judged in a second, beside those who do nothing else (A19).

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use super::super::{
    report::{Figure, Promise, Row},
    stopwatch::{race, words},
};
use crate::shell::{Result, command, find_program, target};

const ROUNDS: u32 = 5;
/// A rival that takes a minute for what another takes a second for gets fewer, as each has to start as well.
const LINES: u32 = 500_000;
const FEWER_LINES: u32 = 20_000;
const TIMES_FAIL2BAN: f64 = 30.0;
const TIMES_SSHGUARD: f64 = 1.0;
/// Debian puts it where no path leads.
const SSHG_PARSER: &str = "/usr/libexec/sshguard/sshg-parser";

/// Both rows.
pub(super) fn rows() -> Result<[Row; 2]> {
    let (many, few) = (log("many.log", LINES)?, log("few.log", FEWER_LINES)?);
    let portreeve = target().join("release/portreeve").display().to_string();
    let fail2ban = rival("fail2ban-regex", "fail2ban", None)?;
    let sshguard = rival("sshg-parser", "sshguard", Some(SSHG_PARSER))?;
    let ours: Vec<String> =
        [portreeve.as_str(), "watch", "--read", &many.display().to_string()].map(Into::into).into();
    let fail2ban = [fail2ban.as_str(), &few.display().to_string(), "sshd"].map(Into::into).into();
    let sshguard = ["sh".into(), "-c".into(), format!("{sshguard} <'{}' >/dev/null", many.display())].into();
    let samples = race(&mut command(&words(ROUNDS, &[ours, fail2ban, sshguard])?), 3)?;
    let rate = |place: usize, lines: u32| {
        let seconds = samples[place].time().value() / 1e9;
        Figure::EachSecond(f64::from(lines) / seconds)
    };
    let row = |name: &str, figure, times| Row {
        what: "lines of sshd's log, from a file".into(),
        ours: rate(0, LINES),
        rival: Some((name.into(), figure)),
        promise: Promise::Times(times),
    };
    Ok([
        row("fail2ban-regex", rate(1, FEWER_LINES), TIMES_FAIL2BAN),
        row("sshg-parser", rate(2, LINES), TIMES_SSHGUARD),
    ])
}

fn rival(name: &str, package: &str, place: Option<&str>) -> Result<String> {
    let placed = place.map(PathBuf::from).filter(|place| place.exists());
    let found = find_program(name).or(placed);
    let found = found.ok_or_else(|| format!("{name} is missing; type: apt-get install {package}"))?;
    Ok(found.display().to_string())
}

/// A log of sshd as a host on the internet has it: of ten lines four failures, two of nobody, one good login, and what belongs to it.
fn log(name: &str, lines: u32) -> Result<PathBuf> {
    let mut text = String::new();
    for line in 0..lines {
        let (minute, second, pid) = (line / 600 % 60, line / 10 % 60, 1_000 + line / 2);
        let from = format!("{}.{}.{}.{}", 20 + line % 200, line % 251, line / 7 % 251, line / 3 % 251);
        let said = match line % 10 {
            0..3 => format!("Failed password for invalid user admin from {from} port 40022 ssh2"),
            3 => format!("Failed password for root from {from} port 40022 ssh2"),
            4 => format!("Invalid user oracle from {from} port 40022"),
            5 => format!("Connection closed by authenticating user root {from} port 40022 [preauth]"),
            6 => format!("Accepted publickey for ann from {from} port 40022 ssh2: ED25519 SHA256:abc"),
            7 => "pam_unix(sshd:session): session opened for user ann(uid=1000) by (uid=0)".into(),
            8 => format!("Disconnected from user ann {from} port 40022"),
            _ => "Server listening on 0.0.0.0 port 22.".into(),
        };
        writeln!(text, "Nov 28 {:02}:{minute:02}:{second:02} host sshd[{pid}]: {said}", line / 36_000 % 24)?;
    }
    let folder = target().join("bench");
    fs::create_dir_all(&folder)?;
    let file = Path::new(&folder).join(name);
    fs::write(&file, text)?;
    Ok(file)
}
