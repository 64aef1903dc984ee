//! XML: well-formed documents pass, everything doubtful is refused and named.

use lgsp_kernel::bounds::{XML_ATTRIBUTES_MAX, XML_DEPTH_MAX};
use lgsp_wire::xml::{self, NAMESPACES_MAX, XmlError};
use proptest::prelude::*;

fn refusal(document: impl AsRef<[u8]>) -> XmlError {
    let document = document.as_ref();
    xml::guard(document).expect_err(&String::from_utf8_lossy(document)).what
}

#[test]
fn well_formed_documents_pass() {
    for document in [
        "<a/>",
        "<a></a >",
        "\u{feff}<a/>",
        "<?xml version=\"1.0\"?><a/>",
        "<?xml version='1.0' encoding='utf-8' standalone='yes' ?>\r\n<!-- x - y --><a/><!----><?t?>\n",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><a b='1' c=\"2 > 1 'q'\"\n d = ''/>",
        "<?xml-stylesheet href='x'?><a/>",
        "<a>&amp;&lt;&gt;&quot;&apos;&#x1EA3;&#7843;&#000065;</a>",
        "<a><![CDATA[<!DOCTYPE x> & ]] > ]]]]><![CDATA[>]]></a>",
        "<họTên quốcTịch='Việt Nam'>Nguyễn Thị Ánh</họTên>",
        "<p:a xmlns:p='urn:x' p:b='1' b='2'><c xmlns='urn:y'><d xmlns=''/></c></p:a>",
        "<a xmlns:p='urn:x'><p:b xmlns:p='urn:y' xmlns:q='urn:x' p:c='' q:c=''/><p:b/></a>",
        "<a xml:lang='vi' xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
        "<a>]] ></a>",
    ] {
        assert_eq!(xml::guard(document.as_bytes()), Ok(()), "{document}");
    }
}

#[test]
fn a_doctype_is_refused_before_anything_in_it_is_read() {
    let laughs = "<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]><l>&b;</l>";
    let external = "<?xml version='1.0'?><!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>";
    for document in
        [laughs, external, "<!doctype a><a/>", "<a/><!DOCTYPE a>", "<a><!DOCTYPE a></a>", "<!DOCTYPE"]
    {
        assert_eq!(refusal(document), XmlError::Doctype, "{document}");
    }
}

#[test]
fn only_the_five_entities_and_character_references_pass() {
    assert_eq!(refusal("<a>&xxe;</a>"), XmlError::Entity("xxe".into()));
    assert_eq!(refusal("<a b='&nbsp;'/>"), XmlError::Entity("nbsp".into()));
    for text in [
        "&",
        "& ",
        "&;",
        "&amp",
        "&#;",
        "&#x;",
        "&#0;",
        "&#x0;",
        "&#xD800;",
        "&#x110000;",
        "&#+65;",
        "&#X41;",
        "&#xFFFE;",
        "&#8;",
        "&1;",
        "&a b;",
        "&#99999999999;",
    ] {
        assert_eq!(refusal(format!("<a>{text}</a>")), XmlError::Reference, "{text}");
        assert_eq!(refusal(format!("<a b='{text}'/>")), XmlError::Reference, "{text}");
    }
}

