//! Reads the challenges of `WWW-Authenticate` and `Proxy-Authenticate` (RFC 9110 11.2 and 11.6.1).

/// More than any server offers.
const MAX_CHALLENGES: usize = 16;

/// More than any scheme has.
const MAX_PARAMETERS: usize = 32;

/// How much of the name of a scheme is kept.
const MAX_NAME: usize = 32;

/// One challenge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    /// The scheme, as it is written.
    pub(super) scheme: String,
    parameters: Vec<(String, String)>,
    /// A parameter was there twice, or there were too many.
    damaged: bool,
}

impl Challenge {
    pub(super) fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.damaged
    }

    /// The value of a parameter.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut found = self.parameters.iter();
        found
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn add(&mut self, name: &str, value: String) {
        if self.get(name).is_some() || self.parameters.len() >= MAX_PARAMETERS {
            self.damaged = true;
        } else {
            self.parameters.push((name.to_owned(), value));
        }
    }
}

/// The challenges of one field, up to where it makes no sense any more.
pub(super) fn parse(field: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = separators(field);
    while let Some((name, after)) = token(rest) {
        if let Some(value) = blanks(after).strip_prefix('=') {
            // A parameter of the challenge before, for which there must be one.
            let Some((value, after)) = value_of(blanks(value)) else {
                break;
            };
            let Some(challenge) = challenges.last_mut() else {
                break;
            };
            challenge.add(name, value);
            rest = separators(after);
        } else if challenges.len() < MAX_CHALLENGES {
            challenges.push(Challenge {
                scheme: name.chars().take(MAX_NAME).collect(),
                parameters: Vec::new(),
                damaged: false,
            });
            rest = separators(token68(blanks(after)).unwrap_or(after));
        } else {
            break;
        }
    }
    challenges
}

fn blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// Elements of a list may be empty (RFC 9110 5.6.1.2).
fn separators(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', ','])
}

/// A token (RFC 9110 5.6.2) and what follows.
fn token(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// What follows a `token68` that is all a challenge has, such as the ticket of `Negotiate`.
fn token68(text: &str) -> Option<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-._~+/".contains(c);
    let rest = text.trim_start_matches(is_part);
    if rest.len() == text.len() {
        return None;
    }
    let rest = blanks(rest.trim_start_matches('='));
    (rest.is_empty() || rest.starts_with(',')).then_some(rest)
}

/// The value of a parameter, a token or a quoted string, and what follows.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        return token(text).map(|(value, rest)| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return quoted.get(at + 1..).map(|rest| (value, rest)),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(field: &str) -> Vec<String> {
        let shown = |challenge: Challenge| {
            let parameters = challenge.parameters.iter();
            let pairs: Vec<_> = parameters.map(|(n, v)| format!("{n}={v}")).collect();
            format!("{}[{}]", challenge.scheme, pairs.join("|"))
        };
        parse(field).into_iter().map(shown).collect()
    }

    /// The second is the example of RFC 9110 11.6.1.
    #[test]
    fn lists_of_challenges_are_taken_apart() {
        for (field, expected) in [
            ("Basic realm=\"a b\"", &["Basic[realm=a b]"][..]),
            (
                "Basic realm=\"simple\", Newauth realm=\"apps\", type=1, title=\"Login to \\\"apps\\\"\"",
                &[
                    "Basic[realm=simple]",
                    "Newauth[realm=apps|type=1|title=Login to \"apps\"]",
                ],
            ),
            (
                "Negotiate, NTLM TlRMTVNT+/8==, Basic realm=x",
                &["Negotiate[]", "NTLM[]", "Basic[realm=x]"],
            ),
            (", ,Basic ,, realm = \"x,y\" ,", &["Basic[realm=x,y]"]),
            (
                "Digest qop=\"auth, auth-int\",stale=TRUE",
                &["Digest[qop=auth, auth-int|stale=TRUE]"],
            ),
            ("", &[]),
            ("realm=x", &[]),
            ("Basic realm=\"open", &["Basic[]"]),
            ("Basic realm=\"x\\", &["Basic[]"]),
            ("\"Basic\"", &[]),
        ] {
            assert_eq!(shown(field), expected, "{field}");
        }
    }

    #[test]
    fn damage_is_taken_calmly() {
        let field = "NTLM T==, Digest realm=\"a\\\"ü\", nonce=n, qop=\"auth\", stale=x";
        for (at, _) in field.char_indices() {
            let (before, after) = field.split_at(at);
            parse(before);
            for damage in ["\"", "\\", ",", "=", " ", "ü", "\0"] {
                assert!(parse(&format!("{before}{damage}{after}")).len() < 8);
            }
        }
    }

    #[test]
    fn a_parameter_that_is_there_twice_damages_its_challenge() {
        let found = parse("Digest nonce=a, NONCE=b, Basic realm=x");
        assert!(found[0].is_damaged() && !found[1].is_damaged());
        let many: Vec<_> = (0..40).map(|n| format!("p{n}=1")).collect();
        assert!(parse(&format!("Digest {}", many.join(",")))[0].is_damaged());
        assert_eq!(parse(&"A,".repeat(100)).len(), MAX_CHALLENGES);
    }
}
