//! What really runs behind a port, wherever its file was renamed, linked, mounted, copied or taken away (A18).

use portreeve_lab::{
    Profile,
    engine::{Docker, IMAGE},
    profile,
};
use serde_json::{Value, json};

use super::{
    patched::patch,
    site::{Found, Site, found, lab, serious},
};

/// What the host's apt knows: a newer version of what stands in the containers, by either name.
const LISTED: &str = "Package: shopd\nArchitecture: amd64\nVersion: 9:9\nFilename: a.deb\n\n\
                      Package: busybox-static\nArchitecture: amd64\nVersion: 9:9\nFilename: b.deb\n";
const LISTED_AT: &str = "/var/lib/apt/lists/lab_dists_lab_main_binary-amd64_Packages";
const RELEASED_AT: &str = "/var/lib/apt/lists/lab_dists_lab_InRelease";
const SECURED_AT: &str = "/var/lib/apt/lists/lab_dists_safe_InRelease";

/// A host on which it is known what waits.
fn site(profile: &Profile) -> Site {
    let site = Site::boot(profile);
    lab(site.host.write(LISTED_AT, LISTED));
    lab(site.host.write(RELEASED_AT, "Label: Lab\n"));
    lab(site.host.write(SECURED_AT, "Label: Debian-Security\n"));
    site
}

/// What `user` is told, which must end with `status`.
#[track_caller]
fn ask(site: &Site, user: &str, status: i32) -> Value {
    let output = site.ask_as(user, "patches -o json");
    assert_eq!(output.status, status, "{user}: {output:#?}");
    output.json()
}

/// A file as a port runs it.
#[derive(Debug, PartialEq, Eq)]
struct Running {
    port: u64,
    path: String,
    state: String,
    package: Option<String>,
    root: String,
}

/// Every file of every port.
fn running(answer: &Value) -> Vec<Running> {
    let patches = answer["patches"].as_array().expect("`patches` is promised");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let of = |patch: &Value| {
        let file = |file: &Value| Running {
            port: patch["port"].as_u64().expect("nobody asked about processes without a port"),
            path: text(&file["path"]),
            state: text(&file["state"]),
            package: patch["package"].as_str().map(str::to_owned),
            root: text(&patch["root"]),
        };
        patch["files"].as_array().expect("`files` is promised").iter().map(file).collect::<Vec<_>>()
    };
    patches.iter().flat_map(of).collect()
}

/// The paths of a port's files that are in this state.
fn in_state(answer: &Value, port: u64, state: &str) -> Vec<String> {
    let files = running(answer).into_iter();
    files.filter(|file| file.port == port && file.state == state).map(|file| file.path).collect()
}

/// The state of one file of a port.
#[track_caller]
fn state(answer: &Value, port: u64, path: &str) -> String {
    let files = running(answer).into_iter();
    let meant: Vec<_> = files.filter(|file| file.port == port && file.path == path).collect();
    assert_eq!(meant.len(), 1, "{port} {path}: {answer:#}");
    meant[0].state.clone()
}

/// Prints each path of standard input with its package by dpkg, which knows a merged /usr by one of two names.
const OWNERS: &str = r#"while read -r file; do
owner=$(dpkg -S "$file" 2>/dev/null || dpkg -S "${file#/usr}" 2>/dev/null) && echo "$file ${owner%%:*}" || echo "$file"
done"#;

/// Every file is told of the package that dpkg tells (A18).
#[track_caller]
fn dpkg_agrees(site: &Site, files: &[&Running]) {
    let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
    lab(site.host.write("/srv/paths", &(paths.join("\n") + "\n")));
    lab(site.host.write("/srv/owners", OWNERS));
    let owners = site.run("sh /srv/owners </srv/paths").stdout;
    let told = files.iter().map(|file| match &file.package {
        Some(package) => format!("{} {package}\n", file.path),
        None => format!("{}\n", file.path),
    });
    assert_eq!(told.collect::<String>(), owners);
}

/// Loads a copy of a library and deletes it, as JNA and AppImages do, then listens on 7403.
const UNPACKS: &str = r#"import ctypes, os, shutil, socket, time
os.makedirs("/var/cache/unpacked", exist_ok=True)
for place in ["/tmp", "/var/cache/unpacked"]:
    shutil.copy("/lib/x86_64-linux-gnu/libwrap.so.0", place + "/jna-1.so")
    ctypes.CDLL(place + "/jna-1.so")
    os.remove(place + "/jna-1.so")
