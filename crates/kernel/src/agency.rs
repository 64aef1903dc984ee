//! Agency codes in the two forms that are met: QCVN 102:2016 (`000.00.15.H01`) and Decision 20/2020/QD-TTg
//! (`H01.15.02`, either order). Which codes name the same agency is the registry's knowledge, not this file's.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Decision 20/2020/QD-TTg, Article 4: a code has at most 35 characters.
pub const AGENCY_CODE_MAX: usize = 35;

/// An agency's code: groups of `0-9` and `A-Z` separated by dots, kept in upper case.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct AgencyCode(Box<str>);

/// Which of the two written forms a code has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgencyCodeForm {
    /// QCVN 102:2016: `V1V2V3.Z1Z2.Y1Y2.MX1X2`.
    Qcvn102,
    /// Decision 20/2020/QD-TTg, or a business registration number.
    Decision20,
}

/// Why a text is not an agency code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not an agency code: use groups of 0-9 and A-Z separated by dots, at most {AGENCY_CODE_MAX} characters, such as H01.15.02 or 000.00.15.H01"
)]
pub struct AgencyCodeError(String);

impl AgencyCode {
    /// The code in upper case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The written form. A code of four groups of 3, 2, 2 and 3 characters of which only the last starts with a
    /// letter is QCVN 102; everything else is Decision 20/2020.
    pub fn form(&self) -> AgencyCodeForm {
        let groups: Vec<&str> = self.0.split('.').collect();
        let digits = |g: &str, n: usize| g.len() == n && g.bytes().all(|b| b.is_ascii_digit());
        match groups.as_slice() {
            [v, z, y, m]
                if digits(v, 3)
                    && digits(z, 2)
                    && digits(y, 2)
                    && m.len() == 3
                    && m.as_bytes()[0].is_ascii_uppercase() =>
            {
                AgencyCodeForm::Qcvn102
            }
            _ => AgencyCodeForm::Decision20,
        }
    }
}

impl FromStr for AgencyCode {
    type Err = AgencyCodeError;
    fn from_str(s: &str) -> Result<Self, AgencyCodeError> {
        let upper = s.trim().to_ascii_uppercase();
        let fine = !upper.is_empty()
            && upper.len() <= AGENCY_CODE_MAX
            && upper
                .split('.')
                .all(|g| !g.is_empty() && g.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase()));
        if fine { Ok(Self(upper.into())) } else { Err(AgencyCodeError(s.chars().take(60).collect())) }
    }
}
impl fmt::Display for AgencyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl std::borrow::Borrow<str> for AgencyCode {
    fn borrow(&self) -> &str {
        &self.0
    }
}
impl<'de> Deserialize<'de> for AgencyCode {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}
impl utoipa::PartialSchema for AgencyCode {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        <String as utoipa::PartialSchema>::schema()
    }
}
impl utoipa::ToSchema for AgencyCode {}

#[cfg(test)]
mod tests {
    use super::{AgencyCode, AgencyCodeForm};

    #[test]
    fn both_forms_are_read_and_told_apart() {
        let form = |s: &str| s.parse::<AgencyCode>().map(|c| c.form());
        assert_eq!(form("000.00.15.H01"), Ok(AgencyCodeForm::Qcvn102));
        assert_eq!(form("000.00.00.g22"), Ok(AgencyCodeForm::Qcvn102));
        assert_eq!(form("H01.15.02"), Ok(AgencyCodeForm::Decision20));
        assert_eq!(form("28.22.H17"), Ok(AgencyCodeForm::Decision20));
        assert_eq!(form("0101234567"), Ok(AgencyCodeForm::Decision20));
    }

    #[test]
    fn malformed_codes_are_refused() {
        for bad in ["", ".", "H01.", "H01..02", "H01 15", "Hà.01", &"1".repeat(36), "a/b"] {
            assert!(bad.parse::<AgencyCode>().is_err(), "{bad:?}");
        }
    }
}
