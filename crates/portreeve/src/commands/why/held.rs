//! The chain of processes through which a port is held, in a line.

use portreeve_core::{
    chain::{Chain, Link},
    facts::Process,
    text,
    words::Text,
};

/// Processes of one program that are shown by number.
const PIDS_MAX: usize = 4;
/// Processes above the main one that are shown.
const ABOVE_MAX: usize = 5;

/// `nginx.service: systemd 1 (root) → nginx 812 → nginx 813 814 (www-data)`.
pub(super) fn text(chain: &Chain<'_>, main: &Process) -> Text {
    let mut steps: Vec<Vec<Link<'_>>> = chain.above.iter().map(|link| vec![*link]).collect();
    let left_out = steps.len().saturating_sub(ABOVE_MAX);
    steps.extend(chain.main.map(|link| vec![link]));
    steps.extend(groups(&chain.workers));
    let mut shown = Vec::new();
    let mut user = None;
    for step in &steps {
        let own = step.first().map(|(_, process)| process.user.as_deref());
        shown.push(group(step, own != user));
        user = own;
    }
    if left_out > 0 {
        // The first of all stays, and the nearest.
        shown.splice(1..=left_out, ["…".to_owned()]);
    }
    let unit = main.user_unit.as_ref().or(main.unit.as_ref());
    let unit = unit.map(|unit| format!("{unit}: ")).unwrap_or_default();
    let said = format!("{unit}{}", shown.join(" → "));
    let others: Vec<_> = groups(&chain.others).iter().map(|step| group(step, true)).collect();
    match others.join(", ").as_str() {
        "" => text!("{said}", "{said}"),
        others => text!("{said}; also {others}", "{said}。ほかに {others}"),
    }
}

/// `nginx 77 (root)`.
pub(super) fn one(pid: u32, process: &Process) -> String {
    group(&[(pid, process)], true)
}

/// The same program of the same user stands together.
fn groups<'a>(links: &[Link<'a>]) -> Vec<Vec<Link<'a>>> {
    let alike = |a: &Link<'_>, b: &Link<'_>| (&a.1.name, &a.1.user) == (&b.1.name, &b.1.user);
    let mut links = links.to_vec();
    links.sort_by(|a, b| (&a.1.name, &a.1.user, a.0).cmp(&(&b.1.name, &b.1.user, b.0)));
    links.chunk_by(alike).map(<[Link<'_>]>::to_vec).collect()
}

fn group(links: &[Link<'_>], with_user: bool) -> String {
    let Some((_, first)) = links.first() else { return String::new() };
    let (name, user) = (first.called(), &first.user);
    let pids: Vec<_> = links.iter().take(PIDS_MAX).map(|(pid, _)| pid.to_string()).collect();
    let more = links.len().saturating_sub(PIDS_MAX);
    let more = if more > 0 { format!(" +{more}") } else { String::new() };
    let user = user.as_ref().filter(|_| with_user).map(|user| format!(" ({user})")).unwrap_or_default();
    format!("{name} {}{more}{user}", pids.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(name: &str, user: &str) -> Process {
        Process { name: name.into(), user: Some(user.into()), ..Process::default() }
    }

    #[test]
    fn a_service_is_told_from_the_first_process_to_its_workers() {
        let (systemd, nginx, worker) =
            (process("systemd", "root"), process("nginx", "root"), process("nginx", "www-data"));
        let main = Process { unit: Some("nginx.service".into()), ..nginx.clone() };
        let chain = Chain {
            above: vec![(1, &systemd)],
            main: Some((812, &main)),
            workers: (813..819).map(|pid| (pid, &worker)).collect(),
            others: vec![(900, &nginx)],
        };
        assert_eq!(
            text(&chain, &main).en,
            "nginx.service: systemd 1 (root) → nginx 812 → nginx 813 814 815 816 +2 (www-data); also nginx 900 (root)"
        );
    }

    #[test]
    fn a_long_chain_keeps_its_ends() {
        let shell = process("sh", "dev");
        let above: Vec<_> = (1..9).map(|pid| (pid, &shell)).collect();
        let chain = Chain { above, main: Some((9, &shell)), ..Chain::default() };
        assert_eq!(text(&chain, &shell).en, "sh 1 (dev) → … → sh 5 → sh 6 → sh 7 → sh 8 → sh 9");
    }
}
