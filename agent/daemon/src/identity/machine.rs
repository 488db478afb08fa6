//! What the hardware and the system say about themselves: DMI or device tree, os-release,
//! kernel.

use omadm_probes::FsRoot;

use super::facts::{Fact, Search, Source};
use crate::config::Device;

/// Said where a machine does not know.
const UNKNOWN: &str = "unknown";

const SYS_VENDOR: &str = "/sys/class/dmi/id/sys_vendor";
const PRODUCT_NAME: &str = "/sys/class/dmi/id/product_name";
const PRODUCT_VERSION: &str = "/sys/class/dmi/id/product_version";
const BOARD_VENDOR: &str = "/sys/class/dmi/id/board_vendor";
const BOARD_NAME: &str = "/sys/class/dmi/id/board_name";
const BOARD_VERSION: &str = "/sys/class/dmi/id/board_version";
const CHASSIS_TYPE: &str = "/sys/class/dmi/id/chassis_type";
const BIOS_VERSION: &str = "/sys/class/dmi/id/bios_version";
const TREE_MODEL: &str = "/sys/firmware/devicetree/base/model";
const TREE_COMPATIBLE: &str = "/sys/firmware/devicetree/base/compatible";
const TREE_U_BOOT: &str = "/sys/firmware/devicetree/base/chosen/u-boot,version";
const OS_RELEASE: &str = "/etc/os-release";
const OS_RELEASE_VENDOR: &str = "/usr/lib/os-release";
const KERNEL_RELEASE: &str = "/proc/sys/kernel/osrelease";
const LOCALE: &str = "/etc/locale.conf";
const LOCALE_DEBIAN: &str = "/etc/default/locale";

/// The machine as DevInfo and DevDetail show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// `./DevInfo/Man`
    pub manufacturer: Fact,
    /// `./DevInfo/Mod`
    pub model: Fact,
    /// `./DevInfo/Lang` as long as nobody has replaced it
    pub language: Fact,
    /// `./DevDetail/OEM`
    pub oem: Fact,
    /// `./DevDetail/DevTyp`
    pub device_type: Fact,
    /// `./DevDetail/FwV`
    pub firmware_version: Fact,
    /// `./DevDetail/SwV`
    pub software_version: Fact,
    /// `./DevDetail/HwV`
    pub hardware_version: Fact,
}

impl Machine {
    /// Asks the configuration first and the machine second.
    pub fn read(device: &Device, fs: &FsRoot) -> Self {
        let search = |configured: &Option<String>| Search::new(fs, configured.as_ref());
        Self {
            manufacturer: manufacturer(search(&device.manufacturer)),
            model: search(&device.model)
                .file(PRODUCT_NAME)
                .file(BOARD_NAME)
                .file(TREE_MODEL)
                .or(UNKNOWN),
            language: search(&device.language)
                .made(LOCALE, language)
                .made(LOCALE_DEBIAN, language)
                .or("en"),
            oem: manufacturer(search(&device.oem).file(BOARD_VENDOR)),
            device_type: search(&device.device_type)
                .made(CHASSIS_TYPE, chassis)
                .or(UNKNOWN),
            firmware_version: search(&device.firmware_version)
                .file(BIOS_VERSION)
                .file(TREE_U_BOOT)
                .or(UNKNOWN),
            software_version: software(fs, search(&device.software_version)),
            hardware_version: search(&device.hardware_version)
                .file(PRODUCT_VERSION)
                .file(BOARD_VERSION)
                .made(TREE_COMPATIBLE, |list| {
                    list.split('\0').next().map(str::to_owned)
                })
                .or(UNKNOWN),
        }
    }

    /// The leaves that nothing knows a value for, with the key that sets each.
    pub fn unknown(&self) -> Vec<(&'static str, &'static str)> {
        let facts = [
            (&self.manufacturer, "./DevInfo/Man", "device.manufacturer"),
            (&self.model, "./DevInfo/Mod", "device.model"),
            (&self.oem, "./DevDetail/OEM", "device.oem"),
            (
                &self.device_type,
                "./DevDetail/DevTyp",
                "device.device-type",
            ),
            (
                &self.firmware_version,
                "./DevDetail/FwV",
                "device.firmware-version",
            ),
            (
                &self.software_version,
                "./DevDetail/SwV",
                "device.software-version",
            ),
            (
                &self.hardware_version,
                "./DevDetail/HwV",
                "device.hardware-version",
            ),
        ];
        let unknown = facts
            .into_iter()
            .filter(|(fact, ..)| fact.source == Source::Nowhere);
        unknown.map(|(_, leaf, key)| (leaf, key)).collect()
    }
}

fn manufacturer(search: Search<'_>) -> Fact {
    search
        .file(SYS_VENDOR)
        .file(BOARD_VENDOR)
        .made(TREE_COMPATIBLE, |list| {
            list.split_once(',').map(|(vendor, _)| vendor.to_owned())
        })
        .or(UNKNOWN)
}

/// The distribution and the kernel, or whichever of them is known.
fn software(fs: &FsRoot, search: Search<'_>) -> Fact {
    let kernel = Search::new(fs, None).file(KERNEL_RELEASE).or("").value;
    let joined = |text: &str| {
        let system = distribution(text)?;
        Some(if kernel.is_empty() {
            system
        } else {
            format!("{system}, Linux {kernel}")
        })
    };
    search
        .made(OS_RELEASE, joined)
        .made(OS_RELEASE_VENDOR, joined)
        .made(KERNEL_RELEASE, |release| Some(format!("Linux {release}")))
        .or(UNKNOWN)
}

/// The name of the distribution (os-release(5)), with the version of its image if it has one.
fn distribution(text: &str) -> Option<String> {
    let name = assignment(text, "PRETTY_NAME").or_else(|| assignment(text, "NAME"))?;
    Some(match assignment(text, "IMAGE_VERSION") {
        Some(image) => format!("{name}, image {image}"),
        None => name,
    })
}

/// The value of a shell-like assignment, quotes taken off.
fn assignment(text: &str, name: &str) -> Option<String> {
    let value = text.lines().rev().find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim() == name).then(|| value.trim())
    })?;
    let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
    let value = match (quoted('\''), quoted('"')) {
        (Some(literal), _) => literal.to_owned(),
        (None, Some(escaped)) => unescape(escaped),
        (None, None) => value.to_owned(),
    };
    (!value.is_empty()).then_some(value)
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => plain.extend(characters.next()),
            other => plain.push(other),
        }
    }
    plain
}

/// `LANG=de_DE.UTF-8` as a tag of RFC 1766: `de-DE`.
fn language(text: &str) -> Option<String> {
    let locale = assignment(text, "LANG")?;
    let tag = locale.split(['.', '@']).next()?.replace('_', "-");
    let letters = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    (tag.len() > 1 && tag != "POSIX" && tag.split('-').all(letters)).then_some(tag)
}

/// The kinds of enclosure (SMBIOS 7.4.1) that say what a device is; "other" and "unknown" do not.
fn chassis(number: &str) -> Option<String> {
    let word = match number.parse::<u8>().ok()? {
        3..=7 | 13 | 15 | 16 | 24 => "desktop",
        8..=10 | 14 => "notebook",
        11 => "handheld",
        12 => "docking station",
        17 | 23 | 25 | 28 | 29 => "server",
        30 => "tablet",
        31 | 32 => "convertible",
        33 => "gateway",
        34 => "embedded computer",
        35 => "mini computer",
        36 => "stick computer",
        _ => return None,
    };
    Some(word.to_owned())
}

#[cfg(test)]
mod tests;
