//! Finds the script that an interpreter runs, so that a program has its own name and not `python3`.

use super::{file_name, view::View};

/// The interpreters, without version numbers, and the options of each that take the next argument.
const INTERPRETERS: [(&str, &[&str]); 12] = [
    ("python", &["-W", "-X", "--check-hash-based-pycs"]),
    ("perl", &[]),
    ("ruby", &["-r", "-I", "-E"]),
    ("node", &["-r", "--require", "--import", "--loader", "--conditions", "-C"]),
    ("nodejs", &["-r", "--require", "--import", "--loader", "--conditions", "-C"]),
    ("php", &["-d", "-c", "-t"]),
    ("java", &["-cp", "-classpath", "--class-path", "-p", "--module-path"]),
    ("bash", &["-o", "-O"]),
    ("dash", &["-o"]),
    ("sh", &["-o"]),
    ("lua", &["-l"]),
    ("tclsh", &[]),
];

/// The script as an absolute path, where `exe` is an interpreter and the named file exists for that process.
pub(super) fn find(view: &View, exe: &str, cmdline: &[String], cwd: Option<&str>) -> Option<String> {
    let script = named(exe, cmdline)?;
    let path = if script.starts_with('/') { script.to_owned() } else { format!("{}/{script}", cwd?) };
    view.has_file(&path).then_some(path)
}

/// What the command line names as the script: the first argument that is no option.
///
/// A program given by `-c`, `-e` or `-m` has no script.
fn named<'a>(exe: &str, cmdline: &'a [String]) -> Option<&'a str> {
    // busybox is whatever it was called as.
    let program = match file_name(exe)? {
        "busybox" => file_name(cmdline.first()?)?,
        program => program,
    };
    let base = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let (interpreter, with_value) = INTERPRETERS.iter().find(|(name, _)| *name == base)?;
    let mut arguments = cmdline.iter().skip(1).map(String::as_str);
    while let Some(argument) = arguments.next() {
        match argument {
            "-jar" if *interpreter == "java" => return arguments.next(),
            "-c" | "-e" | "-m" | "-r" | "--eval" if !with_value.contains(&argument) => return None,
            "--" => return arguments.next(),
            _ if with_value.contains(&argument) => drop(arguments.next()),
            _ if argument.starts_with('-') => {}
            // A class of Java is no file.
            _ => return (*interpreter != "java").then_some(argument),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(exe: &str, line: &str) -> Option<String> {
        let cmdline: Vec<_> = line.split(' ').map(str::to_owned).collect();
        named(exe, &cmdline).map(str::to_owned)
    }

    #[test]
    fn the_first_argument_that_is_no_option_is_the_script() {
        assert_eq!(script("/usr/bin/python3.11", "python3 -u -W ignore app.py -m x"), Some("app.py".into()));
        assert_eq!(script("/usr/bin/node", "node --require ./hook.js server.js"), Some("server.js".into()));
        assert_eq!(script("/bin/busybox", "/bin/sh /etc/serve.sh"), Some("/etc/serve.sh".into()));
        assert_eq!(
            script("/usr/lib/jvm/bin/java", "java -Xmx1g -jar /opt/shop.jar"),
            Some("/opt/shop.jar".into())
        );
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
