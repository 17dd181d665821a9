//! A network, process numbers, /proc and mounts of one test's own, on the machine's files: what needs no booted host.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use portreeve_lab::{Output, namespace::Namespace, programs};

use super::site::{PORTREEVE, lab};

/// Such a place; it goes when this value does, with everybody in it.
pub(super) struct Room {
    namespace: Namespace,
    path: String,
}

impl Room {
    /// An empty one, whose /run is not the machine's.
    pub(super) fn create() -> Self {
        let holder = lab(programs::holder());
        let folder = |program: &Path| program.parent().expect("a file is in a folder").display().to_string();
        let rest = std::env::var("PATH").expect("the tools of the machine are on the path");
        let path = format!("{}:{}:{rest}", folder(Path::new(PORTREEVE)), folder(&holder));
        let room = Self { namespace: lab(Namespace::create_with_processes()), path };
        // What the machine has mounted there is neither seen nor hidden.
        room.run("awk '$5 ~ /^\\/run\\/netns\\// {print $5}' /proc/self/mountinfo | xargs -r umount");
        room.run("mount -t tmpfs run /run");
        room
    }

    /// A shell of root there; `holder` and `portreeve` are on its path.
    pub(super) fn shell(&self, command: &str) -> Command {
        let group = lab(self.namespace.group().below("room"));
        let mut shell = self.namespace.command_in(&group, "sh");
        shell.args(["-c", command]).env("PATH", &self.path).stdin(Stdio::null());
        shell
    }

    /// A shell of root that is in its network, and has no process number there.
    pub(super) fn outside(&self, command: &str) -> Command {
        let group = lab(self.namespace.group().below("outside"));
        let mut shell = self.namespace.command_beside(&group, "sh");
        shell.args(["-c", &format!("exec {command}")]).env("PATH", &self.path).stdin(Stdio::null());
        shell
    }

    /// What a shell's command of root prints; it must end with 0.
    #[track_caller]
    pub(super) fn run(&self, command: &str) -> Output {
        let output = self.try_run(command);
        assert_eq!(output.status, 0, "{command}: {output:#?}");
        output
    }

    /// The same, however it ends.
    pub(super) fn try_run(&self, command: &str) -> Output {
        self.shell(command).output().expect("a shell can be started").into()
    }

    /// Runs the lab's holder until the room goes, once it holds what it was asked to.
    #[track_caller]
    pub(super) fn hold(&self, arguments: &str) {
        let said = self.run(&format!(
            "rm -f /run/said; holder {arguments} </dev/null >/run/said 2>&1 & for i in $(seq 600); do grep -qs . /run/said && break; \
             sleep 0.05; done; cat /run/said"
        ));
        assert_eq!(said.stdout, "ready\n", "holder {arguments}");
    }

    /// The same of the lab's program for what Rust would call unsafe.
    #[track_caller]
    pub(super) fn hold_oddly(&self, arguments: &str) {
        self.hold_oddly_by("", arguments);
    }

    /// The same, started by `through`.
    #[track_caller]
    pub(super) fn hold_oddly_by(&self, through: &str, arguments: &str) {
        let odd = lab(programs::zoo()).join("odd").display().to_string();
        let said = self.run(&format!(
            "rm -f /run/said; {through} {odd} {arguments} </dev/null >/run/said 2>&1 & for i in $(seq 600); do \
             grep -qs ^ready /run/said && break; sleep 0.05; done; cat /run/said"
        ));
        assert!(said.stdout.ends_with("ready\n"), "odd {arguments}: {said:#?}");
    }

    /// Where the machine sees a file of the room.
    pub(super) fn file(&self, path: &str) -> PathBuf {
        format!("/proc/{}/root{path}", self.namespace.pid()).into()
    }
}
