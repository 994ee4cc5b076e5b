# What people and CI do here. A new machine needs python3 (3.11 or newer), make and git.
#
#   make run PORT=9000              another port
#   make run PYTHON=python3.12      another Python, when .venv is made
#   make test ARGS="-k triggers"    some of the tests
#   make chaos ARGS="--faults 300 --seed 7 --database postgresql"
#   make lock ARGS=--upgrade        the newest versions that requirements.txt allows

PYTHON ?= python3
ARGS ?=
TEST_DATABASE_URL ?= postgres://root@127.0.0.1:5432/postgres

.DEFAULT_GOAL := help
.PHONY: help run test lint schema pictures format bench chaos lock licences clean dev

venv_python := .venv/bin/python
bootstrap = command -v "$(PYTHON)" >/dev/null || \
	{ echo "schedcore: there is no $(PYTHON). Install Python 3.11 or newer, or name one: make PYTHON=python3.11" >&2; exit 1; }; \
	exec "$(PYTHON)" schedcore/bootstrap.py

# Checks and tests see their own settings, not those of this folder's .env or of the shell.
neutral := env SCHEDCORE_ENV_FILE=/dev/null SCHEDCORE_ENV=development SCHEDCORE_TIME_ZONE=UTC DATABASE_URL=
as_production := env SCHEDCORE_ENV_FILE=/dev/null SCHEDCORE_ENV=production DATABASE_URL= \
	SCHEDCORE_ALLOWED_HOSTS=jobs.example.org \
	SCHEDCORE_SECRET_KEY=not-a-secret-only-for-make-lint-0123456789-abcdefghijkl \
	SCHEDCORE_CREDENTIALS_KEY=bm90LWEtc2VjcmV0LW9ubHktZm9yLW1ha2UtbGludC4=
description := jobs/api/openapi.yaml
describe = $(neutral) SCHEDCORE_LANGUAGE_CODE=en $(venv_python) manage.py spectacular --validate --fail-on-warn

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

run: ## Install what is needed, then start the web server and a scheduler
	@$(bootstrap) manage.py quickstart

# Of some tests none may have to do with the database, which pytest ends with code 5.
test: dev ## Run all tests on SQLite, then those of the database on PostgreSQL if one answers at TEST_DATABASE_URL
	@if command -v node >/dev/null; then \
		node --test tests/js/*.test.js; \
	elif [ "$$CI" = true ]; then \
		echo "CI needs node: .ci/run installs it"; exit 1; \
	else \
		echo "Skipped the tests of scripts: there is no node."; \
	fi
	$(neutral) $(venv_python) -m pytest $(ARGS)
	@if answer=$$($(venv_python) -c 'import psycopg; psycopg.connect("$(TEST_DATABASE_URL)", connect_timeout=3)' 2>&1) || [ "$$CI" = true ]; then \
		echo "Once more, on PostgreSQL:"; \
		$(neutral) DATABASE_URL="$(TEST_DATABASE_URL)" $(venv_python) -m pytest --ignore=tests/project -m 'not once' $(ARGS) $(if $(ARGS),|| [ $$? = 5 ]); \
	else \
		echo "Skipped on PostgreSQL: $$answer" | tail -n 1; \
	fi

lint: dev ## Check style, types, layers, migrations, the API's description, the settings of production and known vulnerabilities
	$(venv_python) -m ruff check .
	$(venv_python) -m ruff format --check .
	$(neutral) $(venv_python) -m mypy schedcore jobs manage.py
	$(neutral) .venv/bin/lint-imports
	$(neutral) $(venv_python) manage.py makemigrations --check --dry-run
	$(describe) | diff -u $(description) - || { echo "schedcore: $(description) is old; run make schema." >&2; exit 1; }
	$(as_production) $(venv_python) manage.py check --deploy --fail-level WARNING
	@$(venv_python) -m schedcore.vulnerabilities requirements.lock

schema: dev ## Write the description of the API anew
	$(describe) --file $(description)

pictures: dev ## Take the pictures of README and docs/pictures anew, of the demonstration's data
	$(neutral) $(venv_python) -m pytest -q tests/browser/take_pictures.py

format: dev ## Put the style right
	$(venv_python) -m ruff check --fix .
	$(venv_python) -m ruff format .

bench: dev ## Compare with stock django-apscheduler, on SQLite and PostgreSQL
	$(neutral) TEST_DATABASE_URL="$(TEST_DATABASE_URL)" $(venv_python) -m tests.benchmarks $(ARGS)

chaos: dev ## Kill, freeze and cut off two schedulers, 100 times on each database, and see that nothing is lost
	$(neutral) TEST_DATABASE_URL="$(TEST_DATABASE_URL)" $(venv_python) -m tests.chaos $(ARGS)
	$(neutral) CHAOS_AWAY_S=30 $(venv_python) -m pytest tests/chaos/test_database_away.py

lock: dev ## Pin every package that requirements.txt brings, with hashes, in requirements.lock
	UV_CUSTOM_COMPILE_COMMAND="make lock" $(venv_python) -m uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links requirements.txt --output-file requirements.lock $(ARGS)

licences: dev ## Write docs/licences.md, the licences of these packages, anew
	$(venv_python) -m schedcore.licences > docs/licences.md.new && mv docs/licences.md.new docs/licences.md

clean: ## Remove caches and collected files; var/ and .venv/ stay
	rm -rf static_root .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f var/test-*.sqlite3*
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

dev:
	@$(bootstrap) --dev