listener = socket.create_server(("127.0.0.1", 7403))
time.sleep(600)
"#;

/// Started by systemd in a namespace of mounts of its own, on 7401.
const STRICT: &str = "systemd-run --quiet --unit=strict --property=PrivateTmp=yes --property=ProtectSystem=strict \
                      --property=ProtectHome=yes python3 -m http.server 7401";

/// Started in a network namespace of another name, on 7404.
const ELSEWHERE: &str = "ip netns add room && ip -n room link set lo up && systemd-run --quiet --unit=elsewhere \
                         --property=NetworkNamespacePath=/run/netns/room python3 -m http.server 7404";

/// A port of another network namespace is told to be there, as in other tables (A4, A18).
fn namespaces_are_told_apart(site: &Site) {
    let said = |arguments: &str| site.ask_as("root", arguments).stdout;
    let table = said("patches 7401 7404");
    let row = |port: &str| table.lines().find(|line| line.starts_with(port)).unwrap_or_default().to_owned();
    assert!(table.lines().next().is_some_and(|head| head.contains("NETNS")), "{table}");
    assert!(row("7404/tcp").contains(" room ") && !row("7401/tcp").contains(" room "), "{table}");
    assert!(!said("patches 7401").contains("NETNS"), "nothing is elsewhere");
    let records = said("patches 7404 -o csv");
    let room = site.run("stat -L -c %i /run/netns/room").stdout;
    let begin = format!("7404,tcp,{},", room.trim());
    assert!(records.starts_with("port,protocol,netns,pid,") && records.contains(&begin), "{records}");
}

/// Whatever is odd about a process, as long as nobody changed its files nothing is told to be old (A18).
#[test]
fn code_that_nobody_changed_is_the_same_however_it_is_run() {
    let site = site(&profile::MAIL_WEB_FTP);
    site.run(STRICT);
    site.run(ELSEWHERE);
    let _memory = lab(site.host.hold_as("dev", "memory 127.0.0.1:7402"));
    lab(site.host.write("/srv/unpacks.py", UNPACKS));
    site.run("systemd-run --quiet --unit=unpacks python3 /srv/unpacks.py");
    let _mail = lab(site.host.start_as("dev", "sh -c 'sleep 80 | nc 127.0.0.1 25'"));
    site.run("for i in $(seq 200); do pgrep -x smtpd && exit 0; sleep 0.05; done; exit 1");
    site.run("for i in $(seq 200); do ip netns exec room ss -ltn | grep -q :7404 && exit 0; sleep 0.05; done; exit 1");
    [7401, 7402, 7403].iter().for_each(|&port| lab(site.host.wait_for_port(port)));
    let smtpd = site.run("readlink /proc/$(pgrep -x smtpd | head -n 1)/root").stdout;
    assert_eq!(smtpd.trim(), "/var/spool/postfix", "it is in a chroot");
    let mounts = |of: &str| site.run(&format!("readlink /proc/{of}/ns/mnt")).stdout;
    assert_ne!(mounts("$(systemctl show --property=MainPID --value strict)"), mounts("1"));

    let answer = ask(&site, "root", 0);
    let files = running(&answer);
    assert!(files.iter().all(|file| file.root == "host"), "{files:#?}");
    let on_disk: Vec<_> = files.iter().filter(|file| file.state == "same").collect();
    let others = files.iter().filter(|file| file.state != "same");
    let mut others: Vec<_> =
        others.map(|file| (file.port, file.path.as_str(), file.state.as_str())).collect();
    others.sort_unstable();
    assert_eq!(
        others,
        [
            (7402, "/memfd:ghost", "memfd"),
            (7403, "/tmp/jna-1.so", "deleted"),
            (7403, "/var/cache/unpacked/jna-1.so", "deleted"),
        ]
    );
    dpkg_agrees(&site, &on_disk);
    for (port, package, file) in [
        (25, "postfix", "/usr/lib/postfix/sbin/smtpd"),
        (7401, "python3.11-minimal", "/usr/bin/python3.11"),
        (21, "vsftpd", "/usr/sbin/vsftpd"),
    ] {
        let found = &patch(&answer, port, package)["files"];
        assert!(
            found.as_array().is_some_and(|files| files.contains(&json!({"path": file, "state": "same"}))),
            "{found:#}"
        );
    }
    assert_eq!(stale(&site), [] as [Found; 0]);
    namespaces_are_told_apart(&site);
    others_see_what_is_theirs(&site);
}

