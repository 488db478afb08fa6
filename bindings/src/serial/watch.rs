//! Whether the peer is still at the other end, by the lines that its DTR drives.

/// The levels of two lines of a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lines {
    /// Data set ready.
    pub(super) dsr: bool,
    /// Data carrier detect.
    pub(super) dcd: bool,
}

/// Follows the lines. One that was never up is not wired and says nothing.
#[derive(Debug, Default)]
pub(super) struct Watch {
    up: Lines,
}

impl Watch {
    /// Takes the present levels; true when a line that was up has dropped.
    pub(super) fn see(&mut self, lines: Lines) -> bool {
        let dropped = (self.up.dsr && !lines.dsr) || (self.up.dcd && !lines.dcd);
        self.up = lines;
        dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(dsr: bool, dcd: bool) -> Lines {
        Lines { dsr, dcd }
    }

    #[test]
    fn only_a_line_that_was_up_can_drop() {
        let mut watch = Watch::default();
        assert!(!watch.see(lines(false, false)));
        assert!(!watch.see(lines(true, false)));
        assert!(!watch.see(lines(true, true)));
        assert!(watch.see(lines(true, false)));
        assert!(!watch.see(lines(true, false)));
        assert!(watch.see(lines(false, true)));
        assert!(!watch.see(lines(false, true)));
    }
}
