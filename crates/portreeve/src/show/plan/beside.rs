//! What a gate does not judge by ports, as other protocols and what a router passes on, and answers that it would not know
//! (A15, A16).

use portreeve_core::{
    plan::{ProtocolPassage, UntrackedAnswers},
    policy::{HOST, WORLD},
    text,
    words::Text,
};

use crate::{failure::Failure, show::out::Out};

/// Says which other protocols pass, which do not, and that nothing else is filtered.
///
/// # Errors
///
/// Where nobody reads it.
pub(super) fn print(protocols: &[ProtocolPassage], out: &mut Out) -> Result<(), Failure> {
    // Whoever closes ports changes nothing of other protocols.
    if protocols.is_empty() {
        return Ok(());
    }
    out.line("")?;
    for said in sentences(protocols) {
        out.sentences(said.in_lang(out.lang))?;
    }
    Ok(())
}

/// Says which answers would be refused.
///
/// # Errors
///
/// Where nobody reads it.
pub(super) fn print_untracked(untracked: Option<&UntrackedAnswers>, out: &mut Out) -> Result<(), Failure> {
    let Some(untracked) = untracked else { return Ok(()) };
    out.line("")?;
    out.sentences(lost(untracked).in_lang(out.lang))
}

fn lost(UntrackedAnswers { from, by }: &UntrackedAnswers) -> Text {
    let from: Vec<String> = from.specs().map(|spec| spec.to_string()).collect();
    let from = from.join(", ");
    let (en, ja) = (by.join(", "), by.join("、"));
    text!(
        "Answers from {from} to what this host begins would be REFUSED: a rule takes them out of connection tracking ({en}). Take the rule out, or declare the ports that they come to.",
        "このホストが始めた通信への応答のうち、{from} からのものが遮断されます。コネクション追跡から外すルールがあるためです({ja})。そのルールを取り除くか、応答が届くポートを宣言してください。"
    )
}

fn sentences(protocols: &[ProtocolPassage]) -> Vec<Text> {
    let is_world = |it: &&ProtocolPassage| it.reach.iter().any(|zone| zone == WORLD);
    let is_closed = |it: &&ProtocolPassage| it.reach.iter().all(|zone| zone == HOST);
    let named = |of: &dyn Fn(&&ProtocolPassage) -> bool| {
        let names = protocols.iter().filter(|it| of(it)).map(|it| it.protocol.name());
        names.collect::<Vec<_>>()
    };
    let (passing, closed) = (named(&is_world), named(&is_closed));
    let mut said = Vec::new();
    let (en, ja) = (passing.join(", "), passing.join("、"));
    let every = if passing.is_empty() {
        text!(
            "Protocols without ports that the policy cannot name pass from everywhere.",
            "policy で指定できないプロトコルのうち、ポートのないものは送信元を問わず通します。"
        )
    } else {
        text!(
            "Protocols without ports pass from everywhere: {en}, and others.",
            "ポートのないプロトコル({ja} など)は送信元を問わず通します。"
        )
    };
    said.push(every);
    if !closed.is_empty() {
        let (en, ja) = (closed.join(", "), closed.join("、"));
        said.push(text!("Closed: {en}.", "遮断するプロトコル: {ja}。"));
    }
    for ProtocolPassage { protocol, reach } in protocols.iter().filter(|it| !is_world(it) && !is_closed(it)) {
        let zones: Vec<&str> = reach.iter().map(String::as_str).filter(|zone| *zone != HOST).collect();
        let (en, ja) = (zones.join(", "), zones.join("、"));
        said.push(text!("{protocol} passes from {en} alone.", "{protocol} は {ja} からだけ通します。"));
    }
    said.push(text!(
        "What this host passes on as a router is not judged, and what goes out is not filtered.",
        "ルーターとして中継するパケットは判定せず、外へ出る通信も制限しません。"
    ));
    said
}

#[cfg(test)]
mod tests {
    use portreeve_core::gate::OtherProtocol;

    use super::*;

    fn passage(name: &str, reach: &[&str]) -> ProtocolPassage {
        let reach = reach.iter().map(|&zone| zone.to_owned()).collect();
        ProtocolPassage { protocol: OtherProtocol::of(name).expect("a protocol"), reach }
    }

    #[test]
    fn answers_that_would_be_refused_are_told_with_the_rule() {
        let from = ["53/udp", "853/tcp"].map(|spec| spec.parse().expect("a port")).into_iter().collect();
        let rule = "ip raw PREROUTING: -A PREROUTING -p udp --sport 53 -j NOTRACK";
        let said = lost(&UntrackedAnswers { from, by: vec![rule.into()] });
        assert!(said.en.starts_with("Answers from 853/tcp, 53/udp to") && said.en.contains(rule), "{said:?}");
        assert!(said.ja.contains(rule));
    }

    #[test]
    fn who_may_send_what_is_told() {
        let protocols = [
            passage("gre", &["office", "lan"]),
            passage("esp", &["world"]),
            passage("ospf", &["host"]),
            passage("igmp", &["world"]),
            passage("ah", &["host"]),
        ];
        let said: Vec<String> = sentences(&protocols).into_iter().map(|said| said.en).collect();
        assert_eq!(
            said[..3],
            [
                "Protocols without ports pass from everywhere: esp, igmp, and others.",
                "Closed: ospf, ah.",
                "gre passes from office, lan alone."
            ]
        );
        assert!(said[3].starts_with("What this host passes on as a router is not judged"));
        assert!(sentences(&[passage("gre", &["host"])])[0].en.starts_with("Protocols without ports that"));
    }
}
