//! A connection in the words of a table.

use portreeve_core::{address::Address, facts::TcpState};

/// `10.0.0.5:443`, `[::1]:443`.
pub(crate) fn endpoint(address: &Address, port: u16) -> String {
    if address.ip.is_ipv4() { format!("{address}:{port}") } else { format!("[{address}]:{port}") }
}

/// The state as people know it.
pub(crate) const fn state(state: TcpState) -> &'static str {
    match state {
        TcpState::Established => "established",
        TcpState::SynSent => "syn-sent",
        TcpState::SynRecv | TcpState::NewSynRecv => "syn-recv",
        TcpState::FinWait1 => "fin-wait-1",
        TcpState::FinWait2 => "fin-wait-2",
        TcpState::TimeWait => "time-wait",
        TcpState::Close => "close",
        TcpState::CloseWait => "close-wait",
        TcpState::LastAck => "last-ack",
        TcpState::Closing => "closing",
        TcpState::BoundInactive => "bound",
    }
}
