/* SPDX-License-Identifier: Apache-2.0 */
#include "trail/explain_internal.h"

#include <math.h>

static double log2_factorial(double n)
{
    int sign;
    return lgamma_r(n + 1, &sign) / log(2);
}

double bits_choose(double n, double k)
{
    return log2_factorial(n) - log2_factorial(k) - log2_factorial(n - k);
}

double bits_conditions(size_t count, size_t atoms)
{
    /* Formulas of `and` and `or` in which each of n labelled operands stands once: 1, 2, 8, 52 (series-parallel
     * networks, OEIS A006351), and n! orders of the operands give each of them. */
    static const double shapes[EXPLAIN_ATOMS_MAX + 1] = {1, 1, 1, 8.0 / 6, 52.0 / 24};
    return (double)atoms * log2(count > 0 ? (double)count : 1) + log2(shapes[atoms]);
}