#[test]
fn bounds_are_exact() {
    let nested = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
    assert_eq!(xml::guard(nested(XML_DEPTH_MAX).as_bytes()), Ok(()));
    assert_eq!(refusal(nested(XML_DEPTH_MAX + 1)), XmlError::Depth);
    assert_eq!(refusal("<a>".repeat(1_000_000)), XmlError::Depth);

    let attributes = |n: usize| (0..n).map(|i| format!(" a{i}=''")).collect::<String>();
    assert_eq!(xml::guard(format!("<a{}/>", attributes(XML_ATTRIBUTES_MAX)).as_bytes()), Ok(()));
    assert_eq!(refusal(format!("<a{}/>", attributes(XML_ATTRIBUTES_MAX + 1))), XmlError::Attributes);

    let declared = |n: usize| (0..n).map(|i| format!(" xmlns:p{i}='urn:{i}'")).collect::<String>();
    assert_eq!(xml::guard(format!("<a{}/>", declared(NAMESPACES_MAX)).as_bytes()), Ok(()));
    assert_eq!(
        refusal(format!("<a{}><b xmlns='urn:b'/></a>", declared(NAMESPACES_MAX))),
        XmlError::Namespaces
    );
    // What has left its scope does not count.
    let siblings = format!("<a>{}</a>", format!("<b{}/>", declared(NAMESPACES_MAX)).repeat(3));
    assert_eq!(xml::guard(siblings.as_bytes()), Ok(()));
}

#[test]
fn an_attribute_may_occur_once_also_under_two_prefixes() {
    let many: String = (0..20).map(|i| format!(" a{i}=''")).collect();
    for document in [
        "<a b='1' b='2'/>".to_owned(),
        "<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='1' q:b='2'/>".to_owned(),
        "<a xmlns:p='urn:x' xmlns:q='urn:&#x78;' p:b='1' q:b='2'/>".to_owned(),
        "<a p:b='1' q:b='2' xmlns:p='urn:x' xmlns:q='urn:x'/>".to_owned(),
        "<a xmlns:p='u' xmlns:p='v'/>".to_owned(),
        "<a xmlns='u' xmlns='v'/>".to_owned(),
        format!("<a{many} a7=''/>"),
        format!("<a xmlns:p='u' xmlns:q='u'{many} p:z='' q:z=''/>"),
    ] {
        assert!(matches!(refusal(&document), XmlError::DuplicateAttribute(_)), "{document}");
    }
}

#[test]
fn prefixes_must_be_bound_and_bindings_lawful() {
    for (document, prefix) in [
        ("<p:a/>", "p"),
        ("<a p:b=''/>", "p"),
        ("<a><b xmlns:p='u'/><p:c/></a>", "p"),
        ("<xmlns:a/>", "xmlns"),
    ] {
        assert_eq!(refusal(document), XmlError::UnboundPrefix(prefix.into()), "{document}");
    }
    for document in [
        "<a xmlns:p=''/>",
        "<a xmlns:xml='u'/>",
        "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
        "<a xmlns:xmlns='u'/>",
        "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
    ] {
        assert!(matches!(refusal(document), XmlError::BadBinding(_)), "{document}");
    }
    for document in ["<:a/>", "<a:/>", "<a:b:c xmlns:a='u'/>", "<a :b=''/>", "<a b:=''/>"] {
        assert!(xml::guard(document.as_bytes()).is_err(), "{document}");
    }
}

#[test]
fn other_encodings_are_refused_by_name() {
    let utf16: Vec<u8> = "<a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked = [&[0xFF, 0xFE][..], &utf16].concat();
    let legacy = b"<?xml version='1.0' encoding='windows-1258'?><a>Nguy\xea\xden</a>";
    let declared = "<?xml version='1.0' encoding='TCVN3'?><a/>";
    for (document, name) in [
        (&utf16[..], "UTF-16"),
        (&marked, "UTF-16"),
        (b"\0\0\0<", "UTF-32"),
        (legacy, "windows-1258"),
        (declared.as_bytes(), "TCVN3"),
        ("<?xml version='1.0' encoding='UTF-16'?><a/>".as_bytes(), "UTF-16"),
    ] {
        assert_eq!(refusal(document), XmlError::Encoding(name.into()));
    }
    let ascii = |text: &str| format!("<?xml version='1.0' encoding='US-ASCII'?><a>{text}</a>");
    assert_eq!(xml::guard(ascii("An").as_bytes()), Ok(()));
    assert_eq!(refusal(ascii("Ánh")), XmlError::Encoding("US-ASCII".into()));
    assert_eq!(refusal(b"<a>\xC3\x28</a>"), XmlError::NotUtf8);
    assert_eq!(refusal(b"<a>\xC0\x80</a>"), XmlError::NotUtf8);
}

