//! The messages of the convert rows: lists of invented citizens as XML by `bench/convert/citizens.wsdl`, and the same as JSON. The same each time, so
//! that runs can be compared. Not here: who sends them (`convert`).

use crate::process::Outcome;

/// The WSDL's namespace.
pub const NAMESPACE: &str = "http://bench.example/congdan";

/// A SOAP 1.1 envelope.
pub fn envelope(body: &str) -> String {
    let soap = "http://schemas.xmlsoap.org/soap/envelope/";
    format!("<soap:Envelope xmlns:soap=\"{soap}\"><soap:Body>{body}</soap:Body></soap:Envelope>")
}

/// The provider's answer: as many citizens as fit into this many bytes.
pub fn answer(bytes: usize) -> String {
    list(bytes).0
}

/// The content of [`answer`] as JSON.
pub fn said_as_json(bytes: usize) -> String {
    json((0..list(bytes).1).map(|n| Citizen::number(n).json()))
}

/// A caller's update: as many citizens as fit into this many bytes of JSON.
pub fn update(bytes: usize) -> String {
    let mut citizens = Vec::new();
    for n in 0.. {
        citizens.push(Citizen::number(n).json());
        if json(citizens.iter().cloned()).len() > bytes {
            citizens.pop();
            break;
        }
    }
    json(citizens.into_iter())
}

/// Whether two JSON texts say the same.
pub fn same(expected: &str, found: &str) -> Outcome<()> {
    let read = |text: &str| {
        serde_json::from_str::<serde_json::Value>(text).map_err(|e| format!("no JSON: {e}\n{text}"))
    };
    if read(expected)? == read(found)? {
        return Ok(());
    }
    Err(format!("the answer says something else than was sent:\n{found}\ninstead of\n{expected}"))
}

/// The answer and how many citizens it has.
fn list(bytes: usize) -> (String, usize) {
    let whole = |records: &str| {
        let schema = "http://www.w3.org/2001/XMLSchema-instance";
        envelope(&format!(
            "<TraCuuResponse xmlns=\"{NAMESPACE}\" xmlns:xsi=\"{schema}\">{records}</TraCuuResponse>"
        ))
    };
    let room = bytes - whole("").len();
    let mut records = String::new();
    for n in 0.. {
        let next = Citizen::number(n).xml();
        if records.len() + next.len() > room {
            return (whole(&records), n);
        }
        records.push_str(&next);
    }
    (whole(&records), 0)
}

fn json(citizens: impl Iterator<Item = String>) -> String {
    format!("{{\"CongDan\":[{}]}}", citizens.collect::<Vec<_>>().join(","))
}

/// What differs from one citizen to the next.
struct Citizen {
    number: usize,
    name: [&'static str; 3],
    sex: &'static str,
    born: String,
    died: Option<String>,
    phones: Vec<String>,
}

impl Citizen {
    fn number(n: usize) -> Self {
        let names = [
            ["Nguyễn", "Văn", "An"],
            ["Trần", "Thị", "Bích"],
            ["Lê", "Hoàng", "Cường"],
            ["Phạm", "Thị Thu", "Dung"],
        ];
        Self {
            number: n,
            name: names[n % 4],
            sex: ["NAM", "NU"][n % 2],
            born: format!("{}-{:02}-{:02}", 1940 + n % 70, 1 + n % 12, 1 + n % 28),
            died: (n % 5 == 4).then(|| format!("2024-{:02}-15", 1 + n % 12)),
            phones: (0..n % 3).map(|p| format!("09{p}{:07}", n * 7919 % 10_000_000)).collect(),
        }
    }

    fn xml(&self) -> String {
        let Self { number: n, name: [family, middle, given], sex, born, died, phones } = self;
        let died = died
            .as_ref()
            .map_or_else(|| "<NgayMat xsi:nil=\"true\"/>".to_owned(), |d| format!("<NgayMat>{d}</NgayMat>"));
        let phones: String = phones.iter().map(|p| format!("<DienThoai>{p}</DienThoai>")).collect();
        format!(
            "<CongDan phienBan=\"{}\" daXacThuc=\"{}\"><SoDinhDanh>0010{n:08}</SoDinhDanh>\
             <HoVaTen><Ho>{family}</Ho><ChuDem>{middle}</ChuDem><Ten>{given}</Ten></HoVaTen><GioiTinh>{sex}</GioiTinh><NgaySinh>{born}</NgaySinh>{died}\
             <ThuongTru maTinh=\"{:02}\"><MaPhuongXa>{:05}</MaPhuongXa><ChiTiet>Số {n}, đường Trần Hưng Đạo</ChiTiet><TuNgay>2015-06-01</TuNgay></ThuongTru>\
             <ThuNhap donVi=\"VND\">{}.50</ThuNhap><SoNguoiPhuThuoc>{}</SoNguoiPhuThuoc>{phones}<CapNhat>2026-01-31T08:00:{:02}+07:00</CapNhat></CongDan>\n",
            1 + n % 9,
            n % 2 == 0,
            1 + n % 96,
            1 + n % 99_999,
            8_000_000 + n * 1_250,
            n % 4,
            n % 60,
        )
    }

    fn json(&self) -> String {
        let Self { number: n, name: [family, middle, given], sex, born, died, phones } = self;
        let died = died.as_ref().map_or_else(|| "null".to_owned(), |d| format!("\"{d}\""));
        // A repeated element that is absent has no member.
        let phones = if phones.is_empty() { String::new() } else { format!("\"DienThoai\":{phones:?},") };
        format!(
            "{{\"@phienBan\":\"{}\",\"@daXacThuc\":{},\"SoDinhDanh\":\"0010{n:08}\",\
             \"HoVaTen\":{{\"Ho\":\"{family}\",\"ChuDem\":\"{middle}\",\"Ten\":\"{given}\"}},\"GioiTinh\":\"{sex}\",\"NgaySinh\":\"{born}\",\"NgayMat\":{died},\
             \"ThuongTru\":{{\"@maTinh\":\"{:02}\",\"MaPhuongXa\":\"{:05}\",\"ChiTiet\":\"Số {n}, đường Trần Hưng Đạo\",\"TuNgay\":\"2015-06-01\"}},\
             \"ThuNhap\":{{\"@donVi\":\"VND\",\"$\":\"{}.50\"}},\"SoNguoiPhuThuoc\":{},{phones}\"CapNhat\":\"2026-01-31T08:00:{:02}+07:00\"}}",
            1 + n % 9,
            n % 2 == 0,
            1 + n % 96,
            1 + n % 99_999,
            8_000_000 + n * 1_250,
            n % 4,
            n % 60,
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{answer, said_as_json, update};

    #[test]
    fn messages_are_of_the_size_they_are_named_after() {
        for bytes in [10 << 10, 100 << 10] {
            for text in [answer(bytes), update(bytes)] {
                assert!(text.len() <= bytes && text.len() > bytes - 1000, "{} of {bytes}", text.len());
            }
        }
        let list: serde_json::Value = serde_json::from_str(&said_as_json(10 << 10)).unwrap();
        assert_eq!(list["CongDan"].as_array().unwrap().len(), answer(10 << 10).matches("<CongDan ").count());
    }
}
