/* SPDX-License-Identifier: Apache-2.0 */
/* How many cells of a matrix fit side by side. */
#ifndef LOCKTRAIL_ENGINE_MATRIX_BUDGET_H
#define LOCKTRAIL_ENGINE_MATRIX_BUDGET_H

#include <stdint.h>

/* Processors that this process may use: those of its affinity, or less where its control group (v2) or one above has a
 * quota, as in a container, a pod or a job of a cluster. At least a hundredth. `root` stands before /proc and /sys: ""
 * but in tests. */
double matrix_budget_cpus(const char *root);

/* Bytes that are free now (MemAvailable), or less where the control group leaves less. 0: can't be told. */
uint64_t matrix_budget_memory(const char *root);

struct matrix_budget {
    unsigned jobs;          /* 0: as the rest allows */
    double cpus, cell_cpus; /* both above 0 */
    uint64_t memory;        /* 0: can't be told */
    uint64_t cell_memory;   /* 0: not looked at */
};

/* Cells at once, at least one: a cell that needs more than there is runs alone. */
unsigned matrix_budget_at_once(const struct matrix_budget *budget);

#endif
