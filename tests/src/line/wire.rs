//! One direction of a line as a model without clocks: octets go in, and come out when they are due.

use super::{Fault, LineSettings, Noise};
use crate::dice::Dice;

use std::collections::VecDeque;
use std::time::Duration;

const MILLION: u64 = 1_000_000;

/// Octets that went in together; one that got lost takes its time as well.
#[derive(Debug)]
struct Burst {
    /// When its first octet begins.
    begins: Duration,
    octets: VecDeque<Option<u8>>,
}

/// One direction of a line.
pub struct Wire {
    /// How long an octet takes.
    octet: Duration,
    turnaround: Duration,
    noise: Noise,
    dice: Dice,
    /// When the last octet that went in will be out.
    free: Duration,
    /// How many went in.
    taken: u64,
    waiting: usize,
    bursts: VecDeque<Burst>,
}

impl Wire {
    /// The direction that leads from the end with this number, 0 or 1.
    pub fn new(settings: &LineSettings, from: usize) -> Self {
        let nanos = 10_000_000_000_u64.checked_div(u64::from(settings.rate));
        Self {
            octet: Duration::from_nanos(nanos.unwrap_or(0)),
            turnaround: settings.turnaround.get(from).copied().unwrap_or_default(),
            noise: settings.noise.get(from).cloned().unwrap_or_default(),
            dice: Dice::new(settings.seed.wrapping_add(from as u64)),
            free: Duration::ZERO,
            taken: 0,
            waiting: 0,
            bursts: VecDeque::new(),
        }
    }

    /// Takes octets at a time; `turned` if the other end spoke before.
    pub fn push(&mut self, octets: &[u8], at: Duration, turned: bool) {
        let pause = if turned {
            self.turnaround
        } else {
            Duration::ZERO
        };
        let begins = self.free.max(at + pause);
        let octets: VecDeque<_> = octets.iter().map(|octet| self.pass(*octet)).collect();
        self.free = begins + self.lasting(octets.len());
        self.waiting += octets.len();
        self.bursts.push_back(Burst { begins, octets });
    }

    fn lasting(&self, octets: usize) -> Duration {
        self.octet * u32::try_from(octets).unwrap_or(u32::MAX)
    }

    /// What becomes of the next octet.
    fn pass(&mut self, octet: u8) -> Option<u8> {
        let place = self.taken;
        self.taken += 1;
        let exactly = &self.noise.exactly;
        match exactly.iter().find(|(at, _)| *at == place) {
            Some((_, Fault::Lost)) => return None,
            Some((_, Fault::Flipped(bits))) => return Some(octet ^ bits),
            None => {}
        }
        let (lost, flipped) = (u64::from(self.noise.lost), u64::from(self.noise.flipped));
        if lost + flipped == 0 {
            return Some(octet);
        }
        let chance = self.dice.roll(MILLION);
        if chance < lost {
            None
        } else if chance < lost + flipped {
            Some(octet ^ 1 << self.dice.roll(8))
        } else {
            Some(octet)
        }
    }

    /// Moves what is due into `out`; returns when the last of it was.
    pub fn pull(&mut self, now: Duration, out: &mut Vec<u8>) -> Option<Duration> {
        let mut last = None;
        while let Some(burst) = self.bursts.front_mut() {
            let due = burst.begins + self.octet;
            if due > now {
                break;
            }
            if let Some(octet) = burst.octets.pop_front() {
                burst.begins = due;
                self.waiting -= 1;
                last = Some(due);
                out.extend(octet);
            }
            if burst.octets.is_empty() {
                self.bursts.pop_front();
            }
        }
        last
    }

    /// When there will be something to pull: when all of it is out, or a `grain` after `now`.
    /// Whoever reads a packet can do nothing before its last octet.
    pub fn wake(&self, now: Duration, grain: Duration) -> Option<Duration> {
        let burst = self.bursts.front()?;
        let first = burst.begins + self.octet;
        Some(self.free.min(first.max(now + grain)))
    }

    /// Octets that have gone in and not come out.
    pub fn waiting(&self) -> usize {
        self.waiting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn pulled(wire: &mut Wire, now: Duration) -> Vec<u8> {
        let mut out = Vec::new();
        wire.pull(now, &mut out);
        out
    }

    #[test]
    fn octets_take_their_time_and_the_turnaround_before_it() {
        let settings = LineSettings {
            rate: 10_000,
            turnaround: [2 * MS, 5 * MS],
            ..LineSettings::default()
        };
        let mut wire = Wire::new(&settings, 1);
        wire.push(b"abc", MS, true);
        assert_eq!(wire.wake(MS, 20 * MS), Some(9 * MS));
        assert_eq!(wire.wake(MS, MS), Some(7 * MS));
        assert_eq!(pulled(&mut wire, 6 * MS), b"");
        assert_eq!(pulled(&mut wire, 8 * MS), b"ab");
        // What comes while the line is busy waits; later, it begins when it comes.
        wire.push(b"d", 8 * MS, false);
        assert_eq!(pulled(&mut wire, 9 * MS), b"c");
        assert_eq!(wire.waiting(), 1);
        assert_eq!(pulled(&mut wire, 10 * MS), b"d");
        wire.push(b"e", 20 * MS, false);
        assert_eq!(wire.pull(30 * MS, &mut Vec::new()), Some(21 * MS));
        assert_eq!(wire.wake(30 * MS, MS), None);
    }

    #[test]
    fn faults_hit_the_octets_that_they_are_meant_for() {
        let exactly = vec![(1, Fault::Lost), (4, Fault::Flipped(0x20))];
        let mut settings = LineSettings::default();
        settings.noise[0].exactly = exactly;
        let mut wire = Wire::new(&settings, 0);
        wire.push(b"abc", MS, false);
        wire.push(b"def", MS, false);
        assert_eq!(pulled(&mut wire, MS), b"acdEf");
    }

    #[test]
    fn chance_is_as_frequent_as_it_is_set_and_the_same_again() {
        let mut settings = LineSettings {
            seed: 7,
            ..LineSettings::default()
        };
        settings.noise[0].lost = 10_000;
        settings.noise[0].flipped = 20_000;
        let run = || {
            let mut wire = Wire::new(&settings, 0);
            wire.push(&vec![0; 100_000], MS, false);
            pulled(&mut wire, MS)
        };
        let out = run();
        let flipped = out.iter().filter(|octet| octet.is_power_of_two()).count();
        assert!((98_500..99_500).contains(&out.len()), "{}", out.len());
        assert!((1_500..2_500).contains(&flipped), "{flipped}");
        assert_eq!(out, run());
    }
}
