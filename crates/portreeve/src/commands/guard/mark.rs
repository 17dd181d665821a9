//! `portreeve guard mark NAME`: marks the sockets of the unit that runs it, by which the policy names their owner (A24).

use portreeve_core::{
    policy::is_mark,
    text,
    words::{Text, Words},
};
use portreeve_host::{
    enforce::guard::marks::{MarkError, mark_own},
    root,
};

use crate::{
    exit::Exit,
    failure::Failure,
    guards,
    settings::{Settings, Verbosity},
    show::{escape::visible, out::Out},
    units::own_path,
};

const FAILED: Words = Words { en: "no socket is marked", ja: "ソケットに印を付けられません" };

/// Marks them as `name`'s.
///
/// # Errors
///
/// Without root, outside of a unit, of what no mark is called, and where the kernel refuses.
pub(super) fn run(name: Option<&str>, settings: &Settings, out: &mut Out) -> Result<Exit, Failure> {
    let Some(name) = name.filter(|name| is_mark(name)) else { return Err(nameless(name)) };
    if !root::is_of_host() {
        return Err(guards::not_root(FAILED).hint(asked_for(name)));
    }
    let service = mark_own(name).map_err(|error| match error {
        MarkError::NoService => alone(name),
        MarkError::Guard(error) => guards::failure(&error, FAILED),
    })?;
    if settings.verbosity != Verbosity::Quiet {
        let service = visible(&service).into_owned();
        let said = text!(
            "Each socket that {service} makes is {name}'s, until it stops.",
            "{service} が作るソケットに、停止するまで {name} の印が付きます。"
        );
        out.line(said.in_lang(out.lang))?;
    }
    Ok(Exit::Fine)
}

/// Whoever types it would mark what his own shell makes.
fn alone(name: &str) -> Failure {
    let because = Words {
        en: "it marks the sockets of the service that runs it, and none does",
        ja: "このコマンドは、実行元のサービスのソケットに印を付けるものですが、サービスから実行されていません",
    };
    Failure::usage(FAILED).because(because).hint(asked_for(name))
}

fn asked_for(name: &str) -> Text {
    let program = own_path();
    text!(
        "the unit says in its [Service]: ExecCondition=-+{program} guard mark {name}; and the policy: owner = {{ mark = \"{name}\" }}",
        "ユニットの [Service] に ExecCondition=-+{program} guard mark {name} と書き、policy に owner = {{ mark = \"{name}\" }} と書いてください"
    )
}

fn nameless(name: Option<&str>) -> Failure {
    let because = name.map_or(text!("it needs a name", "名前が必要です"), |name| {
        let name = visible(name).into_owned();
        text!(
            "no mark is called `{name}`: at most 32 small letters, digits and dashes, a letter first",
            "`{name}` という名前は使えません。英小文字で始まる 32 字以内の英小文字、数字、`-` にしてください"
        )
    });
    Failure::usage(FAILED).because(because).hint(asked_for("web"))
}
