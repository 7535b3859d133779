# make demo   set up and run the main job: the examples
# make test   set up and run all tests
# make bench  set up and print the benchmarks
# make lint   ruff, mypy, and the C sources with all warnings as errors
# make docs   set up and build the site of the documentation in site/
# make cross  compile the C of the executors for aarch64, with a cross compiler
# make sanitize  run the tests of the C code under ASan and UBSan
#
# PYTHON=python3.12 chooses the interpreter; each has an environment of its own.

PYTHON ?= python3
TAG := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VENV := .venv-$(TAG)
# A process for each processor; the tests of one file stay together.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile
NATIVE_C := $(wildcard pycage_native/*/*.c benchmarks/*.c)
CROSS_MACHINE := aarch64
CROSS_CC := $(CROSS_MACHINE)-linux-gnu-gcc
SOURCES := pyproject.toml meson.build README.md $(shell find pycage pycage_native -name '*.py' -o -name '*.pyi' -o -name '*.[chS]' -o -name '*.toml' -o -name '*.css' -o -name '*.js')

.PHONY: demo test bench lint docs sanitize cross clean

demo: $(VENV)/.installed
	$(VENV)/bin/python examples/run_all.py

test: $(VENV)/.installed
	$(VENV)/bin/pytest $(PARALLEL)

bench: $(VENV)/.installed
	$(VENV)/bin/python benchmarks/run.py

lint: $(VENV)/.linters
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	for source in pycage/core/*.c pycage/language/guards/*.c; do \
	  $(CC) -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only \
	    -I$$($(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["include"])') $$source || exit 1; done
	for source in $(NATIVE_C); do \
	  $(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wconversion -Werror -fsyntax-only \
	    -isystem $$($(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["include"])') $$source || exit 1; done

# The C of the executors for another machine: objects only, so a cross compiler without Python's headers for it does.
cross:
	mkdir -p build/cross
	for source in $(wildcard pycage_native/executor/*.c) pycage_native/executor/call_$(CROSS_MACHINE).S; do \
	  $(CROSS_CC) -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wconversion -Werror -c $$source \
	    -o build/cross/$$(basename $$source).o || exit 1; done
	$(CROSS_CC) build/cross/*.o -o build/cross/pycage-executor -ldl -lpthread
	for source in pycage_native/channel/*.c; do \
	  $(CROSS_CC) -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Wconversion -Werror -fsyntax-only \
	    -isystem $$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_paths()["include"])') $$source || exit 1; done

docs: $(VENV)/.docs
	$(VENV)/bin/mkdocs build --strict

sanitize: $(VENV)/.installed
	$(VENV)/bin/python tests/sanitize.py

# The package is built and installed anew whenever a source changed; the tests run against the installed package.
$(VENV)/.installed: $(SOURCES)
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check '.[test]'
	touch $@

$(VENV)/.docs: $(VENV)/.installed
	$(VENV)/bin/pip install --quiet --disable-pip-version-check '.[docs]'
	touch $@

$(VENV)/.linters: $(VENV)/.installed
	$(VENV)/bin/pip install --quiet --disable-pip-version-check '.[lint]'
	touch $@

clean:
	rm -rf .venv-* build
