use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;

/// The settings of a configuration file in Erlang terms (`advanced.config`, `rabbitmq.config`), as `APPLICATION.KEY`: of
/// `[{rabbit, [{vm_memory_high_watermark, 0.4}]}].` it is `rabbit.vm_memory_high_watermark`. Values are not read. A file that is no
/// list of applications sets nothing that is known here: RabbitMQ refuses it.
pub fn settings_in_terms(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut application = String::new();
    // The brackets that are open, and whether the previous token opened the last of them.
    let mut open: Vec<char> = Vec::new();
    let mut is_first = false;
    let mut rest = text.chars().peekable();
    while let Some(token) = next_token(&mut rest) {
        match (&token, open.as_slice()) {
            (Token::Open(bracket), _) => open.push(*bracket),
            (Token::Close, _) => _ = open.pop(),
            (Token::Word(name), ['[', '{']) if is_first => application.clone_from(name),
            (Token::Word(name), ['[', '{', '[', '{']) if is_first => {
                _ = found.insert(format!("{application}.{name}"))
            }
            (Token::Word(_) | Token::Text, _) => {}
        }
        is_first = matches!(token, Token::Open(_));
    }
    found
}

/// As much of Erlang's syntax as tells brackets from what looks like them.
enum Token {
    Open(char),
    Close,
    /// An atom, a number or a variable, without quotes.
    Word(String),
    /// A string.
    Text,
}

fn next_token(rest: &mut Peekable<Chars<'_>>) -> Option<Token> {
    loop {
        match rest.next()? {
            '%' => while rest.next_if(|c| *c != '\n').is_some() {},
            '"' => {
                quoted(rest, '"');
                return Some(Token::Text);
            }
            '\'' => return Some(Token::Word(quoted(rest, '\''))),
            // A character: `$"` is no quote.
            '$' => {
                let escaped = rest.next() == Some('\\');
                if escaped {
                    rest.next();
                }
                return Some(Token::Text);
            }
            c @ ('[' | '{' | '(') => return Some(Token::Open(c)),
            ']' | '}' | ')' => return Some(Token::Close),
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = c.to_string();
                while let Some(c) = rest.next_if(|c| c.is_alphanumeric() || ['_', '@', '.'].contains(c)) {
                    word.push(c);
                }
                return Some(Token::Word(word));
            }
            _ => {}
        }
    }
}

/// The text up to the closing quote.
fn quoted(rest: &mut Peekable<Chars<'_>>, quote: char) -> String {
    let mut text = String::new();
    while let Some(c) = rest.next() {
        match c {
            '\\' => text.extend(rest.next()),
            c if c == quote => break,
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_and_their_keys_are_found_among_anything_else() {
        let text = r#"
            %% {not, [{a, setting}]}
            [{rabbit, [{tcp_listeners, [{"10.0.0.1", 5673}]}, {'vm_memory_high_watermark', {absolute, "1GB"}},
                       {default_user, <<"]}'%">>}, {escape, $"}, {log, [{file, [{level, debug}]}]}]},
             {rabbitmq_management, [{listener, [{port, 15673}, {ssl, false}]}]},
             {kernel, []}].
        "#;
        let wanted = [
            "rabbit.default_user",
            "rabbit.escape",
            "rabbit.log",
            "rabbit.tcp_listeners",
            "rabbit.vm_memory_high_watermark",
            "rabbitmq_management.listener",
        ];
        assert_eq!(settings_in_terms(text).into_iter().collect::<Vec<_>>(), wanted);
        assert_eq!(settings_in_terms("[]."), BTreeSet::new());
        assert_eq!(settings_in_terms("heartbeat = 60\n"), BTreeSet::new());
        assert_eq!(
            settings_in_terms("[{rabbit, [{heartbeat, 10}"),
            BTreeSet::from(["rabbit.heartbeat".to_owned()])
        );
    }
}
