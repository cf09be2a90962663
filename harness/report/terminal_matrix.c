/* SPDX-License-Identifier: Apache-2.0 */
/* Locks x workers, where several workers run the same workload: which of them loses which name in its collector.
 * Workers whose columns are equal in each row share one. */
#include "report/terminal_parts.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* With two workers the table of locks and stages says more. */
#define WORKERS_MIN 3
#define GAP "  "
#define GAP_SIZE 2
/* A lock's name keeps so many columns; further workers stand in a second table. */
#define NAME_MIN 24
/* Letters that stand for several workers, or for one with a long name. */
#define LETTERS_MAX 26
/* As wide as the widest cell: "mangled" or "generic", and a mark. */
#define CELL_SIZE 8
/* What a worker without the lock shows. */
#define NO_LOCK SIZE_MAX

static const char *const words[STATE_COUNT] = {"exact", "mangled", "alias", "generic", "absent", "few", "-"};

struct matrix {
    const struct terminal *t;
    const char **workers; /* those that have locks, in the scenario's order */
    size_t worker_count;
    const char **ids; /* of the locks, each once */
    size_t id_count;
    size_t *cells;  /* [id * worker_count + worker]: a lock of the trail, or NO_LOCK */
    size_t *column; /* for each worker: the first one whose cells are equal to its own */
};

static size_t find_text(const char *const *texts, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(texts[i], text) == 0)
            return i;
    return count;
}

static const struct lock *lock_of(const struct matrix *m, size_t place)
{
    return &m->t->ev->ledger.locks[m->t->ev->trail.locks[place].lock];
}

static void find_axes(struct matrix *m)
{
    const struct evidence *ev = m->t->ev;
    bool *has_locks = mem_calloc(ev->scenario->worker_count, sizeof *has_locks);
    m->workers = mem_calloc(ev->scenario->worker_count, sizeof *m->workers);
    m->ids = mem_calloc(ev->trail.lock_count, sizeof *m->ids);
    for (size_t i = 0; i < ev->trail.lock_count; i++) {
        const struct lock *lock = lock_of(m, i);
        for (size_t w = 0; w < ev->scenario->worker_count; w++)
            has_locks[w] = has_locks[w] || strcmp(ev->scenario->workers[w].name, lock->worker) == 0;
        if (find_text(m->ids, m->id_count, lock->id) == m->id_count)
            m->ids[m->id_count++] = lock->id;
    }
    for (size_t w = 0; w < ev->scenario->worker_count; w++)
        if (has_locks[w])
            m->workers[m->worker_count++] = ev->scenario->workers[w].name;
    free(has_locks);
}

/* Whether some lock is there often enough to be compared. */
static bool fill_cells(struct matrix *m)
{
    bool shared = false;
    m->cells = mem_calloc(m->id_count * m->worker_count, sizeof *m->cells);
    for (size_t i = 0; i < m->id_count * m->worker_count; i++)
        m->cells[i] = NO_LOCK;
    for (size_t i = 0; i < m->t->ev->trail.lock_count; i++) {
        const struct lock *lock = lock_of(m, i);
        size_t id = find_text(m->ids, m->id_count, lock->id);
        size_t worker = find_text(m->workers, m->worker_count, lock->worker);
        if (worker < m->worker_count)
            m->cells[id * m->worker_count + worker] = i;
    }
    for (size_t id = 0; id < m->id_count && !shared; id++) {
        size_t there = 0;
        for (size_t w = 0; w < m->worker_count; w++)
            there += m->cells[id * m->worker_count + w] != NO_LOCK;
        shared = there >= WORKERS_MIN;
    }
    return shared;
}

/* The collector's state, `!` where the counts differ there, `>` where the name is lost behind it. */
static void describe_cell(const struct matrix *m, size_t cell, char out[CELL_SIZE + 1])
{
    out[0] = '\0';
    if (cell == NO_LOCK)
        return;
    const struct trail_lock *lock = &m->t->ev->trail.locks[cell];
    const struct stage_result *r = &lock->stages[STAGE_COLLECTOR];
    strcpy(out, words[r->state]);
    if (lock->lost && lock->loss.stage > STAGE_COLLECTOR)
        strcat(out, ">");
    else if (r->samples > 0 && r->count_checked && !r->count_equal)
        strcat(out, "!");
}

static bool is_lost(const struct matrix *m, size_t cell)
{
    return cell != NO_LOCK && m->t->ev->trail.locks[cell].lost;
}

static bool same_column(const struct matrix *m, size_t a, size_t b)
{
    for (size_t id = 0; id < m->id_count; id++) {
        const size_t *row = m->cells + id * m->worker_count;
        char first[CELL_SIZE + 1], second[CELL_SIZE + 1];
        describe_cell(m, row[a], first);
        describe_cell(m, row[b], second);
        if (strcmp(first, second) != 0 || is_lost(m, row[a]) != is_lost(m, row[b]))
            return false;
    }
    return true;
}

static void fold_columns(struct matrix *m)
{
    m->column = mem_calloc(m->worker_count, sizeof *m->column);
    for (size_t w = 0; w < m->worker_count; w++) {
        m->column[w] = w;
        for (size_t before = 0; before < w && m->column[w] == w; before++)
            if (m->column[before] == before && same_column(m, before, w))
                m->column[w] = before;
    }
}

static size_t column_members(const struct matrix *m, size_t column)
{
    size_t count = 0;
    for (size_t w = 0; w < m->worker_count; w++)
        count += m->column[w] == column;
    return count;
}

