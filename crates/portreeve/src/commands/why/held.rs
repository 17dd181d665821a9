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

/// `nginx.service: systemd 1 (root) → nginx 812 → nginx 813 814 (www-data)`; siblings with a comma between, and the
/// place of a holder where it is another than the main process's.
pub(super) fn text(chain: &Chain<'_>, main: &Process) -> Text {
    let mut shown = Vec::new();
    let mut user = None;
    for link in chain.above.iter().chain(&chain.main) {
        let own = Some(link.1.user.as_deref());
        shown.push(group(&[*link], own != user, None));
        user = own;
    }
    let left_out = chain.above.len().saturating_sub(ABOVE_MAX);
    for level in &chain.workers {
        let groups = groups(level);
        let is_other =
            |group: &Vec<Link<'_>>| group.first().map(|(_, process)| process.user.as_deref()) != user;
        // Of siblings each says whose it is, where one is another's.
        let with_user = groups.iter().any(is_other);
        let siblings = groups.iter().map(|links| group(links, with_user, Some(main))).collect::<Vec<_>>();
        shown.push(siblings.join(", "));
        user = groups.last().and_then(|group| group.first()).map(|(_, process)| process.user.as_deref());
    }
    if left_out > 0 {
        // The first of all stays, and the nearest.
        shown.splice(1..=left_out, ["…".to_owned()]);
    }
    let unit = unit(main).map(|unit| format!("{unit}: ")).unwrap_or_default();
    let said = format!("{unit}{}", shown.join(" → "));
    let others: Vec<_> = groups(&chain.others).iter().map(|links| group(links, true, Some(main))).collect();
    match others.join(", ").as_str() {
        "" => text!("{said}", "{said}"),
        others => text!("{said}; also {others}", "{said}。ほかに {others}"),
    }
}

/// `nginx 77 (root)`.
pub(super) fn one(pid: u32, process: &Process) -> String {
    group(&[(pid, process)], true, None)
}

/// Its unit; of a user's own service manager, where that started it.
fn unit(process: &Process) -> Option<&str> {
    process.user_unit.as_deref().or(process.unit.as_deref())
}

/// Where it runs, where that is not where `main` does: in another unit, or in none.
fn elsewhere<'a>(process: &'a Process, main: &Process) -> Option<&'a str> {
    (unit(process) != unit(main)).then(|| unit(process).or(process.cgroup.as_deref())).flatten()
}

/// The same program of the same user in the same unit stands together.
fn groups<'a>(links: &[Link<'a>]) -> Vec<Vec<Link<'a>>> {
    let key = |(_, process): &Link<'a>| (process.name.as_str(), process.user.as_deref(), unit(process));
    let mut links = links.to_vec();
    links.sort_by_key(|link| (key(link), link.0));
    links.chunk_by(|a, b| key(a) == key(b)).map(<[Link<'_>]>::to_vec).collect()
}

/// `nginx 813 814 (www-data)`, with the place where it is another than that of `main`.
fn group(links: &[Link<'_>], with_user: bool, main: Option<&Process>) -> String {
    let Some((_, first)) = links.first() else { return String::new() };
    let (name, user) = (first.called(), &first.user);
    let pids: Vec<_> = links.iter().take(PIDS_MAX).map(|(pid, _)| pid.to_string()).collect();
    let more = links.len().saturating_sub(PIDS_MAX);
    let more = if more > 0 { format!(" +{more}") } else { String::new() };
    let user = user.as_deref().filter(|_| with_user);
    let place = main.and_then(|main| elsewhere(first, main));
    let about: Vec<_> = user.into_iter().chain(place).collect();
    let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
    format!("{name} {}{more}{about}", pids.join(" "))
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
            workers: vec![(813..819).map(|pid| (pid, &worker)).collect()],
            others: vec![(900, &main)],
        };
        assert_eq!(
            text(&chain, &main).en,
            "nginx.service: systemd 1 (root) → nginx 812 → nginx 813 814 815 816 +2 (www-data); also nginx 900 (root)"
        );
    }

    #[test]
    fn siblings_are_no_chain_and_each_says_in_which_unit_it_is() {
        let in_unit = |user: &str, unit: &str| Process { unit: Some(unit.into()), ..process("sh.py", user) };
        let main = in_unit("root", "x.service");
        let (one, other, same) =
            (in_unit("nobody", "y.service"), in_unit("root", "z.service"), in_unit("root", "x.service"));
        let outside = Process { cgroup: Some("/".into()), ..process("sh.py", "root") };
        let chain = Chain {
            above: Vec::new(),
            main: Some((2, &main)),
            workers: vec![vec![(3, &one), (4, &other)], vec![(5, &same)]],
            others: vec![(6, &outside)],
        };
        assert_eq!(
            text(&chain, &main).en,
            "x.service: sh.py 2 (root) → sh.py 3 (nobody, y.service), sh.py 4 (root, z.service) → sh.py 5; \
             also sh.py 6 (root, /)"
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
