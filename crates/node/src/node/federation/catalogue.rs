//! What the X-Road edge lists beyond this node's registry: the members of the directory with their agencies and systems.

use bytes::Bytes;
use lgsp_directory::DirectoryHandle;
use lgsp_directory::members::MemberAgency;
use lgsp_gateway::{CatalogueSource, ListedMember};

/// Reads the directory as it is now.
pub struct Beyond(pub DirectoryHandle);

impl CatalogueSource for Beyond {
    fn members(&self) -> Vec<ListedMember> {
        let Some(directory) = self.0.get() else { return Vec::new() };
        let mut listed = Vec::new();
        for member in directory.members() {
            for agency in &member.agencies {
                listed.push(entry(agency, None));
                let theirs = member.profile.systems.iter().filter(|s| agency.has_code(&s.agency));
                listed.extend(theirs.map(|s| entry(agency, Some((s.id.as_str(), &s.name)))));
            }
        }
        listed
    }

    /// Descriptions are made from the operations: none is registered with a node.
    fn description(&self, _service: &str, _version: &str) -> Option<Bytes> {
        None
    }
}

fn entry(agency: &MemberAgency, system: Option<(&str, &str)>) -> ListedMember {
    let code = agency.code.as_str();
    ListedMember {
        enterprise: is_tax_code(code),
        code: code.to_owned(),
        name: Some(agency.name.to_string()),
        system: system.map(|(id, _)| id.to_owned()),
        system_name: system.map(|(_, name)| name.to_owned()),
    }
}

/// A business is known by its registration number: ten digits, or thirteen with its branch (Decision 20/2020/QD-TTg).
fn is_tax_code(code: &str) -> bool {
    let digits = code.bytes().filter(u8::is_ascii_digit).count();
    code.bytes().all(|b| b.is_ascii_digit() || b == b'-') && matches!(digits, 10 | 13)
}

#[cfg(test)]
mod tests {
    use super::is_tax_code;

    #[test]
    fn a_business_is_told_from_an_agency_by_its_code() {
        assert!(is_tax_code("0101234567") && is_tax_code("0101234567-001"));
        assert!(!is_tax_code("H98.02") && !is_tax_code("000.00.00.G22") && !is_tax_code("12345"));
    }
}