static bool has_own_head(const struct matrix *m, size_t column)
{
    return column_members(m, column) == 1 && text_columns(m->workers[column]) <= CELL_SIZE;
}

/* A column is headed by its only worker where that fits, else by a letter or a number that the legend explains. */
static void add_head(const struct matrix *m, const size_t *columns, size_t place, struct buf *head)
{
    size_t letter = 0;
    buf_clear(head);
    for (size_t c = 0; c < place; c++)
        letter += !has_own_head(m, columns[c]);
    if (has_own_head(m, columns[place]))
        text_add_clean(head, m->workers[columns[place]]);
    else if (letter < LETTERS_MAX)
        buf_add_char(head, (char)('A' + letter));
    else
        buf_printf(head, "%zu", letter + 1);
}

static void end_line(struct buf *out)
{
    while (out->size > 0 && out->data[out->size - 1] == ' ')
        out->data[--out->size] = '\0';
    buf_add_char(out, '\n');
}

static void add_cell(const struct matrix *m, size_t cell)
{
    char word[CELL_SIZE + 1];
    describe_cell(m, cell, word);
    enum text_colour colour = TEXT_PLAIN;
    if (is_lost(m, cell))
        colour = TEXT_RED;
    else if (cell != NO_LOCK && m->t->ev->trail.locks[cell].stages[STAGE_COLLECTOR].state == STATE_UNDERSAMPLED)
        colour = TEXT_YELLOW;
    else if (cell != NO_LOCK && !m->t->ev->trail.locks[cell].known_limit)
        colour = TEXT_GREEN;
    buf_add_str(m->t->out, GAP);
    text_add_cell(m->t->out, word, CELL_SIZE, false, terminal_colour(m->t, colour));
}

/* The columns from `first` to `end` of those that are not folded away. */
static void add_table(const struct matrix *m, const size_t *columns, size_t first, size_t end, size_t name_width)
{
    struct buf *out = m->t->out, head = {0};
    buf_add_char(out, '\n');
    text_add_cell(out, "LOCK", name_width, false, TEXT_PLAIN);
    for (size_t c = first; c < end; c++) {
        add_head(m, columns, c, &head);
        buf_add_str(out, GAP);
        text_add_cell(out, head.data, CELL_SIZE, false, TEXT_PLAIN);
    }
    end_line(out);
    for (size_t id = 0; id < m->id_count; id++) {
        text_add_cell(out, m->ids[id], name_width, false, TEXT_PLAIN);
        for (size_t c = first; c < end; c++)
            add_cell(m, m->cells[id * m->worker_count + columns[c]]);
        end_line(out);
    }
    buf_fini(&head);
}

static void add_workers(const struct matrix *m, const size_t *columns, size_t count)
{
    struct buf head = {0};
    for (size_t c = 0; c < count; c++) {
        struct buf list = {0};
        add_head(m, columns, c, &head);
        for (size_t w = 0; w < m->worker_count; w++)
            if (m->column[w] == columns[c])
                buf_printf(&list, "%s%s", list.size ? ", " : "", m->workers[w]);
        if (!has_own_head(m, columns[c])) {
            buf_printf(m->t->out, "%-8s ", head.data);
            text_add_wrapped(m->t->out, list.data, 9);
        }
        buf_fini(&list);
    }
    buf_fini(&head);
}

static size_t longest_id(const struct matrix *m)
{
    size_t longest = strlen("LOCK");
    for (size_t i = 0; i < m->id_count; i++) {
        size_t columns = text_columns(m->ids[i]);
        longest = columns > longest ? columns : longest;
    }
    return longest;
}

static void add_legend(const struct matrix *m)
{
    static const bool shown[STAGE_COUNT] = {[STAGE_COLLECTOR] = true};
    bool later = false;
    for (size_t i = 0; i < m->t->ev->trail.lock_count; i++) {
        const struct trail_lock *lock = &m->t->ev->trail.locks[i];
        later = later || (lock->lost && lock->loss.stage > STAGE_COLLECTOR);
    }
    terminal_legend(m->t, shown);
    if (later)
        buf_printf(m->t->out, "%-8s %s\n", ">", "lost at a later stage");
}

static void add_tables(const struct matrix *m)
{
    size_t *columns = mem_calloc(m->worker_count, sizeof *columns), count = 0, name = longest_id(m);
    for (size_t w = 0; w < m->worker_count; w++)
        if (m->column[w] == w)
            columns[count++] = w;
    size_t most = (TEXT_WIDTH - NAME_MIN) / (CELL_SIZE + GAP_SIZE), here = count < most ? count : most;
    size_t room = TEXT_WIDTH - here * (CELL_SIZE + GAP_SIZE);
    buf_add_str(m->t->out, "\nEach lock in the collector of each worker:\n");
    for (size_t first = 0; first < count; first += most)
        add_table(m, columns, first, first + most < count ? first + most : count, name < room ? name : room);
    buf_add_char(m->t->out, '\n');
    add_workers(m, columns, count);
    free(columns);
    add_legend(m);
}

bool terminal_matrix(const struct terminal *t)
{
    struct matrix m = {.t = t};
    find_axes(&m);
    bool shown = m.worker_count >= WORKERS_MIN && fill_cells(&m);
    if (shown) {
        fold_columns(&m);
        add_tables(&m);
    }
    free(m.workers);
    free(m.ids);
    free(m.cells);
    free(m.column);
    return shown;
}
