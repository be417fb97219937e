# make demo   a first run with a report     make test   everything CI checks
# make bench  the README's figures          make soak   the long checks
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
PIP_FLAGS ?= --quiet --disable-pip-version-check

# Bytecode is kept, whatever the shell says: the tests start some hundred processes, which would compile it again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test check soak bench clean

$(BIN)/clinic: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	$(BIN)/pip install $(PIP_FLAGS) -c constraints.txt -e .
	@touch $@

$(BIN)/.dev: pyproject.toml constraints.txt tests/install.sh
	$(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	@sh tests/install.sh $(BIN)
	@touch $(BIN)/clinic $@

demo: $(BIN)/clinic
	@rm -rf runs/quickstart
	$(BIN)/clinic run scenarios/batches/quickstart.yaml --out runs/quickstart

test: $(BIN)/.dev
	@command -v chromium >/dev/null || sh tests/browser/install.sh
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || sh tests/install_postgres.sh
	@bash services/vllm/install.sh cpu >/dev/null || echo "no CPU build of vLLM here: the tests of it will skip"
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not soak" --durations 15

check: $(BIN)/.dev
	$(BIN)/ruff check . && $(BIN)/mypy

soak: $(BIN)/.dev
	$(BIN)/pytest -m soak --timeout 3600

bench: $(BIN)/.dev
	$(BIN)/python -m benchmarks.simulator
	$(BIN)/python -m benchmarks.voice

clean:
	rm -rf $(VENV) runs build *.egg-info artifacts
