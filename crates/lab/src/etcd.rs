//! Three members of an etcd in networks of their own, whose leader can be killed or cut off.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::LabError,
    folder::Folder,
    namespace::Namespace,
    network::{Network, Place},
    output::Output,
    root,
};

/// How long all of them may take until one leads.
const START_SECONDS_MAX: u64 = 60;
/// Where a member keeps what it has, in the lab's Debian.
const HOME: &str = "/var/lib/etcd";
const PEERS: u16 = 2380;
const CLIENTS: u16 = 2379;

/// Who may talk to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Everybody, in the open.
    Open,
    /// Who has a certificate that its own authority signed, encrypted.
    Certified,
}

/// An etcd; it goes, with all that was kept there, when this value does.
#[derive(Debug)]
pub struct Etcd {
    members: Vec<Member>,
    folder: Folder,
    door: Door,
}

/// One of its members.
#[derive(Debug)]
struct Member {
    namespace: Namespace,
    place: Place,
    running: Option<Child>,
}

/// Signs what the first argument names for the address that the second does; an authority is made where there is none.
///
/// The certificates name nobody: etcd's gateway refuses those that do, once it has users.
const SIGN: &str = "set -e
new='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
test -e ca.pem || openssl req -x509 $new -days 2 -subj '/CN=the lab' -keyout ca-key.pem -out ca.pem
openssl req $new -subj / -keyout \"$1-key.pem\" -out \"$1.csr\"
printf 'basicConstraints=critical,CA:FALSE\\nsubjectAltName=IP:%s,IP:127.0.0.1\\n' \"$2\" >\"$1.ext\"
openssl x509 -req -days 2 -in \"$1.csr\" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -extfile \"$1.ext\" -out \"$1.pem\"";

impl Etcd {
    /// Starts three members on `network`, and waits until one of them leads.
    ///
    /// # Errors
    ///
    /// Where the lab cannot be built here, or with what the members said.
    pub fn start(network: &Network, door: Door) -> Result<Self, LabError> {
        let folder = Folder::create(&format!("{}-etcd", network.name()))?;
        let members = (0..3).map(|_| Member::plug(network)).collect::<Result<Vec<_>, _>>()?;
        let mut etcd = Self { members, folder, door };
        for number in 0..etcd.members.len() {
            etcd.prepare(number)?;
        }
        if door == Door::Certified {
            etcd.sign("client", "127.0.0.1")?;
        }
        for number in 0..etcd.members.len() {
            etcd.run(number)?;
        }
        etcd.wait()?;
        Ok(etcd)
    }

    /// Where each of them is asked, as `192.0.2.1:2379`.
    #[must_use]
    pub fn endpoints(&self) -> Vec<String> {
        self.members.iter().map(|member| format!("{}:{CLIENTS}", member.place.ipv4)).collect()
    }

    /// A file that the lab's authority made: `ca.pem`, `client.pem` or `client-key.pem`.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Which of them leads.
    ///
    /// # Errors
    ///
    /// Where none says so.
    pub fn leader(&self) -> Result<usize, LabError> {
        let deadline = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
        let mut said = String::new();
        while Instant::now() < deadline {
            for number in (0..self.members.len()).filter(|number| self.members[*number].running.is_some()) {
                let output = self.control_by(number, "endpoint status -w json")?;
                said.clone_from(&output.stderr);
                if output.status == 0 && leads(&output.json()) {
                    return Ok(number);
                }
            }
        }
        Err(LabError::TooLate { what: "a leader".into(), seconds: START_SECONDS_MAX, said })
    }

    /// Kills one as the power does.
    ///
    /// # Errors
    ///
    /// Where the kernel refuses.
    pub fn kill(&mut self, number: usize) -> Result<(), LabError> {
        let member = &mut self.members[number];
        let all = member.namespace.group().below("etcd")?.join("cgroup.kill");
        fs::write(&all, "1").map_err(LabError::file("write", &all))?;
        if let Some(mut child) = member.running.take() {
            let _ = child.wait();
        }
        Ok(())
    }

    /// Starts one again that was killed.
    ///
    /// # Errors
    ///
    /// Where it cannot be started.
    pub fn run(&mut self, number: usize) -> Result<(), LabError> {
        let log = self.file(&format!("{number}.log"));
        let log =
            File::options().create(true).append(true).open(&log).map_err(LabError::file("write", &log))?;
        let errors = log.try_clone().map_err(LabError::file("write", self.folder.path()))?;
        let arguments = self.arguments(number);
        let member = &self.members[number];
        let child = member
            .debian("etcd", "/usr/bin/etcd")?
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(|source| LabError::Start { program: "etcd".into(), source })?;
        self.members[number].running = Some(child);
        Ok(())
    }

    /// Takes the wire of one away, or gives it back.
    ///
    /// # Errors
    ///
    /// Where `ip` refuses.
    pub fn connect(&self, number: usize, is_connected: bool) -> Result<(), LabError> {
        let state = if is_connected { "up" } else { "down" };
        self.members[number].namespace.ip(&["link", "set", "eth0", state])
    }

