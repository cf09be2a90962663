/* SPDX-License-Identifier: Apache-2.0 */
/* Programs run under the capture library. They say themselves what their frames are: __builtin_dwarf_cfa of each
 * function, values that they put into registers. */
#include "lockprof/resolve/frames.h"

#include "modules_fixture.h"

#include "lockprof/resolve/symbols.h"

#define RDI (1u << 5)
#define RSI (1u << 4)

static void build(struct fixture *f, const char *compiler, const char *source)
{
    char command[512];
    target_write(&f->target, "prog.c", source);
    snprintf(command, sizeof command, "rm -f out && %s -o prog prog.c -pthread", compiler);
    target_run(&f->target, command);
}

/* Runs ./prog and finds the snapshot of the call in the function named so. */
static const struct capture_snapshot *captured(struct fixture *f, const char *function)
{
    struct capture_slot slot;
    struct err e;
    close_modules(f);
    target_capture(&f->target, "./prog", &f->file);
    const struct capture_maps *maps = capture_file_maps(&f->file, f->file.header->last_maps);
    assert_int_equal(modules_open(&f->modules, &f->file, maps, NULL, &e), 0);
    for (size_t i = 0; i < capture_file_slots(&f->file); i++) {
        struct place places[SYMBOLS_INLINE_MAX];
        const struct capture_snapshot *snapshot =
            capture_file_slot(&f->file, i, &slot) ? capture_file_snapshot(&f->file, slot.snapshot) : NULL;
        if (snapshot == NULL) {
            continue;
        }
        size_t count = symbols_places(f->modules, slot.caller - 1, places, SYMBOLS_INLINE_MAX);
        if (places[count - 1].function != NULL && strcmp(places[count - 1].function, function) == 0) {
            return snapshot;
        }
    }
    fail_msg("no snapshot of a call in %s", function);
    return NULL;
}

/* One function after the other; each says where its frame ends and keeps something in registers over the call. */
static const char chain_c[] =
    "#include <pthread.h>\n"
    "#include <stdio.h>\n"
    "#define F __attribute__((noinline, noclone))\n"
    "pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;\n"
    "volatile int sink;\n"
    "FILE *out;\n"
    "#define SAY(name) fprintf(out, name \" %lx\\n\", (long)__builtin_dwarf_cfa())\n"
    "F int inner(int a, int b) { SAY(\"inner\"); int c = a * b; pthread_mutex_lock(&m); sink += c;\n"
    "    pthread_mutex_unlock(&m); return c + sink; }\n"
    "F int middle(int n) { volatile char block[n]; block[n - 1] = 1; SAY(\"middle\");\n"
    "    int got = inner(n, block[n - 1]); return got + sink + block[0]; }\n"
    "F int many(int a, int b, int c, int d, int e, int f, int g, int h) { SAY(\"many\");\n"
    "    return middle(a + b + c + d + e + f + g + h) + sink; }\n"
    "F int outer(int n) { char aligned[64] __attribute__((aligned(64))); aligned[n & 63] = (char)n; SAY(\"outer\");\n"
    "    sink = aligned[n & 63]; return many(n, 1, 2, 3, 4, 5, 6, 7) + sink; }\n"
    "int main(void) { out = fopen(\"out\", \"w\"); SAY(\"main\"); int got = outer(40); fclose(out); return got < 0; "
    "}\n";

static void test_frames_of_a_chain(void **state)
{
    static const char *const compilers[] = {
        "gcc -g -O0",
        "gcc -g -O1",
        "gcc -g -O2",
        "gcc -g -O2 -fomit-frame-pointer -no-pie",
        "gcc -g -Os -fno-asynchronous-unwind-tables",
        "gcc -g -O3 -flto",
        "gcc -g -O2 -fcf-protection=full -Wl,-z,ibtplt",
        "clang -g -O0 -w",
        "clang -g -O2 -w",
        "clang -O2 -w",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof compilers / sizeof compilers[0]; i++) {
        struct frame frames[FRAMES_MAX];
        char expected[5][16];
        unsigned long cfa[5];
        print_message("  %s\n", compilers[i]);
        build(f, compilers[i], chain_c);
        const struct capture_snapshot *snapshot = captured(f, "inner");
        struct buf out = target_read(&f->target, "out");
        /* main speaks first. */
        assert_int_equal(sscanf(out.data, "%15s %lx\n%15s %lx\n%15s %lx\n%15s %lx\n%15s %lx\n", expected[4], &cfa[4],
                                expected[3], &cfa[3], expected[2], &cfa[2], expected[1], &cfa[1], expected[0], &cfa[0]),
                         10);
        buf_fini(&out);
        size_t count = frames_of(f->modules, snapshot, frames, FRAMES_MAX);
        assert_true(count > 5);
        for (size_t k = 0; k < 5; k++) {
            struct place place[SYMBOLS_INLINE_MAX];
            size_t places = symbols_places(f->modules, frames[k].pc, place, SYMBOLS_INLINE_MAX);
            assert_string_equal(place[places - 1].function, expected[k]);
            /* gcc's builtin gives the realigned address in the function that aligns its stack at -O0. */
            if (strcmp(expected[k], "outer") != 0 || i != 0) {
                assert_int_equal(frames[k].cfa, cfa[k]);
            }
            assert_true(frames[k].module->is_main);
            assert_int_equal(frames[k].pc, frames[k].return_address - (k == 0 ? 2 : 1));
        }
        /* main was called by the C library, and the first function of all by nobody. */
        assert_true(frames[5].module != NULL && !frames[5].module->is_main);
        assert_int_equal(frames_of(f->modules, snapshot, frames, 2), 2);
        assert_int_equal(frames[1].cfa, cfa[1]);
    }
}

