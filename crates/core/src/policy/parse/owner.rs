//! Reads whom a service's ports belong to, and refuses an owner that cannot exist (A24).

use alloc::{format, string::String, vec::Vec};

use super::{
    lines::Mark,
    report::{Report, clip},
    tree::{Content, Value},
    value::{Key, Table, is_name, is_too_long, refuse_kind},
};
use crate::{
    owner::Owner,
    text, unit,
    words::{Text, Words},
};

/// The keys of an owner.
pub(super) const KEYS: &[Key] = &[
    Key { name: "unit", example: "{ unit = \"nginx.service\" }" },
    Key { name: "user", example: "{ user = \"www-data\" }" },
    Key { name: "exe", example: "{ exe = \"/usr/sbin/nginx\" }" },
    Key { name: "cgroup", example: "{ cgroup = \"/apps.slice/shop\" }" },
    Key { name: "container", example: "{ container = \"web\" }" },
    Key { name: "mark", example: "{ mark = \"web\" }" },
];

/// The units that can hold a socket (systemd.unit(5)).
const UNIT_SUFFIXES: [&str; 3] = [".service", ".socket", ".scope"];
/// The other types of units.
const OTHER_SUFFIXES: [&str; 8] =
    [".automount", ".device", ".mount", ".path", ".slice", ".swap", ".target", ".timer"];
/// Where the tree of cgroups is mounted, which the kernel does not show (cgroups(7)).
const CGROUP_MOUNT: &str = "/sys/fs/cgroup";
/// LOGIN_NAME_MAX of Linux.
const USER_BYTES_MAX: usize = 256;
/// Long enough for any, and short enough for a name of the kernel's maps.
const MARK_BYTES_MAX: usize = 32;
/// PATH_MAX of Linux.
const PATH_BYTES_MAX: usize = 4_096;

/// The owners that `value` names: a table, or a list of tables.
pub(super) fn read(value: Value<'_, '_>, key: Key, report: &mut Report<'_>) -> Vec<Owner> {
    if value.items_count() == 0 {
        report.wrong(
            value.at(),
            text!("`owner` is empty", "`owner` が空です"),
            text!(
                "write it like {{ unit = \"nginx.service\" }}, or leave it out to allow anybody",
                "{{ unit = \"nginx.service\" }} のように書くか、誰でもよければこの行を削除してください"
            ),
        );
    }
    if is_too_long(value, key, report) {
        return Vec::new();
    }
    let mut owners = Vec::with_capacity(value.items_count());
    for item in value.items() {
        match item.content() {
            Content::Table(_) => owners.extend(one(item, report)),
            Content::Text(written) => refuse_bare(written, item.at(), report),
            _ => refuse_kind(item.at(), key, TABLES, item, report),
        }
    }
    owners.sort();
    owners.dedup();
    owners
}

const TABLES: Words =
    Words { en: "a table or a list of tables", ja: "テーブルかテーブルのリスト" };

fn refuse_bare(written: &str, at: Mark, report: &mut Report<'_>) {
    let key = if written.starts_with('/') {
        "exe"
    } else if UNIT_SUFFIXES.iter().any(|suffix| written.ends_with(suffix)) {
        "unit"
    } else {
        "user"
    };
    let written = clip(written);
    report.wrong(
        at,
        text!(
            "an owner says what kind it is: unit, user, exe, cgroup, container or mark",
            "owner には種類(unit、user、exe、cgroup、container、mark)が必要です"
        ),
        text!("did you mean {{ {key} = \"{written}\" }}?", "{{ {key} = \"{written}\" }} のことですか?"),
    );
}

