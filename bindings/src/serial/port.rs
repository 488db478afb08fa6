//! Opens a serial device, sets it up and moves octets.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: a device and a clock"
)]

use super::address::{Carrier, Flow, SerialAddress};
use super::front::Front;
use super::holder::holder;
use super::marks::{Mark, Unmark};
use super::watch::Lines;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag};
use nix::sys::termios::{self, ControlFlags, InputFlags, SetArg};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, sleep, timeout};
use tokio_serial::{ClearBuffer, FlowControl, SerialPort as _, SerialPortBuilderExt, SerialStream};

/// What is read at once, in octets: an answer to it may be a thousand times longer.
const CHUNK: usize = 1024;

/// How long what is due may wait for a peer that does not take it.
const SEND_LIMIT: Duration = Duration::from_secs(3);

/// More than any UART takes for a long character.
const BREAK: Duration = Duration::from_millis(300);

/// What a UART holds after the kernel has nothing left, in octets.
const FIFO: u32 = 64;

/// A serial device that is open, set up and this process's own.
pub struct SerialPort {
    address: SerialAddress,
    stream: SerialStream,
    /// Where the device marks a BREAK.
    marks: Option<Unmark>,
    origin: Instant,
    /// A dialogue that goes on after OBEX.
    pub(super) front: Option<Front>,
}

impl SerialPort {
    /// Opens a device for this process only: no other can open or lock it.
    ///
    /// Must be called in a tokio runtime with IO and time enabled.
    pub fn open(address: &SerialAddress) -> io::Result<Self> {
        let path = address.path.as_path();
        let control = open_control(path)?;
        let stream = open_stream(address)?;
        let marked =
            set_up(&control, address.carrier).map_err(|errno| told(path, &errno.into()))?;
        lower_latency(path);
        let port = Self {
            address: address.clone(),
            stream,
            marks: marked.then(Unmark::default),
            origin: Instant::now(),
            front: None,
        };
        // What came under other settings is noise.
        port.forget_input();
        port.check_baud();
        Ok(port)
    }

    /// The address that it was opened by.
    pub fn address(&self) -> &SerialAddress {
        &self.address
    }

    /// The time, on a clock of its own.
    pub(super) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The instant of a time on that clock.
    pub(super) fn at(&self, time: Duration) -> Instant {
        self.origin + time
    }

    /// What the peer sent, at least one mark; `None` when the line hung up.
    pub(super) fn poll_marks(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<Vec<Mark>>>> {
        loop {
            let mut chunk = [0; CHUNK];
            let mut buffer = ReadBuf::new(&mut chunk);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer));
            match read {
                // A tty that hung up reads as empty, for ever.
                Ok(()) if buffer.filled().is_empty() => return Poll::Ready(Ok(None)),
                Ok(()) => {}
                Err(error) if is_gone(&error) => return Poll::Ready(Ok(None)),
                Err(error) => return Poll::Ready(Err(error)),
            }
            let marks = match &mut self.marks {
                Some(unmark) => unmark.take(buffer.filled()),
                None => vec![Mark::Octets(buffer.filled().to_vec())],
            };
            if !marks.is_empty() {
                return Poll::Ready(Ok(Some(marks)));
            }
        }
    }

    /// Drops what came and was not read.
    pub(super) fn forget_input(&self) {
        let _ = self.stream.clear(ClearBuffer::Input);
    }

    /// Writes some octets.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    /// Writes all octets, unless the peer does not take them.
    pub(super) async fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        let sent = timeout(SEND_LIMIT, self.stream.write_all(octets)).await;
        sent.unwrap_or_else(|_| {
            let text = format!("{}: the peer takes no data", self.address.path.display());
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        })
    }

    /// Waits until what was written is on the line: the port may be closed after that.
    ///
    /// The kernel's own wait would stop the whole program.
    pub(super) async fn drained(&mut self) {
        let character = Duration::from_secs(1) * 10 / self.address.baud.max(1);
        let end = Instant::now() + SEND_LIMIT;
        while self.stream.bytes_to_write().is_ok_and(|left| left > 0) && Instant::now() < end {
            sleep(Duration::from_millis(10)).await;
        }
        sleep((character * FIFO).min(SEND_LIMIT)).await;
    }

    /// Holds the line down, where the device can.
    pub(super) async fn send_break(&mut self) {
        if self.stream.set_break().is_ok() {
            sleep(BREAK).await;
            let _ = self.stream.clear_break();
        }
    }

    /// The lines that the peer's DTR drives; `None` where the device has none.
    pub(super) fn lines(&mut self) -> Option<Lines> {
        let dsr = self.stream.read_data_set_ready().ok()?;
        let dcd = self.stream.read_carrier_detect().ok()?;
        Some(Lines { dsr, dcd })
    }

    /// Not every UART can do every speed; the kernel tells what it came to.
    fn check_baud(&self) {
        let wanted = self.address.baud;
        // An asynchronous character tolerates about this much, both ends together.
        let near = wanted / 33;
        match self.stream.baud_rate() {
            Ok(found) if found.abs_diff(wanted) > near => log::warn!(
                "{}: runs at {found} baud, not at {wanted}",
                self.address.path.display()
            ),
            _ => {}
        }
    }
}

