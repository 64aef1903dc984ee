//! Schemas as contracts have them, and what is read of each: types, names, what is refused and where.

#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use lgsp_schema::Problem;
use lgsp_schema::bundle::Bundle;
use lgsp_schema::model::{ComplexType, Content, JsonForm, Model, Particle, QName, Term, TypeId, Variety};
use lgsp_schema::xsd::{Reading, SchemaSource, XS, read};

const HEAD: &str = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' xmlns:t='urn:t' targetNamespace='urn:t' \
                    elementFormDefault='qualified'>";

fn bundle(files: &[(&str, &str)]) -> Bundle {
    let files = files.iter().map(|(n, t)| ((*n).to_owned(), Bytes::copy_from_slice(t.as_bytes())));
    Bundle::new(files.collect()).unwrap()
}

/// One schema of the namespace `urn:t`.
fn one(body: &str) -> Result<Reading, Vec<Problem>> {
    let text = format!("{HEAD}{body}</xs:schema>");
    read(&bundle(&[("a.xsd", &text)]), &[SchemaSource::file("a.xsd")])
}

fn t(local: &str) -> QName {
    QName::new("urn:t", local)
}

fn complex<'r>(reading: &'r Reading, name: &str) -> &'r ComplexType {
    match reading.named_type(&t(name)) {
        Ok(TypeId::Complex(id)) => reading.model.complex(id),
        other => panic!("{name}: {other:?}"),
    }
}

/// A group in short: `(a b? c* (d | e))`.
fn short(particle: &Particle) -> String {
    let all =
        |inner: &[Particle], by: &str| format!("({})", inner.iter().map(short).collect::<Vec<_>>().join(by));
    let term = match &particle.term {
        Term::Element(e) if e.name.namespace.is_empty() => format!("-{}", e.name.local),
        Term::Element(e) => e.name.local.to_string(),
        Term::Sequence(inner) => all(inner, " "),
        Term::Choice(inner) => all(inner, " | "),
        Term::All(inner) => all(inner, " & "),
    };
    match (particle.min, particle.max) {
        (1, Some(1)) => term,
        (0, Some(1)) => format!("{term}?"),
        (0, None) => format!("{term}*"),
        (1, None) => format!("{term}+"),
        (min, max) => format!("{term}{{{min},{max:?}}}"),
    }
}

fn content(ty: &ComplexType) -> String {
    match &ty.content {
        Content::Empty => "empty".into(),
        Content::Simple(_) => "simple".into(),
        Content::Group(particle) => short(particle),
    }
}

/// The refusals of an element, as `line construct`.
fn refusals(result: Result<impl Sized, Vec<Problem>>) -> Vec<String> {
    let Err(problems) = result else { return Vec::new() };
    problems.iter().map(|p| p.construct.clone()).collect()
}

