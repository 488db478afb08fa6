use super::*;
use proptest::prelude::*;

const VENDOR: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE MgmtTree PUBLIC " -//OMA//DTD-DM-DDF 1.2//EN"
  "http://www.openmobilealliance.org/tech/DTD/DM_DDF-V1_2.dtd"
  [<?oma-dm-ddf-ver supported-versions="1.2"?>]>
<MgmtTree xmlns:MSFT="http://schemas.microsoft.com/MobileDevice/DM">
  <VerDTD>1.2</VerDTD>
  <MSFT:Diagnostics><Node><NodeName>/bad/</NodeName></Node></MSFT:Diagnostics>
  <Node>
    <NodeName>Lamp</NodeName>
    <Path>./Vendor/Example</Path>
    <DFProperties>
      <AccessType><Get/></AccessType>
      <Description>The lamp &amp; <![CDATA[its <switch>]]></Description>
      <DFFormat><node/></DFFormat>
      <Occurrence><One/></Occurrence>
      <Scope><Permanent/></Scope>
      <DFType><MIME/></DFType>
      <MSFT:Applicability><MSFT:OsBuildVersion>10.0</MSFT:OsBuildVersion></MSFT:Applicability>
    </DFProperties>
    <Node>
      <NodeName></NodeName>
      <DFProperties>
        <AccessType><Add/><Delete/><Get/><Replace/></AccessType>
        <DefaultValue></DefaultValue>
        <DFFormat><int/></DFFormat>
        <Occurrence><ZeroOrN>16</ZeroOrN></Occurrence>
        <Scope><Dynamic/></Scope>
        <DFTitle>Level</DFTitle>
        <DFType><DDFName/></DFType>
        <CaseSense><CIS/></CaseSense>
      </DFProperties>
    </Node>
  </Node>
</MgmtTree>"#;

#[test]
fn a_description_with_foreign_elements_is_read() {
    let ddf = Ddf::parse("lamp.xml", VENDOR).unwrap();
    let [lamp] = ddf.nodes.as_slice() else {
        panic!("one top node")
    };
    assert_eq!(lamp.name.as_deref(), Some("Lamp"));
    assert_eq!(lamp.path.as_ref().unwrap().to_string(), "./Vendor/Example");
    assert_eq!(lamp.description.as_deref(), Some("The lamp & its <switch>"));
    assert_eq!(lamp.scope, Scope::Permanent);
    assert_eq!(lamp.types, NodeType::DdfName(String::new()));
    let [level] = lamp.children.as_slice() else {
        panic!("one node below")
    };
    assert_eq!(level.name, None);
    assert_eq!((level.format, level.default.clone()), (Format::Int, None));
    assert_eq!(level.occurrence, Occurrence::ZeroOrN(16));
    assert_eq!(level.types, NodeType::Mime(Vec::new()));
    assert_eq!(level.case_sense, Some(CaseSense::Insensitive));
    assert!(
        level
            .access
            .allows(AccessType::ADD.with(AccessType::REPLACE))
    );
    assert!(!level.access.allows(AccessType::EXEC));
}

#[test]
fn what_is_written_reads_back_the_same() {
    let ddf = Ddf::parse("lamp.xml", VENDOR).unwrap();
    assert_eq!(Ddf::parse("lamp.xml", &ddf.to_xml()), Ok(ddf));
}

/// A leaf with one element of the usual text replaced by another.
fn altered(from: &str, to: &str) -> String {
    let usual = "<MgmtTree>
<VerDTD>1.2</VerDTD>
<Node>
<NodeName>A</NodeName>
<DFProperties>
<AccessType><Get/></AccessType>
<DFFormat><node/></DFFormat>
</DFProperties>
<Node>
<NodeName>B</NodeName>
<DFProperties>
<AccessType><Get/></AccessType>
<DFFormat><int/></DFFormat>
</DFProperties>
</Node>
</Node>
</MgmtTree>";
    let (head, tail) = usual.rsplit_once(from).unwrap();
    format!("{head}{to}{tail}")
}

