//! What a change of the gate does, in a phrase.

use std::net::IpAddr;

use portreeve_core::{
    gate::JUDGED,
    policy::WORLD,
    port::PortRange,
    programs::Programs,
    receipt::{Becomes, Cause, Deed, Means, Ports},
    text,
    words::{Text, inflect},
};

use crate::{clients, show::escape::visible};

/// Ports that one phrase names.
const PORTS_MAX: usize = 8;

/// The phrase, as history shows it.
pub(crate) fn words(deed: &Deed) -> Text {
    match deed {
        Deed::Gate { cause, becomes, until, .. } => {
            let words = became(cause, *becomes);
            if until.is_some() { on_trial(words) } else { words }
        }
        Deed::Confirm { of } => text!("confirmed receipt {of}", "記録 {of} を確定"),
        Deed::TakeBack { of } => text!("ended the trial of receipt {of}", "記録 {of} の試行を取り消し"),
        Deed::Open { zone, ports, from, .. } => {
            let (Text { en, ja }, ports) = (whom(zone.as_deref(), from), ports.0);
            text!("opened {ports} to {en} for a while", "{ports} を {ja} に一時開放")
        }
        Deed::Shut { zone, ports, from } => {
            let (Text { en, ja }, ports) = (whom(zone.as_deref(), from), ports.0);
            text!("closed {ports} to {en} again", "{ports} の {ja} への一時開放を終了")
        }
        Deed::Block { source, why: Some(why), .. } => {
            text!("keeps {source} out for a while ({why})", "{source} を一時的に遮断({why})")
        }
        Deed::Block { source, until: None, .. } => {
            text!("keeps {source} out until reboot", "{source} を再起動まで遮断")
        }
        Deed::Block { source, until: Some(_), .. } => {
            text!("keeps {source} out for a while", "{source} を一時的に遮断")
        }
        Deed::Unblock { source } => text!("lets {source} in again", "{source} の遮断を解除"),
        Deed::Reserve { ports, .. } if ports.is_empty() => {
            text!("lets clients have what was declared", "宣言したポートをクライアント用に戻した")
        }
        Deed::Reserve { ports, .. } => {
            let ports = clients::listed(ports);
            text!("keeps {ports} from clients", "{ports} をクライアントに割り当てないよう予約")
        }
        Deed::Programs { now, was, until, undoes, .. } => {
            let words = back(told(now, was), *undoes);
            if until.is_some() { on_trial(words) } else { words }
        }
        Deed::Lead { service, undoes, .. } => {
            let service = visible(service).into_owned();
            back(text!("moved {service} to another socket", "{service} の誘導先を切り替え"), *undoes)
        }
        Deed::Halt { by, whom, ports, .. } => halted(*by, &whom.join(", "), &listed(ports)),
    }
}

/// To whom ports are open for a while: a zone, or these addresses alone.
fn whom(zone: Option<&str>, from: &[IpAddr]) -> Text {
    let named = |name: String| Text { en: name.clone(), ja: name };
    match from {
        [] => named(zone.unwrap_or(WORLD).into()),
        [one] => named(one.to_string()),
        several => {
            let count = several.len();
            text!("{count} addresses", "{count} 個のアドレス")
        }
    }
}

/// With the receipt whose change is taken back by it.
fn back(words: Text, undoes: Option<u32>) -> Text {
    let Some(of) = undoes else { return words };
    let Text { en, ja } = words;
    text!("{en}: takes receipt {of} back", "{ja}(記録 {of} の取り消し)")
}

/// What changes of what the programs in the kernel are told; where nothing does, all of it.
fn told(now: &Programs, was: &Programs) -> Text {
    let (guarded, steered) = (guarded(now.rules.entries.len()), steered(now.routes.services().count()));
    match (now.rules == was.rules, now.routes == was.routes) {
        (false, true) => return guarded,
        (true, false) => return steered,
        _ => {}
    }
    let (Text { en, ja }, Text { en: en_steered, ja: ja_steered }) = (guarded, steered);
    text!("{en}, {en_steered}", "{ja}、{ja_steered}")
}

fn steered(count: usize) -> Text {
    let en_services = inflect(count, "service", "services");
    match count {
        0 => text!("steers nothing", "誘導を解除"),
        _ => text!("steers {count} {en_services}", "{count} 個のサービスを誘導"),
    }
}

fn guarded(count: usize) -> Text {
    let en_ports = inflect(count, "port", "ports");
    match count {
        0 => text!("guards no ports", "ガードを解除"),
        _ => text!("guards {count} {en_ports}", "{count} 個のポートをガード"),
    }
}

fn halted(by: Means, whom: &str, ports: &str) -> Text {
    match by {
        Means::Stop => text!("stopped {whom} ({ports})", "{whom} を停止({ports})"),
        Means::Unlisten => {
            text!("took the sockets of {ports} from {whom}", "{whom} の待ち受けソケットを閉鎖({ports})")
        }
    }
}

/// The ports; a number of every protocol that the gate judges, as whoever names none means it, stands alone.
fn listed(ports: &[Ports]) -> String {
    let of = |range: PortRange| ports.iter().filter(move |ports| ports.0.range == range);
    let mut told: Vec<String> = Vec::new();
    for Ports(spec) in ports {
        let is_all = of(spec.range).count() == JUDGED.len();
        let text = if is_all { spec.range.to_string() } else { spec.to_string() };
        if !told.contains(&text) {
            told.push(text);
        }
    }
    let more = told.len().saturating_sub(PORTS_MAX);
    told.truncate(PORTS_MAX);
    told.join(", ") + &if more > 0 { format!(" (+{more})") } else { String::new() }
}

fn became(cause: &Cause, becomes: Becomes) -> Text {
    match (cause, becomes) {
        (Cause::Apply, _) => text!("applied the policy", "policy を適用"),
        (Cause::Close, _) => text!("closed ports", "ポートを閉鎖"),
        (Cause::ClosePorts(ports), _) => {
            let ports = listed(ports);
            text!("closed {ports}", "{ports} を閉鎖")
        }
        (Cause::Off, _) => text!("took the gate away", "ゲートを撤去"),
        (Cause::Boot, _) => text!("put the confirmed gate back at boot", "起動時に確定済みのゲートを復元"),
        (Cause::Undo(of), Becomes::Gate) => text!("took receipt {of} back", "記録 {of} を取り消し"),
        (Cause::Undo(of), Becomes::Nothing) => {
            text!("took receipt {of} back, and the gate away", "記録 {of} を取り消し、ゲートを撤去")
        }
    }
}

fn on_trial(words: Text) -> Text {
    let Text { en, ja } = words;
    text!("{en}, on trial", "{ja}(試行)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_told_as_they_were_named() {
        let told = |ports: &[&str]| {
            let ports: Vec<Ports> = ports.iter().map(|ports| Ports(ports.parse().unwrap())).collect();
            listed(&ports)
        };
        assert_eq!(told(&["8080/tcp"]), "8080/tcp");
        assert_eq!(told(&["8080/tcp", "8080/udp", "8080/udplite", "8080/sctp", "53/udp"]), "8080, 53/udp");
        assert_eq!(told(&["8080/tcp", "8080/udp"]), "8080/tcp, 8080/udp");
        let many: Vec<String> = (1..=10).map(|port| format!("{}/tcp", port * 10)).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert!(told(&many).ends_with("80/tcp (+2)"));
    }
}
