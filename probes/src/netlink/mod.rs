//! The kernel's network tables (rtnetlink(7)): what is asked of them, and how an answer is gathered.

mod kernel;
mod names;
mod recorded;
mod stream;

use std::fmt;

use crate::{Failure, ReadError};

pub use self::{kernel::KernelNetlink, recorded::RecordedNetlink};

pub(crate) use self::names::{Name, names};

/// A change of the table during a dump makes it worthless; after so many in a row, give up.
const ATTEMPTS: usize = 5;

/// A table of the kernel that can be dumped whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Interfaces with all their counters.
    Links,
    /// Interfaces without counters, for names only.
    LinkNames,
    /// Addresses of interfaces.
    Addresses,
    /// The main routing tables of IPv4 and IPv6.
    Routes,
    /// Hosts on the links.
    Neighbours,
}

impl Table {
    /// The type of the messages that describe one entry (linux/rtnetlink.h).
    pub(crate) fn reply(self) -> u16 {
        match self {
            Self::Links | Self::LinkNames => 16,
            Self::Addresses => 20,
            Self::Routes => 24,
            Self::Neighbours => 28,
        }
    }

    /// The name for messages.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Links | Self::LinkNames => "rtnetlink links",
            Self::Addresses => "rtnetlink addresses",
            Self::Routes => "rtnetlink routes",
            Self::Neighbours => "rtnetlink neighbours",
        }
    }
}

/// Why a table could not be dumped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DumpError {
    /// The table changed while it was read, each time.
    Interrupted,
    /// The kernel or the recording gave no answer; the text says why.
    Unavailable(String),
    /// The answer is not netlink.
    Malformed(String),
}

impl fmt::Display for DumpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("the table changed during each attempt to read it"),
            Self::Unavailable(reason) | Self::Malformed(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for DumpError {}

impl DumpError {
    pub(crate) fn of(&self, table: Table) -> ReadError {
        ReadError::Failed(Failure {
            source: table.name().into(),
            line: None,
            reason: self.to_string().into(),
        })
    }
}

/// Something that can dump the kernel's network tables.
pub trait Dump {
    /// Hands over the body of each message of a table, in order.
    ///
    /// An error makes all that was handed over before worthless.
    fn dump(&self, table: Table, each: &mut dyn FnMut(&[u8])) -> Result<(), DumpError>;
}

/// Dumps a table into a value, again from the start when the table changed meanwhile.
///
/// One message that cannot be understood is passed over: one odd device must not hide the others.
pub(crate) fn gather<T: Default>(
    netlink: &dyn Dump,
    table: Table,
    mut take: impl FnMut(&mut T, &[u8]) -> Result<(), String>,
) -> Result<T, DumpError> {
    for _ in 0..ATTEMPTS {
        let mut gathered = T::default();
        let outcome = netlink.dump(table, &mut |body| {
            if let Err(reason) = take(&mut gathered, body) {
                log::debug!("{}: a message is passed over: {reason}", table.name());
            }
        });
        match outcome {
            Ok(()) => return Ok(gathered),
            Err(DumpError::Interrupted) => {}
            Err(error) => return Err(error),
        }
    }
    Err(DumpError::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    /// Says that the table changed, so many times, and then answers.
    struct Restless(Cell<usize>);

    impl Dump for Restless {
        fn dump(&self, _: Table, each: &mut dyn FnMut(&[u8])) -> Result<(), DumpError> {
            each(&[1]);
            if self.0.get() > 0 {
                self.0.set(self.0.get() - 1);
                return Err(DumpError::Interrupted);
            }
            each(&[2]);
            Ok(())
        }
    }

    fn octets(restless: &Restless) -> Result<Vec<u8>, DumpError> {
        gather(restless, Table::Links, |all: &mut Vec<u8>, body| {
            all.extend_from_slice(body);
            Ok(())
        })
    }

    /// Answers with these bodies.
    struct Bodies(&'static [&'static [u8]]);

    impl Dump for Bodies {
        fn dump(&self, _: Table, each: &mut dyn FnMut(&[u8])) -> Result<(), DumpError> {
            self.0.iter().for_each(|body| each(body));
            Ok(())
        }
    }

    #[test]
    fn a_message_that_is_not_understood_is_passed_over() {
        let bodies = Bodies(&[&[1], &[], &[3]]);
        let taken = gather(&bodies, Table::Links, |all: &mut Vec<u8>, body| {
            all.push(*body.first().ok_or("empty")?);
            Ok(())
        });
        assert_eq!(taken, Ok(vec![1, 3]));
    }

    #[test]
    fn an_interrupted_dump_starts_anew() {
        assert_eq!(octets(&Restless(Cell::new(2))), Ok(vec![1, 2]));
    }

    #[test]
    fn a_table_that_never_rests_is_a_failure() {
        assert_eq!(
            octets(&Restless(Cell::new(99))),
            Err(DumpError::Interrupted)
        );
    }
}
