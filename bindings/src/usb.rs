//! OBEX over USB: the functions of attached devices, and this machine's own.
//!
//! An attached device is reached through libusb, since Linux has no driver for the OBEX function.
//! A serial port of the class CDC ACM has one, and its line is taken as it is.

mod address;
mod descriptor;
mod device;
mod gadget;
mod list;
mod pipe;
mod place;
mod plugged;
mod port;

pub use address::{DeviceName, Function, UsbAddress};
pub(crate) use gadget::SCHEME as GADGET;
pub use list::{Listed, list};
pub(crate) use place::SCHEME;
pub use plugged::Plugged;
