//! Rendered files: handlebars in strict mode, embedded templates, and the user's own in their place.

mod context;
mod error;
mod name;
mod rendered;

use std::collections::BTreeMap;

use handlebars::{Handlebars, Template, no_escape};
use serde::Serialize;

pub(crate) use context::{
    BackendLine, BalancerContext, ChronyContext, ConfigLine, Formation, GreetingLine, HealthLine, HostLine,
    HostsContext, KeepalivedContext, LimitsContext, ListenerBroker, ListenerLine, NumberedNode,
    RabbitmqContext, StatsLine, sample,
};
pub(crate) use error::TemplateError;
pub use error::TemplateFault;
pub use name::TemplateName;
pub use rendered::Piece;
pub(crate) use rendered::{Rendered, secret_sign};

/// Every template, compiled and checked.
#[derive(Debug)]
pub struct Templates {
    registry: Handlebars<'static>,
}

impl Templates {
    /// Compiles the embedded templates, with the user's (by [`TemplateName::as_str`]) in their place, and renders
    /// each with a sample, so that a variable that does not exist is found now and not at the host.
    ///
    /// # Errors
    /// The first template that does not compile, or that uses what its context does not have.
    pub fn new(overrides: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let mut registry = Handlebars::new();
        registry.set_strict_mode(true);
        registry.register_escape_fn(no_escape);
        let mut templates = Self { registry };
        for name in TemplateName::all() {
            let text = overrides.get(name.as_str()).map_or(name.embedded(), String::as_str);
            templates.put(name, text)?;
        }
        Ok(templates)
    }

    /// Puts one template in place of what there is, checked like the others.
    ///
    /// # Errors
    /// It does not compile, or uses what its context does not have.
    pub fn put(&mut self, name: TemplateName, text: &str) -> Result<(), TemplateError> {
        let template = Template::compile_with_name(text, name.as_str().to_owned())
            .map_err(|error| TemplateError::compile(name, &error))?;
        self.registry.register_template(name.as_str(), template);
        self.render(name, &sample(name)).map(|_| ())
    }

    /// Renders a template. Secrets in it are signs: see [`Templates::render_file`].
    ///
    /// # Errors
    /// The template uses a variable that has no value in `context`.
    pub fn render(&self, name: TemplateName, context: &impl Serialize) -> Result<String, TemplateError> {
        self.registry.render(name.as_str(), context).map_err(|error| TemplateError::render(name, &error))
    }

    /// Renders a file in pieces: text, and the names of secrets.
    ///
    /// # Errors
    /// As [`Templates::render`].
    pub fn render_file(
        &self,
        name: TemplateName,
        context: &impl Serialize,
    ) -> Result<Rendered, TemplateError> {
        self.render(name, context).map(|text| Rendered::from_text(&text))
    }
}
