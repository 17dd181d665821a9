//! Where the members of an etcd are: each name is asked for once in a while, and not before each request.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use ureq::{
    Error,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

/// So long a name stands for the same addresses.
const LASTS: Duration = Duration::from_secs(10);

/// What is known of names.
#[derive(Debug, Default)]
pub(super) struct Names {
    asks: DefaultResolver,
    known: Mutex<HashMap<Uri, (Instant, ResolvedSocketAddrs)>>,
}

impl Resolver for Names {
    /// ureq(3) asks before it looks for a connection that is open already, and with a thread of its own for each.
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, addresses)) = known.get(uri).filter(|(since, _)| since.elapsed() < LASTS) {
            return Ok(addresses.clone());
        }
        let addresses = self.asks.resolve(uri, config, timeout)?;
        known.insert(uri.clone(), (Instant::now(), addresses.clone()));
        Ok(addresses)
    }
}