/// The findings about old code.
#[track_caller]
fn stale(site: &Site) -> Vec<Found> {
    let found = site.audit("--fail-on never", 0);
    found.into_iter().filter(|found| found.rule == "stale-executable").collect()
}

/// Without root: one's own is told as root is told it, and of others that it could not be seen (A12, A18).
fn others_see_what_is_theirs(site: &Site) {
    let whole = ask(site, "root", 0);
    let answer = ask(site, "dev", 3);
    for package in ["python3.11-minimal", "libc6"] {
        let key = |answer: &Value, key: &str| patch(answer, 3000, package)[key].clone();
        for name in ["files", "running", "installed", "root"] {
            assert_eq!(key(&answer, name), key(&whole, name), "{package} {name}");
        }
    }
    assert_eq!(in_state(&answer, 7402, "memfd"), ["/memfd:ghost"]);
    let own = [3000, 7402];
    let others: Vec<_> = running(&answer).into_iter().filter(|file| !own.contains(&file.port)).collect();
    assert_eq!(others, [], "what he may not read is not guessed");
    let gaps = answer["gaps"].as_array().expect("`gaps` is promised");
    assert!(gaps.iter().any(|gap| gap["what"] == "hidden-owners"), "{gaps:#?}");
}

/// What dpkg does: a new file of the same name takes the old one's place.
fn replace(path: &str) -> String {
    format!("cp -p {path} {path}.dpkg-new && mv {path}.dpkg-new {path}")
}

/// The program of vsftpd, and where it is kept meanwhile.
const PROGRAM: &str = "/usr/sbin/vsftpd";

/// Starts it again, however often it was started in the last seconds.
const RESTART: &str = "systemctl reset-failed vsftpd && systemctl restart vsftpd";

/// A name, a link, a mode or a mount more is no other program, another file in its place is one (A18).
#[test]
fn another_file_in_the_place_of_a_program_is_told_and_nothing_else() {
    let site = site(&profile::MAIL_WEB_FTP);
    a_library_is_replaced(&site);
    site.run(&format!("cp -p {PROGRAM} /srv/vsftpd"));
    for (change, back) in [
        (format!("mv {PROGRAM} {PROGRAM}.kept"), format!("mv {PROGRAM}.kept {PROGRAM}")),
        (format!("ln {PROGRAM} {PROGRAM}.too"), format!("rm {PROGRAM}.too")),
        (format!("chmod 750 {PROGRAM}"), format!("touch -a {PROGRAM} && chmod 755 {PROGRAM}")),
        (format!("touch -d tomorrow {PROGRAM}"), format!("touch -r /srv/vsftpd {PROGRAM}")),
    ] {
        for step in [change, back] {
            site.run(&step);
            let answer = ask(&site, "root", 0);
            let files = running(&answer).into_iter().filter(|file| file.state != "same");
            assert_eq!(files.collect::<Vec<_>>(), [], "{step}");
        }
    }
    for (change, said) in [
        (replace(PROGRAM), "replaced"),
        (format!("ln -f /usr/bin/true {PROGRAM}"), "replaced"),
        (format!("mv {PROGRAM} {PROGRAM}.kept && rm {PROGRAM}.kept"), "deleted"),
    ] {
        site.run(&change);
        let answer = ask(&site, "root", 1);
        assert_eq!(in_state(&answer, 21, said).len(), 1, "{change}: {answer:#}");
        assert_eq!(stale(&site), [found("21/tcp", "stale-executable", "warning")], "{change}");
        site.run(&format!(
            "umount {PROGRAM} 2>/dev/null; cp -p /srv/vsftpd {PROGRAM}.new && mv {PROGRAM}.new {PROGRAM}"
        ));
        site.run(RESTART);
        assert_eq!(in_state(&ask(&site, "root", 0), 21, said), [""; 0], "{change}");
    }
    a_program_runs_from_under_a_mount(&site);
    a_program_runs_from_an_overlay(&site);
}

