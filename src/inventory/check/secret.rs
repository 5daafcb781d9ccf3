use super::Checker;
use crate::document::{At, Problem};
use crate::inventory::command_secret::SecretRule;
use crate::inventory::raw_values::{CookieSetting, SecretSetting};
use crate::inventory::secrets::is_open_to_others;
use crate::inventory::{CommandSecret, CookieSource, Host, SecretPolicy, read_secret};
use crate::model::{Role, Secret, SecretName, SecretSource, generate_cookie};

/// Warn about cookies with fewer characters: 16 of Base64 are 96 bits. Erlang generates 20.
const SHORTEST_COOKIE: usize = 16;

impl Checker<'_> {
    /// Reads the cookie's setting. A given cookie is checked against Erlang's and Debian's rules.
    pub(super) fn cookie(&mut self, setting: Option<&At<CookieSetting>>, hosts: &[Host]) -> CookieSource {
        let name = SecretName::cookie();
        if !matches!(setting.map(|setting| &setting.value), Some(CookieSetting::From(_))) {
            // For a cluster without a cookie; the planner decides whether to use it.
            self.secrets.insert(SecretName::new_cookie(), generate_cookie());
            self.secret_sources.insert(SecretName::new_cookie(), SecretSource::Generate);
        }
        match setting.map(|setting| &setting.value) {
            None | Some(CookieSetting::Seed) => {
                if let Some(seed) = hosts.iter().find(|host| host.has(Role::Broker)) {
                    self.secret_sources.insert(name, SecretSource::HostCookie(seed.name.clone()));
                }
                CookieSource::Seed
            }
            Some(CookieSetting::Generate) => CookieSource::Generate,
            Some(CookieSetting::From(source)) => {
                let span = setting.map(|setting| setting.span.clone()).unwrap_or_default();
                let source = At { value: source.clone(), span };
                self.keep(name.clone(), "the cookie", &source, SecretRule::Cookie);
                if let Some(cookie) = self.secrets.get(&name)
                    && cookie.expose().len() < SHORTEST_COOKIE
                {
                    self.warn(
                        format!("the cookie has fewer than {SHORTEST_COOKIE} characters: it can be guessed"),
                        &source.span,
                        "read from here",
                        "anyone who can reach a node's port and has the cookie can run any code there: openssl rand \
                         -base64 42 > cookie",
                    );
                }
                let source = self.secret_source(&source.value);
                self.secret_sources.insert(name, source);
                CookieSource::Given
            }
        }
    }

    /// Reads a secret for one line of a file; `forbidden` lists what the file cannot quote.
    pub(super) fn secret(
        &mut self,
        name: SecretName,
        what: &str,
        setting: &At<SecretSetting>,
        forbidden: &[&str],
    ) {
        let forbidden = forbidden.iter().map(|part| (*part).to_owned()).collect();
        self.keep(name.clone(), what, setting, SecretRule::OneLine { forbidden });
        let source = self.secret_source(setting);
        self.secret_sources.insert(name, source);
    }

    /// Reads a secret, and stores it if it is valid. A secret from a command is read when needed.
    fn keep(&mut self, name: SecretName, what: &str, setting: &At<SecretSetting>, rule: SecretRule) {
        let command = self.readable_source(setting);
        if matches!(command, SecretSource::Command(_)) {
            let (source, span) = (self.source.clone(), setting.span.clone());
            self.commands.insert(name, CommandSecret { command, what: what.to_owned(), rule, source, span });
            return;
        }
        let Some(secret) = self.read(setting, what) else { return };
        match rule.complaint(what, &secret) {
            Some((complaint, hint)) => self.error(complaint, &setting.span, "read from here", hint),
            None => self.secrets.insert(name, secret),
        }
    }

    fn read(&mut self, setting: &At<SecretSetting>, what: &str) -> Option<Secret> {
        let source = self.readable_source(setting);
        let tolerant = self.options.secrets == SecretPolicy::Tolerate;
        if let SecretSource::File(path) = &source
            && is_open_to_others(path)
        {
            self.warn(
                format!("others can read {what}: {} is readable for them", path.display()),
                &setting.span,
                "this file",
                format!("chmod 600 {}", path.display()),
            );
        }
        match read_secret(&source) {
            Ok(secret) => secret,
            Err(error) => {
                let message = format!("{what} cannot be read: {error}");
                let problem = if tolerant && error.is_absence() {
                    Problem::warning(message)
                } else {
                    Problem::error(message)
                };
                let problem = problem.at(self.source, setting.span.clone(), "from here").hint(error.hint());
                self.problems.push(problem);
                None
            }
        }
    }

    /// The source with the inventory's own paths, for reading now and for messages.
    fn readable_source(&self, setting: &SecretSetting) -> SecretSource {
        match setting {
            SecretSetting::File(path) => SecretSource::File(self.path(path)),
            other => self.secret_source(other),
        }
    }

    /// The source for a plan, with absolute paths: valid from any working directory.
    fn secret_source(&self, setting: &SecretSetting) -> SecretSource {
        match setting {
            SecretSetting::File(path) => SecretSource::File(self.lasting_path(path)),
            SecretSetting::Env(name) => SecretSource::Env(name.clone()),
            SecretSetting::Command(argv) => {
                let mut argv = argv.clone();
                if let Some(program) = argv.first_mut().filter(|program| program.contains('/')) {
                    *program = self.lasting_path(program).display().to_string();
                }
                SecretSource::Command(argv)
            }
        }
    }
}
