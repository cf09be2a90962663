/* SPDX-License-Identifier: Apache-2.0 */
/* Programs print the addresses in themselves that are asked for, and what stands there. */
#include "lockprof/resolve/symbols.h"

#include "modules_fixture.h"

/* Compiles and runs the program, which writes addresses and its mappings to `out`; the addresses are returned. */
static void run(struct fixture *f, const char *compiler, const char *source, unsigned long addresses[4])
{
    char command[400];
    target_write(&f->target, "prog.c", source);
    snprintf(command, sizeof command, "rm -f prog out && %s -o prog prog.c && ./prog && cat out.maps >> out", compiler);
    target_run(&f->target, command);
    struct buf out = target_read(&f->target, "out");
    assert_int_equal(sscanf(out.data, "%lx %lx %lx %lx\n", &addresses[0], &addresses[1], &addresses[2], &addresses[3]),
                     4);
    open_text(f, strchr(out.data, '\n') + 1, NULL, 0, NULL);
    buf_fini(&out);
}

#define SAY_MAPS                                                                                                       \
    "#include <stdio.h>\n#include <stdlib.h>\n"                                                                        \
    "static void say(void *a, void *b, void *c, void *d) {\n"                                                          \
    "    FILE *out = fopen(\"out\", \"w\"); fprintf(out, \"%lx %lx %lx %lx\\n\", (long)a, (long)b, (long)c, "          \
    "(long)d);\n"                                                                                                      \
    "    fclose(out); char line[99]; snprintf(line, 99, \"cp /proc/%d/maps out.maps\", getpid()); system(line); }\n"

/* Line 8 is inlined into line 9, that into line 11. */
static const char inlined_c[] = "#include <unistd.h>\n" SAY_MAPS "static void *seen[4];\n"
                                "#define A static inline __attribute__((always_inline))\n"
                                "#line 8 \"deep.h\"\n"
                                "A void deepest(void) { asm volatile(\"1: lea 1b(%%rip),%0\" : \"=r\"(seen[0])); }\n"
                                "A void middle(void) { if (seen[3]) { puts(\"no\"); } deepest(); }\n"
                                "__attribute__((noinline)) void physical(int n) {\n"
                                "    if (n) { middle(); } seen[1] = &&here; here: asm volatile(\"nop\"); }\n"
                                "int main(void) { physical(getpid()); say(seen[0], seen[1], 0, 0); return 0; }\n";

static void test_inlined_functions(void **state)
{
    static const char *const compilers[] = {"gcc -w -g -O2",   "gcc -w -g1 -O2", "gcc -w -gdwarf-4 -O1",
                                            "clang -w -g -O1", "gcc -w -g -O0",  "gcc -w -g -O2 -gsplit-dwarf"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof compilers / sizeof compilers[0]; i++) {
        unsigned long at[4];
        struct place p[SYMBOLS_INLINE_MAX], few[2];
        print_message("  %s\n", compilers[i]);
        run(f, compilers[i], inlined_c, at);
        /* Asked twice: the second time from what was kept. */
        for (int again = 0; again < 2; again++) {
            assert_int_equal(symbols_places(f->modules, at[0], p, SYMBOLS_INLINE_MAX), 3);
            assert_string_equal(p[0].function, "deepest");
            assert_int_equal(p[0].line, 8);
            assert_non_null(strstr(p[0].file, "deep.h"));
            assert_string_equal(p[1].function, "middle");
            assert_int_equal(p[1].line, 9);
            assert_non_null(strstr(p[1].file, "deep.h"));
            assert_string_equal(p[2].function, "physical");
            assert_int_equal(p[2].line, 11);
            assert_int_equal(p[2].start_line, 10);
        }
        /* With less room the innermost and the physical one remain. */
        assert_int_equal(symbols_places(f->modules, at[0], few, 2), 2);
        assert_string_equal(few[0].function, "deepest");
        assert_string_equal(few[1].function, "physical");
        assert_int_equal(symbols_places(f->modules, at[0], few, 0), 0);
    }
}

static const char plain_c[] =
    "#include <unistd.h>\n" SAY_MAPS "int global_object[4];\n"
    "static int file_static[2];\n"
    "int *function_static(void) { static int counter[2]; counter[1]++; return counter; }\n"
    "extern int second_name[4] __attribute__((alias(\"global_object\"), weak));\n"
    "asm(\".data\\n.globl sizeless\\nsizeless: .quad 0\\n.text\\n\");\n"
    "extern char sizeless[];\n"
    "int main(void) { file_static[1] = getpid();\n"
    "    say(&global_object[1], &file_static[1], function_static() + 1, sizeless); return 0; }\n";

