//! Tests of the orders of versions, by the rules that were published.

use core::cmp::Ordering;

use alloc::{format, string::String};

use proptest::prelude::*;

use super::*;

/// Each line is a pair and how its two stand to each other, read in both directions.
fn hold(scheme: Scheme, lines: &str) {
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        let [Some(one), Some(sign), Some(other)] = [words.next(), words.next(), words.next()] else {
            panic!("{line} is no pair")
        };
        let ordering = match sign {
            "<" => Ordering::Less,
            "=" => Ordering::Equal,
            ">" => Ordering::Greater,
            _ => panic!("{line} has no sign"),
        };
        assert_eq!(compare(scheme, one, other), ordering, "{line}");
        assert_eq!(compare(scheme, other, one), ordering.reverse(), "{line}, the other way round");
    }
}

/// Each one is older than all that follow.
fn ascend(scheme: Scheme, versions: &[&str]) {
    for (place, one) in versions.iter().enumerate() {
        for (behind, other) in versions.iter().enumerate() {
            assert_eq!(compare(scheme, one, other), place.cmp(&behind), "{one} and {other}");
        }
    }
}

/// The example of Debian policy §5.6.12.
#[test]
fn a_tilde_is_before_the_end_and_a_letter_behind_it() {
    ascend(Scheme::Debian, &["~~", "~~a", "~", "", "a"]);
}

/// deb-version(7): letters before whatever is none.
#[test]
fn letters_are_before_signs() {
    ascend(Scheme::Debian, &["1~", "1", "1A", "1Z", "1a", "1z", "1+", "1."]);
}

#[test]
fn an_epoch_counts_more_than_all_that_follows() {
    hold(
        Scheme::Debian,
        "
        1:0.1 > 2.0
        0:2.0 = 2.0
        00:2.0 = 2.0
        2:1 < 10:1
        1:2:3 > 1:2
        a:1 < b:1
        ",
    );
}

#[test]
fn a_revision_that_is_missing_is_zero() {
    hold(
        Scheme::Debian,
        "
        1.0 = 1.0-0
        1.0- = 1.0
        1.0 < 1.0-1
        1.0-0+deb12u1 > 1.0
        1.0-~ < 1.0
        1.0-1-2 > 1.0-1
        1.0-1-2 > 1.0-1+x
        ",
    );
}

#[test]
fn numbers_of_debian_have_any_length_and_leading_zeros_mean_nothing() {
    hold(
        Scheme::Debian,
        "
        1.010 = 1.10
        1.10 > 1.9
        18446744073709551616 > 18446744073709551615
        018446744073709551616 < 18446744073709551617
        1.99999999999999999999999999999999 < 1.100000000000000000000000000000000
        18446744073709551617:1 > 18446744073709551616:9
        ",
    );
}

#[test]
fn versions_of_real_packages_of_debian_follow_each_other() {
    ascend(
        Scheme::Debian,
        &[
            "2.36-9",
            "2.36-9+deb12u1",
            "2.36-9+deb12u10",
            "2.36-9.1",
            "2.37~rc1-1~bpo12+1",
            "2.37~rc1-1",
            "2.37-1~exp1",
            "2.37-1",
            "2.37+dfsg-1",
            "2.37.1-1",
            "1:1.0-1",
        ],
    );
}

/// From tests/rpmvercmp.at of rpm's source.
#[test]
fn segments_are_compared_as_rpm_does() {
    hold(
        Scheme::Rpm,
        "
        1.0 = 1.0
        1.0 < 2.0
        2.0.1 > 2.0
        2.0.1a > 2.0.1
        5.5p1 < 5.5p2
        5.5p1 < 5.5p10
        10xyz < 10.1xyz
        xyz10 < xyz10.1
        xyz.4 < 8
        xyz.4 < 2
        5.5p2 < 5.6p1
        5.6p1 < 6.5p1
        6.0.rc1 > 6.0
        10b2 > 10a1
        10a2 < 10b2
        1.0a < 1.0aa
        10.0001 = 10.1
        10.0001 < 10.0039
        4.999.9 < 5.0
        20101121 < 20101122
        2_0 = 2.0
        a+ = a_
        +a = _a
        +_ = _+
        + = _
        ",
    );
}

