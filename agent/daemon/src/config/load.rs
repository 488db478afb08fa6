//! Reads `agent.toml` and its drop-ins, and says where a mistake is.
#![expect(clippy::disallowed_methods, reason = "driver: reads the configuration")]

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};

use super::{Config, DEFAULT_FILE};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The daemon does not start with it.
    Error,
    /// The daemon starts, but something does not work.
    Warning,
}

/// Where a finding is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Line and column, both from 1, where they are known.
    pub position: Option<(usize, usize)>,
}

/// Something to know about the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What it is and what mends it.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.place.file.display())?;
        if let Some((line, column)) = self.place.position {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}", self.message)
    }
}

impl std::error::Error for Finding {}

/// Reads the configuration: `file`, then `file.d/*.toml` in sorted order, each over the last.
///
/// Without `file` the default place is read, and nothing being there means the defaults.
/// The errors of every file are gathered, so that one run shows all of them.
pub fn load(file: Option<&Path>) -> Result<Config, Vec<Finding>> {
    let files = files(file).map_err(|finding| vec![finding])?;
    let mut errors = Vec::new();
    let mut merged = Table::new();
    let mut texts = Vec::new();
    for path in files {
        match read(&path) {
            Ok((text, table)) => {
                merge(&mut merged, table);
                texts.push((path, text));
            }
            Err(finding) => errors.push(finding),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let config = Config::deserialize(merged).map_err(|error| {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        vec![error_in(path, None, error.message())]
    })?;
    let wrong = config.contradictions();
    if wrong.is_empty() {
        return Ok(config);
    }
    let blame = |(key, message): (&str, String)| blame(file, &texts, key, &message);
    Err(wrong.into_iter().map(blame).collect())
}

fn files(file: Option<&Path>) -> Result<Vec<PathBuf>, Finding> {
    let main = file.unwrap_or(Path::new(DEFAULT_FILE));
    let mut files = Vec::new();
    match main.try_exists() {
        Ok(true) => files.push(main.to_owned()),
        Ok(false) if file.is_none() => {}
        Ok(false) => return Err(error_in(main, None, "there is no such file")),
        Err(error) => return Err(error_in(main, None, &error.to_string())),
    }
    let mut drop_ins = main.as_os_str().to_owned();
    drop_ins.push(".d");
    files.extend(files_of(Path::new(&drop_ins), "toml")?);
    Ok(files)
}

/// The files of a directory with this extension, sorted; none when there is no directory.
pub(super) fn files_of(directory: &Path, extension: &str) -> Result<Vec<PathBuf>, Finding> {
    let unreadable = |error: std::io::Error| error_in(directory, None, &error.to_string());
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|own| own == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Reads one file and holds it to the whole schema on its own, because only here the parser
/// still knows where each key stands.
fn read(path: &Path) -> Result<(String, Table), Finding> {
    let text =
        std::fs::read_to_string(path).map_err(|error| error_in(path, None, &error.to_string()))?;
    let refuse = |error: &toml::de::Error| {
        let position = error.span().map(|span| position(&text, span.start));
        let message = error.message().replace("unknown field", "unknown key");
        error_in(path, position, &message)
    };
    toml::from_str::<Config>(&text).map_err(|error| refuse(&error))?;
    let table = text.parse::<Table>().map_err(|error| refuse(&error))?;
    Ok((text, table))
}

/// Lays `over` on `under`: tables key by key, anything else replaced as a whole.
fn merge(under: &mut Table, over: Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => merge(below, above),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}

pub(super) fn error_in(file: &Path, position: Option<(usize, usize)>, message: &str) -> Finding {
    Finding {
        severity: Severity::Error,
        place: Place {
            file: file.to_owned(),
            position,
        },
        message: message.trim_end().to_owned(),
    }
}

/// The last file that sets `key` is the one that counts.
fn blame(file: Option<&Path>, texts: &[(PathBuf, String)], key: &str, message: &str) -> Finding {
    let line_of = |text: &str| {
        let sets = |line: &str| {
            line.split('=')
                .next()
                .is_some_and(|name| name.trim() == key)
        };
        text.lines().position(sets)
    };
    let place = texts
        .iter()
        .rev()
        .find_map(|(path, text)| line_of(text).map(|line| (path, line + 1)));
    let message = format!("{key}: {message}");
    match place {
        Some((path, line)) => error_in(path, Some((line, 1)), &message),
        None => error_in(file.unwrap_or(Path::new(DEFAULT_FILE)), None, &message),
    }
}

fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    (line, column)
}
