//! What hides whose the running code is, what became of it, or what waits for it, in words (A18).

use super::{Gap, Hides, Page, flaw};
use crate::{
    packages::release::LIST_COMPRESSIONS,
    text,
    words::{Text, Words, inflect},
};

pub(super) const HIDDEN_FILES: Page = Page {
    hides: Hides::Files,
    why: |Gap { count, .. }| {
        let en = inflect(*count as usize, "process", "processes");
        text!(
            "the program files of {count} {en} could not be compared with the disk",
            "{count} 個のプロセスの実行ファイルをディスク上のものと比較できませんでした"
        )
    },
    fix: |_| Words {
        en: "run as root with CAP_SYS_PTRACE; what lies on a network file system, on one that was taken away or below another mount, or runs in a chroot of another mount namespace, is never compared, nor what is more than any program maps: 4,096 files, or paths of a megabyte",
        ja: "CAP_SYS_PTRACE を持つ root で実行してください(ネットワークファイルシステム上のファイル、切り離されたファイルシステム上のファイル、別のマウントで覆われたファイル、別のマウント名前空間で chroot しているプロセスは比較しません。1 プロセスが 4,096 個を超える、またはパスの合計が 1 MB を超えるファイルをマップしている場合も、その一部を比較しません)",
    },
};

pub(super) const UNREAD_PACKAGES: Page = Page {
    hides: Hides::Packages,
    why: |Gap { detail, .. }| flaw::hidden(detail),
    fix: |_| ASK_ITS_OWN_TOOLS,
};

pub(super) const HIDDEN_PACKAGES: Page = Page {
    hides: Hides::Packages,
    why: |Gap { detail, .. }| {
        text!(
            "packages or updates that wait: {detail} may not be read by this user",
            "パッケージまたは未適用の更新(このユーザーには {detail} を読む権限がありません)"
        )
    },
    fix: |_| Words {
        en: "run as root, or: sudo portreeve", ja: "root で実行してください(sudo portreeve)"
    },
};

pub(super) const OLD_PACKAGES: Page = Page {
    hides: Hides::Packages,
    why: |Gap { detail, .. }| {
        text!(
            "whose the running code is: {detail} is an old rpm database, which only rpm reads",
            "実行中のコードのパッケージ({detail} は rpm だけが読み取れる旧形式のデータベースです)"
        )
    },
    fix: |_| ASK_ITS_OWN_TOOLS,
};

const ASK_ITS_OWN_TOOLS: Words = Words {
    en: "ask the package manager of that root itself: dpkg -S, rpm -qf, apk info -W",
    ja: "対象のルートのパッケージ管理ツール(dpkg -S、rpm -qf、apk info -W)で確認してください",
};

pub(super) const MISSING_PACKAGES: Page = Page {
    hides: Hides::Packages,
    why: |Gap { detail, .. }| no_database(detail),
    fix: |Gap { detail, .. }| match detail.as_str() {
        "" => ASK_OTHER_TOOLS,
        detail if runs(detail) => ASK_ITS_MAKER,
        _ => NAME_THE_ROOT,
    },
};

/// Whether a detail is of a root below which something runs, and not of the directory of one that does not.
fn runs(detail: &str) -> bool {
    ["container ", "chroot ", "mnt:["].iter().any(|kind| detail.starts_with(kind))
}

const ASK_OTHER_TOOLS: Words = Words {
    en: "where packages come otherwise, ask their own tools (pacman -Qo, equery belongs); a status of dpkg that was lost has copies: /var/backups/dpkg.status*",
    ja: "dpkg、rpm、apk 以外で管理している場合は、そのツール(pacman -Qo、equery belongs など)で確認してください。dpkg の status を失った場合は /var/backups/dpkg.status* に控えがあります",
};

const ASK_ITS_MAKER: Words = Words {
    en: "ask whoever made that root what is in it: an image may be built without a database",
    ja: "そのルートの作成元(イメージのビルド手順など)で内容を確認してください",
};

const NAME_THE_ROOT: Words = Words {
    en: "name the directory in which etc, usr and var stand",
    ja: "etc、usr、var のあるディレクトリを指定してください",
};

