#!/usr/bin/env bash
# compile.sh FOLDER: compiles FOLDER/linux from the package linux-source-6.1 and um.config, which are in FOLDER.
set -euo pipefail
cd "$1"
dpkg -x linux-source-6.1_*.deb unpacked
tar -xf unpacked/usr/src/linux-source-6.1.tar.xz
cd linux-source-6.1
make ARCH=um defconfig
scripts/kconfig/merge_config.sh -m .config ../um.config
make ARCH=um olddefconfig
nice make ARCH=um -j"$(nproc)" linux
install -m755 linux ../linux
