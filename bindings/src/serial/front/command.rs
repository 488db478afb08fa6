//! The grammar of a command line (ITU-T V.250 5.3 and 5.4), after its `AT`.

/// One command of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// A letter, perhaps with `&` before it, and a number.
    Basic {
        /// In upper case.
        name: String,
        /// Zero where it is left out (5.3.1).
        number: u32,
    },
    /// A name that begins with a mark such as `+`.
    Extended {
        /// With its mark, in upper case.
        name: String,
        operation: Operation,
    },
    /// None that the grammar has.
    Malformed,
}

/// What is done with an extended command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    /// Nothing follows the name.
    Execute,
    /// `?`
    Read,
    /// `=?`
    Test,
    /// `=`, and what follows up to a comma: in upper case, without quotation marks.
    Set(String),
}

/// The commands of a line, in order.
pub(super) struct Commands<'a> {
    rest: &'a str,
}

impl<'a> Commands<'a> {
    pub(super) fn of(line: &'a str) -> Self {
        Self { rest: line }
    }

    fn extended(&mut self) -> Command {
        let (text, rest) = match unquoted(self.rest, ';') {
            Some(end) => (
                self.rest.get(..end).unwrap_or_default(),
                self.rest.get(end + 1..).unwrap_or_default(),
            ),
            None => (self.rest, ""),
        };
        self.rest = rest;
        let split = text.find(['=', '?']).unwrap_or(text.len());
        let (name, tail) = text.split_at(split);
        let operation = match tail.trim_end() {
            "" => Operation::Execute,
            "?" => Operation::Read,
            "=?" => Operation::Test,
            tail => match tail.strip_prefix('=') {
                Some(values) => Operation::Set(first(values)),
                None => return Command::Malformed,
            },
        };
        Command::Extended {
            name: name.trim_end().to_ascii_uppercase(),
            operation,
        }
    }

    fn basic(&mut self) -> Command {
        let text = self.rest;
        let letter = text.strip_prefix('&').unwrap_or(text);
        if !letter.starts_with(|found: char| found.is_ascii_alphabetic()) {
            self.rest = "";
            return Command::Malformed;
        }
        let (name, rest) = text.split_at(text.len() - letter.len() + 1);
        let end = rest
            .find(|found: char| !found.is_ascii_digit())
            .unwrap_or(rest.len());
        let (digits, rest) = rest.split_at(end);
        self.rest = rest;
        let number = match digits {
            "" => Ok(0),
            digits => digits.parse(),
        };
        number.map_or(Command::Malformed, |number| Command::Basic {
            name: name.to_ascii_uppercase(),
            number,
        })
    }
}

impl Iterator for Commands<'_> {
    type Item = Command;

    fn next(&mut self) -> Option<Command> {
        // A semicolon ends extended commands only; between others it does no harm.
        self.rest = self.rest.trim_start_matches([' ', ';']);
        if self.rest.is_empty() {
            return None;
        }
        let extended = self.rest.starts_with(['+', '*', '^', '#', '$', '%']);
        Some(if extended {
            self.extended()
        } else {
            self.basic()
        })
    }
}

/// The first value of several.
fn first(values: &str) -> String {
    let end = unquoted(values, ',').unwrap_or(values.len());
    let value = values.get(..end).unwrap_or_default().trim();
    value.trim_matches('"').to_ascii_uppercase()
}

/// Where a character stands outside quotation marks.
fn unquoted(text: &str, wanted: char) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, found)| {
        quoted ^= found == '"';
        (found == wanted && !quoted).then_some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(name: &str, number: u32) -> Command {
        Command::Basic {
            name: name.into(),
            number,
        }
    }

    fn extended(name: &str, operation: Operation) -> Command {
        Command::Extended {
            name: name.into(),
            operation,
        }
    }

    fn commands(line: &str) -> Vec<Command> {
        Commands::of(line).collect()
    }

    #[test]
    fn basic_commands_need_nothing_between_them() {
        let expected = [basic("E", 0), basic("V", 1), basic("Q", 0), basic("&F", 0)];
        assert_eq!(commands("E0V1Q&F"), expected);
        assert_eq!(commands("e0 v1; q &f0"), expected);
        assert_eq!(commands(""), []);
        assert_eq!(commands(" ; "), []);
    }

    #[test]
    fn extended_commands_end_with_a_semicolon() {
        assert_eq!(
            commands("E0+gmi;+CPROT=?;^sqwe?;*EOBEX"),
            [
                basic("E", 0),
                extended("+GMI", Operation::Execute),
                extended("+CPROT", Operation::Test),
                extended("^SQWE", Operation::Read),
                extended("*EOBEX", Operation::Execute),
            ]
        );
    }

    #[test]
    fn only_the_first_value_counts() {
        let set = |value: &str| [extended("+CPROT", Operation::Set(value.into()))];
        assert_eq!(commands("+CPROT=0,\"1.2;3\",8"), set("0"));
        assert_eq!(commands("+cprot = 0 , 1"), set("0"));
        assert_eq!(commands("+CPROT=\"a;b\""), set("A;B"));
        assert_eq!(commands("+CPROT="), set(""));
    }

    #[test]
    fn nonsense_ends() {
        for line in ["&", "&&F", "1", "?", "=", "\"", "+?x", "E99999999999", "/"] {
            assert!(commands(line).contains(&Command::Malformed), "{line}");
        }
        assert_eq!(commands(&"E".repeat(512)).len(), 512);
    }
}
