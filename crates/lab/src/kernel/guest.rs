//! A guest of qemu: another kernel that runs, with nothing but what it was given, until its value is dropped.

use std::{
    cell::RefCell,
    fs::File,
    io::{self, Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::PathBuf,
    process::Child,
    time::{Duration, Instant},
};

use super::{Initramfs, Kernel};
use crate::{
    cgroup::{self, Group},
    error::LabError,
    folder::Folder,
    output::Output,
    root,
};

/// How long a kernel may take to start its first process: its every instruction is emulated, on a busy machine.
const BOOT_SECONDS_MAX: u64 = 120;

/// How long a command may take elsewhere than on the whole machine; the guest ends it itself, so that what it printed is not lost.
const RUN_SECONDS_MAX: u64 = 120;

/// How long the answer may take after the guest has ended the command.
const ANSWER_SECONDS_MAX: u64 = 30;

/// How much a command may print.
const OUTPUT_BYTES_MAX: u64 = 64 << 20;

/// The longest line in which a guest says how long its answer is: a status and two lengths.
const HEAD_BYTES_MAX: usize = 64;

/// A machine without network or disk. Its first serial line is the console, the second is qemu's own standard input
/// and output. Emulated, as hosts of the lab are often guests themselves, in which the processor's help may hang.
const MACHINE: &[&str] = &[
    "-nodefaults",
    "-no-user-config",
    "-no-reboot",
    "-display",
    "none",
    "-accel",
    "tcg,thread=multi",
    "-smp",
    "2",
];

/// How the guest sees the machine's files: it cannot write them, and two of different disks have different numbers.
const MACHINES_FILES: &[&str] = &[
    "-fsdev",
    "local,id=machine,path=/,security_model=none,readonly=on,multidevs=remap",
    "-device",
    "virtio-9p-pci,fsdev=machine,mount_tag=machine",
];

/// What the kernel is told of it: to speak on the first serial line, to end on a panic, and not to guard against the
/// processor's leaks, which costs an emulated one dear.
///
/// A busy machine gives an emulated one too little time for the kernel to see its timer tick, which it takes for a broken
/// one and panics (Documentation/admin-guide/kernel-parameters.txt, `no_timer_check`).
const PARAMETERS: &str = "console=ttyS0 loglevel=5 panic=-1 mitigations=off no_timer_check";

/// What a guest has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hardware {
    /// So much memory, as qemu takes it.
    pub(super) memory: &'static str,
    /// How long a command may take.
    pub(super) run_seconds_max: u64,
    /// Whether it sees the machine's files.
    pub(super) sees_machine: bool,
}

impl Default for Hardware {
    fn default() -> Self {
        Self { memory: "1G", run_seconds_max: RUN_SECONDS_MAX, sees_machine: false }
    }
}

/// A running kernel; it goes, with all that it had, when this value does.
#[derive(Debug)]
pub struct Guest {
    group: Group,
    folder: Folder,
    qemu: Child,
    line: RefCell<UnixStream>,
    booted_in: Duration,
    run_seconds_max: u64,
}

impl Guest {
    /// Boots `kernel` into `initramfs`, with more parameters of the kernel (kernel-command-line(7)).
    ///
    /// # Errors
    ///
    /// Where the lab cannot be built here, or with the console of a kernel that does not come up.
    pub fn boot(kernel: &Kernel, initramfs: &Initramfs, parameters: &str) -> Result<Self, LabError> {
        Self::boot_on(kernel, initramfs, parameters, Hardware::default())
    }

    /// The same on this hardware.
    pub(super) fn boot_on(
        kernel: &Kernel,
        initramfs: &Initramfs,
        parameters: &str,
        hardware: Hardware,
    ) -> Result<Self, LabError> {
        let Hardware { memory, run_seconds_max, sees_machine } = hardware;
        let group = Group::create()?;
        let folder = Folder::create(group.name())?;
        let packed = folder.path().join("initramfs");
        initramfs.pack(kernel, &packed)?;
        let start = Instant::now();
        let (near, far) = UnixStream::pair().map_err(LabError::file("make", "a pair of sockets"))?;
        let arguments = ["-kernel".into(), kernel.image(), "-initrd".into(), packed];
        let qemu = cgroup::command(group.path(), "qemu-system-x86_64")
            .args(MACHINE)
            .args(["-m", memory])
            .args(if sees_machine { MACHINES_FILES } else { &[] })
            .args(arguments)
            .args(["-append", &format!("{PARAMETERS} SECONDS_MAX={run_seconds_max} {parameters}")])
            .args(["-serial", &format!("file:{}", console(&folder).display()), "-serial", "stdio"])
            .stdin(OwnedFd::from(far.try_clone().map_err(LabError::file("clone", "a socket"))?))
            .stdout(OwnedFd::from(far))
            .stderr(File::create(complaints(&folder)).map_err(LabError::file("write", complaints(&folder)))?)
            .spawn()
            .map_err(|source| LabError::Start { program: "qemu-system-x86_64".into(), source })?;
        let (line, booted_in) = (RefCell::new(near), Duration::ZERO);
        let mut guest = Self { group, folder, qemu, line, booted_in, run_seconds_max };
        guest.wait_until_ready()?;
        guest.booted_in = start.elapsed();
        Ok(guest)
    }

    /// Its name, which nothing else of the lab has.
    #[must_use]
    pub fn name(&self) -> &str {
        self.group.name()
    }

    /// How long it took to come up.
    #[must_use]
    pub fn booted_in(&self) -> Duration {
        self.booted_in
    }

    /// Runs a shell's command as root.
    ///
    /// # Errors
    ///
    /// With the end of the console, where the guest gives no answer; how the command ends is in the output.
    pub fn run(&self, command: &str) -> Result<Output, LabError> {
        let seconds = self.run_seconds_max + ANSWER_SECONDS_MAX;
        self.ask(command, Duration::from_secs(seconds))
            .map_err(|error| self.fell_silent(command, seconds, &error))
    }

