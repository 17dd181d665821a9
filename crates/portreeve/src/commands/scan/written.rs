//! What is written down of a consent while it is given, for whoever judges or watches this host meanwhile (A17, A20).

use std::{net::IpAddr, path::PathBuf, process};

use jiff::Timestamp;
use portreeve_core::{facts::Consent, text, words::Lang};
use portreeve_host::{consents, keep::KeepError, network};

use crate::{directories, failure::warn, show::escape::visible};

/// What is written down; it is taken away when this value goes.
#[derive(Debug)]
pub(super) struct Written {
    consent: Consent,
    folder: Option<PathBuf>,
    lang: Lang,
}

impl Written {
    /// Writes down that this process is asked at `port` until then, in seconds since 1970.
    pub(super) fn begin(port: u16, until: u64, lang: Lang) -> Self {
        let until = i64::try_from(until).ok().and_then(|until| Timestamp::from_second(until).ok());
        let until = until.unwrap_or(Timestamp::MAX);
        let (netns, pid) = (network::inode(), process::id());
        let consent = Consent { port, netns, pid, until, answered: Vec::new() };
        let written = Self { consent, folder: directories::consents(), lang };
        written.keep();
        written
    }

    /// One more is told that he may scan.
    pub(super) fn answers(&mut self, scanner: IpAddr) {
        if self.consent.answers(scanner) {
            self.keep();
        }
    }

    /// How many were.
    pub(super) const fn count(&self) -> usize {
        self.consent.answered.len()
    }

    /// What cannot be written is no reason not to consent.
    fn keep(&self) {
        let kept = self.folder.as_deref().map(|folder| consents::keep(folder, &self.consent));
        if let Some(Err(error)) = kept {
            unkept(&error, self.lang);
        }
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            consents::end(folder, &self.consent);
        }
    }
}

fn unkept(error: &KeepError, lang: Lang) {
    let path = error.path().display().to_string();
    let path = visible(&path);
    let warning = text!(
        "warning: {path} cannot be written: a watch takes the scan for an attack, and audit the listening socket for undeclared",
        "警告: {path} に書き込めません。watch はスキャンを攻撃とみなし、audit は待ち受けを宣言のないものとして扱います"
    );
    warn(warning.in_lang(lang));
}