static void test_objects_by_their_symbols(void **state)
{
    static const char *const compilers[] = {"gcc -w -O0", "gcc -w -g -O2", "clang -w -O1", "gcc -w -no-pie -O1"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof compilers / sizeof compilers[0]; i++) {
        unsigned long at[4];
        uint64_t offset = 0;
        struct place place;
        run(f, compilers[i], plain_c, at);
        /* Of two names at one place the global one. */
        assert_string_equal(symbols_object(f->modules, at[0], &offset), "global_object");
        assert_int_equal(offset, 4);
        assert_string_equal(symbols_object(f->modules, at[1], &offset), "file_static");
        assert_int_equal(offset, 4);
        const char *name = symbols_object(f->modules, at[2], &offset);
        /* gcc calls it counter.N, clang function_static.counter. */
        assert_true(strcmp(name, "counter") == 0 || strcmp(name, "function_static") == 0);
        assert_int_equal(offset, 4);
        assert_null(symbols_object(f->modules, at[3], &offset));
        assert_null(symbols_object(f->modules, 16, &offset));
        assert_int_equal(symbols_places(f->modules, 16, &place, 1), 1);
        assert_null(place.function);
        assert_null(place.file);
    }
}

static const char functions_c[] =
    "#include <unistd.h>\n" SAY_MAPS "__attribute__((noinline)) static int hidden(int n) { return n * getpid(); }\n"
    "__attribute__((noinline)) int outer(int n) {\n"
    "    int nested(int k) { return k + n + getpid(); }\n"
    "    int (*volatile call)(int) = nested; void *code = 0; code = (void *)nested; return call(2) + (code == 0); }\n"
    "int main(void) { say((void *)hidden, (void *)outer, 0, 0); return hidden(outer(1)) == 3; }\n";

static void test_functions_without_debug_information(void **state)
{
    struct fixture *f = *state;
    unsigned long at[4];
    struct place place;
    run(f, "gcc -w -O2", functions_c, at);
    assert_int_equal(symbols_places(f->modules, at[0] + 1, &place, 1), 1);
    assert_string_equal(place.function, "hidden");
    assert_null(place.file);
    assert_int_equal(place.line, 0);
    run(f, "gcc -w -O2 -s", functions_c, at);
    assert_int_equal(symbols_places(f->modules, at[0] + 1, &place, 1), 1);
    assert_null(place.function);
    run(f, "gcc -w -O2 -g", functions_c, at);
    assert_int_equal(symbols_places(f->modules, at[0], &place, 1), 1);
    assert_string_equal(place.function, "hidden");
    assert_true(place.line > 0 && place.line == place.start_line);
}

/* A function inside a function is not among the unit's own. */
static void test_nested_functions(void **state)
{
    struct fixture *f = *state;
    unsigned long at[4];
    struct buf address;
    struct place place;
    Dwarf_Die function, unit;
    Dwarf_Addr bias;
    run(f, "gcc -w -O1 -g -no-pie -z execstack", functions_c, at);
    target_run(&f->target, "nm prog | sed -n 's/ t nested.*//p' > address");
    address = target_read(&f->target, "address");
    uint64_t nested = strtoull(address.data, NULL, 16);
    buf_fini(&address);
    assert_int_equal(symbols_places(f->modules, nested + 1, &place, 1), 1);
    assert_string_equal(place.function, "nested");
    assert_true(modules_function(f->modules, nested, &function, &unit, &bias));
    assert_string_equal(dwarf_diename(&function), "nested");
    assert_true(modules_function(f->modules, at[1], &function, &unit, &bias));
    assert_string_equal(dwarf_diename(&function), "outer");
}

static const char classes_cc[] =
    "#include <unistd.h>\n" SAY_MAPS "namespace deep { namespace er { struct thing { int n;\n"
    "    __attribute__((noinline)) void *method(int k) { n += k;\n"
    "        return __builtin_return_address(0); } }; } }\n"
    "__attribute__((noinline)) void *caller(deep::er::thing *t) {\n"
    "    void *got = t->method(getpid()); t->n++; return got; }\n"
    "int main(void) { deep::er::thing t = {1};\n"
    "    void *(deep::er::thing::*p)(int) = &deep::er::thing::method; void *code;\n"
    "    __builtin_memcpy(&code, &p, sizeof code); say(code, caller(&t), 0, 0); return 0; }\n";

static void test_linkage_names(void **state)
{
    struct fixture *f = *state;
    unsigned long at[4];
    struct place place;
    static const char *const compilers[] = {"g++ -w -x c++ -g -O2", "clang++ -w -x c++ -g -O1", "g++ -w -x c++ -O1"};
    for (size_t i = 0; i < sizeof compilers / sizeof compilers[0]; i++) {
        run(f, compilers[i], classes_cc, at);
        assert_int_equal(symbols_places(f->modules, at[0], &place, 1), 1);
        assert_string_equal(place.function, "_ZN4deep2er5thing6methodEi");
        assert_int_equal(symbols_places(f->modules, at[1] - 1, &place, 1), 1);
        assert_string_equal(place.function, "_Z6callerPN4deep2er5thingE");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_inlined_functions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_objects_by_their_symbols, setup, teardown),
        cmocka_unit_test_setup_teardown(test_functions_without_debug_information, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nested_functions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_linkage_names, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
