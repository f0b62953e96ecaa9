//! A fast hash for small keys of our own making (state numbers); tables of them are bounded by the limits on states.

use std::hash::{BuildHasherDefault, Hasher};

/// A multiply-and-rotate hash.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Fast(u64);

/// The builder for maps.
pub(crate) type FastBuild = BuildHasherDefault<Fast>;

impl Fast {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Fast {
    fn finish(&self) -> u64 {
        // The upper bits are the good ones; maps look at both ends.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.mix(u64::from_le_bytes(*word)));
        if !rest.is_empty() {
            self.mix(rest.iter().rev().fold(0, |word, b| word << 8 | u64::from(*b)));
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.mix(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.mix(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.mix(n);
    }

    fn write_usize(&mut self, n: usize) {
        self.mix(n as u64);
    }
}
