//! Something that is wrong with a port, why, and what to type next.

use alloc::{string::String, vec::Vec};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    address::Address,
    policy::{Place, Service},
    port::PortSpec,
    words::{Text, Words},
    world::Holding,
};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// Should be put right.
    Warning,
    /// Must be put right soon.
    High,
    /// Somebody is where they must not be.
    Critical,
}

impl Severity {
    /// Every severity, the least first.
    pub const ALL: [Self; 4] = [Self::Notice, Self::Warning, Self::High, Self::Critical];

    /// The token of the JSON contract.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The word that a person reads.
    #[must_use]
    pub const fn words(self) -> Words {
        match self {
            Self::Notice => Words { en: "notice", ja: "情報" },
            Self::Warning => Words { en: "warning", ja: "警告" },
            Self::High => Words { en: "high", ja: "重大" },
            Self::Critical => Words { en: "critical", ja: "緊急" },
        }
    }
}

/// One problem with one cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The ports it is about, if it is about ports.
    pub ports: Option<PortSpec>,
    /// The address that the socket is bound to, if it is about a socket.
    pub address: Option<Address>,
    /// The network namespace by inode, if it is about one.
    pub netns: Option<u64>,
    /// The declared service it concerns.
    pub service: Option<String>,
    /// Where the policy speaks of it.
    pub place: Option<Place>,
    /// What is wrong.
    pub text: Text,
    /// What to do about it.
    pub fix: Text,
    /// What to type, as it is; never made of bytes that a stranger chose.
    pub commands: Vec<String>,
    /// The processes it is about, by pid, the main one first.
    pub holders: Vec<u32>,
    /// The person's reason to live with it.
    pub waived: Option<Waived>,
    /// Other spots where the rules that this one outranks say nothing either.
    pub silences: Vec<Spot>,
}

/// What a finding is about, as far as two findings can be about the same: namespace, number and processes.
pub type Spot = (Option<u64>, Option<PortSpec>, Vec<u32>);

/// What a finding about `holding` is about.
#[must_use]
pub fn spot_of(holding: &Holding<'_>) -> Spot {
    (Some(holding.netns()), Some(holding.spec()), holding.pids())
}

/// Why a finding is lived with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waived {
    /// The reason in the policy.
    pub why: String,
    /// The last day on which it holds (RFC 3339 full-date).
    pub until: Option<String>,
}

impl Finding {
    /// A finding about a holding, at the address where it can be heard the furthest.
    #[must_use]
    pub fn about(mut self, holding: &Holding<'_>) -> Self {
        let listener = holding.widest();
        self.ports = Some(listener.spec());
        self.address = Some(listener.address.clone());
        self.netns = Some(listener.netns);
        self.holders = holding.pids();
        match holding.declared {
            Some(declared) => self.of(declared.service),
            None => self,
        }
    }

    /// A finding about numbers, bound or not.
    #[must_use]
    pub fn at(mut self, ports: PortSpec) -> Self {
        self.ports = Some(ports);
        self
    }

    /// What it is about, as far as two findings can be about the same.
    #[must_use]
    pub fn spot(&self) -> Spot {
        (self.netns, self.ports, self.holders.clone())
    }

    /// A finding that concerns a declared service.
    #[must_use]
    pub fn of(mut self, service: &Service) -> Self {
        self.service = Some(service.name.clone());
        self.place = Some(service.place.clone());
        self
    }

    /// A finding with commands to type.
    #[must_use]
    pub fn run(mut self, commands: impl IntoIterator<Item = String>) -> Self {
        self.commands.extend(commands);
        self
    }
}