pub(super) const MISSING_UPDATE_DATA: Page = Page {
    hides: Hides::Packages,
    why: |Gap { detail, .. }| no_lists(detail),
    fix: |Gap { detail, .. }| match detail.as_str() {
        "" => FETCH_THE_LISTS,
        detail if is_without_apt(detail) => ASK_ADVISORIES,
        _ => AN_IMAGE_HAS_NONE,
    },
};

/// Whether the detail names a database of packages of which apt has no lists.
fn is_without_apt(detail: &str) -> bool {
    ["/status.d", "/rpmdb.sqlite", "/installed"].iter().any(|database| detail.ends_with(database))
}

const ASK_ADVISORIES: Words = Words {
    en: "name advisories about that release (--advisories), or ask its own package manager: dnf updateinfo, apk version",
    ja: "そのリリースのアドバイザリを --advisories で指定するか、対象のパッケージ管理ツール(dnf updateinfo、apk version)で確認してください",
};

const AN_IMAGE_HAS_NONE: Words = Words {
    en: "images leave the lists out: name advisories (--advisories), or build the image anew from current packages",
    ja: "イメージには通常一覧が含まれません。--advisories でアドバイザリを指定するか、最新のパッケージでイメージを作り直してください",
};

const FETCH_THE_LISTS: Words = Words {
    en: "fetch the lists: apt-get update",
    ja: "apt-get update で一覧を取得してください",
};

pub(super) const UNREAD_UPDATE_DATA: Page = Page {
    hides: Hides::Packages,
    why: |Gap { detail, .. }| {
        if is_compressed_otherwise(detail) {
            return text!(
                "updates that wait: {detail} is compressed in a way that is not read",
                "未適用の更新の一部({detail} の圧縮形式は読み取れません)"
            );
        }
        text!(
            "updates that wait: {detail} could not be read",
            "未適用の更新の一部({detail} を読み取れませんでした)"
        )
    },
    fix: |Gap { detail, .. }| {
        if is_compressed_otherwise(detail) { KEEP_THEM_OTHERWISE } else { FETCH_THE_LISTS }
    },
};

/// Whether the file is a list that whoever observes cannot unpack.
fn is_compressed_otherwise(detail: &str) -> bool {
    let ending = detail.rsplit_once("_Packages.").map(|(_, ending)| ending);
    ending.is_some_and(|ending| !LIST_COMPRESSIONS.contains(&ending))
}

const KEEP_THEM_OTHERWISE: Words = Words {
    en: "have apt keep its lists plain, or as lz4, gz, xz or zst (Acquire::GzipIndexes, Acquire::CompressionTypes::Order)",
    ja: "apt が一覧を非圧縮、lz4、gz、xz、zst のどれかで保存するように設定してください(Acquire::GzipIndexes、Acquire::CompressionTypes::Order)",
};

pub(super) const UNNAMED_ARCHIVE: Page = Page {
    hides: Hides::Packages,
    why: |Gap { detail, .. }| {
        if is_list(detail) {
            return text!(
                "whether an archive is one of security updates: beside {detail} stands no Release file",
                "アーカイブがセキュリティ更新用かどうか({detail} に対応する Release ファイルがありません)"
            );
        }
        text!(
            "whether an archive is one of security updates: {detail} names neither label nor suite",
            "アーカイブがセキュリティ更新用かどうか({detail} に Label も Suite もありません)"
        )
    },
    fix: |_| FETCH_THE_LISTS,
};

pub(super) const FUTURE_UPDATE_DATA: Page = Page {
    hides: Hides::Packages,
    why: |_| {
        text!(
            "how old the lists of packages are: by the clock of this host they are yet to come",
            "パッケージの一覧の新しさ(取得日時がこのホストの時計より先になっています)"
        )
    },
    fix: |_| Words {
        en: "set the clock: timedatectl", ja: "timedatectl で時刻を確認し、合わせてください"
    },
};

