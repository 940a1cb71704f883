# The commands for people and CI. Every target makes what it needs; making it again costs nothing.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BIN := .venv/bin
READY := .venv/ready
STAGE ?= prod

# A shop's own settings of the stage, for a deployment only: the local AWS and the tests have theirs.
ifneq ($(filter deploy bootstrap,$(MAKECMDGOALS)),)
-include stages/$(STAGE).env
export SENDER SHOP_NAME SHOP_ADDRESS PUBLIC_URL ALLOWED_ORIGINS ALLOWED_REDIRECTS CURRENCY TIME_ZONE LOCALE ALARM_EMAIL MARKETER_EMAIL CONFIRMATIONS_PER_DAY ACCOUNT_CONCURRENCY TRACING FACT_LOG_DAYS MONTHLY_BUDGET_USD RESTORED_CUSTOMERS_TABLE RESTORED_CUSTOMERS_STREAM RESTORED_SCORECARDS_TABLE
endif

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export CDK_DISABLE_CLI_TELEMETRY := true

# On all cores; what shares one deployment or one synthesis stays on one of them.
PYTEST := $(BIN)/pytest -n auto --dist loadgroup
# Every worker imports CDK, moto and botocore: compiled once, also where the environment says otherwise.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo up down check test bench texts docs deploy bootstrap lock clean

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

demo: $(READY) ## show everything on a local AWS (PURCHASES=my.csv takes a shop's own export)
	@$(BIN)/regulars demo $(if $(PORT),--port $(PORT)) $(if $(PURCHASES),--purchases "$(PURCHASES)")

up: $(READY) ## start the local AWS and deploy to it, with the settings of stages/local.env (PORT=4566)
	@$(BIN)/regulars up $(if $(PORT),--port $(PORT))

down: $(READY) ## end the local AWS and keep its data (FORGET=yes forgets them)
	@$(BIN)/regulars down $(if $(FORGET),--forget)

check: $(READY) ## lint, types, unit tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) tests/unit

test: $(READY) ## everything: lint, types, every tier of tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST)

bench: $(READY) ## the figures of speed and cost, each against a rival (ONLY=decoding)
	@$(BIN)/python -m tests.benchmarks $(ONLY)

texts: $(READY) ## bring the catalogs of translations up to date with templates and code, and compile them
	@$(BIN)/python -m infra.catalogs

docs: $(READY) ## write the documents made from the types of facts: docs/events.md, docs/schemas, docs/asyncapi.json
	@$(BIN)/python -m infra.event_docs

deploy: $(READY) ## deploy to AWS with your credentials and the settings of stages/prod.env (STAGE=prod)
	@[[ -n "$${SENDER:-}" ]] || { echo "make deploy needs SENDER, the address that mail comes from: write SENDER=hello@shop.example into stages/$(STAGE).env" >&2; exit 2; }
	@[[ -n "$${SHOP_ADDRESS:-}" ]] || { echo "make deploy needs SHOP_ADDRESS, the postal address that marketing mail has to show: write SHOP_ADDRESS=1 Harbour Street, Exampleton into stages/$(STAGE).env" >&2; exit 2; }
	@[[ "$(STAGE)" != local ]] || { echo "STAGE=local is the throw-away stage of the local AWS: its data would not be protected; make up deploys it" >&2; exit 2; }
	@STAGE=$(STAGE) $(BIN)/python -m cli.change_guard
	STAGE=$(STAGE) $(BIN)/node node_modules/aws-cdk/bin/cdk deploy --all

bootstrap: $(READY) ## prepare your AWS account and region for CDK, once
	STAGE=$(STAGE) $(BIN)/node node_modules/aws-cdk/bin/cdk bootstrap

lock: $(READY) ## pin the newest versions that requirements/*.in allow
	cd requirements && for file in layer numeric dev uv local rivals rivals-old; do \
	  ../$(BIN)/uv pip compile $$file.in --universal --python-version 3.11 --upgrade --generate-hashes \
	    --no-header --no-annotate --quiet --output-file $$file.txt; done
	cd requirements && ../$(BIN)/uv pip compile data.in --universal --python-version 3.11 --no-deps --upgrade \
	  --generate-hashes --no-header --no-annotate --quiet --output-file data.txt

clean: ## end the local AWS and remove everything that was made here
	@[[ ! -x $(BIN)/regulars ]] || $(BIN)/regulars down --forget || true
	rm -rf .venv .regulars node_modules cdk.out build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# A .venv whose Python is gone, as after an upgrade of the system, is made again.
ifeq ($(shell $(BIN)/python -c 'print("starts")' 2>/dev/null),)
.PHONY: $(READY)
endif

# pip installs uv by its hash, uv everything else by theirs; npm comes with the Node that PyPI ships.
$(READY): requirements/uv.txt requirements/dev.txt requirements/data.txt package-lock.json pyproject.toml
	@for python in python3 python3.14 python3.13 python3.12 python3.11 ''; do \
	  [[ -n "$$python" ]] || { echo "Regulars needs Python 3.11 or newer, and found none on the PATH." >&2; exit 1; }; \
	  ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || break; \
	done; \
	$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  echo "Making .venv …"; \
	  rm -rf .venv; \
	  "$$python" -m venv .venv >/dev/null || { rm -rf .venv; echo "$$python cannot make a virtual environment; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }; \
	}
	@echo "Installing what requirements/ pins …"
	@[[ -x $(BIN)/uv ]] || $(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes --no-deps -r requirements/data.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@ln -sf "$$($(BIN)/python -c 'import infra; print(infra.NODE)')" $(BIN)/node
	@PATH="$$PWD/$(BIN):$$PATH" node "$$($(BIN)/python -c 'import infra; print(infra.NPM)')" ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@
