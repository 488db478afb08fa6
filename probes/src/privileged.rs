//! What needs more rights than the one who collects has: asked of whoever has them.

use std::io;

/// Answers the few questions that the kernel does not answer to every user.
///
/// An implementer bounds its own waiting: what has no answer in time is an error.
pub trait Privileged: Send {
    /// The proportional set size of these processes in bytes; `None` for one that has ended or
    /// has no memory of its own. Processes that were not asked for are passed over.
    ///
    /// An error of the kind [`NotFound`](io::ErrorKind::NotFound) means that nobody here has the
    /// right, which makes the values absent; any other means that they could not be read.
    fn pss(&self, pids: &[u32]) -> io::Result<Vec<(u32, Option<u64>)>>;
}
