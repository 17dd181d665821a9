//! What is known of updates is older than a week (A18, A20).

use alloc::{vec, vec::Vec};

use jiff::SignedDuration;

use crate::{
    facts::{Code, CodeRoot},
    finding::{Finding, Severity},
    rules::{Page, Rule},
    text,
    words::Words,
    world::World,
};

/// The lists of the host's packages were fetched more than seven days ago.
pub(super) const RULE: Rule = Rule {
    name: "update-data-old",
    severity: Severity::Notice,
    article: &["A18", "A20"],
    outranks: &[],
    page: Page {
        what: Words {
            en: "The lists of packages that apt keeps were fetched more than seven days ago.",
            ja: "apt のパッケージ一覧が、7 日以上前に取得されたものです。",
        },
        why: Words {
            en: "What came out since is on no list here: that no update waits is then no good news.",
            ja: "その後に公開された更新は一覧にありません。「更新なし」という結果を信用できません。",
        },
        fix: Words {
            en: "Fetch the lists, and let apt's own timer do so each day (apt-daily.timer).",
            ja: "一覧を取得し、以後は apt-daily.timer に毎日取得させます。",
        },
    },
    check,
};

/// From this age on lists are old.
const OLD: SignedDuration = SignedDuration::from_hours(7 * 24);

fn check(world: &World<'_>) -> Vec<Finding> {
    let host = world.snapshot.code.as_ref().and_then(Code::host);
    let fetched = host.and_then(CodeRoot::lists_known);
    let Some(age) = fetched.map(|fetched| world.now.duration_since(fetched)).filter(|age| *age > OLD) else {
        return Vec::new();
    };
    let days = age.as_hours() / 24;
    let finding = RULE.finding(
        text!("the lists of packages are {days} days old", "パッケージの一覧が {days} 日前のものです"),
        text!("fetch them", "一覧を取得してください"),
    );
    vec![finding.run(["apt-get update".into()])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::patches::testing::sshd;

    fn found(fetched: &str, made: &str) -> Vec<alloc::string::String> {
        let time = |text: &str| Some(text.parse().unwrap());
        let scene = sshd("0.0.0.0:22/tcp", |code| {
            code.roots[0].lists_fetched = time(fetched);
            code.roots[0].lists_made = time(made);
        });
        scene.texts(RULE.name)
    }

    /// The scene is on 2026-01-01.
    const LONG_AGO: &str = "2025-12-01T00:00:00Z";

    #[test]
    fn lists_of_more_than_a_week_are_old() {
        assert_eq!(found("2025-12-20T00:00:00Z", LONG_AGO), ["the lists of packages are 12 days old"]);
    }

    #[test]
    fn lists_of_this_week_or_none_at_all_are_not() {
        assert_eq!(found("2025-12-25T12:00:00Z", LONG_AGO), [""; 0]);
        assert_eq!(
            found(LONG_AGO, "2025-12-31T00:00:00Z"),
            [""; 0],
            "an archive of yesterday was fetched since"
        );
        assert_eq!(sshd("0.0.0.0:22/tcp", |_| {}).texts(RULE.name), [""; 0], "no lists at all are a gap");
    }
}