/// Whoever loaded it is told as needrestart tells it (A18).
fn a_library_is_replaced(site: &Site) {
    let library = site.run("readlink -f /usr/lib/x86_64-linux-gnu/libwrap.so.0").stdout;
    let library = library.trim();
    site.run(&replace(library));
    let answer = ask(site, "root", 1);
    for port in [21, 22] {
        assert_eq!(in_state(&answer, port, "replaced"), [library], "{port}");
        let patch = patch(&answer, u16::try_from(port).expect("it is one"), "libwrap0");
        assert_eq!((&patch["running"], &patch["root"]), (&json!("replaced"), &json!("host")));
    }
    let mut units: Vec<_> = stale(site).into_iter().map(|found| found.port).collect();
    units.dedup();
    assert_eq!(units, ["21/tcp", "22/tcp"]);
    let needed = site.run("needrestart -b -r l | grep SVC | sort").stdout;
    assert_eq!(needed, "NEEDRESTART-SVC: ssh.service\nNEEDRESTART-SVC: vsftpd.service\n");
    site.run("systemctl restart ssh vsftpd");
    let answer = ask(site, "root", 0);
    assert!(running(&answer).iter().all(|file| file.state == "same"), "{answer:#}");
}

/// What was mounted before the start is what the path means, what was mounted since took nobody's place (A18).
fn a_program_runs_from_under_a_mount(site: &Site) {
    let mount = format!("mount --bind /srv/vsftpd {PROGRAM}");
    site.run(&format!("{mount} && {RESTART}"));
    assert_eq!(state(&ask(site, "root", 0), 21, PROGRAM), "same");
    site.run(&format!("systemctl stop vsftpd && umount {PROGRAM} && systemctl start vsftpd"));
    assert_eq!(state(&ask(site, "root", 0), 21, PROGRAM), "same");
    site.run(&mount);
    let answer = ask(site, "root", 3);
    assert_eq!(state(&answer, 21, PROGRAM), "unknown");
    let gaps = answer["gaps"].as_array().expect("`gaps` is promised");
    assert!(gaps.iter().any(|gap| gap["what"] == "hidden-files"), "{gaps:#?}");
    site.run(&format!("umount {PROGRAM}"));
    assert_eq!(state(&ask(site, "root", 0), 21, PROGRAM), "same");
}

/// A root $1 of busybox on an overlay whose lower layer is $0, with a service of it on the port $2.
///
/// Of an overlay on the host's own, which is one too, the kernel tells the files of the lower layer.
const OVERLAY: &str = "set -e
mkdir -p $1 && mount -t tmpfs t $1 && cd $1 && mkdir upper work root
mkdir -p $0/bin $0/proc $0/dev $0/sys $0/run $0/tmp $0/etc && cp /bin/busybox $0/bin/
mount -t overlay o -o lowerdir=$0,upperdir=upper,workdir=work root
systemd-run --quiet --unit=on-$2 --property=RootDirectory=$1/root /bin/busybox httpd -f -p $2";

/// Whichever file the kernel tells, it is the one that the path means until another one is put there (A18).
fn a_program_runs_from_an_overlay(site: &Site) {
    lab(site.host.write("/srv/overlay", OVERLAY));
    for (port, lower) in [(7411, "/mnt/7411/lower"), (7412, "/srv/lower")] {
        site.run(&format!("sh -c \"$(cat /srv/overlay)\" {lower} /mnt/{port} {port}"));
        lab(site.host.wait_for_port(port));
        let program = format!("/mnt/{port}/root/bin/busybox");
        let changes = [
            "true".to_owned(),
            format!("chmod 750 {program}"),
            format!("touch -a {program}"),
            format!("mv {program} {program}.b && mv {program}.b {program}"),
        ];
        for change in changes {
            site.run(&change);
            // Nothing in that root tells of which package it is.
            assert_eq!(state(&ask(site, "root", 3), port.into(), "/bin/busybox"), "same", "{port}: {change}");
        }
        site.run(&replace(&program));
        assert_eq!(state(&ask(site, "root", 1), port.into(), "/bin/busybox"), "replaced", "{port}");
        site.run(&format!("systemctl stop on-{port}"));
    }
}

/// Listens on PORT.
const SCRIPT: &str =
    "import socket, time\nlistener = socket.create_server(('127.0.0.1', PORT))\ntime.sleep(600)\n";

