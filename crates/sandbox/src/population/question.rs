//! What a request of service 037 asks for. The order of its elements matters, as it does to the real service; prefixes do not.

use quick_xml::events::Event;

/// What a request asks for.
#[derive(Debug, Default)]
pub(super) struct Question {
    pub(super) id: Option<String>,
    pub(super) old_id: Option<String>,
    pub(super) name: String,
    pub(super) birth_year: Option<String>,
    pub(super) birth_date: Option<String>,
}

/// The elements of a request in their order, and which of them must be there.
const ORDER: [(&str, bool); 11] = [
    ("MaYeuCau", true),
    ("MaDVC", true),
    ("MaTichHop", true),
    ("MaCanBo", true),
    ("MaDonVi", false),
    ("TaiKhoan", false),
    ("SoDienThoai", false),
    ("SoDinhDanh", false),
    ("SoCMND", false),
    ("HoVaTen", true),
    ("NgayThangNamSinh", true),
];

impl Question {
    pub(super) fn read(body: &[u8]) -> Result<Self, String> {
        let mut question = Self::default();
        let mut place = 0;
        for (path, text) in leaves(body)? {
            let (name, part) = (path.first().map_or("", String::as_str), path.get(1).map(String::as_str));
            let found = ORDER
                .iter()
                .position(|(n, _)| *n == name)
                .ok_or_else(|| format!("unexpected element {name}"))?;
            // Order: nothing demanded may be passed over, nothing may come back. Parts of one element stay in their place.
            if found + 1 != place {
                if found + 1 < place {
                    return Err(format!("the element {name} stands in the wrong place or occurs twice"));
                }
                demand(&ORDER[place..found])?;
            } else if name != "NgayThangNamSinh" {
                return Err(format!("the element {name} occurs twice"));
            }
            place = found + 1;
            question.take(name, part, text)?;
        }
        demand(&ORDER[place..])?;
        if question.id.is_some() == question.old_id.is_some() {
            return Err("exactly one of SoDinhDanh and SoCMND is needed".into());
        }
        if question.birth_date.is_none() && question.birth_year.is_none() {
            return Err("NgayThangNamSinh needs Nam or NgayThangNam".into());
        }
        Ok(question)
    }

    fn take(&mut self, name: &str, part: Option<&str>, text: String) -> Result<(), String> {
        let digits = |n: usize| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
        let malformed = || Err(format!("the element {} is malformed", part.unwrap_or(name)));
        match (name, part) {
            ("MaTichHop", None) if text != "037" => return Err("MaTichHop must be 037".into()),
            ("SoDinhDanh", None) if digits(12) => self.id = Some(text),
            ("SoCMND", None) if digits(9) => self.old_id = Some(text),
            ("HoVaTen", None) if !text.is_empty() => self.name = text,
            ("NgayThangNamSinh", Some("NgayThangNam")) if digits(8) => self.birth_date = Some(text),
            ("NgayThangNamSinh", Some("Nam")) if digits(4) => self.birth_year = Some(text),
            ("SoDinhDanh" | "SoCMND" | "HoVaTen" | "NgayThangNamSinh", _) => return malformed(),
            (_, Some(_)) => return malformed(),
            _ if text.is_empty() && ORDER.contains(&(name, true)) => return malformed(),
            _ => {}
        }
        Ok(())
    }
}

fn demand(skipped: &[(&str, bool)]) -> Result<(), String> {
    match skipped.iter().find(|(_, demanded)| *demanded) {
        Some((name, _)) => Err(format!("the element {name} is missing or stands in the wrong place")),
        None => Ok(()),
    }
}

