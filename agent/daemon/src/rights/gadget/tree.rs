//! The gadget in configfs (`Documentation/usb/gadget_configfs.rst`): made, bound, taken away.
#![expect(clippy::disallowed_methods, reason = "driver: configfs and sysfs")]

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::super::wire::Controller;

/// Where gadgets are made, and where the kernel lists its device controllers.
const GADGETS: &str = "/sys/kernel/config/usb_gadget";
const CONTROLLERS: &str = "/sys/class/udc";

/// Our own gadget there, and the parts of it.
const NAME: &str = "omadm";
const CONFIGURATION: &str = "configs/c.1";
const LANGUAGE: &str = "strings/0x409";
pub(super) const ACM: &str = "functions/acm.0";
pub(super) const OBEX: &str = "functions/ffs.omadm";

const NO_CONTROLLER: &str = "this machine has no USB device controller: /sys/class/udc is empty";

/// The Linux Foundation's Multifunction Composite Gadget.
const VENDOR: &str = "0x1d6b";
const PRODUCT: &str = "0x0104";

/// How a host is told of this machine.
#[derive(Debug, Clone)]
pub(super) struct Names {
    pub(super) manufacturer: String,
    pub(super) product: String,
    /// Where there is a machine-id.
    pub(super) serial: Option<String>,
}

/// Where configfs and sysfs are.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    gadgets: PathBuf,
    controllers: PathBuf,
}

impl Tree {
    pub(super) fn system() -> Self {
        Self {
            gadgets: GADGETS.into(),
            controllers: CONTROLLERS.into(),
        }
    }

    /// Where ours is, when it is there.
    pub(super) fn own(&self) -> PathBuf {
        self.gadgets.join(NAME)
    }

    /// Why no gadget can be made here at all.
    pub(super) fn check(&self) -> Result<(), String> {
        // Without one, the rest is in vain.
        if self.controllers().is_empty() {
            return Err(NO_CONTROLLER.to_owned());
        }
        if self.gadgets.is_dir() {
            return Ok(());
        }
        let configfs = self.gadgets.parent().unwrap_or(&self.gadgets);
        let mounted = fs::read_dir(configfs).is_ok_and(|mut entries| entries.next().is_some());
        Err(if mounted {
            "the kernel makes no USB gadgets yet: modprobe libcomposite".to_owned()
        } else {
            let shown = configfs.display();
            format!(
                "configfs is not there: modprobe libcomposite, and mount -t configfs none {shown} \
                 where no service manager does"
            )
        })
    }

    /// The device controllers of this machine, by name.
    pub(super) fn controllers(&self) -> Vec<Controller> {
        let entries = fs::read_dir(&self.controllers).into_iter().flatten();
        let mut all: Vec<Controller> = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok())
            .map(|name| Controller {
                state: self.attribute(&name, "state").unwrap_or_default(),
                gadget: self.bound(&name),
                name,
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// What the kernel says of a controller.
    pub(super) fn attribute(&self, udc: &str, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.controllers.join(udc).join(name)).ok()?;
        Some(text.trim().to_owned())
    }

    /// The gadget that a controller is bound to.
    fn bound(&self, udc: &str) -> Option<String> {
        let mut gadgets = fs::read_dir(&self.gadgets).into_iter().flatten().flatten();
        let has = |entry: &fs::DirEntry| {
            fs::read_to_string(entry.path().join("UDC")).is_ok_and(|text| text.trim() == udc)
        };
        let found = gadgets.find(has);
        let named = found.and_then(|entry| entry.file_name().into_string().ok());
        // A gadget that is a module of its own.
        named.or_else(|| {
            self.attribute(udc, "function")
                .filter(|text| !text.is_empty())
        })
    }

    /// The controller that is wanted, or the one that is free.
    pub(super) fn choose(&self, wanted: Option<&str>) -> Result<String, String> {
        let all = self.controllers();
        if all.is_empty() {
            return Err(NO_CONTROLLER.to_owned());
        }
        let names = || all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>();
        let mut fitting = all
            .iter()
            .filter(|one| wanted.is_none_or(|name| name == one.name));
        let in_use = |one: &Controller| match &one.gadget {
            Some(gadget) => format!("the gadget {gadget} uses the controller {}", one.name),
            None => format!("the controller {} is not there", one.name),
        };
        let Some(first) = fitting.clone().next() else {
            let wanted = wanted.unwrap_or_default();
            let names = names().join(", ");
            return Err(format!(
                "no controller is called {wanted:?}; there are: {names}"
            ));
        };
        let free = fitting.find(|one| one.gadget.is_none());
        free.map(|one| one.name.clone())
            .ok_or_else(|| in_use(first))
    }

    /// Makes the gadget with these functions, not yet bound.
    pub(super) fn make(&self, functions: &[&str], names: &Names) -> io::Result<()> {
        let own = self.own();
        made(&own)?;
        let put = |path: &str, text: &str| written(&own.join(path), text);
        put("idVendor", VENDOR)?;
        put("idProduct", PRODUCT)?;
        // Functions of several interfaces are bound together (USB 2.0 ECN, IAD).
        put("bDeviceClass", "0xef")?;
        put("bDeviceSubClass", "0x02")?;
        put("bDeviceProtocol", "0x01")?;
        made(&own.join(LANGUAGE))?;
        let string = |name: &str, text: &str| put(&format!("{LANGUAGE}/{name}"), text);
        string("manufacturer", &names.manufacturer)?;
        string("product", &names.product)?;
        if let Some(serial) = &names.serial {
            string("serialnumber", serial)?;
        }
        made(&own.join(CONFIGURATION))?;
        for function in functions {
            made(&own.join(function))?;
            let name = function.rsplit('/').next().unwrap_or(function);
            let link = own.join(CONFIGURATION).join(name);
            symlink(own.join(function), &link).map_err(|error| told(&link, &error))?;
        }
        Ok(())
    }

    /// Shows the gadget to hosts.
    pub(super) fn bind(&self, udc: &str) -> io::Result<()> {
        written(&self.own().join("UDC"), udc)
    }

    /// The port of the serial function.
    pub(super) fn port(&self) -> Option<String> {
        let number = fs::read_to_string(self.own().join(ACM).join("port_num")).ok()?;
        Some(format!("/dev/ttyGS{}", number.trim()))
    }

    /// Takes the gadget away, or what is left of one; says whether there was any.
    pub(super) fn remove(&self) -> io::Result<bool> {
        let own = self.own();
        if !own.is_dir() {
            return Ok(false);
        }
        // One that is not bound says that there is nothing to unbind.
        let _ = fs::write(own.join("UDC"), "\n");
        let configuration = own.join(CONFIGURATION);
        for entry in fs::read_dir(&configuration).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                gone(fs::remove_file(entry.path()), &entry.path())?;
            }
        }
        for path in [&configuration, &own.join(OBEX), &own.join(ACM)] {
            gone(fs::remove_dir(path), path)?;
        }
        let language = own.join(LANGUAGE);
        gone(fs::remove_dir(&language), &language)?;
        gone(fs::remove_dir(&own), &own)?;
        Ok(true)
    }
}

