use std::fmt;

use md5::{Digest, Md5};
use rand::RngExt;

use super::Secret;

/// The MD5 of a cookie's normalised bytes; RabbitMQ calls its Base64 form the cookie hash.
///
/// RabbitMQ logs it unsalted, so it identifies the cookie; it is shown to people only through
/// [`CookieDigest::keyed`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CookieDigest([u8; 16]);

/// A key that makes short digests comparable only within one plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DigestKey([u8; 16]);

/// Why a string cannot be the Erlang cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CookieError {
    #[error("the cookie is empty")]
    Empty,
    #[error("the cookie has {0} bytes; Erlang allows at most 255")]
    TooLong(usize),
    #[error("byte {0} of the cookie is not a printable ASCII character")]
    BadByte(usize),
    #[error("the cookie starts with a newline, which Erlang refuses")]
    LeadingNewline,
    #[error("the cookie contains white space, which some readers treat as part of it and others do not")]
    WhiteSpace,
    #[error(
        "the cookie is 20 upper-case letters, the form that Erlang itself generates: Debian's rabbitmq-server \
         package replaces such a cookie whenever it is configured or upgraded"
    )]
    DebianReplaces,
}

impl CookieDigest {
    /// The digest of a cookie without trailing newlines, which Erlang's reader drops.
    pub fn of(cookie: &Secret) -> Self {
        Self(Md5::digest(normalised(cookie.expose())).into())
    }

    /// The digest of a cookie file's unchanged bytes, as printed by `md5sum`.
    pub fn of_file(bytes: &Secret) -> Self {
        Self(Md5::digest(bytes.expose()).into())
    }

    /// Parses 32 hexadecimal digits, as `md5sum` prints them.
    pub fn from_hex(hex: &str) -> Option<Self> {
        if hex.len() != 32 || !hex.is_ascii() {
            return None;
        }
        let mut bytes = [0; 16];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The digest as printed by `md5sum`. For comparing on a host over an encrypted connection, never for display.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|b| format!("{b:02x}")).collect()
    }

    /// Eight hexadecimal digits that differ for different cookies and do not reveal the cookie.
    pub fn keyed(self, key: DigestKey) -> String {
        let digest = Md5::new().chain_update(key.0).chain_update(self.0).finalize();
        digest.iter().take(4).map(|b| format!("{b:02x}")).collect()
    }
}

impl fmt::Debug for CookieDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieDigest(…)")
    }
}

impl DigestKey {
    pub fn random() -> Self {
        Self(rand::rng().random())
    }

    /// Twelve hexadecimal digits that differ for different texts; without the key they cannot be used to guess the text.
    pub fn digest(self, text: &[u8]) -> String {
        let digest = Md5::new().chain_update(self.0).chain_update(text).finalize();
        digest.iter().take(6).map(|b| format!("{b:02x}")).collect()
    }

    /// A key for tests, whose digests must not change from run to run.
    pub fn fixed(byte: u8) -> Self {
        Self([byte; 16])
    }
}

/// Checks a cookie against Erlang's rules (`auth.erl`: printable, at most 255 bytes, no leading newline)
/// and against Debian's (postinst replaces `^[A-Z]{20}$`).
///
/// # Errors
/// The first rule that the cookie breaks.
pub fn check_cookie(cookie: &Secret) -> Result<(), CookieError> {
    let bytes = cookie.expose();
    if bytes.first().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
        return Err(CookieError::LeadingNewline);
    }
    let bytes = normalised(bytes);
    if bytes.is_empty() {
        return Err(CookieError::Empty);
    }
    if bytes.len() > 255 {
        return Err(CookieError::TooLong(bytes.len()));
    }
    if bytes.iter().any(u8::is_ascii_whitespace) {
        return Err(CookieError::WhiteSpace);
    }
    if let Some(at) = bytes.iter().position(|b| !b.is_ascii_graphic()) {
        return Err(CookieError::BadByte(at + 1));
    }
    if bytes.len() == 20 && bytes.iter().all(u8::is_ascii_uppercase) {
        return Err(CookieError::DebianReplaces);
    }
    Ok(())
}

/// A new cookie: 40 letters and digits, about 238 bits.
pub fn generate_cookie() -> Secret {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut rng = rand::rng();
    Secret::new((0..40).map(|_| ALPHABET[rng.random_range(0..ALPHABET.len())]).collect())
}

fn normalised(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|b| !matches!(b, b'\n' | b'\r')).map_or(0, |last| last + 1);
    &bytes[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.as_bytes().to_vec())
    }

    #[test]
    fn digest_is_md5sum_of_the_normalised_bytes() {
        // printf %s monster | md5sum
        let known = "8bf4e6addd72a9c4c4714708d2941528";
        assert_eq!(CookieDigest::of(&secret("monster")).to_hex(), known);
        assert_eq!(CookieDigest::of(&secret("monster\r\n\n")).to_hex(), known);
        assert_ne!(CookieDigest::of(&secret("monster \n")).to_hex(), known);
        assert_eq!(CookieDigest::from_hex(known).map(CookieDigest::to_hex).as_deref(), Some(known));
    }

    #[test]
    fn cookies_that_erlang_or_debian_would_not_keep_are_refused() {
        assert_eq!(check_cookie(&secret("ABCDEFGHIJKLMNOPQRST\n")), Err(CookieError::DebianReplaces));
        assert_eq!(check_cookie(&secret("ABCDEFGHIJKLMNOPQRSTU")), Ok(()));
        assert_eq!(check_cookie(&secret("\nabc")), Err(CookieError::LeadingNewline));
        assert_eq!(check_cookie(&secret("abc \n")), Err(CookieError::WhiteSpace));
        assert_eq!(check_cookie(&secret("\n")), Err(CookieError::LeadingNewline));
        assert_eq!(check_cookie(&secret("")), Err(CookieError::Empty));
        assert_eq!(check_cookie(&secret("ab\u{7f}")), Err(CookieError::BadByte(3)));
        assert_eq!(check_cookie(&secret(&"x".repeat(256))), Err(CookieError::TooLong(256)));
    }

    #[test]
    fn generated_cookies_pass_their_own_check_and_differ() {
        let (a, b) = (generate_cookie(), generate_cookie());
        assert_eq!(check_cookie(&a), Ok(()));
        assert!(a != b && a.expose().len() >= 32);
    }

    #[test]
    fn digests_of_files_depend_on_the_key() {
        let digest = |key, text: &str| DigestKey::fixed(key).digest(text.as_bytes());
        assert_eq!(digest(1, "default_pass = x"), digest(1, "default_pass = x"));
        assert_ne!(digest(1, "default_pass = x"), digest(2, "default_pass = x"));
        assert_ne!(digest(1, "default_pass = x"), digest(1, "default_pass = y"));
    }

    #[test]
    fn keyed_digests_depend_on_the_key() {
        let digest = CookieDigest::of(&secret("monster"));
        assert_eq!(digest.keyed(DigestKey::fixed(1)), digest.keyed(DigestKey::fixed(1)));
        assert_ne!(digest.keyed(DigestKey::fixed(1)), digest.keyed(DigestKey::fixed(2)));
        assert!(!digest.to_hex().starts_with(&digest.keyed(DigestKey::fixed(1))));
    }
}
