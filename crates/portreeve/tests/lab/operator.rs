//! Nobody is cut off by a change, by whichever way he is on the host: real sessions of ssh, sudo, tmux, screen and mosh,
//! also through ports that are passed on (A15).

mod desk;

use self::desk::Desk;

/// How an operator's command ended: its exit code, and all that it said.
struct Answer {
    code: String,
    said: String,
}

/// Asks for a change by one way, with a policy that has no place for it, in spite of that, and with one that has.
struct Case {
    /// By which way.
    way: &'static str,
    /// Who is named: `%4` and `%6` stand for the operator's addresses.
    named: &'static str,
    /// What is declared for the operator's network, and is not enough.
    lacking: &'static [&'static str],
    /// What is enough.
    ports: &'static [&'static str],
}

const fn by_ssh(way: &'static str) -> Case {
    Case { way, named: "%4 is connected to 22/tcp (sshd", lacking: &["443/tcp"], ports: &["22/tcp"] }
}

/// A new connection like each of these must still be possible, or nothing is done.
const CASES: [Case; 9] = [
    by_ssh("ssh"),
    Case { named: "%6 is connected to 22/tcp (sshd", ..by_ssh("ssh6") },
    // sudo takes SSH_CONNECTION away, and su a login of its own: only what stands above tells.
    by_ssh("sudo"),
    by_ssh("su"),
    // Their servers are no children of sshd.
    by_ssh("tmux"),
    by_ssh("screen"),
    // The host sends what comes to 2222 to its port 22, which is what the gate sees.
    by_ssh("redirected"),
    // By port 2200 he is in another network namespace, and has come into the host's from there.
    Case {
        way: "inside",
        named: "%4 is connected to 2200/tcp (sshd",
        lacking: &["22/tcp"],
        ports: &["2200/tcp"],
    },
    // The connection of ssh that began it has ended.
    Case {
        way: "mosh",
        named: "%4 is connected to 60001/udp (mosh-server",
        lacking: &["22/tcp"],
        ports: &["22/tcp", "60001/udp"],
    },
];

/// Whoever could not come back is refused with his peer, his port and the rule, unless that is what he wants; whoever can
/// is let through, and stays.
#[test]
fn no_way_of_being_here_is_cut() {
    let desk = Desk::set_up();
    let failures: Vec<String> = CASES.iter().filter_map(|case| try_case(&desk, case).err()).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn try_case(desk: &Desk, case: &Case) -> Result<(), String> {
    let named = desk.named(case.named);
    let expect = |what: &str, command: &str, code: &str, words: &[&str]| {
        let Answer { code: is, said } = desk.by(case.way, command);
        let missing: Vec<_> = words.iter().filter(|word| !said.contains(**word)).collect();
        let is_right = is == code && missing.is_empty();
        is_right.then_some(()).ok_or_else(|| format!("{} {what}: {is} without {missing:?}: {said}", case.way))
    };
    let rule = "inet portreeve dropped";
    let trial = "portreeve apply --trial 30s";
    desk.declare(case.lacking);
    expect("without its port", trial, "5", &[&named, rule])?;
    // To say that there is no session does not make it so.
    expect("said to be none", &format!("{trial} --no-session"), "5", &[&named, rule])?;
    desk.has_no_gate("refused")?;
    // The session goes on, and can say so.
    let cut = format!("{trial} --cut-my-own-session && portreeve undo");
    expect("in spite of it", &cut, "0", &["portreeve confirm", "Taken back"])?;
    desk.declare(case.ports);
    expect("with its port", &format!("{trial} && portreeve gate status"), "0", &["On trial"])?;
    // Whoever was promised that he could come back does.
    expect("once more", "portreeve confirm && portreeve off gate", "0", &["Kept", "Took the gate away"])?;
    desk.has_no_gate("taken away")
}

/// Nobody is logged in and nothing stands above the command: that is not safety, and has to be said.
#[test]
fn nobody_found_is_refused_until_it_is_said_that_there_is_none() {
    let desk = Desk::set_up();
    desk.declare(&["22/tcp"]);
    let Answer { code, said } = desk.at_the_console("portreeve apply --trial 30s");
    assert!(code == "5" && said.contains("no connection was found by which you are here"), "{code}: {said}");
    let Answer { code, said } = desk.at_the_console("portreeve apply --trial 30s --no-session");
    assert_eq!(code, "0", "{said}");
    assert_eq!(desk.at_the_console("portreeve undo --no-session").code, "0");
    // Somebody else's session is one all the same: whoever says that there is none is told of it.
    let _other = desk.logged_in();
    desk.declare(&["443/tcp"]);
    let Answer { code, said } = desk.at_the_console("portreeve apply --trial 30s --no-session");
    assert!(code == "5" && said.contains(&desk.named("%4 is connected to 22/tcp")), "{code}: {said}");
}
