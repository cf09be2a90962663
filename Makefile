# SPDX-License-Identifier: Apache-2.0
# Out of tree, incremental, dependencies by the compiler. `make help` prints the lines that begin with `##`.

BUILD ?= build
CC ?= gcc
SAN ?=
OPT ?= -O2
PKG_CONFIG ?= pkg-config
FOLDERS := base trail profile scenario io pipeline engine report commands
PACKAGES := libuv libcurl libprotobuf-c yaml-0.1 libzstd liblz4 zlib libmicrohttpd libcrypto

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
LIBS = $(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lm

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
	protoc-c --c_out=$(BUILD)/gen -Iproto $<

# One static library for each folder, linked in the folders' order: an upward call does not link.
lib = $(BUILD)/lib/lib$(1).a
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard harness/$(1)/*.c))
upto = $(if $(filter $(1),$(firstword $(2))),$(1),$(firstword $(2)) $(call upto,$(1),$(wordlist 2,99,$(2))))
reverse = $(if $(1),$(call reverse,$(wordlist 2,99,$(1))) $(firstword $(1)))
libs_upto = $(foreach f,$(call reverse,$(call upto,$(1),$(FOLDERS))),$(call lib,$(f)))

$(BUILD)/obj/%.o: %.c $(STAMP)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
define folder_rules
$(call lib,$(1)): $(call objects,$(1))
	@mkdir -p $$(@D); rm -f $$@
	ar rcsD $$@ $$^
UNIT_$(1) := $$(patsubst tests/unit/%.c,$(BUILD)/unit/%,$$(wildcard tests/unit/$(1)_*.c))
$$(UNIT_$(1)): $(BUILD)/unit/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/obj/pprof_build.o $(BUILD)/obj/profile.pb-c.o $(call libs_upto,$(1))
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS) -o $$@ $$^ $$(LIBS) -lcmocka
.PHONY: unit-$(1)
unit-$(1): $$(UNIT_$(1))
	@set -e; for t in $$(UNIT_$(1)); do $$$$t; done
UNIT += $$(UNIT_$(1))
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rules,$(f))))

$(BUILD)/obj/profile.pb-c.o: $(GEN)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/obj/pprof_build.o: tests/unit/support/pprof_build.c $(STAMP) | $(GEN)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<
$(BUILD)/obj/tests/unit/%.o: CPPFLAGS += -Itests/unit/support
$(BUILD)/obj/tests/unit/%.o: | $(GEN)

$(BUILD)/locktrail: $(call libs_upto,commands)
	$(CC) $(LDFLAGS) -o $@ -Wl,--whole-archive $(call lib,commands) -Wl,--no-whole-archive $^ $(LIBS)
$(BUILD)/locktrail-guard: workers/guard/guard.c $(STAMP)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $<

## make            build everything
.PHONY: all
all: $(BUILD)/locktrail $(BUILD)/locktrail-guard

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
