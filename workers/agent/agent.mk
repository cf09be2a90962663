# SPDX-License-Identifier: Apache-2.0
# The real agents, and pprof's web page: Go programs whose modules are pinned by go.sum, and programs of the Python package
# index that are pinned by hash. Nothing of other people lies in this repository; all of it is fetched here.

AGENT_BIN := $(BUILD)/bin
AGENT_VENVS := $(BUILD)/venvs
SERVERLESS_COMPAT := $(AGENT_VENVS)/serverless-compat-0.19.0
TEST_AGENT := $(AGENT_VENVS)/test-agent-1.69.1

# go.mod and go.sum are complete: a build that would change them fails. The version of Go is toolchain.py's to choose.
GO_ENV := GOTOOLCHAIN=local GOFLAGS='-mod=readonly -trimpath -buildvcs=false' CGO_ENABLED=0
GO_HINT := 'agents: no Go modules: GOPROXY (by default proxy.golang.org) must be reachable, see above'
# $(1) the folder of the module, $(2) the package, relative to it or a path
go_build = go=$$($(PYTHON) workers/agent/toolchain.py --into $(BUILD)/go) && cd $(1) && \
    { env $(GO_ENV) "$$go" build -ldflags '-s -w' -o $(abspath $@) $(2) || { echo $(GO_HINT) >&2; exit 69; }; }

$(AGENT_BIN)/locktrail-trace-agent: $(wildcard workers/agent/*.go workers/agent/go.*) workers/agent/toolchain.py
	@mkdir -p $(@D)
	$(call say,GO,$@)
	$(Q)$(call go_build,workers/agent,.)
$(AGENT_BIN)/pprof: $(wildcard workers/agent/pprof/go.*) workers/agent/toolchain.py
	@mkdir -p $(@D)
	$(call say,GO,$@)
	$(Q)$(call go_build,workers/agent/pprof,github.com/google/pprof)

# Only an environment that is whole has its marker, the file `ready`. serverless-compat needs no Python to run.
AGENT_PIP := -I -m pip install --quiet --no-input --disable-pip-version-check --retries 2 --require-hashes \
             --only-binary :all:
$(TEST_AGENT)/ready $(SERVERLESS_COMPAT)/ready: $(AGENT_VENVS)/%/ready: workers/agent/requirements/%.txt
	$(call say,PY,$(@D))
	$(Q)rm -rf $(@D) && mkdir -p $(AGENT_VENVS) && $(PYTHON) -m venv $(@D) || \
	    { echo 'agents: no virtual environment: install python3-venv (make deps), see above' >&2; exit 69; }
	$(Q)$(@D)/bin/python $(AGENT_PIP) $(if $(findstring serverless,$@),--ignore-requires-python) -r $< || \
	    { echo 'agents: the package index must be reachable and have a build for this Python, see above' >&2; exit 69; }
	$(Q)$(if $(findstring serverless,$@),program=$$(echo $(@D)/lib/python*/site-packages/datadog_serverless_compat/bin/linux-amd64/datadog-serverless-compat) && \
	    chmod +x "$$program" && ln -sf "../$${program#$(@D)/}" $(@D)/bin/datadog-serverless-compat)
	@touch $@

AGENTS := $(AGENT_BIN)/locktrail-trace-agent $(AGENT_BIN)/pprof $(SERVERLESS_COMPAT)/ready $(TEST_AGENT)/ready

## make agents     the real agents (trace-agent, serverless-compat, test-agent) and pprof: fetched, pinned, built
.PHONY: agents
agents: $(AGENTS)