pub(super) const MISSING_SECURITY_ARCHIVE: Page = Page {
    hides: Hides::Packages,
    why: |Gap { detail, .. }| {
        if detail.is_empty() {
            return text!(
                "security updates that wait: none of the lists is of an archive of security updates",
                "未適用のセキュリティ更新(セキュリティ用アーカイブの一覧がありません)"
            );
        }
        text!(
            "security updates that wait in {detail}: none of the lists is of an archive of security updates",
            "{detail} の未適用のセキュリティ更新(セキュリティ用アーカイブの一覧がありません)"
        )
    },
    fix: |_| Words {
        en: "have apt follow it (sources.list) and fetch the lists, or name advisories (--advisories)",
        ja: "sources.list にセキュリティ用アーカイブを加えて一覧を取得するか、--advisories でアドバイザリを指定してください",
    },
};

pub(super) const MISSING_LIST: Page = Page {
    hides: Hides::Packages,
    why: |Gap { detail, .. }| {
        text!(
            "updates that wait: no list of the archive of {detail} is there",
            "未適用の更新の一部({detail} のアーカイブの一覧がありません)"
        )
    },
    fix: |_| FETCH_THE_LISTS,
};

pub(super) const UNREAD_PREFERENCES: Page = Page {
    hides: Hides::Packages,
    why: |Gap { detail, .. }| {
        text!(
            "which version would be installed: {detail} could not be read, or says what only apt understands",
            "どの版が導入されるか({detail} を読み取れないか、apt 以外では解釈できない内容があります)"
        )
    },
    fix: |_| Words {
        en: "see why apt reads it otherwise: apt-cache policy, apt-config dump",
        ja: "apt-cache policy と apt-config dump で、設定を確認してください",
    },
};

pub(super) const SILENT_ADVISORIES: Page =
    Page { hides: Hides::Packages, why: |Gap { detail, .. }| silent(detail), fix: |_| NAME_ADVISORIES };

pub(super) const UNKNOWN_RELEASE: Page =
    Page { hides: Hides::Packages, why: |Gap { detail, .. }| no_release(detail), fix: |_| NAME_ADVISORIES };

const NAME_ADVISORIES: Words = Words {
    en: "name advisories about that release: --advisories, or advisories of [audit] in the policy; apt's archives are asked instead",
    ja: "そのリリースのアドバイザリを --advisories か policy の [audit] の advisories で指定してください(代わりに apt のアーカイブで判定しています)",
};

fn no_lists(root: &str) -> Text {
    if root.is_empty() {
        return text!(
            "updates that wait: there are no lists of packages",
            "未適用の更新(パッケージの一覧がありません)"
        );
    }
    if is_without_apt(root) {
        return text!(
            "updates that wait: of the packages in {root} no lists are read",
            "未適用の更新({root} のパッケージの一覧は読み取りません)"
        );
    }
    text!(
        "updates that wait in {root}: there are no lists of packages",
        "{root} の未適用の更新(パッケージの一覧がありません)"
    )
}

fn no_database(root: &str) -> Text {
    if root.is_empty() {
        return text!(
            "whose the running code is: no package database stands here, neither dpkg's nor rpm's nor apk's",
            "実行中のコードのパッケージ(dpkg、rpm、apk のいずれのデータベースもありません)"
        );
    }
    if runs(root) {
        return text!(
            "whose the running code is: no package database of its own stands in {root}",
            "実行中のコードのパッケージ({root} に固有のパッケージデータベースがありません)"
        );
    }
    text!(
        "whose the running code is: no package database stands in {root}",
        "実行中のコードのパッケージ({root} にパッケージのデータベースがありません)"
    )
}

/// Whether the file of apt's lists is one of packages, and no Release file.
fn is_list(detail: &str) -> bool {
    detail.contains("_Packages")
}

/// `Debian:12: osv/`: no release has a blank behind a colon.
pub(super) fn of_release(detail: &str) -> (&str, &str) {
    detail.split_once(": ").unwrap_or((detail, ""))
}

fn silent(detail: &str) -> Text {
    let (release, path) = of_release(detail);
    text!(
        "security holes by advisories: no advisory of {path} is about {release}",
        "アドバイザリによる脆弱性の有無({path} に {release} のアドバイザリがありません)"
    )
}

