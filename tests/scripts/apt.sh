# Sourced where a Debian is made in a folder: which Debian, and how this machine reaches its packages.

suite=bookworm

# What this machine takes its packages of the suite from.
apt_sources() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
        "Created-By: Packages" "Origin: Debian" |
        awk -v suite="$suite" '$2 ~ "^" suite { print "deb", $0 }' | sort -u
}
# The settings of apt by which it reaches them.
apt_options() { apt-config dump | grep -iE '^Acquire::(https?|ftp|check|retries|forceipv)' || true; }
