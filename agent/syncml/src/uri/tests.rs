use super::*;
use proptest::prelude::*;

fn uri(text: &str) -> Uri {
    text.parse().unwrap()
}

#[test]
fn the_two_spellings_of_an_address_are_one() {
    assert_eq!(uri("./A/B"), uri("A/B"));
    assert_eq!(uri("A/B").to_string(), "./A/B");
    assert_eq!(uri("."), Uri::root());
    assert_eq!(Uri::root().to_string(), ".");
    assert_eq!(uri("./A%2dB"), uri("A-B"));
    assert_eq!(uri("./a%20b%25").to_string(), "./a%20b%25");
    assert_eq!(uri("./%C3%A9").to_string(), "./é");
    assert_ne!(uri("./A"), uri("./a"));
}

#[test]
fn malformed_addresses_have_a_reason_and_a_status() {
    for (text, error, status) in [
        ("", UriError::Empty, 404),
        ("/A", UriError::LeadingSlash, 404),
        ("/", UriError::LeadingSlash, 404),
        ("./", UriError::TrailingSlash, 404),
        ("A/", UriError::TrailingSlash, 404),
        ("A//B", UriError::EmptyName, 404),
        (".//B", UriError::EmptyName, 404),
        ("././A", UriError::DotName, 404),
        ("A/./B", UriError::DotName, 404),
        ("../A", UriError::DotName, 404),
        ("A/%2e%2E", UriError::DotName, 404),
        ("A/b%2Fc", UriError::SlashInName, 404),
        ("A%", UriError::Escape, 400),
        ("A%2", UriError::Escape, 400),
        ("A%zz", UriError::Escape, 400),
        ("A%+1", UriError::Escape, 400),
        ("A%ff", UriError::Escape, 400),
        ("A%00", UriError::Character, 400),
        ("A\n", UriError::Character, 400),
        ("A?prop=ACL", UriError::Query, 404),
    ] {
        let got = Uri::parse(text, &UriLimits::default());
        assert_eq!(got, Err(error), "{text:?}");
        assert_eq!(error.status(), StatusCode(status), "{text:?}");
    }
}

#[test]
fn limits_count_names_and_characters() {
    let limits = UriLimits {
        depth: 2,
        total: 12,
        segment: 5,
    };
    let parse = |text| Uri::parse(text, &limits).map(|_| ());
    assert_eq!(parse("./A/B"), Ok(()));
    assert_eq!(parse("./A/B/C"), Err(UriError::TooDeep));
    assert_eq!(parse("ééééé/bbbbb"), Ok(()));
    assert_eq!(parse("./éé%20éé"), Ok(()));
    assert_eq!(parse("aaaaaa"), Err(UriError::NameTooLong));
    assert_eq!(parse("aaaaaa/bbbbbb"), Err(UriError::TooLong));
    assert_eq!(UriError::NameTooLong.status(), StatusCode::URI_TOO_LONG);
    let address = |text| Address::parse(text, &limits).map(|_| ());
    assert_eq!(address("A?prop=ACL"), Ok(()));
    assert_eq!(address("abcde?prop=ACL"), Err(UriError::TooLong));
}

#[test]
fn a_subtree_is_contiguous_and_begins_with_its_root() {
    let mut all: Vec<Uri> = [
        "A", "A/B", "A/B/C", "A-B", "A.B", "A B", "A!", "AB", "B", ".", "A/a",
    ]
    .into_iter()
    .map(uri)
    .collect();
    all.sort();
    for root in all.clone() {
        let inside: Vec<bool> = all.iter().map(|node| node.starts_with(&root)).collect();
        let first = inside.iter().position(|inside| *inside).unwrap();
        let count = inside.iter().filter(|inside| **inside).count();
        assert_eq!(all[first], root);
        assert!(
            inside[first..first + count].iter().all(|inside| *inside),
            "{root}"
        );
    }
}

