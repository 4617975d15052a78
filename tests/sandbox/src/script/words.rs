//! What was probably meant.

/// The known word that is written most alike, if one is alike at all.
pub(super) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = word.chars().count() / 3 + 1;
    known
        .into_iter()
        .map(|one| (distance(&word.to_lowercase(), &one.to_lowercase()), one))
        .filter(|(distance, _)| *distance <= far)
        .min()
        .map(|(_, one)| one)
}

/// A sentence about a word that is not known, with its neighbours.
pub(super) fn unknown(what: &str, word: &str, known: &[&str]) -> String {
    let meant = nearest(word, known.iter().copied())
        .map_or(String::new(), |one| format!("did you mean \"{one}\"? "));
    if known.is_empty() {
        return format!("there is no {what} \"{word}\" here");
    }
    format!(
        "there is no {what} \"{word}\" here; {meant}There {}: {}",
        if known.len() == 1 { "is" } else { "are" },
        known.join(", ")
    )
}

/// Insertions, deletions and replacements from one word to another.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = corner + usize::from(a != *b);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}
