# Everything runs in .venv, made from the lock file. Needs Python 3.11 (3.12.1 breaks at EVM call depth 1024), make and a C compiler.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PACKAGES := .venv/.packages
READY := .venv/.ready
CORE_SOURCES := core/build.py $(shell find core/src -type f)
DEVNET_FLAGS ?=
VECTORS ?= $(or $(LAMINA_VECTORS),../shared/vectors)

# Every role is a process of its own, which would compile all its modules at each start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install gossip devnet test conformance check bench adversary contracts core programs docs lock clean

help: ## what can be made
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

$(PACKAGES): requirements.lock pyproject.toml setup.py
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if v == (3, 11) else f"Lamina needs Python 3.11 (found {v[0]}.{v[1]}): set PYTHON=/path/to/python3.11")'
	@echo "installing into .venv ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

# Installing compiled the native library; afterwards it is compiled when its sources are newer, or when it is not there.
$(READY): $(PACKAGES) $(CORE_SOURCES)
	@test -z "$$(find $(CORE_SOURCES) -newer evm/native/liblamina.* 2>&1)" \
		|| $(BIN)/python core/build.py native || echo "without the native library Lamina runs on py-evm alone"
	@touch $@

install: $(READY) ## set up .venv

gossip: $(READY) ## add libp2p, for gossip with other nodes (needs the headers of GMP: Debian's libgmp-dev)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -e '.[p2p]'

devnet: $(READY) ## bring up a whole chain: L1, contracts, sequencer, verifier, batcher, proposer
	@$(BIN)/lamina devnet $(DEVNET_FLAGS)

test: $(READY) ## lint, types, and the whole test suite
	@$(BIN)/ruff check -q .
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --durations 20 \
		--max-worker-restart 0 -o faulthandler_timeout=590

conformance: $(READY) ## public test suites and real blocks, whole: see docs/conformance.md (VECTORS=where they are)
	@test -d "$(VECTORS)/evm" || { echo "there are no public test vectors in $(VECTORS): set VECTORS or LAMINA_VECTORS"; exit 1; }
	@$(BIN)/lamina evm stateless $(VECTORS)/exec/*.json.gz
	@$(BIN)/lamina genesis hash --registry $(VECTORS)/config/registry/mainnet/ink.toml --alloc $(VECTORS)/config/genesis/ink-mainnet.json.zst
	@$(BIN)/lamina genesis hash --registry $(VECTORS)/config/registry/sepolia/op.toml --alloc $(VECTORS)/config/genesis/op-sepolia.json.zst
	@$(BIN)/lamina evm statetest $(VECTORS)/evm

check: $(READY) ## lint and types only
	@$(BIN)/ruff check .
	@$(BIN)/mypy

bench: $(READY) ## the benchmarks, one JSON line per figure
	@$(BIN)/python -m benchmarks

adversary: $(READY) ## the long hunts: 200 killed processes, an hour of foul weather on anvil, every lie in disputes, 100,000 L1 histories, every property twenty times as often, and whatever else `make test` samples
	@LAMINA_CRASH_KILLS=200 $(BIN)/python -m pytest --timeout 3600 tests/node/test_chain_crash.py
	@LAMINA_LARGEST=1 $(BIN)/python -m pytest --timeout 3600 -s tests/core/test_largest_inputs.py
	@LAMINA_BOTH_BLOCKS=1000 $(BIN)/python -m pytest --timeout 7200 -s tests/e2e/test_both_engines.py
	@LAMINA_L1_WEATHER=5000 $(BIN)/python -m pytest --timeout 3600 tests/l1/test_any_weather.py
	@LAMINA_ANVIL_SECONDS=3600 $(BIN)/python -m pytest --timeout 7200 -s tests/e2e/test_anvil_hour.py
	@LAMINA_MUTANTS=1 $(BIN)/python -m pytest --timeout 3600 tests/core/test_mutants.py
	@LAMINA_HEAD_WEATHERS=2000 $(BIN)/python -m pytest --timeout 3600 tests/node/test_heads_in_any_weather.py
	@LAMINA_UNSAFE_WEATHERS=2000 $(BIN)/python -m pytest --timeout 3600 tests/node/test_unsafe_in_any_weather.py
	@LAMINA_BATCHER_WEATHERS=500 $(BIN)/python -m pytest --timeout 3600 tests/batcher/test_l1_weather.py
	@LAMINA_EXAMPLES=20 $(BIN)/python -m pytest --timeout 3600 -n 2 -m "not slow" tests --ignore tests/e2e --ignore tests/contracts
	@LAMINA_ADVERSARY=1 $(BIN)/python -m pytest --timeout 0 tests/actions/disputes
	@LAMINA_HISTORIES=100000 $(BIN)/python -m pytest --timeout 0 -n 2 --dist load tests/core/test_derivation_histories.py

contracts: $(READY) ## recompile the contracts (needs Node.js) into contracts/artifacts
	@cd contracts && npm ci --silent && node compile.mjs

core: $(READY) ## compile the Zig core: the native library and the guest programs
	@$(BIN)/python core/build.py

programs: $(READY) ## build the guest programs, put the fault-proof program in its place, record hashes and prestates
	@$(BIN)/python -m faultproof.shipped

docs: $(READY) ## write docs/reference from the code
	@$(BIN)/python -m docs.reference.generate

lock: ## pin what pyproject.toml asks for
	@$(BIN)/python -m pip install --quiet pip-tools
	@$(BIN)/pip-compile --quiet --generate-hashes --extra dev --allow-unsafe --strip-extras --no-annotate --no-header \
		--no-emit-index-url --no-emit-find-links --output-file requirements.lock pyproject.toml

clean: ## remove what was installed and built
	@rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache evm/native/liblamina.*
