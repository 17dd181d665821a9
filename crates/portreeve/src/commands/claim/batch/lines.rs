//! The lines of a batch: an ask each, as a JSON object (<https://github.com/ndjson/ndjson-spec>).

use std::io::{self, BufRead, Read as _};

use portreeve_core::{ledger::Wish, text, words::Words};

use crate::{
    commands::claim::{FAILED, wish::Written},
    failure::Failure,
};

/// More than any ask takes, with its note.
pub(super) const LINE_BYTES_MAX: usize = 16 << 10;
/// More than the pool has ports, and than any host has services.
pub(super) const LINES_MAX: usize = 1 << 16;

/// What a line asks for, or what is wrong with it.
#[derive(Debug)]
pub(super) struct Line {
    /// Which one, from 1.
    pub(super) number: usize,
    /// The wish.
    pub(super) wish: Result<Wish, Failure>,
}

/// Every line of `input` that is not blank.
///
/// # Errors
///
/// The system refuses, or there are more than [`LINES_MAX`].
pub(super) fn read(
    mut input: impl BufRead,
    wish: impl Fn(Written) -> Result<Wish, Failure>,
) -> Result<Vec<Line>, LinesError> {
    let mut lines = Vec::new();
    for number in 1.. {
        let Some(line) = next(&mut input)? else { break };
        let written = match line {
            Text::Whole(bytes) if bytes.trim_ascii().is_empty() => continue,
            Text::Whole(bytes) => parse(&bytes),
            Text::TooLong => Err(too_long()),
        };
        if lines.len() == LINES_MAX {
            return Err(LinesError::TooMany);
        }
        lines.push(Line { number, wish: written.and_then(&wish) });
    }
    Ok(lines)
}

/// Why a batch cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinesError {
    /// The system refused.
    #[error("it cannot be read")]
    System(#[from] io::Error),
    /// It has more lines than a batch.
    #[error("it has more than {LINES_MAX} lines")]
    TooMany,
}

/// A line as it was written.
enum Text {
    Whole(Vec<u8>),
    TooLong,
}

/// The next line; of one that is too long nothing is kept.
fn next(input: &mut impl BufRead) -> io::Result<Option<Text>> {
    let most = u64::try_from(LINE_BYTES_MAX).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    if input.by_ref().take(most + 1).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    let is_whole = bytes.ends_with(b"\n") || bytes.len() <= LINE_BYTES_MAX;
    if is_whole {
        return Ok(Some(Text::Whole(bytes)));
    }
    input.skip_until(b'\n')?;
    Ok(Some(Text::TooLong))
}

fn parse(line: &[u8]) -> Result<Written, Failure> {
    // A list would be read as the fields in their order.
    if !line.trim_ascii_start().starts_with(b"{") {
        return Err(Failure::usage(FAILED)
            .because(text!("it is no JSON object", "JSON のオブジェクトではありません")));
    }
    serde_json::from_slice(line).map_err(|error| {
        let column = error.column();
        let said = error.to_string();
        let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
        Failure::usage(FAILED)
            .because(text!("column {column}: {said}", "{column} 文字目を読み取れません({said})"))
    })
}

fn too_long() -> Failure {
    Failure::usage(FAILED).because(text!(
        "it has more than {LINE_BYTES_MAX} bytes",
        "1 行の上限 {LINE_BYTES_MAX} バイトを超えています"
    ))
}

/// What to type instead of a line that is no ask.
pub(super) const EXAMPLE: Words = Words {
    en: r#"write it like {"name":"web","ports":"8443/tcp"}"#,
    ja: r#"{"name":"web","ports":"8443/tcp"} の形式で書いてください"#,
};

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of the lines that are asks, and of those that are none with what is said of them.
    fn lines(input: &[u8]) -> (Vec<usize>, Vec<(usize, String)>) {
        let read = read(input, |_| Err(Failure::usage(FAILED))).expect("it is read");
        let told = read.into_iter().map(|line| {
            let said = line.wish.expect_err("none is wished").whole(portreeve_core::words::Lang::En).0;
            (line.number, said)
        });
        let (asks, mistakes): (Vec<_>, Vec<_>) = told.partition(|(_, said)| said == FAILED.en);
        (asks.into_iter().map(|(number, _)| number).collect(), mistakes)
    }

    #[test]
    fn a_bad_line_is_told_by_its_number_and_the_others_go_on() {
        let mut input =
            b"{\"name\":\"a\"}\n\n{\"name\":7}\n[\"web\"]\n{\"name\":\"b\",\"lease\":\"10m\"}\n".to_vec();
        input.extend(
            b"{\"name\":\"c\",\"prot\":1}\n{\"nam\n{\"name\":\"d\",\"lease\":\"long\"}\n{\"name\":\"e\"}",
        );
        let (asks, mistakes) = lines(&input);
        assert_eq!(asks, [1, 5, 9]);
        assert_eq!(mistakes.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [3, 4, 6, 7, 8]);
        assert!(mistakes[0].1.contains("column 9: invalid type: integer `7`"), "{mistakes:?}");
        assert!(mistakes[1].1.contains("it is no JSON object"), "{mistakes:?}");
        assert!(mistakes[2].1.contains("unknown field `prot`"), "{mistakes:?}");
        assert!(!mistakes.iter().any(|(_, said)| said.contains(" at line ")), "{mistakes:?}");
    }

    #[test]
    fn a_line_is_as_long_as_it_may_be_and_no_longer() {
        let line = |bytes: usize| {
            let note = "x".repeat(bytes - r#"{"name":"a","note":""}"#.len());
            format!("{{\"name\":\"a\",\"note\":\"{note}\"}}")
        };
        let input = format!("{}\n{}\n{}", line(LINE_BYTES_MAX), line(LINE_BYTES_MAX + 1), line(40));
        let (asks, mistakes) = lines(input.as_bytes());
        assert_eq!(asks, [1, 3]);
        assert!(mistakes[0].1.contains("16384 bytes"), "{mistakes:?}");
    }

    #[test]
    fn a_batch_has_an_end() {
        let input = "{}\n".repeat(LINES_MAX + 1);
        let wish = |_| Err(Failure::usage(FAILED));
        assert_eq!(read(&input.as_bytes()[3..], wish).expect("as many as may be").len(), LINES_MAX);
        assert!(matches!(read(input.as_bytes(), wish), Err(LinesError::TooMany)));
    }
}
