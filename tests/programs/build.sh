#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the programs of table.py from the sources of Debian's packages with -O2 -g, unpatched.
#
#     build.sh DIR        needs deb-src lines in apt's sources, and what the packages need to build
set -eu
[ $# = 1 ] || { echo "usage: build.sh DIR" >&2; exit 64; }
mkdir -p "$1/src" && cd "$1"
for p in pigz pbzip2 libevent memcached redis nginx sqlite3 python3.11; do
    [ -d "$p" ] && continue
    (cd src && apt-get source -qq --download-only "$p")
    mkdir "$p" && tar xf "$(ls src/"$p"_*.orig.tar.*z* | head -n 1)" -C "$p" --strip-components=1
done
export CFLAGS="-O2 -g" CXXFLAGS="-O2 -g"
here=$(pwd)
run() { (cd "$1" && shift && "$@") > "$1.log" 2>&1 || { echo "build.sh: $1 failed, see $here/$1.log" >&2; exit 1; }; }
run pigz make -s CFLAGS="-O2 -g" pigz
run pbzip2 make -s CXXFLAGS="-O2 -g -D_LARGEFILE64_SOURCE -D_FILE_OFFSET_BITS=64 -pthread" pbzip2
run libevent sh -c "./configure -q --disable-openssl --disable-samples --prefix=$here/libevent-inst && make -s install"
run memcached sh -c "./configure -q --with-libevent=$here/libevent-inst && make -s memcached"
run redis make -s MALLOC=libc OPTIMIZATION=-O2 redis-server redis-benchmark
run nginx sh -c './configure --with-threads --with-cc-opt="-O2 -g" --without-http_rewrite_module --without-http_gzip_module && make -s'
run sqlite3 sh -c './configure -q --disable-tcl && make -s sqlite3.c sqlite3'
run python3.11 sh -c './configure -q && make -s python'
