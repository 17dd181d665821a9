//! Whom etcd is to be, and who asks it: certificates, a user and his password.

use std::{
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
};

use portreeve_core::words::Words;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::store::{StoreError, Wrong};

/// Bytes of a file with certificates or a password.
const FILE_BYTES_MAX: u64 = 1 << 20;

const ALONE: Words = Words {
    en: "a certificate (client.pem) needs its key (client-key.pem), and a key its certificate",
    ja: "証明書(client.pem)と秘密鍵(client-key.pem)は両方必要です",
};
const NO_CERTIFICATE: Words =
    Words { en: "there is no certificate in it", ja: "証明書が含まれていません" };
const NO_KEY: Words =
    Words { en: "there is no private key in it", ja: "秘密鍵が含まれていません" };
const NO_TEXT: Words = Words { en: "it is no text", ja: "テキストではありません" };
const TOO_LARGE: Words = Words { en: "it is too large", ja: "大きすぎます" };

/// What it takes to be let in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Access {
    /// The certificates of whoever vouches for etcd (PEM); without, those are trusted that browsers trust.
    pub(crate) ca: Option<PathBuf>,
    /// Our own certificate (PEM), with its chain; without a common name, since the gateway of an etcd that has users
    /// refuses one with it.
    pub(crate) certificate: Option<PathBuf>,
    /// Its key (PEM: PKCS#1, PKCS#8 or SEC1).
    pub(crate) key: Option<PathBuf>,
    /// The user of etcd, whose roles say what may be read and written; etcd's gateway knows none by his certificate.
    pub(crate) user: Option<String>,
    /// His password.
    pub(crate) password: Option<Secret>,
}

/// What nobody is to read in a log.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// A password.
    pub(crate) fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl Access {
    /// What the environment and the files of `folder` say; the environment has the last word.
    ///
    /// | variable | file | what |
    /// |---|---|---|
    /// | `PORTREEVE_ETCD_CA` | `ca.pem` | the file with who vouches for etcd |
    /// | `PORTREEVE_ETCD_CERTIFICATE` | `client.pem` | the file with our certificate |
    /// | `PORTREEVE_ETCD_KEY` | `client-key.pem` | the file with its key |
    /// | `PORTREEVE_ETCD_USER` | `user` | the user |
    /// | `PORTREEVE_ETCD_PASSWORD` | `password` | his password |
    /// | `PORTREEVE_ETCD_PASSWORD_FILE` | | the file with his password |
    ///
    /// # Errors
    ///
    /// A file is there and cannot be read.
    pub(crate) fn find(
        folder: &Path,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, StoreError> {
        let named = |name: &str, file: &str| {
            let beside = || Some(folder.join(file)).filter(|path| path.exists());
            variable(name).map(PathBuf::from).or_else(beside)
        };
        let told = |name: &str| variable(name).and_then(|value| value.into_string().ok());
        let word = |name: &str, file: Option<PathBuf>| match told(name) {
            Some(word) => Ok(Some(word)),
            None => file.map(|path| line(&path)).transpose(),
        };
        let user = word("PORTREEVE_ETCD_USER", named("", "user"))?;
        let password = word("PORTREEVE_ETCD_PASSWORD", named("PORTREEVE_ETCD_PASSWORD_FILE", "password"))?;
        Ok(Self {
            ca: named("PORTREEVE_ETCD_CA", "ca.pem"),
            certificate: named("PORTREEVE_ETCD_CERTIFICATE", "client.pem"),
            key: named("PORTREEVE_ETCD_KEY", "client-key.pem"),
            user,
            password: password.map(Secret::new),
        })
    }

    /// The user and his password, where both are known.
    pub(super) fn user(&self) -> Option<(String, Secret)> {
        Some((self.user.clone()?, self.password.clone().unwrap_or(Secret(String::new()))))
    }

    /// How encrypted connections are made.
    pub(super) fn tls(&self) -> Result<TlsConfig, StoreError> {
        let roots = match &self.ca {
            Some(path) => RootCerts::new_with_certs(&certificates(path)?),
            None => RootCerts::WebPki,
        };
        let client = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                Some(ClientCert::new_with_certs(&certificates(certificate)?, private_key(key)?))
            }
            (Some(alone), None) | (None, Some(alone)) => {
                return Err(unfit(alone, ALONE));
            }
            (None, None) => None,
        };
        Ok(TlsConfig::builder().root_certs(roots).client_cert(client).build())
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, StoreError> {
    let is_one = |item| match item {
        PemItem::Certificate(certificate) => Some(certificate),
        _ => None,
    };
    let found: Vec<_> = items(path)?.into_iter().filter_map(is_one).collect();
    if found.is_empty() { Err(unfit(path, NO_CERTIFICATE)) } else { Ok(found) }
}

fn private_key(path: &Path) -> Result<PrivateKey<'static>, StoreError> {
    let is_one = |item| match item {
        PemItem::PrivateKey(key) => Some(key),
        _ => None,
    };
    let found = items(path)?.into_iter().find_map(is_one);
    found.ok_or_else(|| unfit(path, NO_KEY))
}

fn items(path: &Path) -> Result<Vec<PemItem<'static>>, StoreError> {
    let text = read(path)?;
    parse_pem(&text).collect::<Result<_, _>>().map_err(|error| wrong(path, Wrong::quoted(&error)))
}

/// The first line of a file.
fn line(path: &Path) -> Result<String, StoreError> {
    let text = String::from_utf8(read(path)?).map_err(|_| unfit(path, NO_TEXT))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    let told = |source| StoreError::Beside { path: path.into(), source };
    if fs::metadata(path).map_err(told)?.len() > FILE_BYTES_MAX {
        return Err(unfit(path, TOO_LARGE));
    }
    fs::read(path).map_err(told)
}

fn unfit(path: &Path, why: Words) -> StoreError {
    wrong(path, Wrong::Ours(why))
}

fn wrong(path: &Path, source: Wrong) -> StoreError {
    StoreError::Unfit { path: path.into(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_has_the_last_word() {
        let folder = std::env::temp_dir().join(format!("portreeve-access-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a directory");
        fs::write(folder.join("user"), "harbour\n").expect("written");
        fs::write(folder.join("password"), "secret\nmore").expect("written");
        let found = Access::find(&folder, |_| None).expect("read");
        assert_eq!(found.user(), Some(("harbour".into(), Secret("secret".into()))));
        assert_eq!((found.ca, found.certificate, found.key), (None, None, None));
        let told = |name: &str| match name {
            "PORTREEVE_ETCD_PASSWORD" => Some("told".into()),
            "PORTREEVE_ETCD_CA" => Some("/ca".into()),
            _ => None,
        };
        let found = Access::find(&folder, told).expect("read");
        assert_eq!(found.user(), Some(("harbour".into(), Secret("told".into()))));
        assert!(!format!("{found:?}").contains("told"), "nobody reads it");
        assert!(matches!(found.tls(), Err(StoreError::Beside { .. })), "what is named must be there");
        let empty = Access { ca: Some(folder.join("user")), ..Access::default() };
        assert!(matches!(empty.tls(), Err(StoreError::Unfit { .. })), "it has no certificate");
        fs::remove_dir_all(&folder).expect("removed");
    }
}
