# `make help` lists the targets. All that a machine must have is Python 3.11 with its venv module, make and a network;
# `make check` also needs what .ci/run installs: Apache, Chromium, gettext, minisign, nginx, Node with npm, PostgreSQL, Prometheus,
# Redis, WebKitGTK, Xvfb.

.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
PY := $(VENV)/bin/python
TEST_WORKERS ?= 2
# The share of lines and branches that the suite must reach on PostgreSQL and Redis. It only rises.
COVERAGE_FLOOR ?= 97
# The developer's own settings must not reach tests and checks.
BARE := $(PY) -m scripts.bare
PYTEST := $(BARE) $(PY) -m pytest
PARALLEL := -n $(TEST_WORKERS) --dist loadgroup
NO_SERVICES := not browser and not programs and not fuzz and not attack and not nginx and not postgres and not prometheus and not redis and not s3 and not slow

CHECKS := lint check-requirements check-django check-deploy check-migrations check-messages check-openapi check-sizes check-types-debt \
	check-browser check-clients check-fuzz check-services

.PHONY: help run test check lint format bench screenshots messages clean runtime dev $(CHECKS)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{ printf "  make %-12s %s\n", $$1, $$2 }' Makefile

heading = @printf '\n=== %s ===\n' '$(1)'

# $(call install,STAMP,FILES) makes .venv and installs the requirement files. STAMP is a copy of the files as last
# installed, so that nothing is done twice and an installation that was cut short is done again. The venv's tools are
# always run as modules, so that a folder that was moved still works.
define install
@{ cat $(2) | cmp -s - $(VENV)/$(1) && $(PY) -c ''; } 2>/dev/null || { set -e; \
	if ! $(PY) -m pip --version >/dev/null 2>&1; then \
		if ! '$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo 'Python 3.11 or newer is needed: install it, or name one with PYTHON=/path/to/python3.11.' >&2; exit 1; \
		fi; \
		'$(PYTHON)' -m venv --clear $(VENV); \
	fi; \
	echo 'Installing $(lastword $(2)) into $(VENV); the first time this takes about a minute.'; \
	$(PY) -m pip install --quiet --no-input --disable-pip-version-check -r $(lastword $(2)); \
	cat $(2) >$(VENV)/$(1); }
endef

runtime:
	$(call install,installed-runtime.txt,requirements.txt)

dev:
	$(call install,installed-dev.txt,requirements.txt requirements-dev.txt)

run: runtime ## Install what is missing, prepare the data in ./data, and serve on http://127.0.0.1:8000
	@$(PY) manage.py bootstrap
	@exec $(PY) manage.py serve

test: dev ## Run the tests that need no outside service and take no long time
	$(PYTEST) $(PARALLEL) -m '$(NO_SERVICES)'

check: $(CHECKS) ## All that must hold: lint, types, checks, browser, and the suite on PostgreSQL and Redis

lint: dev ## Lint, format, types, direction of imports
	$(call heading,Lint)
	@$(PY) -m ruff check
	$(call heading,Format)
	@$(PY) -m ruff format --check
	$(call heading,Types)
	@$(BARE) $(PY) -m mypy
	$(call heading,Direction of imports)
	@$(BARE) $(PY) -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

check-requirements: dev
	$(call heading,Requirements)
	@$(PY) -m pip check --disable-pip-version-check
	@$(PY) -m scripts.check_requirements

check-django: dev
	$(call heading,System checks)
	@$(BARE) $(PY) manage.py check --fail-level WARNING

check-deploy: dev
	$(call heading,System checks of a production deployment)
	@SECRET=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(48))') && \
	KEY=$$($(PY) -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())') && \
	$(BARE) SAGE_ENV=production SAGE_SECRET_KEY="$$SECRET" SAGE_ENCRYPTION_KEYS="$$KEY" \
		SAGE_PUBLIC_URL=https://sage.example EMAIL_URL=smtp://mail.sage.example:25 SAGE_TRUSTED_PROXIES=127.0.0.1 \
		$(PY) manage.py check --deploy --fail-level WARNING

check-migrations: dev
	$(call heading,Migrations)
	@$(BARE) $(PY) manage.py makemigrations --check --dry-run

check-messages: dev
	$(call heading,Message catalogues)
	@$(BARE) $(PY) -m scripts.check_messages

check-openapi: dev
	$(call heading,OpenAPI document)
	@$(BARE) $(PY) manage.py spectacular --validate --fail-on-warn --file /dev/null

check-sizes: dev
	$(call heading,File and function sizes)
	@$(PY) -m scripts.sizes

check-types-debt: dev
	$(call heading,What the type checker lets pass)
	@$(PY) -m scripts.typing_debt

# npm writes this file last, so an installation that was cut short is done again.
NODE_MODULES := tests/clients/node_modules/.package-lock.json

$(NODE_MODULES): tests/clients/package.json tests/clients/package-lock.json
	@cd tests/clients && npm ci --silent
	@touch $@

check-browser: dev $(NODE_MODULES)
	$(call heading,Browser)
	$(PYTEST) -m browser

# What each of these products needs is in tests/clients/NAME.txt. They must not share our .venv, nor one another's.
PRODUCTS := django-allauth mozilla-django-oidc phoenix pytauri swift
PRODUCT_VENVS := $(PRODUCTS:%=tests/clients/.venvs/%/installed.txt)

$(PRODUCT_VENVS): tests/clients/.venvs/%/installed.txt: tests/clients/%.txt
	@$(PY) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --no-input --disable-pip-version-check -r $<
	@cp $< $@

check-clients: dev $(NODE_MODULES) $(PRODUCT_VENVS)
	$(call heading,Programs of others that sign people in with us, keep our files or update themselves)
	$(PYTEST) -m programs

check-fuzz: dev
	$(call heading,Generated requests to every route)
	$(PYTEST) $(PARALLEL) -m fuzz -rP

check-services: dev
	$(call heading,The whole suite on PostgreSQL and Redis)
	$(BARE) $(PY) -m scripts.with_services -- $(PY) -m pytest $(PARALLEL) -m 'not browser and not programs and not fuzz and not attack' \
		--cov --cov-fail-under=$(COVERAGE_FLOOR)
	$(call heading,Attacks on PostgreSQL and Redis by themselves)
	$(BARE) $(PY) -m scripts.with_services -- $(PY) -m pytest -m attack

format: dev ## Format the code and mend what lint can mend
	@$(PY) -m ruff check --fix-only --quiet
	@$(PY) -m ruff format

bench: dev ## Measure the routes and print a table of ratios
	@$(BARE) $(PY) -m tests.benchmarks $(ARGS)

screenshots: dev $(NODE_MODULES) ## Take the screenshots of the pages, into build/screenshots
	@mkdir -p build/screenshots
	@SCREENSHOTS_DIR=build/screenshots $(PYTEST) -m browser

messages: dev ## Bring the message catalogues up to date with the source, and compile them
	@$(BARE) $(PY) -m scripts.check_messages --write

clean: ## Remove what can be made again; ./data stays
	@rm -rf $(VENV) tests/clients/node_modules tests/clients/.venvs build htmlcov staticfiles .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache \
		.pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
