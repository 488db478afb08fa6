//! Takes the marks out of what a tty set to `PARMRK` delivers (termios(3)).

/// What a tty delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// Octets of the peer, at least one.
    Octets(Vec<u8>),
    /// The peer held the line down: `FF 00 00`.
    Break,
}

/// Where in a mark the input stands.
#[derive(Debug, Clone, Copy, Default)]
enum Within {
    #[default]
    Nothing,
    Escape,
    Fault,
}

/// The parser of marks.
#[derive(Debug, Default)]
pub(super) struct Unmark {
    within: Within,
}

impl Unmark {
    /// What a piece of input means, in order.
    pub(super) fn take(&mut self, input: &[u8]) -> Vec<Mark> {
        let mut marks = Vec::new();
        let mut octets = Vec::with_capacity(input.len());
        for &octet in input {
            match (self.within, octet) {
                (Within::Nothing, 0xFF) => self.within = Within::Escape,
                (Within::Nothing, _) => octets.push(octet),
                (Within::Escape, 0x00) => self.within = Within::Fault,
                (Within::Escape, 0xFF) => self.end(&mut octets, &[0xFF]),
                // No tty says so; nothing is lost if one does.
                (Within::Escape, _) => self.end(&mut octets, &[0xFF, octet]),
                (Within::Fault, 0x00) => {
                    self.end(&mut octets, &[]);
                    flush(&mut octets, &mut marks);
                    marks.push(Mark::Break);
                }
                // An octet with a framing error: OBEX must see that something was there.
                (Within::Fault, _) => self.end(&mut octets, &[octet]),
            }
        }
        flush(&mut octets, &mut marks);
        marks
    }

    fn end(&mut self, octets: &mut Vec<u8>, meant: &[u8]) {
        self.within = Within::Nothing;
        octets.extend_from_slice(meant);
    }
}

fn flush(octets: &mut Vec<u8>, marks: &mut Vec<Mark>) {
    if !octets.is_empty() {
        marks.push(Mark::Octets(std::mem::take(octets)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Octets joined, breaks in their place.
    fn joined(pieces: &[&[u8]]) -> Vec<Mark> {
        let mut unmark = Unmark::default();
        let mut all: Vec<Mark> = Vec::new();
        for mark in pieces.iter().flat_map(|piece| unmark.take(piece)) {
            match (all.last_mut(), mark) {
                (Some(Mark::Octets(last)), Mark::Octets(more)) => last.extend(more),
                (_, mark) => all.push(mark),
            }
        }
        all
    }

    #[test]
    fn every_split_means_the_same() {
        let input = [
            0x41, 0xFF, 0xFF, 0x00, 0x00, 0xFF, 0x00, 0x00, 0xFF, 0x00, 0x42, 0xFF, 0xFF, 0xFF,
            0xFF, 0xFF, 0x00, 0x00, 0xFF, 0x43,
        ];
        let expected = [
            Mark::Octets(vec![0x41, 0xFF, 0x00, 0x00]),
            Mark::Break,
            Mark::Octets(vec![0x42, 0xFF, 0xFF]),
            Mark::Break,
            Mark::Octets(vec![0xFF, 0x43]),
        ];
        for first in 0..=input.len() {
            for second in first..=input.len() {
                let pieces = [&input[..first], &input[first..second], &input[second..]];
                assert_eq!(joined(&pieces), expected, "{first} {second}");
            }
        }
    }

    #[test]
    fn all_octets_come_through() {
        let all: Vec<u8> = (0..=255).collect();
        let marked: Vec<u8> = (0..=255).chain([0xFF]).collect();
        assert_eq!(joined(&[&marked]), [Mark::Octets(all)]);
    }
}
