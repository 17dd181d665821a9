//! What a change of the gate does, in a phrase.

use portreeve_core::{
    policy::WORLD,
    receipt::{Becomes, Cause, Deed},
    text,
    words::Text,
};

/// The phrase, as history shows it.
pub(crate) fn words(deed: &Deed) -> Text {
    match deed {
        Deed::Gate { cause, becomes, until, .. } => {
            let words = became(*cause, *becomes);
            if until.is_some() { on_trial(words) } else { words }
        }
        Deed::Confirm { of } => text!("confirmed receipt {of}", "記録 {of} を確定"),
        Deed::TakeBack { of } => text!("ended the trial of receipt {of}", "記録 {of} の試行を取り消し"),
        Deed::Open { zone, ports, .. } => {
            let (zone, ports) = (zone.as_deref().unwrap_or(WORLD), ports.0);
            text!("opened {ports} to {zone} for a while", "{ports} を {zone} に一時開放")
        }
        Deed::Shut { zone, ports } => {
            let (zone, ports) = (zone.as_deref().unwrap_or(WORLD), ports.0);
            text!("closed {ports} to {zone} again", "{ports} の {zone} への一時開放を終了")
        }
        Deed::Block { source, until: None } => {
            text!("keeps {source} out until reboot", "{source} を再起動まで遮断")
        }
        Deed::Block { source, until: Some(_) } => {
            text!("keeps {source} out for a while", "{source} を一時的に遮断")
        }
        Deed::Unblock { source } => text!("lets {source} in again", "{source} の遮断を解除"),
    }
}

fn became(cause: Cause, becomes: Becomes) -> Text {
    match (cause, becomes) {
        (Cause::Apply, _) => text!("applied the policy", "policy を適用"),
        (Cause::Close, _) => text!("closed ports", "ポートを閉鎖"),
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
