//! `format` and `formatlist`. <https://developer.hashicorp.com/terraform/language/functions/format>

use super::arguments::{Answer, Call, Stop, fail, length};
use super::numbers::Num;
use super::points::{self, Point};
use super::{MAX_ITEMS, MAX_TEXT};
use crate::partial::{Kind, Part, Text, Value};
use crate::terraform::json_text;

/// Widest padding and most digits.
const MAX_WIDTH: usize = 1024;

pub(super) fn call(c: &Call<'_>) -> Answer {
    Some(match c.name {
        "format" => format(c, c.args.get(1..).unwrap_or_default()).and_then(|t| c.text_value(t)),
        "formatlist" => formatlist(c),
        _ => return None,
    })
}

/// One conversion: `%[2]-10.3s`.
#[derive(Debug, Default)]
struct Verb {
    flags: Vec<char>,
    index: Option<usize>,
    width: Option<usize>,
    precision: Option<usize>,
    verb: char,
}

impl Verb {
    fn has(&self, flag: char) -> bool {
        self.flags.contains(&flag)
    }

    /// Reads what follows `%`; the number of bytes read.
    fn parse(rest: &str) -> Result<(Self, usize), Stop> {
        let mut verb = Verb::default();
        let mut chars = rest.char_indices().peekable();
        while let Some((_, flag)) = chars.next_if(|(_, c)| matches!(c, '+' | '-' | ' ' | '#' | '0')) {
            verb.flags.push(flag);
        }
        verb.index(&mut chars)?;
        verb.width = digits(&mut chars);
        if chars.next_if(|(_, c)| *c == '.').is_some() {
            verb.precision = Some(digits(&mut chars).unwrap_or(0));
        }
        verb.index(&mut chars)?;
        let Some((at, letter)) = chars.next() else { return fail("unterminated `%` in the format string") };
        verb.verb = letter;
        if verb.width.unwrap_or(0).max(verb.precision.unwrap_or(0)) > MAX_WIDTH {
            return Err(Stop::Unknown);
        }
        Ok((verb, at + letter.len_utf8()))
    }

    fn index(&mut self, chars: &mut std::iter::Peekable<std::str::CharIndices<'_>>) -> Result<(), Stop> {
        if chars.next_if(|(_, c)| *c == '[').is_none() {
            return Ok(());
        }
        match (digits(chars), chars.next()) {
            (Some(n), Some((_, ']'))) if n > 0 => self.index = Some(n - 1),
            _ => return fail("unrecognised argument index in the format string"),
        }
        Ok(())
    }
}

fn digits(chars: &mut std::iter::Peekable<std::str::CharIndices<'_>>) -> Option<usize> {
    let mut text = String::new();
    while let Some((_, d)) = chars.next_if(|(_, c)| c.is_ascii_digit()) {
        text.push(d);
    }
    if text.is_empty() { None } else { Some(text.parse().unwrap_or(usize::MAX)) }
}

fn format(c: &Call<'_>, args: &[Value]) -> Result<Text, Stop> {
    let pattern = c.text(0)?;
    let Some((known, _)) = points::known_string(&pattern) else { return Err(Stop::Unknown) };
    let sample = points::samples(&pattern, "");
    let sample = sample.first().ok_or(Stop::Unknown)?;
    let literal = |from: usize, to: usize| -> Text {
        match (sample.point(from), sample.point(to)) {
            (Some(a), Some(b)) => points::between(&pattern, a, b),
            _ => Text::known(known.get(from..to).unwrap_or("")),
        }
    };
    let mut out = Text::default();
    let (mut at, mut next, mut used_index, mut highest) = (0, 0, false, 0);
    let mut size = 0;
    while let Some(percent) = known.get(at..).and_then(|r| r.find('%')).map(|i| i + at) {
        out.push(&literal(at, percent));
        let (verb, read) = Verb::parse(known.get(percent + 1..).unwrap_or(""))?;
        at = percent + 1 + read;
        if verb.verb == '%' {
            out.push(&literal(at - 1, at));
            continue;
        }
        used_index |= verb.index.is_some();
        let i = verb.index.unwrap_or(next);
        next = i + 1;
        highest = highest.max(next);
        let Some(arg) = args.get(i) else { return fail(format!("not enough arguments for `%{}` in the format string", verb.verb)) };
        let converted = convert(c, &verb, arg)?;
        size += length(&converted);
        if size > MAX_TEXT {
            return Err(Stop::Unknown);
        }
        out.push(&converted);
    }
    out.push(&literal(at, known.len()));
    if highest < args.len() && !used_index {
        return fail(format!("too many arguments: the format string uses only {highest}"));
    }
    Ok(out)
}

