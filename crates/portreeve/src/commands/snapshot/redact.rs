//! Takes out of a snapshot what may be a secret: arguments of command lines, whose home a path lies in, and comments.

mod listings;

use portreeve_core::facts::{Line, Origins, Process, Snapshot};

/// Leaves programs, ports and owners, and nothing that only their users should know.
pub(super) fn redact(snapshot: &mut Snapshot) {
    for process in snapshot.processes.values_mut() {
        redact_process(process);
    }
    if let Some(origins) = &mut snapshot.origins {
        redact_origins(origins);
    }
    for file in snapshot.code.iter_mut().flat_map(|code| &mut code.files) {
        file.path = without_home(&file.path);
        file.build = None;
    }
    snapshot.firewall = snapshot.firewall.take().and_then(listings::redact);
    for gap in &mut snapshot.gaps {
        gap.detail = without_home(&gap.detail);
    }
}

fn redact_process(process: &mut Process) {
    let paths = [&mut process.exe, &mut process.script, &mut process.cwd];
    for path in paths.into_iter().flatten() {
        *path = without_home(path);
    }
    for file in process.stale_files.iter_mut().flatten() {
        *file = without_home(file);
    }
    process.cmdline = without_arguments(&process.cmdline);
}

/// Lines of units and crontabs are command lines too.
fn redact_origins(origins: &mut Origins) {
    origins.ancestors.values_mut().for_each(redact_process);
    let units = origins.units.values_mut().flat_map(|unit| &mut unit.lines);
    units.chain(origins.jobs.values_mut()).for_each(redact_line);
}

/// Up to what is run: `ExecStart=/usr/bin/x <2>`; of a job only how many words it has.
fn redact_line(line: &mut Line) {
    line.path = without_home(&line.path);
    let (key, command) = match line.text.split_once('=') {
        Some((key, command)) if key.chars().all(char::is_alphanumeric) => (format!("{key}="), command),
        _ => (String::new(), line.text.as_str()),
    };
    let mut words = command.split_whitespace();
    let program = words.next().filter(|_| !key.is_empty()).map(without_home);
    let count = words.count() + usize::from(program.is_none());
    let rest = if count > 0 { format!("<{count}>") } else { String::new() };
    line.text = [key + &program.unwrap_or_default(), rest].join(" ").trim().to_owned();
}

/// The program and how many arguments follow; a program may have rewritten its first argument into a whole line.
fn without_arguments(cmdline: &[String]) -> Vec<String> {
    let Some(first) = cmdline.first() else { return Vec::new() };
    let program = first.split_whitespace().next().unwrap_or_default();
    let count = cmdline.len() - 1 + first.split_whitespace().skip(1).count();
    let mut kept = vec![without_home(program)];
    if count > 0 {
        kept.push(format!("<{count}>"));
    }
    kept
}

/// `/home/dev/shop` as `~/shop`; `/root` is a home too.
fn without_home(path: &str) -> String {
    let below = |rest: &str| if rest.is_empty() { "~".into() } else { format!("~/{rest}") };
    if let Some(rest) = path.strip_prefix("/home/") {
        return below(rest.split_once('/').map_or("", |(_, rest)| rest));
    }
    match path.strip_prefix("/root") {
        Some("") => below(""),
        Some(rest) if rest.starts_with('/') => below(&rest[1..]),
        _ => path.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_lose_their_owner() {
        let shown =
            ["/home/dev/shop/a.js", "/home/dev", "/root/x", "/root", "/rooted", "/srv/x"].map(without_home);
        assert_eq!(shown, ["~/shop/a.js", "~", "~/x", "~", "/rooted", "/srv/x"]);
    }

    #[test]
    fn lines_that_start_something_lose_its_arguments() {
        let redacted = |text: &str| {
            let mut line = Line { path: "/home/dev/x".into(), number: 1, text: text.into() };
            redact_line(&mut line);
            assert_eq!(line.path, "~/x");
            line.text
        };
        assert_eq!(redacted("ExecStart=/home/dev/app --token s3cret"), "ExecStart=~/app <2>");
        assert_eq!(redacted("ListenStream=80"), "ListenStream=80");
        assert_eq!(redacted("@reboot dev TOKEN=s3cret /usr/bin/x"), "<4>");
    }

    #[test]
    fn arguments_are_counted_also_in_a_rewritten_line() {
        let redacted =
            |words: &[&str]| without_arguments(&words.iter().map(|&w| w.into()).collect::<Vec<_>>());
        assert_eq!(redacted(&["/usr/bin/x", "--token", "s3cret"]), ["/usr/bin/x", "<2>"]);
        assert_eq!(redacted(&["postgres: app db secret"]), ["postgres:", "<3>"]);
        assert_eq!(redacted(&["redis-server"]), ["redis-server"]);
        assert!(redacted(&[]).is_empty());
    }
}
