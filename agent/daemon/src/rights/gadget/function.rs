//! An instance of FunctionFS: its files are opened through a mount that nobody else sees and that
//! ends with this process.
#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "driver: the files of a USB function"
)]

use std::ffi::CStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::libc::{self, c_long};
use nix::sys::stat::Mode;

use super::descriptors::{descriptors, strings};

/// `fsconfig(2)`: sets a parameter to a string; creates the file system.
const SET_STRING: c_long = 1;
const CREATE: c_long = 6;

/// `fsopen(2)` and `fsmount(2)`: the descriptor is not inherited.
const CLOEXEC: c_long = 1;

/// The files of the OBEX function.
#[derive(Debug)]
pub(super) struct Function {
    /// Events and control requests; closing it takes the function away.
    pub(super) control: File,
    /// Towards the host.
    pub(super) outgoing: File,
    /// From the host.
    pub(super) incoming: File,
}

impl Function {
    /// Opens the function of this name and describes it; the gadget can be bound then.
    pub(super) fn open(name: &CStr) -> io::Result<Self> {
        let root = mount(name)?;
        let open = |file: &str, flags| {
            let flags = OFlag::O_RDWR | OFlag::O_CLOEXEC | flags;
            openat(&root, file, flags, Mode::empty()).map(File::from)
        };
        let mut control = open("ep0", OFlag::empty())?;
        control.write_all(&descriptors())?;
        control.write_all(&strings())?;
        Ok(Self {
            control,
            // What is not taken at once because no host is there is for nobody.
            outgoing: open("ep1", OFlag::O_NONBLOCK)?,
            incoming: open("ep2", OFlag::empty())?,
        })
    }
}

/// Mounts the function where no path leads.
fn mount(name: &CStr) -> io::Result<OwnedFd> {
    // SAFETY: both arguments are valid for the call; the kernel returns a new descriptor.
    #[expect(unsafe_code, reason = "fsopen(2) has no wrapper")]
    let made = unsafe { libc::syscall(libc::SYS_fsopen, c"functionfs".as_ptr(), CLOEXEC) };
    let fs = owned(made)?;
    let number = fs.as_fd().as_raw_fd();
    // SAFETY: the descriptor is open and all strings end with a NUL and outlive the call.
    #[expect(unsafe_code, reason = "fsconfig(2) has no wrapper")]
    let set = unsafe {
        let key = c"source".as_ptr();
        libc::syscall(
            libc::SYS_fsconfig,
            number,
            SET_STRING,
            key,
            name.as_ptr(),
            0,
        )
    };
    Errno::result(set)?;
    // SAFETY: the descriptor is open; the other arguments are null, as this command wants them.
    #[expect(unsafe_code, reason = "fsconfig(2) has no wrapper")]
    let created = unsafe {
        let none = std::ptr::null::<libc::c_char>();
        libc::syscall(libc::SYS_fsconfig, number, CREATE, none, none, 0)
    };
    Errno::result(created)?;
    // SAFETY: the descriptor is open; the kernel returns a new one.
    #[expect(unsafe_code, reason = "fsmount(2) has no wrapper")]
    let mounted = unsafe { libc::syscall(libc::SYS_fsmount, number, CLOEXEC, 0) };
    owned(mounted)
}

fn owned(result: c_long) -> io::Result<OwnedFd> {
    let number = i32::try_from(Errno::result(result)?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just returned this descriptor, and nobody else knows it.
    #[expect(unsafe_code, reason = "system calls return numbers")]
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    Ok(fd)
}

/// What the kernel tells of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A host uses it from now on.
    Enabled,
    /// No host does any more.
    Disabled,
    /// A control request was refused.
    Refused,
    /// Something that changes nothing.
    Other,
}

/// Waits for the next event. A control request is refused: the function has none of its own.
pub(super) fn event(control: &mut File) -> io::Result<Event> {
    let mut octets = [0; 12];
    control.read_exact(&mut octets)?;
    let [request_type, _, _, _, _, _, _, _, kind, ..] = octets;
    Ok(match kind {
        2 => Event::Enabled,
        1 | 3 => Event::Disabled,
        4 => {
            // To go the wrong way is how a request is stalled; it is answered with an error.
            let _ = if request_type & 0x80 == 0 {
                control.write(&[0])
            } else {
                control.read(&mut [0])
            };
            Event::Refused
        }
        _ => Event::Other,
    })
}
