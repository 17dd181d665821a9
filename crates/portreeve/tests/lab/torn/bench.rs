//! A place where commands that change a gate are killed and raced, and what is left of the gate then.

use std::{fs, path::Path, time::Duration};

use portreeve_lab::Chroot;
use serde_json::Value;

use crate::lab::site::{PORTREEVE, lab};

/// Where portreeve keeps receipts: the network namespace is not that of the machine's first process, but it is that of the
/// first one here.
const STATE: &str = "/var/lib/portreeve/gate";

/// nft that waits at its n-th call, where somebody asks for that, and then goes on whatever has become of its caller.
const SLOW_NFT: &str = r#"#!/bin/sh
if [ -e /tmp/wait-at ]; then
  calls=$(($(cat /tmp/calls 2>/dev/null || echo 0) + 1))
  echo $calls >/tmp/calls
  if [ $calls = "$(cat /tmp/wait-at)" ]; then
    rm /tmp/wait-at
    touch /tmp/waits
    sleep 0.8
  fi
fi
exec /usr/sbin/nft.real "$@"
"#;

/// Which port each generation of the gate opens, and whether a source is kept out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct View {
    pub(super) confirmed: u16,
    pub(super) trial: Option<u16>,
    pub(super) is_blocked: bool,
}

impl View {
    /// Of what nft lists, or of what is kept for the next boot.
    fn of(listing: &str) -> Self {
        let listing: Value = serde_json::from_str(listing).expect("a listing is JSON");
        let objects = listing["nftables"].as_array().expect("a listing has objects");
        let named = |kind: &str, name: &str| {
            let found = objects.iter().find(|object| object[kind]["name"] == name);
            &found.unwrap_or_else(|| panic!("no {kind} {name}: {listing}"))[kind]
        };
        let of_chain = |object: &&Value| object["rule"]["chain"] == "confirmed_input";
        let judges: Vec<_> = objects.iter().filter(of_chain).collect();
        let [judges] = judges.as_slice() else { panic!("one generation judges: {judges:?}") };
        let target = judges["rule"]["expr"][0]["goto"]["target"].as_str().expect("it is a goto");
        let (own, other) = if target == "a_input" { ("a", "b") } else { ("b", "a") };
        let port = |generation: &str| {
            let elements = &named("set", &format!("{generation}_world_tcp"))["elem"];
            let port = elements[0].as_u64().expect("a policy opens one port");
            u16::try_from(port).expect("a port has 16 bits")
        };
        let trial =
            [named("map", "trial_input"), named("map", "trial_forward")].map(|map| map["elem"].as_array());
        let is_tried = match trial.map(|elements| elements.map_or(0, Vec::len)) {
            [0, 0] => false,
            [2, 2] => true,
            elements => panic!("half a trial: {elements:?} {listing}"),
        };
        let blocked = named("set", "blocked4")["elem"].as_array().is_some_and(|all| !all.is_empty());
        Self { confirmed: port(own), trial: is_tried.then(|| port(other)), is_blocked: blocked }
    }
}

/// Such a place, with its own packet filter.
pub(super) struct Bench {
    host: Chroot,
}

impl Bench {
    pub(super) fn create() -> Self {
        let host = lab(Chroot::create(Path::new(PORTREEVE)));
        let bench = Self { host };
        bench.run("mkdir -p /etc/portreeve");
        bench.run("mv /usr/sbin/nft /usr/sbin/nft.real");
        lab(bench.host.write("/usr/sbin/nft", SLOW_NFT));
        bench.run("chmod 755 /usr/sbin/nft");
        bench
    }

    /// What a command prints that must end with 0.
    #[track_caller]
    pub(super) fn run(&self, command: &str) -> String {
        self.ends(0, command, "")
    }

    /// The same for a command that must end with `code`.
    #[track_caller]
    pub(super) fn ends(&self, code: i32, command: &str, about: &str) -> String {
        let output = lab(self.host.run(command));
        assert_eq!(output.status, code, "{about}: {command}: {output:#?}");
        output.stdout
    }

    /// The policy opens one port.
    pub(super) fn declare(&self, port: u16) {
        self.write("/etc/portreeve/policy.toml", port);
    }

    pub(super) fn write(&self, path: &str, port: u16) {
        let policy = format!(
            "version = 1\n[service.web]\nports = [\"{port}/tcp\"]\nowner = {{ unit = \"web.service\" }}\nreach = \"world\"\n"
        );
        lab(self.host.write(path, &policy));
    }