const FAULTS: &[(&str, &str, &str)] = &[
    (
        "<int/>",
        "<long/>",
        "f.xml:13: node ./A/B: DFFormat cannot be \"long\"",
    ),
    ("<int/>", "", "f.xml:13: node ./A/B: DFFormat is missing"),
    (
        "<int/>",
        "<int/><chr/>",
        "f.xml:13: node ./A/B: chr does not belong here",
    ),
    (
        "<Get/>",
        "<Put/>",
        "f.xml:12: node ./A/B: Put does not belong here",
    ),
    (
        "<NodeName>B</NodeName>",
        "",
        "f.xml:9: node ./A: NodeName is missing",
    ),
    (
        "<NodeName>B</NodeName>",
        "<NodeName>B/C</NodeName>",
        "f.xml:10: node ./A: NodeName cannot be \"B/C\"",
    ),
    (
        "<NodeName>B</NodeName>",
        "<NodeName>B</NodeName><NodeName>B</NodeName>",
        "f.xml:10: node ./A/B: NodeName stands twice",
    ),
    (
        "<NodeName>B</NodeName>",
        "<NodeName>B</NodeName><Path>.</Path>",
        "f.xml:10: node ./A: Path of a nested node does not belong here",
    ),
    (
        "</DFProperties>",
        "<DefaultValue>x</DefaultValue></DFProperties>",
        "f.xml:14: node ./A/B: DefaultValue cannot be \"x\"",
    ),
    (
        "</DFProperties>",
        "<Occurrence><ZeroOrN>1</ZeroOrN></Occurrence></DFProperties>",
        "f.xml:14: node ./A/B: Occurrence cannot be \"1\"",
    ),
    (
        "</DFProperties>",
        "<Scope/></DFProperties>",
        "f.xml:14: node ./A/B: Scope is missing",
    ),
    (
        "</DFProperties>",
        "<DFType><DDFName>x</DDFName></DFType></DFProperties>",
        "f.xml:14: node ./A/B: DDFName of a leaf does not belong here",
    ),
    (
        "</DFProperties>",
        "</DFProperties><RTProperties><ACL>Get</ACL></RTProperties>",
        "f.xml:14: node ./A/B: ACL cannot be \"Get\"",
    ),
    (
        "</DFProperties>",
        "</DFProperties><Node/>",
        "f.xml:14: node ./A/B: a leaf has nodes below it; give it DFFormat node",
    ),
    (
        "</Node>\n</MgmtTree>",
        "<Value>1</Value></Node></MgmtTree>",
        "f.xml:16: node ./A: a node with DFFormat node cannot have a value",
    ),
    ("1.2", "2.0", "f.xml:2: VerDTD cannot be \"2.0\""),
    ("<MgmtTree>", "<Tree>", "f.xml:17: not well-formed XML"),
    (
        "</MgmtTree>",
        "</MgmtTree><MgmtTree/>",
        "f.xml:17: expected one root element, MgmtTree",
    ),
    ("</MgmtTree>", "", "not well-formed XML"),
    (
        "<int/>",
        "&lol;",
        "f.xml:13: not well-formed XML: entity &lol; is not defined",
    ),
    ("<int/>", "&#1;", "f.xml:13: not well-formed XML"),
];

#[test]
fn faults_name_file_line_and_node() {
    assert!(Ddf::parse("f.xml", &altered("<int/>", "<int/>")).is_ok());
    for (from, to, message) in FAULTS {
        let error = Ddf::parse("f.xml", &altered(from, to)).expect_err(to);
        let text = error.to_string();
        assert!(text.contains(message), "{from} -> {to}: {text}");
    }
    assert_eq!(
        Ddf::parse("f.xml", "").unwrap_err().to_string(),
        "f.xml:1: expected one root element, MgmtTree"
    );
}

#[test]
fn two_nodes_at_one_place_are_refused() {
    let node = |name: &str, format: &str| {
        format!(
            "<Node><NodeName>{name}</NodeName><DFProperties><AccessType/><DFFormat><{format}/></DFFormat></DFProperties></Node>"
        )
    };
    let parse = |below: String| {
        let top = node("A", "node").replace("</Node>", &format!("{below}</Node>"));
        Ddf::parse(
            "f.xml",
            &format!("<MgmtTree><VerDTD>1.2</VerDTD>{top}</MgmtTree>"),
        )
        .map_err(|error| error.reason)
    };
    assert!(parse(node("B", "chr") + &node("C", "chr")).is_ok());
    assert_eq!(
        parse(node("B", "chr") + &node("B", "int")),
        Err(DdfReason::Duplicate("B".into()))
    );
    assert_eq!(
        parse(node("", "chr") + &node("", "chr")),
        Err(DdfReason::Duplicate("<X>".into()))
    );
    // A free subtree has leaves and interior nodes of any name.
    assert!(parse(node("", "chr") + &node("", "node")).is_ok());
}

