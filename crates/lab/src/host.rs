//! A whole Debian host: a real systemd and its units, booted over an overlay that dies with it.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    cgroup,
    error::LabError,
    folder::Folder,
    namespace::Namespace,
    network::{Network, Place},
    output::Output,
    profile::{self, Profile},
    programs, root,
};

/// How long a host may take to boot.
const BOOT_SECONDS_MAX: u64 = 90;

/// How long a command on a host may take.
const RUN_SECONDS_MAX: &str = "90";

/// The group of processes that tests start: a neighbour of the host's own units and none of them.
const SESSION: &str = "payload/lab.scope";

/// Where the lab's holder stands on a host.
const HOLDER: &str = "/usr/local/bin/holder";

/// Mounts the overlay where only this process and its children see it, then becomes the host.
///
/// Container engines give each container a keyring and a filter for devices, which nspawn would refuse them.
///
/// A machine that reboots, which nspawn tells by its exit code, has an empty packet filter.
///
/// $0 is the layer of the profile, $1 the root, $2 the file of the network namespace, $3 the machine, $4 its host name.
const BOOT: &str = "set -e
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=\"$0:$1\",upperdir=/mnt/upper,workdir=/mnt/work,xino=on overlay /mnt/root
while true; do code=0
systemd-nspawn --quiet --register=no --keep-unit --boot --directory=/mnt/root --machine=\"$3\" \\
  --hostname=\"$4\" --network-namespace-path=\"$2\" --capability=all --link-journal=no --resolv-conf=off \\
  --timezone=off --console=pipe --system-call-filter='@keyring bpf' || code=$?
[ $code -eq 133 ] || exit $code
nsenter --net=\"$2\" chroot \"$1\" /usr/sbin/nft flush ruleset
done";

/// A running host; it goes, with all that it made, when this value does.
#[derive(Debug)]
pub struct Host {
    namespace: Namespace,
    folder: Folder,
    place: Place,
    nspawn: Child,
    leader: u32,
}

/// A program that runs on a host until this value is dropped.
#[derive(Debug)]
pub struct Background<'a> {
    host: &'a Host,
    /// Its number on the host.
    pub pid: u32,
}

impl Host {
    /// Boots a host of this kind on `network`, with the program at `portreeve` as /usr/local/bin/portreeve.
    ///
    /// # Errors
    ///
    /// Where the lab cannot be built here, or with the console of a host that does not come up with every unit of
    /// its profile.
    pub fn boot(network: &Network, profile: &Profile, portreeve: &Path) -> Result<Self, LabError> {
        let root = root::ready()?;
        let namespace = Namespace::create()?;
        let place = network.plug(&namespace)?;
        let folder = Folder::create(namespace.group().name())?;
        let layer = folder.path().join("layer");
        profile::write(profile, &root, &layer)?;
        copy_program(portreeve, &layer.join("usr/local/bin/portreeve"))?;
        let nspawn = start(&namespace, &folder, profile, &root)?;
        let mut host = Self { namespace, folder, place, nspawn, leader: 0 };
        host.leader = host.wait_for_leader()?;
        host.wait_for_units(profile)?;
        Ok(host)
    }

    /// Reboots it as its own systemd does, with the same files, network and addresses, and waits until it is up.
    ///
    /// # Errors
    ///
    /// With its console, where it does not come up with every unit of its profile.
    pub fn reboot(&mut self, profile: &Profile) -> Result<(), LabError> {
        let before = self.leader;
        // Whoever asks is gone before he is answered.
        self.run("systemctl reboot")?;
        let deadline = Instant::now() + Duration::from_secs(BOOT_SECONDS_MAX);
        while self.leader == before {
            if Instant::now() > deadline {
                return Err(self.did_not_boot("another first process"));
            }
            thread::sleep(Duration::from_millis(20));
            self.leader = self.wait_for_leader()?;
        }
        self.wait_for_units(profile)
    }

    /// Its addresses.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Its network.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The network of a process of it, by its number there.
    #[must_use]
    pub fn network_of(&self, pid: u32) -> PathBuf {
        format!("/proc/{}/root/proc/{pid}/ns/net", self.leader).into()
    }

