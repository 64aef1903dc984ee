//! What the platform puts into a request: text in which names in braces stand for what is known of the call.

use lgsp_kernel::Millis;
use lgsp_kernel::mediation::CallFacts;

/// Bytes of a template.
const TEMPLATE_MAX: usize = 1_000;
/// Viet Nam's distance from UTC, milliseconds.
const LOCAL_MS: i64 = 7 * 3_600_000;

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Exchange,
    Officer,
    Dossier,
    Purpose,
    System,
    Agency,
    Time(String),
}

/// A template, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

impl Template {
    /// Reads one. `{{` and `}}` stand for braces.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > TEMPLATE_MAX {
            return Err(format!("longer than {TEMPLATE_MAX} bytes"));
        }
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let end = rest.find('}').filter(|_| brace == "{");
            let end =
                end.ok_or_else(|| format!("{text:?} has a brace too many; write {{{{ or }}}} for a brace"))?;
            let name = &rest[..end];
            rest = &rest[end + 1..];
            if !plain.is_empty() {
                pieces.push(Piece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(piece(name)?);
        }
        plain.push_str(rest);
        if !plain.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }

    /// The text for a call. The error names what the caller must state.
    pub fn fill(&self, facts: &CallFacts<'_>) -> Result<String, &'static str> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Exchange => out.push_str(facts.exchange),
                Piece::Officer => out.push_str(facts.officer.ok_or("lgsp-officer")?),
                Piece::Dossier => out.push_str(facts.dossier.ok_or("lgsp-dossier")?),
                Piece::Purpose => out.push_str(facts.purpose.ok_or("lgsp-purpose")?),
                Piece::System => out.push_str(facts.system),
                Piece::Agency => out.push_str(facts.agency),
                Piece::Time(format) => out.push_str(&time(facts.at, format)),
            }
        }
        Ok(out)
    }
}

fn piece(name: &str) -> Result<Piece, String> {
    Ok(match name {
        "exchange" => Piece::Exchange,
        "officer" => Piece::Officer,
        "dossier" => Piece::Dossier,
        "purpose" => Piece::Purpose,
        "system" => Piece::System,
        "agency" => Piece::Agency,
        name => match name.strip_prefix("time:") {
            Some(format) if !format.is_empty() => Piece::Time(format.to_owned()),
            _ => {
                return Err(format!(
                    "{{{name}}} is not known; there are {{exchange}}, {{officer}}, {{dossier}}, {{purpose}}, {{system}}, {{agency}}, {{time:yyyyMMddHHmmss}}"
                ));
            }
        },
    })
}

/// The time at UTC+7: `yyyy`, `MM`, `dd`, `HH`, `mm`, `ss`, `SSS`; anything else stands for itself.
fn time(at: Millis, format: &str) -> String {
    let local = at.0 + LOCAL_MS;
    let (days, rest) = (local.div_euclid(86_400_000), local.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let parts = [
        ("yyyy", format!("{year:04}")),
        ("SSS", format!("{:03}", rest % 1000)),
        ("MM", format!("{month:02}")),
        ("dd", format!("{day:02}")),
        ("HH", format!("{:02}", rest / 3_600_000)),
        ("mm", format!("{:02}", rest / 60_000 % 60)),
        ("ss", format!("{:02}", rest / 1000 % 60)),
    ];
    let (mut out, mut rest) = (String::new(), format);
    'all: while let Some(first) = rest.chars().next() {
        for (name, value) in &parts {
            if let Some(after) = rest.strip_prefix(name) {
                out.push_str(value);
                rest = after;
                continue 'all;
            }
        }
        out.push(first);
        rest = &rest[first.len_utf8()..];
    }
    out
}

/// Year, month and day of a number of days since 1970-01-01 (proleptic Gregorian calendar).
fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let of_era = z.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::Template;
    use lgsp_kernel::Millis;
    use lgsp_kernel::mediation::CallFacts;

    fn facts() -> CallFacts<'static> {
        CallFacts {
            exchange: "ex_1",
            system: "motcua",
            agency: "H98",
            officer: Some("cb-01"),
            purpose: None,
            dossier: None,
            // 2026-01-31T23:59:58.007+07:00
            at: Millis::parse("2026-01-31T23:59:58+07:00").map(|m| Millis(m.0 + 7)).unwrap(),
        }
    }

    #[test]
    fn names_in_braces_stand_for_what_is_known_of_the_call() {
        let fill = |text: &str| Template::parse(text).unwrap().fill(&facts());
        assert_eq!(fill("{agency}-{system}/{exchange} {{x}}").unwrap(), "H98-motcua/ex_1 {x}");
        assert_eq!(fill("{time:yyyyMMddHHmmssSSS}").unwrap(), "20260131235958007");
        assert_eq!(fill("{time:dd/MM/yyyy}").unwrap(), "31/01/2026");
        assert_eq!(fill("037").unwrap(), "037");
        assert_eq!(fill("{dossier}"), Err("lgsp-dossier"));
    }

    #[test]
    fn what_is_not_known_is_refused_at_publishing() {
        for bad in ["{what}", "{time:}", "{officer", "a } b", &"x".repeat(1_001)] {
            Template::parse(bad).unwrap_err();
        }
    }
}
