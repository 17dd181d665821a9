//! Finds the script that an interpreter runs, so that a program has its own name and not `python3`.

use std::cell::LazyCell;

use super::{code::DELETED, file_name, view::View};

/// How the command line of an interpreter is read, and what its scripts are called.
struct Interpreter {
    /// Its name without a version.
    name: &'static str,
    /// The options that take the next argument, or what stands behind them in the same one.
    with_value: &'static [&'static str],
    /// The options by which it runs no file: code, a module, standard input.
    without_file: &'static [&'static str],
    /// The letters that take what stands behind them in the same argument alone; `None` where several letters in one argument
    /// are no options of a letter each.
    attached: Option<&'static str>,
    /// How the names of its scripts usually end.
    endings: &'static [&'static str],
    /// What it puts behind a name that is no file.
    completed_by: &'static [&'static str],
}

/// Whatever no entry says otherwise.
const PLAIN: Interpreter = Interpreter {
    name: "",
    with_value: &[],
    without_file: &["-c", "-e", "-m"],
    attached: None,
    endings: &[],
    completed_by: &[],
};
const PYTHON: Interpreter = Interpreter {
    name: "python",
    with_value: &["-W", "-X", "--check-hash-based-pycs"],
    without_file: &["-c", "-m"],
    attached: Some(""),
    endings: &[".py"],
    completed_by: &["/__main__.py"],
};
const LUA: Interpreter = Interpreter { name: "lua", with_value: &["-e", "-l"], without_file: &[], ..PLAIN };
const NODE: Interpreter = Interpreter {
    name: "node",
    with_value: NODE_WITH_VALUE,
    without_file: &["-e", "-p", "-pe", "--eval", "--print"],
    attached: None,
    endings: &[".js", ".mjs", ".cjs"],
    completed_by: &[".js", "/index.js"],
};
/// Those that node(1) lists with a value and that do not demand `=` before it.
const NODE_WITH_VALUE: &[&str] = &[
    "-C",
    "-r",
    "--allow-fs-read",
    "--allow-fs-write",
    "--conditions",
    "--cpu-prof-dir",
    "--cpu-prof-interval",
    "--cpu-prof-name",
    "--diagnostic-dir",
    "--disable-proto",
    "--disable-warning",
    "--dns-result-order",
    "--env-file",
    "--env-file-if-exists",
    "--experimental-config-file",
    "--experimental-default-type",
    "--experimental-loader",
    "--heap-prof-dir",
    "--heap-prof-interval",
    "--heap-prof-name",
    "--heapsnapshot-near-heap-limit",
    "--heapsnapshot-signal",
    "--icu-data-dir",
    "--import",
    "--input-type",
    "--inspect-port",
    "--loader",
    "--localstorage-file",
    "--max-http-header-size",
    "--openssl-config",
    "--redirect-warnings",
    "--report-dir",
    "--report-directory",
    "--report-filename",
    "--report-signal",
    "--require",
    "--secure-heap",
    "--secure-heap-min",
    "--snapshot-blob",
    "--title",
    "--tls-cipher-list",
    "--tls-keylog",
    "--trace-event-categories",
    "--trace-event-file-pattern",
    "--unhandled-rejections",
    "--use-largepages",
    "--v8-pool-size",
    "--watch-path",
];
const SHELL: Interpreter = Interpreter {
    name: "sh",
    with_value: &["-o"],
    without_file: &["-c", "-s"],
    attached: Some(""),
    endings: &[".sh"],
    ..PLAIN
};

/// The interpreters whose scripts are told (python(1), perlrun(1), ruby(1), node(1), php(1), java(1), bash(1), lua(1)).
const INTERPRETERS: [Interpreter; 16] = [
    PYTHON,
    Interpreter { name: "pypy", ..PYTHON },
    Interpreter {
        name: "perl",
        with_value: &["-I"],
        without_file: &["-e", "-E"],
        attached: Some("CDFMdimxV"),
        endings: &[".pl"],
        ..PLAIN
    },
    Interpreter {
        name: "ruby",
        with_value: &[
            "-r",
            "-I",
            "-E",
            "-C",
            "--disable",
            "--enable",
            "--encoding",
            "--external-encoding",
            "--internal-encoding",
        ],
        without_file: &["-e"],
        attached: Some("FKTWix"),
        endings: &[".rb"],
        ..PLAIN
    },
    NODE,
    Interpreter { name: "nodejs", ..NODE },
    Interpreter {
        name: "php",
        with_value: &[
            "-d",
            "-c",
            "-t",
            "-S",
            "-z",
            "--define",
            "--docroot",
            "--php-ini",
            "--server",
            "--zend-extension",
        ],
        without_file: &["-r", "-R", "--run", "--process-code"],
        endings: &[".php"],
        ..PLAIN
    },
    Interpreter {
        name: "java",
        with_value: &[
            "-cp",
            "-classpath",
            "--class-path",
            "-p",
            "--module-path",
            "--add-exports",
            "--add-modules",
            "--add-opens",
            "--add-reads",
            "--enable-native-access",
            "--limit-modules",
            "--patch-module",
            "--upgrade-module-path",
        ],
        ..PLAIN
    },
    Interpreter { name: "bash", with_value: &["-o", "-O", "--rcfile", "--init-file"], ..SHELL },
    Interpreter { name: "dash", ..SHELL },
    Interpreter { name: "ksh", ..SHELL },
    Interpreter { name: "zsh", ..SHELL },
    SHELL,
    LUA,
    Interpreter { name: "luajit", ..LUA },
    Interpreter { name: "tclsh", with_value: &["-encoding"], ..PLAIN },
];

