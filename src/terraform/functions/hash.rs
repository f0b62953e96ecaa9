//! Digests and name-based UUIDs. Fixed functions of their input; what is random is never known.

use super::arguments::{Answer, Call, Stop, fail};
use crate::partial::Value;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use std::fmt::Write;

pub(super) fn call(c: &Call<'_>) -> Answer {
    let name = c.name.strip_prefix("file").unwrap_or(c.name);
    if !matches!(name, "md5" | "sha1" | "sha256" | "sha512" | "base64sha256" | "base64sha512") {
        return match c.name {
            "uuidv5" => Some(uuidv5(c)),
            "bcrypt" | "uuid" | "timestamp" | "plantimestamp" => Some(Err(Stop::Impure)),
            _ => None,
        };
    }
    Some(digest(c, name))
}

fn digest(c: &Call<'_>, name: &str) -> Result<Value, Stop> {
    let mut input = c.string(0)?;
    if c.name.starts_with("file") {
        // A file that is not text, or not in the scan, has a digest all the same.
        input = c.files.read(&input).map_err(|_| Stop::Unknown)?.text.to_string();
    }
    let bytes = input.as_bytes();
    let text = match name {
        "md5" => hex(&Md5::digest(bytes)),
        "sha1" => hex(&Sha1::digest(bytes)),
        "sha256" => hex(&Sha256::digest(bytes)),
        "sha512" => hex(&Sha512::digest(bytes)),
        "base64sha256" => STANDARD.encode(Sha256::digest(bytes)),
        _ => STANDARD.encode(Sha512::digest(bytes)),
    };
    c.string_value(text)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

/// RFC 9562, section 5.5.
fn uuidv5(c: &Call<'_>) -> Result<Value, Stop> {
    let (namespace, name) = (c.string(0)?, c.string(1)?);
    let fixed = |last: u8| {
        let mut id = [0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8];
        id[3] = last;
        id.to_vec()
    };
    let space = match namespace.as_str() {
        "dns" => fixed(0x10),
        "url" => fixed(0x11),
        "oid" => fixed(0x12),
        "x500" => fixed(0x14),
        other => parse_uuid(other).map_or_else(|| fail("uuidv5() doesn't support this namespace"), Ok)?,
    };
    let mut bytes: Vec<u8> = Sha1::digest([space.as_slice(), name.as_bytes()].concat()).iter().copied().take(16).collect();
    if let Some(b) = bytes.get_mut(6) {
        *b = *b & 0x0f | 0x50;
    }
    if let Some(b) = bytes.get_mut(8) {
        *b = *b & 0x3f | 0x80;
    }
    let text = hex(&bytes);
    let groups: Vec<&str> = [0..8, 8..12, 12..16, 16..20, 20..32].into_iter().filter_map(|r| text.get(r)).collect();
    c.string_value(groups.join("-"))
}

fn parse_uuid(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().filter(|c| *c != '-').map(|c| c.to_digit(16)).collect::<Option<_>>()?;
    let byte = |pair: &[u32]| pair.iter().try_fold(0u32, |n, d| Some(n << 4 | d)).and_then(|n| u8::try_from(n).ok());
    (digits.len() == 32).then(|| digits.chunks(2).map(byte).collect::<Option<_>>())?
}
