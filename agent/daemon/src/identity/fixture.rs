//! Recorded machines for tests.
#![expect(clippy::disallowed_methods, reason = "driver: makes fixtures")]

use omadm_probes::FsRoot;
use tempfile::TempDir;

/// A tree of files under a root of its own.
pub(crate) fn recorded(files: &[(&str, &str)]) -> (TempDir, FsRoot) {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = dir.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let fs = FsRoot::recorded(dir.path());
    (dir, fs)
}

/// A machine with DMI, as a small gateway fills it in.
pub(crate) const DMI: &[(&str, &str)] = &[
    ("/etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
    ("/sys/class/dmi/id/sys_vendor", "PC Engines\n"),
    ("/sys/class/dmi/id/product_name", "apu2\n"),
    ("/sys/class/dmi/id/product_version", "1.0\n"),
    ("/sys/class/dmi/id/board_vendor", "PC Engines Board\n"),
    ("/sys/class/dmi/id/board_name", "apu2 board\n"),
    ("/sys/class/dmi/id/bios_version", "v4.19.0.1\n"),
    ("/sys/class/dmi/id/chassis_type", "33\n"),
    (
        "/etc/os-release",
        "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\n",
    ),
    (
        "/etc/default/locale",
        "#  File generated\nLANG=\"de_DE.UTF-8\"\n",
    ),
    ("/proc/sys/kernel/osrelease", "6.1.0-28-amd64\n"),
];

/// A board with a device tree.
pub(crate) const BOARD: &[(&str, &str)] = &[
    ("/etc/machine-id", "fedcba9876543210fedcba9876543210\n"),
    (
        "/sys/firmware/devicetree/base/model",
        "Raspberry Pi 4 Model B Rev 1.4\0",
    ),
    (
        "/sys/firmware/devicetree/base/compatible",
        "raspberrypi,4-model-b\0brcm,bcm2711\0",
    ),
    (
        "/sys/firmware/devicetree/base/chosen/u-boot,version",
        "2023.01+dfsg-2\0",
    ),
    (
        "/usr/lib/os-release",
        "PRETTY_NAME='Gateway OS'\nIMAGE_VERSION=7\n",
    ),
    ("/proc/sys/kernel/osrelease", "6.6.20-v8\n"),
];