/* `keeper` fills all callee-saved registers; below it they are saved, changed, or not mentioned. */
static const char registers_c[] =
    "#include <pthread.h>\n"
    "pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;\n"
    "__attribute__((noinline)) void leaf(void) { pthread_mutex_lock(&m); pthread_mutex_unlock(&m); }\n"
    "void keeper(void);\n"
    "asm(\".text\\n.globl keeper\\n.type keeper,@function\\nkeeper: .cfi_startproc\\n\"\n"
    "    \"push %rbx\\n.cfi_adjust_cfa_offset 8\\n.cfi_rel_offset %rbx,0\\n\"\n"
    "    \"push %rbp\\n.cfi_adjust_cfa_offset 8\\n.cfi_rel_offset %rbp,0\\n\"\n"
    "    \"push %r12\\n.cfi_adjust_cfa_offset 8\\n.cfi_rel_offset %r12,0\\n\"\n"
    "    \"push %r13\\n.cfi_adjust_cfa_offset 8\\n.cfi_rel_offset %r13,0\\n\"\n"
    "    \"push %r14\\n.cfi_adjust_cfa_offset 8\\n.cfi_rel_offset %r14,0\\n\"\n"
    "    \"push %r15\\n.cfi_adjust_cfa_offset 8\\n.cfi_rel_offset %r15,0\\n\"\n"
    "    \"sub $8,%rsp\\n.cfi_adjust_cfa_offset 8\\n\"\n"
    "    \"mov $0x1003,%ebx\\nmov $0x1006,%ebp\\nmov $0x100c,%r12d\\nmov $0x100d,%r13d\\n\"\n"
    "    \"mov $0x100e,%r14d\\nmov $0x100f,%r15d\\ncall changer\\n\"\n"
    "    \"add $8,%rsp\\n.cfi_adjust_cfa_offset -8\\npop %r15\\n.cfi_adjust_cfa_offset -8\\n\"\n"
    "    \"pop %r14\\n.cfi_adjust_cfa_offset -8\\npop %r13\\n.cfi_adjust_cfa_offset -8\\n\"\n"
    "    \"pop %r12\\n.cfi_adjust_cfa_offset -8\\npop %rbp\\n.cfi_adjust_cfa_offset -8\\n\"\n"
    "    \"pop %rbx\\n.cfi_adjust_cfa_offset -8\\nret\\n.cfi_endproc\\n.size keeper,.-keeper\\n\"\n"
    /* Saves two of them, one in another register (DW_CFA_register), and changes these. */
    "    \".type changer,@function\\nchanger: .cfi_startproc\\n\"\n"
    "    \"push %rbx\\n.cfi_adjust_cfa_offset 8\\n.cfi_rel_offset %rbx,0\\n\"\n"
    "    \"push %r13\\n.cfi_adjust_cfa_offset 8\\n.cfi_rel_offset %r13,0\\n\"\n"
    "    \"push %r14\\n.cfi_adjust_cfa_offset 8\\n\"\n"
    "    \"mov %r12,%r14\\n.cfi_register %r12,%r14\\nmov $7,%r12d\\nmov $7,%r13d\\nmov $7,%ebx\\n\"\n"
    "    \"call between\\nmov %r14,%r12\\n.cfi_restore %r12\\npop %r14\\n.cfi_adjust_cfa_offset -8\\n\"\n"
    "    \"pop %r13\\n.cfi_adjust_cfa_offset -8\\npop %rbx\\n.cfi_adjust_cfa_offset -8\\nret\\n\"\n"
    "    \".cfi_endproc\\n.size changer,.-changer\\n\"\n"
    /* Mentions no register at all. */
    "    \".type between,@function\\nbetween: .cfi_startproc\\nsub $8,%rsp\\n.cfi_adjust_cfa_offset 8\\n\"\n"
    "    \"call leaf\\nadd $8,%rsp\\n.cfi_adjust_cfa_offset -8\\nret\\n.cfi_endproc\\n.size between,.-between\\n\");\n"
    "int main(void) { keeper(); return 0; }\n";

