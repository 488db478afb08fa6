# The life of the packages below systemd, as deb-test.sh has it in a container: there on whatever kernel the
# machine has, here on one of Debian's version, with the limits that the units ask it for.
. ./lib.sh

# The programs of the packages, not those of the workspace.
export PATH=${PATH#/share/bin:}
[ ! -e /usr/bin/omadm ]
# The guest's system leaves documentation out of packages, which is part of these.
rm -f /etc/dpkg/dpkg.cfg.d/99mmdebstrap
place=/root/packages
mkdir -p "$place/higher"
cp packages/*.deb packages/deb-life.sh packages/session "$place"
cd "$place"
# The same with a higher version.
for package in omadm-agent omadm-server; do
    dpkg-deb -R "$package.deb" again
    sed -i 's/^Version: .*/&+again/' again/DEBIAN/control
    dpkg-deb -Znone --build again "higher/$package.deb" >/dev/null
    rm -r again
done
cd /share
step system systemctl --version
step installed "$place/deb-life.sh" installed || exit 0
step programs bash -c 'command -v omadm omadm-server'
step limits systemctl show omadmd --property=Id,ActiveState,NoNewPrivileges,CapabilityBoundingSet,User
step taken-off "$place/deb-life.sh" rebooted || true
