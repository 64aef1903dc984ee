//! Invented citizens: names as Vietnamese are named, personal numbers of the form of Decree 137/2015/ND-CP (three digits of the
//! province, one of century and gender, two of the year, six of chance). Any likeness to a real person is chance.

use crate::seed::{Chance, serial};

/// A name in its three parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonName {
    /// `Ho`.
    pub family: String,
    /// `ChuDem`.
    pub middle: String,
    /// `Ten`.
    pub given: String,
}

impl PersonName {
    /// The parts in their order.
    pub fn full(&self) -> String {
        format!("{} {} {}", self.family, self.middle, self.given)
    }
}

/// Where someone lives or a company has its seat, with the codes of the general statistics office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Two digits of the province.
    pub province: &'static str,
    /// The province's name.
    pub province_name: &'static str,
    /// Three digits of the district.
    pub district: String,
    /// Five digits of the commune.
    pub ward: String,
    /// House and street.
    pub detail: String,
}

/// Someone who does not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Citizen {
    /// Personal number, 12 digits.
    pub id: String,
    /// Old identity card, 9 digits; only who was 14 before 2016 has one.
    pub old_id: Option<String>,
    /// Name.
    pub name: PersonName,
    /// Whether a woman.
    pub female: bool,
    /// Year, month, day of birth.
    pub born: (u16, u8, u8),
    /// Code of the ethnic group.
    pub ethnicity: &'static str,
    /// Code of the religion, `00` for none.
    pub religion: &'static str,
    /// 1 single, 2 married, 3 divorced, 4 widowed.
    pub marital: u8,
    /// Code of the blood group, `00` where unknown.
    pub blood: &'static str,
    /// Where they live.
    pub home: Address,
    /// Father's name.
    pub father: PersonName,
    /// Mother's name.
    pub mother: PersonName,
    /// Number of the household book.
    pub household: String,
}

impl Citizen {
    /// Date of birth as `yyyyMMdd`.
    pub fn birth_date(&self) -> String {
        let (year, month, day) = self.born;
        format!("{year:04}{month:02}{day:02}")
    }
}

/// Code and name of provinces; personal numbers take the code with a leading zero.
pub(crate) const PROVINCES: [(&str, &str); 24] = [
    ("01", "Thành phố Hà Nội"),
    ("02", "Tỉnh Hà Giang"),
    ("04", "Tỉnh Cao Bằng"),
    ("10", "Tỉnh Lào Cai"),
    ("15", "Tỉnh Yên Bái"),
    ("19", "Tỉnh Thái Nguyên"),
    ("22", "Tỉnh Quảng Ninh"),
    ("27", "Tỉnh Bắc Ninh"),
    ("30", "Tỉnh Hải Dương"),
    ("31", "Thành phố Hải Phòng"),
    ("36", "Tỉnh Nam Định"),
    ("38", "Tỉnh Thanh Hóa"),
    ("40", "Tỉnh Nghệ An"),
    ("45", "Tỉnh Quảng Trị"),
    ("46", "Thành phố Huế"),
    ("48", "Thành phố Đà Nẵng"),
    ("52", "Tỉnh Bình Định"),
    ("56", "Tỉnh Khánh Hòa"),
    ("66", "Tỉnh Đắk Lắk"),
    ("68", "Tỉnh Lâm Đồng"),
    ("75", "Tỉnh Đồng Nai"),
    ("79", "Thành phố Hồ Chí Minh"),
    ("92", "Thành phố Cần Thơ"),
    ("96", "Tỉnh Cà Mau"),
];

/// Family names about as often as they are met.
const FAMILY: [&str; 24] = [
    "Nguyễn", "Nguyễn", "Nguyễn", "Nguyễn", "Nguyễn", "Trần", "Trần", "Lê", "Lê", "Phạm", "Hoàng", "Huỳnh",
    "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương", "Lý", "Đinh", "Nông",
];
const MIDDLE_F: [&str; 12] =
    ["Thị", "Thị", "Thị", "Thị Thu", "Thị Ngọc", "Ngọc", "Thanh", "Thùy", "Khánh", "Phương", "Diệu", "Bảo"];
const MIDDLE_M: [&str; 12] =
    ["Văn", "Văn", "Văn", "Đức", "Hữu", "Quang", "Minh", "Công", "Xuân", "Đình", "Thế", "Anh"];
const GIVEN_F: [&str; 24] = [
    "Ánh", "Bích", "Châu", "Dung", "Đào", "Giang", "Hà", "Hạnh", "Hằng", "Hiền", "Hoa", "Hương", "Huyền",
    "Lan", "Linh", "Mai", "Nga", "Nhung", "Oanh", "Quỳnh", "Thảo", "Trang", "Tuyết", "Yến",
];
const GIVEN_M: [&str; 24] = [
    "An", "Bình", "Cường", "Dũng", "Đạt", "Hải", "Hiếu", "Hoàng", "Hùng", "Huy", "Khoa", "Kiên", "Long",
    "Mạnh", "Nam", "Phong", "Phúc", "Quân", "Sơn", "Thắng", "Thành", "Tuấn", "Việt", "Vương",
];
const STREETS: [&str; 16] = [
    "Trần Hưng Đạo",
    "Lê Lợi",
    "Nguyễn Huệ",
    "Hai Bà Trưng",
    "Lý Thường Kiệt",
    "Quang Trung",
    "Phan Bội Châu",
    "Nguyễn Trãi",
    "Lê Duẩn",
    "Hùng Vương",
    "Ngô Quyền",
    "Đinh Tiên Hoàng",
    "Bà Triệu",
    "Điện Biên Phủ",
    "Trường Chinh",
    "Phạm Văn Đồng",
];