#[test]
fn groups_occurrences_and_names() {
    let r = one("<xs:complexType name='T'><xs:sequence>
        <xs:element name='a' type='xs:string'/>
        <xs:element name='b' minOccurs='0' nillable='true' form='unqualified'/>
        <xs:choice minOccurs='0'><xs:element name='c' maxOccurs='unbounded' type='xs:int'/><xs:group ref='t:G'/></xs:choice>
        <xs:sequence><xs:element ref='t:E' minOccurs='2' maxOccurs='3'/></xs:sequence>
        <xs:sequence maxOccurs='unbounded'><xs:element name='f' type='xs:date'/></xs:sequence>
        <xs:element name='gone' minOccurs='0' maxOccurs='0' type='t:Missing2'/>
      </xs:sequence></xs:complexType>
      <xs:complexType name='U'><xs:all><xs:element name='x' type='xs:int'/><xs:element name='y' type='xs:int' minOccurs='0'/></xs:all></xs:complexType>
      <xs:group name='G'><xs:sequence><xs:element name='d' type='t:T'/></xs:sequence></xs:group>
      <xs:element name='E' type='t:T'/>")
    .unwrap();
    assert_eq!(refusals(r.named_type(&t("T"))), ["xs:anyType"], "b has no type");
    let TypeId::Complex(id) = r.model.types[&t("T")] else { panic!() };
    assert_eq!(content(r.model.complex(id)), "(a -b? (c+ | (d))? E{2,Some(3)} f+)");
    assert_eq!(content(complex(&r, "U")), "(x & y?)");
    assert_eq!(refusals(r.element(&t("E"))), ["xs:anyType"]);
    assert_eq!(refusals(r.element(&t("none"))), ["xs:element"]);
}

#[test]
fn extension_and_restriction_are_flattened() {
    let r = one("<xs:complexType name='A'><xs:sequence><xs:element name='a' type='xs:int'/></xs:sequence>
          <xs:attribute name='p' type='xs:int'/><xs:attribute name='q'/></xs:complexType>
      <xs:complexType name='C'><xs:complexContent><xs:extension base='t:B'><xs:choice><xs:element name='c' type='xs:int'/>
          <xs:element name='d' type='xs:int'/></xs:choice></xs:extension></xs:complexContent></xs:complexType>
      <xs:complexType name='B'><xs:complexContent><xs:extension base='t:A'><xs:sequence><xs:element name='b' type='xs:int'/></xs:sequence>
          <xs:attribute name='r' use='required' type='xs:int'/></xs:extension></xs:complexContent></xs:complexType>
      <xs:complexType name='R'><xs:complexContent><xs:restriction base='t:A'><xs:sequence><xs:element name='a' type='xs:int'/></xs:sequence>
          <xs:attribute name='p' use='prohibited'/><xs:attribute name='q' use='required'/></xs:restriction></xs:complexContent></xs:complexType>
      <xs:complexType name='S'><xs:simpleContent><xs:extension base='xs:decimal'><xs:attribute ref='xml:lang'/>
          <xs:attributeGroup ref='t:AG'/></xs:extension></xs:simpleContent></xs:complexType>
      <xs:complexType name='S2'><xs:simpleContent><xs:restriction base='t:S'><xs:maxInclusive value='5'/></xs:restriction></xs:simpleContent></xs:complexType>
      <xs:attributeGroup name='AG'><xs:attribute name='unit' fixed='VND' type='xs:string'/><xs:attributeGroup ref='t:AG'/></xs:attributeGroup>
      <xs:complexType name='E'/>")
    .unwrap();
    let attributes = |name: &str| -> Vec<String> {
        complex(&r, name)
            .attributes
            .iter()
            .map(|a| format!("{}{}", a.json, if a.required { "!" } else { "" }))
            .collect()
    };
    assert_eq!(content(complex(&r, "C")), "(a b (c | d))");
    assert_eq!(attributes("C"), ["@p", "@q", "@r!"]);
    assert_eq!(content(complex(&r, "R")), "(a)");
    assert_eq!(attributes("R"), ["@q!"]);
    assert_eq!(attributes("S"), ["@lang", "@unit"]);
    assert_eq!(attributes("S2"), ["@lang", "@unit"]);
    let Content::Simple(id) = complex(&r, "S2").content else { panic!() };
    assert_eq!(r.model.simple(id).facets.max_inclusive.as_deref(), Some("5"));
    assert_eq!(content(complex(&r, "E")), "empty");
}

#[test]
fn forms_in_json() {
    let simple = |facets: &str, base: &str| {
        let body = format!(
            "<xs:simpleType name='T'><xs:restriction base='xs:{base}'>{facets}</xs:restriction></xs:simpleType>"
        );
        let r = one(&body).unwrap();
        let TypeId::Simple(id) = r.named_type(&t("T")).unwrap() else { panic!() };
        r.model.simple(id).json
    };
    let builtin = |base: &str| simple("", base);
    for base in ["int", "short", "byte", "unsignedInt", "unsignedShort", "unsignedByte", "float", "double"] {
        assert_eq!(builtin(base), JsonForm::Number, "{base}");
    }
    for base in [
        "decimal",
        "integer",
        "long",
        "unsignedLong",
        "positiveInteger",
        "string",
        "dateTime",
        "base64Binary",
    ] {
        assert_eq!(builtin(base), JsonForm::String, "{base}");
    }
    assert_eq!(builtin("boolean"), JsonForm::Boolean);
    let max = |value: &str| format!("<xs:maxInclusive value='{value}'/>");
    assert_eq!(simple(&max("9007199254740992"), "nonNegativeInteger"), JsonForm::Number);
    assert_eq!(simple(&max("9007199254740993"), "nonNegativeInteger"), JsonForm::String);
    assert_eq!(simple(&max("10"), "long"), JsonForm::String, "no lower bound");
    assert_eq!(simple("<xs:totalDigits value='15'/>", "integer"), JsonForm::Number);
    assert_eq!(simple("<xs:totalDigits value='15'/>", "decimal"), JsonForm::String);
    assert_eq!(
        simple("<xs:totalDigits value='12'/><xs:fractionDigits value='0'/>", "decimal"),
        JsonForm::Number
    );
}

#[test]
fn lists_unions_and_anonymous_types() {
    let r = one("<xs:simpleType name='L'><xs:list itemType='xs:int'/></xs:simpleType>
      <xs:simpleType name='U'><xs:union memberTypes='xs:int t:Code'><xs:simpleType><xs:restriction base='xs:string'>
        <xs:enumeration value=' x '/></xs:restriction></xs:simpleType></xs:union></xs:simpleType>
      <xs:simpleType name='Code'><xs:restriction><xs:simpleType><xs:restriction base='xs:token'><xs:pattern value='[A-Z]'/>
        <xs:pattern value='[0-9]'/></xs:restriction></xs:simpleType><xs:pattern value='.'/></xs:restriction></xs:simpleType>")
    .unwrap();
    let simple = |name: &str| match r.named_type(&t(name)) {
        Ok(TypeId::Simple(id)) => r.model.simple(id).clone(),
        other => panic!("{other:?}"),
    };
    assert!(matches!(simple("L").variety, Variety::List(_)));
    let Variety::Union(members) = simple("U").variety else { panic!() };
    assert_eq!(&*r.model.simple(members[2]).facets.enumeration[0], " x ");
    let patterns: Vec<usize> = simple("Code").facets.patterns.iter().map(Vec::len).collect();
    assert_eq!(patterns, [2, 1], "those of one step are alternatives, those of two steps both hold");
}

#[test]
fn what_has_no_reading_refuses_only_what_reaches_it() {
    let r = one("<xs:element name='Fine' type='xs:string'/>
      <xs:element name='Deep'><xs:complexType><xs:sequence><xs:element name='x' type='t:Loop'/></xs:sequence></xs:complexType></xs:element>
      <xs:complexType name='Loop'><xs:sequence><xs:element name='again' type='t:Loop' minOccurs='0'/><xs:element name='y' type='t:Open'/></xs:sequence></xs:complexType>
      <xs:complexType name='Open'><xs:sequence><xs:any/></xs:sequence><xs:anyAttribute/></xs:complexType>
      <xs:complexType name='More'><xs:complexContent><xs:extension base='t:Open'/></xs:complexContent></xs:complexType>
      <xs:complexType name='Mixed' mixed='true'/>
      <xs:complexType name='Abstract' abstract='true'/>
      <xs:complexType name='Concrete'><xs:complexContent><xs:extension base='t:Abstract'/></xs:complexContent></xs:complexType>
      <xs:complexType name='Repeated'><xs:sequence maxOccurs='5'><xs:element name='a' type='xs:int'/><xs:element name='b' type='xs:int'/></xs:sequence></xs:complexType>
      <xs:complexType name='Twice'><xs:sequence><xs:element name='a' type='xs:int'/><xs:element name='b' type='xs:int'/><xs:element name='a' type='xs:int'/></xs:sequence></xs:complexType>
      <xs:complexType name='Array'><xs:complexContent><xs:restriction base='soapenc:Array' xmlns:soapenc='http://schemas.xmlsoap.org/soap/encoding/'>
        <xs:attribute ref='soapenc:arrayType' wsdl:arrayType='xs:int[]' xmlns:wsdl='http://schemas.xmlsoap.org/wsdl/'/></xs:restriction></xs:complexContent></xs:complexType>
      <xs:element name='Head' type='xs:string'/><xs:element name='Member' substitutionGroup='t:Head'/>
      <xs:complexType name='UsesHead'><xs:sequence><xs:element ref='t:Head'/></xs:sequence></xs:complexType>
      <xs:element name='Name' type='xs:QName'/><xs:element name='Any' type='xs:anyType'/>
      <xs:element name='Lazy'><xs:simpleType><xs:restriction base='xs:string'><xs:pattern value='a+?'/></xs:restriction></xs:simpleType></xs:element>")
    .unwrap();
    assert!(r.element(&t("Fine")).is_ok());
    assert!(r.element(&t("Member")).is_ok());
    assert!(r.named_type(&t("Concrete")).is_ok());
    assert!(r.named_type(&QName::new(XS, "string")).is_ok());
    let element = |name: &str| refusals(r.element(&t(name)));
    let named = |name: &str| refusals(r.named_type(&t(name)));
    assert_eq!(element("Deep"), ["xs:any", "xs:anyAttribute"]);
    assert_eq!(named("More"), ["xs:any", "xs:anyAttribute"]);
    assert_eq!(named("Mixed"), ["xs:complexType mixed"]);
    assert_eq!(named("Abstract"), ["xs:complexType abstract"]);
    assert_eq!(named("Repeated"), ["xs:sequence maxOccurs"]);
    assert_eq!(named("Twice"), ["xs:element"]);
    assert!(named("Array").contains(&"soapenc:Array".to_owned()));
    assert_eq!(element("Head"), ["xs:element substitutionGroup"]);
    assert_eq!(named("UsesHead"), ["xs:element substitutionGroup"]);
    assert_eq!(element("Name"), ["xs:QName"]);
    assert_eq!(element("Any"), ["xs:anyType"]);
    assert_eq!(element("Lazy"), ["xs:pattern"]);
}

#[test]
fn what_is_against_the_standard_is_told_with_its_place() {
    #[rustfmt::skip]
    let cases = [
        ("<xs:element name='a' type='t:None'/>", "no type {urn:t}None"),
        ("<xs:element name='a' type='q:None'/>", "prefix"),
        ("<xs:element name='a' type='xs:strin'/>", "no type \"strin\""),
        ("<xs:element name='a' type='xs:int'/><xs:element name='a' type='xs:int'/>", "second time"),
        ("<xs:element type='xs:int'/>", "name is required"),
        ("<xs:element name='1' type='xs:int'/>", "no name"),
        ("<xs:element name='a' type='xs:int' default='1' fixed='2'/>", "exclude"),
        ("<xs:element name='a' type='xs:int'><xs:simpleType/></xs:element>", "a type inside"),
        ("<xs:redefine schemaLocation='b.xsd'/>", "redefinition"),
        ("<xs:include/>", "schemaLocation is required"),
        ("<xs:include schemaLocation='b.xsd'/>", "not among the files"),
        ("<xs:include schemaLocation='http://a.example/b.xsd'/>", "never fetched"),
        ("<xs:include schemaLocation='../../etc/passwd'/>", "no plain relative name"),
        ("<xs:simpleType name='a'><xs:restriction base='xs:int'><xs:minInclusive value='x'/></xs:restriction></xs:simpleType>", "no value of the type"),
        ("<xs:simpleType name='a'><xs:restriction base='xs:int'><xs:minInclusive value='2'/><xs:maxInclusive value='1'/></xs:restriction></xs:simpleType>", "above the largest"),
        ("<xs:simpleType name='a'><xs:restriction base='xs:int'><xs:length value='2'/></xs:restriction></xs:simpleType>", "not a facet"),
        ("<xs:simpleType name='a'><xs:restriction base='xs:string'><xs:minLength value='2'/><xs:maxLength value='1'/></xs:restriction></xs:simpleType>", "above maxLength"),
        ("<xs:simpleType name='a'><xs:restriction base='t:a'/></xs:simpleType>", "made of itself"),
        ("<xs:simpleType name='a'><xs:union memberTypes='xs:int t:a'/></xs:simpleType>", "made of itself"),
        ("<xs:simpleType name='a'/>", "one of xs:restriction"),
        ("<xs:complexType name='a'><xs:complexContent><xs:extension base='t:a'/></xs:complexContent></xs:complexType>", "derived from itself"),
        ("<xs:complexType name='a'><xs:group ref='t:g'/></xs:complexType><xs:group name='g'><xs:sequence><xs:group ref='t:g'/></xs:sequence></xs:group>", "holds itself"),
        ("<xs:complexType name='a'><xs:sequence><xs:element name='x' type='xs:int' minOccurs='2'/></xs:sequence></xs:complexType>", "above maxOccurs"),
        ("<xs:complexType name='a'><xs:sequence><xs:element name='x' type='xs:int' maxOccurs='-1'/></xs:sequence></xs:complexType>", "no number of times"),
        ("<xs:complexType name='a'><xs:attribute name='x'/><xs:attribute name='x'/></xs:complexType>", "second time"),
        ("<xs:complexType name='a'><xs:attribute name='x' type='t:a'/></xs:complexType>", "simple"),
        ("<xs:complexType name='a'><xs:sequence/><xs:sequence/></xs:complexType>", "second group"),
        ("<xs:what/>", "not allowed here"),
    ];
    for (body, part) in cases {
        let problems = one(body).map(|_| ()).unwrap_err();
        let told = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(told.contains(part), "{body}\n{told}");
        assert!(told.starts_with("a.xsd:1:"), "{body}\n{told}");
    }
    let lines = "<xs:element name='é' type='xs:int'/>\n <xs:element name='b' type='t:B'/>";
    assert_eq!(
        one(lines).map(|_| ()).unwrap_err()[0].to_string(),
        "a.xsd:2:2: xs:element: there is no type {urn:t}B"
    );
}

#[test]
fn imports_includes_chameleons_and_circles() {
    let a = format!("{HEAD}<xs:import namespace='urn:u' schemaLocation='sub/u.xsd'/><xs:include schemaLocation='sub/cham.xsd'/>
        <xs:element name='A' xmlns:u='urn:u' type='u:U'/><xs:element name='C' type='t:Cham'/></xs:schema>");
    let u = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:u' xmlns:t='urn:t'>
        <xs:import namespace='urn:t' schemaLocation='../a.xsd'/><xs:import namespace='http://www.w3.org/XML/1998/namespace' schemaLocation='http://www.w3.org/2001/xml.xsd'/>
        <xs:include schemaLocation='cham.xsd'/>
        <xs:complexType name='U'><xs:sequence><xs:element ref='t:A' minOccurs='0'/><xs:element name='local' type='xs:int'/></xs:sequence></xs:complexType></xs:schema>";
    let cham = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:include schemaLocation='cham.xsd'/><xs:complexType name='Cham'><xs:sequence>
        <xs:element name='x' type='Code'/></xs:sequence></xs:complexType><xs:simpleType name='Code'><xs:restriction base='xs:token'/></xs:simpleType></xs:schema>";
    let files = bundle(&[("a.xsd", &a), ("sub/u.xsd", u), ("sub/cham.xsd", cham)]);
    let r = read(&files, &[SchemaSource::file("a.xsd")]).unwrap();
    assert!(r.element(&t("A")).is_ok());
    assert!(r.element(&t("C")).is_ok());
    assert!(
        r.model.types.contains_key(&QName::new("urn:u", "Cham")),
        "the same file under a second namespace"
    );
    let TypeId::Complex(id) = r.model.types[&QName::new("urn:u", "U")] else { panic!() };
    assert_eq!(content(r.model.complex(id)), "(A? -local)");
}

#[test]
fn schemas_inside_a_wsdl_import_each_other_by_namespace() {
    let wsdl = "<w:definitions xmlns:w='http://schemas.xmlsoap.org/wsdl/' xmlns:x='http://www.w3.org/2001/XMLSchema' xmlns:t='urn:t'>
  <w:types>
    <x:schema targetNamespace='urn:t' xmlns:u='urn:u'><x:import namespace='urn:u'/><x:element name='A' type='u:U'/></x:schema>
    <schema xmlns='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:u'><simpleType name='U'><restriction base='string'/></simpleType></schema>
    <x:schema/>
  </w:types></w:definitions>";
    let files = bundle(&[("s.wsdl", wsdl)]);
    let roots = SchemaSource::inside("s.wsdl", wsdl.as_bytes()).unwrap();
    assert_eq!(roots.len(), 3);
    let r = read(&files, &roots).unwrap();
    assert!(r.element(&t("A")).is_ok());
    let only = read(&files, &roots[..1]).map(|_| ()).unwrap_err();
    assert_eq!(only[0].to_string(), "s.wsdl:3:84: xs:element: there is no type {urn:u}U");
    let whole = SchemaSource::inside("a.xsd", format!("{HEAD}</xs:schema>").as_bytes()).unwrap();
    assert_eq!(whole, [SchemaSource::file("a.xsd")]);
}

#[test]
fn what_attacks_ends_in_a_problem() {
    let doctype = "<!DOCTYPE s [<!ENTITY a 'aaaa'>]><xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'/>";
    let deep = format!("{HEAD}{}{}</xs:schema>", "<xs:sequence>".repeat(200), "</xs:sequence>".repeat(200));
    let wide = format!("{HEAD}{}</xs:schema>", "<a/>".repeat(3_000_000));
    for (text, part) in [
        (doctype, "DOCTYPE"),
        (&deep, "deeper"),
        (&wide, "more than 500000 elements"),
        ("", "root"),
        ("<a/>", "not xs:schema"),
    ] {
        let told = read(&bundle(&[("a.xsd", text)]), &[SchemaSource::file("a.xsd")]).map(|_| ()).unwrap_err();
        assert!(told[0].message.contains(part), "{:?}", told[0]);
    }
    // Groups that double at each step, extensions of extensions, unions of unions.
    let mut bomb =
        "<xs:group name='g0'><xs:sequence><xs:element name='a' type='xs:int'/></xs:sequence></xs:group>"
            .to_owned();
    let mut chain = "<xs:complexType name='c0'/>\n".to_owned();
    let mut union = "<xs:simpleType name='u0'><xs:restriction base='xs:int'/></xs:simpleType>".to_owned();
    for i in 1..200 {
        let before = i - 1;
        bomb += &format!(
            "<xs:group name='g{i}'><xs:sequence><xs:group ref='t:g{before}'/><xs:group ref='t:g{before}'/></xs:sequence></xs:group>"
        );
        chain += &format!(
            "<xs:complexType name='c{i}'><xs:complexContent><xs:extension base='t:c{before}'/></xs:complexContent></xs:complexType>\n"
        );
        union += &format!(
            "<xs:simpleType name='u{i}'><xs:union memberTypes='t:u{before} t:u{before}'/></xs:simpleType>"
        );
    }
    let bomb = one(&format!("{bomb}<xs:complexType name='T'><xs:group ref='t:g60'/></xs:complexType>"));
    assert!(bomb.map(|_| ()).unwrap_err()[0].message.contains("more than 500000"));
    assert!(one(&chain).is_ok(), "in the order declared no step needs another");
    let backwards: String = chain.lines().rev().collect();
    assert!(one(&backwards).map(|_| ()).unwrap_err()[0].message.contains("100 steps"));
    assert!(one(&union).is_ok());
}

#[test]
fn ten_megabytes_are_read_in_seconds() {
    let mut body = String::new();
    for i in 0..30_000 {
        body += &format!(
            "<xs:complexType name='T{i}'><xs:sequence><xs:element name='a' type='t:T{}' minOccurs='0'/><xs:element name='b' type='xs:string'/></xs:sequence><xs:attribute name='c' type='xs:int'/></xs:complexType>\n                                                                                          ",
            (i + 1) % 30_000
        );
    }
    assert!(body.len() > 8 << 20);
    let begun = std::time::Instant::now();
    let r: Model = one(&body).unwrap().model;
    assert_eq!(r.complex.len(), 30_000);
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

/// The construct and message of each problem with a schema.
fn problems(body: &str) -> Vec<String> {
    let problems = one(body).err().unwrap_or_default();
    problems.iter().map(|p| format!("{}: {}", p.construct, p.message)).collect()
}

#[test]
fn defaults_fixed_values_enumerations_and_bounds_are_values_of_their_types() {
    for (body, refused) in [
        ("<xs:element name='e' type='xs:int' default='x'/>", "xs:element default"),
        ("<xs:element name='e' type='xs:date' fixed='2023-02-29'/>", "xs:element fixed"),
        (
            "<xs:attribute name='a' type='xs:boolean' default='yes'/><xs:element name='e'><xs:complexType><xs:attribute ref='t:a'/></xs:complexType></xs:element>",
            "xs:attribute default",
        ),
        (
            "<xs:element name='e'><xs:complexType><xs:attribute name='a' type='xs:byte' fixed='128'/></xs:complexType></xs:element>",
            "xs:attribute fixed",
        ),
        (
            "<xs:element name='e' default='x' type='t:C'/><xs:complexType name='C'><xs:simpleContent><xs:extension base='xs:int'/></xs:simpleContent></xs:complexType>",
            "xs:element default",
        ),
        (
            "<xs:element name='e' default='abc' type='t:S'/><xs:simpleType name='S'><xs:restriction base='xs:string'><xs:maxLength value='2'/></xs:restriction></xs:simpleType>",
            "xs:element default",
        ),
        (
            "<xs:simpleType name='S'><xs:restriction base='xs:int'><xs:enumeration value='1'/><xs:enumeration value=''/></xs:restriction></xs:simpleType>",
            "xs:enumeration",
        ),
        (
            "<xs:simpleType name='S'><xs:restriction base='t:L'><xs:enumeration value='1 x'/></xs:restriction></xs:simpleType><xs:simpleType name='L'><xs:list itemType='xs:int'/></xs:simpleType>",
            "xs:enumeration",
        ),
        (
            "<xs:simpleType name='S'><xs:restriction base='xs:date'><xs:minInclusive value='2023-02-29'/></xs:restriction></xs:simpleType>",
            "xs:minInclusive",
        ),
        (
            "<xs:simpleType name='S'><xs:restriction base='xs:unsignedShort'><xs:maxInclusive value='65536'/></xs:restriction></xs:simpleType>",
            "xs:maxInclusive",
        ),
        (
            "<xs:simpleType name='S'><xs:restriction base='xs:int'><xs:maxInclusive value='5'/><xs:maxExclusive value='5'/></xs:restriction></xs:simpleType>",
            "xs:maxExclusive",
        ),
        (
            "<xs:simpleType name='S'><xs:restriction base='xs:integer'><xs:fractionDigits value='1'/></xs:restriction></xs:simpleType>",
            "xs:fractionDigits",
        ),
        (
            "<xs:simpleType name='S'><xs:restriction base='xs:integer'><xs:totalDigits value='0'/></xs:restriction></xs:simpleType>",
            "xs:totalDigits",
        ),
    ] {
        let found = problems(body);
        assert!(found.len() == 1 && found[0].starts_with(refused), "{body}\n{found:?}");
    }
    for body in [
        "<xs:element name='e' type='xs:int' default=' 1 '/><xs:element name='f' type='xs:string' fixed=''/>",
        "<xs:element name='e' default='b' type='t:S'/><xs:simpleType name='S'><xs:restriction base='t:T'><xs:enumeration value='b'/></xs:restriction></xs:simpleType><xs:simpleType name='T'><xs:restriction base='xs:token'><xs:enumeration value='a'/><xs:enumeration value='b'/></xs:restriction></xs:simpleType>",
        "<xs:simpleType name='S'><xs:restriction base='t:U'><xs:enumeration value='1'/><xs:enumeration value='true'/></xs:restriction></xs:simpleType><xs:simpleType name='U'><xs:union memberTypes='xs:int xs:boolean'/></xs:simpleType>",
        "<xs:simpleType name='S'><xs:restriction base='t:P'><xs:minExclusive value='0'/></xs:restriction></xs:simpleType><xs:simpleType name='P'><xs:restriction base='xs:decimal'><xs:minExclusive value='0'/></xs:restriction></xs:simpleType>",
        "<xs:element name='e' type='xs:QName' default='t:x'/>",
    ] {
        assert_eq!(problems(body), [] as [&str; 0], "{body}");
    }
}
