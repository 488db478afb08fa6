//! Reproducible chance for tests.

/// A small generator (xorshift64); the same seed gives the same course.
pub struct Dice(u64);

impl Dice {
    /// Starts from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// A number below `sides`; 0 when there are none.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.checked_rem(sides).unwrap_or(0)
    }

    /// An index below `length`; 0 when it is 0.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.roll(length as u64)).unwrap_or(0)
    }

    /// An octet.
    pub fn octet(&mut self) -> u8 {
        self.roll(256).to_le_bytes()[0]
    }

    /// One of `things`.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        let at = self.index(things.len());
        things.get(at)
    }

    /// A piece of `whole`, at most 64 long.
    pub fn slice<'a>(&mut self, whole: &'a [u8]) -> &'a [u8] {
        let from = self.index(whole.len());
        let to = (from + self.index(64)).min(whole.len());
        whole.get(from..to).unwrap_or_default()
    }
}