#[test]
fn relations_between_addresses() {
    let node = uri("./A/B/C");
    assert_eq!(node.name(), Some("C"));
    assert_eq!(node.parent(), Some(uri("A/B")));
    assert_eq!(uri("A").parent(), Some(Uri::root()));
    assert_eq!(Uri::root().parent(), None);
    assert_eq!(Uri::root().name(), None);
    assert_eq!(node.segments().collect::<Vec<_>>(), ["A", "B", "C"]);
    assert_eq!((node.depth(), Uri::root().depth()), (3, 0));
    assert!(
        node.starts_with(&uri("A")) && node.starts_with(&node) && node.starts_with(&Uri::root())
    );
    assert!(!uri("AB").starts_with(&uri("A")) && !uri("A").starts_with(&node));
    assert!(node.is_child_of(&uri("A/B")) && !node.is_child_of(&uri("A")));
    assert!(uri("A").is_child_of(&Uri::root()) && !Uri::root().is_child_of(&Uri::root()));
    assert_eq!(node.rebase(&uri("A/B"), &uri("X")), Some(uri("X/C")));
    assert_eq!(node.rebase(&node, &uri("X")), Some(uri("X")));
    assert_eq!(node.rebase(&Uri::root(), &uri("X")), Some(uri("X/A/B/C")));
    assert_eq!(node.rebase(&uri("A"), &Uri::root()), Some(uri("B/C")));
    assert_eq!(node.rebase(&uri("B"), &uri("X")), None);
    assert_eq!(Uri::root().join("a/b"), Err(UriError::SlashInName));
    assert_eq!(uri("A").join("B%"), Ok(uri("A/B%25")));
}

#[test]
fn queries_are_told_apart() {
    let query = |text| Address::parse(text, &UriLimits::default()).unwrap().query;
    assert_eq!(query("./A"), None);
    assert_eq!(query("./A?prop=ACL"), Some(Query::Prop(Property::Acl)));
    assert_eq!(
        query("./A?prop=tstamp"),
        Some(Query::Prop(Property::TStamp))
    );
    assert_eq!(
        query("./A?prop=Colour"),
        Some(Query::UnknownProp("Colour".into()))
    );
    assert_eq!(query(".?list=Struct"), Some(Query::List(List::Struct)));
    assert_eq!(
        query("./A?list=StructData"),
        Some(Query::List(List::StructData))
    );
    assert_eq!(
        query("./A?list=TNDS"),
        Some(Query::List(List::Tnds(String::new())))
    );
    assert_eq!(
        query("./A?list=TNDS-ACL"),
        Some(Query::List(List::Tnds("-ACL".into())))
    );
    assert_eq!(
        query("./A?list=TNDSX"),
        Some(Query::List(List::Other("TNDSX".into())))
    );
    assert_eq!(query("./A?x=y"), Some(Query::Other("x=y".into())));
    for text in ["./A?", "./A?prop", "./A?prop=", "./A?=ACL"] {
        assert_eq!(
            Address::parse(text, &UriLimits::default()),
            Err(UriError::Query),
            "{text}"
        );
    }
}

#[test]
fn addresses_print_as_they_travel() {
    for text in [
        ".",
        "./A%3Fb",
        "./A?prop=VerNo",
        "./A?prop=Colour",
        ".?list=StructData",
        "./A?list=TNDS+Value",
        "./A?x=y",
    ] {
        let address = Address::parse(text, &UriLimits::default()).unwrap();
        assert_eq!(address.to_string(), text);
    }
}

fn name() -> impl Strategy<Value = String> {
    "[ -.0-~éß€\u{10348}]{1,8}".prop_filter("a name", |name| check_name(name).is_ok())
}

fn any_uri() -> impl Strategy<Value = Uri> {
    proptest::collection::vec(name(), 0..6).prop_map(|names| {
        let join = |uri: Uri, name: &String| uri.join(name).unwrap();
        names.iter().fold(Uri::root(), join)
    })
}

proptest! {
    #[test]
    fn any_address_round_trips(at in any_uri()) {
        let text = at.to_string();
        prop_assert_eq!(text.parse::<Uri>(), Ok(at.clone()));
        if let Some(short) = text.strip_prefix("./") {
            prop_assert_eq!(short.parse::<Uri>(), Ok(at.clone()));
        }
        prop_assert_eq!(at.depth(), at.segments().count());
        let rebuilt = at.parent().map_or(Uri::root(), |parent| parent.join(at.name().unwrap()).unwrap());
        prop_assert_eq!(rebuilt, at);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,40}|[./%?=A-F0-9a-z]{0,40}") {
        if let Ok(address) = Address::parse(&text, &UriLimits::default()) {
            prop_assert!(address.uri.check(&UriLimits::default()).is_ok());
            prop_assert_eq!(Address::parse(&address.to_string(), &UriLimits::NONE), Ok(address));
        }
    }

    #[test]
    fn order_keeps_subtrees_together(at in any_uri(), below in any_uri(), other in any_uri()) {
        let inside = below.rebase(&Uri::root(), &at).unwrap();
        prop_assert!(inside.starts_with(&at) && at <= inside);
        if !other.starts_with(&at) {
            prop_assert!(other < at || other > inside);
        }
        prop_assert_eq!(inside.rebase(&at, &Uri::root()), Some(below));
    }
}
