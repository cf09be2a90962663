# SPDX-License-Identifier: Apache-2.0
# The native workload: one program in the builds by which a C service reaches production. What a build is called is what
# it is: CC, SAN, OPT and CFLAGS of the command line change nothing here.
#
# For each: compiler, flags of compiler and linker, what becomes of the program behind the linker, and what is left of the
# sources in it (enum debug_information in runtime/ledger.c).

NATIVE_VARIANTS := O0g O2g O3lto g1 nodebug stripped split clang-O2g
# Of the tests only.
NATIVE_SANITIZERS := tsan asan
NATIVE_ALL := $(NATIVE_VARIANTS) $(NATIVE_SANITIZERS) broken

NATIVE_CC_clang-O2g := clang
NATIVE_FLAGS_O0g := -O0 -g
NATIVE_FLAGS_O2g := -O2 -g
NATIVE_FLAGS_O3lto := -O3 -flto=auto -g
NATIVE_FLAGS_g1 := -O2 -g1
NATIVE_FLAGS_nodebug := -O2
NATIVE_FLAGS_stripped := -O2 -g
NATIVE_FLAGS_split := -O2 -g -gsplit-dwarf
NATIVE_FLAGS_clang-O2g := -O2 -g
NATIVE_FLAGS_tsan := -O1 -g -fsanitize=thread
NATIVE_FLAGS_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
NATIVE_FLAGS_broken := -O2 -g -DNATIVE_BROKEN
NATIVE_POST_stripped := strip --strip-all
NATIVE_DEBUG_g1 := LINES
NATIVE_DEBUG_nodebug := SYMBOLS
NATIVE_DEBUG_stripped := NONE

NATIVE_RUNTIME := $(wildcard workers/native/*.c workers/native/runtime/*.[cS])
NATIVE_PATTERNS := $(wildcard workers/native/patterns/*.c)
NATIVE_BROKEN := $(wildcard tests/native/broken/*.c)
NATIVE_BASE_FLAGS := -std=c17 -D_GNU_SOURCE -Iworkers -pthread $(WARN)
# Jump slots that can be written (runtime/calls.h).
NATIVE_LINK_FLAGS := -pthread -Wl,-z,lazy

native_sources = $(NATIVE_RUNTIME) $(NATIVE_PATTERNS) $(if $(filter broken,$(1)),$(NATIVE_BROKEN))
native_table = $(BUILD)/gen/native/$(if $(filter broken,$(1)),broken/)declarations.c
native_objects = $(patsubst %,$(BUILD)/obj/native/$(1)/%.o,$(call native_sources,$(1)) declarations.c)
native_cc = $(or $(NATIVE_CC_$(1)),gcc)
native_flags = $(NATIVE_BASE_FLAGS) $(NATIVE_FLAGS_$(1)) -DNATIVE_VARIANT='"$(1)"' \
               -DNATIVE_DEBUG=DEBUG_$(or $(NATIVE_DEBUG_$(1)),FULL)

$(BUILD)/gen/native/declarations.c: $(NATIVE_PATTERNS)
$(BUILD)/gen/native/broken/declarations.c: $(NATIVE_PATTERNS) $(NATIVE_BROKEN)
$(BUILD)/gen/native/declarations.c $(BUILD)/gen/native/broken/declarations.c: workers/native/markers.py
	@mkdir -p $(@D)
	$(Q)$(PYTHON) workers/native/markers.py $(filter %.c,$^) > $@

# The objects' names say where they come from, so a .dwo lies beside its object under the name that DW_AT_dwo_name has.
define native_rules
$(BUILD)/obj/native/$(1)/%.o: % workers/native/native.mk
	@mkdir -p $$(@D)
	$$(call say,CC,'$(1): $$<')
	$$(Q)$(call native_cc,$(1)) $(call native_flags,$(1)) -MMD -MP -c -o $$@ $$<
$(BUILD)/obj/native/$(1)/declarations.c.o: $(call native_table,$(1)) workers/native/native.mk
	@mkdir -p $$(@D)
	$$(Q)$(call native_cc,$(1)) $(call native_flags,$(1)) -MMD -MP -c -o $$@ $$<
$(BUILD)/native/native-$(1): $(call native_objects,$(1))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$(call native_cc,$(1)) $(NATIVE_LINK_FLAGS) $(NATIVE_FLAGS_$(1)) -o $$@ $$^
	$$(Q)$$(if $(NATIVE_POST_$(1)),$(NATIVE_POST_$(1)) $$@)
endef
$(foreach v,$(NATIVE_ALL),$(eval $(call native_rules,$(v))))

NATIVE := $(NATIVE_VARIANTS:%=$(BUILD)/native/native-%)
WORKERS += $(NATIVE)

## make native     the native workload in all its builds
.PHONY: native native-sanitizers native-broken
native: $(NATIVE)
# For the tests: under ThreadSanitizer and AddressSanitizer, and with patterns that fail.
native-sanitizers: $(NATIVE_SANITIZERS:%=$(BUILD)/native/native-%)
native-broken: $(BUILD)/native/native-broken
test: native-sanitizers native-broken
