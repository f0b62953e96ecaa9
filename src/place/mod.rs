//! Places: what a file is called in memory, and where in it something is written.
//!
//! A [`Span`] is the only way the rest of the house names a place.

pub mod paths;

use std::ops::Range;

/// A file of the run, an index into the files that were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// A place in a file: byte offsets `start..end` of its text (after a byte order mark was removed).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A span over `range` of `file`; offsets beyond 4 GiB saturate.
    #[must_use]
    pub fn new(file: FileId, range: Range<usize>) -> Self {
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self { file, start: clamp(range.start), end: clamp(range.end.max(range.start)) }
    }

    /// The byte range.
    #[must_use]
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    /// True for a place without extent.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The other place is part of this one.
    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }

    /// The part `range` (relative to this span's start), clamped to this span.
    #[must_use]
    pub fn slice(self, range: Range<usize>) -> Self {
        let base = self.start as usize;
        let end = self.end as usize;
        Self::new(self.file, (base + range.start).min(end)..(base + range.end).min(end))
    }
}

/// Line and column of a byte, both from 1; the column counts Unicode code points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in code points, from 1.
    pub column: usize,
}
