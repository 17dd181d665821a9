//! Why a boot does not put the confirmed gate in force, and what helps (A15, A20).

use super::BOOT_UNIT;
use crate::{facts::AtBoot, text, words::Text};

/// What keeps the next boot from putting the gate in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hindrance {
    /// What it is, as the end of a sentence.
    pub why: Text,
    /// What to do.
    pub fix: Text,
    /// With which commands.
    pub commands: &'static [&'static str],
}

impl Hindrance {
    /// What is known before the unit is started; nothing where nothing is in the way, or nobody knows.
    #[must_use]
    pub fn of(at_boot: AtBoot) -> Option<Self> {
        const ENABLE: &str = "portreeve gate enable";
        let (why, fix, commands): (_, _, &[&str]) = match at_boot {
            AtBoot::Enabled | AtBoot::Late | AtBoot::Failed | AtBoot::Unknown => return None,
            AtBoot::NotEnabled => (
                text!("{BOOT_UNIT} is not enabled", "{BOOT_UNIT} が有効化されていません"),
                text!("enable it at boot", "起動時に有効になるようにしてください"),
                &[ENABLE],
            ),
            AtBoot::Masked => (
                text!("{BOOT_UNIT} is masked", "{BOOT_UNIT} がマスクされています"),
                text!("unmask it, and enable it", "マスクを解除し、有効化してください"),
                &["systemctl unmask portreeve-boot.service", ENABLE],
            ),
            AtBoot::DropIn => (
                text!(
                    "a drop-in changes what {BOOT_UNIT} does",
                    "ドロップインが {BOOT_UNIT} の動作を変えています"
                ),
                text!(
                    "take the drop-in away that systemctl shows, then systemctl daemon-reload",
                    "systemctl で表示されるドロップインを取り除き、systemctl daemon-reload を実行してください"
                ),
                &["systemctl cat portreeve-boot.service"],
            ),
            AtBoot::Edited => (
                text!("{BOOT_UNIT} is not as portreeve writes it", "{BOOT_UNIT} が書き換えられています"),
                text!("write it anew", "書き直してください"),
                &[ENABLE],
            ),
            AtBoot::NoProgram => (
                text!(
                    "the program that {BOOT_UNIT} starts is gone, cannot be executed, or is not root's alone",
                    "{BOOT_UNIT} が起動するプログラムがないか、実行できないか、root 以外が変更できます"
                ),
                text!(
                    "install it anew, where root alone may change it, and let the unit start that one",
                    "root だけが変更できる場所に入れ直し、ユニットがそれを起動するようにしてください"
                ),
                &[ENABLE],
            ),
        };
        Some(Self { why, fix, commands })
    }
}