fn convert(c: &Call<'_>, verb: &Verb, arg: &Value) -> Result<Text, Stop> {
    match verb.verb {
        'v' => default(c, verb, arg),
        's' => c.as_text(arg, 1).and_then(|t| string(verb, t)),
        'q' => {
            let text = c.as_text(arg, 1)?;
            padded(verb, json_text::quoted(&text))
        }
        't' => match (arg.as_bool(), &arg.kind) {
            (Some(b), _) => padded(verb, Text::known(b.to_string())),
            (None, Kind::Unknown(_)) => Err(Stop::Unknown),
            (None, Kind::Text(t)) if !t.is_known() => Err(Stop::Unknown),
            _ => fail("unsupported value for `%t`: a bool is required"),
        },
        'd' | 'b' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'g' | 'G' => number(c, verb, arg),
        other => fail(format!("unsupported format verb `{other}`")),
    }
}

fn default(c: &Call<'_>, verb: &Verb, arg: &Value) -> Result<Text, Stop> {
    match &arg.kind {
        Kind::Text(t) if verb.has('#') => padded(verb, json_text::quoted(t)),
        Kind::Text(t) => string(verb, t.clone()),
        Kind::Number(_) if verb.width.is_some() || verb.precision.is_some() => number(c, &Verb { verb: 'g', ..copy(verb) }, arg),
        Kind::Unknown(_) | Kind::Number(_) | Kind::Bool(_) => arg.as_text().map_or(Err(Stop::Unknown), |t| padded(verb, t)),
        Kind::Null => padded(verb, Text::known("null")),
        Kind::List { .. } | Kind::Map { .. } => padded(verb, json_text::render_json(arg)),
        Kind::OneOf(_) => Err(Stop::Unknown),
    }
}

fn copy(verb: &Verb) -> Verb {
    Verb { flags: verb.flags.clone(), index: verb.index, width: verb.width, precision: verb.precision, verb: verb.verb }
}

fn string(verb: &Verb, text: Text) -> Result<Text, Stop> {
    let Some(most) = verb.precision else { return padded(verb, text) };
    let known = text.as_known().ok_or(Stop::Unknown)?;
    let end = known.char_indices().nth(most).map_or(known.len(), |(i, _)| i);
    let sample = points::samples(&text, "");
    let to = sample.first().and_then(|s| s.point(end)).ok_or(Stop::Unknown)?;
    padded(verb, points::between(&text, Point { part: 0, offset: 0 }, to))
}

/// The text padded to the width; a hole whose length is not known cannot be padded unless it surely is long enough.
fn padded(verb: &Verb, text: Text) -> Result<Text, Stop> {
    let Some(width) = verb.width else { return Ok(text) };
    let literal: usize = text.parts.iter().map(|p| if let Part::Literal { text, .. } = p { text.chars().count() } else { 0 }).sum();
    if literal >= width {
        return Ok(text);
    }
    if !text.is_known() {
        return Err(Stop::Unknown);
    }
    let fill = Text::known((if verb.has('0') && !verb.has('-') { "0" } else { " " }).repeat(width - literal));
    let (mut first, second) = if verb.has('-') { (text, fill) } else { (fill, text) };
    first.push(&second);
    Ok(first)
}

