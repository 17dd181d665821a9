//! One host, one client and the wire between them: what most tests of the lab start with.

use std::path::Path;

use portreeve_lab::{Client, Host, Network, Output, Profile};
use serde_json::Value;

/// The program under test.
pub(super) const PORTREEVE: &str = env!("CARGO_BIN_EXE_portreeve");

/// One host, one client and the wire between them.
pub(super) struct Site {
    /// The host; it goes before its wire.
    pub(super) host: Host,
    /// Somebody else.
    pub(super) client: Client,
    /// The wire between them.
    pub(super) network: Network,
}

impl Site {
    /// Boots a host of this kind; what the lab needs and does not find is the test's failure.
    pub(super) fn boot(profile: &Profile) -> Self {
        let network = lab(Network::create());
        let host = lab(Host::boot(&network, profile, Path::new(PORTREEVE)));
        let client = lab(Client::create(&network));
        Self { host, client, network }
    }

    /// What a shell's command of root prints on the host; it must end with 0.
    #[track_caller]
    pub(super) fn run(&self, command: &str) -> Output {
        let output = lab(self.host.run(command));
        assert_eq!(output.status, 0, "{command}: {output:#?}");
        output
    }

    /// What a shell's command of the client prints; it must end with 0.
    #[track_caller]
    pub(super) fn fetch(&self, command: &str) -> String {
        let output = lab(self.client.run(command));
        assert_eq!(output.status, 0, "{command}: {output:#?}");
        output.stdout
    }

    /// How portreeve answers root, whatever its exit code.
    #[track_caller]
    pub(super) fn ask(&self, arguments: &str) -> Output {
        lab(self.host.run(&format!("portreeve {arguments}")))
    }

    /// How portreeve answers `user`.
    #[track_caller]
    pub(super) fn ask_as(&self, user: &str, arguments: &str) -> Output {
        lab(self.host.run_as(user, &format!("portreeve {arguments}")))
    }

    /// The findings of an audit, which must end with `status`.
    #[track_caller]
    pub(super) fn audit(&self, arguments: &str, status: i32) -> Vec<Found> {
        let output = self.ask(&format!("audit -o json {arguments}"));
        assert_eq!(output.status, status, "audit {arguments}: {output:#?}");
        findings(&output.json())
    }
}

/// What identifies a finding for a person who wrote down what to expect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Found {
    /// `443/tcp`, or nothing.
    pub(super) port: String,
    /// The rule.
    pub(super) rule: String,
    /// How much it matters.
    pub(super) severity: String,
}

/// A finding as a test writes it down.
pub(super) fn found(port: &str, rule: &str, severity: &str) -> Found {
    Found { port: port.into(), rule: rule.into(), severity: severity.into() }
}

/// Whether a finding is above a notice.
pub(super) fn serious(found: &Found) -> bool {
    found.severity != "notice"
}

/// The findings of an answer of `audit -o json`, without those that are waived, sorted, each once.
#[track_caller]
pub(super) fn findings(answer: &Value) -> Vec<Found> {
    let all = answer["findings"].as_array().expect("`findings` is promised");
    let mut found: Vec<_> = all.iter().filter(|finding| finding["waived"].is_null()).map(as_found).collect();
    found.sort();
    found.dedup();
    found
}

fn as_found(finding: &Value) -> Found {
    let text = |key: &str| finding[key].as_str().unwrap_or_default().to_string();
    let port = match (finding["port"].as_u64(), finding["port_last"].as_u64()) {
        (None, _) => String::new(),
        (Some(port), Some(last)) if last != port => format!("{port}-{last}/{}", text("protocol")),
        (Some(port), _) => format!("{port}/{}", text("protocol")),
    };
    Found { port, rule: text("rule"), severity: text("severity") }
}

/// What the lab made, or the test's failure with every cause.
#[track_caller]
pub(super) fn lab<T>(made: Result<T, portreeve_lab::LabError>) -> T {
    match made {
        Ok(value) => value,
        Err(error) => {
            let cause =
                std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
            panic!("{error}{cause}")
        }
    }
}
