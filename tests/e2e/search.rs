//! Searches readable data for secrets: plain, in Base64, in hexadecimal, encoded as in URLs or JSON, and any twelve bytes of such
//! a form. It shares no code with the program's redaction.

use std::collections::{BTreeSet, HashMap};

/// How many consecutive bytes of a form count as a find.
const PART: usize = 12;

/// The secrets to search for.
#[derive(Debug, Default)]
pub struct Search {
    parts: HashMap<[u8; PART], String>,
    starts: BTreeSet<[u8; 2]>,
}

impl Search {
    /// Also looks for this secret, which has at least twelve bytes.
    pub fn secret(&mut self, what: &str, secret: &str) {
        assert!(secret.len() >= PART, "{what} is too short to be looked for");
        for (form, text) in forms(secret) {
            for window in text.as_bytes().windows(PART) {
                let part: [u8; PART] = window.try_into().expect("a window has its length");
                self.starts.insert([part[0], part[1]]);
                self.parts.entry(part).or_insert_with(|| format!("{what} ({form})"));
            }
        }
    }

    /// The secrets in `haystack`, each with its form.
    pub fn find(&self, haystack: &[u8]) -> BTreeSet<&str> {
        let mut starts = vec![false; 1 << 16];
        for start in &self.starts {
            starts[usize::from(u16::from_be_bytes(*start))] = true;
        }
        let part = |window: &[u8]| {
            let start = usize::from(u16::from_be_bytes([window[0], window[1]]));
            starts[start].then(|| self.parts.get(window)).flatten()
        };
        haystack.windows(PART).filter_map(part).map(String::as_str).collect()
    }
}

/// A secret in the forms that programs give it.
pub fn forms(secret: &str) -> Vec<(&'static str, String)> {
    let each = |word: &dyn Fn(u8) -> String| secret.bytes().map(word).collect::<String>();
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let json = serde_json::to_string(secret).expect("text has a JSON form");
    let mut forms = vec![
        ("as it is", secret.to_owned()),
        ("hexadecimal", each(&|byte| format!("{byte:02x}"))),
        ("hexadecimal", each(&|byte| format!("{byte:02X}"))),
        ("URL", each(&|byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })),
        ("URL", each(&|byte| if safe(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") })),
        ("JSON", json[1..json.len() - 1].to_owned()),
    ];
    // Base64 in each of the three places where a group of three bytes may begin.
    for skipped in 0..3 {
        let bytes = &secret.as_bytes()[skipped..];
        let text = base64(&bytes[..bytes.len() - bytes.len() % 3]);
        forms.push(("Base64", text.replace('+', "-").replace('/', "_")));
        forms.push(("Base64", text));
    }
    forms
}

/// RFC 4648, section 4, of whole groups of three bytes.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |group: &[u8]| {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(bits >> shift & 63) as usize]))
    };
    bytes.chunks(3).flat_map(group).collect()
}

/// The files of a tar archive that tar(1) writes: names as far as they fit its header, contents.
pub fn files_of(archive: &[u8]) -> Vec<(String, &[u8])> {
    let mut files = Vec::new();
    let mut rest = archive;
    while rest.len() >= 512 && rest[0] != 0 {
        let (header, behind) = rest.split_at(512);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_matches(['\0', ' ']).to_owned();
        let size = usize::from_str_radix(&text(&header[124..136]), 8).expect("tar writes sizes in octal");
        files.push((text(&header[..100]), &behind[..size]));
        rest = &behind[size.div_ceil(512) * 512..];
    }
    files
}

#[test]
fn a_secret_is_found_in_every_form_and_in_part() {
    let secret = "Zebra/\"9 of+nobody%";
    let mut search = Search::default();
    search.secret("it", secret);
    for (form, text) in forms(secret) {
        let found = search.find(format!("before{}after", &text[1..]).as_bytes());
        assert!(!found.is_empty(), "{form}: {text}");
    }
    for other in ["", "Zebra", "before and after", "Zebra/\"9 of"] {
        assert!(search.find(other.as_bytes()).is_empty(), "{other}");
    }
    // printf 'Zebra/"9 of+nobody' | base64
    assert!(forms(secret).contains(&("Base64", "WmVicmEvIjkgb2Yrbm9ib2R5".to_owned())));
}
