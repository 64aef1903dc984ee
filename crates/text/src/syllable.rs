//! Whether a word is a Vietnamese syllable by its spelling: onset, rhyme, at most one tone that the coda allows. The base of detection.

use unicode_normalization::UnicodeNormalization;

/// Bytes of the longest syllable (`nghiêng` decomposed, with a tone) and then some; longer words are none.
const SYLLABLE_MAX: usize = 24;

const ACUTE: char = '\u{301}';
const DOT: char = '\u{323}';

/// Whether a word of letters is a syllable; case does not matter. ASCII words are judged the same way.
pub(crate) fn is_syllable(word: &str) -> bool {
    if word.is_empty() || word.len() > SYLLABLE_MAX {
        return false;
    }
    let mut tone = None;
    let mut tones = 0;
    let mut letters = String::with_capacity(SYLLABLE_MAX);
    for c in word.chars().flat_map(char::to_lowercase).nfd() {
        if matches!(c, '\u{300}' | ACUTE | '\u{303}' | '\u{309}' | DOT) {
            tone = Some(c);
            tones += 1;
        } else {
            letters.push(c);
        }
    }
    let letters: String = letters.nfc().collect();
    tones <= 1 && onsets(&letters).any(|rhyme| is_rhyme(rhyme) && allows(rhyme, tone))
}

/// What may follow each onset that the word can begin with.
fn onsets(word: &str) -> impl Iterator<Item = &str> {
    const ONSETS: [&str; 29] = [
        "ngh", "ng", "nh", "gh", "gi", "ch", "kh", "ph", "qu", "th", "tr", "b", "c", "d", "đ", "g", "h", "k",
        "l", "m", "n", "p", "r", "s", "t", "v", "x", "kr", "",
    ];
    ONSETS.iter().filter_map(|onset| word.strip_prefix(onset))
}

/// Syllables that a stop ends have the acute or the dot only.
fn allows(rhyme: &str, tone: Option<char>) -> bool {
    let stop = rhyme.ends_with(['p', 't', 'c', 'k']) || rhyme.ends_with("ch");
    !stop || matches!(tone, Some(ACUTE | DOT))
}

/// Rhymes without their tone; a few of names from the highlands (`Lắk`, `Krông`) among them.
fn is_rhyme(rhyme: &str) -> bool {
    matches!(
        rhyme,
        "a" | "ac"
            | "ach"
            | "ai"
            | "ak"
            | "am"
            | "an"
            | "ang"
            | "anh"
            | "ao"
            | "ap"
            | "at"
            | "au"
            | "ay"
            | "ă"
            | "ăc"
            | "ăk"
            | "ăm"
            | "ăn"
            | "ăng"
            | "ăp"
            | "ăt"
            | "â"
            | "âc"
            | "âm"
            | "ân"
            | "âng"
            | "âp"
            | "ât"
            | "âu"
            | "ây"
            | "e"
            | "ec"
            | "em"
            | "en"
            | "eng"
            | "eo"
            | "ep"
            | "et"
            | "ê"
            | "êch"
            | "êm"
            | "ên"
            | "ênh"
            | "êp"
            | "êt"
            | "êu"
            | "i"
            | "ia"
            | "ich"
            | "iêc"
            | "iêm"
            | "iên"
            | "iêng"
            | "iêp"
            | "iêt"
            | "iêu"
            | "im"
            | "in"
            | "inh"
            | "ip"
            | "it"
            | "iu"
            | "o"
            | "oa"
            | "oac"
            | "oach"
            | "oai"
            | "oam"
            | "oan"
            | "oang"
            | "oanh"
            | "oao"
            | "oap"
            | "oat"
            | "oay"
            | "oăc"
            | "oăm"
            | "oăn"
            | "oăng"
            | "oăt"
            | "oc"
            | "oe"
            | "oen"
            | "oeo"
            | "oet"
            | "oi"
            | "om"
            | "on"
            | "ong"
            | "ooc"
            | "oong"
            | "op"
            | "ot"
            | "ô"
            | "ôc"
            | "ôi"
            | "ôk"
            | "ôm"
            | "ôn"
            | "ông"
            | "ôp"
            | "ôt"
            | "ơ"
            | "ơi"
            | "ơm"
            | "ơn"
            | "ơp"
            | "ơt"
            | "u"
            | "ua"
            | "uân"
            | "uâng"
            | "uât"
            | "uây"
            | "uc"
            | "uê"
            | "uêch"
            | "uênh"
            | "ui"
            | "um"
            | "un"
            | "ung"
            | "uơ"
            | "up"
            | "ut"
            | "uy"
            | "uya"
            | "uych"
            | "uyên"
            | "uyêt"
            | "uyn"
            | "uynh"
            | "uyp"
            | "uyt"
            | "uyu"
            | "uôc"
            | "uôi"
            | "uôm"
            | "uôn"
            | "uông"
            | "uôt"
            | "ư"
            | "ưa"
            | "ưc"
            | "ưi"
            | "ưm"
            | "ưn"
            | "ưng"
            | "ươc"
            | "ươi"
            | "ươm"
            | "ươn"
            | "ương"
            | "ươp"
            | "ươt"
            | "ươu"
            | "ưt"
            | "ưu"
            | "y"
            | "ych"
            | "yêm"
            | "yên"
            | "yêng"
            | "yêt"
            | "yêu"
            | "ynh"
            | "yt"
    )
}
