//! Which line of a crontab started a process (crontab(5)).

use std::{
    fs,
    path::{Path, PathBuf},
};

use portreeve_core::facts::{Line, Process};

use super::text;

/// The table of the system, the folder of such tables, and the folders of the users' own, as distributions have them.
const SYSTEM: &str = "etc/crontab";
const SYSTEM_FOLDER: &str = "etc/cron.d";
const USER_FOLDERS: [&str; 2] = ["var/spool/cron/crontabs", "var/spool/cron"];
/// Tables of a folder that are read at most.
const TABLES_MAX: usize = 1024;
const JOBS_MAX: usize = 10_000;
/// The fields before the command: five of time, or `@reboot` and the like.
const TIME_FIELDS: usize = 5;

/// Whose table it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table<'a> {
    /// The system's: each line names its user.
    System,
    /// A user's own.
    User(&'a str),
}

/// A line that starts something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// As whom.
    pub user: String,
    /// What the shell is given.
    pub command: String,
    /// Where it stands.
    pub line: Line,
}

/// Every job of every table that can be read.
#[derive(Debug, Default)]
pub struct Crontabs(Vec<Job>);

impl Crontabs {
    /// The tables below a root, `/` on a real host.
    #[must_use]
    pub fn below(root: &Path) -> Self {
        let mut jobs = Vec::new();
        let mut add = |path: &Path, table: Table<'_>| {
            let shown = Path::new("/").join(path.strip_prefix(root).unwrap_or(path));
            if let Some(text) = text(path) {
                jobs.extend(read(&text, &shown.to_string_lossy(), table));
            }
        };
        add(&root.join(SYSTEM), Table::System);
        files(&root.join(SYSTEM_FOLDER)).iter().for_each(|path| add(path, Table::System));
        for path in USER_FOLDERS.iter().flat_map(|folder| files(&root.join(folder))) {
            let user = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            add(&path, Table::User(&user));
        }
        jobs.truncate(JOBS_MAX);
        Self(jobs)
    }

    /// The line that started the first of `lineage`, which the others stand above, the nearest first.
    ///
    /// The shell that cron starts has the command as its argument; where it has become the program itself, or is gone,
    /// the program's own command line must fit. Where several lines fit, none is named.
    #[must_use]
    pub fn started(&self, lineage: &[&Process]) -> Option<Line> {
        let shells = lineage.iter().rev().filter_map(|process| Some((*process, given(process)?)));
        for (shell, command) in shells {
            if let Some(line) = self.only(|job| job.command == command && is_of(job, shell)) {
                return Some(line);
            }
        }
        let holder = lineage.first()?;
        let words = |from: usize| holder.cmdline.get(from..).unwrap_or_default().join(" ");
        // Of a script with `#!` the kernel puts the interpreter in front.
        let (whole, script) = (words(0), words(1));
        let is = |job: &Job| {
            let command = job.command.split_whitespace().collect::<Vec<_>>().join(" ");
            !command.is_empty() && (command == whole || command == script)
        };
        let holds = |job: &Job| !whole.is_empty() && job.command.contains(&whole);
        self.only(|job| is(job) && is_of(job, holder)).or_else(|| self.only(holds))
    }

    fn only(&self, fits: impl Fn(&Job) -> bool) -> Option<Line> {
        let mut fitting = self.0.iter().filter(|job| fits(job));
        let first = fitting.next()?;
        fitting.next().is_none().then(|| first.line.clone())
    }
}

/// What a shell was given to do: `sh -c COMMAND`.
fn given(process: &Process) -> Option<&str> {
    match process.cmdline.as_slice() {
        [_, option, command] if option == "-c" => Some(command),
        _ => None,
    }
}

fn is_of(job: &Job, process: &Process) -> bool {
    process.user.as_ref().is_none_or(|user| *user == job.user)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().take(TABLES_MAX).flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.sort_unstable();
    files
}

/// Reads a table that a person knows by the name `path`.
#[must_use]
pub fn read(text: &str, path: &str, table: Table<'_>) -> Vec<Job> {
    let numbered = text.lines().zip(1u32..);
    numbered.filter_map(|(line, number)| job(line, number, path, table)).take(JOBS_MAX).collect()
}

/// A line that is a job: neither a comment nor a variable.
fn job(line: &str, number: u32, path: &str, table: Table<'_>) -> Option<Job> {
    let whole = line.trim();
    let line = whole.strip_prefix('-').unwrap_or(whole);
    let times = match line.bytes().next()? {
        b'@' => 1,
        b'*' | b'0'..=b'9' => TIME_FIELDS,
        _ => return None,
    };
    let mut rest = line;
    for _ in 0..times {
        (_, rest) = field(rest)?;
    }
    let (user, command) = match table {
        Table::System => field(rest)?,
        Table::User(user) => (user, rest),
    };
    let command = command_of(command);
    let line = Line { path: path.to_owned(), number, text: whole.to_owned() };
    (!command.is_empty()).then(|| Job { user: user.to_owned(), command, line })
}