/// From the same file.
#[test]
fn a_tilde_is_before_a_version_and_a_caret_behind_it() {
    hold(
        Scheme::Rpm,
        "
        1.0~rc1 < 1.0
        1.0~rc1 < 1.0~rc2
        1.0~rc1~git123 < 1.0~rc1
        1.0^ > 1.0
        1.0^git1 > 1.0
        1.0^git1 < 1.0^git2
        1.0^git1 < 1.01
        1.0^20160101 < 1.0.1
        1.0^20160101^git1 > 1.0^20160101
        1.0^20160102 > 1.0^20160101^git1
        1.0~rc1^git1 > 1.0~rc1
        1.0^git1~pre < 1.0^git1
        ",
    );
}

/// rpm-version(7): left to right by component. `rpm.ver` of rpm says the same of a release that is missing.
#[test]
fn epoch_version_and_release_are_compared_one_after_the_other() {
    hold(
        Scheme::Rpm,
        "
        1:0.1-1 > 2.0-1
        0:2.0-1 = 2.0-1
        :2.0-1 = 2.0-1
        2.0-1 < 2.0-2
        2.0-10.el9 > 2.0-9.el9
        2.0-1.el9_4.1 > 2.0-1.el9_4
        2.0 < 2.0-0
        2.0-1~ < 2.0-1
        2.0^-1 > 2.0-1
        1-2-1 = 1.2-1
        18446744073709551617:1-1 > 18446744073709551616:1-1
        1.18446744073709551616-1 > 1.18446744073709551615-1
        ",
    );
}

/// From test/version.data of apk-tools.
#[test]
fn numbers_letters_suffixes_and_revisions_are_compared_as_apk_does() {
    hold(
        Scheme::Apk,
        "
        2.34 > 0.1.0_alpha
        0.1.0_alpha = 0.1.0_alpha
        0.1.0_alpha < 0.1.3_alpha
        0.1.0_alpha2 > 0.1.0_alpha
        2.2.39-r1 > 1.0.4-r3
        1.0.4-r3 < 1.0.4-r4
        1.0.4-r4 < 1.6
        1.0.2 > 0.7-r1
        1.1 > 1.1_alpha1
        1.2.1 > 1.2
        1.3_alpha2 < 1.3_alpha3
        3.10.18-r1 > 2.3.0b-r1
        2.3.0b-r1 < 2.3.0b-r2
        0.12.3 > 0.12
        0.13_beta5 > 0.9.12
        3.1_p16 < 3.1_p17
        1.06-r6 < 006
        006 > 1.0.0
        1.2.2-r1 > 1.2.2
        1.39 > 1.00_beta2
        1.1 > 1.0.3-r2
        4.2.52_p2-r1 < 4.2.52_p4-r2
        1.02.07 < 1.02.10-r1
        2.5.1-r8 < 2.5.1a-r1
        3.0.0-r2 < 021109-r3
        6b-r7 > 1.12-r7
        0.9.8c-r1 < 0.9.8d
        013 < 014-r1
        1.7 < 1.7b
        1.8.5 < 1.8.5_p2
        104-r11 > 104-r9
        7.0.17 < 7.0.174
        1.3-r0 < 1.3.1-r0
        1.3_pre1-r1 < 1.3.2
        1.0_p10-r0 > 1.0_p9-r0
        0.1.0_alpha_pre2 < 0.1.0_alpha
        1.0.0_pre20191002222144-r0 < 1.0.0_pre20210530193627-r0
        ",
    );
}

