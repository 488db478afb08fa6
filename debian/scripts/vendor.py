#!/usr/bin/env python3
"""Fetches the crates of Cargo.lock into a folder, as far as a Linux build needs them.

    vendor.py FOLDER

A crate that no Debian architecture compiles (other systems, tests) keeps its manifest, which the
resolver asks for, and an empty library; objects that were compiled elsewhere are left out.
"""

import json
import pathlib
import shutil
import subprocess
import sys

PACKAGES = ["omadm-agent", "omadm-server", "omadm-man"]
TARGETS = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "armv7-unknown-linux-gnueabihf",
    "arm-unknown-linux-gnueabi",
    "i686-unknown-linux-gnu",
    "powerpc64le-unknown-linux-gnu",
    "riscv64gc-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
]
COMPILED = {".a", ".dll", ".exe", ".lib", ".o", ".so"}


def cargo(*arguments):
    return subprocess.run(
        ["cargo", *arguments], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


def needed():
    """`name-version` of all that is compiled for some architecture."""
    packages = [word for name in PACKAGES for word in ("-p", name)]
    crates = set()
    for target in TARGETS:
        tree = cargo("tree", "--locked", "--quiet", "--prefix=none", "--edges=normal,build",
                     "--no-dedupe", "--target", target, *packages)
        for line in filter(None, tree.splitlines()):
            name, version = line.split()[:2]
            crates.add(f"{name}-{version.removeprefix('v')}")
    return crates


def empty(crate):
    """Leaves what the resolver reads."""
    for path in crate.iterdir():
        if path.name in ("Cargo.toml", ".cargo-checksum.json"):
            continue
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    library = crate / "src" / "lib.rs"
    library.parent.mkdir()
    library.touch()


def without_compiled(crate):
    for path in [path for path in crate.rglob("*") if path.suffix in COMPILED]:
        if path.is_file():
            path.unlink()


def settle(crate):
    """Takes what is gone out of the list of checksums."""
    path = crate / ".cargo-checksum.json"
    sums = json.loads(path.read_text())
    sums["files"] = {name: value for name, value in sums["files"].items() if (crate / name).exists()}
    path.write_text(json.dumps(sums, sort_keys=True, separators=(",", ":")))


def main(folder):
    shutil.rmtree(folder, ignore_errors=True)
    cargo("vendor", "--locked", "--quiet", "--versioned-dirs", str(folder))
    kept = needed()
    crates = sorted(path for path in folder.iterdir() if path.is_dir())
    for crate in crates:
        if crate.name in kept:
            without_compiled(crate)
        else:
            empty(crate)
        settle(crate)
    names = {crate.name for crate in crates}
    print(f"vendor: {len(names & kept)} crates whole, {len(names - kept)} for the resolver alone")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
