#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Unpacks a Debian package, with all that it needs and that is not installed, without installing or starting anything:
# no root, no service on the machine. Source of the form: apt-get(8) `download`, dpkg-deb(1) `-x`.
#
#   engines.sh PACKAGE DIRECTORY      into DIRECTORY/root; the files' names stand in DIRECTORY/PACKAGE.ready
set -eu
package=$1
directory=$2

fail() {
    echo "engines: $package: $1" >&2
    exit 69
}

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null ||
    fail 'needs a Debian system (apt-get, dpkg-deb); its tests are skipped without it'
mkdir -p "$directory/root" "$directory/debs/$package"

# A simulation says what an installation would add to this machine, and needs no rights.
plan() {
    apt-get -s -qq install --no-install-recommends "$package" >"$directory/$package.plan" 2>"$directory/$package.errors"
}

# As whoever runs it: apt's own user may not be allowed to write here.
download() {
    needed=$(sed -n 's/^Inst \([^ ]*\) .*/\1/p' "$directory/$package.plan")
    # One that is installed already is unpacked as well: its place is then the same everywhere.
    case " $(echo $needed) " in *" $package "*) ;; *) needed="$package $needed" ;; esac
    (cd "$directory/debs/$package" && rm -f ./*.deb &&
        apt-get -qq -o APT::Sandbox::User="$(id -un)" download $needed) >"$directory/$package.errors" 2>&1
}

# Lists of packages may be missing or out of date, where one is named that is gone from the mirror.
if ! { plan && download; }; then
    [ "$(id -u)" = 0 ] && apt-get -qq update && plan && download ||
        fail "can't be had: run apt-get update as root ($(tail -n 1 "$directory/$package.errors"))"
fi
cd "$directory/debs/$package"
for file in ./*.deb; do
    dpkg-deb -x "$file" ../../root
done
cd ../..
ls "debs/$package" >"$package.ready.tmp"
rm -rf "debs/$package" "$package.plan" "$package.errors"
mv "$package.ready.tmp" "$package.ready"
