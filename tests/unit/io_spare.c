/* SPDX-License-Identifier: Apache-2.0 */
#include "io/spare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct buf of_size(size_t size)
{
    struct buf b = {0};
    buf_reserve(&b, size);
    buf_add_str(&b, "x");
    return b;
}

static void a_buffer_is_used_again(void **state)
{
    struct spare s = {0};
    struct buf b = of_size(100000);
    const char *data = b.data;
    (void)state;
    spare_give(&s, &b);
    assert_null(b.data);
    b = spare_take(&s, 90000);
    assert_ptr_equal(b.data, data);
    assert_int_equal(b.size, 0);
    assert_string_equal(b.data, "");
    struct buf other = spare_take(&s, 90000);
    assert_ptr_not_equal(other.data, data);
    assert_true(other.capacity > 90000);
    buf_fini(&b);
    buf_fini(&other);
    spare_fini(&s);
}

static void the_smallest_that_fits_is_taken(void **state)
{
    struct spare s = {0};
    static const size_t sizes[] = {300000, 100000, 200000};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct buf b = of_size(sizes[i]);
        spare_give(&s, &b);
    }
    struct buf b = spare_take(&s, 150000);
    assert_int_equal(b.capacity, 200001);
    buf_fini(&b);
    b = spare_take(&s, 150000);
    assert_int_equal(b.capacity, 300001);
    buf_fini(&b);
    b = spare_take(&s, 150000); /* none is left that has room */
    assert_int_equal(b.capacity, 150001);
    buf_fini(&b);
    spare_fini(&s);
}

static void what_is_kept_is_bounded(void **state)
{
    struct spare s = {0};
    static const size_t sizes[] = {1, SPARE_MIN - 2, SPARE_MAX + 1};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct buf b = of_size(sizes[i]);
        spare_give(&s, &b);
        assert_int_equal(s.bytes, 0);
    }
    for (size_t i = 0; i < 100; i++) {
        struct buf b = of_size(i % 2 == 0 ? SPARE_MAX : SPARE_MIN);
        spare_give(&s, &b);
        assert_null(b.data);
        assert_in_range(s.bytes, 1, SPARE_BYTES_MAX);
    }
    struct buf b = spare_take(&s, (uint64_t)1 << 40); /* not more than SPARE_MAX on somebody's word */
    assert_int_equal(b.capacity, SPARE_MAX + 1);
    buf_fini(&b);
    b = spare_take(&s, 0);
    assert_null(b.data);
    spare_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_buffer_is_used_again),
        cmocka_unit_test(the_smallest_that_fits_is_taken),
        cmocka_unit_test(what_is_kept_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