#[test]
fn a_charset_in_the_content_type_must_be_utf_8() {
    for fine in [
        "text/xml",
        "text/xml; charset=utf-8",
        "text/xml;charset=\"UTF-8\"; action=x",
        "a/b; x=\"y;charset=z\"",
    ] {
        assert_eq!(xml::check_charset(fine), Ok(()), "{fine}");
    }
    for bad in [
        "text/xml; charset=utf-16",
        "text/xml; a=\"\\\";\" ; Charset = \"windows-1258\"",
        "text/xml; a; charset=utf-16",
        "text/xml; charset=utf-8; charset=utf-16",
        "text/xml; charset=",
    ] {
        assert!(xml::check_charset(bad).is_err(), "{bad}");
    }
}

#[test]
fn declarations_are_read_strictly() {
    for declaration in [
        "<?xml?>",
        "<?xml ?>",
        "<?xml version='1.1'?>",
        "<?xml encoding='utf-8'?>",
        "<?xml version='1.0' version='1.0'?>",
        "<?xml version='1.0' standalone='yes' encoding='utf-8'?>",
        "<?xml version='1.0'encoding='utf-8'?>",
        "<?xml version='1.0' standalone='maybe'?>",
        "<?xml version=1.0?>",
        "<?xml version='1.0\"?>",
        "<?xml version='1.0' x='y'?>",
    ] {
        assert_eq!(refusal(format!("{declaration}<a/>")), XmlError::Declaration, "{declaration}");
    }
    for document in [
        " <?xml version='1.0'?><a/>",
        "<a/><?xml version='1.0'?>",
        "<a><?XML x?></a>",
        "<??><a/>",
        "<?1?><a/>",
    ] {
        assert!(matches!(refusal(document), XmlError::Markup(_)), "{document}");
    }
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for document in [
        "",
        " ",
        "a",
        "<",
        "<a",
        "<a>",
        "</a>",
        "<a></b>",
        "<a><b></a></b>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a/>&amp;",
        "<a/><![CDATA[]]>",
        "<![CDATA[]]><a/>",
        "<a b/>",
        "<a b=/>",
        "<a b=c/>",
        "<a b='1'c='2'/>",
        "<a b='<'/>",
        "<a b='x/>",
        "< a/>",
        "<a / >",
        "<a /b>",
        "<1/>",
        "<a.-/><",
        "<-a/>",
        "<a><!-- -- --></a>",
        "<a><!--- ---></a>",
        "<!-->",
        "<!--->",
        "<a><!-- </a>",
        "<a>]]></a>",
        "<a><![CDATA[x]]</a>",
        "<a><![cdata[x]]></a>",
        "<a><!ELEMENT a ANY></a>",
        "<!>",
        "<a><?p </a>",
        "<a><?p:q?></a>",
        "<a>\0</a>",
        "<a>\u{1}</a>",
        "<a b='\u{b}'/>",
        "<a>\u{ffff}</a>",
        "<!-- \u{fffe} --><a/>",
        "<a\u{a0}/>",
        "<a></a/>",
        "<a></ a>",
        "<a></a b>",
        "<a></a",
        "\u{feff}\u{feff}<a/>",
        "<a\u{d7}/>",
        "<a xmlns:p='u'/><p:b/>",
    ] {
        assert!(xml::guard(document.as_bytes()).is_err(), "{document:?}");
    }
}

#[test]
fn a_fault_says_where() {
    let fault = xml::guard(b"<a>\n  <b c='1' c='2'/></a>").expect_err("twice");
    assert_eq!(fault.to_string(), "the attribute \"c\" occurs twice (byte 15)");
    assert_eq!(fault.refusal().kind.code, "validate.xml");
}