    /// Runs `etcdctl` with these words by the side of the first member that runs, which sees all others.
    ///
    /// # Errors
    ///
    /// Where it cannot be started.
    pub fn control(&self, words: &str) -> Result<Output, LabError> {
        let running = self.members.iter().position(|member| member.running.is_some());
        self.control_by(running.unwrap_or_default(), words)
    }

    fn control_by(&self, number: usize, words: &str) -> Result<Output, LabError> {
        let door = match self.door {
            Door::Open => format!("--endpoints=http://127.0.0.1:{CLIENTS}"),
            Door::Certified => format!(
                "--endpoints=https://127.0.0.1:{CLIENTS} --cacert={HOME}/ca.pem --cert={HOME}/client.pem \
                 --key={HOME}/client-key.pem"
            ),
        };
        let output = self.members[number]
            .debian("control", "/bin/sh")?
            .args(["-c", &format!("exec timeout 20 /usr/bin/etcdctl {door} {words}")])
            .stdin(Stdio::null())
            .output();
        output.map(Output::from).map_err(|source| LabError::Start { program: "etcdctl".into(), source })
    }

    /// Mounts the folder where the member keeps what it has; its certificate is in it.
    fn prepare(&self, number: usize) -> Result<(), LabError> {
        let member = &self.members[number];
        if self.door == Door::Certified {
            self.sign(&number.to_string(), &member.place.ipv4.to_string())?;
        }
        let home = root::ready()?.join(HOME.trim_start_matches('/'));
        let output = member
            .namespace
            .command_in(&member.namespace.group().below("mount")?, "mount")
            .arg("--bind")
            .args([self.folder.path(), &home])
            .stdin(Stdio::null())
            .output()
            .map_err(|source| LabError::Start { program: "mount".into(), source })?;
        Output::from(output).success("mounting a member's folder").map(drop)
    }

    fn sign(&self, name: &str, address: &str) -> Result<(), LabError> {
        let output = Command::new("sh")
            .args(["-c", SIGN, "sign", name, address])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .output()
            .map_err(|source| LabError::Start { program: "openssl".into(), source })?;
        Output::from(output).success("signing a certificate").map(drop)
    }

    fn arguments(&self, number: usize) -> Vec<String> {
        let scheme = if self.door == Door::Open { "http" } else { "https" };
        let place = |number: usize| self.members[number].place.ipv4;
        let peer = |number: usize| format!("http://{}:{PEERS}", place(number));
        let client = format!("{scheme}://{}:{CLIENTS}", place(number));
        let all: Vec<_> =
            (0..self.members.len()).map(|number| format!("{number}={}", peer(number))).collect();
        let mut arguments = vec![
            format!("--name={number}"),
            format!("--data-dir={HOME}/{number}"),
            format!("--listen-peer-urls={}", peer(number)),
            format!("--initial-advertise-peer-urls={}", peer(number)),
            format!("--initial-cluster={}", all.join(",")),
            format!("--listen-client-urls={client},{scheme}://127.0.0.1:{CLIENTS}"),
            format!("--advertise-client-urls={client}"),
            // So that a test need not wait for long until a token ends.
            "--auth-token-ttl=2".into(),
        ];
        if self.door == Door::Certified {
            arguments.extend([
                format!("--cert-file={HOME}/{number}.pem"),
                format!("--key-file={HOME}/{number}-key.pem"),
                format!("--trusted-ca-file={HOME}/ca.pem"),
                "--client-cert-auth".into(),
            ]);
        }
        arguments
    }

    /// Waits until each of them says that it can write, which it can where one leads.
    fn wait(&self) -> Result<(), LabError> {
        let deadline = Instant::now() + Duration::from_secs(START_SECONDS_MAX);
        for number in 0..self.members.len() {
            while self.control_by(number, "endpoint health")?.status != 0 {
                if Instant::now() > deadline {
                    let said = root::last_words(&self.file(&format!("{number}.log")));
                    return Err(LabError::TooLate { what: "etcd".into(), seconds: START_SECONDS_MAX, said });
                }
                thread::sleep(Duration::from_millis(50));
            }
        }
        Ok(())
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        for number in 0..self.members.len() {
            let _ = self.kill(number);
        }
    }
}

impl Member {
    fn plug(network: &Network) -> Result<Self, LabError> {
        let namespace = Namespace::create_with_mounts()?;
        let place = network.plug(&namespace)?;
        Ok(Self { namespace, place, running: None })
    }

    /// A command that runs a program of the lab's Debian beside the member.
    fn debian(&self, group: &str, program: &str) -> Result<Command, LabError> {
        let group = self.namespace.group().below(group)?;
        let mut command = self.namespace.command_in(&group, "chroot");
        let root: &Path = &root::ready()?;
        command.arg(root).args(["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", program]);
        Ok(command)
    }
}

/// Whether who says this is the leader that it knows (`etcdctl endpoint status`).
fn leads(status: &serde_json::Value) -> bool {
    let status = &status[0]["Status"];
    status["leader"].as_u64().is_some_and(|leader| leader != 0 && status["header"]["member_id"] == leader)
}