    /// Starts the lab's holder with these arguments in a control group such as `system.slice/web.service`, waits
    /// until it holds what it was asked to, and says its number.
    ///
    /// # Errors
    ///
    /// With what it said, where it does not.
    pub fn hold(&self, group: &str, arguments: &str) -> Result<u32, LabError> {
        let script = format!(
            "group=/sys/fs/cgroup/{group}; mkdir -p $group; log=$(mktemp); \
             (echo 0 >$group/cgroup.procs; exec holder {arguments}) </dev/null >$log 2>&1 & pid=$!; \
             for i in $(seq 400); do grep -qx ready $log && echo $pid && exit 0; \
             grep -q '^error' $log && break; sleep 0.05; done; cat $log; exit 1"
        );
        let output = self.run(&script)?.success(&format!("holder {arguments}"))?;
        output.stdout.trim().parse().map_err(|_| LabError::Failed {
            what: format!("holder {arguments}"),
            status: 0,
            said: output.stdout.clone(),
        })
    }

    /// What the kernel has said so far.
    #[must_use]
    pub fn console(&self) -> String {
        std::fs::read(console(&self.folder))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    fn wait_until_ready(&self) -> Result<(), LabError> {
        let mut line = self.line.borrow_mut();
        let deadline = Duration::from_secs(BOOT_SECONDS_MAX);
        let said = line.set_read_timeout(Some(deadline)).and_then(|()| head(&mut line));
        drop(line);
        match said {
            Ok(word) if word == "ready" => Ok(()),
            Ok(word) => Err(self.died("booting", &word)),
            Err(error) => Err(self.fell_silent("booting", BOOT_SECONDS_MAX, &error)),
        }
    }

    fn ask(&self, command: &str, patience: Duration) -> io::Result<Output> {
        let mut line = self.line.borrow_mut();
        line.set_read_timeout(Some(patience))?;
        line.set_write_timeout(Some(patience))?;
        write!(line, "{}\n{command}", command.len())?;
        let head = head(&mut line)?;
        let [status, stdout, stderr] = numbers(&head)?;
        let status = i32::try_from(status).map_err(io::Error::other)?;
        Ok(Output { status, stdout: text(&mut line, stdout)?, stderr: text(&mut line, stderr)? })
    }

    fn fell_silent(&self, what: &str, seconds: u64, error: &io::Error) -> LabError {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
                LabError::TooLate { what: what.into(), seconds, said: self.last_words() }
            }
            _ => self.died(what, &error.to_string()),
        }
    }

    /// A panic is followed by more lines than anybody wants to see, so its own stands first.
    fn died(&self, what: &str, why: &str) -> LabError {
        let console = self.console();
        let panic = console.lines().find(|line| line.contains("Kernel panic")).unwrap_or(why);
        let said = format!("{panic}\n{}", self.last_words());
        LabError::Failed { what: format!("{what} on a guest of qemu"), status: -1, said }
    }

    fn last_words(&self) -> String {
        let files = [complaints(&self.folder), console(&self.folder)];
        files.map(|file| root::last_words(&file)).join("\n")
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = cgroup::remove(self.group.name());
        let _ = self.qemu.wait();
    }
}

/// A short line.
fn head(line: &mut UnixStream) -> io::Result<String> {
    let mut text = String::new();
    let mut byte = [0];
    loop {
        line.read_exact(&mut byte)?;
        match byte[0] {
            b'\n' => return Ok(text),
            _ if text.len() == HEAD_BYTES_MAX => return Err(io::Error::other(format!("not a head: {text}"))),
            byte => text.push(char::from(byte)),
        }
    }
}

fn numbers(head: &str) -> io::Result<[u64; 3]> {
    let numbers: Vec<u64> = head.split(' ').filter_map(|word| word.parse().ok()).collect();
    numbers.try_into().map_err(|_| io::Error::other(format!("not a head: {head}")))
}

fn text(line: &mut UnixStream, length: u64) -> io::Result<String> {
    if length > OUTPUT_BYTES_MAX {
        return Err(io::Error::other(format!("it printed {length} bytes")));
    }
    let mut bytes = Vec::new();
    line.take(length).read_to_end(&mut bytes)?;
    if (bytes.len() as u64) < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn console(folder: &Folder) -> PathBuf {
    folder.path().join("console.log")
}

/// Where qemu itself complains.
fn complaints(folder: &Folder) -> PathBuf {
    folder.path().join("qemu.log")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ends of a line on which a guest has said this, and nothing more.
    fn said(bytes: &[u8]) -> UnixStream {
        let (near, mut far) = UnixStream::pair().unwrap();
        far.write_all(bytes).unwrap();
        near
    }

    #[test]
    fn an_answer_is_read_by_its_lengths() {
        let mut line = said(b"3 4 2\na\nb\nno");
        assert_eq!(numbers(&head(&mut line).unwrap()).unwrap(), [3, 4, 2]);
        assert_eq!(text(&mut line, 4).unwrap(), "a\nb\n");
        assert_eq!(text(&mut line, 2).unwrap(), "no");
    }

    #[test]
    fn half_an_answer_is_none() {
        assert_eq!(text(&mut said(b"abc"), 4).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(head(&mut said(b"3 4")).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(head(&mut said(&[b'x'; 100])).is_err());
        assert!(text(&mut said(b""), OUTPUT_BYTES_MAX + 1).is_err());
        for wrong in ["", "3 4", "3 4 x", "3 4 5 6"] {
            assert!(numbers(wrong).is_err(), "{wrong}");
        }
    }
}
