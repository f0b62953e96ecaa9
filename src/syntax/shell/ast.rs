//! The tree of a shell script. Places are byte ranges of the text that was parsed.

use std::ops::Range;
use std::sync::Arc;

/// Commands one after the other.
#[derive(Debug, Clone, Default)]
pub struct List {
    /// In the order of the text.
    pub items: Vec<Item>,
}

/// When an item of a list runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// After the one before, whatever came of it.
    Always,
    /// When the one before succeeded: `a && b`.
    Succeeded,
    /// When the one before failed: `a || b`.
    Failed,
}

/// A pipeline and when it runs.
#[derive(Debug, Clone)]
pub struct Item {
    /// When.
    pub when: When,
    /// The commands of the pipeline, at least one.
    pub pipeline: Vec<Command>,
}

/// One command with its redirections.
#[derive(Debug, Clone)]
pub struct Command {
    /// What.
    pub kind: CommandKind,
    /// In order.
    pub redirects: Vec<Redirect>,
    /// Where it is written.
    pub range: Range<usize>,
}

/// The kinds of command.
#[derive(Debug, Clone)]
pub enum CommandKind {
    /// Assignments and words.
    Simple(Simple),
    /// `{ …; }`
    Group(List),
    /// `( … )`
    Subshell(List),
    /// `if … then … elif … else … fi`
    If {
        /// Conditions with their bodies.
        branches: Vec<(List, List)>,
        /// The body of `else`.
        otherwise: Option<List>,
    },
    /// `while` and `until`: the condition and the body.
    Loop(List, List),
    /// `for NAME in WORDS; do … done`
    For {
        /// The variable.
        name: String,
        /// The words; none for the arguments of the script or function.
        words: Option<Vec<Word>>,
        /// The body.
        body: List,
    },
    /// `case … esac`
    Case {
        /// What is compared.
        word: Word,
        /// Patterns with their bodies.
        arms: Vec<(Vec<Word>, List)>,
    },
    /// `name() …`
    Function {
        /// The name.
        name: String,
        /// The body.
        body: Arc<Command>,
    },
    /// A test or calculation: `[[ … ]]`, `(( … ))`.
    Test,
}

/// Assignments and words: `A=b command argument`.
#[derive(Debug, Clone, Default)]
pub struct Simple {
    /// What stands before the first word.
    pub assignments: Vec<Assignment>,
    /// The command and its arguments.
    pub words: Vec<Argument>,
}

/// An argument: declarations (`local a=(x y)`) take assignments as arguments.
#[derive(Debug, Clone)]
pub enum Argument {
    /// A word.
    Word(Word),
    /// `name=(…)`, which only declarations take.
    Array(Assignment),
}

/// `name=value`, `name+=value`, `name=(…)`, `name[i]=value`.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The variable.
    pub name: String,
    /// `+=`
    pub append: bool,
    /// An element is assigned, not the variable.
    pub indexed: bool,
    /// What is assigned.
    pub value: Assigned,
}

/// What is assigned.
#[derive(Debug, Clone)]
pub enum Assigned {
    /// A word.
    Word(Word),
    /// The elements of an array.
    Array(Vec<Word>),
}

/// One word: its pieces are joined.
#[derive(Debug, Clone, Default)]
pub struct Word {
    /// In order.
    pub pieces: Vec<Piece>,
    /// Where it is written.
    pub range: Range<usize>,
}

/// A piece of a word.
#[derive(Debug, Clone)]
pub enum Piece {
    /// Characters as they are written.
    Text {
        /// Where.
        range: Range<usize>,
        /// Inside quotes or escaped.
        quoted: bool,
    },
    /// Characters that are written otherwise: `$'\n'`.
    Decoded {
        /// The characters.
        text: String,
        /// Where.
        range: Range<usize>,
    },
    /// `$NAME`, `${NAME…}`
    Parameter {
        /// The variable.
        parameter: Parameter,
        /// What is done with its value.
        operation: Operation,
        /// Where.
        range: Range<usize>,
        /// Inside double quotes: not split into words.
        quoted: bool,
    },
    /// `$( … )`
    Command {
        /// The commands.
        list: List,
        /// Where.
        range: Range<usize>,
        /// Inside double quotes.
        quoted: bool,
    },
    /// Something that is calculated: `$(( … ))`, `<( … )`.
    Unknown {
        /// Where.
        range: Range<usize>,
    },
}

/// A variable, or elements of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name; digits and `@`, `*`, `#`, … too.
    pub name: String,
    /// Which element.
    pub index: Index,
}

/// Which element of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// None is named.
    Whole,
    /// `[@]`, `[*]`
    All,
    /// `[3]`
    Number(usize),
    /// One that is calculated.
    Unknown,
}

/// What is done with a variable's value.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Nothing.
    Value,
    /// `:-`, `-`, `:=`, `=`: a value for the variable that has none.
    Default(Word),
    /// `:?`, `?`: the script ends when there is none.
    Required,
    /// `:+`, `+`: another value for the variable that has one.
    Alternative(Word),
    /// `#`, `##`: without the beginning.
    WithoutPrefix(Word),
    /// `%`, `%%`: without the end.
    WithoutSuffix(Word),
    /// Anything else.
    Other,
}

/// A redirection.
#[derive(Debug, Clone)]
pub struct Redirect {
    /// What.
    pub kind: RedirectKind,
    /// Of another than the customary input or output: `2>`.
    pub other: bool,
    /// The file, the text of a here-document.
    pub target: Word,
}

/// The kinds of redirection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectKind {
    /// `>`
    Write,
    /// `>>`
    Append,
    /// `<`
    Read,
    /// `<<`
    HereDocument,
    /// `<<<`
    HereString,
    /// `>&`, `<>`, …
    Other,
}
