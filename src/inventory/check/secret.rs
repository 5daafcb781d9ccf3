use super::Checker;
use crate::document::{At, Problem};
use crate::inventory::raw_values::{CookieSetting, SecretSetting};
use crate::inventory::secrets::is_open_to_others;
use crate::inventory::{CookieSource, Host, SecretPolicy, read_secret};
use crate::model::{CookieError, Role, Secret, SecretName, SecretSource, check_cookie, generate_cookie};

impl Checker<'_> {
    /// Reads the cookie's setting. A cookie that is given is checked against Erlang's and Debian's rules.
    pub(super) fn cookie(&mut self, setting: Option<&At<CookieSetting>>, hosts: &[Host]) -> CookieSource {
        let name = SecretName::cookie();
        if !matches!(setting.map(|setting| &setting.value), Some(CookieSetting::From(_))) {
            // For a cluster that turns out to have no cookie yet; which one it is, the planner sees.
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
                if let Some(cookie) = self.read(&source, "the cookie") {
                    if let Err(why) = check_cookie(&cookie) {
                        self.error(why.to_string(), &source.span, "read from here", cookie_hint(why));
                    }
                    self.secrets.insert(name.clone(), cookie);
                }
                let source = self.secret_source(&source.value);
                self.secret_sources.insert(name, source);
                CookieSource::Given
            }
        }
    }

    /// Reads a secret that ends up on one line of a file; `forbidden` is what the file cannot quote.
    pub(super) fn secret(
        &mut self,
        name: SecretName,
        what: &str,
        setting: &At<SecretSetting>,
        forbidden: &[&str],
    ) {
        if let Some(secret) = self.read(setting, what) {
            self.check_one_line(what, &secret, setting, forbidden);
            self.secrets.insert(name.clone(), secret);
        }
        let source = self.secret_source(setting);
        self.secret_sources.insert(name, source);
    }

    fn check_one_line(
        &mut self,
        what: &str,
        secret: &Secret,
        setting: &At<SecretSetting>,
        forbidden: &[&str],
    ) {
        let one_line =
            "it goes into a file on one line: give it a value of one line, with nothing before or after it";
        let mut hint = one_line;
        let complaint = match std::str::from_utf8(secret.expose()) {
            Ok("") => Some(format!("{what} is empty")),
            Ok(text) if text.contains(['\n', '\r']) => Some(format!("{what} has more than one line")),
            Ok(text) if text.chars().any(char::is_control) => {
                Some(format!("{what} has a control character in it"))
            }
            Ok(text) if forbidden.iter().any(|part| text.contains(part)) => {
                hint = "take another one without it: letters and digits are safe everywhere";
                Some(format!(
                    "{what} has a character in it that cannot be quoted in the file: {}",
                    forbidden.join(" ")
                ))
            }
            Ok(_) => None,
            Err(_) => Some(format!("{what} is not UTF-8 text")),
        };
        if let Some(complaint) = complaint {
            self.error(complaint, &setting.span, "read from here", hint);
        }
    }

    fn read(&mut self, setting: &At<SecretSetting>, what: &str) -> Option<Secret> {
        let source = self.readable_source(setting);
        let tolerant = self.options.secrets == SecretPolicy::Tolerate;
        if tolerant && matches!(source, SecretSource::Command(_)) {
            return None;
        }
        if let SecretSource::File(path) = &source
            && is_open_to_others(path)
        {
            self.warn(
                format!("others can read {what}: {} is open to them", path.display()),
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

    /// The source with paths as the inventory wrote them, for reading now and for messages.
    fn readable_source(&self, setting: &SecretSetting) -> SecretSource {
        match setting {
            SecretSetting::File(path) => SecretSource::File(self.path(path)),
            other => self.secret_source(other),
        }
    }

    /// The source as a plan keeps it: it holds wherever the plan is applied from.
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

fn cookie_hint(why: CookieError) -> &'static str {
    match why {
        CookieError::DebianReplaces => "take another one: openssl rand -base64 42 > cookie",
        CookieError::Empty => "a fresh cookie: openssl rand -base64 42 > cookie",
        CookieError::TooLong(_)
        | CookieError::BadByte(_)
        | CookieError::LeadingNewline
        | CookieError::WhiteSpace => {
            "the source must give the cookie and nothing else: up to 255 printable ASCII characters, one line end after it"
        }
    }
}
