//! What could not be seen, why, and what to do about it.

mod code;
mod firewall;
mod flaw;
mod holders;
mod ledger;
mod listeners;
mod outside;
mod steering;

pub use flaw::Flaw;

use alloc::string::String;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::words::{Text, Words};

/// Something that exists and could not be seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// What kind of thing.
    pub what: GapKind,
    /// How many of them, where they can be counted.
    pub count: u32,
    /// A name that helps to find it (a file, a namespace), or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// The kinds of things that a look can miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// Sockets whose process belongs to another user.
    HiddenOwners,
    /// Processes that /proc does not show (hidepid).
    HiddenProcesses,
    /// Processes that do not show their descriptors even to root.
    SealedProcesses,
    /// Sockets that none of the processes which can be seen holds.
    OutOfSight,
    /// Network namespaces that could not be entered, which takes root and a thread.
    ForeignNamespaces,
    /// Network namespaces that could not be entered, of which the sockets were seen that processes hold.
    UnenteredNamespaces,
    /// Processes that ended between two reads.
    VanishedProcesses,
    /// Executables or mappings that only root may read, or that lie on a network file system.
    HiddenFiles,
    /// A kernel table or interface that was not there; `detail` names it.
    MissingSource,
    /// Lists that the kernel changed during each of several reads; `detail` names the source.
    UnsteadyRead,
    /// More entries than portreeve keeps; `detail` names the list.
    TooMany,
    /// The packet filter, which only root may read.
    HiddenFirewall,
    /// Rules of a packet filter that could not be listed; `detail` names the program that lists them and why it did not.
    UnlistedRules,
    /// Programs that may drop packets before any rule of the packet filter sees them; `detail` names them.
    PacketPrograms,
    /// The packet filter of a saved snapshot that was taken without it. A judgement finds it, no look does.
    UnkeptFirewall,
    /// Declared ports whose holder cannot be told from their owner; `detail` names some. A judgement finds it, no look does.
    UndecidedOwners,
    /// What is steered, which only root may read; `detail` names the ports of which it is known that they are.
    HiddenSteering,
    /// The ledger, which could not be read; `detail` says why. A judgement finds it, no look does.
    UnreadLedger,
    /// The packages of a root, of which a file tells nothing or too little; `detail` names it, and why: `FILE (empty)`.
    UnreadPackages,
    /// The packages of a root, or what could be installed, of which a file may not be read; `detail` names it.
    HiddenPackages,
    /// The packages of a root in a form that only its own tools read; `detail` names the file.
    OldPackages,
    /// What could be installed, of which there are no lists; `detail` names the root where it is not the host's.
    MissingUpdateData,
    /// What could be installed, as far as a file tells that could not be read; `detail` names it.
    UnreadUpdateData,
    /// Whether an archive is one of security updates, as it does not say what it is; `detail` names its file.
    UnnamedArchive,
    /// How old these lists are, by a clock that has them yet to come; `detail` names the root where it is not the host's.
    FutureUpdateData,
    /// The packages of a root in which no database of them stands; `detail` names it where it is not the host's.
    MissingPackages,
    /// Security updates, as none of the lists is of an archive of such; `detail` names the root where it is not the host's.
    MissingSecurityArchive,
    /// What an archive offers, of which no list was kept; `detail` names what it says of itself.
    MissingList,
    /// Which version would be installed, as a file of preferences could not be read; `detail` names it.
    UnreadPreferences,
    /// Security holes of packages about whose release no advisory is; `detail` names it, and the advisories.
    SilentAdvisories,
    /// The same, as a root does not say of which release it is; `detail` names it where it is not the host's.
    UnknownRelease,
    /// Ports of a scan, as nobody on the link answers for the address, which `detail` names.
    UnansweredAddress,
    /// Ports of a scan whose packets this host threw away itself.
    UnsentPackets,
    /// Ports of a scan whose answers this host dropped, as they came in by another way than packets leave by (rp_filter).
    MisdirectedAnswers,
    /// About so many silent ports of a scan whose answers got lost, however often they were asked.
    LostAnswers,
    /// Whether all that a scan saw is of the host that was meant, which has the address no more; `detail` names it.
    MovedAddress,
}

impl Gap {
    /// A gap of `count` things.
    #[must_use]
    pub const fn new(what: GapKind, count: u32) -> Self {
        Self { what, count, detail: String::new() }
    }

    const fn hides(&self) -> Hides {
        self.what.page().hides
    }

    /// Whether it leaves open who holds a socket, or whether that is its owner.
    #[must_use]
    pub fn hides_holders(&self) -> bool {
        self.hides() == Hides::Holders
    }

    /// Whether it leaves open whose the running code is, or what would be installed in its place.
    #[must_use]
    pub fn hides_packages(&self) -> bool {
        self.hides() == Hides::Packages
    }

