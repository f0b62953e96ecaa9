//! What stands for a name: a run of the same make that nobody writes.

/// The make of a run. Names of one make have the same stand-ins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Kind {
    make: Make,
    /// Its length, up to [`LONGEST`].
    len: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Make {
    Small,
    Digits,
    /// Small letters and digits, a letter first.
    LetterFirst,
    /// Small letters and digits, a digit first.
    DigitFirst,
    /// With capital letters.
    Capitals,
}

/// Longer names have stand-ins of this length.
const LONGEST: u8 = 4;

impl Kind {
    /// The make of a run; none for an empty one.
    pub(super) fn of(run: &str) -> Option<Self> {
        let first = run.bytes().next()?;
        let digits = run.bytes().any(|b| b.is_ascii_digit());
        let letters = run.bytes().any(|b| b.is_ascii_alphabetic());
        let make = match () {
            () if run.bytes().any(|b| b.is_ascii_uppercase()) => Make::Capitals,
            () if !digits => Make::Small,
            () if !letters => Make::Digits,
            () if first.is_ascii_digit() => Make::DigitFirst,
            () => Make::LetterFirst,
        };
        Some(Self { make, len: u8::try_from(run.len()).unwrap_or(LONGEST).min(LONGEST) })
    }

    /// Its stand-ins. None begins or ends with another one, or with one of another kind.
    pub(super) fn stand_ins(self) -> &'static [&'static str] {
        match (self.make, self.len) {
            (Make::Small, 2) => &["vq", "vx", "vz", "vj"],
            (Make::Small, 3) => &["qjx", "qkx", "zjx", "zkx"],
            (Make::Small, 4) => &["qjkz", "qxkz", "qzkz", "qwkz", "qvkz", "jqkz", "jxkz", "kqjz", "kxjz", "xqkz"],
            (Make::Digits, 2) => &["93", "94", "95", "96"],
            (Make::Digits, 3) => &["913", "914", "915", "916"],
            (Make::Digits, 4) => &["9213", "9214", "9215", "9216", "9225", "9226"],
            (Make::LetterFirst, 2) => &["j4", "j5"],
            (Make::LetterFirst, 3) => &["k4q", "k5q"],
            (Make::LetterFirst, 4) => &["w4jz", "w5jz", "w6jz", "w2jz"],
            (Make::DigitFirst, 2) => &["5j", "5k"],
            (Make::DigitFirst, 3) => &["6jq", "6kq"],
            (Make::DigitFirst, 4) => &["4jqz", "4kqz", "4zqj"],
            (Make::Capitals, 2) => &["Jq", "Jx"],
            (Make::Capitals, 3) => &["Kqx", "Kzx"],
            (Make::Capitals, 4) => &["Wqjz", "Wxjz", "Wzjz"],
            _ => &[],
        }
    }

    /// All kinds that have stand-ins.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let makes = [Make::Small, Make::Digits, Make::LetterFirst, Make::DigitFirst, Make::Capitals];
        let kinds = makes.into_iter().flat_map(|make| (1..=LONGEST).map(move |len| Self { make, len }));
        kinds.filter(|kind| !kind.stand_ins().is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_stand_in_begins_or_ends_with_another() {
        let all: Vec<&str> = Kind::all().flat_map(|kind| kind.stand_ins().iter().copied()).collect();
        for (i, a) in all.iter().enumerate() {
            for b in all.iter().skip(i + 1) {
                assert!(!super::super::entangled(a, b), "{a} {b}");
            }
        }
    }

    #[test]
    fn a_stand_in_is_of_its_own_kind() {
        for kind in Kind::all() {
            for stand_in in kind.stand_ins() {
                assert_eq!(Kind::of(stand_in), Some(kind), "{stand_in}");
            }
        }
    }
}