/// A script is old once its text is another; of one whose name or mode alone changed that is not known, and no finding (A18).
#[test]
fn a_script_is_old_once_its_text_has_changed() {
    let site = site(&profile::MAIL_WEB_FTP);
    let script = |port: u16| format!("/run/scripts/on-{port}.py");
    let ports = 7420..7426;
    for port in ports.clone() {
        lab(site.host.write(&script(port), &SCRIPT.replace("PORT", &port.to_string())));
    }
    // It is written and run in the same moment.
    let start = |port: u16| lab(site.host.start_as("dev", &format!("python3 {}", script(port))));
    let running: Vec<_> = ports.clone().map(start).collect();
    ports.clone().for_each(|port| lab(site.host.wait_for_port(port)));
    let states = |user: &str, status| {
        let answer = ask(&site, user, status);
        ports.clone().map(|port| state(&answer, port.into(), &script(port))).collect::<Vec<_>>()
    };
    assert_eq!(states("root", 0), ["same"; 6]);
    site.run("sleep 1.5");
    site.run(&format!("chmod 750 {}", script(7420)));
    site.run(&format!("touch -a {0} && chown dev {0}", script(7421)));
    site.run(&format!("mv {0} {0}.kept && mv {0}.kept {0} && ln {0} {0}.too", script(7422)));
    assert_eq!(states("root", 0), ["unknown", "unknown", "unknown", "same", "same", "same"]);
    site.run(&format!("echo '# more' >>{}", script(7423)));
    // With the time of the old one, as dpkg unpacks what was built before the start.
    site.run(&replace(&script(7424)));
    site.run(&format!("sed -i s/600/601/ {}", script(7425)));
    for user in ["root", "dev"] {
        assert_eq!(
            states(user, 1),
            ["unknown", "unknown", "unknown", "replaced", "replaced", "replaced"],
            "{user}"
        );
    }
    let old: Vec<_> = stale(&site).into_iter().filter(serious).map(|found| found.port).collect();
    assert_eq!(old, ["7423/tcp", "7424/tcp", "7425/tcp"]);
    a_script_is_deleted(&site, &script(7420));
    drop(running);
    an_overlay_does_not_tell_a_mode_from_a_file(&site);
}

/// It stays what its interpreter runs, and whose the port is (A17, A18).
fn a_script_is_deleted(site: &Site, script: &str) {
    site.run("portreeve snapshot >/srv/before.json");
    site.run(&format!("rm {script}"));
    assert_eq!(state(&ask(site, "root", 1), 7420, script), "deleted");
    let old: Vec<_> = stale(site).into_iter().filter(|found| found.port == "7420/tcp").collect();
    assert_eq!(old.len(), 1, "{old:#?}");
    site.run("portreeve snapshot >/srv/after.json");
    let changes = lab(site.host.run("portreeve diff /srv/before.json /srv/after.json -o json")).json();
    let kinds: Vec<_> = changes["changes"].as_array().expect("`changes` is promised").iter().collect();
    assert_eq!(kinds.len(), 1, "{changes:#}");
    assert_eq!((&kinds[0]["port"], &kinds[0]["kind"]), (&json!(7420), &json!("outdated")), "{changes:#}");
}

/// On an overlay a new mode makes a new file, so that only a new text is surely one: nothing is told for sure (A12, A18).
fn an_overlay_does_not_tell_a_mode_from_a_file(site: &Site) {
    let shop = "/home/dev/shop/app.py";
    let of_shop = |status| state(&ask(site, "root", status), 3000, shop);
    site.run("systemctl restart shop");
    lab(site.host.wait_for_port(3000));
    assert_eq!(of_shop(0), "same");
    site.run(&format!("sleep 1.5; chmod 750 {shop}"));
    assert_eq!(of_shop(3), "unknown");
    site.run(&format!("echo '# more' >>{shop}"));
    assert_eq!(of_shop(1), "replaced");
}

/// The files of a container with a database of packages of its own, $0: there the program is of another package than here.
const MAKE_KNOWN: &str = "set -e
mkdir -p $0/bin $0/www $0/proc $0/dev $0/sys $0/run $0/var/lib/dpkg/info && cd $0
cp /bin/busybox bin/ && ln -s busybox bin/sh && ln -s busybox bin/httpd
printf '%s\n' /. /bin /bin/busybox >var/lib/dpkg/info/shopd.list
printf '%s\n' 'Package: shopd' 'Status: install ok installed' 'Architecture: amd64' 'Version: 3:7.7-7' \
  'Maintainer: nobody' 'Description: a shop' >var/lib/dpkg/status
