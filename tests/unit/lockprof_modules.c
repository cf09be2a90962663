/* SPDX-License-Identifier: Apache-2.0 */
/* Programs are compiled in all ways in which debug information can be kept; each prints the list of its mappings and
 * some addresses, in place of a captured process. */
#include "lockprof/resolve/modules.h"

#include "modules_fixture.h"

#include "lockprof/resolve/symbols.h"

#include <dwarf.h>
#include <string.h>

static const char main_c[] = "#include <stdio.h>\n"
                             "int work(int);\n"
                             "extern char far_bss[];\n"
                             "static const char words[] = \"read-only words\";\n"
                             "int variable = 1;\n"
                             "__thread int thread_variable = 2;\n"
                             "int main(void)\n"
                             "{\n"
                             "    char block[4096];\n"
                             "    FILE *maps = fopen(\"/proc/self/maps\", \"r\");\n"
                             "    FILE *out = fopen(\"out\", \"w\");\n"
                             "    fprintf(out, \"%lx %lx %lx %lx %lx %x\\n\", (long)work, (long)main,\n"
                             "            (long)&variable, (long)(far_bss + (1 << 20) - 8), (long)words,\n"
                             "            thread_variable);\n"
                             "    for (size_t got; (got = fread(block, 1, sizeof block, maps)) > 0;)\n"
                             "        fwrite(block, 1, got, out);\n"
                             "    return work(3) + fclose(out) - 9;\n"
                             "}\n";
static const char work_c[] = "char far_bss[1 << 20];\n"
                             "volatile int sink;\n"
                             "__attribute__((noinline)) int work(int n)\n"
                             "{\n"
                             "    int square = n * n;\n"
                             "    sink = square;\n"
                             "    far_bss[n] = 1;\n"
                             "    return square;\n"
                             "}\n";

/* In the program that ran last. */
static struct {
    uint64_t work, main, variable, far_bss, words;
} at;

static int setup_sources(void **state)
{
    int result = setup(state);
    const struct fixture *f = *state;
    target_write(&f->target, "main.c", main_c);
    target_write(&f->target, "work.c", work_c);
    return result;
}

/* What the program wrote to `out`. */
static void open_target(struct fixture *f, const char *debug_directory)
{
    char path[128];
    struct buf out = target_read(&f->target, "out");
    unsigned long a[6];
    assert_int_equal(sscanf(out.data, "%lx %lx %lx %lx %lx %lx\n", &a[0], &a[1], &a[2], &a[3], &a[4], &a[5]), 6);
    at.work = a[0];
    at.main = a[1];
    at.variable = a[2];
    at.far_bss = a[3];
    at.words = a[4];
    snprintf(path, sizeof path, "%s/%s", f->target.directory, debug_directory != NULL ? debug_directory : "");
    struct modules_options options = {.debug_directory = debug_directory != NULL ? path : NULL};
    open_text(f, strchr(out.data, '\n') + 1, NULL, 0, &options);
    buf_fini(&out);
}

/* Whether a variable has a place, everywhere in its function or in a part of it. */
static bool location_lies_in(Dwarf_Die *variable, Dwarf_Addr function)
{
    Dwarf_Attribute attribute;
    Dwarf_Addr base, start, end;
    Dwarf_Op *ops;
    size_t count;
    Dwarf_Attribute *location = dwarf_attr(variable, DW_AT_location, &attribute);
    if (location == NULL || dwarf_getlocations(location, 0, &base, &start, &end, &ops, &count) <= 0) {
        return false;
    }
    return count > 0 && (end == UINT64_MAX || (start >= function && end > start && end < function + 200));
}

/* Link-time optimization makes units of its own. */
static bool is_unit(Dwarf_Die *unit, const char *source)
{
    return strstr(dwarf_diename(unit), source) != NULL || strcmp(dwarf_diename(unit), "<artificial>") == 0;
}

