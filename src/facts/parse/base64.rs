use ::base64::prelude::{BASE64_STANDARD, Engine};

/// A name that the probe printed in Base64, since it may hold anything; none if the text is not Base64.
pub(super) fn decoded(text: &str) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}