fn field(text: &str) -> Option<(&str, &str)> {
    let (field, rest) = text.split_once([' ', '\t'])?;
    Some((field, rest.trim_start()))
}

/// What the shell is given: a bare percent sign begins the job's standard input, an escaped one is itself.
fn command_of(text: &str) -> String {
    let mut command = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('%', _) => break,
            ('\\', Some('%')) => {
                letters.next();
                command.push('%');
            }
            _ => command.push(letter),
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "# comment\nSHELL=/bin/sh\n\n17 *\t* * *\troot  cd / && run-parts /etc/cron.hourly\n\
                         @reboot dev python3 -m http.server 8123\n0 3 * * * dev date +\\%F%input\n* * * *\n";

    fn system() -> Vec<Job> {
        read(TABLE, "/etc/crontab", Table::System)
    }

    #[test]
    fn a_line_names_time_user_and_command() {
        let read: Vec<_> = system().into_iter().map(|job| (job.line.number, job.user, job.command)).collect();
        let expected = [
            (4, "root", "cd / && run-parts /etc/cron.hourly"),
            (5, "dev", "python3 -m http.server 8123"),
            (6, "dev", "date +%F"),
        ];
        assert_eq!(read, expected.map(|(line, user, command)| (line, user.into(), command.into())));
    }

    #[test]
    fn a_users_own_table_names_no_user() {
        let jobs = read("*/5 * * * * /home/dev/x --y\n", "/var/spool/cron/crontabs/dev", Table::User("dev"));
        assert_eq!((jobs[0].user.as_str(), jobs[0].command.as_str()), ("dev", "/home/dev/x --y"));
    }

    fn process(user: &str, words: &[&str]) -> Process {
        Process {
            user: Some(user.into()),
            cmdline: words.iter().map(ToString::to_string).collect(),
            ..Process::default()
        }
    }

    fn started(lineage: &[Process]) -> Option<u32> {
        Crontabs(system()).started(&lineage.iter().collect::<Vec<_>>()).map(|line| line.number)
    }

    #[test]
    fn the_shell_of_the_job_tells_its_line() {
        let job = process("root", &["/usr/sbin/server"]);
        let shell = process("root", &["/bin/sh", "-c", "cd / && run-parts /etc/cron.hourly"]);
        let cron = process("root", &["/usr/sbin/cron", "-f"]);
        assert_eq!(started(&[job.clone(), shell.clone(), cron.clone()]), Some(4));
        assert_eq!(started(&[job.clone(), process("dev", &["/bin/sh", "-c", "other"]), cron.clone()]), None);
        assert_eq!(
            started(&[job, process("dev", &["/bin/sh", "-c", &shell.cmdline[2]]), cron]),
            None,
            "another user's"
        );
    }

    #[test]
    fn without_a_shell_the_program_must_be_the_command() {
        let words = ["python3", "-m", "http.server", "8123"];
        assert_eq!(started(&[process("dev", &words)]), Some(5));
        assert_eq!(started(&[process("dev", &words[..3])]), Some(5), "a part that only one line has");
        let script = ["/usr/bin/python3", "date", "+%F"];
        assert_eq!(started(&[process("dev", &script)]), Some(6), "the interpreter stands in front");
        assert_eq!(started(&[process("dev", &[])]), None);
        assert_eq!(started(&[]), None);
    }

    #[test]
    fn where_two_lines_fit_none_is_named() {
        let twice = "@reboot dev x\n@daily dev x\n";
        let crontabs = Crontabs(read(twice, "/etc/crontab", Table::System));
        assert_eq!(crontabs.started(&[&process("dev", &["/bin/sh", "-c", "x"])]), None);
    }

    #[test]
    fn every_table_below_a_root_is_read() {
        let root = std::env::temp_dir().join(format!("portreeve-crontabs-{}", std::process::id()));
        for (path, text) in [
            ("etc/crontab", "@daily root a\n"),
            ("etc/cron.d/shop", "@daily dev b\n"),
            ("var/spool/cron/crontabs/dev", "@daily c\n"),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let jobs: Vec<_> =
            Crontabs::below(&root).0.into_iter().map(|job| (job.line.path, job.command)).collect();
        fs::remove_dir_all(&root).unwrap();
        let expected =
            [("/etc/crontab", "a"), ("/etc/cron.d/shop", "b"), ("/var/spool/cron/crontabs/dev", "c")];
        assert_eq!(jobs, expected.map(|(path, command)| (path.into(), command.into())));
    }
}