/// One node with these elements in its description.
fn one_node(name: &str, path: &str, type_: &str) -> String {
    format!(
        "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<MgmtTree>\r\n<VerDTD>1.2</VerDTD>\r\n<Node>\r\n\
         <NodeName>{name}</NodeName><Path>{path}</Path><DFProperties><AccessType><Get />\r\n</AccessType>\
         <DFFormat>\r\n<node />\r\n</DFFormat><DFType>{type_}</DFType></DFProperties></Node></MgmtTree>"
    )
}

#[test]
fn the_ways_that_vendors_write_are_read() {
    let read = |name, path, type_| {
        let ddf = Ddf::parse("v.xml", &one_node(name, path, type_)).unwrap();
        let node = ddf.nodes.into_iter().next().unwrap();
        (
            node.name,
            node.path.unwrap_or_default().to_string(),
            node.types,
        )
    };
    let named = |name: &str| NodeType::DdfName(name.to_owned());
    // A path with a slash at its end, and the identifier of an interior node in MIME.
    assert_eq!(
        read("A", "./Vendor/MSFT/", "<MIME>com.x/1.0/A</MIME>"),
        (
            Some("A".into()),
            "./Vendor/MSFT".into(),
            named("com.x/1.0/A")
        )
    );
    // A star for a name that is given at run time.
    assert_eq!(read("*", ".", "<MIME />"), (None, ".".into(), named("")));
    assert_eq!(read("", "./", "<DDFName />"), (None, ".".into(), named("")));
    assert_eq!(
        read("", "", "<DDFName>x</DDFName><MIME>y</MIME>"),
        (None, ".".into(), named("x"))
    );
    let fault = Ddf::parse("v.xml", &one_node("A", "/A", "")).unwrap_err();
    assert_eq!(fault.to_string(), "v.xml:5: Path cannot be \"/A\"");
}

#[test]
fn deep_and_wide_documents_are_bounded() {
    let deep = "<MgmtTree>".repeat(100_000);
    assert_eq!(
        Ddf::parse("f.xml", &deep).unwrap_err().reason,
        DdfReason::TooDeep
    );
    let wide = format!("<MgmtTree>{}</MgmtTree>", "<A/>".repeat(100_001));
    assert_eq!(
        Ddf::parse("f.xml", &wide).unwrap_err().reason,
        DdfReason::TooManyElements
    );
    let foreign = format!("<MgmtTree>{}", "<x:A>".repeat(99_000));
    assert!(Ddf::parse("f.xml", &foreign).is_err());
}

#[test]
fn entities_of_the_document_are_never_expanded() {
    let bomb = "<!DOCTYPE MgmtTree [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><MgmtTree><VerDTD>&b;</VerDTD></MgmtTree>";
    let error = Ddf::parse("f.xml", bomb).unwrap_err().to_string();
    assert!(error.contains("entity &b; is not defined"), "{error}");
}

#[test]
fn paths_of_descriptions_have_placeholders() {
    let path: DdfPath = "./Trap/<X>/State".parse().unwrap();
    assert_eq!(
        path.segments().collect::<Vec<_>>(),
        [Some("Trap"), None, Some("State")]
    );
    assert_eq!(path.to_string(), "./Trap/<X>/State");
    assert_eq!("Trap/<any>/State".parse(), Ok(path));
    assert_eq!(".".parse(), Ok(DdfPath::default()));
    assert_eq!("./A%20b".parse::<DdfPath>().unwrap().to_string(), "./A%20b");
    assert_eq!("/A".parse::<DdfPath>(), Err(UriError::LeadingSlash));
}

fn text() -> impl Strategy<Value = String> {
    "[ -~é€]{0,12}".prop_map(|text| text.trim().to_owned())
}

