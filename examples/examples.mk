# SPDX-License-Identifier: MIT
# Small programs that use the library; the README shows hello.c.

EXAMPLES := $(patsubst %.c,$(O)/%,$(wildcard examples/*.c))

$(EXAMPLES): $(O)/examples/%: $(O)/examples/%.o $(O)/libquarry.a
	$(call SAY,LD,$@)
	$(Q)$(CC) $(CFLAGS) -o $@ $^

-include $(wildcard $(O)/examples/*.d)

.PHONY: examples
examples: $(EXAMPLES)
all: examples
test: examples