static void test_registers_are_recovered(void **state)
{
    struct fixture *f = *state;
    struct frame frames[FRAMES_MAX];
    build(f, "gcc -g -O2", registers_c);
    const struct capture_snapshot *snapshot = captured(f, "leaf");
    size_t count = frames_of(f->modules, snapshot, frames, FRAMES_MAX);
    assert_true(count > 4);
    const struct frame *changer = &frames[2], *keeper = &frames[3];
    assert_int_equal(changer->known & 0xf0c8, 0xf0c8);
    assert_int_equal(changer->registers[3], 7);
    assert_int_equal(changer->registers[12], 7);
    assert_int_equal(changer->registers[13], 7);
    /* 0x1006 in rbp was mentioned by neither; r14 is the one that `changer` does not say it saved. */
    static const unsigned numbers[] = {3, 6, 12, 13, 15};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        assert_true(keeper->known >> numbers[i] & 1);
        assert_int_equal(keeper->registers[numbers[i]], 0x1000 + numbers[i]);
    }
    assert_int_equal(keeper->registers[7], changer->cfa);
    /* Argument registers are lost further out. */
    assert_int_equal(keeper->known & (RDI | RSI), 0);
    assert_int_equal(changer->known & (RDI | RSI), 0);
}

/* What stands between a call and the lock function. */
static const char stubs_c[] =
    "#include <pthread.h>\n"
    "pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;\n"
    "__thread void *seen;\n"
    "void stub(pthread_mutex_t *, long);\n"
    "#ifdef STUB\n"
    "asm(\".text\\n.globl stub\\n.type stub,@function\\nstub: .cfi_startproc\\n\" STUB\n"
    "    \"\\n.cfi_endproc\\n.size stub,.-stub\\n\");\n"
    "#define LOCK(m) stub(m, 77)\n"
    "#else\n"
    "#define LOCK(m) pthread_mutex_lock(m)\n"
    "#endif\n"
    "__attribute__((noinline)) void caller(int n) { for (int i = 0; i < n; i++) { LOCK(&m);\n"
    "    pthread_mutex_unlock(&m); } }\n"
    "__attribute__((noinline)) void by_register(int n) { int (*volatile lock)(pthread_mutex_t *) = "
    "pthread_mutex_lock;\n"
    "    int (*fixed)(pthread_mutex_t *) = lock;\n"
    "    for (int i = 0; i < n; i++) { asm volatile(\"call *%%rbx\" : : \"b\"(fixed), \"D\"(&m) :\n"
    "    \"rax\", \"rcx\", \"rdx\", \"rsi\", \"r8\", \"r9\", \"r10\", \"r11\", \"memory\");\n"
    "    pthread_mutex_unlock(&m); } }\n"
    "int main(void) { caller(1); by_register(1); return 0; }\n";

