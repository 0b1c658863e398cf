# SPDX-License-Identifier: MIT
# `make check`: rules that are checked by scripts. One line each, or the faults with file and line.

# Everything that has a main(), the tests apart.
.PHONY: everything
everything: $(O)/quarry bench-bins examples

.PHONY: check-objs
check-objs: $(LIB_OBJS) $(SELFTEST_OBJS) $(POSIX_OBJS) examples
	$(SAID)

## make check      layering, symbols, formatting, style, docs, warnings of two compilers, static analysis
.PHONY: check
check: deps-check
	@$(MAKE) --no-print-directory $(JOBS) check-objs
	@status=0; \
	python3 -B scripts/check_layers.py $(O) || status=1; \
	python3 -B scripts/check_symbols.py $(O) $(CC) || status=1; \
	python3 -B scripts/names.py $(O) --check || status=1; \
	python3 -B scripts/contexts.py --check || status=1; \
	scripts/check_format.sh || status=1; \
	python3 -B scripts/check_style.py || status=1; \
	python3 -B scripts/check_docs.py $(O) || status=1; \
	scripts/check_warnings.sh $(O) || status=1; \
	scripts/check_analysis.sh || status=1; \
	exit $$status

## make lint       static analysis with clang-tidy too: some minutes
.PHONY: lint
lint: deps-check
	@scripts/check_analysis.sh all

# Puts the real output of `make run` and `make test` into the README.
.PHONY: readme
readme: all
	@scripts/demo.sh $(O)/quarry | python3 -B scripts/readme.py $(O) run
	@$(MAKE) --no-print-directory test | tee /dev/stderr | python3 -B scripts/readme.py $(O) test

# Puts the real output of the tutorial's commands into it.
.PHONY: tutorial
tutorial: all
	@python3 -B scripts/tutorial.py $(O)
