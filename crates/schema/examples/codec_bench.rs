//! How long the codec takes for a message of 10 KiB each way, on one core: `cargo run --release -p lgsp-schema --example codec_bench`.

use lgsp_schema::codec::{Codec, Limits, Prefixes};
use lgsp_schema::model::{
    Builtin, ComplexId, ComplexType, Content, Element, Facets, JsonForm, Model, Particle, QName, SimpleId,
    SimpleType, Term, TypeId, Variety,
};
use std::sync::Arc;
use std::time::{Duration, Instant};

const NS: &str = "http://dancu.example/037";
const FIELDS: [(&str, usize, &str); 8] = [
    ("HoVaTen", 0, r#""Nguyễn Thị Minh Khai""#),
    ("SoDinhDanh", 1, r#""001234567890""#),
    ("NgaySinh", 2, r#""1990-02-28""#),
    ("GioiTinh", 3, r#""Nam""#),
    ("SoCon", 4, "2"),
    ("DangCuTru", 5, "true"),
    ("ThuNhap", 6, r#""12500000.50""#),
    ("DiaChi", 0, r#""Số 1 Đại Cồ Việt, Hai Bà Trưng, Hà Nội""#),
];

fn simple(base: Builtin, json: JsonForm, facets: Facets) -> SimpleType {
    SimpleType { name: None, base, variety: Variety::Atomic, facets, json, doc: None }
}

fn element(name: &str, ty: TypeId) -> Element {
    let (nillable, default, fixed, doc) = (true, None, None, None);
    Element { name: QName::new(NS, name), json: name.into(), ty, nillable, default, fixed, doc }
}

fn place(max: Option<u32>, e: Element) -> Particle {
    Particle { min: 1, max, term: Term::Element(Arc::new(e)) }
}

fn model() -> Model {
    let none = Facets::default;
    let simple = vec![
        simple(Builtin::String, JsonForm::String, Facets { max_length: Some(200), ..none() }),
        simple(Builtin::Token, JsonForm::String, Facets { length: Some(12), ..none() }),
        simple(Builtin::Date, JsonForm::String, none()),
        simple(
            Builtin::String,
            JsonForm::String,
            Facets { enumeration: vec!["Nam".into(), "Nữ".into()], ..none() },
        ),
        simple(Builtin::Int, JsonForm::Number, Facets { min_inclusive: Some("0".into()), ..none() }),
        simple(Builtin::Boolean, JsonForm::Boolean, none()),
        simple(
            Builtin::Decimal,
            JsonForm::String,
            Facets { total_digits: Some(18), fraction_digits: Some(2), ..none() },
        ),
    ];
    let fields =
        FIELDS.map(|(name, ty, _)| place(Some(1), element(name, TypeId::Simple(SimpleId(ty as u32)))));
    let citizen = sequence(fields.into());
    let list = sequence(vec![place(None, element("CongDan", TypeId::Complex(ComplexId(0))))]);
    let root = Arc::new(element("KetQua", TypeId::Complex(ComplexId(1))));
    let elements = [(root.name.clone(), root)].into();
    Model { simple, complex: vec![citizen, list], elements, ..Model::default() }
}

fn sequence(children: Vec<Particle>) -> ComplexType {
    let content = Content::Group(Particle { min: 1, max: Some(1), term: Term::Sequence(children) });
    ComplexType { name: None, attributes: vec![], content, doc: None }
}

/// Time that this process had a processor for, where Linux tells it; else the time of day, which other processes lengthen.
fn spent(begin: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/self/schedstat").ok();
    let nanos = told.and_then(|t| t.split(' ').next()?.parse().ok());
    nanos.map_or_else(|| begin.elapsed(), Duration::from_nanos)
}

fn main() {
    let codec = Codec::compile(Arc::new(model())).expect("the model is sound");
    let root = codec.element(&QName::new(NS, "KetQua")).expect("declared above");
    for size in [10 << 10, 100 << 10, 50 << 20] {
        let members = FIELDS.map(|(name, _, value)| format!("\"{name}\":{value}")).join(",");
        let reversed = {
            let mut m = FIELDS.map(|(name, _, value)| format!("\"{name}\":{value}"));
            m.reverse();
            m.join(",")
        };
        let whole = |members: &str, n: usize| {
            format!("{{\"CongDan\":[{}]}}", vec![format!("{{{members}}}"); n].join(","))
        };
        let write = |json: &str| {
            codec.json_to_xml(root, json.as_bytes(), Prefixes::Prefixed, Limits::default()).expect("valid")
        };
        let one = write(&whole(&members, 1)).len();
        let n = size / one;
        let (json, shuffled) = (whole(&members, n), whole(&reversed, n));
        let xml = write(&json);
        let runs = (200 << 20) / size / 10 + 2;
        let time = |name: &str, f: &dyn Fn() -> usize| {
            let begin = Instant::now();
            let before = spent(begin);
            let bytes: usize = (0..runs).map(|_| f()).sum();
            let each = (spent(begin) - before).as_secs_f64() / runs as f64;
            println!(
                "{name:<22} {:>10} B xml  {:>12.1} us  {:>8.0} MB/s ({bytes})",
                xml.len(),
                each * 1e6,
                xml.len() as f64 / each / 1e6
            );
        };
        time("xml -> json", &|| codec.xml_to_json(root, &xml, Limits::default()).expect("valid").len());
        time("json -> xml", &|| write(&json).len());
        time("json -> xml, reversed", &|| write(&shuffled).len());
    }
}
