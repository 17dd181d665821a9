//! A service is declared whose log the watch does not read (A19).

use alloc::{format, vec::Vec};

use jiff::SignedDuration;

use crate::{
    finding::{Finding, Severity},
    rules::{Page, Rule},
    shell::quoted,
    text,
    words::Words,
    world::World,
};

/// A watch that runs says each minute what it sees.
const RUNS: SignedDuration = SignedDuration::from_mins(2);

/// Where nobody watches nothing is missed.
pub(super) const RULE: Rule = Rule {
    name: "watch-blind",
    severity: Severity::Warning,
    article: &["A19"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The watch runs, and reads no log of a service that the policy declares and that writes one, or understands no line of it.",
            ja: "監視は動作していますが、policy に宣言されたサービスのうち、ログを読み取れていないか、どの行も解釈できていないものがあります。",
        },
        why: Words {
            en: "Who tries passwords there is not seen.",
            ja: "そのサービスへのパスワードの試行を検出できません。",
        },
        fix: Words {
            en: "`portreeve watch` says in its first line why. Name the log: `[watch] log = [{ service = \"mail\", file = \"/var/log/mail.log\" }]`, or a unit of the journal. Of web servers the combined format is understood, and no other: `portreeve watch --read` says so of a file.",
            ja: "理由は `portreeve watch` の最初の行に表示されます。`[watch] log = [{ service = \"mail\", file = \"/var/log/mail.log\" }]` のように、ログファイルまたはジャーナルのユニットを指定してください。Web サーバーのログで解釈できるのは combined 形式だけです。ファイルの形式は `portreeve watch --read` で確認できます。",
        },
    },
    check,
};

fn check(world: &World<'_>) -> Vec<Finding> {
    let runs = |at| world.snapshot.taken.duration_since(at).abs() < RUNS;
    let watched = world.snapshot.watched.iter().filter(|watched| runs(watched.at));
    let each = watched
        .flat_map(|watched| watched.unread.iter().map(|name| (name, watched.not_understood.get(name))));
    each.map(|(service, file)| file.map_or_else(|| unread(service), |file| not_understood(service, file)))
        .collect()
}

fn unread(service: &str) -> Finding {
    let said = text!("the watch reads no log of {service}", "監視で {service} のログを読み取れていません");
    let fix = text!("see why, and name the log", "理由を確認し、ログの場所を指定してください");
    RULE.finding(said, fix).run(["portreeve watch --for 1s".into()])
}

fn not_understood(service: &str, file: &str) -> Finding {
    let said = text!(
        "the watch understands no line of {file}, the log of {service}",
        "監視で、{service} のログ {file} のどの行も解釈できていません"
    );
    let fix = text!(
        "have it written in the combined format, or name another log",
        "combined 形式で出力するか、別のログを指定してください"
    );
    RULE.finding(said, fix).run([format!("portreeve watch --read {}", quoted(file))])
}

#[cfg(test)]
mod tests {
    use crate::rules::watch::testing::watched;

    #[test]
    fn a_log_that_nobody_reads_is_found_while_somebody_watches() {
        let mut scene = watched(&[]);
        let kept = scene.snapshot.watched.as_mut().unwrap();
        kept.unread = ["mail".into()].into();
        assert_eq!(scene.texts("watch-blind"), ["the watch reads no log of mail"]);
    }

    #[test]
    fn a_log_of_which_no_line_is_understood_is_found_by_its_file() {
        let mut scene = watched(&[]);
        let kept = scene.snapshot.watched.as_mut().unwrap();
        kept.unread = ["web".into()].into();
        kept.not_understood = [("web".into(), "/var/log/my web.log".into())].into();
        assert_eq!(
            scene.texts("watch-blind"),
            ["the watch understands no line of /var/log/my web.log, the log of web"]
        );
        assert_eq!(scene.commands("watch-blind"), ["portreeve watch --read '/var/log/my web.log'"]);
    }

    #[test]
    fn where_each_is_read_or_nobody_watches_none_is() {
        let mut scene = watched(&[]);
        assert!(scene.texts("watch-blind").is_empty());
        let kept = scene.snapshot.watched.as_mut().unwrap();
        kept.unread = ["mail".into()].into();
        let kept = scene.snapshot.watched.as_mut().unwrap();
        kept.at -= jiff::SignedDuration::from_mins(2);
        assert!(scene.texts("watch-blind").is_empty(), "nobody watches any more");
    }
}
