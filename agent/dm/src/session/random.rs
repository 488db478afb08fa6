//! The session's randomness: a seed from outside, drawn out one block at a time.

use md5::{Digest, Md5};

/// Blocks that cannot be told from random ones, nor led back to the seed, by whoever sees some.
pub(super) struct Random {
    seed: [u8; 32],
    drawn: u64,
}

impl Random {
    pub(super) const fn new(seed: [u8; 32]) -> Self {
        Self { seed, drawn: 0 }
    }

    fn block(&mut self) -> [u8; 16] {
        self.drawn += 1;
        let mut hash = Md5::new();
        hash.update(self.seed);
        hash.update(self.drawn.to_be_bytes());
        hash.finalize().into()
    }

    /// A nonce of 128 bits, the least that is recommended (OMA-TS-DM-Security 5.3).
    pub(super) fn nonce(&mut self) -> Vec<u8> {
        self.block().to_vec()
    }

    /// A `SessionID` from `1` to `FFFF`: upper-case hexadecimal without leading zeros.
    pub(super) fn session_id(&mut self) -> String {
        let block = u128::from_be_bytes(self.block());
        format!("{:X}", block % 0xffff + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_always_gives_the_same_and_another_gives_others() {
        let draw = |seed| {
            let mut random = Random::new([seed; 32]);
            (random.session_id(), random.nonce(), random.nonce())
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let (_, first, second) = draw(1);
        assert_ne!(first, second);
        assert_eq!(first.len(), 16);
    }

    #[test]
    fn session_ids_are_short_hexadecimal_and_never_zero() {
        let mut random = Random::new([7; 32]);
        for _ in 0..2_000 {
            let id = random.session_id();
            let value = u16::from_str_radix(&id, 16).unwrap();
            assert_ne!(value, 0);
            assert_eq!(id, format!("{value:X}"));
        }
    }
}
