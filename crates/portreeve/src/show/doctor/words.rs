//! What each way of looking is for, why it may be closed, and what would open it, in both languages.

use portreeve_core::{
    text,
    words::{Text, Words, inflect},
};
use portreeve_host::{
    pins::FOLDER,
    probe::{Reason, Subject},
};

use super::standing::{Standing, User};
use crate::look::WITHOUT;

/// What is not seen, or seen less well, without it.
pub(super) const fn cost(subject: Subject) -> Words {
    match subject {
        Subject::BpfFiles => Words {
            en: "holders are asked for process by process: slower, and what changes hands meanwhile, is bound without listening, or is in a namespace without processes is missed",
            ja: "保持者をプロセスごとに調べるため遅くなり、その間に受け渡されたソケット、待ち受けていない bind 済みソケット、プロセスのいない名前空間のソケットを見落とします",
        },
        Subject::BpfKept => Words {
            en: "who keeps a socket in an io_uring, or will receive it from a queue, is not known",
            ja: "io_uring に登録されたソケットや、キューで受け渡し中のソケットの保持者が分かりません",
        },
        Subject::BpfTcp | Subject::BpfUdp => Words {
            en: "the list of sockets may miss some while others open and close; a gap says so where it is noticed",
            ja: "ソケットの増減が激しいと一覧から漏れることがあります(気付いた場合は「見えなかったもの」に表示)",
        },
        Subject::Pins => Words {
            en: "who is not root does not see whose the sockets of other users are",
            ja: "root 以外には、ほかのユーザーのソケットの保持者が見えません",
        },
        Subject::SockDiag => Words {
            en: "the units that sockets were opened in, their cookies and backlog limits are not known",
            ja: "ソケットが作られたユニット、cookie、バックログの上限が分かりません",
        },
        Subject::ProcNet => Words {
            en: "raw and packet sockets are not listed, and nothing remains where sock_diag is closed",
            ja: "raw と packet のソケットが表示されず、sock_diag も使えない場合は代わりがありません",
        },
        Subject::Descriptors => Words {
            en: "which process holds a socket of another user is not known",
            ja: "ほかのユーザーのソケットをどのプロセスが保持しているか分かりません",
        },
        Subject::Files => Words {
            en: "which program files the processes of others run is not known: owners by executable, stale-executable",
            ja: "ほかのユーザーのプロセスの実行ファイルが分かりません(exe による所有者の判定、stale-executable)",
        },
        Subject::Namespaces => Words {
            en: "of other network namespaces only sockets that a process holds are seen, if any: no connections, addresses or client ranges",
            ja: "ほかのネットワーク名前空間では、見えてもプロセスが保持するソケットだけで、接続、アドレス、エフェメラルポートの範囲は分かりません",
        },
        Subject::Cgroups => Words {
            en: "the units that sockets were opened in are not known, and who asks every process",
            ja: "ソケットが作られたユニットが分からず、who もすべてのプロセスを調べます",
        },
        Subject::Firewall => Words {
            en: "reach is told by the addresses that sockets are bound to, exposure has no verdict of rules, and no gate can be planned",
            ja: "到達範囲を bind アドレスだけで判断し、exposure はルールによる判定ができず、ゲートの計画も立てられません",
        },
        Subject::Kernel => Words {
            en: "on older kernels portreeve was never tested",
            ja: "6.1 より古いカーネルでは portreeve の動作を確認していません",
        },
    }
}

/// Why it is closed.
pub(crate) fn why(reason: &Reason) -> Text {
    match reason {
        Reason::NotPermitted => {
            Words { en: "this user may not", ja: "このユーザーには権限がありません" }.into()
        }
        Reason::Without => text!("closed by {WITHOUT}", "{WITHOUT} で無効にされています"),
        Reason::NoTypes => Words {
            en: "the kernel does not describe its types (/sys/kernel/btf/vmlinux)",
            ja: "カーネルの型情報(/sys/kernel/btf/vmlinux)がありません",
        }
        .into(),
        Reason::NoIterator => Words {
            en: "the kernel has no such iterator",
            ja: "カーネルにこのイテレーターがありません",
        }
        .into(),
        Reason::Lockdown => Words {
            en: "the kernel is locked down (confidentiality)",
            ja: "カーネルのロックダウン(confidentiality)で禁止されています",
        }
        .into(),
        Reason::Refused(_) => Words {
            en: "the kernel's verifier refuses the program",
            ja: "カーネルの verifier がプログラムを拒否しました",
        }
        .into(),
        Reason::NotPinned => Words { en: "nobody pinned them", ja: "固定(pin)されていません" }.into(),
        Reason::Unpinned(missing) => text!(
            "of the pins in {FOLDER} these are missing: {missing}",
            "{FOLDER} の pin のうち、次のものがありません: {missing}"
        ),
        Reason::OtherLayout => Words {
            en: "another version of portreeve pinned them",
            ja: "別バージョンの portreeve が固定(pin)したものです",
        }
        .into(),
        Reason::OfGroup(group) => {
            text!("they are for the group {group}", "グループ {group} のメンバー専用です")
        }
        Reason::Foreign => text!(
            "{FOLDER} does not belong to root alone",
            "{FOLDER} は root 以外も変更できるため信頼できません"
        ),
        Reason::Hidden => Words {
            en: "/proc does not list the processes of others (hidepid)",
            ja: "hidepid により、ほかのユーザーのプロセスが /proc に表示されません",
        }
        .into(),
        Reason::Withheld(count) => {
            let en = inflect(*count, "process does not show it", "processes do not show it");
            text!("{count} {en}, not even to root", "root でも {count} 個のプロセスのものは見えません")
        }
        Reason::NotMounted => Words { en: "it is not mounted", ja: "マウントされていません" }.into(),
        Reason::NotInstalled(program) => {
            text!("{program} is not installed", "{program} がインストールされていません")
        }
        Reason::Failed(said) => text!("a program failed: {said}", "プログラムが失敗しました: {said}"),
        Reason::Unsteady => Words {
            en: "it changes faster than it is read",
            ja: "読み取り中に変わり続けています",
        }
        .into(),
        Reason::TooOld(release) => {
            text!("Linux {release} is older than 6.1", "Linux {release} は 6.1 より古いカーネルです")
        }
        Reason::Error(said) => text!("the kernel says: {said}", "カーネルの応答: {said}"),
    }
}