fn made(path: &Path) -> io::Result<()> {
    fs::create_dir(path).map_err(|error| told(path, &error))
}

fn written(path: &Path, text: &str) -> io::Result<()> {
    fs::write(path, text).map_err(|error| told(path, &error))
}

/// What is not there needs not be removed.
fn gone(result: io::Result<()>, path: &Path) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(told(path, &error)),
        _ => Ok(()),
    }
}

fn told(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(folder: &Path) -> Tree {
        Tree {
            gadgets: folder.join("config/usb_gadget"),
            controllers: folder.join("udc"),
        }
    }

    fn controller(folder: &Path, name: &str) {
        let path = folder.join("udc").join(name);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("state"), "not attached\n").unwrap();
        fs::write(path.join("function"), "\n").unwrap();
    }

    #[test]
    fn what_is_missing_is_said_with_its_mend() {
        let folder = tempfile::tempdir().unwrap();
        let tree = tree(folder.path());
        let none = "this machine has no USB device controller";
        assert!(tree.check().unwrap_err().starts_with(none));
        assert!(tree.choose(None).unwrap_err().starts_with(none));
        controller(folder.path(), "dummy_udc.0");
        assert!(tree.check().unwrap_err().contains("mount -t configfs"));
        fs::create_dir_all(folder.path().join("config/other")).unwrap();
        assert!(tree.check().unwrap_err().contains("modprobe"));
        fs::create_dir_all(&tree.gadgets).unwrap();
        assert_eq!(tree.check(), Ok(()));
    }

    #[test]
    fn a_controller_that_another_gadget_uses_is_left_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let tree = tree(folder.path());
        for name in ["dummy_udc.0", "dummy_udc.1"] {
            controller(folder.path(), name);
        }
        let other = tree.gadgets.join("g1");
        fs::create_dir_all(&other).unwrap();
        fs::write(other.join("UDC"), "dummy_udc.0\n").unwrap();
        assert_eq!(tree.choose(None).unwrap(), "dummy_udc.1");
        let error = tree.choose(Some("dummy_udc.0")).unwrap_err();
        assert_eq!(error, "the gadget g1 uses the controller dummy_udc.0");
        let error = tree.choose(Some("musb")).unwrap_err();
        assert!(
            error.ends_with("there are: dummy_udc.0, dummy_udc.1"),
            "{error}"
        );
        fs::write(folder.path().join("udc/dummy_udc.1/function"), "g_ether\n").unwrap();
        let error = tree.choose(Some("dummy_udc.1")).unwrap_err();
        assert!(error.contains("gadget g_ether"), "{error}");
    }

    #[test]
    fn nothing_to_remove_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!tree(folder.path()).remove().unwrap());
    }
}