fn one(entries: Value<'_, '_>, report: &mut Report<'_>) -> Option<Owner> {
    let at = entries.at();
    let table = Table { entries, at };
    table.refuse_unknown(KEYS, report);
    let mut named = KEYS.iter().filter(|key| table.get(**key).is_some());
    let Some(&key) = named.next() else {
        if entries.children().next().is_none() {
            report.wrong(
                at,
                text!("this owner names nobody", "この owner は誰も指していません"),
                text!(
                    "write it like {{ unit = \"nginx.service\" }}",
                    "{{ unit = \"nginx.service\" }} のように書いてください"
                ),
            );
        }
        return None;
    };
    if named.next().is_some() {
        report.wrong(
            at,
            text!(
                "one owner has several keys: is it both of them, or either?",
                "1 つの owner に複数のキーがあり、すべてを満たす必要があるのか、どれか 1 つでよいのか分かりません"
            ),
            text!(
                "write a list of owners, one key each: [{{ unit = \"a.service\" }}, {{ user = \"b\" }}]",
                "owner を 1 キーずつに分けたリストにしてください: [{{ unit = \"a.service\" }}, {{ user = \"b\" }}]"
            ),
        );
        return None;
    }
    let (at, written) = table.string(key, report)?;
    match of(key.name, written) {
        Ok(owner) => Some(owner),
        Err((text, fix)) => {
            report.wrong(at, text, fix);
            None
        }
    }
}

/// The owner that a key and its value mean, or why there can be none such.
pub(crate) fn of(key: &str, value: &str) -> Result<Owner, (Text, Text)> {
    let owned = String::from(value);
    match key {
        "unit" => unit(value).map(|()| Owner::Unit(owned)),
        "user" => user(value).map(|()| Owner::User(owned)),
        "exe" => path(value, "exe", "/usr/sbin/nginx").map(|()| Owner::Exe(owned)),
        "cgroup" => cgroup(value).map(|()| Owner::Cgroup(owned)),
        "mark" => mark(value).map(|()| Owner::Mark(owned)),
        _ => name(value).map(|()| Owner::Container(owned)),
    }
}

/// It is the name of a file.
fn mark(written: &str) -> Result<(), (Text, Text)> {
    if is_mark(written) {
        return Ok(());
    }
    let shown = clip(written);
    Err((
        text!(
            "`{shown}` is no mark: at most {MARK_BYTES_MAX} small letters, digits and dashes",
            "mark の名前は英小文字で始まる {MARK_BYTES_MAX} 字以内の英小文字、数字、`-` です: `{shown}`"
        ),
        text!("call it \"web\", for example", "\"web\" のような名前にしてください"),
    ))
}

/// Whether a mark may be called so.
#[must_use]
pub fn is_mark(name: &str) -> bool {
    let is_one = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= MARK_BYTES_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(is_one)
}

fn unit(written: &str) -> Result<(), (Text, Text)> {
    let Some(stem) = UNIT_SUFFIXES.iter().find_map(|suffix| written.strip_suffix(suffix)) else {
        let (shown, meant) = (clip(written), clip(&holder(written.trim())));
        return Err((
            text!(
                "`{shown}` is not a unit that can hold a port: it ends in .service, .socket or .scope",
                "`{shown}` はポートを持てるユニットではありません(名前は .service、.socket、.scope のいずれかで終わります)"
            ),
            text!("did you mean \"{meant}\"?", "\"{meant}\" のことですか?"),
        ));
    };
    if stem.contains('*') && !is_any_instance(stem) {
        let shown = clip(written);
        return Err((
            text!(
                "`*` stands for an instance, after `@` and alone: `{shown}` is no such name",
                "`*` は `@` の直後に単独で書き、インスタンスだけを表します。`{shown}` はその形ではありません"
            ),
            text!(
                "write it like \"postgresql@*.service\", or list each unit",
                "\"postgresql@*.service\" のように書くか、ユニットを 1 つずつ並べてください"
            ),
        ));
    }
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || ":-_.\\@*".contains(letter);
    if stem.is_empty() || written.len() > unit::NAME_BYTES_MAX || !stem.chars().all(allowed) {
        let shown = clip(written);
        return Err((
            text!("no unit can be called `{shown}`", "`{shown}` という名前のユニットはありえません"),
            text!(
                "copy the name from: systemctl list-units",
                "`systemctl list-units` に出る名前をそのまま書いてください"
            ),
        ));
    }
    Ok(())
}

/// The unit that could hold a port where `written` cannot: nginx.service for `nginx` and for `nginx.timer`.
fn holder(written: &str) -> String {
    if UNIT_SUFFIXES.iter().any(|suffix| written.ends_with(suffix)) {
        return written.into();
    }
    let stem = OTHER_SUFFIXES.iter().find_map(|suffix| written.strip_suffix(suffix)).unwrap_or(written);
    format!("{stem}.service")
}

