//! How long something is, or how long ago it was, in one unit.

use jiff::Timestamp;
use portreeve_core::{text, words::Text};

/// `2 h ago`; a moment that has not come yet is now.
pub(crate) fn ago(then: Timestamp, now: Timestamp) -> Text {
    let seconds = now.as_second().saturating_sub(then.as_second()).max(0);
    let Text { en, ja } = length(seconds.unsigned_abs());
    text!("{en} ago", "{ja}前")
}

/// `2 h`.
pub(crate) fn length(seconds: u64) -> Text {
    match seconds {
        0..120 => text!("{seconds} s", "{seconds} 秒"),
        120..7_200 => {
            let minutes = seconds / 60;
            text!("{minutes} min", "{minutes} 分")
        }
        7_200..172_800 => {
            let hours = seconds / 3_600;
            text!("{hours} h", "{hours} 時間")
        }
        _ => {
            let days = seconds / 86_400;
            text!("{days} days", "{days} 日")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_fits_the_length() {
        let said = |seconds: i64| {
            let then = Timestamp::from_second(1_000_000).unwrap();
            ago(then, Timestamp::from_second(1_000_000 + seconds).unwrap()).en
        };
        assert_eq!(said(90), "90 s ago");
        assert_eq!(said(120), "2 min ago");
        assert_eq!(said(7_200), "2 h ago");
        assert_eq!(said(3 * 86_400), "3 days ago");
        assert_eq!(said(-5), "0 s ago");
    }
}
