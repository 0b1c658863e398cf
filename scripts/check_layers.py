#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Layers call downwards only: by include, and by symbol. Usage: check_layers.py BUILD-FOLDER"""
import os
import re
import sys

from check_common import ROOT, code, files, line_of, nm, read, sources, verdict

LAYERS = ["base", "boot", "page", "firmware", "slab", "diag"]
FREESTANDING = {"stdbool.h", "stddef.h", "stdint.h", "stdarg.h", "limits.h"}

# Headers of another folder that a folder may include, beside base/. Each has its reason.
AGREED = {
    "page/slab_pages.h": {"slab"},  # what slab needs of page beyond the public calls
    "slab/slab_init.h": set(),      # for src/quarry.c alone
}
# src/quarry.c is the life cycle: it initialises every layer.
TOP_INCLUDES = {"boot/internal.h", "page/slab_pages.h", "slab/slab_init.h", "slab/internal.h"}

# Symbols that a lower layer may take from a higher one.
UPWARDS = {
    "quarry_meta_alloc": "declared in base/meta.h; only the page layer knows where memory can be had",
    "quarry_meta_free": "the same",
}


def layer_of(path):
    part = path.split("/")
    return part[1] if len(part) > 2 else "top"


def check_include(path, name, quoted):
    layer = layer_of(path)
    if not path.startswith("src/"):  # a face: public headers only
        inner = name.split("/")[0] in LAYERS
        return "a header of the library's inside; use quarry/*.h" if inner and not quoted else None
    if quoted:
        own = os.path.join(os.path.dirname(path), name)
        return None if os.path.exists(os.path.join(ROOT, own)) and "/" not in name else \
            "a quoted include names a header of its own folder"
    if name in FREESTANDING or name.startswith("quarry/"):
        return None
    if name == "quarry_host.h":
        return None if layer == "base" else "only base/ includes the port's header"
    if name.startswith("base/") or name.startswith(layer + "/"):
        return None
    if layer == "top":
        return None if name in TOP_INCLUDES else "not among the headers that quarry.c may include"
    return None if layer in AGREED.get(name, ()) else f"{layer}/ may not include it"


def include_faults():
    faults = []
    for path in files(".c", ".h"):
        if path.split("/")[0] not in ("src", "cli", "bench", "examples", "linux", "selftest"):
            continue  # port/ is below all layers, tests may look everywhere
        text = read(path)
        for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', text, re.M):
            why = check_include(path, m.group(2), m.group(1) == '"')
            if why:
                faults.append(f"{path}:{line_of(text, m.start())}: {m.group(2)}: {why}")
    return faults


def symbol_faults(out):
    rank = {layer: i for i, layer in enumerate(LAYERS + ["top"])}
    defined, wanted = {}, []
    for src, line in nm(out, sources(), "-g"):
        kind, name = line.split()[-2:]
        if kind == "U":
            wanted.append((src, name))
        else:
            defined[name] = src
    faults = []
    for src, name in wanted:
        home = defined.get(name)
        if home and rank[layer_of(home)] > rank[layer_of(src)] and name not in UPWARDS:
            faults.append(f"{src}: calls up to {name}() of {home}")
    return faults, len(wanted)


def main():
    includes = include_faults()
    symbols, count = symbol_faults(sys.argv[1])
    verdict("layering", includes + symbols,
            f"ok: {' < '.join(LAYERS)}, by includes and by {count} symbol references")


main()
