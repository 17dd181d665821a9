//! A mistake on the command line, told in our form and in the person's language.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use portreeve_core::{text, words::Text};

use crate::failure::Failure;

/// What clap found wrong on the command line of `command`, as a failure of ours.
pub(crate) fn tell(error: &clap::Error, command: Option<&str>) -> Failure {
    let hint = hint(error, command);
    Failure::usage(sentence(error)).hint(hint)
}

fn sentence(error: &clap::Error) -> Text {
    let arg = context(error, ContextKind::InvalidArg);
    let value = context(error, ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = context(error, ContextKind::InvalidSubcommand);
            text!("there is no command `{word}`", "`{word}` というコマンドはありません")
        }
        ErrorKind::UnknownArgument => {
            text!("`{arg}` is not expected here", "`{arg}` はここでは指定できません")
        }
        ErrorKind::InvalidValue if value.is_empty() => {
            text!("{arg} needs a value", "{arg} には値が必要です")
        }
        ErrorKind::InvalidValue => {
            text!("`{value}` is not possible for {arg}", "`{value}` は {arg} に指定できません")
        }
        ErrorKind::ValueValidation => {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            text!(
                "`{value}` is not possible for {arg}: {cause}",
                "`{value}` は {arg} に指定できません: {cause}"
            )
        }
        ErrorKind::MissingRequiredArgument => text!("{arg} is missing", "{arg} が指定されていません"),
        ErrorKind::ArgumentConflict => conflict(error, &arg),
        _ => {
            let said = error.render().to_string();
            let said = said.lines().next().unwrap_or_default().trim_start_matches("error: ");
            text!("{said}", "{said}")
        }
    }
}

fn conflict(error: &clap::Error, arg: &str) -> Text {
    let other = context(error, ContextKind::PriorArg);
    if other == arg || other.is_empty() {
        text!("{arg} is given more than once", "{arg} が 2 回以上指定されています")
    } else {
        text!("{arg} and {other} exclude each other", "{arg} と {other} は同時に指定できません")
    }
}

fn hint(error: &clap::Error, command: Option<&str>) -> Text {
    let word = context(error, ContextKind::InvalidSubcommand);
    if word.bytes().any(|byte| byte.is_ascii_digit()) {
        return text!("portreeve who {word}", "portreeve who {word}");
    }
    let nearest = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg, ContextKind::SuggestedValue];
    if let Some(nearest) = nearest.into_iter().map(|kind| first(error, kind)).find(|word| !word.is_empty()) {
        return text!("did you mean `{nearest}`?", "`{nearest}` のことですか?");
    }
    let possible = context(error, ContextKind::ValidValue);
    if !possible.is_empty() {
        return text!("one of: {possible}", "次のいずれかを指定してください: {possible}");
    }
    let page = command.map_or_else(|| "portreeve --help".into(), |name| format!("portreeve help {name}"));
    text!("{page}", "{page}")
}

fn context(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(one)) => one.clone(),
        Some(ContextValue::Strings(many)) => many.join(", "),
        _ => String::new(),
    }
}

fn first(error: &clap::Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(one)) => one.clone(),
        Some(ContextValue::Strings(many)) => many.first().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}
