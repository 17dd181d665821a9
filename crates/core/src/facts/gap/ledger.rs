//! What hides who has claimed a number, in words (A24).

use super::{Gap, Hides, Page};
use crate::{text, words::Words};

pub(super) const UNREAD_LEDGER: Page = Page {
    hides: Hides::Claims,
    why: |Gap { detail, .. }| text!("the ledger: {detail}", "台帳: {detail}"),
    fix: |_| Words {
        en: "see what is wrong with it: portreeve ledger check",
        ja: "portreeve ledger check で状態を確認してください",
    },
};