    /// The gate, as nft lists it.
    #[track_caller]
    pub(super) fn view(&self) -> View {
        View::of(&self.run("nft.real -j list table inet portreeve"))
    }

    /// The port that the next boot opens.
    #[track_caller]
    pub(super) fn boot(&self) -> Option<u16> {
        let text = fs::read_to_string(self.host.file(&format!("{STATE}/boot.json"))).ok()?;
        let boot: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let view = View::of(boot["gate"].as_str().expect("a gate is kept as it is listed"));
        assert_eq!((view.trial, view.is_blocked), (None, false), "only what is confirmed is kept");
        Some(view.confirmed)
    }

    /// Each is there whole or not at all.
    #[track_caller]
    pub(super) fn receipts_can_be_read(&self, about: &str) {
        self.ends(0, &format!("jq -e .number {STATE}/*.receipt.json"), about);
    }

    /// The number of the last one.
    pub(super) fn last_receipt(&self) -> u32 {
        let last = self.run(&format!("ls {STATE}/*.receipt.json | tail -n 1 | xargs jq .number"));
        last.trim().parse().expect("a receipt has a number")
    }

    /// What is known to have come of the last one.
    pub(super) fn last_outcome(&self) -> String {
        let last = self.run(&format!("ls {STATE}/*.receipt.json | tail -n 1 | xargs jq -r .outcome"));
        last.trim().to_owned()
    }

    /// Lets whoever comes next find out what became of the last change, and do nothing himself.
    pub(super) fn settle(&self) {
        let output = lab(self.host.run("portreeve undo 4000000000"));
        assert_eq!(output.status, 2, "there is no such receipt: {output:#?}");
    }

    /// Kills a command after a while.
    pub(super) fn kill_after(&self, command: &str, after: Duration) -> String {
        let seconds = after.as_secs_f64();
        self.run(&format!(
            "{command} >/dev/null 2>&1 & sleep {seconds:.4}; kill -9 $! || true; wait $! || true"
        ));
        format!("killed after {seconds:.4} s")
    }

    /// Kills a command when it calls nft for the `call`-th time; whether it ever did.
    pub(super) fn kill_at_call(&self, command: &str, call: u32) -> bool {
        let said = self.run(&format!(
            "rm -f /tmp/calls /tmp/waits; echo {call} >/tmp/wait-at; {command} >/dev/null 2>&1 & \
             while [ ! -e /tmp/waits ] && kill -0 $! 2>/dev/null; do sleep 0.01; done; \
             if [ -e /tmp/waits ]; then kill -9 $!; echo reached; fi; wait $! || true; rm -f /tmp/wait-at"
        ));
        said.contains("reached")
    }

    /// Starts two commands at the same moment, of which the second has a lock and receipts of its own, as somebody in
    /// another mount namespace has; their codes, and what they said of failures.
    pub(super) fn race(&self, one: &str, two: &str) -> ([i32; 2], String) {
        let own = "mount -t tmpfs run /run; mkdir /run/own; export PORTREEVE_STATE=/run/own";
        self.both(one, &format!("unshare -m sh -c '{own}; touch /tmp/ready; {GATE}; exec {two}'"))
    }

    /// The same with the lock and the receipts in common.
    pub(super) fn race_with_one_lock(&self, one: &str, two: &str) -> ([i32; 2], String) {
        self.both(one, &format!("sh -c 'touch /tmp/ready; {GATE}; exec {two}'"))
    }

    fn both(&self, one: &str, two: &str) -> ([i32; 2], String) {
        let codes = self.run(&format!(
            "rm -f /tmp/ready /tmp/go; sh -c '{GATE}; exec {one}' >/dev/null 2>/tmp/one & one=$!; \
             {two} >/dev/null 2>/tmp/two & two=$!; until [ -e /tmp/ready ]; do sleep 0.01; done; touch /tmp/go; \
             wait $one; a=$?; wait $two; echo $a $?"
        ));
        let codes: Vec<i32> = codes.split_whitespace().map(|code| code.parse().expect("a code")).collect();
        (codes.try_into().expect("two were run"), self.run("cat /tmp/one /tmp/two"))
    }
}

/// What each waits for before it begins.
const GATE: &str = "until [ -e /tmp/go ]; do :; done";
