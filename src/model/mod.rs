//! The basic terms as types. Each is parsed once, at the edge; code that holds a value can rely on its rules. This module imports
//! nothing from this crate.

mod address_family;
mod cookie;
mod host_name;
mod key;
mod metadata_store;
mod node_name;
mod own_file;
mod printable;
mod problem;
mod role;
mod secret;
mod shell;
#[cfg(test)]
#[path = "shells_test.rs"]
pub(crate) mod shells;
mod version;

pub(crate) use address_family::AddressFamily;
pub use cookie::{CookieDigest, DigestKey};
pub(crate) use cookie::{CookieError, check_cookie, generate_cookie};
pub use host_name::HostName;
pub(crate) use host_name::HostNameError;
pub(crate) use key::KeyFingerprint;
pub use metadata_store::MetadataStore;
pub use node_name::NodeName;
pub(crate) use own_file::is_ours;
pub use printable::{one_line, steers};
pub(crate) use printable::{printable, printable_json, shortened};
pub use problem::{Advice, Cause, Next, Problem};
pub use role::{NameMode, NodeType, Role};
pub use secret::{Secret, SecretName, SecretSource, Secrets};
pub use shell::quote;
pub(crate) use shell::{quote_bytes, shell_word};
pub use version::Version;
pub(crate) use version::VersionSpec;