/// apk-package(5) lists them in this order.
#[test]
fn the_suffixes_of_alpine_have_their_order() {
    ascend(
        Scheme::Apk,
        &[
            "1_alpha", "1_beta", "1_beta2", "1_pre", "1_rc", "1_rc1", "1", "1-r0", "1-r1", "1~ab", "1~ab-r1",
            "1_cvs", "1_svn", "1_git", "1_hg", "1_p", "1_p1", "1_p1_p", "1a", "1.0", "1.1",
        ],
    );
}

/// src/version.c of apk-tools 3: the first number is one, whatever its zeros; a later one that begins with a zero is text.
#[test]
fn a_leading_zero_makes_a_fraction_of_any_number_but_the_first() {
    hold(
        Scheme::Apk,
        "
        01.1 = 1.1
        1.10 > 1.9
        1.09 < 1.1
        1.09 > 1.010
        1.01 < 1.010
        1.0 < 1.00
        1_p01 = 1_p1
        1-r01 = 1-r1
        18446744073709551616 > 18446744073709551615
        1.18446744073709551617 > 1.18446744073709551616
        ",
    );
}

#[test]
fn what_is_no_version_of_alpine_is_older_than_what_goes_on_there() {
    hold(
        Scheme::Apk,
        "
        1.0bc < 1.0b
        1.0bc = 1.0bd
        1_foo < 1
        1_foo > 1_rc
        1. < 1
        1-r < 1
        1~ < 1
        1~XY < 1
        1-1 < 1
        1a1 < 1a
        x = y
        x < 0
        ",
    );
    assert_eq!(compare(Scheme::Apk, "", "1"), Ordering::Less);
}

/// The same of every scheme: what cannot be a version is no reason to fail.
#[test]
fn bytes_of_strangers_have_an_order() {
    for scheme in [Scheme::Debian, Scheme::Rpm, Scheme::Apk] {
        for odd in ["", "-", ":", "~", "^", "_", "é", "\0", "1\u{1b}[2J", "-r", "::", "--", "1-", ":-:"] {
            assert_eq!(compare(scheme, odd, odd), Ordering::Equal, "{odd:?}");
            assert_eq!(compare(scheme, odd, "1"), compare(scheme, "1", odd).reverse(), "{odd:?}");
        }
        let long = "1.".repeat(1 << 16);
        assert_eq!(compare(scheme, &long, &format!("{long}1")), Ordering::Less);
    }
}

/// Proper ones, nearly proper ones and any.
fn version() -> impl Strategy<Value = String> {
    prop_oneof![
        "([0-2]:)?[0-2]{1,2}(\\.[0-2]{1,2}){0,2}[a-b]?(~rc[0-2])?(-[0-2])?",
        "[0-2]{1,2}(\\.[0-2]{1,2}){0,2}[a-b]?(_(alpha|rc|p)[0-2]?){0,2}(~[ab]{1,2})?(-r[0-2])?",
        "[01a~^.+:_-]{0,6}",
        "\\PC{0,5}",
        any::<String>(),
    ]
}

fn is_total(scheme: Scheme, [one, two, three]: [&str; 3]) -> Result<(), TestCaseError> {
    let order = |one, other| compare(scheme, one, other);
    prop_assert_eq!(order(one, one), Ordering::Equal);
    prop_assert_eq!(order(one, two), order(two, one).reverse());
    if order(one, two).is_le() && order(two, three).is_le() {
        prop_assert!(order(one, three).is_le(), "{one:?} <= {two:?} <= {three:?}");
    }
    if order(one, two).is_eq() {
        prop_assert_eq!(order(one, three), order(two, three));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn the_order_of_debian_is_total(one in version(), two in version(), three in version()) {
        is_total(Scheme::Debian, [&one, &two, &three])?;
    }

    #[test]
    fn the_order_of_rpm_is_total(one in version(), two in version(), three in version()) {
        is_total(Scheme::Rpm, [&one, &two, &three])?;
    }

    #[test]
    fn the_order_of_apk_is_total(one in version(), two in version(), three in version()) {
        is_total(Scheme::Apk, [&one, &two, &three])?;
    }
}
