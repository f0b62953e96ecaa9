//! Changes of a text, the same for the same seed.

/// A generator of numbers (xorshift64*): what is made from one seed is the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    /// From a seed; zero will do.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Below a bound; 0 for 0.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0).checked_rem(bound).unwrap_or(0)
    }

    /// One of these.
    pub(crate) fn pick<'t, T>(&mut self, all: &'t [T]) -> Option<&'t T> {
        all.get(self.below(all.len()))
    }
}

/// Longest input that is made.
const MAX_LENGTH: usize = 16 << 10;

/// What breaks readers of any language.
const WORDS: [&str; 44] = [
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "'",
    "`",
    "\\",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\u{feff}",
    "\u{202e}",
    "é",
    "𐀀",
    "${",
    "%{",
    "{{",
    "}}",
    "<<EOT\n",
    "*",
    "?",
    ":",
    "::error ",
    "#",
    "//",
    "/*",
    "*/",
    "- ",
    "&a ",
    "*a",
    "<<: ",
    "---\n",
    "0",
    "-1",
    "1e999",
    "9223372036854775808",
    "null",
    "true",
    "==",
    "||",
];

fn range(random: &mut Random, length: usize, most: usize) -> (usize, usize) {
    let from = random.below(length + 1);
    let to = (from + random.below(most) + 1).min(length);
    (from, to)
}

fn once(random: &mut Random, text: &mut Vec<u8>, other: &[u8], words: &[&str]) {
    let length = text.len();
    match random.below(9) {
        // a bit, a byte
        0 => {
            let (at, bit) = (random.below(length), random.below(8));
            if let Some(byte) = text.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        // something is gone
        1 => {
            let (from, to) = range(random, length, 24);
            text.drain(from..to);
        }
        // something is there again, here or elsewhere
        2 => {
            let (from, to) = range(random, length, 48);
            let piece = text[from..to].to_vec();
            let at = random.below(length + 1);
            text.splice(at..at, piece);
        }
        // something is there many times
        3 => {
            let (from, to) = range(random, length, 12);
            let piece = text[from..to].repeat(1 << random.below(9));
            text.splice(to..to, piece);
        }
        // another input's piece
        4 => {
            let (from, to) = range(random, other.len(), 96);
            let at = random.below(length + 1);
            text.splice(at..at, other[from..to].iter().copied());
        }
        // the rest is gone
        5 => text.truncate(random.below(length + 1)),
        // two pieces change places
        6 => {
            let (from, to) = range(random, length, 24);
            let piece: Vec<u8> = text.drain(from..to).collect();
            let at = random.below(text.len() + 1);
            text.splice(at..at, piece);
        }
        // a word of the language, or of any
        7 if !words.is_empty() => insert(random, text, words),
        _ => insert(random, text, &WORDS),
    }
}

fn insert(random: &mut Random, text: &mut Vec<u8>, words: &[&str]) {
    let at = random.below(text.len() + 1);
    let until = if random.below(2) == 0 { at } else { range(random, text.len(), 12).1.max(at) };
    if let Some(word) = random.pick(words) {
        text.splice(at..until, word.bytes());
    }
}

/// A seed that was changed a few times.
pub(crate) fn mutated(random: &mut Random, seeds: &[String], words: &[&str]) -> String {
    let mut text = random.pick(seeds).cloned().unwrap_or_default().into_bytes();
    let other = random.pick(seeds).cloned().unwrap_or_default();
    for _ in 0..=random.below(6) {
        once(random, &mut text, other.as_bytes(), words);
    }
    text.truncate(MAX_LENGTH);
    String::from_utf8_lossy(&text).into_owned()
}