    /// Whether what it hides of packages is below the root of that name; `None` is the host's own.
    #[must_use]
    pub fn is_of_root(&self, name: Option<&str>) -> bool {
        code::is_of_root(&self.detail, name)
    }

    /// The release of which it says that advisories are silent.
    #[must_use]
    pub fn silent_release(&self) -> Option<&str> {
        (self.what == GapKind::SilentAdvisories).then(|| code::of_release(&self.detail).0)
    }

    /// Whether listeners may be missing because of it.
    #[must_use]
    pub fn hides_listeners(&self) -> bool {
        self.hides() == Hides::Listeners
    }

    /// Whether it leaves open which packets arrive.
    #[must_use]
    pub fn hides_firewall(&self) -> bool {
        self.hides() == Hides::Firewall
    }

    /// Whether rules are known and more than these decides which packets arrive.
    #[must_use]
    pub fn is_before_rules(&self) -> bool {
        self.hides() == Hides::BeforeRules
    }

    /// Whether it leaves open who gets what comes in for a port, whoever has bound it.
    #[must_use]
    pub fn hides_steering(&self) -> bool {
        self.hides() == Hides::Steering
    }

    /// Whether it leaves open who has claimed a number.
    #[must_use]
    pub fn hides_claims(&self) -> bool {
        self.hides() == Hides::Claims
    }

    /// Why it could not be seen, as a sentence with the count.
    #[must_use]
    pub fn why(&self) -> Text {
        (self.what.page().why)(self)
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> Words {
        (self.what.page().fix)(self)
    }
}

/// What a gap leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hides {
    /// Who listens.
    Listeners,
    /// Who holds a socket, or whether that is its owner.
    Holders,
    /// Whether what runs is what is on the disk.
    Files,
    /// Whose the running code is, or what would be installed in its place.
    Packages,
    /// Which packets arrive.
    Firewall,
    /// The same though the rules are known: whether packets get to these.
    BeforeRules,
    /// Who gets what comes in for a port.
    Steering,
    /// Who has claimed a number.
    Claims,
    /// What a scan would have seen.
    Answers,
}

/// What there is to say of a kind.
struct Page {
    hides: Hides,
    why: fn(&Gap) -> Text,
    fix: fn(&Gap) -> Words,
}

impl GapKind {
    const fn page(self) -> &'static Page {
        match self {
            Self::HiddenOwners => &holders::HIDDEN_OWNERS,
            Self::HiddenProcesses => &holders::HIDDEN_PROCESSES,
            Self::SealedProcesses => &holders::SEALED_PROCESSES,
            Self::OutOfSight => &holders::OUT_OF_SIGHT,
            Self::VanishedProcesses => &holders::VANISHED_PROCESSES,
            Self::UndecidedOwners => &holders::UNDECIDED_OWNERS,
            Self::ForeignNamespaces => &listeners::FOREIGN_NAMESPACES,
            Self::UnenteredNamespaces => &listeners::UNENTERED_NAMESPACES,
            Self::MissingSource => &listeners::MISSING_SOURCE,
            Self::UnsteadyRead => &listeners::UNSTEADY_READ,
            Self::TooMany => &listeners::TOO_MANY,
            Self::HiddenFirewall => &firewall::HIDDEN_FIREWALL,
            Self::UnlistedRules => &firewall::UNLISTED_RULES,
            Self::UnkeptFirewall => &firewall::UNKEPT_FIREWALL,
            Self::PacketPrograms => &firewall::PACKET_PROGRAMS,
            Self::HiddenSteering => &steering::HIDDEN_STEERING,
            Self::UnreadLedger => &ledger::UNREAD_LEDGER,
            Self::HiddenFiles => &code::HIDDEN_FILES,
            Self::UnreadPackages => &code::UNREAD_PACKAGES,
            Self::HiddenPackages => &code::HIDDEN_PACKAGES,
            Self::OldPackages => &code::OLD_PACKAGES,
            Self::MissingPackages => &code::MISSING_PACKAGES,
            Self::MissingUpdateData => &code::MISSING_UPDATE_DATA,
            Self::UnreadUpdateData => &code::UNREAD_UPDATE_DATA,
            Self::UnnamedArchive => &code::UNNAMED_ARCHIVE,
            Self::FutureUpdateData => &code::FUTURE_UPDATE_DATA,
            Self::MissingSecurityArchive => &code::MISSING_SECURITY_ARCHIVE,
            Self::MissingList => &code::MISSING_LIST,
            Self::UnreadPreferences => &code::UNREAD_PREFERENCES,
            Self::SilentAdvisories => &code::SILENT_ADVISORIES,
            Self::UnknownRelease => &code::UNKNOWN_RELEASE,
            Self::UnansweredAddress => &outside::UNANSWERED_ADDRESS,
            Self::UnsentPackets => &outside::UNSENT_PACKETS,
            Self::MisdirectedAnswers => &outside::MISDIRECTED_ANSWERS,
            Self::LostAnswers => &outside::LOST_ANSWERS,
            Self::MovedAddress => &outside::MOVED_ADDRESS,
        }
    }
}

