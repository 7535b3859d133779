# make demo   set up and run the main job: the examples
# make test   set up and run all tests
# make bench  set up and print the benchmarks
# make lint   ruff, mypy, and the C sources with all warnings as errors
# make sanitize  run the tests of the C code under ASan and UBSan
#
# PYTHON=python3.12 chooses the interpreter; each has an environment of its own.

PYTHON ?= python3
TAG := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
VENV := .venv-$(TAG)
SOURCES := pyproject.toml meson.build README.md $(shell find pycage -name '*.py' -o -name '*.pyi' -o -name '*.[ch]' -o -name '*.toml')

.PHONY: demo test bench lint sanitize clean

demo: $(VENV)/.installed
	$(VENV)/bin/python examples/run_all.py

test: $(VENV)/.installed
	$(VENV)/bin/pytest

bench: $(VENV)/.installed
	$(VENV)/bin/python benchmarks/run.py

lint: $(VENV)/.linters
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	for source in pycage/_core.c pycage/language/guards/*.c; do \
	  $(CC) -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -fsyntax-only \
	    -I$$($(VENV)/bin/python -c 'import sysconfig; print(sysconfig.get_paths()["include"])') $$source || exit 1; done

sanitize: $(VENV)/.installed
	$(VENV)/bin/python tests/sanitize.py

# The package is built and installed anew whenever a source changed; the tests run against the installed package.
$(VENV)/.installed: $(SOURCES)
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check '.[test]'
	touch $@

$(VENV)/.linters: $(VENV)/.installed
	$(VENV)/bin/pip install --quiet --disable-pip-version-check '.[lint]'
	touch $@

clean:
	rm -rf .venv-* build
