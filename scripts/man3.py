#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes manual pages of section 3 from the docstrings. Usage: man3.py FOLDER

One page for each public header, quarry_slab.3, and for each function a page that leads there. The text is
what stands in the header: nothing is said twice, so nothing can differ.
"""
import os
import re
import sys

from check_common import files, read

DOC = re.compile(r"/\*\*(?P<doc>.*?)\*/\s*(?P<decl>[^;{]*\([^;{]*\))\s*[;{]", re.S)
FIELDS = ("Context", "Return", "Returns", "Example")


def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in text.split("\n"))


def lines_of(doc):
    return [re.sub(r"^\s*\* ?", "", line).rstrip() for line in doc.strip().split("\n")]


def declaration(text):
    text = re.sub(r"\b(QUARRY_MUST_CHECK|static|inline)\b\s*", "", text)
    text = re.sub(r"\s*QUARRY_PRINTF\([^)]*\)", "", text)
    return re.sub(r"\s+", " ", text).strip() + ";"


def body(doc):
    """Roff of a docstring: the sentence after the name, parameters as a list, paragraphs."""
    out, in_list = [], False
    lines = lines_of(doc)
    lines[0] = re.sub(r"^\w+\(\)\s*-\s*", "", lines[0])
    for line in lines:
        m = re.match(r"@(\w+):\s*(.*)", line)
        if m:
            in_list = True
            out += [".TP", f".I {m.group(1)}", roff(m.group(2))]
        elif not line:
            out.append(".PP")
            in_list = False
        else:
            word = line.split(":")[0]
            if word in FIELDS and not in_list:
                out.append(".br")
            out.append(roff(re.sub(r"@(\w+)", r"\1", line.strip())))
    return out


def functions(path):
    """(name, declaration, docstring) of what the header documents."""
    for m in DOC.finditer(read(path)):
        doc = m.group("doc").split("/**")[-1].split("*/")[0]
        name = re.match(r"\s*\*?\s*(quarry_\w+)\(\)", doc.lstrip("\n"))
        if name and re.search(r"\b" + name.group(1) + r"\s*\(", m.group("decl")):
            yield name.group(1), declaration(m.group("decl")), doc


def intro(path):
    """The comment at the head of a header."""
    m = re.match(r"/\* SPDX[^\n]*\n/\*(.*?)\*/", read(path), re.S)
    return lines_of(m.group(1)) if m else []


def main():
    folder = sys.argv[1]
    text = read("include/quarry/quarry.h")
    version = ".".join(re.search(rf"^#define QUARRY_VERSION_{part} (\d+)$", text, re.M).group(1)
                       for part in ("MAJOR", "MINOR", "PATCH"))
    os.makedirs(folder, exist_ok=True)
    for path in files(".h", under="include/quarry"):
        found = list(functions(path))
        if not found:
            continue
        stem = os.path.basename(path)[:-2]
        page = "quarry_" + stem + "_h"
        head = intro(path)
        what = re.split(r"(?<=[a-z])[.:](?:\s|$)", " ".join(head))[0] or stem
        out = [".\\\" SPDX-License-Identifier: MIT", f".TH {page.upper()} 3 \"\" \"quarry {version}\" \"Quarry\"",
               ".SH NAME", f"{page} \\- {roff(what)}", ".SH SYNOPSIS", f".B #include <quarry/{stem}.h>", ".PP", ".nf"]
        out += [f".B {roff(decl)}" for _, decl, _ in found] + [".fi"]
        if head:
            out += [".SH DESCRIPTION", ".nf"] + [roff(line) for line in head] + [".fi"]
        out.append(".SH FUNCTIONS")
        for name, _, doc in found:
            out += [f".SS {name}()"] + body(doc)
        out += [".SH SEE ALSO", ".BR quarry (3),", ".BR quarry (1)"]
        with open(os.path.join(folder, page + ".3"), "w", encoding="utf-8") as f:
            f.write("\n".join(out) + "\n")
        for name, _, _ in found:
            with open(os.path.join(folder, name + ".3"), "w", encoding="utf-8") as f:
                f.write(f".so man3/{page}.3\n")


main()