fn no_release(root: &str) -> Text {
    if root.is_empty() {
        return text!(
            "security holes by advisories: os-release names no release that advisories know",
            "アドバイザリによる脆弱性の有無(os-release から、アドバイザリのあるリリースを特定できません)"
        );
    }
    text!(
        "security holes by advisories in {root}: its os-release names no release that advisories know",
        "{root} のアドバイザリによる脆弱性の有無(os-release から、アドバイザリのあるリリースを特定できません)"
    )
}

/// Whether a detail is of the root of that name: `ROOT`, `ROOT: FILE`, `ROOT (HOLDER): FILE`; of the host's own it has nothing but
/// the file.
pub(super) fn is_of_root(detail: &str, name: Option<&str>) -> bool {
    let Some(name) = name else { return detail.is_empty() || detail.starts_with('/') };
    let rest = detail.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(": ") || rest.starts_with(" ("))
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::String};

    use super::{super::GapKind, *};

    #[test]
    fn whoever_has_no_apt_is_not_told_to_fetch_its_lists() {
        let said = |detail: &str| {
            let gap = Gap { detail: detail.into(), ..Gap::new(GapKind::MissingUpdateData, 1) };
            (gap.why().en, gap.fix())
        };
        for database in
            ["/lib/apk/db/installed", "box: /var/lib/rpm/rpmdb.sqlite", "/mnt: /var/lib/dpkg/status.d"]
        {
            let (why, fix) = said(database);
            assert!(why.contains(database) && fix == ASK_ADVISORIES, "{why}");
        }
        assert_eq!(said("").1, FETCH_THE_LISTS);
        assert_eq!(said("container web").1, AN_IMAGE_HAS_NONE);
    }

    #[test]
    fn whoever_keeps_lists_as_nobody_here_reads_them_is_told_so() {
        let said = |file: &str| {
            let detail = format!("/var/lib/apt/lists/deb.debian.org_main_binary-amd64_{file}");
            let gap = Gap { detail, ..Gap::new(GapKind::UnreadUpdateData, 1) };
            (gap.why().en.ends_with(" is compressed in a way that is not read"), gap.fix())
        };
        for file in ["Packages.bz2", "Packages.lzma"] {
            assert_eq!(said(file), (true, KEEP_THEM_OTHERWISE), "{file}");
        }
        for file in ["Packages", "Packages.gz", "Packages.zst", "InRelease"] {
            assert_eq!(said(file), (false, FETCH_THE_LISTS), "{file}");
        }
    }

    #[test]
    fn a_root_without_packages_is_named_where_it_is_not_the_hosts_and_mended_as_it_can_be() {
        let said = |detail: &str| {
            let gap = Gap { detail: detail.into(), ..Gap::new(GapKind::MissingPackages, 1) };
            (gap.why().en, gap.fix())
        };
        let (host, fix) = said("");
        assert!(host.ends_with("neither dpkg's nor rpm's nor apk's") && fix == ASK_OTHER_TOOLS, "{host}");
        for (root, fix) in
            [("container web", ASK_ITS_MAKER), ("mnt:[4] (lc, 7)", ASK_ITS_MAKER), ("/mnt", NAME_THE_ROOT)]
        {
            let told = said(root);
            assert!(told.0.ends_with(root) && told.1 == fix, "{told:?}");
        }
    }

    #[test]
    fn what_is_hidden_of_one_root_is_nothing_to_another() {
        let status = "/var/lib/dpkg/status";
        for (detail, name) in [
            (String::new(), None),
            (status.into(), None),
            ("container web".into(), Some("container web")),
            (format!("container web: {status}"), Some("container web")),
            (format!("mnt:[4026532561] (lc, 7): {status}"), Some("mnt:[4026532561]")),
        ] {
            assert!(is_of_root(&detail, name), "{detail}");
            let others = [None, Some("container we"), Some("mnt:[4]"), Some("container web2")];
            for other in others.into_iter().filter(|other| *other != name) {
                assert!(!is_of_root(&detail, other), "{detail} {other:?}");
            }
        }
    }
}