/// `postgresql@*.service` means any instance; `*` means nothing else.
fn is_any_instance(stem: &str) -> bool {
    stem.strip_suffix("@*").is_some_and(|template| !template.is_empty() && !template.contains(['*', '@']))
}

fn user(written: &str) -> Result<(), (Text, Text)> {
    let is_number = written.bytes().all(|byte| byte.is_ascii_digit());
    let possible = written.len() <= USER_BYTES_MAX
        && !written.contains([':', '/', ','])
        && !written.contains(|letter: char| letter.is_whitespace() || letter.is_control())
        && (!is_number || written.parse::<u32>().is_ok());
    if possible && !written.is_empty() {
        return Ok(());
    }
    let shown = clip(written);
    Err((
        text!("no user can be called `{shown}`", "`{shown}` という名前のユーザーはありえません"),
        text!(
            "write a name as in /etc/passwd, or a number below 4294967296",
            "/etc/passwd にある名前か、4294967296 未満の番号を書いてください"
        ),
    ))
}

fn cgroup(written: &str) -> Result<(), (Text, Text)> {
    let within =
        written.strip_prefix(CGROUP_MOUNT).filter(|within| within.is_empty() || within.starts_with('/'));
    let Some(within) = within else { return path(written, "cgroup", "/apps.slice/shop") };
    let (shown, meant) = (clip(written), if within.is_empty() { "/".into() } else { clip(within) });
    Err((
        text!(
            "the kernel shows cgroups from the root of their tree, without {CGROUP_MOUNT}: not `{shown}`",
            "カーネルが示す cgroup のパスは {CGROUP_MOUNT} を含みません: `{shown}`"
        ),
        text!("did you mean \"{meant}\"?", "\"{meant}\" のことですか?"),
    ))
}

fn path(written: &str, key: &str, example: &str) -> Result<(), (Text, Text)> {
    let shown = clip(written);
    let fix = text!("write it like \"{example}\"", "\"{example}\" のように書いてください");
    if !written.starts_with('/') {
        return Err((
            text!(
                "`{shown}` is not an absolute path, so it cannot be an {key}",
                "`{shown}` は絶対パスではないため {key} に使えません"
            ),
            fix,
        ));
    }
    let steps: Vec<_> = written.trim_start_matches('/').split('/').collect();
    let plain = written.len() < PATH_BYTES_MAX
        && !written.starts_with("//")
        && !written.contains(char::is_control)
        && (written == "/" || steps.iter().all(|step| !["", ".", ".."].contains(step)))
        && (key != "exe" || written != "/");
    if plain {
        return Ok(());
    }
    Err((
        text!(
            "the kernel never shows the path `{shown}`: it has an empty, `.` or `..` part, or a control character",
            "カーネルが `{shown}` というパスを示すことはありません(空の要素、`.`、`..`、制御文字のいずれかを含んでいます)"
        ),
        fix,
    ))
}

fn name(written: &str) -> Result<(), (Text, Text)> {
    if is_name(written) {
        return Ok(());
    }
    let shown = clip(written);
    Err((
        text!("nothing can be called `{shown}`", "`{shown}` という名前は使えません"),
        text!(
            "write the name that `docker ps` or `podman ps` shows, or the first 12 digits of the id",
            "`docker ps` や `podman ps` に出る名前か、ID の先頭 12 桁を書いてください"
        ),
    ))
}

/// Reports owners between which the ports are not divided; one that is called after another has none of its own.
pub(super) fn doubt_division(owners: &[Owner], ports: usize, at: Mark, report: &mut Report<'_>) {
    let is_helper = |owner: &&Owner| owners.iter().any(|other| owner.is_called_after(other));
    let owners = owners.iter().filter(|owner| !is_helper(owner)).count();
    if owners > 1 && ports > 1 {
        report.doubt(
            at,
            text!(
                "{owners} owners share {ports} ports: who owns which?",
                "{owners} 個の owner が {ports} 個のポートを共有しています。どのポートがどの owner のものですか?"
            ),
            text!("write one service for each owner", "owner ごとにサービスを分けてください"),
        );
    }
}