    /// Runs a shell's command as root.
    ///
    /// # Errors
    ///
    /// Where it cannot be started; how it ends is in the output.
    pub fn run(&self, command: &str) -> Result<Output, LabError> {
        self.feed(command, Stdio::null())
    }

    /// Runs a shell's command as `user`, without a login session.
    ///
    /// # Errors
    ///
    /// Where it cannot be started; how it ends is in the output.
    pub fn run_as(&self, user: &str, command: &str) -> Result<Output, LabError> {
        self.run(&as_user(user, command))
    }

    /// Starts a program that goes on while a test looks.
    ///
    /// # Errors
    ///
    /// Where it cannot be started.
    pub fn start_as(&self, user: &str, command: &str) -> Result<Background<'_>, LabError> {
        self.start(user, command, "true")
    }

    /// Starts the lab's holder with these arguments, and waits until it holds what it was asked to.
    ///
    /// # Errors
    ///
    /// With what it said, where it does not.
    pub fn hold_as(&self, user: &str, arguments: &str) -> Result<Background<'_>, LabError> {
        if self.run(&format!("test -x {HOLDER}"))?.status != 0 {
            self.put(&programs::holder()?, HOLDER)?;
        }
        self.start(user, &format!("{HOLDER} {arguments}"), "grep -qx ready")
    }

    /// `is_ready` is asked about the program's log.
    fn start(&self, user: &str, command: &str, is_ready: &str) -> Result<Background<'_>, LabError> {
        let program = as_user(user, &format!("exec {command}"));
        let script = format!(
            "log=$(mktemp); ({program}) </dev/null >$log 2>&1 & pid=$!; \
             for i in $(seq 400); do {is_ready} $log && echo $pid && exit 0; \
             kill -0 $pid 2>/dev/null || break; sleep 0.025; done; cat $log; exit 1"
        );
        let output = self.run(&script)?.success(command)?;
        let unread = |_| LabError::Failed { what: command.into(), status: 0, said: output.stdout.clone() };
        let pid = output.stdout.trim().parse().map_err(unread)?;
        Ok(Background { host: self, pid })
    }

    /// Writes a text to a file, as the host's root.
    ///
    /// # Errors
    ///
    /// Where the host refuses.
    pub fn write(&self, path: &str, text: &str) -> Result<(), LabError> {
        let staged = self.folder.path().join("staged");
        let mut file = File::create(&staged).map_err(LabError::file("write", &staged))?;
        file.write_all(text.as_bytes()).map_err(LabError::file("write", &staged))?;
        self.copy_in(&staged, path)
    }

    /// Copies a program of the machine to a path of the host.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or the host refuses.
    pub fn put(&self, program: &Path, path: &str) -> Result<(), LabError> {
        self.copy_in(program, path)?;
        let what = format!("chmod 755 {path}");
        self.run(&what)?.success(&what).map(drop)
    }

    /// Waits until something listens on a TCP port, as the host's own `ss` sees it.
    ///
    /// # Errors
    ///
    /// Where nothing does within ten seconds.
    pub fn wait_for_port(&self, port: u16) -> Result<(), LabError> {
        let wait = format!(
            "for i in $(seq 200); do ss -Hltn 'sport = :{port}' | grep -q . && exit 0; sleep 0.05; done; \
             ss -ltnp; exit 1"
        );
        self.run(&wait)?.success(&format!("waiting for a listener on {port}/tcp")).map(drop)
    }

    fn copy_in(&self, from: &Path, to: &str) -> Result<(), LabError> {
        let file = File::open(from).map_err(LabError::file("read", from))?;
        let command = format!("mkdir -p \"$(dirname '{to}')\" && cat > '{to}'");
        self.feed(&command, file.into())?.success(&format!("writing {to}")).map(drop)
    }

    /// The environment is a host's own and none of the machine's.
    fn feed(&self, command: &str, stdin: Stdio) -> Result<Output, LabError> {
        let leader = self.leader.to_string();
        let output = cgroup::command(&self.namespace.group().below(SESSION)?, "nsenter")
            .args(["--target", &leader, "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--"])
            .args(["env", "-i", "HOME=/root", "USER=root", "LANG=C.UTF-8"])
            .arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .args(["timeout", "--kill-after=5", RUN_SECONDS_MAX, "/bin/sh", "-c", command])
            .stdin(stdin)
            .output()
            .map_err(|source| LabError::Start { program: "nsenter".into(), source })?;
        Ok(output.into())
    }

    /// The machine's number of the host's first process.
    fn wait_for_leader(&mut self) -> Result<u32, LabError> {
        let procs = self.namespace.group().path().join("payload/init.scope/cgroup.procs");
        let deadline = Instant::now() + Duration::from_secs(BOOT_SECONDS_MAX);
        while Instant::now() < deadline && matches!(self.nspawn.try_wait(), Ok(None)) {
            let first = fs::read_to_string(&procs).ok();
            if let Some(pid) = first.and_then(|text| text.lines().next()?.parse().ok()) {
                return Ok(pid);
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(self.did_not_boot("the first process"))
    }

    /// Waits until systemd has started all it will, and then until every unit of the profile is active.
    fn wait_for_units(&self, profile: &Profile) -> Result<(), LabError> {
        let deadline = Instant::now() + Duration::from_secs(BOOT_SECONDS_MAX);
        loop {
            let state = self.run("systemctl is-system-running --wait")?.stdout;
            if matches!(state.trim(), "running" | "degraded") {
                break;
            }
            if Instant::now() > deadline {
                return Err(self.did_not_boot(&format!("a running system (it is {})", state.trim())));
            }
            thread::sleep(Duration::from_millis(20));
        }
        let units = profile.units.join(" ");
        let active =
            self.run(&format!("systemctl is-active --quiet {units} || systemctl --failed --no-pager"))?;
        if active.stdout.is_empty() { Ok(()) } else { Err(self.did_not_boot(&active.stdout)) }
    }

    fn did_not_boot(&self, what: &str) -> LabError {
        let said = root::last_words(&console(&self.folder));
        LabError::TooLate { what: what.into(), seconds: BOOT_SECONDS_MAX, said }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = cgroup::remove(self.namespace.group().name());
        let _ = self.nspawn.wait();
    }
}

impl Drop for Background<'_> {
    fn drop(&mut self) {
        let _ = self.host.run(&format!("kill -KILL {}", self.pid));
    }
}

