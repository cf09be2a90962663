#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A matrix as an array job of Slurm: each task runs one shard, and a job behind them merges.
#
#   slurm.sh MATRIX DIRECTORY [SHARDS]     submits both and waits; exits with the code of the merged report
#
# DIRECTORY must be seen by all nodes, and LOCKTRAIL is the program (default: locktrail of PATH). What sbatch needs
# beside that (partition, account, time) goes into SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_TIMELIMIT.
set -u
if [ $# -lt 2 ]; then
    echo "usage: $0 MATRIX DIRECTORY [SHARDS]" >&2
    exit 64
fi
matrix=$1 directory=$2 shards=${3:-4}
locktrail=${LOCKTRAIL:-locktrail}

submit() {
    mkdir -p "$directory" || exit 73
    array=$(sbatch --parsable --job-name=locktrail --array="1-$shards" --cpus-per-task="${LOCKTRAIL_CPUS:-2}" \
        --output="$directory/shard-%a.log" "$0" "$@") || exit
    # A shard with losses has not gone wrong, so the merge comes in any case; it refuses where a shard is missing.
    LOCKTRAIL_STEP=merge sbatch --quiet --wait --job-name=locktrail-merge --dependency="afterany:$array" \
        --output="$directory/merge.log" "$0" "$@"
}

run_shard() {
    out=$directory/shard-$SLURM_ARRAY_TASK_ID
    # A task that was requeued goes on where it was.
    if [ -e "$out/matrix.json" ]; then
        exec "$locktrail" matrix --resume "$out" -j "$SLURM_CPUS_PER_TASK"
    fi
    exec "$locktrail" matrix "$matrix" --shard auto --out "$out" -j "$SLURM_CPUS_PER_TASK"
}

case ${SLURM_ARRAY_TASK_ID:+shard}${LOCKTRAIL_STEP:-} in
shard) run_shard ;;
merge) exec "$locktrail" merge "$directory"/shard-*/ --out "$directory/merged" ;;
*) submit "$@" ;;
esac
