use super::*;
use proptest::prelude::*;
use serde_json::json;

fn nano(text: &str) -> i128 {
    Quantity::parse(text).unwrap().nano
}

#[test]
fn reads_every_suffix() {
    for (text, expected) in [
        ("0", 0),
        ("5n", 5),
        ("5u", 5_000),
        ("250m", 250_000_000),
        ("0.5", 500_000_000),
        (".5", 500_000_000),
        ("1.", NANO),
        ("+1", NANO),
        ("-1.5", -1_500_000_000),
        ("1k", 1_000 * NANO),
        ("2M", 2_000_000 * NANO),
        ("1G", 1_000_000_000 * NANO),
        ("1T", 1_000_000_000_000 * NANO),
        ("1P", 1_000_000_000_000_000 * NANO),
        ("1E", 1_000_000_000_000_000_000 * NANO),
        ("1Ki", 1024 * NANO),
        ("512Mi", 512 * 1024 * 1024 * NANO),
        ("1.5Gi", 1536 * 1024 * 1024 * NANO),
        ("0.1Ki", 102_400_000_000),
        ("1e3", 1_000 * NANO),
        ("1E3", 1_000 * NANO),
        ("1e+3", 1_000 * NANO),
        ("12e-1", 1_200_000_000),
        ("0012", 12 * NANO),
    ] {
        assert_eq!(nano(text), expected, "{text}");
    }
}

#[test]
fn refuses_what_the_api_server_refuses() {
    for text in [
        "", " 1", "1 ", "1Mb", "1mi", "1i", "1ki", "1K", "0.1am", "aoeu", "1+1.0M", "1.1.M", "-3.01e-", "1e", "١", "1e1.5", "--1",
    ] {
        assert_eq!(Quantity::parse(text), None, "{text:?}");
    }
}

#[test]
fn rounds_up_below_a_billionth_and_caps_above_the_range() {
    assert_eq!(nano("0.1n"), 1);
    assert_eq!(nano("-0.1n"), -1);
    assert_eq!(nano("1e-400"), 1);
    assert_eq!(nano("0e-400"), 0);
    assert_eq!(nano("1.0000000001"), NANO + 1);
    assert_eq!(nano("0.0000000001Ki"), 103);
    assert_eq!(nano("16Ei"), MAX_BINARY);
    assert_eq!(nano("1e9999999999999"), i128::MAX);
    assert_eq!(Quantity::parse("1e99999999999999999999"), None);
    let lowest = Quantity::parse("-1e400").unwrap();
    assert!(lowest.plus(lowest).minus(Quantity::parse("1e400").unwrap()).to_string().starts_with('-'));
}

#[test]
fn shows_what_people_write() {
    for (text, shown, exact) in [
        ("512Mi", "512Mi", "512Mi"),
        ("250m", "250m", "250m"),
        ("0.5", "500m", "500m"),
        ("1.5Gi", "1536Mi", "1536Mi"),
        ("1024Mi", "1Gi", "1Gi"),
        ("1000m", "1", "1"),
        ("16393036Ki", "15.63Gi", "16393036Ki"),
        ("15890m", "15.89", "15890m"),
        ("1023999999n", "1.02", "1023999999n"),
        ("9999999Ki", "9.54Gi", "9999999Ki"),
        ("20000000001n", "20", "20000000001n"),
        ("100Ki", "100Ki", "100Ki"),
        ("-16393036Ki", "-15.63Gi", "-16393036Ki"),
        ("0Mi", "0", "0"),
        ("1e6", "1M", "1M"),
    ] {
        let quantity = Quantity::parse(text).unwrap();
        assert_eq!(quantity.to_string(), shown, "{text}");
        assert_eq!(quantity.canonical(), exact, "{text}");
    }
}

#[test]
fn reads_numbers_and_ignores_garbage() {
    assert_eq!(Quantity::read(&json!(2)), Quantity::parse("2"));
    assert_eq!(Quantity::read(&json!(0.5)), Quantity::parse("500m"));
    assert_eq!(Quantity::read(&json!("500m")), Quantity::parse("0.5"));
    for garbage in [json!(null), json!(true), json!([]), json!({}), json!("lots")] {
        assert_eq!(Quantity::read(&garbage), None);
    }
}

#[test]
fn counts_as_the_scheduler_does() {
    assert_eq!(Quantity::parse("100100u").unwrap().round_up_to_milli(), Quantity::parse("101m").unwrap());
    assert_eq!(Quantity::parse("128974848100m").unwrap().round_up_to_whole(), Quantity::whole(128_974_849));
    assert_eq!(Quantity::parse("-1500m").unwrap().round_up_to_whole(), Quantity::whole(-1));
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC*") {
        if let Some(quantity) = Quantity::parse(&text) {
            prop_assert!(!quantity.to_string().is_empty());
        }
    }

    #[test]
    fn never_panics_on_what_looks_like_a_quantity(text in "[+-]?[0-9.]{0,60}[eEinumkKMGTP]{0,2}[-+]?[0-9]{0,25}") {
        if let Some(quantity) = Quantity::parse(&text) {
            prop_assert!(!quantity.plus(quantity).minus(quantity).round_up_to_whole().to_string().is_empty());
        }
    }

    #[test]
    fn canonical_round_trips(number in -999_999_999_i64..999_999_999, suffix in "n|u|m||k|M|G|T|P|Ki|Mi|Gi|Ti|Pi") {
        let quantity = Quantity::parse(&format!("{number}{suffix}")).unwrap();
        prop_assert_eq!(Quantity::parse(&quantity.canonical()), Some(quantity));
    }

    #[test]
    fn order_is_that_of_the_numbers(a in -1_000_000_000_i64..1_000_000_000, b in -1_000_000_000_i64..1_000_000_000) {
        let read = |number: i64| Quantity::parse(&format!("{number}m")).unwrap();
        prop_assert_eq!(read(a).cmp(&read(b)), a.cmp(&b));
        prop_assert_eq!(read(a).plus(read(b)), read(a + b));
        prop_assert_eq!(read(a).minus(read(b)), read(a - b));
    }

    #[test]
    fn decimals_are_exact(whole in 0_u32..1_000_000, fraction in 0_u32..1_000_000_000) {
        prop_assert_eq!(nano(&format!("{whole}.{fraction:09}")), i128::from(whole) * NANO + i128::from(fraction));
    }
}