static void test_when_argument_registers_are_trusted(void **state)
{
    static const struct {
        const char *compiler, *function;
        bool trusted;
    } table[] = {
        {"gcc -g -O2", "caller", true},
        {"gcc -g -O2 -no-pie", "caller", true},
        {"gcc -g -O2 -fno-plt", "caller", true},
        {"gcc -g -O2 -Wl,-z,now", "caller", true},
        {"gcc -g -O2 -fcf-protection=full -Wl,-z,ibtplt", "caller", true},
        {"clang -g -O2", "caller", true},
        {"clang -g -O0 -fno-plt", "caller", true},
        {"gcc -g -O0 -mno-red-zone", "by_register", true},
        /* Jumps that change nothing. */
        {"gcc -g -O2 -DSTUB='\"jmp pthread_mutex_lock@PLT\"'", "caller", true},
        {"gcc -g -O2 -DSTUB='\"endbr64;jmp *pthread_mutex_lock@GOTPCREL(%rip)\"'", "caller", true},
        {"gcc -g -O2 -DSTUB='\"mov (%rsp),%r11;mov %r11,%fs:seen@tpoff;jmp pthread_mutex_lock@PLT\"' -no-pie", "caller",
         true},
        /* A function that did something before it jumped. */
        {"gcc -g -O2 -DSTUB='\"mov $1,%esi;jmp pthread_mutex_lock@PLT\"'", "caller", false},
        {"gcc -g -O2 -DSTUB='\"nop;add $0,%rdi;jmp pthread_mutex_lock@PLT\"'", "caller", false},
        {"gcc -g -O2 -DSTUB='\"test %rdi,%rdi;je 1f;jmp pthread_mutex_lock@PLT;1: ret\"'", "caller", false},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct frame frames[FRAMES_MAX];
        print_message("  %s\n", table[i].compiler);
        build(f, table[i].compiler, stubs_c);
        const struct capture_snapshot *snapshot = captured(f, table[i].function);
        assert_true(frames_of(f->modules, snapshot, frames, FRAMES_MAX) > 1);
        assert_int_equal((frames[0].known & RDI) != 0, table[i].trusted);
        if (table[i].trusted) {
            assert_int_equal(frames[0].registers[5], snapshot->lock);
        }
        /* What functions leave as it was is known in any case. */
        assert_int_equal(frames[0].known & 0x1f0c8, 0x1f0c8);
        assert_int_equal(frames[0].known >> 11 & 1, 0);
    }
}

static const char signal_c[] = "#include <pthread.h>\n"
                               "#include <signal.h>\n"
                               "pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;\n"
                               "void handler(int n) { pthread_mutex_lock(&m); pthread_mutex_unlock(&m); (void)n; }\n"
                               "__attribute__((noinline)) int trap(void) { asm volatile(\"ud2\"); return 1; }\n"
                               "void fault(int n) { handler(n); struct sigaction a = {.sa_handler = SIG_DFL};\n"
                               "    sigaction(SIGILL, &a, 0); _Exit(0); }\n"
                               "#include <stdlib.h>\n"
                               "int main(void) { signal(SIGILL, fault); return trap() + 1; }\n";

static void test_frames_beyond_a_signal(void **state)
{
    struct fixture *f = *state;
    struct frame frames[FRAMES_MAX];
    struct place place;
    build(f, "gcc -g -O1 -fno-inline -include stdlib.h", signal_c);
    const struct capture_snapshot *snapshot = captured(f, "handler");
    size_t count = frames_of(f->modules, snapshot, frames, FRAMES_MAX);
    /* handler, fault, the kernel's trampoline, trap, main. */
    assert_true(count > 5);
    assert_true(frames[3].module->is_main);
    assert_int_equal(symbols_places(f->modules, frames[3].pc, &place, 1), 1);
    assert_string_equal(place.function, "trap");
    /* The instruction at which it was interrupted, not the one before. */
    assert_int_equal(frames[3].pc, frames[3].return_address);
    symbols_places(f->modules, frames[4].pc, &place, 1);
    assert_string_equal(place.function, "main");
}

static void test_snapshots_that_lead_nowhere(void **state)
{
    struct fixture *f = *state;
    struct frame frames[FRAMES_MAX];
    build(f, "gcc -g -O2", chain_c);
    const struct capture_snapshot *good = captured(f, "inner");
    struct capture_snapshot bad = *good;
    bad.blocks = 0;
    /* The stack was not captured: the first frame is all. */
    assert_int_equal(frames_of(f->modules, &bad, frames, FRAMES_MAX), 1);
    assert_true(frames[0].cfa != 0);
    /* r11 is not to be trusted even where the file says so. */
    bad.known = UINT64_MAX;
    assert_int_equal(frames_of(f->modules, &bad, frames, FRAMES_MAX), 1);
    assert_int_equal(frames[0].known, 0x1f7ff);
    bad.known = 0;
    assert_int_equal(frames_of(f->modules, &bad, frames, FRAMES_MAX), 1);
    assert_int_equal(frames[0].cfa, 0);
    assert_int_equal(frames[0].known, 0);
    assert_int_equal(frames_of(f->modules, good, frames, 0), 0);
    const uint64_t nowhere[] = {0, 1, 2, 0x123, UINT64_MAX};
    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) {
        bad.registers[16] = nowhere[i];
        assert_int_equal(frames_of(f->modules, &bad, frames, FRAMES_MAX), 0);
    }
}

int main(void)
{
    char library[320];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_frames_of_a_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_registers_are_recovered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_when_argument_registers_are_trusted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_frames_beyond_a_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_snapshots_that_lead_nowhere, setup, teardown),
    };
    target_library(library, sizeof library);
    if (access(library, R_OK) != 0) {
        printf("skipped: %s is not there\n", library);
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
