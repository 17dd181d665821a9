//! Why one member of an etcd is no help, by what the libraries say that connect and encrypt.

use std::io;

use ureq::Timeout;

use super::gateway::shown;
use crate::store::Said;

/// Whether an encrypted connection has a certificate of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ours {
    Certificate,
    Nothing,
}

/// Why one member is no help.
pub(super) struct Trouble {
    pub(super) said: Said,
    /// Whether he may have done it.
    pub(super) was_sent: bool,
}

/// What `error` means, of a connection on which we showed `ours`.
pub(super) fn trouble(error: ureq::Error, ours: Ours, is_encrypted: bool) -> Trouble {
    use ureq::Error;
    let text = shown(&error.to_string());
    match error {
        Error::Timeout(Timeout::Resolve | Timeout::Connect) => {
            Trouble { said: Said::Silent, was_sent: false }
        }
        Error::Timeout(_) => Trouble { said: Said::Silent, was_sent: true },
        Error::HostNotFound | Error::ConnectionFailed | Error::BadUri(_) => {
            Trouble { said: Said::Unreachable(text), was_sent: false }
        }
        Error::Io(error) => io_trouble(&error, ours, is_encrypted),
        Error::Rustls(error) => Trouble { said: untrusted(&error, ours), was_sent: true },
        Error::Tls(_) | Error::Pem(_) => Trouble { said: Said::Untrusted(text), was_sent: true },
        _ => Trouble { said: Said::Unreadable(text), was_sent: true },
    }
}

fn io_trouble(error: &io::Error, ours: Ours, is_encrypted: bool) -> Trouble {
    use io::ErrorKind as Kind;
    let text = shown(&error.to_string());
    // Who wants a certificate says so once he was asked (RFC 8446, section 4.4.2.4), and what is still being sent breaks then.
    let is_unshown = is_encrypted && ours == Ours::Nothing;
    match error.kind() {
        Kind::BrokenPipe | Kind::ConnectionReset | Kind::ConnectionAborted | Kind::UnexpectedEof
            if is_unshown =>
        {
            Trouble { said: Said::HungUp(text), was_sent: true }
        }
        Kind::ConnectionRefused
        | Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::NetworkDown
        | Kind::AddrNotAvailable => Trouble { said: Said::Unreachable(text), was_sent: false },
        // rustls wraps its own errors so, those of a certificate and those that the other side told.
        Kind::InvalidData => {
            let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            let said = inner.map_or(Said::Untrusted(text), |inner| untrusted(inner, ours));
            Trouble { said, was_sent: true }
        }
        Kind::TimedOut | Kind::WouldBlock => Trouble { said: Said::Silent, was_sent: true },
        _ => Trouble { said: Said::Unreachable(text), was_sent: true },
    }
}

/// What kept a connection from being encrypted: the certificate of the other side, or ours (RFC 8446, section 6.2).
fn untrusted(error: &rustls::Error, ours: Ours) -> Said {
    use rustls::{AlertDescription as Alert, CertificateError};
    let text = shown(&error.to_string());
    match error {
        // One that is over, or of another name, is no matter of who vouches for it.
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => Said::Unproven(text),
        rustls::Error::AlertReceived(
            Alert::CertificateRequired
            | Alert::NoCertificate
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::HandshakeFailure,
        ) => match ours {
            Ours::Certificate => Said::Unwelcome(text),
            Ours::Nothing => Said::Uncertified(text),
        },
        _ => Said::Untrusted(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whose certificate is missing or wrong, and what is no matter of certificates.
    #[test]
    fn who_is_not_trusted_is_told_apart_from_who_does_not_trust_us() {
        use rustls::{AlertDescription as Alert, CertificateError, Error};
        let said = |error: Error, ours| {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            trouble(ureq::Error::Io(error), ours, true).said
        };
        let unknown = || Error::InvalidCertificate(CertificateError::UnknownIssuer);
        assert!(matches!(said(unknown(), Ours::Certificate), Said::Unproven(_)));
        for alert in [Alert::BadCertificate, Alert::CertificateRequired, Alert::UnknownCA] {
            assert!(matches!(said(Error::AlertReceived(alert), Ours::Nothing), Said::Uncertified(_)));
            assert!(matches!(said(Error::AlertReceived(alert), Ours::Certificate), Said::Unwelcome(_)));
        }
        let over = Error::InvalidCertificate(CertificateError::Expired);
        assert!(matches!(said(over, Ours::Nothing), Said::Untrusted(_)), "another authority is no help");
        let old = Error::AlertReceived(Alert::ProtocolVersion);
        assert!(matches!(said(old, Ours::Nothing), Said::Untrusted(_)));
        let broken = |ours, is_encrypted| {
            let error = io::Error::from(io::ErrorKind::BrokenPipe);
            trouble(ureq::Error::Io(error), ours, is_encrypted).said
        };
        assert!(matches!(broken(Ours::Nothing, true), Said::HungUp(_)));
        assert!(matches!(broken(Ours::Nothing, false), Said::Unreachable(_)));
        assert!(matches!(broken(Ours::Certificate, true), Said::Unreachable(_)));
    }
}
