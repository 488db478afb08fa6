//! Lines between the two ends: one that carries everything, and one that does not.

use crate::dice::Dice;
use omadm_syncml::auth::HmacHeader;

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the device to the server.
    Up,
    /// From the server to the device.
    Down,
}

/// What a line does with one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passage {
    /// It arrives, perhaps changed.
    Arrives,
    /// It arrives and then once more; one from the server after the answer to it was lost.
    ArrivesTwice,
    /// It is lost, and the bearer dies of it.
    Lost,
}

/// A line between the two.
pub trait Line {
    /// Lets one message pass; it may be changed on the way.
    fn pass(&mut self, direction: Direction, message: &mut Vec<u8>) -> Passage;

    /// Lets the digest pass that travels beside the message that was just let pass.
    fn pass_digest(&mut self, direction: Direction, digest: &mut Option<HmacHeader>) {
        let _ = (direction, digest);
    }

    /// Lets a message pass with the digest beside it.
    fn carry(
        &mut self,
        direction: Direction,
        message: &mut Vec<u8>,
        digest: &mut Option<HmacHeader>,
    ) -> Passage {
        let passage = self.pass(direction, message);
        if passage != Passage::Lost {
            self.pass_digest(direction, digest);
        }
        passage
    }

    /// Whether the power of the device fails before its next step; asked at each commit, with
    /// whether the transaction has been synced.
    fn power_fails(&mut self, synced: bool) -> bool {
        let _ = synced;
        false
    }
}

/// A line that carries everything.
pub struct Perfect;

impl Line for Perfect {
    fn pass(&mut self, _: Direction, _: &mut Vec<u8>) -> Passage {
        Passage::Arrives
    }
}

/// Loses, repeats and cuts, at random but always the same.
pub struct Flaky(pub Dice);

impl Line for Flaky {
    fn pass(&mut self, _: Direction, _: &mut Vec<u8>) -> Passage {
        match self.0.roll(10) {
            0 => Passage::Lost,
            1 => Passage::ArrivesTwice,
            _ => Passage::Arrives,
        }
    }

    fn power_fails(&mut self, _: bool) -> bool {
        self.0.roll(12) == 0
    }
}