pub(crate) fn person(chance: &mut Chance, family: &str, female: bool) -> PersonName {
    let (middle, given) = if female { (&MIDDLE_F[..], &GIVEN_F[..]) } else { (&MIDDLE_M[..], &GIVEN_M[..]) };
    PersonName { family: family.into(), middle: chance.pick(middle).into(), given: chance.pick(given).into() }
}

pub(crate) fn family(chance: &mut Chance) -> &'static str {
    chance.pick(&FAMILY)
}

pub(crate) fn address(chance: &mut Chance) -> Address {
    let (province, province_name) = PROVINCES[chance.below(PROVINCES.len())];
    let district = format!("{:03}", 1 + chance.below(900));
    let ward = format!("{:05}", 1 + chance.below(32_000));
    let detail = format!("Số {} đường {}", 1 + chance.below(400), chance.pick(&STREETS));
    Address { province, province_name, district, ward, detail }
}

/// So many citizens from a seed. The first ones are the same whatever the number.
pub(crate) fn invent(seed: u64, number: usize) -> Vec<Citizen> {
    let mut chance = Chance::new(seed, 1);
    (0..number).map(|i| invent_one(&mut chance, seed, i)).collect()
}

fn invent_one(chance: &mut Chance, seed: u64, i: usize) -> Citizen {
    let female = chance.one_in(2);
    let year = 1945 + chance.below(66) as u16;
    let born = (year, 1 + chance.below(12) as u8, 1 + chance.below(28) as u8);
    let (birth_province, _) = PROVINCES[chance.below(PROVINCES.len())];
    let century = if year < 2000 { 0 } else { 2 };
    let serial = serial(seed, i);
    let id = format!("0{birth_province}{}{:02}{serial:06}", century + u8::from(female), year % 100);
    let old_id = (year < 2002).then(|| format!("{birth_province}1{serial:06}"));
    let family = family(chance);
    let mothers_family = self::family(chance);
    Citizen {
        id,
        old_id,
        name: person(chance, family, female),
        female,
        born,
        ethnicity: if chance.one_in(7) { chance.pick(&["02", "03", "04", "05", "06"]) } else { "01" },
        religion: if chance.one_in(8) { chance.pick(&["01", "02"]) } else { "00" },
        marital: if year > 2004 { 1 } else { 1 + chance.below(4) as u8 },
        blood: chance.pick(&["00", "01", "02", "03", "04"]),
        home: address(chance),
        father: person(chance, family, false),
        mother: person(chance, mothers_family, true),
        household: format!("{:09}", chance.below(1_000_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::invent;
    use std::collections::HashSet;

    #[test]
    fn a_seed_always_invents_the_same_and_another_seed_others() {
        assert_eq!(invent(7, 500), invent(7, 500));
        assert_eq!(invent(7, 500)[..100], invent(7, 100)[..]);
        assert_ne!(invent(7, 5), invent(8, 5));
    }

    #[test]
    fn personal_numbers_are_unique_and_tell_province_gender_and_year() {
        let citizens = invent(7, 20_000);
        let ids: HashSet<_> = citizens.iter().map(|c| &c.id).collect();
        assert_eq!(ids.len(), citizens.len());
        for c in &citizens {
            assert!(c.id.len() == 12 && c.id.bytes().all(|b| b.is_ascii_digit()), "{}", c.id);
            let digit = c.id.as_bytes()[3] - b'0';
            assert_eq!((digit & 1 == 1, digit >> 1), (c.female, u8::from(c.born.0 >= 2000)));
            assert_eq!(c.id[4..6], c.birth_date()[2..4]);
            assert!(c.old_id.as_ref().is_none_or(|o| o.len() == 9));
        }
        assert!(citizens.iter().any(|c| c.old_id.is_some()) && citizens.iter().any(|c| c.old_id.is_none()));
    }

    #[test]
    fn names_are_composed_characters() {
        // Every Vietnamese letter has a composed form, so text without combining marks is in NFC.
        for c in invent(7, 5_000) {
            let all = format!("{} {} {} {}", c.name.full(), c.father.full(), c.mother.full(), c.home.detail);
            assert!(!all.chars().any(|c| ('\u{300}'..='\u{36f}').contains(&c)), "{all}");
        }
        let text = format!("{:?}{:?}{:?}", super::PROVINCES, super::STREETS, super::FAMILY);
        assert!(!text.chars().any(|c| ('\u{300}'..='\u{36f}').contains(&c)));
    }
}
