//! Where a fleet's ledger is: `etcd+https://h1:2379,h2:2379/prefix`.

use std::net::{IpAddr, Ipv6Addr};

use portreeve_core::words::Text;

/// Where etcd listens, when nothing else is said (<https://etcd.io/docs/v3.4/op-guide/configuration/>).
const PORT: u16 = 2379;
/// More members than any cluster has.
const ENDPOINTS_MAX: usize = 64;
/// Bytes of a prefix.
const PREFIX_BYTES_MAX: usize = 256;

/// What an address of a ledger says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    /// Where to ask, each as `https://host:port`.
    pub(super) endpoints: Vec<String>,
    /// What every key of the ledger begins with, without a slash at its end.
    pub(super) prefix: String,
}

/// Why a text is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    /// It begins with something else.
    #[error("it begins neither with etcd+https:// nor with etcd+http://")]
    Scheme,
    /// Between the commas is something else than a host with a port.
    #[error("it names no host, or one that is none, or more than {ENDPOINTS_MAX}")]
    Endpoint,
    /// A password in an address is seen by everybody who lists processes.
    #[error("a user and a password do not belong there")]
    Password,
    /// Without a prefix, the ledger would own whatever is kept there.
    #[error("it must end in a prefix such as /portreeve, in visible ASCII without ? and #")]
    Prefix,
}

impl AddressError {
    /// The same in both languages.
    pub(crate) fn text(self) -> Text {
        let en = self.to_string();
        let ja = match self {
            Self::Scheme => "etcd+https:// か etcd+http:// で始まっていません".into(),
            Self::Endpoint => {
                format!("ホストの指定がないか、正しくありません({ENDPOINTS_MAX} 個まで指定できます)")
            }
            Self::Password => "ユーザー名とパスワードは書けません".into(),
            Self::Prefix => {
                "/portreeve のようなプレフィックス(? と # を除く表示可能な ASCII 文字)が最後に必要です".into()
            }
        };
        Text { en, ja }
    }
}

impl Address {
    /// Reads one.
    ///
    /// # Errors
    ///
    /// It is none.
    pub(super) fn read(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = ["https", "http"]
            .into_iter()
            .find_map(|scheme| Some((scheme, text.strip_prefix("etcd+")?.strip_prefix(scheme)?)))
            .and_then(|(scheme, rest)| Some((scheme, rest.strip_prefix("://")?)))
            .ok_or(AddressError::Scheme)?;
        let (hosts, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
        if hosts.contains('@') {
            return Err(AddressError::Password);
        }
        let endpoints: Option<Vec<_>> = hosts.split(',').map(|host| endpoint(scheme, host)).collect();
        let endpoints = endpoints.filter(|endpoints| endpoints.len() <= ENDPOINTS_MAX);
        Ok(Self { endpoints: endpoints.ok_or(AddressError::Endpoint)?, prefix: prefix(path)? })
    }

    /// Whether what is asked leaves the host, and is not encrypted.
    pub(super) fn is_in_clear(&self) -> bool {
        let hosts = self.endpoints.iter().filter_map(|endpoint| endpoint.strip_prefix("http://"));
        hosts.filter_map(|host| host.rsplit_once(':')).any(|(host, _)| !is_loopback(host))
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn endpoint(scheme: &str, text: &str) -> Option<String> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']').filter(|(host, _)| host.parse::<Ipv6Addr>().is_ok())?,
        None => text.find(':').map_or((text, ""), |at| text.split_at(at)),
    };
    let port = match rest {
        "" => PORT,
        rest => rest.strip_prefix(':')?.parse().ok().filter(|port| *port != 0)?,
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if text.starts_with('[') {
        return Some(format!("{scheme}://[{host}]:{port}"));
    }
    let is_host = !host.is_empty() && host.bytes().all(is_name);
    is_host.then(|| format!("{scheme}://{host}:{port}"))
}

fn prefix(path: &str) -> Result<String, AddressError> {
    let prefix = path.trim_end_matches('/');
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#".contains(&byte);
    let is_one = !prefix.is_empty() && prefix.len() <= PREFIX_BYTES_MAX && prefix.bytes().all(is_plain);
    if is_one { Ok(prefix.into()) } else { Err(AddressError::Prefix) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stays_on_the_host_goes_in_clear_unseen() {
        let is_in_clear = |hosts: &str| Address::read(&format!("etcd+{hosts}/p")).expect("one").is_in_clear();
        for hosts in ["https://a", "http://127.0.0.1:1", "http://localhost,[::1]:5"] {
            assert!(!is_in_clear(hosts), "{hosts}");
        }
        for hosts in ["http://192.0.2.1", "http://127.0.0.1,a", "http://[2001:db8::1]"] {
            assert!(is_in_clear(hosts), "{hosts}");
        }
    }

    #[test]
    fn an_address_names_hosts_and_a_prefix() {
        let address = Address::read("etcd+https://a.example,b:23790,[2001:db8::1]:1/fleet/").expect("one");
        let expected = ["https://a.example:2379", "https://b:23790", "https://[2001:db8::1]:1"];
        assert_eq!((address.endpoints, address.prefix), (expected.map(String::from).into(), "/fleet".into()));
        let plain = Address::read("etcd+http://192.0.2.1/a/b").expect("one");
        assert_eq!(
            (plain.endpoints, plain.prefix),
            (["http://192.0.2.1:2379".to_owned()].into(), "/a/b".into())
        );
    }

    #[test]
    fn what_is_no_address_is_told() {
        for (text, error) in [
            ("https://a/p", AddressError::Scheme),
            ("etcd+ftp://a/p", AddressError::Scheme),
            ("etcd+https:a/p", AddressError::Scheme),
            ("etcd+https:///p", AddressError::Endpoint),
            ("etcd+https://a,,b/p", AddressError::Endpoint),
            ("etcd+https://a:0/p", AddressError::Endpoint),
            ("etcd+https://a:99999/p", AddressError::Endpoint),
            ("etcd+https://[a]/p", AddressError::Endpoint),
            ("etcd+https://2001:db8::1/p", AddressError::Endpoint),
            ("etcd+https://user:secret@a/p", AddressError::Password),
            ("etcd+https://a", AddressError::Prefix),
            ("etcd+https://a//", AddressError::Prefix),
            ("etcd+https://a/p?q", AddressError::Prefix),
        ] {
            assert_eq!(Address::read(text), Err(error), "{text}");
        }
        let many = format!("etcd+http://{}/p", ["a"; ENDPOINTS_MAX + 1].join(","));
        assert_eq!(Address::read(&many), Err(AddressError::Endpoint));
    }
}
