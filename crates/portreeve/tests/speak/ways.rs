//! `PORTREEVE_WITHOUT`: a way of looking that is closed is not taken, and the next one is.

use std::net::TcpListener;

use crate::run::{Said, program};

fn without(ways: &str, line: &str) -> Said {
    let words = line.split_whitespace();
    program().env("PORTREEVE_WITHOUT", ways).args(words).output().expect("the program starts").into()
}

#[test]
fn the_tables_below_proc_tell_of_the_same_port() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    for ways in ["", "sock_diag", "bpf,sock_diag"] {
        let said = without(ways, &format!("who {port}/tcp -o json --allow-gaps"));
        assert_eq!(said.code, Some(0), "{ways}: {said:?}");
        let listeners = &said.json()["listeners"];
        assert_eq!((&listeners[0]["port"], &listeners[1]), (&port.into(), &serde_json::Value::Null));
        // Only sock_diag knows the cookie of a socket.
        assert_eq!(listeners[0]["cookie"] == 0, !ways.is_empty(), "{ways}: {listeners:#}");
    }
    assert_eq!(without("sock_diag,proc", "ls").code, Some(3));
    let nothing = without("bpf,sock_diag,proc", "ls");
    assert_eq!(nothing.code, Some(3));
    assert!(nothing.err.contains("PORTREEVE_WITHOUT=bpf,sock_diag,proc closes"), "{nothing:?}");
    assert!(nothing.err.ends_with("hint: unset PORTREEVE_WITHOUT\n"), "{nothing:?}");
}

#[test]
fn a_way_that_nobody_knows_is_refused() {
    let said = without("sock_diag,telepathy", "ls");
    assert_eq!((said.code, &said.out[..]), (Some(2), ""));
    assert!(said.err.contains("`telepathy` is none\nhint: any of: bpf, sock_diag, proc"), "{}", said.err);
    assert!(without("telepathy", "ls --lang ja").err.contains("`telepathy` という取得方法はありません"));
}
