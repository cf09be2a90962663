#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A matrix on several machines with GNU parallel, over ssh: each runs one shard, then the results come here and are
# merged.
#
#   gnu-parallel.sh MATRIX DIRECTORY [SHARDS]     exits with the code of the merged report
#
# LOCKTRAIL is the program on each machine (default: locktrail of its PATH). PARALLEL_OPTIONS says where: `--sshlogin
# host1,host2 --workdir /shared/place` for machines that see the same files; without it all runs here.
set -u
if [ $# -lt 2 ]; then
    echo "usage: $0 MATRIX DIRECTORY [SHARDS]" >&2
    exit 64
fi
matrix=$1 directory=$2 shards=${3:-4}
locktrail=${LOCKTRAIL:-locktrail}
mkdir -p "$directory" || exit 73

# A shard with losses exits with its verdict, which is not parallel's to judge.
# shellcheck disable=SC2086
parallel --jobs "${LOCKTRAIL_JOBS:-2}" ${PARALLEL_OPTIONS:-} \
    "$locktrail" matrix "$matrix" --shard "{}/$shards" --out "$directory/shard-{}" -j 1 ">" "$directory/shard-{}.log" "2>&1" \
    ::: $(seq "$shards")
exec "$locktrail" merge "$directory"/shard-*/ --out "$directory/merged"