/// What an argument that begins with a dash is.
enum Meaning {
    Flag,
    /// The next argument is its value.
    TakesNext,
    /// What runs is in no file.
    WithoutFile,
}

impl Interpreter {
    /// The file that it runs by this path.
    fn file(&self, view: &View, path: &str) -> Option<String> {
        let completed = self.completed_by.iter().map(|end| format!("{}{end}", path.trim_end_matches('/')));
        let found = std::iter::once(path.to_owned()).chain(completed).find(|path| view.has_file(path))?;
        // So packages have it, unless a link stands in the way.
        let plain = plain(&found);
        let is_same =
            view.find(&plain).ok().flatten().is_some_and(|id| view.find(&found).ok().flatten() == Some(id));
        Some(if is_same { plain } else { found })
    }

    /// What `argument` means, which begins with a dash.
    fn meaning(&self, argument: &str) -> Meaning {
        let is_in = |options: &[&str], option: &str| options.contains(&option);
        if argument == "-" || is_in(self.without_file, argument) {
            return Meaning::WithoutFile;
        }
        if is_in(self.with_value, argument) {
            return Meaning::TakesNext;
        }
        let Some(attached) = self.attached.filter(|_| !argument.starts_with("--")) else {
            return Meaning::Flag;
        };
        // Letters may share a dash (getopt(3)): -wne CODE.
        for (place, letter) in argument.char_indices().skip(1) {
            let option = format!("-{letter}");
            if is_in(self.without_file, &option) {
                return Meaning::WithoutFile;
            }
            if is_in(self.with_value, &option) {
                let is_last = place + letter.len_utf8() == argument.len();
                return if is_last { Meaning::TakesNext } else { Meaning::Flag };
            }
            if attached.contains(letter) {
                return Meaning::Flag;
            }
        }
        Meaning::Flag
    }
}

/// What of a process tells its script.
pub(super) struct Asked<'a> {
    /// The executable.
    pub(super) exe: &'a str,
    /// The command line, an argument each.
    pub(super) cmdline: &'a [String],
    /// Its working directory.
    pub(super) cwd: Option<&'a str>,
}

/// The script as an absolute path, where the executable is an interpreter and the named file exists for that process, or surely
/// did.
///
/// `started_in` tells the working directory in which it was started, empty where nobody told; `None` of whoever is in a chroot,
/// below which paths are meant.
pub(super) fn find(
    view: &View,
    asked: &Asked<'_>,
    started_in: impl FnOnce() -> Option<String>,
) -> Option<String> {
    let (interpreter, script) = named(asked.exe, asked.cmdline)?;
    let home = LazyCell::new(started_in);
    let found = if script.starts_with('/') {
        interpreter.file(view, script)
    } else {
        // A program may have gone elsewhere since, and whoever started it too: of two files the one it was called by in the shell.
        let places = [home.as_deref().filter(|home| !home.is_empty()), asked.cwd];
        places.into_iter().find_map(|place| interpreter.file(view, &absolute(script, place)?))
    };
    if found.is_some() {
        return found;
    }
    // What is no file of that name may never have been one: an argument of its own.
    interpreter.endings.iter().find(|ending| script.ends_with(**ending))?;
    let home = home.as_deref()?;
    let cwd = asked.cwd.map(|cwd| cwd.strip_suffix(DELETED).unwrap_or(cwd));
    let path = absolute(script, cwd.filter(|cwd| *cwd == home))?;
    matches!(view.look(&path), Ok(None)).then_some(path)
}

fn absolute(script: &str, cwd: Option<&str>) -> Option<String> {
    match script.starts_with('/') {
        true => Some(script.to_owned()),
        // The root directory ends in what separates names already.
        false => Some(format!("{}/{script}", cwd?.trim_end_matches('/'))),
    }
}

