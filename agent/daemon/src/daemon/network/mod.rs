//! When a network has come: a link, an address and a default route, once they have settled.
//! Pure: it is handed the kernel's messages (rtnetlink(7)) and the time.

mod facts;
mod watch;

use std::collections::BTreeSet;
use std::time::Duration;

use netlink_packet_core::{NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_OVERRUN, NetlinkBuffer};

use self::facts::{Fact, Facts, Uplink};
pub(super) use self::watch::NetworkWatch;

/// What changes together is looked at together: so long after the last change …
const SETTLE: Duration = Duration::from_secs(2);

/// … and so long after the first at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// After a look that came to nothing, the next one is so long after it.
const AGAIN: Duration = Duration::from_mins(1);

/// What is asked for, in this order (linux/rtnetlink.h), with the length of its header.
const TABLES: [(u16, usize); 3] = [(18, 16), (22, 8), (26, 12)];

/// A change of the uplinks: the links that have a usable address and a default route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changed {
    /// The links that have come, or have got another family of addresses.
    pub came: Vec<String>,
    /// One of them was no uplink before.
    pub first: bool,
    /// How many uplinks there are.
    pub uplinks: usize,
}

/// What the driver is to do.
#[derive(Debug, PartialEq, Eq)]
enum Output {
    /// Send this to the kernel.
    Ask(Vec<u8>),
    /// Tell of a change.
    Changed(Changed),
}

/// What is known of the network.
#[derive(Debug)]
struct Network {
    facts: Facts,
    /// `None` until they have been looked at once.
    uplinks: Option<BTreeSet<Uplink>>,
    /// When something changed first and last that has not been looked at.
    touched: Option<(Duration, Duration)>,
    /// When to look although nothing has changed since a look that came to nothing.
    again: Option<Duration>,
    look: Option<Look>,
    /// Answers are for this port, and bear the number of the question.
    port: u32,
    sequence: u32,
}

/// All tables are being read.
#[derive(Debug)]
struct Look {
    facts: Facts,
    /// Which table is next, or is being read.
    table: usize,
    asked: bool,
    finished: bool,
    give_up: Duration,
}

impl Network {
    /// Looks at the network at once.
    fn new(port: u32, now: Duration) -> Self {
        let mut network = Self {
            facts: Facts::default(),
            uplinks: None,
            touched: None,
            again: None,
            look: None,
            port,
            sequence: 0,
        };
        network.look(now);
        network
    }

    fn look(&mut self, now: Duration) {
        (self.touched, self.again) = (None, None);
        self.look = Some(Look {
            facts: Facts::default(),
            table: 0,
            asked: false,
            finished: false,
            give_up: now + PATIENCE,
        });
    }

    /// Takes what the kernel says, asked or not.
    fn handle(&mut self, mut datagram: &[u8], now: Duration) {
        while let Ok(message) = NetlinkBuffer::new_checked(datagram) {
            let answer =
                message.port_number() == self.port && message.sequence_number() == self.sequence;
            match message.message_type() {
                NLMSG_DONE if answer => self.table_read(),
                NLMSG_ERROR if answer => self.failed(now),
                NLMSG_OVERRUN => self.lost(now),
                kind => {
                    if message.flags() & NLM_F_DUMP_INTR != 0 {
                        // The table changed while it was read.
                        self.touch(now);
                    }
                    self.note(Fact::parse(kind, message.payload()), answer, now);
                }
            }
            // Messages are aligned to four octets, the last one need not be padded.
            let length = (message.length() as usize).next_multiple_of(4);
            datagram = datagram.get(length..).unwrap_or_default();
        }
    }

    fn note(&mut self, facts: Vec<Fact>, answer: bool, now: Duration) {
        for fact in facts {
            match &mut self.look {
                Some(look) if answer => look.facts.add(fact),
                _ if !self.facts.has(&fact) => self.touch(now),
                _ => {}
            }
        }
    }

    fn touch(&mut self, now: Duration) {
        let (first, _) = self.touched.unwrap_or((now, now));
        self.touched = Some((first, now));
    }

    /// The kernel had more to say than there was room for.
    fn lost(&mut self, now: Duration) {
        self.look = None;
        self.touch(now);
    }

    /// A look has come to nothing. What is known may be wrong, so it is not the last one.
    fn failed(&mut self, now: Duration) {
        self.look = None;
        self.again = Some(now + AGAIN);
    }

    fn table_read(&mut self) {
        if let Some(look) = &mut self.look {
            look.table += 1;
            look.asked = false;
            look.finished = look.table >= TABLES.len();
        }
    }

    /// What is to be done now.
    fn poll(&mut self, now: Duration) -> Option<Output> {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            match self.look {
                Some(_) => self.failed(now),
                None => self.look(now),
            }
        }
        let look = self.look.as_mut()?;
        if look.finished {
            return self.compare();
        }
        if look.asked {
            return None;
        }
        look.asked = true;
        self.sequence = self.sequence.wrapping_add(1).max(1);
        let (kind, length) = TABLES.get(look.table)?;
        Some(Output::Ask(request(*kind, *length, self.sequence)))
    }

    /// When `poll` is due although nothing happens.
    fn deadline(&self) -> Option<Duration> {
        if let Some(look) = &self.look {
            return Some(look.give_up);
        }
        let touched = self.touched;
        let settled = touched.map(|(first, last)| (last + SETTLE).min(first + PATIENCE));
        settled.into_iter().chain(self.again).min()
    }

    fn compare(&mut self) -> Option<Output> {
        let look = self.look.take()?;
        self.facts = look.facts;
        let uplinks = self.facts.uplinks();
        let Some(before) = self.uplinks.replace(uplinks.clone()) else {
            return Some(Output::Changed(Changed {
                came: Vec::new(),
                first: false,
                uplinks: links(&uplinks).len(),
            }));
        };
        if before == uplinks {
            return None;
        }
        let came: BTreeSet<_> = uplinks.difference(&before).copied().collect();
        let had = links(&before);
        let names = links(&came).into_iter().map(|link| self.facts.name(link));
        Some(Output::Changed(Changed {
            came: names.collect(),
            first: links(&came).iter().any(|link| !had.contains(link)),
            uplinks: links(&uplinks).len(),
        }))
    }
}

fn links(uplinks: &BTreeSet<Uplink>) -> BTreeSet<u32> {
    uplinks.iter().map(|(link, _)| *link).collect()
}

/// Asks for all of a table (netlink(7)): `struct nlmsghdr` and an empty header of the table.
fn request(kind: u16, length: usize, sequence: u32) -> Vec<u8> {
    /// `NLM_F_REQUEST | NLM_F_DUMP`
    const FLAGS: u16 = 0x301;
    let total = u32::try_from(16 + length).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(16 + length);
    bytes.extend(total.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(FLAGS.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    // The kernel knows the port of the sender.
    bytes.resize(16 + length, 0);
    bytes
}

#[cfg(test)]
mod tests;
