//! What could not be seen, why, and what to do about it.

mod outside;
mod packages;

use alloc::{format, string::String};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    port::PortSpec,
    text,
    words::{Text, Words, inflect},
};

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
    /// The packages of a root, which could not be read; `detail` names what stood in the way.
    UnreadPackages,
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
    /// The packages of a root in which no database of them stands; `detail` names it.
    MissingPackages,
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
    /// Whether all that a scan saw is of the host that was meant, which has the address no more; `detail` names it.
    MovedAddress,
}

impl Gap {
    /// A gap of `count` things.
    #[must_use]
    pub const fn new(what: GapKind, count: u32) -> Self {
        Self { what, count, detail: String::new() }
    }

    /// Whether it leaves open who holds a socket, or whether that is its owner.
    #[must_use]
    pub const fn hides_holders(&self) -> bool {
        matches!(
            self.what,
            GapKind::HiddenOwners
                | GapKind::HiddenProcesses
                | GapKind::SealedProcesses
                | GapKind::OutOfSight
                | GapKind::VanishedProcesses
                | GapKind::UndecidedOwners
        )
    }

    /// Whether it leaves open who has claimed a number.
    #[must_use]
    pub const fn hides_claims(&self) -> bool {
        matches!(self.what, GapKind::UnreadLedger)
    }

    /// Whether it leaves open whose the running code is, or what would be installed in its place.
    #[must_use]
    pub const fn hides_packages(&self) -> bool {
        matches!(
            self.what,
            GapKind::UnreadPackages
                | GapKind::OldPackages
                | GapKind::MissingUpdateData
                | GapKind::UnreadUpdateData
                | GapKind::UnnamedArchive
                | GapKind::FutureUpdateData
                | GapKind::MissingPackages
                | GapKind::MissingList
                | GapKind::UnreadPreferences
                | GapKind::SilentAdvisories
                | GapKind::UnknownRelease
        )
    }

    /// Whether what it hides of packages is below the root of that name; `None` is the host's own.
    #[must_use]
    pub fn is_of_root(&self, name: Option<&str>) -> bool {
        packages::is_of_root(&self.detail, name)
    }

    /// Whether it leaves open what a scan would have seen.
    #[must_use]
    pub const fn hides_answers(&self) -> bool {
        matches!(
            self.what,
            GapKind::UnansweredAddress
                | GapKind::UnsentPackets
                | GapKind::MisdirectedAnswers
                | GapKind::MovedAddress
        )
    }

    /// Whether it leaves open who gets what comes in for a port, whoever has bound it.
    #[must_use]
    pub const fn hides_steering(&self) -> bool {
        matches!(self.what, GapKind::HiddenSteering)
    }

    /// Whether it leaves open which packets arrive.
    #[must_use]
    pub const fn hides_firewall(&self) -> bool {
        matches!(self.what, GapKind::HiddenFirewall | GapKind::UnlistedRules | GapKind::UnkeptFirewall)
    }

    /// Whether rules are known and more than these decides which packets arrive.
    #[must_use]
    pub const fn is_before_rules(&self) -> bool {
        matches!(self.what, GapKind::PacketPrograms)
    }

    /// Whether listeners may be missing because of it.
    #[must_use]
    pub const fn hides_listeners(&self) -> bool {
        let is_of_packets = self.hides_firewall() || self.is_before_rules();
        let is_beside = matches!(self.what, GapKind::HiddenFiles | GapKind::HiddenSteering);
        let is_of_hosts = self.hides_holders() || self.hides_claims() || self.hides_packages();
        !is_of_hosts && !is_of_packets && !is_beside && !self.hides_answers()
    }

