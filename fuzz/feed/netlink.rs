//! Gives bytes to the readers of netlink: a kernel of another year may answer anything.

use portreeve_core::port::Protocol;
use portreeve_host::{
    observe::{links, sockets::diag},
    sys::netlink::{attributes, messages},
};

/// Nothing is read twice, so there is less to be found than there are bytes.
pub(crate) fn feed(bytes: &[u8]) {
    let mut read = 0;
    for message in messages(bytes) {
        read += message.payload.len();
        read += attributes(message.payload).map(|(_, value)| value.len()).sum::<usize>() / 2;
        let _ = (message.error(), links::read_link(message.payload), links::read_address(message.payload));
        if let Some(socket) = diag::read(message.payload, Protocol::Tcp) {
            assert!(message.payload.len() >= 72, "{socket:?} is longer than its message");
        }
    }
    assert!(read <= 2 * bytes.len());
    let _ = diag::read(bytes, Protocol::Udp);
}
