//! What is wrong with an inventory, and where.

use std::ops::Range;

/// The bytes of the file that something was read from.
pub(super) type Span = Range<usize>;

/// What is wrong with an inventory, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub message: String,
    pub span: Span,
    pub hint: String,
}

impl Fault {
    pub fn new(message: impl Into<String>, span: Span, hint: impl Into<String>) -> Self {
        Self { message: message.into(), span, hint: hint.into() }
    }
}
