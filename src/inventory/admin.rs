use std::str::FromStr;

use crate::model::SecretName;

/// The administrator, whose password is in [`super::Desired::secrets`] under [`Admin::secret`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    pub user: String,
}

/// Why a word is no administrator's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use printable ASCII characters without spaces or quotes, not starting with a hyphen")]
pub struct AdminError;

impl FromStr for Admin {
    type Err = AdminError;

    fn from_str(user: &str) -> Result<Self, AdminError> {
        let plain = |c: char| c.is_ascii_graphic() && !"'\"\\`$".contains(c);
        let is_name = !user.is_empty() && !user.starts_with('-') && user.chars().all(plain);
        if is_name { Ok(Self { user: user.to_owned() }) } else { Err(AdminError) }
    }
}

impl Admin {
    pub fn secret() -> SecretName {
        SecretName::new("admin")
    }
}
