use serde::{Deserialize, Serialize};

use crate::model::{Secret, SecretName, Secrets};

/// What stands on both sides of a secret's name in rendered text. The inventory refuses control characters, so no
/// value can forge one.
const SIGN: char = '\u{1}';

/// A piece of a rendered file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    Text(String),
    /// Replaced by the secret's bytes when the file is written.
    Secret(SecretName),
}

/// A rendered file whose secrets are still names: it can be shown, saved and compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rendered {
    pub pieces: Vec<Piece>,
}

/// The sign that stands for a secret in a template's context.
pub fn secret_sign(name: &SecretName) -> String {
    format!("{SIGN}secret:{}{SIGN}", name.as_str())
}

impl Rendered {
    /// Splits rendered text at its signs.
    pub fn from_text(text: &str) -> Self {
        let mut pieces = Vec::new();
        for (at, part) in text.split(SIGN).enumerate() {
            match part.strip_prefix("secret:") {
                Some(name) if at % 2 == 1 => pieces.push(Piece::Secret(SecretName::new(name))),
                _ if part.is_empty() => {}
                _ => pieces.push(Piece::Text(part.to_owned())),
            }
        }
        Self { pieces }
    }

    /// The file as it may be shown: each secret is `••••`.
    pub fn display_text(&self) -> String {
        let shown = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Secret(_) => "••••".to_owned(),
        };
        self.pieces.iter().map(shown).collect()
    }

    /// The secrets that the file needs.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretName> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Secret(name) => Some(name),
            Piece::Text(_) => None,
        })
    }

    /// The file's bytes; None where a secret is not known.
    pub fn resolve(&self, secrets: &Secrets) -> Option<Secret> {
        let known = |name| secrets.get(name).map(|secret| secret.expose().len());
        let mut length = 0;
        for piece in &self.pieces {
            length += match piece {
                Piece::Text(text) => text.len(),
                Piece::Secret(name) => known(name)?,
            };
        }
        // Of the final size from the start: a buffer that grows leaves its old copies behind, unwiped.
        let mut bytes = Vec::with_capacity(length);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => bytes.extend_from_slice(text.as_bytes()),
                Piece::Secret(name) => bytes.extend_from_slice(secrets.get(name)?.expose()),
            }
        }
        Some(Secret::new(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_come_back_only_when_resolved() {
        let name = SecretName::new("config:default_pass");
        let rendered = Rendered::from_text(&format!("a = 1\ndefault_pass = {}\n", secret_sign(&name)));
        assert_eq!(rendered.pieces.len(), 3);
        assert_eq!(rendered.display_text(), "a = 1\ndefault_pass = ••••\n");
        let mut secrets = Secrets::default();
        assert!(rendered.resolve(&secrets).is_none());
        secrets.insert(name, Secret::new(b"hunter2".to_vec()));
        let bytes = rendered.resolve(&secrets).map(|secret| secret.expose().to_vec());
        assert_eq!(bytes.as_deref(), Some(b"a = 1\ndefault_pass = hunter2\n".as_slice()));
        // printf 'a = 1\ndefault_pass = hunter2\n' | sha256sum
        assert!(!serde_json::to_string(&rendered).expect("plain JSON").contains("hunter2"));
    }
}
