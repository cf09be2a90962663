# SPDX-License-Identifier: Apache-2.0
# Out of tree, incremental, dependencies by the compiler. `make help` prints the lines that begin with `##`.

BUILD ?= build
CC ?= gcc
SAN ?=
OPT ?= -O2
PKG_CONFIG ?= pkg-config
JOBS ?= $(shell nproc)
FOLDERS := base trail profile scenario io pipeline engine report commands
PACKAGES := libuv libcurl libprotobuf-c yaml-0.1 libzstd liblz4 zlib libmicrohttpd libcrypto libzip

ifeq ($(origin CC),default)
CC := gcc
endif

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
        -Wwrite-strings -Wformat=2 -Wvla
CPPFLAGS += -D_GNU_SOURCE -Iharness -I$(BUILD)/gen
CFLAGS += -std=c17 -g $(OPT) -fno-omit-frame-pointer -pthread $(WARN)
LDFLAGS += -pthread
ifneq ($(SAN),)
CFLAGS += -fsanitize=$(SAN) -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
endif
ifeq ($(COVERAGE),1)
CFLAGS += --coverage
LDFLAGS += --coverage
endif
OUTSIDE_LIBS = $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lm
LIBS = $(OUTSIDE_LIBS)

# V=1 shows whole command lines.
V ?=
Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-3s %s\n' $(1) $(2))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

# The flags are part of what an object depends on: another CC or SAN in the same BUILD builds anew.
STAMP := $(BUILD)/flags
$(shell mkdir -p $(BUILD)/gen; echo '$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)' | cmp -s - $(STAMP) || \
        echo '$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS)' > $(STAMP))

GEN := $(BUILD)/gen/profile.pb-c.c
$(BUILD)/gen/%.pb-c.c $(BUILD)/gen/%.pb-c.h: proto/%.proto
	$(Q)protoc-c --c_out=$(BUILD)/gen -Iproto $<

