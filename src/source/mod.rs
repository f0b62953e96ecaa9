//! Files: which are read, and their bytes.
//!
//! [`Sources`] owns the text of every file
//! that was read; files can be added while the run goes on (a Terraform module that only a reference leads to).

pub mod git;
pub mod held;
pub mod regular;
pub mod walk;

use crate::place::{FileId, Position, Span};
use std::collections::HashMap;
use std::sync::{Arc, OnceLock, RwLock};

/// One file that was read.
#[derive(Debug)]
pub struct SourceFile {
    /// Its id.
    pub id: FileId,
    /// Path relative to the working directory, with `/` on every system.
    pub path: String,
    /// Its text: valid UTF-8, without a byte order mark. Line ends are kept as they are.
    pub text: Arc<str>,
    line_starts: OnceLock<Vec<u32>>,
    /// How many characters stand before each block of [`BLOCK`] bytes, so that a column in a minified file of one line
    /// costs no more than in another.
    chars_before: OnceLock<Vec<usize>>,
}

/// See [`SourceFile::chars_before`].
const BLOCK: usize = 4096;

impl SourceFile {
    /// How many characters start before byte `offset`.
    fn characters(&self, offset: usize) -> usize {
        let starts = |bytes: &[u8]| bytes.iter().filter(|b| !(0x80..0xc0).contains(*b)).count();
        let bytes = self.text.as_bytes();
        let blocks = self.chars_before.get_or_init(|| {
            let mut before = vec![0];
            let mut sum = 0;
            for block in bytes.chunks(BLOCK) {
                sum += starts(block);
                before.push(sum);
            }
            before
        });
        let block = offset / BLOCK;
        let rest = bytes.get(block * BLOCK..offset).map_or(0, starts);
        blocks.get(block).copied().unwrap_or(0) + rest
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let mut starts = vec![0];
            starts.extend(memchr::memchr_iter(b'\n', self.text.as_bytes()).map(|i| u32::try_from(i + 1).unwrap_or(u32::MAX)));
            starts
        })
    }

    /// Line and column of byte `offset` (clamped to the text).
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let starts = self.line_starts();
        let line = starts.partition_point(|s| *s as usize <= offset).max(1);
        let start = starts.get(line - 1).map_or(0, |s| *s as usize);
        let column = self.characters(offset) - self.characters(start) + 1;
        Position { line, column }
    }

    /// The byte at which line `line` (from 1) starts; past the end, the end.
    #[must_use]
    pub fn line_start(&self, line: usize) -> usize {
        line.checked_sub(1).and_then(|i| self.line_starts().get(i)).map_or(self.text.len(), |s| *s as usize)
    }

    /// The text of line `line` (from 1) without its line end; empty past the end.
    #[must_use]
    pub fn line(&self, line: usize) -> &str {
        let starts = self.line_starts();
        let Some(start) = line.checked_sub(1).and_then(|i| starts.get(i)) else { return "" };
        let end = starts.get(line).map_or(self.text.len(), |s| *s as usize);
        self.text.get(*start as usize..end).unwrap_or("").trim_end_matches(['\n', '\r'])
    }

    /// How many lines the file has.
    #[must_use]
    pub fn line_count(&self) -> usize {
        self.line_starts().len()
    }

    /// The folder of the file, `""` for the working directory.
    #[must_use]
    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }
}

/// Every file that was read, shared between threads.
#[derive(Debug, Default)]
pub struct Sources {
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    files: Vec<Arc<SourceFile>>,
    by_path: HashMap<String, FileId>,
}

impl Sources {
    /// No files yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, or returns the one already there under the same path.
    pub fn add(&self, path: impl Into<String>, text: impl Into<Arc<str>>) -> Arc<SourceFile> {
        let path = path.into();
        let mut inner = self.inner.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(file) = inner.by_path.get(&path).and_then(|id| inner.files.get(id.0 as usize)) {
            return Arc::clone(file);
        }
        let id = FileId(u32::try_from(inner.files.len()).unwrap_or(u32::MAX));
        let file =
            Arc::new(SourceFile { id, path: path.clone(), text: text.into(), line_starts: OnceLock::new(), chars_before: OnceLock::new() });
        inner.by_path.insert(path, id);
        inner.files.push(Arc::clone(&file));
        file
    }

    /// The file with this id.
    #[must_use]
    pub fn get(&self, id: FileId) -> Option<Arc<SourceFile>> {
        let inner = self.inner.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        inner.files.get(id.0 as usize).cloned()
    }

    /// The file with this path, when it was read.
    #[must_use]
    pub fn by_path(&self, path: &str) -> Option<Arc<SourceFile>> {
        let inner = self.inner.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        inner.by_path.get(path).and_then(|id| inner.files.get(id.0 as usize)).cloned()
    }

    /// All files, in order of their paths.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<SourceFile>> {
        let inner = self.inner.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut files = inner.files.clone();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }

    /// The source text of a span, `""` when it is out of range.
    #[must_use]
    pub fn snippet(&self, span: Span) -> String {
        self.get(span.file).and_then(|f| f.text.get(span.range()).map(str::to_owned)).unwrap_or_default()
    }

    /// Path and position of a span's start.
    #[must_use]
    pub fn locate(&self, span: Span) -> Option<(String, Position)> {
        self.get(span.file).map(|f| (f.path.clone(), f.position(span.start as usize)))
    }
}