/* The function at `work` with its local variable, by the debug information. */
static void assert_full(struct fixture *f)
{
    Dwarf_Die function, unit, child;
    Dwarf_Addr bias;
    bool square = false;
    if (!modules_function(f->modules, at.work + 1, &function, &unit, &bias)) {
        fail_msg("no function: %s", modules_find(f->modules, at.work)->why);
    }
    assert_string_equal(dwarf_diename(&function), "work");
    assert_true(is_unit(&unit, "work.c"));
    assert_int_equal(dwarf_child(&function, &child), 0);
    do {
        Dwarf_Attribute attribute;
        const char *name = dwarf_diename(&child);
        if (name != NULL && strcmp(name, "square") == 0) {
            /* Its type is followed, and its location is read. */
            Dwarf_Die type;
            assert_non_null(dwarf_formref_die(dwarf_attr_integrate(&child, DW_AT_type, &attribute), &type));
            assert_string_equal(dwarf_diename(&type), "int");
            square = location_lies_in(&child, at.work - bias);
        }
    } while (dwarf_siblingof(&child, &child) == 0);
    assert_true(square);
    struct place place;
    assert_int_equal(symbols_places(f->modules, at.work, &place, 1), 1);
    assert_string_equal(place.function, "work");
    assert_int_equal(place.start_line, 3);
    assert_in_range(place.line, 4, 5); /* the prologue may be empty */
    assert_non_null(strstr(place.file, "work.c"));
    assert_true(modules_unit(f->modules, at.main + 1, &unit, &bias));
    assert_true(is_unit(&unit, "main.c"));
    assert_string_equal(modules_find(f->modules, at.work)->why, "");
}

#define DWO(compiler)                                                                                                  \
    compiler " -g -gsplit-dwarf -c main.c && " compiler " -g -gsplit-dwarf -c work.c && " compiler                     \
             " -o prog main.o work.o"
#define LINKED                                                                                                         \
    "gcc -g -O1 -Wl,--build-id=none -o prog main.c work.c && objcopy --only-keep-debug prog prog.debug && "            \
    "strip -g prog && objcopy --add-gnu-debuglink=prog.debug prog"

struct variant {
    const char *command; /* makes ./prog and runs it as ./prog */
    const char *directory;
};

static const struct variant full[] = {
    {"gcc -g -O0 -o prog main.c work.c && ./prog", NULL},
    {"gcc -g -O2 -o prog main.c work.c && ./prog", NULL},
    {"gcc -g -O2 -no-pie -o prog main.c work.c && ./prog", NULL},
    {"gcc -g -O2 -flto -o prog main.c work.c && ./prog", NULL},
    {"gcc -gdwarf-4 -O1 -o prog main.c work.c && ./prog", NULL},
    {"gcc -gdwarf-3 -gstrict-dwarf -O0 -o prog main.c work.c && ./prog", NULL},
    {"gcc -g -gz -O1 -o prog main.c work.c && ./prog", NULL},
    {"gcc -g -gz=zlib-gnu -O1 -o prog main.c work.c && ./prog", NULL},
    {"clang -g -O0 -o prog main.c work.c && ./prog", NULL},
    {"clang -g -O2 -o prog main.c work.c && ./prog", NULL},
    {"clang -gdwarf-4 -O2 -o prog main.c work.c && ./prog", NULL},
    {"clang -g -c main.c && gcc -g -c work.c && gcc -o prog main.o work.o && ./prog", NULL},
    {LINKED " && ./prog", NULL},
    {LINKED " && mkdir .debug && mv prog.debug .debug && ./prog", NULL},
    {LINKED " && mkdir -p dbg$PWD && mv prog.debug dbg$PWD && ./prog", "dbg"},
    {LINKED " && mkdir -p dbg && mv prog.debug dbg && ./prog", "dbg"},
    {"gcc -g -O1 -Wl,--build-id=0xabcdef0123456789 -o prog main.c work.c && mkdir -p dbg/.build-id/ab && "
     "objcopy --only-keep-debug prog dbg/.build-id/ab/cdef0123456789.debug && strip -g prog && ./prog",
     "dbg"},
    {"gcc -g -O1 -o prog main.c work.c && gcc -g -O1 -o other main.c work.c && dwz -m common.dwz prog other && "
     "readelf -S prog | grep -q gnu_debugaltlink && ./prog",
     NULL},
    {"gcc -g -O1 -o prog main.c work.c && gcc -g -O1 -o other main.c work.c && dwz -m common.dwz prog other && "
     "mkdir -p dbg && id=$(readelf -n common.dwz | sed -n 's/.*Build ID: //p') && mkdir -p "
     "dbg/.build-id/${id%${id#??}} && "
     "mv common.dwz dbg/.build-id/${id%${id#??}}/${id#??}.debug && ./prog",
     "dbg"},
    {DWO("gcc -O1") " && ./prog", NULL},
    {DWO("gcc -O2 -gdwarf-4") " && ./prog", NULL},
    {DWO("clang -O1") " && ./prog", NULL},
    {DWO("clang -O2 -gdwarf-4") " && ./prog", NULL},
    {DWO("gcc -O1 -gz") " && ./prog", NULL},
    {"mkdir build && (cd build && gcc -g -gsplit-dwarf -I.. -c ../main.c ../work.c) && gcc -o prog build/*.o && "
     "mv build/*.dwo . && rmdir build 2>/dev/null || rm -r build; ./prog",
     NULL},
    /* gcc's DWARF 5 can't be packaged here: dwp of binutils 2.40 crashes on it, llvm-dwp 14 does not end. */
    {DWO("gcc -O2 -gdwarf-4") " && dwp -e prog && rm *.dwo && ./prog", NULL},
    {"mkdir obj && clang -g -gsplit-dwarf -c main.c -o obj/main.o && clang -g -gsplit-dwarf -c work.c -o obj/work.o && "
     "clang -o prog obj/*.o && mv obj/*.dwo . && rm -r obj && ./prog",
     NULL},
    {"mkdir obj && gcc -g -gsplit-dwarf -c main.c -o obj/main.o && gcc -g -gsplit-dwarf -c work.c -o obj/work.o && "
     "gcc -o prog obj/*.o && mv obj/*.dwo . && rm -r obj && ./prog",
     NULL},
    {DWO("clang -O0") " && llvm-dwp -e prog -o prog.dwp && rm *.dwo && ./prog", NULL},
    {DWO("clang -O2") " && llvm-dwp -e prog -o prog.dwp && rm *.dwo && ./prog", NULL},
    {DWO("clang -O2 -ffunction-sections") " && llvm-dwp -e prog -o prog.dwp && rm *.dwo && ./prog", NULL},
    {DWO("clang -O2 -gdwarf-4") " && llvm-dwp -e prog -o prog.dwp && rm *.dwo && ./prog", NULL},
    {DWO("clang -O1") " && mkdir -p dbg$PWD && llvm-dwp -e prog -o dbg$PWD/prog.dwp && rm *.dwo && ./prog", "dbg"},
};