impl Drop for SerialPort {
    fn drop(&mut self) {
        // Closing waits for what a stopped peer does not take, half a minute by default, and the
        // whole program with it.
        let _ = self.stream.clear(ClearBuffer::Output);
    }
}

/// The device as a plain file: tokio-serial lends no descriptor to set what it has no words for.
fn open_control(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags.bits())
        .open(path)
        .map_err(|error| told(path, &error))?;
    termios::tcgetattr(&file).map_err(|errno| told(path, &errno.into()))?;
    // Tried here, because a tokio-serial that does not get the lock would take away the other
    // program's TIOCEXCL.
    let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock);
    let lock = lock.map_err(|(_, errno)| told(path, &errno.into()))?;
    lock.unlock()
        .map_err(|(_, errno)| told(path, &errno.into()))
}

/// The device as a stream of its own, locked and raw.
fn open_stream(address: &SerialAddress) -> io::Result<SerialStream> {
    let path = address.path.as_path();
    let name = path.to_str().unwrap_or_default();
    let flow = match address.flow {
        Flow::None => FlowControl::None,
        Flow::Hardware => FlowControl::Hardware,
    };
    let stream = tokio_serial::new(name, address.baud)
        .flow_control(flow)
        .open_native_async();
    stream.map_err(|error| match error.kind {
        tokio_serial::ErrorKind::NoDevice => in_use(path),
        _ => told(path, &error.into()),
    })
}

/// Sets what tokio-serial does not; true where the device marks a BREAK.
fn set_up(control: &File, carrier: Carrier) -> nix::Result<bool> {
    let mut termios = termios::tcgetattr(control)?;
    let flags = &mut termios.control_flags;
    flags.set(ControlFlags::CLOCAL, carrier == Carrier::Ignore);
    // A modem resets when DTR drops, a peer takes it for our end.
    flags.remove(ControlFlags::HUPCL);
    termios::tcsetattr(control, SetArg::TCSANOW, &termios)?;
    let flags = &mut termios.input_flags;
    flags.remove(InputFlags::IGNBRK | InputFlags::BRKINT);
    flags.insert(InputFlags::PARMRK);
    // Not every driver can; without it a BREAK is a NUL.
    let _ = termios::tcsetattr(control, SetArg::TCSANOW, &termios);
    let found = termios::tcgetattr(control)?;
    Ok(found.input_flags.contains(InputFlags::PARMRK))
}

/// An FTDI chip keeps octets back for 16 ms unless told otherwise. Few may tell it.
fn lower_latency(path: &Path) {
    let device = std::fs::canonicalize(path).unwrap_or_default();
    if let Some(name) = device.file_name() {
        let timer = Path::new("/sys/class/tty")
            .join(name)
            .join("device/latency_timer");
        let _ = OpenOptions::new()
            .write(true)
            .open(timer)
            .and_then(|mut timer| io::Write::write_all(&mut timer, b"1"));
    }
}

/// Whether the device is not there any more.
pub(super) fn is_gone(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EIO | Errno::ENODEV | Errno::ENXIO))
}

/// An error of the system in words that name the device.
fn told(path: &Path, error: &io::Error) -> io::Error {
    let shown = path.display();
    let kind = match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EBUSY | Errno::EWOULDBLOCK) => return in_use(path),
        Some(Errno::ENOENT | Errno::EIO | Errno::ENODEV | Errno::ENXIO) => io::ErrorKind::NotFound,
        _ => error.kind(),
    };
    let text = match (kind, error.raw_os_error().map(Errno::from_raw)) {
        (io::ErrorKind::NotFound, _) => format!("{shown} is not there: {error}"),
        (io::ErrorKind::PermissionDenied, _) => {
            format!("{shown}: {error}: group dialout may use serial lines")
        }
        (_, Some(Errno::ENOTTY)) => format!("{shown} is no serial line"),
        _ => format!("{shown}: {error}"),
    };
    io::Error::new(kind, text)
}

fn in_use(path: &Path) -> io::Error {
    let who = holder(path).map_or_else(String::new, |who| format!(" ({who})"));
    let text = format!("another program uses {}{who}", path.display());
    io::Error::new(io::ErrorKind::ResourceBusy, text)
}
