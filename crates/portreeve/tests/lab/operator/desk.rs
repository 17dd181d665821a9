//! An operator's own machine beside the host that he is on, and the ways by which he is.

use std::{path::Path, thread, time::Duration};

use portreeve_lab::{Chroot, Host, Network, Output, network::Place, profile};

use super::Answer;
use crate::lab::site::{PORTREEVE, lab};

/// What the operator's machine needs beside its programs: terminals, and a name for its user.
const OWN: &str = "mkdir -p /dev/pts /run/sshd /root/.ssh && mount -t devpts -o newinstance,ptmxmode=666 devpts /dev/pts && \
ln -sf pts/ptmx /dev/ptmx && mknod -m 666 /dev/tty c 5 0 && chmod 1777 /tmp && \
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 && cat /root/.ssh/id_ed25519.pub";

/// The operator may become root, a port leads to that of sshd, and another one into a network of its own, where an sshd
/// listens too, as in a container that manages its host.
const HOST: &str = "set -e
echo 'dev ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/dev
test -w /proc/sys/net/ipv4/ip_forward || { mount --bind /proc/sys/net /proc/sys/net && mount -o remount,bind,rw /proc/sys/net; }
echo 1 >/proc/sys/net/ipv4/ip_forward
ip netns add box
ip link add box0 type veth peer name eth0 netns box
ip address add 172.30.0.1/24 dev box0
ip link set box0 up
ip -n box link set lo up
ip -n box address add 172.30.0.2/24 dev eth0
ip -n box link set eth0 up
ip -n box route add default via 172.30.0.1
nft -f - <<'RULES'
table ip leads {
  chain pre { type nat hook prerouting priority dstnat;
    tcp dport 2222 redirect to :22
    fib daddr type local tcp dport 2200 dnat to 172.30.0.2:22
  }
}
RULES
systemd-run --quiet --unit=box ip netns exec box /usr/sbin/sshd -D -o PidFile=none
for try in $(seq 100); do ip netns exec box ss -Hltn 'sport = :22' | grep -q . && exit 0; sleep 0.05; done
exit 1";

/// ssh that asks nothing and waits for nobody.
const SSH: &str = "ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o BatchMode=yes \
-o ConnectTimeout=3";

/// The host and its operator.
pub(super) struct Desk {
    host: Host,
    client: Chroot,
    place: Place,
    _network: Network,
}

/// A session that lasts until this value goes.
pub(super) struct Session<'a>(&'a Desk);

impl Desk {
    pub(super) fn set_up() -> Self {
        let network = lab(Network::create());
        let host = lab(Host::boot(&network, &profile::WEB, Path::new(PORTREEVE)));
        let client = lab(Chroot::create(Path::new(PORTREEVE)));
        let place = lab(network.plug(client.namespace()));
        let desk = Self { host, client, place, _network: network };
        let key = done(lab(desk.client.run(OWN))).stdout;
        for home in ["/root", "/home/dev"] {
            let path = format!("{home}/.ssh/authorized_keys");
            lab(desk.host.write(&path, &key));
            done(lab(desk.host.run(&format!("chown -R $(stat -c %u:%g {home}) {home}/.ssh"))));
        }
        done(lab(desk.host.run(HOST)));
        desk
    }

    /// `%4` and `%6` are the operator's addresses.
    pub(super) fn named(&self, pattern: &str) -> String {
        let Place { ipv4, ipv6 } = self.place;
        pattern.replace("%4", &ipv4.to_string()).replace("%6", &ipv6.to_string())
    }

    /// Writes a policy that opens `ports` to the operator's network alone.
    pub(super) fn declare(&self, ports: &[&str]) {
        let Place { ipv4, ipv6 } = self.place;
        let policy = format!(
            "version = 1\n[zone.office]\nfrom = [\"{ipv4}/32\", \"{ipv6}/128\"]\n\
             [service.way]\nports = {ports:?}\nowner = {{ exe = \"/usr/sbin/sshd\" }}\nreach = \"office\"\n"
        );
        lab(self.host.write("/etc/portreeve/policy.toml", &policy));
    }

    /// That there is no gate, in words for the failure where there is.
    pub(super) fn has_no_gate(&self, when: &str) -> Result<(), String> {
        let listed = lab(self.host.run("nft list table inet portreeve"));
        if listed.status == 1 { Ok(()) } else { Err(format!("{when}, and a gate is there")) }
    }

