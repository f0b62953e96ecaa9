use super::ast::{Argument, CommandKind, List, Piece, RedirectKind, Word};
use super::parse;

/// The words of all simple commands, as they are written, one command a line.
fn commands(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    collect(text, &parse(text).unwrap(), &mut out);
    out
}

fn collect(text: &str, list: &List, out: &mut Vec<String>) {
    for command in list.items.iter().flat_map(|item| &item.pipeline) {
        match &command.kind {
            CommandKind::Simple(simple) => {
                let word = |a: &Argument| match a {
                    Argument::Word(word) => text[word.range.clone()].to_owned(),
                    Argument::Array(a) => format!("{}=(…)", a.name),
                };
                out.push(simple.words.iter().map(word).collect::<Vec<_>>().join("|"));
            }
            CommandKind::Group(list) | CommandKind::Subshell(list) => collect(text, list, out),
            CommandKind::If { branches, otherwise } => {
                for (condition, body) in branches {
                    collect(text, condition, out);
                    collect(text, body, out);
                }
                otherwise.iter().for_each(|list| collect(text, list, out));
            }
            CommandKind::Loop(condition, body) => {
                collect(text, condition, out);
                collect(text, body, out);
            }
            CommandKind::For { body, .. } => collect(text, body, out),
            CommandKind::Case { arms, .. } => arms.iter().for_each(|(_, body)| collect(text, body, out)),
            CommandKind::Function { body, .. } => {
                let list = List { items: vec![super::ast::Item { when: super::ast::When::Always, pipeline: vec![(**body).clone()] }] };
                collect(text, &list, out);
            }
            CommandKind::Test => out.push("test".to_owned()),
        }
    }
}

fn document(text: &str) -> Word {
    let list = parse(text).unwrap();
    let redirects = list.items.into_iter().flat_map(|i| i.pipeline).flat_map(|c| c.redirects);
    redirects.filter(|r| r.kind == RedirectKind::HereDocument).map(|r| r.target).next().unwrap()
}

#[test]
fn continued_lines_quotes_and_comments() {
    let text = "a --x=1 \\\n  --y='2 3' \"4 $z\" # not --w\nb; c && d || e\n# f\n";
    assert_eq!(commands(text), ["a|--x=1|--y='2 3'|\"4 $z\"", "b", "c", "d", "e"]);
}

#[test]
fn a_missing_backslash_ends_the_command() {
    assert_eq!(commands("a --x\n  --y=1\n"), ["a|--x", "--y=1"]);
}

#[test]
fn compound_commands() {
    let text = "if [ -z \"$a\" ]; then b; elif c; then d; else e; fi\nfor x in 1 2; do f $x; done\nwhile g; do h; done < i\n\
                case $1 in (a|b) j ;; *) k;; esac\nl() { m; }\nfunction n { o; }\n[[ $p =~ ^(q|r)$ ]] && s\n(( t++ )) || u\nv=(w 'x y')\n";
    let expected = "[|-z|\"$a\"|] b c d e f|$x g h j k m o test s test u";
    let found: Vec<String> = commands(text).into_iter().filter(|c| !c.is_empty()).collect();
    assert_eq!(found.join(" "), expected);
}

/// <https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html#tag_19_10>
#[test]
fn a_closing_word_may_follow_a_closing_word() {
    assert_eq!(commands("for d in a b; do if [ -f \"$d\" ]; then x 1; fi done"), ["[|-f|\"$d\"|]", "x|1"]);
    assert_eq!(commands("{ { a 1; } }\nwhile { b; } do c; done"), ["a|1", "b", "c"]);
    assert_eq!(commands("if (a) then b; fi"), ["a", "b"]);
    assert!(parse("{ a; } b").is_err(), "no word but a closing one");
    assert_eq!(commands("echo fi done"), ["echo|fi|done"]);
}

#[test]
fn here_documents_keep_their_places() {
    let text = "cat > f <<EOF && g\n{\"a\": \"$b\"}\nEOF\nh\n";
    let word = document(text);
    assert_eq!(&text[word.range.clone()], "{\"a\": \"$b\"}\n");
    assert!(matches!(&word.pieces[1], Piece::Parameter { parameter, range, .. } if parameter.name == "b" && &text[range.clone()] == "$b"));
    assert_eq!(commands(text), ["cat", "g", "h"]);
    assert!(matches!(document("cat <<'E'\n$b\nE\n").pieces.as_slice(), [Piece::Text { .. }]));
}

#[test]
fn here_documents_inside_substitutions() {
    let text = "x --p \"$(cat <<EOF\n{\"a\": \"$(b)\"}\nEOF\n)\" --q\ny\n";
    assert_eq!(commands(text).len(), 2);
    let tabs = "\tf() {\n\tcat <<-EOF\n\t{\n\t  $a\n\tEOF\n}\n";
    assert_eq!(commands(tabs), ["cat"]);
}

#[test]
fn what_is_no_script_is_an_error() {
    for text in ["a 'b", "a \"b", "if a; then b", "a )", "( a", "a $(b", "a ${b", "fi", "case a in b c) d;; esac", "a=(b", "a `b"] {
        assert!(parse(text).is_err(), "{text}");
    }
}

#[test]
fn hostile_scripts_cost_an_error() {
    let nest = |open: &str, close: &str, n: usize| format!("{}{}", open.repeat(n), close.repeat(n));
    for n in [10, 1000, 100_000] {
        for (open, close) in
            [("$(", ")"), ("(", ")"), ("if ", ""), ("${a:-", "}"), ("\"$(", ")\""), ("{ ", "}"), ("f() ", ""), ("a=(", ")")]
        {
            let _ended = parse(&nest(open, close, n));
            let _ended = parse(&format!("echo {}", nest(open, close, n)));
        }
    }
    let _ended = parse(&"cat <<A\n".repeat(5000));
    let _ended = parse(&"$'\\".repeat(5000));
    for text in ["\0", "<<", "a <<", "$", "${", "\\", "é$é'é", "`\\", "a[", "a[1]=", "x=$(<f)", ";;", "&", "|", "||"] {
        let _ended = parse(text);
    }
}
