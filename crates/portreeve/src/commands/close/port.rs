//! `portreeve close PORT…`: closes ports to everybody outside, at once, and says whether nothing gets there (A16, A17).

use clap::ArgMatches;
use portreeve_core::{
    gate::{Body, JUDGED, Keep, Ports, Standing},
    plan::{self, Change, Effect, Ground, Refused},
    port::{PortSpec, Protocol},
    published,
    receipt::{self, Becomes, Cause, Deed},
    text,
    words::{Text, Words},
    world::World,
};
use portreeve_host::{Wanted, enforce::Passed, observe::Namespaces};

use super::{
    super::{
        apply::in_force,
        plan::{Planned, WANTED, failure, standing, undo},
    },
    halt::{Halt, Rest},
    last, verify,
};
use crate::{
    asked::{self, Asked},
    door::{self, see_to_next_boot},
    exit::Exit,
    failure::Failure,
    settings::{Settings, Verbosity},
    show::{escape::visible, next, out::Out, plan as show},
    table_file::TableFile,
};

/// What a plan needs, and the containers behind published ports.
const LOOK: Wanted = Wanted { namespaces: Namespaces::All, ..WANTED };
/// Numbers of which `next:` speaks.
const NEXT_MAX: usize = 2;

const FAILED: Words = Words { en: "nothing was closed", ja: "ポートを閉じられません" };
const TAKEN_OUT: Words = Words {
    en: "Somebody else had changed the gate since it was confirmed; what he changed is taken out.",
    ja: "確定後にほかの手段でゲートに加えられた変更は取り除きました。",
};

/// Closes what `words` name.
pub(super) fn run(
    words: &[String],
    own: &ArgMatches,
    settings: &Settings,
    out: &mut Out,
) -> Result<Exit, Failure> {
    out.outlive_reader(FAILED);
    let asked = named(words)?;
    let ports = numbers(&asked)?;
    // Whoever may not is told so before he waits, and of one that was killed it is told what became of it.
    let door = door::open(FAILED)?;
    door::refuse_without_confirmed(&door, FAILED)?;
    door::refuse_in_trial(&door, FAILED)?;
    let confirmed = door.confirmed();
    drop(door);
    let close = |world: &World<'_>, asked: &_| plan::close(world, &ports, confirmed.as_ref(), asked);
    let planned = Planned::by(settings, FAILED, &LOOK, close)?;
    let world = planned.look.world();
    let changes = &planned.plan.changes;
    let halt = Halt::of(own, &world, &ports, settings)?;
    planned.protect(own).map_err(|refused| unsafe_to(&refused))?;
    let left = plan::remaining(&world, changes, &ports).map_err(|refused| failure(&refused, FAILED))?;
    let beside = leads_there(&world, changes, &ports)?;
    let is_told = settings.verbosity != Verbosity::Quiet;
    if is_told {
        show::zones(&planned.plan, settings.verbosity, out)?;
        halt.announce(&world, &ports, out)?;
    }
    out.finish()?;
    let seen = standing(&planned.look.snapshot)?;
    let before = changes.first().map(|_| verify::before(&world, &ports));
    let make = |change| carry_out(change, &ports, seen.as_ref(), confirmed.as_ref());
    let passed = changes.first().map(make).transpose()?;
    if passed.is_some() || halt.is_something() {
        out.changed();
    }
    // Whoever asks once more sees what is left in the end, and what was not stopped is told after all else.
    let halted = halt.carry_out(&ports, settings);
    let noted = halt.note(&ports, passed.as_ref().map(|passed| passed.receipt.number), halted.is_ok());
    let verdict = before.map(|before| before.map(|before| before.after()));
    let is_open = !left.is_empty() || matches!(&verdict, Some(Ok(verdict)) if verdict.is_open);
    if is_told {
        if passed.is_some() && seen.as_ref().and_then(Standing::body) != confirmed.as_ref() {
            out.say(TAKEN_OUT)?;
        }
        let rest = *halted.as_ref().unwrap_or(&Rest::Listeners);
        let is_past = left.iter().copied().collect::<Ports>().includes(&ports);
        said(&asked, passed.as_ref(), (&left, is_past), rest, halt.is_something())
            .iter()
            .try_for_each(|text| tell(text, out))?;
        beside.iter().try_for_each(|text| tell(text, out))?;
        match &verdict {
            Some(Ok(verdict)) => tell(&verdict.said, out)?,
            Some(Err(why)) if left.is_empty() => tell(&verify::unproven(why), out)?,
            _ => {}
        }
        last::tell(&world, &ports, settings, out)?;
    }
    if let Some(passed) = &passed {
        see_to_next_boot(passed, settings);
    }
    halted.and(noted)?;
    if is_told {
        let has_undo = passed.is_some() && !planned.plan.undo.is_empty();
        let undo = has_undo.then(|| undo(own));
        let exposure = ports.specs().take(NEXT_MAX).map(|spec| format!("portreeve exposure {spec}"));
        next::print(&undo.into_iter().chain(exposure).collect::<Vec<_>>(), out)?;
    }
    Ok(if is_open { Exit::Found } else { Exit::Fine })
}