/// What would open it.
pub(super) fn fix(standing: &Standing) -> Option<Text> {
    let words = match standing.reason.as_ref()? {
        Reason::NotPermitted => return Some(privilege(standing.subject, standing.user).into()),
        Reason::Without => return Some(text!("unset {WITHOUT}", "{WITHOUT} を解除してください")),
        Reason::OfGroup(group) => {
            return Some(text!(
                "become a member of {group}, and log in again",
                "グループ {group} に加わり、ログインし直してください"
            ));
        }
        Reason::NoTypes => Words {
            en: "use a kernel with CONFIG_DEBUG_INFO_BTF, as Debian's is",
            ja: "Debian 標準のような、CONFIG_DEBUG_INFO_BTF 付きのカーネルを使ってください",
        },
        Reason::NoIterator | Reason::TooOld(_) => {
            Words { en: "use Linux 6.1 or later", ja: "Linux 6.1 以降を使ってください" }
        }
        Reason::Lockdown => Words {
            en: "boot without lockdown=confidentiality",
            ja: "lockdown=confidentiality を付けずに起動してください",
        },
        Reason::Refused(_) => Words {
            en: "report what the verifier says (-v), with the kernel's release",
            ja: "verifier の出力(-v)とカーネルのリリースを添えて報告してください",
        },
        Reason::NotPinned | Reason::Unpinned(_) | Reason::OtherLayout => Words {
            en: "once, as root: portreeve doctor --pin --group NAME",
            ja: "root で一度だけ実行してください: portreeve doctor --pin --group 名前",
        },
        Reason::Foreign => Words {
            en: "find out who mounted it, unmount it, and pin anew",
            ja: "誰がマウントしたか確認し、アンマウントしてから固定(pin)し直してください",
        },
        Reason::Hidden => Words {
            en: "run as root, or mount /proc without hidepid",
            ja: "root で実行するか、hidepid なしで /proc をマウントしてください",
        },
        Reason::Withheld(_) => Words {
            en: "look from the host that runs this sandbox or container",
            ja: "このサンドボックスやコンテナを動かしているホスト側から確認してください",
        },
        Reason::NotMounted => Words { en: "mount it", ja: "マウントしてください" },
        Reason::NotInstalled(_) => Words {
            en: "install it (Debian: apt install nftables iptables ipset)",
            ja: "インストールしてください(Debian: apt install nftables iptables ipset)",
        },
        Reason::Failed(_) => Words {
            en: "run it by hand to see why",
            ja: "手動で実行して原因を確認してください",
        },
        Reason::Unsteady => Words { en: "run it again", ja: "もう一度実行してください" },
        Reason::Error(_) => return None,
    };
    Some(words.into())
}

const fn privilege(subject: Subject, user: User) -> Words {
    match (user, subject) {
        (User::Root, Subject::Namespaces) => {
            Words { en: "run with CAP_SYS_ADMIN", ja: "CAP_SYS_ADMIN を付けて実行してください" }
        }
        (User::Root, Subject::Descriptors | Subject::Files) => {
            Words { en: "run with CAP_SYS_PTRACE", ja: "CAP_SYS_PTRACE を付けて実行してください" }
        }
        (User::Root, Subject::Firewall) => {
            Words { en: "run with CAP_NET_ADMIN", ja: "CAP_NET_ADMIN を付けて実行してください" }
        }
        (User::Root, _) => Words {
            en: "run with CAP_BPF and CAP_PERFMON, outside of a container",
            ja: "コンテナの外で、CAP_BPF と CAP_PERFMON を付けて実行してください",
        },
        (User::Ordinary, Subject::Files | Subject::Namespaces | Subject::Firewall) => Words {
            en: "run as root: sudo portreeve",
            ja: "root で実行してください(sudo portreeve)",
        },
        (User::Ordinary, _) => Words {
            en: "run as root, or let root open it for a group: portreeve doctor --pin --group NAME",
            ja: "root で実行するか、root にグループへの公開を依頼してください: portreeve doctor --pin --group 名前",
        },
    }
}

/// What to type for that.
pub(super) fn commands(standing: &Standing) -> Vec<String> {
    let command = match (&standing.reason, standing.subject) {
        (Some(Reason::OfGroup(group)), _) => format!("sudo usermod -aG {group} $USER"),
        // Not at its usual place: the controllers of cgroup v1 may be mounted below that, and would be hidden.
        (Some(Reason::NotMounted), Subject::Cgroups) => {
            "sudo mount -t cgroup2 -o X-mount.mkdir cgroup2 /run/cgroup2".into()
        }
        (
            Some(Reason::NotMounted),
            Subject::BpfFiles | Subject::BpfKept | Subject::BpfTcp | Subject::BpfUdp,
        ) => "sudo mount -t sysfs sysfs /sys".into(),
        (Some(Reason::NotMounted), _) => "sudo mount -t proc proc /proc".into(),
        (Some(Reason::Foreign), _) => format!("findmnt {FOLDER}"),
        _ => return Vec::new(),
    };
    vec![command]
}
