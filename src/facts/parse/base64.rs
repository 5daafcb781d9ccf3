use ::base64::prelude::{BASE64_STANDARD, Engine};

/// A name that the probe printed in Base64, since it may hold anything; none if the text is not Base64.
pub(super) fn decoded(text: &str) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded() {
        for (text, plain) in
            [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar")]
        {
            assert_eq!(decoded(text).as_deref(), Some(plain));
        }
        assert_eq!(decoded("w7w=").as_deref(), Some("ü"));
        assert_eq!(decoded("a b"), None);
    }
}
