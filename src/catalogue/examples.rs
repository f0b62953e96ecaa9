//! The runnable examples of the rule files. Only the tests read them.

/// A file of an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExampleFile {
    /// Its path.
    pub path: String,
    /// Its text, markers removed.
    pub text: String,
    /// The rules expected in it, with the line from 1.
    pub expected: Vec<(usize, String)>,
}

/// An example: a small repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// Its heading.
    pub title: String,
    /// It shows the problem.
    pub bad: bool,
    /// Its files.
    pub files: Vec<ExampleFile>,
}

/// The examples under `## Bad` and `## Good`.
pub(super) fn of(body: &str) -> Vec<Example> {
    let mut out: Vec<Example> = Vec::new();
    let (mut section, mut lines) = ("", body.lines());
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("## ") {
            section = name;
            if matches!(section, "Bad" | "Good") {
                out.push(Example { title: String::new(), bad: section == "Bad", files: Vec::new() });
            }
        } else if let (Some(title), "Bad" | "Good") = (line.strip_prefix("### "), section) {
            out.push(Example { title: title.to_owned(), bad: section == "Bad", files: Vec::new() });
        } else if let (Some(info), "Bad" | "Good") = (line.strip_prefix("```"), section) {
            let path = info.split_whitespace().nth(1).unwrap_or("main.tf").to_owned();
            let text: Vec<&str> = lines.by_ref().take_while(|l| *l != "```").collect();
            if let Some(example) = out.last_mut() {
                example.files.push(example_file(path, &text));
            }
        }
    }
    out.retain(|e| !e.files.is_empty());
    out
}

/// Takes the markers (`# expect: id[, id]`, `// expect: id`) off the lines.
fn example_file(path: String, lines: &[&str]) -> ExampleFile {
    let mut expected = Vec::new();
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        let marked = ["# expect: ", "// expect: "].iter().find_map(|marker| line.split_once(marker));
        let kept = marked.map_or(*line, |(before, ids)| {
            expected.extend(ids.split(',').map(|id| (index + 1, id.trim().to_owned())));
            before.trim_end()
        });
        text.push_str(kept);
        text.push('\n');
    }
    ExampleFile { path, text, expected }
}