static void test_debug_information_is_found(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof full / sizeof full[0]; i++) {
        print_message("  %s\n", full[i].command);
        target_run(&f->target, "rm -rf prog prog.* out dbg .debug *.o *.dwo *.dwz other build obj");
        target_run(&f->target, full[i].command);
        open_target(f, full[i].directory);
        assert_full(f);
    }
}

static const struct {
    const char *command, *why;
} without[] = {
    {"gcc -O1 -o prog main.c work.c && ./prog", "no debug information in it and no debug file for it"},
    {"gcc -O1 -g -s -o prog main.c work.c && ./prog", "no debug information in it and no debug file for it"},
    {LINKED " && echo >> prog.debug && ./prog", "%s/prog.debug is of another build"},
    {"gcc -g -O1 -Wl,--build-id=0xabcdef0123456789 -o prog main.c work.c && gcc -g -Wl,--build-id=0xabcdef0124456789 "
     "-o prog.debug "
     "main.c work.c && strip -g prog && objcopy --add-gnu-debuglink=prog.debug prog && ./prog",
     "%s/prog.debug is of another build"},
    {"gcc -g -O1 -Wl,--build-id=0xabcdef0123456789 -o prog main.c work.c && mkdir -p dbg/.build-id/ab && "
     "gcc -g -Wl,--build-id=0xabcdef0124456789 -o dbg/.build-id/ab/cdef0123456789.debug main.c work.c && strip -g prog "
     "&& ./prog",
     "no debug information in it and no debug file for it"},
};

