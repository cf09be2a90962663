/* SPDX-License-Identifier: Apache-2.0 */
#include "report/matrix.h"

#include "base/mem.h"
#include "report/matrix_parts.h"

#include <stdlib.h>

static enum verdict find_verdict(const struct matrix_report *r)
{
    enum verdict worst = VERDICT_SUCCESS;
    for (size_t i = 0; i < r->mine_count; i++)
        if (matrix_cell_record_at(r, i)->attempt_count > 0 && verdict_compare(r->mine[i].counted, worst) < 0)
            worst = r->mine[i].counted;
    bool lacks = r->not_run_count > 0 || r->record->missing_count > 0;
    return worst == VERDICT_SUCCESS && lacks ? VERDICT_INCONCLUSIVE : worst;
}

struct matrix_report *matrix_report_new(const struct matrix_record *record, const struct matrix_known *known)
{
    struct matrix_report *r = mem_calloc(1, sizeof *r);
    r->record = record;
    r->known = *known;
    matrix_find_cells(r);
    matrix_find_losses(r);
    matrix_find_standings(r);
    matrix_find_flaky(r);
    matrix_find_groups(r);
    matrix_explain_groups(r);
    r->verdict = find_verdict(r);
    return r;
}

void matrix_report_free(struct matrix_report *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->group_count; i++) {
        free(r->groups[i].subjects);
        free(r->groups[i].points);
        explain_result_fini(&r->groups[i].result);
        for (size_t c = 0; c < r->groups[i].cause_count; c++)
            explain_result_fini(&r->groups[i].causes[c].result);
        for (size_t k = 0; k < r->groups[i].reason_count; k++)
            explain_result_fini(&r->groups[i].reasons[k].result);
    }
    for (size_t i = 0; i < r->gone_count; i++)
        free(r->gone[i].cell);
    free(r->mine);
    free(r->points);
    free(r->subjects);
    free(r->losses);
    free(r->hits);
    free(r->groups);
    free(r->flaky);
    free(r->flaky_subjects);
    free(r->gone);
    free(r->matched);
    free(r);
}

enum verdict matrix_report_verdict(const struct matrix_report *r)
{
    return r->verdict;
}

int matrix_report_exit_code(const struct matrix_report *r)
{
    return r->record->interrupted ? ERR_INTERRUPTED : verdict_exit_code(r->verdict);
}
