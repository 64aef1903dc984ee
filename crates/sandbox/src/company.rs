//! Invented companies, with tax codes of ten digits whose last is the check digit that real ones carry.

use crate::citizen::{Address, PersonName, address, family, person};
use crate::seed::{Chance, serial};
use time::Date;

/// A company that does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// Tax code, which is also the registration number (`msdn`): 10 digits.
    pub tax_code: String,
    /// Registered name.
    pub name: String,
    /// Who represents it.
    pub representative: PersonName,
    /// Founding capital, dong.
    pub capital: u64,
    /// `NNT đang hoạt động` and the like.
    pub status: &'static str,
    /// Seat.
    pub seat: Address,
    /// Code and name of the main line of business.
    pub activity: (&'static str, &'static str),
    /// The day of registration.
    pub registered: Date,
}

const FORMS: [&str; 4] =
    ["CÔNG TY TNHH", "CÔNG TY TNHH MỘT THÀNH VIÊN", "CÔNG TY CỔ PHẦN", "DOANH NGHIỆP TƯ NHÂN"];
const WORDS: [&str; 20] = [
    "AN PHÚ",
    "BÌNH MINH",
    "CỬU LONG",
    "ĐẠI PHÁT",
    "ĐÔNG Á",
    "HÒA BÌNH",
    "HOÀNG GIA",
    "HƯNG THỊNH",
    "KIM LIÊN",
    "MINH KHÔI",
    "NAM VIỆT",
    "PHÚC LỘC",
    "QUANG VINH",
    "SAO MAI",
    "SÔNG HỒNG",
    "TÂN TIẾN",
    "THÀNH CÔNG",
    "THIÊN LONG",
    "TRƯỜNG SƠN",
    "VẠN XUÂN",
];
const ACTIVITIES: [(&str, &str, &str); 8] = [
    ("0111", "Trồng lúa", "NÔNG SẢN"),
    ("1010", "Chế biến, bảo quản thịt", "THỰC PHẨM"),
    ("1410", "May trang phục", "MAY MẶC"),
    ("4102", "Xây dựng nhà không để ở", "XÂY DỰNG"),
    ("4651", "Bán buôn máy vi tính và phần mềm", "TIN HỌC"),
    ("4933", "Vận tải hàng hóa bằng đường bộ", "VẬN TẢI"),
    ("5610", "Nhà hàng và các dịch vụ ăn uống phục vụ lưu động", "DỊCH VỤ ĂN UỐNG"),
    ("6201", "Lập trình máy vi tính", "CÔNG NGHỆ"),
];
const STATUS: [&str; 5] = [
    "NNT đang hoạt động",
    "NNT đang hoạt động",
    "NNT đang hoạt động",
    "NNT tạm nghỉ kinh doanh có thời hạn",
    "NNT ngừng hoạt động và đã đóng MST",
];
/// Registrations lie in the ten years from here.
const FIRST_DAY: Date = time::macros::date!(2015 - 01 - 01);
const DAYS: usize = 3_652;

/// So many companies from a seed. The first ones are the same whatever the number.
pub(crate) fn invent(seed: u64, number: usize) -> Vec<Company> {
    let mut chance = Chance::new(seed, 2);
    (0..number).map(|i| invent_one(&mut chance, seed, i)).collect()
}

fn invent_one(chance: &mut Chance, seed: u64, i: usize) -> Company {
    let (code, title, line) = ACTIVITIES[chance.below(ACTIVITIES.len())];
    let name = format!("{} {line} {} {}", chance.pick(&FORMS), chance.pick(&WORDS), chance.pick(&WORDS));
    let seat = address(chance);
    let female = chance.one_in(3);
    let family = family(chance);
    let days = time::Duration::days(chance.below(DAYS) as i64);
    Company {
        tax_code: tax_code(seat.province, serial(seed, i)),
        name,
        representative: person(chance, family, female),
        capital: 100_000_000 * (1 + chance.below(500) as u64),
        status: chance.pick(&STATUS),
        seat,
        activity: (code, title),
        registered: FIRST_DAY.saturating_add(days),
    }
}

/// Two digits of the province, six of the serial, one that makes a check digit possible, and that.
fn tax_code(province: &str, serial: u32) -> String {
    (0..10)
        .find_map(|filler| {
            let nine = format!("{province}{serial:06}{filler}");
            check_digit(&nine).map(|check| nine + &check.to_string())
        })
        .expect("at most one of ten fillers leads to no digit: 3 and 11 have no factor in common")
}

/// The tenth digit for nine; none where the remainder leaves no single digit.
fn check_digit(nine: &str) -> Option<u32> {
    const WEIGHTS: [u32; 9] = [31, 29, 23, 19, 17, 13, 7, 5, 3];
    let sum: u32 = nine.bytes().zip(WEIGHTS).map(|(d, w)| u32::from(d - b'0') * w).sum();
    let digit = 10 - sum % 11;
    (digit < 10).then_some(digit)
}

#[cfg(test)]
mod tests {
    use super::{check_digit, invent};
    use std::collections::HashSet;

    #[test]
    fn tax_codes_are_unique_and_their_check_digit_holds() {
        let companies = invent(7, 20_000);
        let codes: HashSet<_> = companies.iter().map(|c| &c.tax_code).collect();
        assert_eq!(codes.len(), companies.len());
        for c in &companies {
            assert_eq!(c.tax_code.len(), 10);
            assert_eq!(
                check_digit(&c.tax_code[..9]).map(|d| d.to_string()).as_deref(),
                Some(&c.tax_code[9..])
            );
            assert!(!c.name.chars().any(|c| ('\u{300}'..='\u{36f}').contains(&c)), "{}", c.name);
        }
    }

    #[test]
    fn a_seed_always_invents_the_same() {
        assert_eq!(invent(7, 500), invent(7, 500));
        assert_ne!(invent(7, 5), invent(9, 5));
    }
}