fn number(c: &Call<'_>, verb: &Verb, arg: &Value) -> Result<Text, Stop> {
    let is_unknown_text = matches!(&arg.kind, Kind::Text(t) if !t.is_known()) || matches!(arg.kind, Kind::Unknown(_));
    if is_unknown_text && verb.verb == 'd' && verb.width.is_none() && verb.flags.is_empty() {
        return c.as_text(arg, 1);
    }
    let n = c.as_number(arg, 1)?;
    let whole = || n.as_integer().or_else(|| matches!(verb.verb, 'd' | 'b' | 'o' | 'x' | 'X').then_some(n.as_f64() as i128));
    let digits = match verb.verb {
        'd' => {
            n.as_integer().map_or_else(|| Num::from_f64(n.as_f64().trunc()).map_or_else(String::new, |t| t.to_string()), |i| i.to_string())
        }
        'b' => radix(whole(), |i| format!("{i:b}")),
        'o' => radix(whole(), |i| format!("{i:o}")),
        'x' => radix(whole(), |i| format!("{i:x}")),
        'X' => radix(whole(), |i| format!("{i:X}")),
        'f' => format!("{:.*}", verb.precision.unwrap_or(6), n.as_f64()),
        'e' | 'E' => exponent(n.as_f64(), verb.precision.unwrap_or(6), verb.verb),
        _ => n.to_string(),
    };
    let (negative, magnitude) = digits.strip_prefix('-').map_or((false, digits.as_str()), |m| (true, m));
    let sign = if negative {
        "-"
    } else if verb.has('+') {
        "+"
    } else if verb.has(' ') {
        " "
    } else {
        ""
    };
    if verb.has('0') && !verb.has('-') {
        let width = verb.width.unwrap_or(0).saturating_sub(sign.len());
        let zeros = "0".repeat(width.saturating_sub(magnitude.len()));
        return Ok(Text::known(format!("{sign}{zeros}{magnitude}")));
    }
    padded(
        verb,
        Text { parts: vec![Part::Literal { text: format!("{sign}{magnitude}").into(), span: arg.span, trail: arg.trail.clone() }] },
    )
}

fn radix(n: Option<i128>, write: impl Fn(u128) -> String) -> String {
    let n = n.unwrap_or(0);
    format!("{}{}", if n < 0 { "-" } else { "" }, write(n.unsigned_abs()))
}

/// Go writes at least two digits of exponent and its sign.
fn exponent(f: f64, precision: usize, letter: char) -> String {
    let text = format!("{f:.precision$e}");
    let (mantissa, power) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = power.parse().unwrap_or(0);
    format!("{mantissa}{letter}{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
}

fn formatlist(c: &Call<'_>) -> Result<Value, Stop> {
    let args = c.args.get(1..).unwrap_or_default();
    let (mut rows, mut open) = (None, false);
    for arg in args {
        if let Kind::List { items, open: more } = &arg.kind {
            open |= more;
            match rows {
                Some(n) if n != items.len() && !open => return fail("the lists given to `formatlist` differ in length"),
                Some(n) => rows = Some(items.len().min(n)),
                None => rows = Some(items.len()),
            }
        }
    }
    // An unknown argument may be a list of any length; beside a list it is taken to be a single value.
    let Some(n) = rows else {
        if args.iter().any(|a| matches!(a.kind, Kind::Unknown(_))) {
            return Err(Stop::Unknown);
        }
        let text = format(c, args)?;
        return c.text_value(text).and_then(|v| c.list_value(vec![v], false));
    };
    if n > MAX_ITEMS {
        return Err(Stop::Unknown);
    }
    let mut items = Vec::new();
    let mut bytes = 0usize;
    for row in 0..n {
        let cells: Vec<Value> = args
            .iter()
            .map(|a| if let Kind::List { items, .. } = &a.kind { items.get(row).cloned().unwrap_or_else(Value::null) } else { a.clone() })
            .collect();
        // A cell may be a choice: one text for each alternative.
        let value =
            super::call("format", &[vec![c.arg(0)?.clone()], cells].concat(), c.span, c.files).map_err(|e| Stop::Error(e.message))?;
        bytes += value.as_text().map_or(0, |t| t.to_string().len());
        if bytes > MAX_TEXT {
            return Err(Stop::Unknown);
        }
        items.push(value);
    }
    c.list_value(items, open)
}