/// The ports of words, each a port, a range, a service or a list of them: no sentence, which only `who` reads.
fn named(words: &[String]) -> Result<Vec<Asked>, Failure> {
    let table = TableFile::load()?;
    let mut all = Vec::new();
    for word in words {
        if word.chars().any(char::is_whitespace) {
            return Err(Failure::usage(text!(
                "`{word}` names no port",
                "`{word}` からポートを特定できません"
            ))
            .hint(text!("portreeve close 8080/tcp 443", "portreeve close 8080/tcp 443")));
        }
        for asked in asked::any_of(word, table.registry())? {
            if !all.contains(&asked) {
                all.push(asked);
            }
        }
    }
    Ok(all)
}

/// Of a number alone every protocol that the gate judges: whoever names none means that nobody gets there.
fn numbers(asked: &[Asked]) -> Result<Ports, Failure> {
    asked.iter().try_for_each(|asked| door::refuse_zero(asked.range, FAILED))?;
    let is_judged = |protocol: &Protocol| JUDGED.contains(protocol);
    if let Some(protocol) = asked.iter().filter_map(|asked| asked.protocol).find(|it| !is_judged(it)) {
        return Err(Failure::usage(FAILED).because(text!(
            "the gate does not judge {protocol}: it lets all of it in",
            "{protocol} はゲートの対象外で、常に通過します"
        )));
    }
    let specs = asked.iter().flat_map(|asked| {
        let range = asked.range;
        let protocols = asked.protocol.map_or_else(|| JUDGED.to_vec(), |protocol| vec![protocol]);
        protocols.into_iter().map(move |protocol| PortSpec { range, protocol })
    });
    Ok(specs.collect())
}

/// Why whoever is here is not risked: no policy would help.
fn unsafe_to(refused: &Refused) -> Failure {
    match refused {
        Refused::WouldCut(_) => Failure::new(Exit::Refused, FAILED).because(refused.why()).hint(text!(
            "if that is what you want: --cut-my-own-session",
            "承知のうえで閉じる場合は --cut-my-own-session を指定してください"
        )),
        other => failure(other, FAILED),
    }
}

/// Makes the change where the gate is still as it was `seen`, and the same is `confirmed`, and shuts what somebody opened for
/// a while until now.
fn carry_out(
    change: &Change,
    ports: &Ports,
    seen: Option<&Standing>,
    confirmed: Option<&Body>,
) -> Result<Passed, Failure> {
    let specs: Vec<PortSpec> = ports.specs().collect();
    let again = format!("portreeve close {}", joined(&specs, " "));
    let door = door::open_unmoved(seen, FAILED, Some(&again))?;
    if door.confirmed().as_ref() != confirmed {
        return Err(door::moved(vec![Ground::Gate], &door, FAILED));
    }
    let shut = plan::shut(&door::temporary(FAILED)?, ports, door.standing.as_ref());
    let effect = match change.what.wanted() {
        Some(body) => Effect::closing(body.clone(), shut),
        None => change.what.clone(),
    };
    let transaction = effect.transaction(door.standing.as_ref(), Keep::AtOnce, door.now);
    let transaction = transaction.map_err(|error| door::unwritten(error, FAILED))?;
    let was = door.was();
    let cause = Cause::ClosePorts(ports.specs().map(receipt::Ports).collect());
    let deed = Deed::Gate { cause, becomes: Becomes::Gate, was, until: None };
    door.pass(deed, &transaction).map_err(|error| door::failure(error, FAILED))
}

