//! The hash by which GitHub follows an alert over time: of the hundred characters from the start of its line on, white space left
//! out, and how often that was seen before in the file. As in `github/codeql-action`, which computes it where a report has none.

use std::collections::HashMap;

/// How many UTF-16 units are hashed.
const WINDOW: usize = 100;
const MOD: u64 = 37;
const END: u16 = u16::MAX;

/// The hash of each line, the first line's first.
#[must_use]
pub(super) fn line_hashes(text: &str) -> Vec<String> {
    let mut rolling = Rolling::new();
    let (mut line_start, mut after_return) = (true, false);
    for unit in text.encode_utf16().chain(std::iter::once(END)) {
        let is = |c: char| unit == c as u16;
        if is(' ') || is('\t') || (after_return && is('\n')) {
            after_return = false;
            continue;
        }
        after_return = is('\r');
        let unit = if after_return { '\n' as u16 } else { unit };
        rolling.output();
        if line_start {
            rolling.begin_line();
        }
        line_start = unit == '\n' as u16;
        rolling.push(unit);
    }
    for _ in 0..WINDOW {
        rolling.output();
        rolling.push(0);
    }
    rolling.out
}

struct Rolling {
    window: [u16; WINDOW],
    starts: [bool; WINDOW],
    at: usize,
    hash: u64,
    /// What the unit that leaves the window contributed.
    leaving: u64,
    seen: HashMap<u64, usize>,
    out: Vec<String>,
}

impl Rolling {
    fn new() -> Self {
        let leaving = (0..WINDOW).fold(1_u64, |power, _| power.wrapping_mul(MOD));
        Self { window: [0; WINDOW], starts: [false; WINDOW], at: 0, hash: 0, leaving, seen: HashMap::new(), out: Vec::new() }
    }

    fn begin_line(&mut self) {
        if let Some(start) = self.starts.get_mut(self.at) {
            *start = true;
        }
    }

    /// The window is full of a line's start: that line's hash is known.
    fn output(&mut self) {
        let Some(start) = self.starts.get_mut(self.at).filter(|start| **start) else { return };
        *start = false;
        let seen = self.seen.entry(self.hash).or_default();
        *seen += 1;
        self.out.push(format!("{:x}:{seen}", self.hash));
    }

    fn push(&mut self, unit: u16) {
        let Some(slot) = self.window.get_mut(self.at) else { return };
        let first = std::mem::replace(slot, unit);
        self.hash = self.hash.wrapping_mul(MOD).wrapping_add(u64::from(unit)).wrapping_sub(self.leaving.wrapping_mul(u64::from(first)));
        self.at = (self.at + 1) % WINDOW;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The expected values are those of the tests of `github/codeql-action`.
    #[test]
    fn the_hashes_are_those_of_the_upload_action() {
        assert_eq!(line_hashes(""), ["c129715d7a2bc9a3:1"]);
        assert_eq!(
            line_hashes(" a\nb\n  \t\tc\n d"),
            ["271789c17abda88f:1", "54703d4cd895b18:1", "180aee12dab6264:1", "a23a3dc5e078b07b:1"]
        );
        let greeting = ["e9496ae3ebfced30:1", "fb7c023a8b9ccb3f:1", "ce8ba1a563dcdaca:1", "e20e36e16fcb0cc8:1"];
        for text in [
            " hello; \t\nworld!!!\n\n\n  \t\tGreetings\n End\n",
            " hello; \t\nworld!!!\r\r\r  \t\tGreetings\r End\r",
            " hello; \t\r\nworld!!!\r\n\r\n\r\n  \t\tGreetings\r\n End\r\n",
            " hello; \t\nworld!!!\r\n\n\r  \t\tGreetings\r End\r\n",
        ] {
            assert_eq!(line_hashes(text).get(..4), Some(&greeting.map(str::to_owned)[..]), "{text:?}");
        }
        let repeated = line_hashes(&"Lorem ipsum dolor sit amet.\n".repeat(10));
        assert_eq!((repeated.len(), repeated[5].as_str(), repeated[6].as_str()), (11, "a7f2ff13bc495cf2:6", "a7f2ff1481e87703:1"));
    }
}