fn formatted_value() -> impl Strategy<Value = (Format, Option<String>)> {
    prop_oneof![
        (Just(Format::Chr), proptest::option::of(text())),
        Just((Format::Int, Some("-7".to_owned()))),
        Just((Format::Bool, Some("true".to_owned()))),
        Just((Format::Bin, Some("AAH/".to_owned()))),
        Just((Format::Null, Some(String::new()))),
        Just((Format::Float, None)),
        Just((Format::Date, Some("20010711".to_owned()))),
    ]
}

prop_compose! {
    fn leaf_node()(
        // A name in angle brackets is a placeholder.
        name in proptest::option::of("[!-.0-;=?-~]{3,8}"),
        access in 0u8..64,
        (format, default) in formatted_value(),
        description in proptest::option::of(text()),
        occurrence in prop_oneof![
            Just(Occurrence::One), Just(Occurrence::ZeroOrOne), Just(Occurrence::ZeroOrMore),
            Just(Occurrence::OneOrMore), (2u32..65536).prop_map(Occurrence::ZeroOrN),
            (2u32..65536).prop_map(Occurrence::OneOrN),
        ],
        permanent in any::<bool>(),
        title in proptest::option::of(text()),
        types in proptest::collection::vec("[a-z]{1,5}/[a-z]{1,5}", 0..3),
        case_sense in proptest::option::of(prop_oneof![Just(CaseSense::Sensitive), Just(CaseSense::Insensitive)]),
        acl in prop_oneof![Just(""), Just("Get=*"), Just("Add=a+b&Replace=c")],
        with_properties in any::<bool>(),
    ) -> DdfNode {
        let listed = vec![
            (Property::Acl, acl.to_owned()),
            (Property::Format, format.to_string()),
            (Property::Type, "text/plain".to_owned()),
            (Property::VerNo, String::new()),
        ];
        let run_time = RunTimeProperties { acl: Acl::parse(acl).unwrap(), listed };
        DdfNode {
            name, path: None, run_time: with_properties.then_some(run_time), access: AccessType(access),
            value: default.clone(), default, description, format, occurrence,
            scope: if permanent { Scope::Permanent } else { Scope::Dynamic },
            title, types: NodeType::Mime(types), case_sense, children: Vec::new(),
        }
    }
}

fn interior(mut node: DdfNode, children: Vec<DdfNode>) -> DdfNode {
    let mut seen = std::collections::BTreeSet::new();
    node.format = Format::Node;
    node.default = None;
    node.value = None;
    node.run_time = None;
    node.types = NodeType::DdfName("urn:oma:mo:x:1.0".to_owned());
    node.children = children;
    node.children
        .retain(|child| seen.insert((child.name.clone(), child.format.as_str())));
    let mut named = std::collections::BTreeSet::new();
    node.children
        .retain(|child| child.name.is_none() || named.insert(child.name.clone()));
    node
}

fn node() -> impl Strategy<Value = DdfNode> {
    leaf_node().prop_recursive(3, 24, 4, |inner| {
        (leaf_node(), proptest::collection::vec(inner, 0..4))
            .prop_map(|(node, children)| interior(node, children))
    })
}

proptest! {
    #[test]
    fn any_description_round_trips(nodes in proptest::collection::vec(node(), 1..3), man in proptest::option::of(text())) {
        let ddf = Ddf {
            document: "any.xml".to_owned(), ver_dtd: "1.2".to_owned(), man, model: None,
            nodes: nodes.into_iter().map(|node| DdfNode { path: "./a/<X>".parse().ok(), ..node }).collect(),
        };
        prop_assert_eq!(Ddf::parse("any.xml", &ddf.to_xml()), Ok(ddf));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        let _ = Ddf::parse("any.xml", &text);
    }

    #[test]
    fn no_mutation_makes_the_reader_panic(at in 0usize..VENDOR.len(), cut in 0usize..20, put in "[<>/&;!\\[\\]A-Za-z\"= ]{0,6}") {
        let from = (0..=at).rev().find(|at| VENDOR.is_char_boundary(*at)).unwrap_or(0);
        let to = (from + cut).min(VENDOR.len());
        let mutated = format!("{}{put}{}", &VENDOR[..from], VENDOR.get(to..).unwrap_or_default());
        if let Ok(ddf) = Ddf::parse("any.xml", &mutated) {
            prop_assert_eq!(Ddf::parse("any.xml", &ddf.to_xml()), Ok(ddf));
        }
    }
}