/// What was done, and what packets get to all the same; of what is only led past the gate nothing was closed.
fn said(
    asked: &[Asked],
    passed: Option<&Passed>,
    (left, is_past): (&[PortSpec], bool),
    rest: Rest,
    is_halted: bool,
) -> Vec<Text> {
    let ports = listed(asked);
    if is_past {
        return vec![text!(
            "{ports} is NOT closed: a rule sends these packets on to another port before the gate judges them, or it cannot be told whether they arrive. Close that port, or delete the rule; portreeve exposure names both.",
            "{ports} は閉じていません。ゲートの判定前に別のポートへ転送するルールがあるか、届くかどうかを判定できません。転送先のポートを閉じるか、ルールを削除してください(どちらも portreeve exposure で確認できます)。"
        )];
    }
    let done = if let Some(passed) = passed {
        let (Text { en, ja }, _) = in_force(passed.standing.as_ref());
        let Words { en: en_rest, ja: ja_rest } = match rest {
            Rest::Listeners => Words {
                en: ". This host can still connect, and open connections go on; ",
                ja: "。このホストからは引き続き接続でき、確立済みの接続も続きます。",
            },
            Rest::Connections => {
                Words { en: ". Open connections go on; ", ja: "。確立済みの接続は続きます。" }
            }
            Rest::Nothing => Words { en: "; ", ja: "。" },
        };
        text!(
            "Closed to everybody outside: {ports}{en_rest}{en}",
            "外部からの接続を遮断しました: {ports}{ja_rest}{ja}"
        )
    } else if is_halted {
        text!("The gate refuses {ports} already.", "ゲートは既に {ports} を遮断しています。")
    } else {
        text!(
            "Nothing to do: the gate refuses {ports} already.",
            "変更は不要です。ゲートは既に {ports} を遮断しています。"
        )
    };
    let mut all = vec![done];
    if !left.is_empty() {
        let left = listed(left);
        all.push(text!(
            "But a rule leads packets to {left} past it, or it cannot be told whether they arrive; portreeve exposure says by which.",
            "ただし {left} 宛てのパケットは、別のルールにより届くか、届くかどうかを判定できません。どのルールかは portreeve exposure で確認できます。"
        ));
    }
    all
}

/// That whoever is kept out gets to the same container by another number, where he does.
fn leads_there(world: &World<'_>, changes: &[Change], ports: &Ports) -> Result<Option<Text>, Failure> {
    let beside = published::beside(world.snapshot, ports);
    let open = plan::remaining(world, changes, &beside).map_err(|refused| failure(&refused, FAILED))?;
    let (ports, typed) = (listed(&open), joined(&open, " "));
    Ok((!open.is_empty()).then(|| {
        text!(
            "The same port of the container is published as {ports} too, which is open: portreeve close {typed}",
            "同じコンテナのポートは {ports} でも公開されており、そちらは開いています: portreeve close {typed}"
        )
    }))
}

fn listed(ports: &[impl ToString]) -> String {
    joined(ports, ", ")
}

fn joined(ports: &[impl ToString], between: &str) -> String {
    ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
}

fn tell(text: &Text, out: &mut Out) -> Result<(), Failure> {
    out.sentences(&visible(text.in_lang(out.lang)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(words: &[&str]) -> Result<Vec<String>, Failure> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let ports = numbers(&named(&words)?)?;
        Ok(ports.specs().map(|spec| spec.to_string()).collect())
    }

    #[test]
    fn a_number_alone_is_of_every_protocol() {
        assert_eq!(ports(&["8080/tcp"]).unwrap(), ["8080/tcp"]);
        assert_eq!(ports(&["8080"]).unwrap(), ["8080/tcp", "8080/udp", "8080/udplite", "8080/sctp"]);
        assert_eq!(
            ports(&["80,443/tcp", "81/tcp", "30000-30009/udp"]).unwrap(),
            ["80-81/tcp", "443/tcp", "30000-30009/udp"]
        );
        assert_eq!(ports(&["telnet/tcp"]).unwrap(), ["23/tcp"]);
    }

    /// A line end within a sentence would be shown as two letters: each sentence stands on a line of its own.
    #[test]
    fn each_sentence_is_a_line() {
        let asked = named(&["8080/tcp".into()]).unwrap();
        let left: Vec<_> = numbers(&asked).unwrap().specs().collect();
        for (left, is_past, count) in
            [(left.as_slice(), false, 2), (left.as_slice(), true, 1), (&[], false, 1)]
        {
            let all = said(&asked, None, (left, is_past), Rest::Listeners, false);
            assert_eq!(all.len(), count);
            for Text { en, ja } in all {
                assert!(en.contains("8080/tcp") && ja.contains("8080/tcp"), "{en} {ja}");
                assert_eq!([visible(&en), visible(&ja)], [en.as_str(), ja.as_str()]);
            }
        }
    }

    #[test]
    fn what_names_no_port_closes_none() {
        for word in [
            "",
            "8080 tcp",
            "8080; flush ruleset",
            "bind: address already in use :8080",
            "99999",
            "9-3/tcp",
            "8080/tpc",
            "8080/dccp",
            "@closed",
            "\"}; flush ruleset; {\"",
            "80\n81",
        ] {
            assert!(ports(&[word]).is_err(), "{word:?}");
        }
    }
}
