//! `usb-gadget+obex`: this machine's own OBEX function, on which a USB host may begin.
#![expect(clippy::disallowed_types, reason = "driver: a socket")]

use crate::Scheme;
use crate::address::AddressError;
use crate::arrival::{ListenSettings, OpenGadget};
use crate::obex::{Link, Listener, Place, Task};

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Blocking;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

/// `usb-gadget+obex`
pub(crate) const SCHEME: Scheme =
    Scheme::line("usb-gadget+obex", |text| match text.split_once(':') {
        Some((_, "" | "//")) => Ok(Box::new(GadgetPlace)),
        _ => Err(AddressError::new(
            "this machine has one USB function for OBEX: usb-gadget+obex:",
        )),
    });

/// The function of this machine.
#[derive(Debug, Clone, Copy)]
struct GadgetPlace;

impl Place for GadgetPlace {
    /// To look for the function is cheap, and a host that finds it speaks at once.
    fn patience(&self) -> Duration {
        Duration::from_secs(2)
    }

    fn dial(&self) -> Task<'_, io::Result<Link>> {
        unsupported("a USB device does not dial its host; an attached device is usb+obex:")
    }

    fn listen<'a>(
        &'a self,
        settings: &'a ListenSettings,
    ) -> Task<'a, io::Result<Box<dyn Listener>>> {
        let Some(gadget) = settings.gadget.clone() else {
            return unsupported("this program has no USB function of its own");
        };
        Box::pin(async {
            let mut waiting = GadgetListener::new(gadget);
            waiting.open().await?;
            let listener: Box<dyn Listener> = Box::new(waiting);
            Ok(listener)
        })
    }
}

fn unsupported<'a, T>(text: &'static str) -> Task<'a, io::Result<T>>
where
    T: Send + 'a,
{
    Box::pin(async move { Err(io::Error::new(io::ErrorKind::Unsupported, text)) })
}

/// Waits for a host to say something.
struct GadgetListener {
    gadget: Arc<dyn OpenGadget>,
    /// There is one function, and one host: a link at a time.
    free: Arc<Semaphore>,
    /// On its way, whoever waits for it meanwhile: what the host has said is in it alone.
    opening: Option<JoinHandle<io::Result<OwnedFd>>>,
    stream: Option<UnixStream>,
    lost: bool,
}

impl GadgetListener {
    fn new(gadget: Arc<dyn OpenGadget>) -> Self {
        Self {
            gadget,
            free: Arc::new(Semaphore::new(1)),
            opening: None,
            stream: None,
            lost: false,
        }
    }

    /// Takes the function, unless it has it.
    async fn open(&mut self) -> io::Result<()> {
        if self.stream.is_some() {
            return Ok(());
        }
        let gadget = &self.gadget;
        let opening = self.opening.get_or_insert_with(|| {
            let gadget = Arc::clone(gadget);
            tokio::task::spawn_blocking(move || gadget.open())
        });
        let opened = opening.await;
        self.opening = None;
        let stream = Blocking::from(opened.map_err(io::Error::other)??);
        stream.set_nonblocking(true)?;
        self.stream = Some(UnixStream::from_std(stream)?);
        Ok(())
    }

    async fn next(&mut self) -> io::Result<Link> {
        let free = Arc::clone(&self.free).acquire_owned().await;
        let permit = free.map_err(io::Error::other)?;
        if let Err(error) = self.open().await {
            self.lost = true;
            return Err(error);
        }
        // The host has the first word; an end without one is for the session to see.
        if let Some(stream) = &self.stream {
            stream.readable().await?;
        }
        let stream = self.stream.take();
        let stream = stream.ok_or(io::ErrorKind::NotConnected)?;
        Ok(Link::new(OnlyOne {
            stream,
            _permit: permit,
        }))
    }
}

impl Listener for GadgetListener {
    fn accept(&mut self) -> Task<'_, io::Result<Link>> {
        Box::pin(self.next())
    }

    fn is_lost(&self) -> bool {
        self.lost
    }
}

/// A link, beside which there is no other.
struct OnlyOne {
    stream: UnixStream,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for OnlyOne {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for OnlyOne {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "test: waits in vain")]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::sync::Mutex;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::timeout;

    /// The far ends of what was opened; none is opened any more when it is down.
    #[derive(Debug, Default)]
    struct Far {
        opened: Mutex<Vec<Blocking>>,
        down: Mutex<bool>,
    }

    impl OpenGadget for Far {
        fn open(&self) -> io::Result<OwnedFd> {
            if *self.down.lock().unwrap() {
                return Err(io::Error::other("the USB gadget is down"));
            }
            let (near, far) = Blocking::pair()?;
            self.opened.lock().unwrap().push(far);
            Ok(near.into())
        }
    }

    fn far(gadget: &Far, at: usize) -> Blocking {
        gadget.opened.lock().unwrap()[at].try_clone().unwrap()
    }

    #[tokio::test]
    async fn one_host_is_let_in_when_it_speaks_and_no_other_beside_it() {
        let gadget = Arc::new(Far::default());
        let mut listener = GadgetListener::new(Arc::clone(&gadget) as Arc<dyn OpenGadget>);
        listener.open().await.unwrap();
        let short = Duration::from_millis(20);
        assert!(timeout(short, listener.accept()).await.is_err());
        far(&gadget, 0).write_all(b"connect").unwrap();
        let mut link = listener.accept().await.unwrap().transport;
        let mut read = [0; 7];
        link.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"connect");
        link.write_all(b"success").await.unwrap();
        far(&gadget, 0).read_exact(&mut read).unwrap();
        assert_eq!(&read, b"success");
        assert!(timeout(short, listener.accept()).await.is_err());
        assert_eq!(gadget.opened.lock().unwrap().len(), 1);
        drop(link);
        assert!(timeout(short, listener.accept()).await.is_err());
        far(&gadget, 1).write_all(b"again").unwrap();
        assert!(listener.accept().await.is_ok());
        assert!(!listener.is_lost());
    }

    #[tokio::test]
    async fn what_is_being_opened_is_kept_when_nobody_waits_for_it() {
        let gadget = Arc::new(Far::default());
        let mut listener = GadgetListener::new(Arc::clone(&gadget) as Arc<dyn OpenGadget>);
        // Each time it is given up before anything can have been opened.
        for _ in 0..10 {
            assert!(timeout(Duration::ZERO, listener.accept()).await.is_err());
        }
        while gadget.opened.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        far(&gadget, 0).write_all(b"connect").unwrap();
        let mut link = listener.accept().await.unwrap().transport;
        assert_eq!(link.read(&mut [0; 7]).await.unwrap(), 7);
        assert_eq!(gadget.opened.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_gadget_that_went_down_is_a_line_to_open_anew() {
        let gadget = Arc::new(Far::default());
        let mut listener = GadgetListener::new(Arc::clone(&gadget) as Arc<dyn OpenGadget>);
        listener.open().await.unwrap();
        *gadget.down.lock().unwrap() = true;
        gadget.opened.lock().unwrap().clear();
        // The end of what was open is the session's to see.
        let mut link = listener.accept().await.unwrap().transport;
        assert_eq!(link.read(&mut [0]).await.unwrap(), 0);
        drop(link);
        let error = listener.accept().await.unwrap_err();
        assert_eq!(error.to_string(), "the USB gadget is down");
        assert!(listener.is_lost());
    }
}