static void test_why_there_is_no_debug_information(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        char why[256];
        Dwarf_Addr bias;
        target_run(&f->target, "rm -rf prog prog.* out dbg");
        target_run(&f->target, without[i].command);
        open_target(f, "dbg");
        const struct module *module = modules_find(f->modules, at.work);
        print_message("  %s\n", without[i].command);
        assert_null(modules_dwarf(f->modules, module, &bias));
        /* The formats are this table's. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(why, sizeof why, without[i].why, f->target.directory);
#pragma GCC diagnostic pop
        assert_string_equal(module->why, why);
    }
}

static void test_a_split_unit_that_is_gone_leaves_its_skeleton(void **state)
{
    struct fixture *f = *state;
    Dwarf_Die unit;
    Dwarf_Addr bias;
    struct place place;
    target_run(&f->target, DWO("gcc -O1") " && rm *.dwo && ./prog");
    open_target(f, NULL);
    assert_true(modules_unit(f->modules, at.work + 1, &unit, &bias));
    assert_int_equal(dwarf_tag(&unit), DW_TAG_skeleton_unit);
    assert_int_equal(symbols_places(f->modules, at.work, &place, 1), 1);
    assert_string_equal(place.function, "work");
    assert_in_range(place.line, 4, 5);
}

static void test_memory_of_modules(void **state)
{
    struct fixture *f = *state;
    char words[16];
    uint64_t offset;
    target_run(&f->target, "gcc -g -O1 -o prog main.c work.c && ./prog");
    open_target(f, NULL);
    const struct module *module = modules_find(f->modules, at.work);
    assert_string_equal(module->name, "prog");
    /* .bss beyond what the file maps belongs to the module. */
    assert_ptr_equal(modules_find(f->modules, at.far_bss), module);
    assert_ptr_equal(modules_find(f->modules, at.variable), module);
    assert_true(modules_read(f->modules, NULL, at.words, words, sizeof words));
    assert_string_equal(words, "read-only words");
    assert_false(modules_read(f->modules, NULL, at.variable, words, 4));
    assert_string_equal(symbols_object(f->modules, at.variable + 1, &offset), "variable");
    assert_int_equal(offset, 1);
    assert_string_equal(symbols_object(f->modules, at.far_bss, &offset), "far_bss");
    assert_string_equal(symbols_thread_local(module, 2, &offset), "thread_variable");
    assert_null(symbols_thread_local(module, 4, &offset));
    assert_null(symbols_object(f->modules, at.work, &offset));
    assert_null(modules_find(f->modules, 1));
    assert_int_equal(module->build_id_size, 20);
}

