# make run, test, dev, check, bench: each sets itself up first. PYTHON names the interpreter to build .venv from.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export DAGSTER_HOME := $(CURDIR)/.home/dagster
export OMP_WAIT_POLICY := passive
export DEEPEVAL_TELEMETRY_OPT_OUT := 1
export HF_HUB_OFFLINE ?= 1
export CMAKE_ARGS ?= -DLLAVA_BUILD=OFF
PRODUCT ?= TaskMaster
NATIVE := $(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev,native]"

.PHONY: run test dev check bench install install-native install-gpu format tools clean

# llama-cpp-python comes as source only. Its compilation (4 to 14 minutes on 2 cores, once: pip keeps the wheel) goes on
# behind the training; the export waits for it where it is not done by then.
run: install
	@test -e $(VENV)/native || ( \
	  sh -c 'echo $$$$ >$(VENV)/llama_cpp.building; nice -n 10 $(NATIVE) && touch $(VENV)/native; rm -f $(VENV)/llama_cpp.building' \
	  >.home/llama_cpp.log 2>&1 & )
	$(BIN)/llmops run $(PRODUCT) --show

test: install-native tools
	$(BIN)/pytest -m "not slow and not gpu and not ollama"

dev: install
	$(BIN)/llmops dev

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict llmops_assets
	$(BIN)/dagster definitions validate -w workspace.yaml

bench: install-native
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: $(VENV)/installed
install-native: $(VENV)/native

# QLoRA on CUDA; unsloth needs an accelerator to be of use, so nothing else asks for it.
install-gpu: install-native
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[gpu]"

$(VENV)/installed: constraints.txt setup.cfg
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip==26.3"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	mkdir -p $(DAGSTER_HOME) && cp dagster.yaml $(DAGSTER_HOME)/dagster.yaml
	rm -f $(VENV)/native && touch $@

$(VENV)/native: $(VENV)/installed
	@while test -e $(VENV)/llama_cpp.building && kill -0 $$(cat $(VENV)/llama_cpp.building) 2>/dev/null; do sleep 5; done
	@test -e $@ || { echo "compiling llama-cpp-python: 4 to 14 minutes on 2 cores, once"; $(NATIVE); }
	touch $@

# promtool and amtool check what monitoring writes, Chromium opens the report and Dagster's UI; without them those tests
# say that they were left out.
tools:
	@command -v promtool >/dev/null && command -v amtool >/dev/null || \
	  (apt-get update -qq && apt-get install -y -qq --no-install-recommends prometheus prometheus-alertmanager) >/dev/null 2>&1 || \
	  echo "promtool and amtool (Debian packages prometheus, prometheus-alertmanager) are missing: tests of alert rules are left out"
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  (apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium) >/dev/null 2>&1 || \
	  echo "Chromium (Debian package chromium) is missing: tests in a browser are left out"

clean:
	rm -rf $(VENV) .home data/artifacts