#[test]
fn work_grows_with_the_size_and_not_faster() {
    // Each of these makes a careless parser quadratic; here a megabyte is a matter of milliseconds.
    let declared: String = (0..250).map(|i| format!(" xmlns:p{i}='urn:{i}'")).collect();
    for document in [
        format!("<a{declared}>{}</a>", "<p0:b/>".repeat(140_000)),
        format!(
            "<a>{}</a>",
            format!("<b{}/>", (0..250).map(|i| format!(" a{i}=''")).collect::<String>()).repeat(500)
        ),
        format!("<a>{}</a>", "<!---->".repeat(140_000)),
        format!("<a>{}</a>", "]]&gt;".repeat(170_000)),
        format!("<a>{}", "&".repeat(1_000_000)),
    ] {
        let start = std::time::Instant::now();
        let _ = xml::guard(document.as_bytes());
        assert!(start.elapsed() < std::time::Duration::from_secs(10), "{:?}", start.elapsed());
    }
}

/// Another parser's view: the names of the elements in order, where it finds no fault.
fn elements_by_oracle(document: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut reader = quick_xml::Reader::from_reader(document);
    reader.config_mut().enable_all_checks(true);
    let mut names = Vec::new();
    loop {
        match reader.read_event().ok()? {
            quick_xml::events::Event::Start(e) | quick_xml::events::Event::Empty(e) => {
                e.attributes().collect::<Result<Vec<_>, _>>().ok()?;
                names.push(e.name().as_ref().to_vec());
            }
            quick_xml::events::Event::Eof => return Some(names),
            _ => {}
        }
    }
}

/// Pieces that meet the grammar's corners far more often than random bytes do.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "<a>",
        "</a>",
        "<a/>",
        "<b x='1'>",
        "</b>",
        "<p:c xmlns:p='u' p:d=''>",
        "</p:c>",
        "<!--",
        "-->",
        "<![CDATA[",
        "]]>",
        "<?x",
        "?>",
        "&amp;",
        "&#65;",
        "&",
        "'",
        "\"",
        ">",
        "<",
        "/",
        "=",
        " ",
        "\n",
        "text",
        "Đặng",
        "<!DOCTYPE a>",
        "xmlns='v'",
        "-",
        "\u{feff}",
        "<?xml version='1.0'?>",
    ]);
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// A well-formed document.
fn tree() -> impl Strategy<Value = String> {
    let leaf = any::<String>().prop_map(|text| {
        let mut out = String::new();
        xml::escape_into(&mut out, &text);
        out
    });
    leaf.prop_recursive(6, 64, 5, |inner| {
        (prop::sample::select(vec!["a", "họ", "_x.y-1"]), prop::collection::vec(inner, 0..5), any::<bool>())
            .prop_map(|(name, children, cdata)| {
                let extra = if cdata { "<![CDATA[<&]]>" } else { "<?pi x?>" };
                format!("<{name} k='&#10;v'>{}{extra}</{name}>", children.concat())
            })
    })
    .prop_map(|content| format!("<root>{content}</root>"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_make_the_guard_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = xml::guard(&bytes);
    }

    #[test]
    fn what_passes_here_passes_a_laxer_parser(document in soup()) {
        if xml::guard(document.as_bytes()).is_ok() {
            prop_assert!(elements_by_oracle(document.as_bytes()).is_some(), "{}", document);
        }
    }

    #[test]
    fn what_is_built_well_formed_passes_and_breaks_where_it_is_cut(document in tree(), cut in any::<prop::sample::Index>()) {
        prop_assert_eq!(xml::guard(document.as_bytes()), Ok(()));
        let cut = cut.index(document.len());
        prop_assert!(xml::guard(&document.as_bytes()[..cut]).is_err());
        let doctype = format!("<!DOCTYPE root>{document}");
        prop_assert!(xml::guard(doctype.as_bytes()).is_err());
    }
}
