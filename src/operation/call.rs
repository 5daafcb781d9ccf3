use md5::{Digest, Md5};

use super::Operation;
use crate::model::{NameMode, NodeName, Secret, SecretName, Secrets, quote, quote_bytes};

/// The call of a step function under construction. Bytes, since secrets need not be UTF-8.
pub struct Call<'s> {
    line: Vec<u8>,
    secrets: &'s Secrets,
}

/// The line that runs this step.
///
/// # Errors
/// The name of a secret that it needs and that is not in `secrets`.
pub fn line(step: &str, operation: &Operation, secrets: &Secrets) -> Result<Vec<u8>, SecretName> {
    let mut call = Call { line: format!("run_step {}", quote(step)).into_bytes(), secrets };
    operation.get().call(&mut call)?;
    call.line.push(b'\n');
    Ok(call.line)
}

impl Call<'_> {
    pub fn word(&mut self, word: &str) -> &mut Self {
        self.line.push(b' ');
        self.line.extend_from_slice(quote(word).as_bytes());
        self
    }

    pub fn words<'w>(&mut self, words: impl IntoIterator<Item = &'w str>) -> &mut Self {
        for word in words {
            self.word(word);
        }
        self
    }

    /// One word, which may be any bytes.
    pub fn secret(&mut self, secret: &Secret) -> &mut Self {
        self.line.push(b' ');
        self.line.extend_from_slice(&quote_bytes(secret.expose()));
        self
    }

    /// All secrets that are known.
    pub fn secrets(&self) -> &Secrets {
        self.secrets
    }

    /// # Errors
    /// The name, if the secret is not known.
    pub fn known(&self, name: &SecretName) -> Result<Secret, SecretName> {
        self.secrets.get(name).cloned().ok_or_else(|| name.clone())
    }

    pub fn seconds(&mut self, seconds: u64) -> &mut Self {
        self.word(&seconds.to_string())
    }

    pub fn node(&mut self, node: &NodeName) -> &mut Self {
        self.word(&node.to_string())
    }

    /// `FUNCTION NODE short|long`.
    pub fn on_node(&mut self, function: &str, node: &NodeName, names: NameMode) -> &mut Self {
        let mode = match names {
            NameMode::Short => "short",
            NameMode::Long => "long",
        };
        self.word(function).node(node).word(mode)
    }
}

/// A count, or `any` if the plan showed it as unknown.
pub(super) fn or_any(count: Option<u64>) -> String {
    count.map_or("any".to_owned(), |count| count.to_string())
}

pub(super) fn md5_hex(bytes: &[u8]) -> String {
    Md5::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
