//! A page on its way: what is ours goes in as it stands, all else escaped. That what is ours is written in the program is what
//! the type of [`Page::ours`] says.

use super::super::printable;
use serde_json::Value;

/// Most characters of one text: a name may be as long as its file, and stand in many places.
const MAX_TEXT: usize = 2_000;

#[derive(Default)]
pub(super) struct Page {
    text: String,
}

impl Page {
    /// Markup of our own.
    pub(super) fn ours(&mut self, markup: &'static str) -> &mut Self {
        self.text.push_str(markup);
        self
    }

    /// A text, for an element and for an attribute in double quotes alike.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        escape(&mut self.text, &shown(text));
        self
    }

    /// A path or a URL: a line may end after each of its parts.
    pub(super) fn path(&mut self, text: &str) -> &mut Self {
        self.parts(text, &['/', ':'])
    }

    /// An address: likewise.
    pub(super) fn name(&mut self, text: &str) -> &mut Self {
        self.parts(text, &['/', ':', '.', '@'])
    }

    fn parts(&mut self, text: &str, ends: &[char]) -> &mut Self {
        for (at, part) in shown(text).split_inclusive(ends).enumerate() {
            if at > 0 {
                self.ours("<wbr>");
            }
            escape(&mut self.text, part);
        }
        self
    }

    pub(super) fn number(&mut self, n: usize) -> &mut Self {
        self.text.push_str(&n.to_string());
        self
    }

    /// A message of ours: what stands in backticks is code. Where a quoted text has a backtick itself, all of it is text.
    pub(super) fn message(&mut self, text: &str) -> &mut Self {
        let text = shown(text);
        let parts: Vec<&str> = text.split('`').collect();
        if parts.len().is_multiple_of(2) {
            escape(&mut self.text, &text);
            return self;
        }
        for (at, part) in parts.into_iter().enumerate() {
            if at % 2 == 1 {
                self.ours("<code>");
                escape(&mut self.text, part);
                self.ours("</code>");
            } else {
                escape(&mut self.text, part);
            }
        }
        self
    }

    /// Data for a script, within `<script type="application/json">`: no character of it is markup.
    pub(super) fn data(&mut self, data: &Value) -> &mut Self {
        for c in data.to_string().chars() {
            match c {
                '<' | '>' | '&' => self.text.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => self.text.push(c),
            }
        }
        self
    }

    pub(super) fn finish(self) -> String {
        self.text
    }
}

/// A text as it is shown: nothing in it is invisible or has power, and it has an end.
pub(super) fn shown(text: &str) -> String {
    let cut = text.char_indices().nth(MAX_TEXT).and_then(|(at, _)| text.get(..at));
    match cut {
        Some(cut) => printable(cut) + "…",
        None => printable(text),
    }
}

fn escape(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let mut page = Page::default();
        page.text("</script><img src=x onerror='alert(1)'>\"&\u{0}\u{202e}").message("`<b>` is <i>").message("odd ` <tick>");
        let text = page.finish();
        assert_eq!(
            text,
            "&lt;/script&gt;&lt;img src=x onerror=&#39;alert(1)&#39;&gt;&quot;&amp;\\u{0}\\u{202e}\
             <code>&lt;b&gt;</code> is &lt;i&gt;odd ` &lt;tick&gt;"
        );
    }

    #[test]
    fn a_path_may_be_broken_between_its_parts() {
        let mut page = Page::default();
        page.path("infra/<x>.tf").ours(" ").name("module.a.b");
        assert_eq!(page.finish(), "infra/<wbr>&lt;x&gt;.tf module.<wbr>a.<wbr>b");
    }

    #[test]
    fn data_ends_no_script() {
        let mut page = Page::default();
        page.data(&serde_json::json!({"a": "</script><!-- &amp; \\"}));
        let text = page.finish();
        assert!(!text.contains(['<', '>', '&']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(serde_json::json!({"a": "</script><!-- &amp; \\"})));
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(shown(&"é".repeat(5_000)).chars().count(), MAX_TEXT + 1);
    }
}