const RUN_AGAIN: Words = Words { en: "run it again", ja: "もう一度実行してください" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_hides_who_holds_a_socket_or_the_socket_itself_or_a_file() {
        for (what, holders, listeners) in [
            (GapKind::HiddenOwners, true, false),
            (GapKind::HiddenProcesses, true, false),
            (GapKind::SealedProcesses, true, false),
            (GapKind::OutOfSight, true, false),
            (GapKind::VanishedProcesses, true, false),
            (GapKind::HiddenFiles, false, false),
            (GapKind::ForeignNamespaces, false, true),
            (GapKind::UnenteredNamespaces, false, true),
            (GapKind::MissingSource, false, true),
            (GapKind::UnsteadyRead, false, true),
            (GapKind::TooMany, false, true),
            (GapKind::HiddenFirewall, false, false),
            (GapKind::UnlistedRules, false, false),
            (GapKind::UnkeptFirewall, false, false),
            (GapKind::PacketPrograms, false, false),
            (GapKind::UndecidedOwners, true, false),
            (GapKind::HiddenSteering, false, false),
            (GapKind::UnreadLedger, false, false),
            (GapKind::UnreadPackages, false, false),
            (GapKind::HiddenPackages, false, false),
            (GapKind::OldPackages, false, false),
            (GapKind::MissingUpdateData, false, false),
            (GapKind::UnreadUpdateData, false, false),
            (GapKind::UnnamedArchive, false, false),
            (GapKind::FutureUpdateData, false, false),
            (GapKind::MissingPackages, false, false),
            (GapKind::MissingSecurityArchive, false, false),
            (GapKind::MissingList, false, false),
            (GapKind::UnreadPreferences, false, false),
            (GapKind::SilentAdvisories, false, false),
            (GapKind::UnknownRelease, false, false),
            (GapKind::UnansweredAddress, false, false),
            (GapKind::UnsentPackets, false, false),
            (GapKind::MisdirectedAnswers, false, false),
            (GapKind::LostAnswers, false, false),
            (GapKind::MovedAddress, false, false),
        ] {
            let gap = Gap::new(what, 1);
            assert_eq!((gap.hides_holders(), gap.hides_listeners()), (holders, listeners), "{what:?}");
        }
    }

    #[test]
    fn root_is_not_told_to_become_root_but_what_root_may_lack() {
        for (what, capability) in [
            (GapKind::HiddenProcesses, "CAP_SYS_PTRACE"),
            (GapKind::SealedProcesses, "CAP_SYS_PTRACE"),
            (GapKind::HiddenFiles, "CAP_SYS_PTRACE"),
            (GapKind::ForeignNamespaces, "CAP_SYS_ADMIN"),
            (GapKind::UnenteredNamespaces, "CAP_SYS_ADMIN"),
        ] {
            let Words { en, ja } = Gap::new(what, 1).fix();
            assert!(en.contains(capability) && ja.contains(capability), "{what:?}: {en}");
        }
    }

    #[test]
    fn one_thing_is_spoken_of_as_one() {
        let said = |what, count| Gap::new(what, count).why().en;
        assert_eq!(said(GapKind::HiddenOwners, 1), "1 socket hides its owner: it belongs to another user");
        assert_eq!(
            said(GapKind::HiddenOwners, 12),
            "12 sockets hide their owner: they belong to other users"
        );
        assert_eq!(said(GapKind::VanishedProcesses, 1), "1 process ended while being read");
        assert_eq!(
            said(GapKind::SealedProcesses, 1),
            "1 process does not show its descriptors, not even to root"
        );
        assert_eq!(said(GapKind::ForeignNamespaces, 1), "1 other network namespace could not be entered");
        let steered =
            |detail: &str| Gap { detail: detail.into(), ..Gap::new(GapKind::HiddenSteering, 1) }.why();
        assert!(steered("443/tcp").en.ends_with("and 443/tcp is"));
        assert!(steered("1-65535/tcp").en.ends_with("and 1-65535/tcp are"));
        let several = steered("443/tcp, 9100/udp");
        assert!(several.en.ends_with("and 443/tcp, 9100/udp are"));
        assert!(several.ja.ends_with("443/tcp、9100/udp は誘導の対象です)"), "{}", several.ja);
        assert!(said(GapKind::UnenteredNamespaces, 1).starts_with("1 other network namespace could"));
        assert!(said(GapKind::UnenteredNamespaces, 2).starts_with("2 other network namespaces could"));
    }
}
