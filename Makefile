# Set up, show, test and check the project; `make` alone lists the targets.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3.11
VENV := .venv
INSTALLED := $(VENV)/.installed

.PHONY: help setup system-tools app-tools demo app test check format clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

setup: system-tools $(INSTALLED)  ## install everything into .venv (and, as root on Debian, the compilers and qemu)

# The stamp is newer than what it was made from, so that a second `make` installs nothing.
$(INSTALLED): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "setup needs Python 3.11, found no '$(PYTHON)': install it, or run 'make PYTHON=/path/to/python3.11 setup'" >&2; exit 1; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[dev]'
	touch $@

system-tools:
	@missing=; \
	command -v g++ >/dev/null || missing+=" g++"; \
	command -v qemu-aarch64 >/dev/null || missing+=" qemu-user"; \
	command -v qemu-aarch64-static >/dev/null || missing+=" qemu-user-static"; \
	command -v aarch64-linux-gnu-g++ >/dev/null || missing+=" g++-aarch64-linux-gnu"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	else \
	  echo "compiling (g++) and the emulated phone (the others) need:$$missing (Debian: sudo apt-get install --no-install-recommends$$missing)" >&2; \
	fi

# Building the app and testing it; `make setup` alone does without.
app-tools:
	@missing=; \
	command -v aapt2 >/dev/null || missing+=" aapt"; \
	command -v zipalign >/dev/null || missing+=" zipalign"; \
	command -v apksigner >/dev/null || missing+=" apksigner"; \
	command -v javac >/dev/null || missing+=" openjdk-17-jdk-headless"; \
	command -v npm >/dev/null || missing+=" npm"; \
	test -f /usr/share/android-framework-res/framework-res.apk || missing+=" android-framework-res"; \
	command -v llvm-mca-19 >/dev/null || missing+=" llvm-19"; \
	command -v valgrind >/dev/null || missing+=" valgrind libc6-dbg"; \
	test -f /usr/share/java/json-android.jar || missing+=" libandroid-json-org-java"; \
	test -d /usr/share/fonts/truetype/dejavu || missing+=" fonts-dejavu-core"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	else \
	  echo "building the app and the tests need:$$missing (Debian: sudo apt-get install --no-install-recommends$$missing)" >&2; \
	fi

app: setup app-tools  ## build the benchmark app for phones, out/groupnet.apk
	$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[native]'
	$(VENV)/bin/groupnet app build --out out/groupnet.apk

demo: setup  ## compile the digits model, run it on the host and on the emulated phone, and compare both with PyTorch
	$(VENV)/bin/groupnet demo

test: setup app-tools  ## run every test
	$(VENV)/bin/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[native]'
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest --numprocesses auto --dist loadfile

check: setup  ## lint, formatting, types, direction of imports
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/python -m pytest -q tests/test_imports.py

format: setup  ## rewrite the sources in the project's formatting
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

clean:  ## remove everything that the other targets made
	rm -rf $(VENV) out .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
