//! How a person asks the same etcd by hand: by itself, etcdctl asks 127.0.0.1 and without encryption.

use portreeve_core::shell;

use super::access::Access;
use crate::store::StoreError;

/// `etcdctl` with what it takes to reach the same members (<https://etcd.io/docs/v3.4/op-guide/security/>).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Control(String);

impl Control {
    pub(super) fn of(endpoints: &[String], access: &Access) -> Self {
        let files = [("cacert", &access.ca), ("cert", &access.certificate), ("key", &access.key)];
        let files =
            files.into_iter().filter_map(|(flag, file)| Some((flag, file.as_ref()?.display().to_string())));
        // Of the user, it asks for the password.
        let user = access.user.clone().map(|user| ("user", user));
        let flags = [("endpoints", endpoints.join(","))].into_iter().chain(files).chain(user);
        Self(flags.map(|(flag, value)| format!(" --{flag}={}", shell::quoted(&value))).collect())
    }

    /// The whole command for `words`.
    pub(crate) fn command(&self, words: &str) -> String {
        let Self(flags) = self;
        format!("etcdctl{flags} {words}")
    }

    /// The same error with this beside it.
    pub(super) fn beside(&self, error: StoreError) -> StoreError {
        let control = self.clone();
        match error {
            StoreError::Unreachable { tried, .. } => StoreError::Unreachable { tried, control },
            StoreError::Foreign { key, source, .. } => StoreError::Foreign { key, source, control },
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_as_it_stands_asks_the_same_etcd() {
        let endpoints = ["https://a:2379".to_owned(), "https://b:2379".to_owned()];
        let access = Access {
            ca: Some("/etc/portreeve/etcd/ca.pem".into()),
            certificate: Some("/c d.pem".into()),
            key: Some("/k.pem".into()),
            user: Some("harbour".into()),
            password: Some(crate::store::etcd::access::Secret::new("secret")),
        };
        assert_eq!(
            Control::of(&endpoints, &access).command("endpoint health"),
            "etcdctl --endpoints='https://a:2379,https://b:2379' --cacert=/etc/portreeve/etcd/ca.pem \
             --cert='/c d.pem' --key=/k.pem --user=harbour endpoint health"
        );
    }
}