/// The elements inside the operation that hold no elements: their path below it and their text. The document is known to be an envelope.
fn leaves(body: &[u8]) -> Result<Vec<(Vec<String>, String)>, String> {
    let mut reader = quick_xml::Reader::from_reader(body);
    reader.config_mut().expand_empty_elements = true;
    let unreadable = |e: &dyn std::fmt::Display| e.to_string();
    let (mut path, mut text, mut leaf, mut found) = (Vec::<String>::new(), String::new(), false, Vec::new());
    loop {
        match reader.read_event().map_err(|e| unreadable(&e))? {
            Event::Start(e) => {
                path.push(String::from_utf8_lossy(e.local_name().as_ref()).into_owned());
                (leaf, text) = (true, String::new());
            }
            Event::End(_) => {
                // Envelope, Body, operation; what is below them counts.
                if leaf && path.len() > 3 && path[1] == "Body" {
                    found.push((path[3..].to_vec(), text.trim().to_owned()));
                }
                leaf = false;
                path.pop();
            }
            Event::Text(t) => text += &t.decode().map_err(|e| unreadable(&e))?,
            Event::CData(t) => text += &t.decode().map_err(|e| unreadable(&e))?,
            Event::GeneralRef(r) => match r.resolve_char_ref().map_err(|e| unreadable(&e))? {
                Some(c) => text.push(c),
                None => {
                    let name = r.decode().map_err(|e| unreadable(&e))?;
                    text += quick_xml::escape::resolve_predefined_entity(&name).ok_or("an unknown entity")?;
                }
            },
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Question;
    use lgsp_wire::soap::ENVELOPE_11;

    fn read(content: &str) -> Result<Question, String> {
        Question::read(
            format!("<e:Envelope xmlns:e='{ENVELOPE_11}'><e:Body><Op>{content}</Op></e:Body></e:Envelope>")
                .as_bytes(),
        )
    }

    const HEAD: &str = "<MaYeuCau>1</MaYeuCau><MaDVC>2</MaDVC><MaTichHop>037</MaTichHop><MaCanBo>3</MaCanBo>";
    const ID: &str = "<SoDinhDanh>001099000001</SoDinhDanh>";
    const NAME: &str = "<HoVaTen>Nguyễn &amp; <![CDATA[Văn]]> An</HoVaTen>";
    const BORN: &str = "<NgayThangNamSinh><Nam>1999</Nam></NgayThangNamSinh>";

    #[test]
    fn a_question_in_the_right_order_is_read() {
        let q = read(&format!("{HEAD}<TaiKhoan/>{ID}{NAME}{BORN}")).expect("reads");
        assert_eq!((q.id.as_deref(), &*q.name), (Some("001099000001"), "Nguyễn & Văn An"));
        assert_eq!((q.birth_year.as_deref(), q.birth_date), (Some("1999"), None));
        assert!(read(&format!("{HEAD}<SoCMND>012345678</SoCMND>{NAME}{BORN}")).is_ok());
    }

    #[test]
    fn order_presence_and_form_matter() {
        for (content, named) in [
            (format!("{ID}{HEAD}{NAME}{BORN}"), "MaYeuCau"),
            (format!("{HEAD}{NAME}{ID}{BORN}"), "SoDinhDanh"),
            (format!("{HEAD}{ID}{BORN}{NAME}"), "HoVaTen"),
            (format!("{HEAD}{ID}{NAME}"), "NgayThangNamSinh"),
            (format!("{HEAD}{NAME}{BORN}"), "SoDinhDanh"),
            (format!("{HEAD}{ID}<SoCMND>012345678</SoCMND>{NAME}{BORN}"), "exactly one"),
            (format!("{HEAD}{ID}{ID}{NAME}{BORN}"), "twice"),
            (format!("{HEAD}<SoDinhDanh>12</SoDinhDanh>{NAME}{BORN}"), "SoDinhDanh"),
            (format!("{HEAD}{ID}{NAME}<NgayThangNamSinh>1999</NgayThangNamSinh>"), "NgayThangNamSinh"),
            (format!("{HEAD}{ID}{NAME}<NgayThangNamSinh><Ngay>1</Ngay></NgayThangNamSinh>"), "Ngay"),
            (format!("{HEAD}{ID}{NAME}{BORN}<Khac/>"), "Khac"),
            (HEAD.replace("037", "038") + ID + NAME + BORN, "037"),
            (HEAD.replace("<MaDVC>2</MaDVC>", "<MaDVC/>") + ID + NAME + BORN, "MaDVC"),
            (String::new(), "MaYeuCau"),
        ] {
            let why = read(&content).expect_err(&content);
            assert!(why.contains(named), "{why}: {content}");
        }
    }
}
