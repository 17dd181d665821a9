//! Which claim a command line means.

use clap::{Arg, ArgMatches, builder::PossibleValuesParser};
use portreeve_core::{
    ledger::Reference,
    port::Protocol,
    words::{Lang, Words},
};

use crate::{
    commands::claim::scope,
    failure::Failure,
    ledger::{failure, home::Home},
    settings::options,
};

const NAME: &str = "name";
const SCOPE: &str = "scope";
const PROTOCOL: &str = "protocol";
const REVISION: &str = "revision";

/// What names a claim.
pub(in crate::commands) fn arguments(lang: Lang) -> Vec<Arg> {
    let name = Words { en: "What it is called", ja: "申請の名前" };
    let scope = Words {
        en: "Where it holds: host:MACHINE-ID, netns:NAME, user:UID, fleet (default: that of the ledger)",
        ja: "有効範囲: host:MACHINE-ID、netns:NAME、user:UID、fleet(既定値: 使用する台帳の範囲)",
    };
    let protocol = Words { en: "Its protocol (default: tcp)", ja: "プロトコル(既定値: tcp)" };
    let revision = Words {
        en: "Only where it still has this revision",
        ja: "リビジョンがこの番号のままの場合だけ実行する",
    };
    vec![
        Arg::new(NAME).value_name("NAME").required(true).help(name.in_lang(lang)),
        options::value(SCOPE, "SCOPE", scope, lang),
        options::value(PROTOCOL, "PROTOCOL", protocol, lang)
            .value_parser(PossibleValuesParser::new(Protocol::ALL.map(Protocol::name)))
            .hide_possible_values(true),
        options::value(REVISION, "NUMBER", revision, lang).value_parser(options::number(0..=u64::MAX)),
    ]
}

/// The claim that is meant.
///
/// # Errors
///
/// What of it cannot be read.
pub(in crate::commands) fn read(own: &ArgMatches, home: &Home, what: Words) -> Result<Reference, Failure> {
    let text = |name: &str| own.get_one::<String>(name);
    let name = text(NAME).map(String::as_str).unwrap_or_default().parse();
    let protocol = text(PROTOCOL).and_then(|word| word.parse().ok()).unwrap_or(Protocol::Tcp);
    Ok(Reference {
        scope: text(SCOPE).map_or_else(|| Ok(home.scope.clone()), |word| scope(word))?,
        protocol,
        name: name.map_err(|error| failure::misnamed(&error, what))?,
        revision: own.get_one::<u64>(REVISION).copied(),
    })
}
