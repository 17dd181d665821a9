//! The values of a row of SQLite (<https://www.sqlite.org/fileformat.html#record_format>).

/// A value that is read: what is empty or a fraction is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::packages) enum Value<'r> {
    /// A number.
    Number(i64),
    /// A text or a blob.
    Bytes(&'r [u8]),
}

/// The longest number of seven bits a byte; its ninth has eight.
const VARINT_BYTES_MAX: usize = 9;

/// The value of a column, counted from 0; `None` where it is not there, or of no kind that is read.
pub(in crate::packages) fn column(row: &[u8], place: usize) -> Option<Value<'_>> {
    let (head_bytes, rest) = varint(row)?;
    let (head, mut values) = row.split_at_checked(usize::try_from(head_bytes).ok()?)?;
    let mut kinds = head.get(row.len().checked_sub(rest.len())?..)?;
    for _ in 0..place {
        let (kind, rest) = varint(kinds)?;
        values = values.get(bytes(kind)?..)?;
        kinds = rest;
    }
    let (kind, _) = varint(kinds)?;
    value(kind, values.get(..bytes(kind)?)?)
}

/// How many bytes a value of this kind takes.
fn bytes(kind: i64) -> Option<usize> {
    match kind {
        0 | 8 | 9 => Some(0),
        1..=4 => usize::try_from(kind).ok(),
        5 => Some(6),
        6 | 7 => Some(8),
        12.. => usize::try_from((kind - 12) / 2).ok(),
        _ => None,
    }
}

fn value(kind: i64, bytes: &[u8]) -> Option<Value<'_>> {
    match kind {
        1..=6 => {
            let sign = if bytes.first()? & 0x80 == 0 { 0 } else { -1 };
            Some(Value::Number(bytes.iter().fold(sign, |number, &byte| number << 8 | i64::from(byte))))
        }
        8 => Some(Value::Number(0)),
        9 => Some(Value::Number(1)),
        12.. => Some(Value::Bytes(bytes)),
        _ => None,
    }
}

/// A number of one to nine bytes, and what follows it.
pub(super) fn varint(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let mut number = 0_i64;
    for (at, &byte) in bytes.iter().enumerate().take(VARINT_BYTES_MAX) {
        let is_last = at + 1 == VARINT_BYTES_MAX;
        number = if is_last { number << 8 | i64::from(byte) } else { number << 7 | i64::from(byte & 0x7f) };
        if is_last || byte & 0x80 == 0 {
            return Some((number, bytes.get(at + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_seven_bits_a_byte_and_eight_in_its_ninth() {
        for (bytes, number) in [
            (&b"\x00"[..], 0),
            (b"\x7f", 127),
            (b"\x81\x00", 128),
            (b"\x82\x80\x01", 32_769),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff", -1),
            (b"\xbf\xff\xff\xff\xff\xff\xff\xff\xff", i64::MAX),
            (b"\xc0\x80\x80\x80\x80\x80\x80\x80\x00", i64::MIN),
        ] {
            assert_eq!(varint(bytes), Some((number, &b""[..])), "{bytes:x?}");
        }
        assert_eq!(varint(b"\x05\x06"), Some((5, &b"\x06"[..])));
        for bytes in [&b""[..], b"\x80", b"\xff\xff\xff\xff\xff\xff\xff\xff"] {
            assert_eq!(varint(bytes), None, "{bytes:x?}");
        }
    }

    #[test]
    fn each_kind_of_value_is_read() {
        // Of each kind one: nothing, -1 in one byte, 258 in two, zero and one in none, a text, a blob.
        let row = b"\x08\x00\x01\x02\x08\x09\x11\x10\xff\x01\x02abAB";
        let numbers = [None, Some(-1), Some(258), Some(0), Some(1)];
        for (place, number) in numbers.into_iter().enumerate() {
            assert_eq!(column(row, place), number.map(Value::Number), "{place}");
        }
        assert_eq!(column(row, 5), Some(Value::Bytes(b"ab")));
        assert_eq!(column(row, 6), Some(Value::Bytes(b"AB")));
        assert_eq!(column(row, 7), None);
    }

    #[test]
    fn numbers_of_every_width_keep_their_sign() {
        for (kind, width) in [(1, 1), (2, 2), (3, 3), (4, 4), (5, 6), (6, 8)] {
            let row = |byte: u8| [&[2, kind][..], &[byte; 8][..width]].concat();
            assert_eq!(column(&row(0xff), 0), Some(Value::Number(-1)));
            let positive = u64::from_be_bytes([1; 8]) >> (64 - 8 * width);
            assert_eq!(column(&row(1), 0), Some(Value::Number(positive.try_into().unwrap())));
            assert_eq!(column(&row(1)[..width + 1], 0), None, "cut");
        }
    }

    #[test]
    fn a_row_that_lies_about_its_head_has_no_values() {
        for row in [&b""[..], b"\x00", b"\x01", b"\x09\x01", b"\x02\x0a", b"\x02\x17abcd", b"\x80"] {
            assert_eq!(column(row, 0), None, "{row:x?}");
        }
    }
}
