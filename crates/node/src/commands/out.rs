//! What commands print: plain text on standard output, columns that line up.

use std::io::Write as _;

/// Prints a text and ends it with a line end. A reader that has gone away (`| head`) is no failure.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
    // Nobody is left to be told that nobody reads.
    let _ = write!(out, "{text}{end}").and_then(|()| out.flush());
}

/// Says something beside what is printed, on standard error.
pub fn note(text: &str) {
    eprintln!("lgsp: {text}");
}

/// Rows under headings, columns as wide as their widest cell.
pub fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = headings.iter().map(|h| h.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(c, w)| format!("{c}{}", " ".repeat(w.saturating_sub(c.chars().count()))))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut out = line(&mut headings.iter().copied());
    for row in rows {
        out.push('\n');
        out.push_str(&line(&mut row.iter().map(String::as_str)));
    }
    out
}

/// Bytes in the largest unit that keeps one digit before the point.
pub fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_line_up_whatever_the_letters() {
        let rows = vec![vec!["Sở Tư pháp".into(), "x".into()], vec!["a".into(), "y".into()]];
        assert_eq!(super::table(&["NAME", "Z"], &rows), "NAME        Z\nSở Tư pháp  x\na           y");
        assert_eq!((super::size(1023), super::size(1536)), ("1023 B".into(), "1.5 KiB".into()));
    }
}
