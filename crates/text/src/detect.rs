//! Which charset bytes are in, by how many of their words are Vietnamese syllables in each. Conservative: what is not clear is not guessed.
//! Not here: labels, and charsets that the bytes prove.

use crate::charset::Charset;
use crate::decode::to_unicode;
use crate::normal::nfc;
use crate::syllable::is_syllable;

/// Percent of the words with characters beyond ASCII that must be syllables in the charset chosen.
pub(crate) const CONFIDENCE_MIN: u8 = 80;
/// By how much the next charset that reads the text otherwise must be worse, percent.
pub(crate) const MARGIN_MIN: u8 = 25;
/// Words that the choice looks at; the check for parts in other charsets looks at all.
const WORDS_MAX: usize = 4096;
/// Below this a part counts as not being in the charset of the whole, percent.
const FOREIGN_BELOW: u8 = 50;

/// Words with characters beyond ASCII, with their offsets: letters, and all bytes from 80 but A0.
pub(crate) fn words(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let inside = |b: u8| b.is_ascii_alphabetic() || (b >= 0x80 && b != 0xA0);
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + bytes[at..].iter().position(|b| inside(*b))?;
            let len = bytes[start..].iter().position(|b| !inside(*b)).unwrap_or(bytes.len() - start);
            at = start + len;
            let word = &bytes[start..at];
            if !word.is_ascii() {
                return Some((start, word));
            }
        }
    })
}

/// Whether what a word was decoded to is made of syllables.
pub(crate) fn is_vietnamese(text: &str) -> bool {
    let text = nfc(text);
    let punctuation = |c: char| matches!(c, '‘' | '’' | '“' | '”' | '…' | '–' | '—' | '«' | '»' | '·' | '•');
    let word = text.trim_matches(punctuation);
    !word.is_empty() && word.split(punctuation).all(is_syllable)
}

/// How many of the words are Vietnamese in a charset, percent. What cannot be read is not.
fn score<'a>(charset: Charset, words: impl Iterator<Item = &'a [u8]>) -> u8 {
    let (mut all, mut fine) = (0usize, 0usize);
    for word in words {
        all += 1;
        fine += usize::from(to_unicode(charset, word).is_ok_and(|text| is_vietnamese(&text)));
    }
    u8::try_from(fine * 100 / all.max(1)).unwrap_or(0)
}

/// The charset that words are in and how sure that is, percent; none where it is not clear. `tie` wins where it is among equals.
pub(crate) fn guess(candidates: &[Charset], bytes: &[u8], tie: Option<Charset>) -> Option<(Charset, u8)> {
    let sample: Vec<&[u8]> = words(bytes).map(|(_, w)| w).take(WORDS_MAX).collect();
    let scored: Vec<(Charset, u8)> = candidates
        .iter()
        .filter(|c| Charset::GUESSED.contains(c))
        .map(|c| (*c, score(*c, sample.iter().copied())))
        .collect();
    let top = scored.iter().map(|(_, s)| *s).max().filter(|s| *s >= CONFIDENCE_MIN)?;
    let best = pick(&scored, top, tie, &sample);
    let read = |c: Charset| -> Vec<Option<String>> {
        sample.iter().map(|w| to_unicode(c, w).ok().map(|t| nfc(&t).to_lowercase())).collect()
    };
    let chosen = read(best);
    let rival = scored.iter().any(|(c, s)| {
        *c != best && u16::from(*s) + u16::from(MARGIN_MIN) > u16::from(top) && read(*c) != chosen
    });
    let told_apart = !rival || (tie == Some(best) && sample.len() >= 2);
    told_apart.then_some((best, top))
}

/// Among the best: the one that breaks ties, capitals where all the rest is capitals, the first.
fn pick(scored: &[(Charset, u8)], top: u8, tie: Option<Charset>, sample: &[&[u8]]) -> Charset {
    let best = |c: Charset| scored.contains(&(c, top));
    let capitals = || {
        let mut letters = sample.iter().flat_map(|w| w.iter()).filter(|b| b.is_ascii_alphabetic()).peekable();
        letters.peek().is_some() && letters.all(u8::is_ascii_uppercase)
    };
    if let Some(tie) = tie.filter(|t| best(*t)) {
        return tie;
    }
    if best(Charset::Tcvn3Upper) && (!best(Charset::Tcvn3) || capitals()) {
        return Charset::Tcvn3Upper;
    }
    scored.iter().find(|(_, s)| *s == top).map_or(Charset::Windows1252, |(c, _)| *c)
}

/// The first part (between markup, quotes and line ends, which are ASCII in all charsets) that clearly is in another charset.
pub(crate) fn foreign(chosen: Charset, candidates: &[Charset], bytes: &[u8]) -> Option<(usize, Charset)> {
    let ends = |b: &u8| matches!(b, b'<' | b'>' | b'"' | b'\n');
    let mut at = 0;
    for part in bytes.split(ends) {
        let start = at;
        at += part.len() + 1;
        if part.is_ascii() {
            continue;
        }
        let own = score(chosen, words(part).map(|(_, w)| w));
        if own >= FOREIGN_BELOW {
            continue;
        }
        let offset = start + words(part).next().map_or(0, |(i, _)| i);
        let unicode = std::str::from_utf8(part).is_ok()
            && score(Charset::Utf8, words(part).map(|(_, w)| w)) >= CONFIDENCE_MIN;
        if unicode {
            return Some((offset, Charset::Utf8));
        }
        let many = words(part).count() >= 2;
        let other = guess(candidates, part, None).filter(|(c, _)| !same_bytes(*c, chosen));
        if let Some((other, _)) = other.filter(|_| many) {
            return Some((offset, other));
        }
    }
    None
}

fn same_bytes(a: Charset, b: Charset) -> bool {
    let plain = |c| if c == Charset::Tcvn3Upper { Charset::Tcvn3 } else { c };
    plain(a) == plain(b)
}

/// Multi-byte UTF-8 that decodes to letters and common punctuation is hardly ever anything else.
pub(crate) fn is_plain_text(text: &str) -> bool {
    text.chars().filter(|c| !c.is_ascii()).all(|c| {
        c.is_alphanumeric()
            || matches!(c, '\u{a0}'..='\u{bf}' | '\u{300}'..='\u{323}' | '\u{2010}'..='\u{20ab}')
    })
}
