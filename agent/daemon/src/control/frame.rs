//! Messages of a Varlink connection: JSON, each ended by a NUL octet.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Cuts a stream into messages; what is longer than the limit is an error, so that a peer
/// cannot fill the memory.
pub(super) struct Frames<R> {
    stream: R,
    buffer: Vec<u8>,
    /// How much of `buffer` is known to hold no NUL.
    searched: usize,
    limit: usize,
}

impl<R: AsyncRead + Unpin> Frames<R> {
    pub(super) fn new(stream: R, limit: usize) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            searched: 0,
            limit,
        }
    }

    /// The next message without its NUL; `None` is an orderly end. Cancel-safe: what has been
    /// read so far stays in the buffer.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(frame) = self.take() {
                return Ok(Some(frame));
            }
            if self.buffer.len() > self.limit {
                let message = format!("a message is longer than {} octets", self.limit);
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                if self.buffer.is_empty() {
                    return Ok(None);
                }
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Waits for the end of the stream. What comes before it is kept for [`next`](Self::next), up
    /// to the limit; a peer that sends more waits with its end. Cancel-safe.
    pub(super) async fn end(&mut self) {
        while self.buffer.len() <= self.limit {
            if !matches!(self.stream.read_buf(&mut self.buffer).await, Ok(1..)) {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        let rest = self.buffer.get(self.searched..)?;
        let Some(at) = rest.iter().position(|octet| *octet == 0) else {
            self.searched = self.buffer.len();
            return None;
        };
        let mut frame: Vec<u8> = self.buffer.drain(..=self.searched + at).collect();
        frame.pop();
        self.searched = 0;
        Some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs to the end of `input`, read `step` octets at a time.
    async fn frames(input: &[u8], step: usize, limit: usize) -> io::Result<Vec<Vec<u8>>> {
        let (mut near, far) = tokio::io::duplex(step);
        let input = input.to_vec();
        let writer = async move {
            use tokio::io::AsyncWriteExt;
            // The reader may give up before all is written.
            drop(near.write_all(&input).await);
        };
        let reader = async {
            let mut frames = Frames::new(far, limit);
            let mut all = Vec::new();
            while let Some(frame) = frames.next().await? {
                all.push(frame);
            }
            Ok(all)
        };
        let (all, ()) = tokio::join!(reader, writer);
        all
    }

    #[tokio::test]
    async fn messages_are_cut_at_each_nul() {
        for step in [1, 2, 3, 64] {
            let all = frames(b"{}\0\0{\"a\":1}\0", step, 100).await.unwrap();
            assert_eq!(all, [b"{}".to_vec(), b"".to_vec(), b"{\"a\":1}".to_vec()]);
        }
    }

    #[tokio::test]
    async fn what_comes_before_the_end_is_kept() {
        for step in [1, 64] {
            let (mut near, far) = tokio::io::duplex(step);
            let writer = async move {
                use tokio::io::AsyncWriteExt;
                near.write_all(b"{}\0{\"a\":1}\0").await.unwrap();
            };
            let mut frames = Frames::new(far, 100);
            let ((), ()) = tokio::join!(frames.end(), writer);
            assert_eq!(frames.next().await.unwrap().unwrap(), b"{}");
            assert_eq!(frames.next().await.unwrap().unwrap(), b"{\"a\":1}");
            assert!(frames.next().await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn what_is_too_long_or_cut_off_is_an_error() {
        let error = frames(&[b'x'; 1000], 64, 100).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        let error = frames(b"{}\0{", 64, 100).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
