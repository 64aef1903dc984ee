//! Text: Vietnamese legacy encodings and mislabelled character sets to Unicode in composed form, with a report of what was changed. Pure.

