//! Where a member stands in a JSON text: for what is wrong with a document that is well formed.

/// Line and column, from 1, of what a JSON pointer leads to; of the innermost part that is there when it leads nowhere. The text must be JSON.
pub(super) fn locate(text: &str, pointer: &str) -> (usize, usize) {
    let parts: Vec<String> = pointer
        .split('/')
        .skip(1)
        .map(|part| part.replace("~1", "/").replace("~0", "~"))
        .collect();
    let at = Scanner { text, at: 0 }.find(&parts);
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (
        before.matches('\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

/// A part of a pointer: a key may hold anything.
pub(super) fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn find(mut self, parts: &[String]) -> usize {
        self.blank();
        let mut found = self.at;
        for part in parts {
            let is_object = self.next() == Some(b'{');
            if !is_object && self.next() != Some(b'[') {
                return found;
            }
            if !self.enter(part, is_object) {
                return found;
            }
            found = self.at;
        }
        found
    }

    /// Goes to a member or an element of what begins here. False when there is none.
    fn enter(&mut self, part: &str, is_object: bool) -> bool {
        self.at += 1;
        for index in 0_usize.. {
            self.blank();
            if matches!(self.next(), None | Some(b'}' | b']')) {
                return false;
            }
            let mut is_it = part.parse() == Ok(index);
            if is_object {
                let key = self.string();
                is_it = serde_json::from_str::<String>(key).is_ok_and(|key| key == part);
                self.blank();
                // The colon.
                self.at += 1;
                self.blank();
            }
            if is_it {
                return true;
            }
            self.skip();
            self.blank();
            if self.next() == Some(b',') {
                self.at += 1;
            }
        }
        false
    }

    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while self.next().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn string(&mut self) -> &str {
        let from = self.at;
        self.at += 1;
        while let Some(byte) = self.next() {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                break;
            }
        }
        self.text.get(from..self.at).unwrap_or_default()
    }

    /// Passes over a value.
    fn skip(&mut self) {
        let mut depth = 0_usize;
        while let Some(byte) = self.next() {
            match byte {
                b'"' => {
                    self.string();
                    if depth == 0 {
                        return;
                    }
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth == 0 => return,
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return;
                    }
                }
                b',' if depth == 0 => return,
                _ => {}
            }
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found_however_deep_it_stands() {
        let text =
            "{\n  \"a\": [1, {\"x,}\": \"]\\\"\"}, [2,\n 3]],\n  \"b/c\": { \"d\": true }\n}";
        for (pointer, place) in [
            ("", (1, 1)),
            ("/a", (2, 8)),
            ("/a/0", (2, 9)),
            ("/a/1/x,}", (2, 20)),
            ("/a/2/1", (3, 2)),
            ("/b~1c/d", (4, 17)),
            ("/b~1c/missing", (4, 10)),
            ("/missing", (1, 1)),
            ("/a/0/deeper", (2, 9)),
        ] {
            assert_eq!(locate(text, pointer), place, "{pointer}");
        }
    }
}
