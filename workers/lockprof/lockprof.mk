# SPDX-License-Identifier: Apache-2.0
# The lock profiler: build/liblockprof.so (preloaded into targets) and build/lockprof (names and exports).

WORKERS += $(BUILD)/liblockprof.so $(BUILD)/lockprof

# Never sanitized or instrumented: it runs inside other people's programs.
CAPTURE_CFLAGS := -std=c17 -g -O2 -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-stack-protector $(WARN)
CAPTURE_OBJECTS := $(patsubst %,$(BUILD)/obj/capture/%.o,$(notdir $(wildcard workers/lockprof/capture/*.[cS])))
$(BUILD)/obj/capture/%.o: workers/lockprof/capture/% $(STAMP)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) -D_GNU_SOURCE -Iworkers $(CAPTURE_CFLAGS) -MMD -MP -c -o $@ $<
CAPTURE_EXPORTS := workers/lockprof/capture/exports.map
$(BUILD)/liblockprof.so: $(CAPTURE_OBJECTS) $(CAPTURE_EXPORTS)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-z,defs -Wl,-z,now -Wl,--version-script=$(CAPTURE_EXPORTS) -o $@ $(CAPTURE_OBJECTS)

# Linked in this order, above harness/base and harness/profile.
LOCKPROF_FOLDERS := resolve export command
LOCKPROF_PACKAGES := libdw libcurl libprotobuf-c libzstd liblz4 zlib
LOCKPROF_LIBS = $(shell $(PKG_CONFIG) --libs $(LOCKPROF_PACKAGES)) -lelf -lm
lockprof_lib = $(BUILD)/lib/liblockprof-$(1).a
lockprof_sources = $(filter-out %/main.c,$(wildcard workers/lockprof/$(1)/*.c))
lockprof_libs = $(foreach f,$(call reverse,$(LOCKPROF_FOLDERS)),$(call lockprof_lib,$(f)))
define lockprof_rules
$(call lockprof_lib,$(1)): $(patsubst %.c,$(BUILD)/obj/%.o,$(call lockprof_sources,$(1)))
	@mkdir -p $$(@D); rm -f $$@
	$$(Q)ar rcsD $$@ $$^
endef
$(foreach f,$(LOCKPROF_FOLDERS),$(eval $(call lockprof_rules,$(f))))
$(BUILD)/obj/workers/lockprof/%.o $(BUILD)/obj/tests/unit/lockprof_%.o: CPPFLAGS += -Iworkers
$(patsubst %.c,$(BUILD)/obj/%.o,$(call lockprof_sources,export)): | $(GEN)
$(BUILD)/lockprof: $(BUILD)/obj/workers/lockprof/command/main.o $(lockprof_libs) $(BUILD)/obj/profile.pb-c.o $(call libs_upto,profile)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LOCKPROF_LIBS)

UNIT_lockprof := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(wildcard tests/unit/lockprof_*.c))
$(UNIT_lockprof): $(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(lockprof_libs) $(BUILD)/obj/profile.pb-c.o $(call libs_upto,profile)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LOCKPROF_LIBS) -lcmocka
.PHONY: unit-lockprof
unit-lockprof: $(UNIT_lockprof) $(BUILD)/liblockprof.so
	@set -e; for t in $(UNIT_lockprof); do $$t; done
UNIT += $(UNIT_lockprof)

$(BUILD)/obj/tests/fuzz/capture.o: CPPFLAGS += -Iworkers
$(BUILD)/bin/capture: $(BUILD)/obj/tests/fuzz/capture.o $(call lockprof_lib,resolve) $(call libs_upto,profile)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LOCKPROF_LIBS)