# One static library for each folder, linked in the folders' order: an upward call does not link.
lib = $(BUILD)/lib/lib$(1).a
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard harness/$(1)/*.c)) $(if $(filter profile,$(1)),$(BUILD)/obj/profile.pb-c.o)
upto = $(if $(filter $(1),$(firstword $(2))),$(1),$(firstword $(2)) $(call upto,$(1),$(wordlist 2,99,$(2))))
reverse = $(if $(1),$(call reverse,$(wordlist 2,99,$(1))) $(firstword $(1)))
libs_upto = $(foreach f,$(call reverse,$(call upto,$(1),$(FOLDERS))),$(call lib,$(f)))

$(BUILD)/obj/%.o: %.c $(STAMP)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
define folder_rules
$(call lib,$(1)): $(call objects,$(1))
	@mkdir -p $$(@D); rm -f $$@
	$$(Q)ar rcsD $$@ $$^
UNIT_$(1) := $$(patsubst tests/unit/%.c,$(BUILD)/unit/%,$$(wildcard tests/unit/$(1)_*.c))
$$(UNIT_$(1)): $(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/obj/pprof_build.o $(BUILD)/obj/profile.pb-c.o $(call libs_upto,$(1))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$(CC) $(LDFLAGS) -o $$@ $$^ $$(LIBS) -lcmocka
.PHONY: unit-$(1)
unit-$(1): $$(UNIT_$(1))
	@set -e; for t in $$(UNIT_$(1)); do $$$$t; done
UNIT += $$(UNIT_$(1))
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))
include $(wildcard workers/*/*.mk tests/*.mk)
# Whatever starts a child process needs the guard beside it.
unit-io unit-pipeline unit-engine: $(BUILD)/locktrail-guard

$(call objects,profile): | $(GEN)
$(BUILD)/obj/profile.pb-c.o: $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/obj/pprof_build.o: tests/unit/support/pprof_build.c $(STAMP) | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/obj/tests/unit/%.o: CPPFLAGS += -Itests/unit/support
$(BUILD)/obj/tests/unit/%.o: tests/unit/%.c $(STAMP) | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/locktrail: $(call libs_upto,commands)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
GUARD_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard workers/guard/*.c))
$(BUILD)/locktrail-guard: $(GUARD_OBJECTS)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

## make            build everything into build/
.PHONY: all
all: $(BUILD)/locktrail $(BUILD)/locktrail-guard $(WORKERS)

## make deps       install what is missing (Debian packages; as root or through sudo, elsewhere it names them)
DEPS := gcc g++ clang clang-format clang-tidy cppcheck libclang-rt-14-dev pkg-config git ca-certificates binutils \
        libuv1-dev libcurl4-openssl-dev libprotobuf-c-dev protobuf-c-compiler libyaml-dev libzstd-dev \
        liblz4-dev zlib1g-dev libzip-dev libmicrohttpd-dev libssl-dev libdw-dev libelf-dev libcmocka-dev \
        python3 python3-venv python3-jsonschema zstd libxml2-utils dwz llvm mandoc chromium chromium-driver
.PHONY: deps
deps:
	@missing=$$(for p in $(DEPS); do dpkg-query -W -f '$${Status}' $$p 2>/dev/null | \
	    grep -q 'install ok installed' || echo $$p; done); \
	if [ -z "$$missing" ]; then echo 'deps: everything is there'; exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then root=; elif command -v sudo >/dev/null; then root=sudo; \
	else echo "deps: these Debian packages are missing, install them as root:"; echo $$missing; exit 1; fi; \
	echo "deps: installing" $$missing; \
	$$root apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive $$root apt-get install -y -qq --no-install-recommends $$missing

## make run        the main job: the smoke scenario (30 s): a C program under lockprof, and ddtrace where it can be had
RUN_ARGS ?=
.PHONY: run
run: all
	$(BUILD)/locktrail run scenarios/smoke.yaml --yes $(RUN_ARGS)

## make test       all tests; what a test needs and isn't there is named and skipped (REQUIRE=all: it fails)
REQUIRE ?=
# Debian's own, since the packages that tests need are installed for it.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
TEST_ENV = LOCKTRAIL=$(abspath $(BUILD))/locktrail LOCKTRAIL_GUARD=$(abspath $(BUILD))/locktrail-guard \
           LOCKTRAIL_REQUIRE=$(REQUIRE)
.PHONY: test unit
unit: $(UNIT) $(BUILD)/locktrail-guard
test: all unit
	$(TEST_ENV) $(PYTHON) tests/run.py --unit $(BUILD)/unit --python tests/python --python tests/cli --python tests/e2e \
	    --python tests/native --python tests/lockprof

## make check      sanitizers, both compilers, static analysis, formatting, the folders' order
.PHONY: check check-format check-layers check-static check-san check-clang check-python
check: check-format check-layers check-python check-clang check-static check-san
C_FILES := $(wildcard harness/*/*.[ch] workers/*/*.[ch] workers/*/*/*.[ch] tests/unit/*.[ch] tests/unit/support/*.[ch] tests/fuzz/*.[ch] tests/bench/*.[ch] tests/accuracy/*.[ch] tests/lockprof/programs/*/*.[ch] \
           tests/native/broken/*.c)
check-format:
	clang-format --dry-run -Werror $(C_FILES)
check-layers:
	$(PYTHON) tests/lint/layers.py harness workers/lockprof
	$(PYTHON) tests/lint/layers.py --selftest
check-python:
	$(PYTHON) -m compileall -q workers/python tests
check-clang:
	$(MAKE) CC=clang BUILD=$(BUILD)/clang all unit
check-static: $(GEN)
	cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr --std=c11 \
	    --suppress=missingIncludeSystem '--suppress=preprocessorErrorDirective:*.pb-c.h' -D__x86_64__ -D_GNU_SOURCE -Iharness -Iworkers -I$(BUILD)/gen -j $(JOBS) harness workers
	echo $(wildcard harness/*/*.c workers/*/*.c workers/*/*/*.c) | xargs -n 6 -P $(JOBS) sh -c \
	    'clang-tidy --quiet --warnings-as-errors="*" "$$@" -- -std=c17 $(CPPFLAGS) -Iworkers 2>/dev/null' tidy
check-san:
	$(MAKE) BUILD=$(BUILD)/san SAN=address,undefined OPT=-O1 all unit
	ASAN_OPTIONS=detect_leaks=1:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1 \
	    LOCKTRAIL_SOAK_S=40 $(MAKE) BUILD=$(BUILD)/san SAN=address,undefined OPT=-O1 test-built
# The tests of another build, with what is built already.
.PHONY: test-built
test-built:
	$(TEST_ENV) $(PYTHON) tests/run.py --unit $(BUILD)/unit --python tests/cli --python tests/e2e

## make fuzz       each parser under libFuzzer for FUZZ_SECONDS (60)
FUZZ_SECONDS ?= 60
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
.PHONY: fuzz $(FUZZ:%=fuzz-%)
fuzz: $(FUZZ:%=fuzz-%)
$(FUZZ:%=fuzz-%): fuzz-%:
	$(MAKE) CC=clang BUILD=$(BUILD)/fuzz SAN=address,undefined,fuzzer-no-link $(BUILD)/fuzz/bin/$*
	@mkdir -p $(BUILD)/fuzz/corpus/$*
	$(BUILD)/fuzz/bin/$* -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 \
	    -artifact_prefix=$(BUILD)/fuzz/$*- $(BUILD)/fuzz/corpus/$* $(wildcard tests/data/$*)
$(BUILD)/bin/%: $(BUILD)/obj/tests/fuzz/%.o $(call libs_upto,pipeline)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)

## make accuracy   random fault plans (ACCURACY_PLANS, 1000) on recorded uploads: are hop and mechanism right? SEED=N: one plan
ACCURACY_PLANS ?= 1000
ACCURACY_FIRST ?= 1
SEED ?=
ACCURACY_LIB := $(BUILD)/lib/libaccuracy.a
ACCURACY_SOURCES := $(filter-out tests/accuracy/accuracy.c,$(wildcard tests/accuracy/*.c))
$(BUILD)/obj/tests/accuracy/%.o: CPPFLAGS += -Itests/accuracy
$(ACCURACY_LIB): $(ACCURACY_SOURCES:%.c=$(BUILD)/obj/%.o)
	@mkdir -p $(@D); rm -f $@
	$(Q)ar rcsD $@ $^
$(BUILD)/accuracy: $(BUILD)/obj/tests/accuracy/accuracy.o $(ACCURACY_LIB) $(call libs_upto,engine)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS)
# A test of it has the libraries once more behind it.
$(BUILD)/obj/tests/unit/engine_accuracy.o: CPPFLAGS += -Itests/accuracy
$(BUILD)/unit/engine_accuracy: $(ACCURACY_LIB)
$(BUILD)/unit/engine_accuracy: LIBS = $(ACCURACY_LIB) $(call libs_upto,engine) $(OUTSIDE_LIBS)
.PHONY: accuracy
accuracy: $(BUILD)/accuracy
	$(BUILD)/accuracy $(if $(SEED),--seed $(SEED),$(ACCURACY_PLANS) $(ACCURACY_FIRST))

## make bench      benchmarks with their peers in the same run; prints ratios
.PHONY: bench
bench: all
	$(TEST_ENV) $(PYTHON) tests/bench/lockprof.py
	$(TEST_ENV) $(PYTHON) tests/bench/overhead.py
	$(TEST_ENV) $(PYTHON) tests/bench/tap.py
	$(TEST_ENV) $(PYTHON) tests/bench/matrix.py

## make compile_commands.json   for editors and language servers
.PHONY: compile_commands.json
compile_commands.json:
	@{ echo '['; for f in $(filter %.c,$(C_FILES)); do \
	    printf '%s{"directory": "%s", "file": "%s", "command": "%s"}\n' "$$comma" '$(CURDIR)' "$$f" \
	        "$(CC) $(subst ",\\",$(CPPFLAGS)) -Itests/unit/support $(CFLAGS) -c $$f"; comma=,; done; echo ']'; } > $(BUILD)/$@
	@echo "  $(BUILD)/$@"

## make help       this list
.PHONY: help
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## make clean      remove build/        (V=1 shows whole commands, BUILD=dir builds elsewhere, SAN=address,undefined)
.PHONY: clean
clean:
	rm -rf $(BUILD)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