    /// Why it could not be seen, as a sentence with the count.
    #[must_use]
    pub fn why(&self) -> Text {
        let Self { count, detail, .. } = self;
        let inflect = |one, several| inflect(self.count as usize, one, several);
        let en_processes = inflect("process", "processes");
        match self.what {
            GapKind::HiddenOwners => hidden_owners(*count),
            GapKind::UnreadLedger => text!("the ledger: {detail}", "台帳: {detail}"),
            GapKind::HiddenProcesses => text!(
                "/proc hides the processes of other users (hidepid)",
                "hidepid により、ほかのユーザーのプロセスが /proc に表示されません"
            ),
            GapKind::SealedProcesses => sealed(*count),
            GapKind::OutOfSight => {
                let en = inflect("socket is", "sockets are");
                text!(
                    "{count} {en} held by no process that can be seen from here",
                    "{count} 個のソケットは、ここから見えるどのプロセスも保持していません"
                )
            }
            GapKind::ForeignNamespaces => {
                let en_namespaces = inflect("namespace", "namespaces");
                text!(
                    "{count} other network {en_namespaces} could not be entered",
                    "ほかの {count} 個のネットワーク名前空間に入れませんでした"
                )
            }
            GapKind::UnenteredNamespaces => unentered(*count),
            GapKind::VanishedProcesses => text!(
                "{count} {en_processes} ended while being read",
                "{count} 個のプロセスが読み取り中に終了しました"
            ),
            GapKind::HiddenFiles => text!(
                "the program files of {count} {en_processes} could not be compared with the disk",
                "{count} 個のプロセスの実行ファイルをディスク上のものと比較できませんでした"
            ),
            GapKind::MissingSource => {
                text!("{detail} is not available here", "この環境では {detail} を利用できません")
            }
            GapKind::UnsteadyRead => text!(
                "what {detail} lists kept changing while it was read; some of it may be missing",
                "{detail} の一覧が読み取り中に変わり続けたため、一部を見落とした可能性があります"
            ),
            GapKind::TooMany => too_many(*count, detail),
            GapKind::HiddenFirewall => text!(
                "the rules of the firewall: only root may read them",
                "ファイアウォールのルール(root だけが読み取れます)"
            ),
            GapKind::HiddenSteering => steering(detail),
            GapKind::UnlistedRules => unlisted(detail),
            GapKind::PacketPrograms => before_rules(detail),
            GapKind::UnkeptFirewall => UNKEPT.into(),
            GapKind::UnansweredAddress
            | GapKind::UnsentPackets
            | GapKind::MisdirectedAnswers
            | GapKind::MovedAddress => outside::why(self.what, *count, detail),
            GapKind::UndecidedOwners => text!(
                "whether the owner holds {detail} cannot be told",
                "{detail} の保持者が所有者かどうかを判定できません"
            ),
            // What hides packages has its words beside this.
            _ => packages::why(self.what, detail),
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn fix(&self) -> Words {
        match self.what {
            GapKind::HiddenOwners => Words {
                en: "run as root, or: sudo portreeve",
                ja: "root で実行してください(sudo portreeve)",
            },
            // What contains root, as CapabilityBoundingSet= or a user namespace, may keep the kernel's maps from him (bpf(2)).
            GapKind::HiddenSteering => Words {
                en: "run as root with CAP_BPF and CAP_SYS_ADMIN, or: sudo portreeve",
                ja: "CAP_BPF と CAP_SYS_ADMIN を持つ root で実行してください(sudo portreeve)",
            },
            // Root in a container may lack these capabilities (capabilities(7)).
            GapKind::HiddenProcesses => Words {
                en: "run as root with CAP_SYS_PTRACE, or: sudo portreeve",
                ja: "CAP_SYS_PTRACE を持つ root で実行してください(sudo portreeve)",
            },
            // Entering one takes a thread, which even root may be short of (cgroups(7), pids.max).
            GapKind::ForeignNamespaces | GapKind::UnenteredNamespaces => Words {
                en: "run as root with CAP_SYS_ADMIN (sudo portreeve), and with room for another thread (pids.max, ulimit -u)",
                ja: "CAP_SYS_ADMIN を持つ root で実行し(sudo portreeve)、スレッド数の上限(pids.max、ulimit -u)にも余裕を持たせてください",
            },
            GapKind::HiddenFiles => Words {
                en: "run as root with CAP_SYS_PTRACE; what lies on a network file system, or runs in a chroot of another mount namespace, is never compared",
                ja: "CAP_SYS_PTRACE を持つ root で実行してください(ネットワークファイルシステム上のファイルと、別のマウント名前空間で chroot しているプロセスは比較しません)",
            },
            GapKind::SealedProcesses | GapKind::OutOfSight => Words {
                en: "run as root with CAP_SYS_PTRACE; inside of a sandbox or a container, look from its host",
                ja: "CAP_SYS_PTRACE を持つ root で実行してください。サンドボックスやコンテナの中では、ホスト側から確認してください",
            },
            GapKind::VanishedProcesses | GapKind::UnsteadyRead => {
                Words { en: "run it again", ja: "もう一度実行してください" }
            }
            GapKind::MissingSource => Words {
                en: "mount /proc, or see what portreeve doctor says of this host",
                ja: "/proc をマウントするか、portreeve doctor の診断を確認してください",
            },
            GapKind::HiddenFirewall => Words {
                en: "run as root with CAP_NET_ADMIN, or: sudo portreeve",
                ja: "CAP_NET_ADMIN を持つ root で実行してください(sudo portreeve)",
            },
            GapKind::UnlistedRules => Words {
                en: "install the program (Debian: apt install nftables iptables ipset), and run it by hand to see why it fails",
                ja: "該当するプログラムをインストールし(Debian: apt install nftables iptables ipset)、手動で実行して原因を確認してください",
            },
            GapKind::PacketPrograms => Words {
                en: "nobody looks into them: see ip -d link, bpftool net, tc filter show dev NAME ingress",
                ja: "中身は判定しません。ip -d link、bpftool net、tc filter show dev インターフェース ingress で確認してください",
            },
            GapKind::UnkeptFirewall => TAKE_AGAIN,
            GapKind::UndecidedOwners => NAME_THE_OWNER,
            GapKind::UnreadLedger => Words {
                en: "see what is wrong with it: portreeve ledger check",
                ja: "portreeve ledger check で状態を確認してください",
            },
            GapKind::UnansweredAddress
            | GapKind::UnsentPackets
            | GapKind::MisdirectedAnswers
            | GapKind::MovedAddress => outside::fix(self.what),
            GapKind::TooMany => {
                Words { en: "ask for one port", ja: "ポートを 1 つに絞ってください" }
            }
            // What hides packages has its words beside this.
            _ => packages::fix(self.what, self.detail.is_empty()),
        }
    }
}

fn hidden_owners(count: u32) -> Text {
    let en = inflect(
        count as usize,
        "socket hides its owner: it belongs to another user",
        "sockets hide their owner: they belong to other users",
    );
    text!("{count} {en}", "{count} 個のソケットはほかのユーザーのもので、保持しているプロセスが見えません")
}

fn steering(detail: &str) -> Text {
    if detail.is_empty() {
        return text!("what is steered: only root may read it", "誘導の状態(root だけが読み取れます)");
    }
    let is_one = detail.parse::<PortSpec>().is_ok_and(|spec| spec.range.is_one());
    let en_detail = format!("{detail} {}", if is_one { "is" } else { "are" });
    let ja_detail = detail.replace(", ", "、");
    text!(
        "what is steered: only root may read it, and {en_detail}",
        "誘導の状態(root だけが読み取れます。{ja_detail} は誘導の対象です)"
    )
}

fn too_many(count: u32, detail: &str) -> Text {
    let en = inflect(count as usize, "entry", "entries");
    text!("{count} {en} of {detail} had to be left out", "{detail} のうち {count} 件を省略しました")
}

fn unlisted(detail: &str) -> Text {
    if let Some(program) = detail.strip_suffix(" is not installed") {
        return text!(
            "rules of the firewall: {program} is not installed",
            "ファイアウォールのルールの一部: {program} がインストールされていません"
        );
    }
    text!("rules of the firewall: {detail}", "ファイアウォールのルールの一部: {detail}")
}

fn before_rules(detail: &str) -> Text {
    text!(
        "what may drop packets before any rule sees them: {detail}",
        "ルールより先にパケットを破棄する可能性のあるプログラム: {detail}"
    )
}

const UNKEPT: Words = Words {
    en: "the rules of the firewall: this snapshot was taken without them",
    ja: "ファイアウォールのルール(このスナップショットには保存されていません)",
};

const TAKE_AGAIN: Words = Words {
    en: "take it again as root: sudo portreeve snapshot > host.json",
    ja: "root で取り直してください: sudo portreeve snapshot > host.json",
};

const NAME_THE_OWNER: Words = Words {
    en: "name the owner's unit or user in the policy: a script's name proves nobody, nor does the path of a program in a mount namespace of its own that is not the file here",
    ja: "policy の owner に unit か user を書いてください。スクリプト名や、独自のマウント名前空間で別のファイルを指すパスは所有者の証明になりません",
};

fn sealed(count: u32) -> Text {
    let en = inflect(count as usize, "process does not show its", "processes do not show their");
    text!(
        "{count} {en} descriptors, not even to root",
        "root でも {count} 個のプロセスのファイルディスクリプタを参照できません"
    )
}

fn unentered(count: u32) -> Text {
    let en_namespaces = inflect(count as usize, "namespace", "namespaces");
    text!(
        "{count} other network {en_namespaces} could not be entered: of the sockets there only those that a process holds are listed, without connections",
        "ほかの {count} 個のネットワーク名前空間に入れなかったため、プロセスが保持しているソケットだけを表示し、接続は表示しません"
    )
}

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
            (GapKind::OldPackages, false, false),
            (GapKind::MissingUpdateData, false, false),
            (GapKind::UnreadUpdateData, false, false),
            (GapKind::UnnamedArchive, false, false),
            (GapKind::FutureUpdateData, false, false),
            (GapKind::MissingPackages, false, false),
            (GapKind::MissingList, false, false),
            (GapKind::UnreadPreferences, false, false),
            (GapKind::SilentAdvisories, false, false),
            (GapKind::UnknownRelease, false, false),
            (GapKind::UnansweredAddress, false, false),
            (GapKind::UnsentPackets, false, false),
            (GapKind::MisdirectedAnswers, false, false),
            (GapKind::MovedAddress, false, false),
        ] {
            let gap = Gap::new(what, 1);
            assert_eq!(gap.hides_claims(), what == GapKind::UnreadLedger);
            assert_eq!(gap.hides_steering(), what == GapKind::HiddenSteering);
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