    /// Runs a command by one of the ways, which begins and ends with it.
    #[track_caller]
    pub(super) fn by(&self, way: &str, command: &str) -> Answer {
        let marked = format!("sh -c '( {command} ) >/tmp/said 2>&1; echo $? >/tmp/code'");
        done(lab(self.host.run("rm -f /tmp/said /tmp/code; echo none >/tmp/none")));
        lab(self.host.write("/usr/local/bin/attempt", &format!("#!/bin/sh\nexec {marked}\n")));
        done(lab(self.host.run("chmod 755 /usr/local/bin/attempt")));
        let (four, six) = (self.host.place().ipv4, self.host.place().ipv6);
        let said = match way {
            "ssh" => self.out(&format!("{SSH} root@{four} attempt")),
            "ssh6" => self.out(&format!("{SSH} root@{six} attempt")),
            "sudo" => self.out(&format!("{SSH} dev@{four} sudo attempt")),
            "su" => self.out(&format!("{SSH} dev@{four} sudo su - root -c attempt")),
            "redirected" => self.out(&format!("{SSH} -p 2222 root@{four} attempt")),
            "inside" => self.out(&format!("{SSH} -p 2200 root@{four} nsenter --net=/proc/1/ns/net attempt")),
            "tmux" => self.beside(
                &format!("{SSH} -tt root@{four} tmux new-session -s work"),
                "tmux new-window -d -t work attempt",
            ),
            "screen" => self.beside(
                &format!("{SSH} -tt root@{four} screen -S work"),
                "screen -S work -X screen attempt",
            ),
            "mosh" => self.out(&format!(
                "mkfifo -m 600 /tmp/typed; sleep 30 >/tmp/typed & TERM=xterm LANG=C.UTF-8 script -qec 'stty rows 24 cols 80; mosh --bind-server=any --ssh=\"{SSH}\" root@{four} -- attempt' \
                 /dev/null </tmp/typed; kill $!; rm /tmp/typed"
            )),
            way => panic!("there is no such way: {way}"),
        };
        let read = |path: &str| lab(self.host.run(&format!("cat {path}"))).stdout.trim().to_owned();
        let (code, answer) = (read("/tmp/code"), read("/tmp/said"));
        Answer { code, said: format!("{answer}\n{said}") }
    }

    /// Runs a command on the host by no session at all.
    pub(super) fn at_the_console(&self, command: &str) -> Answer {
        let output = lab(self.host.run(command));
        Answer { code: output.status.to_string(), said: output.stdout + &output.stderr }
    }

    /// A session that does nothing.
    pub(super) fn logged_in(&self) -> Session<'_> {
        let four = self.host.place().ipv4;
        done(lab(self.client.run(&format!("setsid {SSH} dev@{four} sleep 50 </dev/null >/dev/null 2>&1 &"))));
        self.wait_for("pgrep -u dev -x sleep");
        Session(self)
    }

    /// Runs a command that the programs of a lasting session start, not those of ssh.
    fn beside(&self, session: &str, command: &str) -> String {
        let started = format!("(sleep 50 | TERM=xterm setsid {session} >/tmp/terminal) >/dev/null 2>&1 &");
        done(lab(self.client.run(&started)));
        let program = command.split(' ').next().expect("a command has a first word");
        self.wait_for(&format!("{program} -ls | grep -q work || {program} ls | grep -q work"));
        let said = lab(self.host.run(command));
        self.wait_for("test -s /tmp/code");
        let _ = lab(self.host.run("tmux kill-server; screen -S work -X quit"));
        let terminal = lab(self.client.run("cat /tmp/terminal; pkill -x ssh; true"));
        said.stdout + &said.stderr + &terminal.stdout
    }

    fn wait_for(&self, condition: &str) {
        for _ in 0..200 {
            if lab(self.host.run(condition)).status == 0 {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        let terminal = lab(self.client.run("cat /tmp/terminal")).stdout;
        panic!("{condition}: {}{terminal}", lab(self.host.run("ps axfo pid,args; cat /tmp/said")).stdout);
    }

    fn out(&self, command: &str) -> String {
        let output = lab(self.client.run(command));
        output.stdout + &output.stderr
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        let _ = self.0.client.run("pkill -x ssh");
    }
}

#[track_caller]
fn done(output: Output) -> Output {
    assert_eq!(output.status, 0, "{output:#?}");
    output
}