tar -c . >$0.tar";

/// By the container's own database or by none, never by the host's, which has the same path (A18).
#[test]
fn a_container_runs_its_own_packages_and_never_the_hosts() {
    let site = site(&profile::BARE);
    assert!(site.run("dpkg -S /bin/busybox").stdout.starts_with("busybox-static: "), "the trap is set");
    let docker = lab(Docker::start(&site.host));
    lab(site.host.write("/srv/make", MAKE_KNOWN));
    site.run("sh -c \"$(cat /srv/make)\" /srv/known");
    lab(docker.run("import /srv/known.tar known:1"));
    lab(docker.run("run --detach --name known -p 8080:80 known:1 /bin/httpd -f -p 80 -h /www"));
    lab(docker.serve("plain", "--network host", 8082));
    lab(site.host.wait_for_port(8082));
    site.fetch(&format!("curl -s --retry 20 --retry-connrefused http://{}:8080/", site.host.place().ipv4));

    let key = |patch: &Value, keys: &[&str]| Value::from_iter(keys.iter().map(|key| patch[key].clone()));
    let keys = ["root", "file", "running", "installed", "candidate", "security", "commands"];
    let answer = ask(&site, "root", 3);
    let unlisted: Vec<_> = answer["gaps"].as_array().expect("`gaps` is promised").iter().collect();
    let told: Vec<_> = unlisted.iter().map(|gap| (&gap["what"], &gap["detail"])).collect();
    let (lists, database) = (json!("missing-update-data"), json!("missing-packages"));
    let (known, plain) = (json!("container known"), json!("container plain"));
    assert_eq!(told, [(&lists, &known), (&database, &plain)], "one has no lists, the other nothing at all");
    let known = patch(&answer, 80, "shopd");
    let expected = json!(["container known", "/bin/busybox", "same", "3:7.7-7", null, "unknown", []]);
    assert_eq!(key(&known, &keys), expected, "{known:#}");
    assert_eq!(site.ask_as("root", "patches 80 -o json").status, 3, "it is about that container");
    assert_eq!(site.ask_as("root", "patches 8082 -o json").status, 3, "and so is this about the other");
    let plain = patch(&answer, 8082, Value::Null);
    let expected = json!(["container plain", "/bin/busybox", "same", null, null, "unknown", []]);
    assert_eq!(key(&plain, &keys), expected, "{IMAGE}: {plain:#}");
    let is_contained = |file: &&Running| [80, 8082].contains(&file.port);
    assert_eq!(running(&answer).iter().filter(is_contained).count(), 2, "{answer:#}");

    for name in ["known", "plain"] {
        lab(docker.run(&format!("exec {name} /bin/sh -c '/bin/busybox cp /bin/busybox /bin/new'")));
        lab(docker.run(&format!("exec {name} /bin/busybox mv /bin/new /bin/busybox")));
    }
    let answer = ask(&site, "root", 1);
    for (port, package, name) in [(80, json!("shopd"), "known"), (8082, Value::Null, "plain")] {
        let (patch, restart) = (patch(&answer, port, package), format!("docker restart {name}"));
        assert_eq!(key(&patch, &["running", "commands"]), json!(["replaced", [restart]]), "{patch:#}");
        lab(docker.run(&format!("restart --time 0 {name}")));
    }
    lab(site.host.wait_for_port(8082));
    assert!(running(&ask(&site, "root", 3)).iter().all(|file| file.state == "same"));
    a_chroot_has_packages_of_its_own(&site);
}

/// Whoever changed his root to a tree with a database runs the packages of that (A18).
fn a_chroot_has_packages_of_its_own(site: &Site) {
    site.run("systemd-run --quiet --unit=jailed chroot /srv/known /bin/httpd -f -p 8090");
    lab(site.host.wait_for_port(8090));
    let jailed = patch(&site.ask_as("root", "patches 8090 -o json").json(), 8090, "shopd");
    assert_eq!((&jailed["root"], &jailed["installed"]), (&json!("chroot /srv/known"), &json!("3:7.7-7")));
    assert_eq!((&jailed["file"], &jailed["running"]), (&json!("/srv/known/bin/busybox"), &json!("same")));
}