fn start(namespace: &Namespace, folder: &Folder, profile: &Profile, root: &Path) -> Result<Child, LabError> {
    let console = console(folder);
    let log = File::create(&console).map_err(LabError::file("write", &console))?;
    let errors = log.try_clone().map_err(LabError::file("write", &console))?;
    boot_command(namespace)
        .arg(folder.path().join("layer"))
        .arg(root)
        .arg(namespace.path())
        .args([namespace.group().name(), profile.name])
        .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .spawn()
        .map_err(|source| LabError::Start { program: "systemd-nspawn".into(), source })
}

fn boot_command(namespace: &Namespace) -> Command {
    let mut command = cgroup::command(namespace.group().path(), "unshare");
    command.args(["--mount", "--propagation", "private", "/bin/sh", "-c", BOOT]);
    command
}

fn console(folder: &Folder) -> PathBuf {
    folder.path().join("console.log")
}

/// A hard link where it is possible: a debug build is large, and the kernel keeps it when the next build replaces it.
fn copy_program(from: &Path, to: &Path) -> Result<(), LabError> {
    let parent = to.parent().expect("a program stands in a folder");
    fs::create_dir_all(parent).map_err(LabError::file("make the folder", parent))?;
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to).map_err(LabError::file("copy", from))?;
    }
    Ok(())
}

/// setpriv becomes the program, so its number is the program's; runuser would stay as its parent.
fn as_user(user: &str, command: &str) -> String {
    let quoted = command.replace('\'', "'\\''");
    format!(
        "cd / && exec setpriv --reuid={user} --regid=\"$(id -g {user})\" --init-groups \
         env USER={user} HOME=\"$(getent passwd {user} | cut -d: -f6)\" /bin/sh -c '{quoted}'"
    )
}
