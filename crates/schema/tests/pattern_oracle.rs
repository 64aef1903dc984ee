//! Patterns held against a second implementation, `xmllint` of libxml2, where it is installed: the same values match.

#![allow(clippy::unwrap_used)]

use lgsp_schema::pattern::Pattern;
use std::process::Command;

#[rustfmt::skip]
const PATTERNS: &[&str] = &[
    r"\d{12}", r"[0-9]{9}([0-9]{3})?", r"[A-Z]{2}\d+", r"\i\c*", r"[\i-[:]][\c-[:]]*", r"\s*", r"\S+", r"\w+", r"\W", r"\p{L}+",
    r"\p{Lu}\p{Ll}*", r"\P{L}+", r"\p{Nd}", r"\p{IsBasicLatin}+", r"\p{IsLatin-1Supplement}+", r"[a-z-[aeiou]]+", r"[^a-z]+", r"[^\d]+",
    r"a|b|ab", r"(a|b)*c", r"a?b+c*", r".+", r".{3}", r"a{2,3}", r"a{2,}", r"[\-+]?\d+(\.\d+)?", r"[+\-]", r"[a\]]", r"[\^a]", r"\.", r"\\",
    r"(\d{2}/){2}\d{4}", r"[^@]+@[^@]+", r"\D*", r"\C+", r"\I.*", r"[a-c\d]+", r"[\p{Lu}\d]+", r"(ab)+|c", "[ăâđêôơư]+",
];
#[rustfmt::skip]
const VALUES: &[&str] = &[
    "a", "b", "ab", "abc", "aab", "aa", "aaa", "aaaa", "bc", "c", "ababc", "xyz", "XYZ", "Hà", "Nguyễn", "đ", "ă", "ưê", "é", "1", "12", "123456789",
    "001099012345", "VN123", "a:b", "-1", "+1.5", "1.", "+", "-", ".", "\\", "]", "^", "_x", "x-1", "a b", "01/02/2024", "a@b.vn", "٣", "😀", "#", "~", "A1",
];

#[test]
fn the_same_values_match() {
    let folder = tempfile::tempdir().unwrap();
    let mut compared = 0;
    let mut differ = Vec::new();
    for pattern in PATTERNS {
        let ours = Pattern::compile(pattern).unwrap();
        let schema = format!(
            "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:element name='r'><xs:complexType><xs:sequence>\
             <xs:element name='v' maxOccurs='unbounded'><xs:simpleType><xs:restriction base='xs:string'><xs:pattern value='{pattern}'/>\
             </xs:restriction></xs:simpleType></xs:element></xs:sequence></xs:complexType></xs:element></xs:schema>"
        );
        let document: String = VALUES.iter().map(|v| format!("<v>{v}</v>\n")).collect();
        std::fs::write(folder.path().join("a.xsd"), schema).unwrap();
        std::fs::write(folder.path().join("a.xml"), format!("<r>\n{document}</r>")).unwrap();
        let run = Command::new("xmllint")
            .args(["--noout", "--nonet", "--schema", "a.xsd", "a.xml"])
            .current_dir(folder.path())
            .output();
        let Ok(output) = run else { return };
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 3)), "{pattern}: {told}");
        for (number, value) in VALUES.iter().enumerate() {
            let theirs = !told.contains(&format!("a.xml:{}: element v", number + 2));
            compared += 1;
            if ours.is_match(value) != theirs {
                differ.push((*pattern, *value));
            }
        }
    }
    assert!(compared >= 1_500);
    assert_eq!(differ, KNOWN);
}

/// Characters of names are those of XML 1.0's fifth edition here, of the fourth in libxml2.
#[rustfmt::skip]
const KNOWN: &[(&str, &str)] = &[
    (r"\i\c*", "٣"), (r"\i\c*", "😀"), (r"[\i-[:]][\c-[:]]*", "٣"), (r"[\i-[:]][\c-[:]]*", "😀"), (r"\C+", "😀"), (r"\I.*", "٣"),
    (r"\I.*", "😀"),
];
