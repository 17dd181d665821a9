//! What hides to whom a port is led, in words (A5).

use alloc::format;

use super::{Gap, Hides, Page};
use crate::{
    port::PortSpec,
    text,
    words::{Text, Words},
};

pub(super) const HIDDEN_STEERING: Page = Page {
    hides: Hides::Steering,
    why: |Gap { detail, .. }| steering(detail),
    // What contains root, as CapabilityBoundingSet= or a user namespace, may keep the kernel's maps from him (bpf(2)).
    fix: |_| Words {
        en: "run as root with CAP_BPF and CAP_SYS_ADMIN, or: sudo portreeve",
        ja: "CAP_BPF と CAP_SYS_ADMIN を持つ root で実行してください(sudo portreeve)",
    },
};

fn steering(detail: &str) -> Text {
    if detail.is_empty() {
        return text!("what is steered: only root may read it", "誘導の状態(root だけが読み取れます)");
    }
    let is_one = detail.parse::<PortSpec>().is_ok_and(|spec| spec.range.is_one());
    let en_detail = format!("{detail} {}", if is_one { "is" } else { "are" });
    let ja_detail = detail.replace(", ", "、");
    text!(
        "what is steered: only root may read it, and {en_detail}",
        "誘導の状態(root だけが読み取れます。{ja_detail} は誘導の対象です)"
    )
}