/// The path without dots and doubled slashes.
fn plain(path: &str) -> String {
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

/// What the command line names as the script, and who runs it: the first argument that is no option.
///
/// A program given by `-c`, `-e` or `-m` has no script.
fn named<'a>(exe: &str, cmdline: &'a [String]) -> Option<(&'static Interpreter, &'a str)> {
    // busybox is whatever it was called as.
    let program = match file_name(exe)? {
        "busybox" => file_name(cmdline.first()?)?,
        program => program,
    };
    // `python3.13t`, `perl5.36-x86_64-linux-gnu`: what stands behind a number tells how it was built.
    let base = program.split(|c: char| c.is_ascii_digit()).next()?.trim_end_matches('-');
    let interpreter = INTERPRETERS.iter().find(|interpreter| interpreter.name == base)?;
    let is_java = interpreter.name == "java";
    let [is_node, is_shell] = [".js", ".sh"].map(|ending| interpreter.endings.contains(&ending));
    let mut arguments = cmdline.iter().skip(1).map(String::as_str);
    let script = loop {
        let argument = arguments.next()?;
        match argument {
            "--" => break arguments.next(),
            "-jar" if is_java => break arguments.next(),
            // Arguments from a file, the command of a debugger, an option that is taken back.
            _ if is_java && argument.starts_with('@') => {}
            "inspect" if is_node => {}
            "+o" | "+O" if is_shell => drop(arguments.next()),
            _ if is_shell && argument.starts_with('+') => {}
            _ if !argument.starts_with('-') => break (!is_java).then_some(argument),
            _ => match interpreter.meaning(argument) {
                Meaning::Flag => {}
                Meaning::TakesNext => drop(arguments.next()),
                Meaning::WithoutFile => break None,
            },
        }
    };
    Some((interpreter, script?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::processes::view::Views;

    fn script(exe: &str, line: &str) -> Option<String> {
        let cmdline: Vec<_> = line.split(' ').map(str::to_owned).collect();
        named(exe, &cmdline).map(|(_, script)| script.to_owned())
    }

    #[test]
    fn the_first_argument_that_is_no_option_is_the_script() {
        assert_eq!(script("/usr/bin/python3.11", "python3 -u -W ignore app.py -m x"), Some("app.py".into()));
        assert_eq!(script("/usr/bin/node", "node --require ./hook.js server.js"), Some("server.js".into()));
        let line = "node --env-file .env --title x --no-warnings server.js --require y";
        assert_eq!(script("/usr/bin/node", line), Some("server.js".into()));
        for (exe, line) in [
            ("java", "java --add-opens A=B @args --enable-native-access X -jar a"),
            ("nodejs", "node inspect a"),
            ("node18", "node --experimental-loader ./pre.js --inspect-port 0 a"),
            ("php8.2", "php --server b:1 --define x=1 -z c a"),
            ("ruby3.1", "ruby --encoding utf-8 --disable gems a"),
            ("bash", "bash +x +o posix a"),
            ("lua5.4", "lua -e x -l y a"),
            ("luajit-2.1", "luajit a"),
            ("python3.13t", "python3 a"),
            ("pypy3.9", "pypy3 a"),
            ("perl5.36-x86_64-linux-gnu", "perl a"),
            ("zsh", "zsh a"),
        ] {
            assert_eq!(script(&format!("/usr/bin/{exe}"), line), Some("a".into()), "{line}");
        }
        assert_eq!(script("/bin/busybox", "/bin/sh /etc/serve.sh"), Some("/etc/serve.sh".into()));
        assert_eq!(
            script("/usr/lib/jvm/bin/java", "java -Xmx1g -jar /opt/shop.jar"),
            Some("/opt/shop.jar".into())
        );
    }

    #[test]
    fn values_of_options_are_no_script() {
        let perl = |line: &str| script("/usr/bin/perl5.36", line);
        for line in [
            "perl -I /tmp -MSocket p.pl",
            "perl -I/tmp -Mstrict -wT p.pl",
            "perl -wI /tmp p.pl",
            "perl -CSDAE -i.bake -d:Trace p.pl",
            "perl -0777 -l012 p.pl",
        ] {
            assert_eq!(perl(line), Some("p.pl".into()), "{line}");
        }
        assert_eq!(script("/usr/bin/ruby", "ruby -rsocket -I lib -W2 s.rb"), Some("s.rb".into()));
        assert_eq!(script("/usr/bin/php8.2", "php -S 127.0.0.1:80 -t web r.php"), Some("r.php".into()));
        assert_eq!(script("/usr/bin/python3", "python3 -uWignore -OO x.py"), Some("x.py".into()));
    }

    #[test]
    fn code_behind_joined_letters_and_standard_input_are_no_script() {
        for (exe, line) in [
            ("/usr/bin/perl", "perl -lne print x.pl"),
            ("/usr/bin/perl", "perl -MIO::Socket -we 1 x.pl"),
            ("/usr/bin/ruby", "ruby -rsocket -ne p x.rb"),
            ("/usr/bin/bash", "bash -lc x.sh"),
            ("/usr/bin/python3", "python3 -Ic x.py"),
            ("/usr/bin/python3", "python3 - x.py"),
            ("/usr/bin/node", "node -p x.js"),
        ] {
            assert_eq!(script(exe, line), None, "{line}");
        }
    }

    /// The script of a process that runs `line` here, and was started in `started_in`.
    fn found(line: &str, started_in: Option<&str>) -> Option<String> {
        let view = Views::new().of(std::process::id()).unwrap();
        let cmdline: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let asked = Asked { exe: "/usr/bin/python3.11", cmdline: &cmdline, cwd: Some("/tmp") };
        find(&view, &asked, || started_in.map(str::to_owned))
    }

    #[test]
    fn a_script_that_is_gone_is_the_script_still_where_it_surely_was_one() {
        let gone = "portreeve-no-such-script.py";
        let at = Some(format!("/tmp/{gone}"));
        assert_eq!(found(&format!("python3 {gone} 80"), Some("/tmp")), at);
        assert_eq!(found(&format!("python3 /tmp/{gone}"), Some("/")), at);
        assert_eq!(found(&format!("python3 {gone}"), Some("/srv")), None, "it went elsewhere since");
        assert_eq!(found(&format!("python3 {gone}"), Some("")), None, "it may have gone elsewhere");
        assert_eq!(found(&format!("python3 /tmp/{gone}"), None), None, "it is in a chroot");
        assert_eq!(found("python3 /tmp/portreeve-no-such-word", Some("/tmp")), None, "no name of a script");
        assert_eq!(found(&format!("python3 -c {gone}"), Some("/tmp")), None);
        assert_eq!(found(&format!("python3 -m {gone}"), Some("/tmp")), None);
    }

    #[test]
    fn a_script_is_completed_as_its_interpreter_does_and_found_where_it_was_started() {
        let folder = std::env::temp_dir().join(format!("portreeve-script-{}", std::process::id()));
        let write = |path: &str| {
            let file = folder.join(path);
            std::fs::create_dir_all(file.parent().expect("it is below the folder")).unwrap();
            std::fs::write(file, "").unwrap();
        };
        for path in
            ["here/app.py", "there/app.py", "tool/__main__.py", "web/index.js", "main.js", "alone/one.py"]
        {
            write(path);
        }
        let at = |path: &str| folder.join(path).display().to_string();
        let view = Views::new().of(std::process::id()).unwrap();
        let of = |exe: &str, line: &str, cwd: &str, home: &str| {
            let cmdline: Vec<_> = line.split(' ').map(str::to_owned).collect();
            let (cwd, home) = (at(cwd), if home.is_empty() { String::new() } else { at(home) });
            find(&view, &Asked { exe, cmdline: &cmdline, cwd: Some(&cwd) }, || Some(home))
        };
        let (python, node) = ("/usr/bin/python3", "/usr/bin/node");
        assert_eq!(
            of(python, "python3 app.py", "there", "here"),
            Some(at("here/app.py")),
            "it went there since"
        );
        assert_eq!(of(python, "python3 app.py", "there", ""), Some(at("there/app.py")), "nobody told");
        assert_eq!(of(python, "python3 one.py", "alone", "here"), Some(at("alone/one.py")));
        let cmdline = ["python3".to_owned(), at("main.js")];
        let asked = Asked { exe: python, cmdline: &cmdline, cwd: None };
        let unasked = || panic!("where it was started is of no account");
        assert_eq!(find(&view, &asked, unasked), Some(at("main.js")));
        assert_eq!(of(python, "python3 tool/ x", "web/..", ""), Some(at("tool/__main__.py")));
        assert_eq!(of(python, "python3 web/ x", "web/..", ""), None, "there is nothing to run");
        assert_eq!(of(node, "node main", "web/..", ""), Some(at("main.js")));
        assert_eq!(of(node, "node .", "web", ""), Some(at("web/index.js")));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_script_below_the_root_directory_has_one_slash() {
        assert_eq!(absolute("srv/x.py", Some("/")).as_deref(), Some("/srv/x.py"));
        assert_eq!(absolute("x.py", Some("/srv")).as_deref(), Some("/srv/x.py"));
    }

    #[test]
    fn a_module_an_expression_or_another_program_has_no_script() {
        assert_eq!(script("/usr/bin/python3", "python3 -m http.server"), None);
        assert_eq!(script("/usr/bin/perl", "perl -e sleep"), None);
        assert_eq!(script("/usr/bin/java", "java -cp a.jar shop.Main"), None);
        assert_eq!(script("/bin/busybox", "httpd -f /srv"), None);
        assert_eq!(script("/usr/sbin/nginx", "nginx -g daemon"), None);
    }
}
