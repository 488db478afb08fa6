//! Text for man(7): what is written so that it reads as it was meant.

/// The longest line of text in the source, which people read too.
const WIDTH: usize = 80;

/// A page that grows.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Page {
    /// A page of this name and section.
    pub(crate) fn new(name: &str, section: u8, date: &str) -> Self {
        let version = env!("CARGO_PKG_VERSION");
        let title = escape(&name.to_uppercase());
        Self(format!(
            ".TH {title} {section} {date} \"omadm {version}\" \"omadm manual\"\n"
        ))
    }

    /// A section.
    pub(crate) fn section(&mut self, heading: &str) {
        self.line(&format!(".SH \"{}\"", escape(heading)));
    }

    /// A part of a section.
    pub(crate) fn subsection(&mut self, heading: &str) {
        self.line(&format!(".SS \"{}\"", escape(heading)));
    }

    /// The one line that `apropos` finds.
    pub(crate) fn name(&mut self, name: &str, what: &str) {
        self.section("NAME");
        self.line(&format!("{} \\- {}", escape(name), prose(what)));
    }

    /// Text; a blank line begins a paragraph.
    pub(crate) fn text(&mut self, text: &str) {
        text.lines().for_each(|line| self.text_line(line));
    }

    /// A line of text.
    pub(crate) fn text_line(&mut self, line: &str) {
        if line.trim().is_empty() {
            self.paragraph();
        } else {
            self.line(&guard(&prose(line.trim())));
        }
    }

    /// Begins a paragraph, unless one has just begun.
    pub(crate) fn paragraph(&mut self) {
        if self.needs_break() {
            self.line(".PP");
        }
    }

    /// A term, with what follows as its explanation.
    pub(crate) fn term(&mut self, term: &str) {
        self.line(".TP");
        self.line(&guard(term));
    }

    /// Lines as they are.
    pub(crate) fn example(&mut self, lines: &[&str]) {
        self.paragraph();
        self.line(".EX");
        for line in lines {
            self.line(&guard(&code(line)));
        }
        self.line(".EE");
    }

    /// roff as it is.
    pub(crate) fn raw(&mut self, roff: &str) {
        for line in roff.lines() {
            self.line(line);
        }
    }

    /// The whole page, without long lines of text.
    pub(crate) fn finish(self) -> String {
        let mut wrapped = Self::default();
        let mut as_it_is = false;
        let mut before = "";
        for line in self.0.lines() {
            as_it_is = line == ".EX" || (as_it_is && line != ".EE");
            // A term is one line.
            let one = as_it_is || before == ".TP";
            if one || line.starts_with('.') {
                wrapped.line(line);
            } else {
                wrapped.wrap(line);
            }
            before = line;
        }
        wrapped.0
    }

    fn wrap(&mut self, text: &str) {
        let mut line = String::new();
        for word in text.split(' ') {
            if !line.is_empty() && line.len() + 1 + word.len() > WIDTH {
                self.line(&guard(&line));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        self.line(&guard(&line));
    }

    fn needs_break(&self) -> bool {
        let last = self.0.lines().last().unwrap_or_default();
        ![".SH", ".SS", ".PP", ".TP"]
            .iter()
            .any(|begun| last.starts_with(begun))
    }

    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }
}

/// Bold, for what is typed as it stands.
pub(crate) fn bold(text: &str) -> String {
    format!("\\fB{}\\fR", code(text))
}

/// Italic, for what is replaced.
pub(crate) fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", code(text))
}

/// A synopsis: words in capitals and in angle brackets are replaced, others typed.
pub(crate) fn synopsis(usage: &str) -> String {
    let words = usage.split_whitespace().map(|word| {
        let bare = word.trim_matches(['<', '>', '[', ']', '.', '|']);
        let replaced = !bare.is_empty()
            && bare
                .chars()
                .all(|c| c.is_ascii_uppercase() || "-_".contains(c));
        let shown = word.replace(['<', '>'], "");
        match (replaced, shown.split_once(bare)) {
            (true, Some((before, after))) => {
                format!("{}{}{}", code(before), italic(bare), code(after))
            }
            _ if word.starts_with('[') => code(&shown),
            _ => bold(&shown),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A sentence; what stands in backticks is typed.
pub(crate) fn prose(text: &str) -> String {
    let mut shown = String::new();
    let mut parts = text.split('`');
    while let Some(plain) = parts.next() {
        shown.push_str(&escape(plain));
        if let Some(typed) = parts.next() {
            shown.push_str(&bold(typed));
        }
    }
    shown
}

/// What is typed: no character of it is made prettier.
pub(crate) fn code(text: &str) -> String {
    let mut shown = String::new();
    for character in text.chars() {
        match character {
            '\'' => shown.push_str("\\(aq"),
            '`' => shown.push_str("\\(ga"),
            '^' => shown.push_str("\\(ha"),
            '~' => shown.push_str("\\(ti"),
            '"' => shown.push_str("\\(dq"),
            other => shown.push_str(&escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    shown
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\e").replace('-', "\\-")
}

/// A line of text is never taken for a request.
fn guard(line: &str) -> String {
    if line.starts_with(['.', '\'']) {
        format!("\\&{line}")
    } else {
        line.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_a_request() {
        let mut page = Page::default();
        page.text("./DevInfo is\n'here'\n\\fBso-so");
        assert_eq!(page.finish(), "\\&./DevInfo is\n\\&'here'\n\\efBso\\-so\n");
    }

    #[test]
    fn long_lines_are_wrapped_except_where_a_line_means_something() {
        let mut page = Page::default();
        let long = ["word"; 40].join(" ");
        page.term(&long);
        page.text(&long);
        page.example(&[&long]);
        let page = page.finish();
        let lines: Vec<_> = page.lines().collect();
        assert_eq!(lines.iter().filter(|line| line.len() > WIDTH).count(), 2);
        assert_eq!(page.matches("word").count(), 120);
    }

    #[test]
    fn what_is_typed_stands_out() {
        assert_eq!(
            prose("see `omadm check -x`"),
            "see \\fBomadm check \\-x\\fR"
        );
        assert_eq!(
            synopsis("omadm get [OPTIONS] <URI>..."),
            "\\fBomadm\\fR \\fBget\\fR [\\fIOPTIONS\\fR] \\fIURI\\fR..."
        );
        assert_eq!(code("'a' ~"), "\\(aqa\\(aq \\(ti");
    }
}
