use std::collections::BTreeMap;
use std::ops::Range;

use super::Checker;
use crate::document::{Problem, read_document};
use crate::inventory::Desired;
use crate::inventory::raw::RawTemplates;
use crate::template::{TemplateName, Templates};

impl Checker<'_> {
    /// Reads the user's templates that replace the built-in ones, and checks each against its sample and this inventory.
    pub(super) fn templates(&mut self, raw: &RawTemplates, desired: &Desired) -> BTreeMap<String, String> {
        let mut texts = BTreeMap::new();
        let mut templates = match Templates::new(&texts) {
            Ok(templates) => templates,
            // The built-in templates are tested; if one is still broken, report its message.
            Err(error) => {
                self.problems.push(Problem::error(error.to_string()).hint(error.hint()));
                return texts;
            }
        };
        for (&name, path) in &raw.0 {
            let missing =
                format!("`rabbitup render {}` prints the output of the built-in template", name.as_str());
            let source = match read_document(&self.path(path), &missing) {
                Ok(source) => source,
                Err(problem) => {
                    self.problems.push(problem.at(self.source, path.span.clone(), "from here"));
                    continue;
                }
            };
            if let Err(error) =
                templates.put(name, source.text()).and_then(|()| desired.try_template(&templates, name))
            {
                let (line, column) = (error.line.unwrap_or(1), error.column.unwrap_or(1));
                let start = source.byte_at(line, column);
                let length = source.text()[start..].find("}}").map_or(1, |end| end + 2);
                let length = length.min(source.text()[start..].find('\n').unwrap_or(length));
                let problem = Problem::error(format!("the template `{}`: {}", name.as_str(), error.fault))
                    .at(&source, start..start + length, "here")
                    .hint(error.hint());
                self.problems.push(problem);
            } else if let TemplateName::Balancer(software) = name
                && desired.leaves_header_out(&templates, software)
            {
                self.template_without_header(&path.span);
            }
            texts.insert(name.as_str().to_owned(), source.text().to_owned());
        }
        texts
    }
    fn template_without_header(&mut self, span: &Range<usize>) {
        let mut problem = Problem::error(
            "the brokers ask for the PROXY protocol's header, and this template does not send it",
        )
        .at(self.source, span.clone(), "every client would be cut off")
        .hint("use `proxied` of each broker in it, as the built-in template does; or remove proxy_protocol");
        if let Some(key) = self.config_keys.get("proxy_protocol") {
            problem = problem.at(self.source, key.clone(), "asked for here");
        }
        self.problems.push(problem);
    }
}
