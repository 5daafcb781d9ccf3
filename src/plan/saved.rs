use super::{FORMAT_VERSION, Plan};

/// Why a text cannot be applied as a plan.
#[derive(Debug, thiserror::Error)]
pub enum SavedPlanError {
    #[error("it is not JSON: {0}")]
    Json(serde_json::Error),
    #[error("it has no format_version")]
    NoFormat,
    #[error("it has format {0}, this rabbitup reads format {FORMAT_VERSION}")]
    Format(u64),
    #[error("it is cut, or was changed by hand: {0}")]
    Shape(serde_json::Error),
}

/// Whether a file that begins so is a plan that was saved.
pub(crate) fn is_saved_plan(begin: &str) -> bool {
    begin
        .trim_start()
        .strip_prefix('{')
        .is_some_and(|rest| rest.trim_start().starts_with("\"format_version\":"))
}

impl Plan {
    /// The plan as saved.
    ///
    /// # Errors
    /// None known: every field has a JSON form.
    pub fn to_saved(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec_pretty(self)
    }

    /// Reads a plan saved by `rabbitup plan -o FILE`.
    ///
    /// # Errors
    /// [`SavedPlanError`]. Whether its steps fit together is checked before any of them runs.
    pub fn from_saved(text: &[u8]) -> Result<Self, SavedPlanError> {
        let value: serde_json::Value = serde_json::from_slice(text).map_err(SavedPlanError::Json)?;
        match value.get("format_version").and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(FORMAT_VERSION) => {}
            Some(other) => return Err(SavedPlanError::Format(other)),
            None => return Err(SavedPlanError::NoFormat),
        }
        serde_json::from_value(value).map_err(SavedPlanError::Shape)
    }
}
