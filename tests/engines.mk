# SPDX-License-Identifier: Apache-2.0
# Programs of other people that tests of long and wide runs work with: Debian's packages, unpacked into
# $(BUILD)/engines/root, neither installed nor started. One name for each; what it needs comes along.

ENGINES_DIR := $(BUILD)/engines
ENGINE_PACKAGES := prometheus slurmctld slurmd slurm-client munge parallel

$(ENGINES_DIR)/%.ready: tests/engines.sh
	$(call say,DEB,$*)
	$(Q)tests/engines.sh $* $(abspath $(ENGINES_DIR))

## make engines    the programs that tests of soaks and matrices work with, as Debian has them: unpacked, not installed
.PHONY: engines
engines: $(ENGINE_PACKAGES:%=$(ENGINES_DIR)/%.ready)
