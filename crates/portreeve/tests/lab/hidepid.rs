//! A /proc that lists nobody else's processes says nothing about who holds a socket (A12).

use portreeve_lab::profile;

use super::site::Site;

/// `hidepid=2` takes the processes of others off the list: that is no sign that nobody has the socket (proc(5)).
#[test]
fn processes_that_proc_does_not_list_are_not_taken_for_gone() {
    let site = Site::boot(&profile::BARE);
    let hidden = |arguments: &str| {
        let nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups";
        site.run(&format!(
            "unshare --mount sh -c 'mount -t proc -o hidepid=2 proc /proc; {nobody} portreeve {arguments}; \
             echo $? >&2'"
        ))
    };
    let output = hidden("who 22 -o json");
    assert_eq!(output.stderr.trim(), "3", "{output:#?}");
    let answer = output.json();
    let gaps: Vec<_> = answer["gaps"].as_array().expect("`gaps` is promised").iter().collect();
    assert!(gaps.iter().any(|gap| gap["what"] == "hidden-processes"), "{gaps:#?}");
    assert_eq!(answer["listeners"][0]["holders_complete"], false, "{answer:#}");
    assert_eq!(answer["listeners"][0]["socket_unit"], "ssh.service", "{answer:#}");

    let output = hidden("audit --policy none -o json");
    assert_eq!(output.stderr.trim(), "3", "{output:#?}");
    assert_eq!(output.json()["findings"], serde_json::json!([]), "nobody is accused: {output:#?}");
}
