//! Bytes as text. Editors on Windows put a mark before it, which is no part of it.

use std::string::FromUtf8Error;

/// What an encrypted file begins with.
pub(super) const VAULT: &str = "$ANSIBLE_VAULT";

/// The text, without UTF-8's byte-order mark.
///
/// # Errors
/// It is not UTF-8.
pub(super) fn decoded(mut bytes: Vec<u8>) -> Result<String, FromUtf8Error> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    String::from_utf8(bytes)
}

/// Whether it begins as UTF-16 does, as PowerShell's `>` writes it.
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")
}