static void test_files_that_are_not_what_was_loaded(void **state)
{
    static const struct {
        const char *command, *why;
    } table[] = {
        {"rm prog", "its file can't be read: No such file or directory"},
        {"cp prog new && mv new prog", "its file was replaced since it was loaded"},
        {"cat main.c > prog", "its file is no x86-64 ELF file"},
        {"gcc -shared -fPIC -Wl,-z,max-page-size=2097152 -o new work.c && cat new > prog",
         "its file is not the one that was loaded"},
        {"sed -i 's,/prog$,/prog (deleted),' out", "its file is gone: it was deleted or replaced"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct place place;
        target_run(&f->target, "gcc -O1 -o prog main.c work.c && ./prog");
        target_run(&f->target, table[i].command);
        open_target(f, NULL);
        const struct module *module = modules_find(f->modules, at.work);
        assert_non_null(module);
        assert_null(module->dwfl);
        assert_string_equal(module->name, "prog");
        assert_string_equal(module->why, table[i].why);
        /* Addresses are shown as in the file: the program is position-independent. */
        assert_in_range(at.work - module->bias, 0x1000, 0x10000);
        assert_int_equal(symbols_places(f->modules, at.work, &place, 1), 1);
        assert_null(place.function);
        target_run(&f->target, "rm -f prog");
    }
}

static void test_paths_with_spaces(void **state)
{
    struct fixture *f = *state;
    target_run(&f->target, "gcc -g -O1 -o 'my prog (deleted' main.c work.c && './my prog (deleted'");
    open_target(f, NULL);
    assert_string_equal(modules_find(f->modules, at.work)->name, "my prog (deleted");
    assert_full(f);
}

static void test_files_are_shared(void **state)
{
    struct fixture *f = *state;
    struct module_files *files = module_files_new();
    struct modules_options options = {.files = files};
    struct capture_build build;
    struct capture_file file;
    struct modules *other;
    struct err e;
    target_run(&f->target, "gcc -g -O1 -o prog main.c work.c && ./prog");
    open_target(f, NULL);
    struct buf out = target_read(&f->target, "out");
    open_text(f, strchr(out.data, '\n') + 1, NULL, 0, &options);
    assert_full(f);
    capture_build_init(&build);
    uint64_t maps = capture_build_maps(&build, strchr(out.data, '\n') + 1, NULL, 0);
    assert_int_equal(capture_file_of(&file, build.bytes, build.size, &e), 0);
    assert_int_equal(modules_open(&other, &file, capture_file_maps(&file, maps), &options, &e), 0);
    assert_ptr_equal(modules_find(other, at.work)->dwfl, modules_find(f->modules, at.work)->dwfl);
    modules_free(other);
    capture_build_fini(&build);
    assert_full(f);
    close_modules(f);
    module_files_free(files);
    buf_fini(&out);
}

static void test_what_the_loader_told(void **state)
{
    struct fixture *f = *state;
    target_run(&f->target, "gcc -g -O1 -o prog main.c work.c && ./prog");
    open_target(f, NULL);
    uint64_t bias = modules_find(f->modules, at.work)->bias;
    struct buf out = target_read(&f->target, "out");
    const struct capture_module told[] = {
        {.bias = bias, .tls = 1, .phdr = bias + 64},
        {.bias = 12345, .tls = 7, .phdr = bias + 64},
        {.bias = 0, .tls = 3, .phdr = 1},
    };
    assert_false(modules_find(f->modules, at.work)->is_main);
    open_text(f, strchr(out.data, '\n') + 1, told, 3, NULL);
    const struct module *module = modules_find(f->modules, at.work);
    assert_true(module->is_main);
    assert_int_equal(module->tls, 1);
    assert_int_equal(module->bias, bias);
    buf_fini(&out);
}

static void test_lines_of_other_forms_are_passed_over(void **state)
{
    static const char text[] = "zzz\n"
                               "2000-1000 r-xp 00000000 00:00 0 /backward\n"
                               "1000-2000 r-xp 00000000 00:00 0\n"
                               "3000-4000 r-xp 00000000 00:00 0 [vdso]\n"
                               "5000-6000 r--p 00000000 00:00 7 /no where\n"
                               "6000-7000 r-xp 00001000 00:00 7 /no where\n"
                               "7000-8000 rw-p 00002000 00:00 7 /no where\n"
                               "8000-9000 r--p 00000000 00:00 8 /data only\n"
                               "fffffffffffffffff-2 r-xp 0 00:00 0 /x\n"
                               "a000-b000 r-x\n"
                               "c000-d000 r-xp 00000000 00:00 9 /new\\012line (deleted)\n"
                               "e000-f000 r-xp 00000000 00:00 9 /cut";
    struct fixture *f = *state;
    open_text(f, text, NULL, 0, NULL);
    assert_int_equal(modules_count(f->modules), 2);
    const struct module *module = modules_at(f->modules, 0);
    assert_string_equal(module->path, "/no where");
    assert_int_equal(module->start, 0x5000);
    assert_int_equal(module->end, 0x8000);
    assert_int_equal(module->bias, 0x5000);
    assert_string_equal(modules_at(f->modules, 1)->path, "/new\nline");
    assert_null(modules_find(f->modules, 0x3000));
    assert_null(modules_find(f->modules, 0x8000));
    assert_null(modules_find(f->modules, 0x4fff));
    assert_ptr_equal(modules_find(f->modules, 0x7fff), module);
}

static void test_without_a_list(void **state)
{
    struct fixture *f = *state;
    struct err e;
    open_text(f, "", NULL, 0, NULL);
    struct modules *modules = NULL;
    assert_int_equal(modules_count(f->modules), 0);
    assert_int_equal(modules_open(&modules, &f->file, NULL, NULL, &e), -1);
    assert_null(modules);
    assert_string_equal(e.text, "capture in memory: no list of the modules of the process");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_debug_information_is_found, setup_sources, teardown),
        cmocka_unit_test_setup_teardown(test_why_there_is_no_debug_information, setup_sources, teardown),
        cmocka_unit_test_setup_teardown(test_a_split_unit_that_is_gone_leaves_its_skeleton, setup_sources, teardown),
        cmocka_unit_test_setup_teardown(test_memory_of_modules, setup_sources, teardown),
        cmocka_unit_test_setup_teardown(test_files_that_are_not_what_was_loaded, setup_sources, teardown),
        cmocka_unit_test_setup_teardown(test_paths_with_spaces, setup_sources, teardown),
        cmocka_unit_test_setup_teardown(test_files_are_shared, setup_sources, teardown),
        cmocka_unit_test_setup_teardown(test_what_the_loader_told, setup_sources, teardown),
        cmocka_unit_test_setup_teardown(test_lines_of_other_forms_are_passed_over, setup_sources, teardown),
        cmocka_unit_test_setup_teardown(test_without_a_list, setup_sources, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
