//! Runs the built program as a stranger would: nothing of this machine's settings, locale or state reaches it.

use std::{
    fs::DirBuilder,
    io::Write as _,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

/// What a run said and how it ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// The output, of a run that ended with `code`.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> String {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self.out
    }

    /// What was said to standard error, of a run that ended with `code` and printed nothing else.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> String {
        assert_eq!((self.code, &self.out[..]), (code, ""), "stderr:\n{}", self.err);
        self.err
    }

    /// The document, of a run that ended with `code`.
    #[track_caller]
    pub(crate) fn json(self, code: i32) -> serde_json::Value {
        serde_json::from_str(&self.ends(code)).expect("one JSON document")
    }
}

/// Runs `portreeve` with the words of `line`, in the folder of the test data.
pub(crate) fn run(line: &str) -> Run {
    Place::new().run(line)
}

/// The same, with `input` on standard input.
pub(crate) fn run_with(line: &str, input: &[u8]) -> Run {
    Place::new().run_with(line, input)
}

/// The folder of the test data.
pub(crate) fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// A folder of its own for what runs keep, gone when dropped.
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("portreeve-judging-{}-{count}", std::process::id()));
        // Whatever the umask: the program keeps nothing where others may write.
        DirBuilder::new().mode(0o755).create(&path).expect("the temporary directory takes a folder");
        Self(path)
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("a file stands in a folder")).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn run(&self, line: &str) -> Run {
        self.run_with(line, b"")
    }

    pub(crate) fn run_with(&self, line: &str, input: &[u8]) -> Run {
        let mut child = Command::new(env!("CARGO_BIN_EXE_portreeve"))
            .args(line.split_whitespace())
            .current_dir(data())
            .env_clear()
            .env("LC_ALL", "C")
            .env("PORTREEVE_STATE", &self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("cargo built the program");
        let mut stdin = child.stdin.take().expect("it is piped");
        // A program that refuses its input early closes the pipe.
        let _ = stdin.write_all(input);
        drop(stdin);
        let ended = child.wait_with_output().expect("the program ends");
        Run {
            code: ended.status.code().expect("no signal ended it"),
            out: String::from_utf8(ended.stdout).expect("the output is UTF-8"),
            err: String::from_utf8(ended.stderr).expect("the errors are UTF-8"),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).expect("the test made this folder");
    }
}
