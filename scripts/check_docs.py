#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Docs say what is there. Usage: check_docs.py BUILD-FOLDER

Public functions are documented where they are declared, by the names of their parameters; links lead
somewhere; every page of docs/ can be reached; the README's example is examples/hello.c, and what the
README says it prints is what it prints; each row of the boot layer has a test, each of the page allocator a self-test
too, each of slabs one by Linux's names and one of the self-test; headers and tests have the names that
docs/linux-names.md says.
"""
import os
import re
import subprocess
import sys

from check_common import ROOT, code, files, line_of, read, verdict

SKIPPED_MACROS = r"\b(QUARRY_MUST_CHECK|QUARRY_PRINTF\([^)]*\)|extern \"C\"|static|inline)\b"


def split_parameters(text):
    """Names of the parameters, or None if @text is no parameter list."""
    names, depth, part = [], 0, ""
    for c in text + ",":
        if c == "," and depth == 0:
            names.append(part.strip())
            part = ""
            continue
        depth += (c == "(") - (c == ")")
        part += c
    result = []
    for p in names:
        if p in ("void", "", "..."):
            continue
        m = re.search(r"\(\s*\*\s*(\w+)\s*\)", p) or re.search(r"(\w+)\s*(?:\[[^\]]*\])?$", p)
        result.append(m.group(1))
    return result


def header_faults(path):
    text = read(path)
    clean = code(text)
    flat = re.sub(r"^[ \t]*#.*?(?<!\\)$", lambda m: " " * len(m.group(0)), clean, flags=re.M | re.S)
    faults, count = [], 0
    for m in re.finditer(r"\b(quarry_\w+)\s*\(((?:[^()]|\([^()]*\))*)\)\s*(?:QUARRY_\w+\([^)]*\)\s*)?[;{]",
                         flat):
        start = max(flat.rfind(c, 0, m.start()) for c in ";}{") + 1
        if flat.count("{", 0, m.start()) != flat.count("}", 0, m.start()) + inside_extern(flat, m.start()):
            continue  # a call in an inline function
        if "=" in flat[start:m.start()] or "return" in flat[start:m.start()]:
            continue
        if "typedef" in flat[start:m.start()]:
            continue
        count += 1
        name, line = m.group(1), line_of(text, m.start())
        # The comment may stand before attributes; only code up to the last ; } { ends the search.
        comment = re.findall(r"/\*\*.*?\*/", text[start:m.start()], re.S)
        doc = comment[-1] if comment else ""
        if not re.search(r"\b" + name + r"\(\)", doc):
            faults.append(f"{path}:{line}: {name}() has no docstring")
            continue
        colon = ":" if re.search(r"^\s*\*\s*@\w+:", doc, re.M) else r"\b"
        for parameter in split_parameters(m.group(2)):
            if not re.search(r"@" + parameter + colon, doc):
                faults.append(f"{path}:{line}: {name}(): the docstring does not name @{parameter}")
    return faults, count


def inside_extern(text, pos):
    return len(re.findall(r'extern ""\s*\{', text[:pos]))


def link_faults():
    faults, links = [], {}
    for path in files(".md"):
        text = read(path)
        bare = re.sub(r"```.*?```", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S)
        bare = re.sub(r"`[^`\n]*`", lambda m: " " * len(m.group(0)), bare)
        links[path] = set()
        for m in re.finditer(r"\]\(([^)\s]+)\)", bare):
            target = m.group(1).split("#")[0]
            if not target or re.match(r"[a-z]+:", target):
                continue
            full = os.path.normpath(os.path.join(os.path.dirname(path), target))
            if not os.path.exists(os.path.join(ROOT, full)):
                faults.append(f"{path}:{line_of(bare, m.start())}: {m.group(1)} does not exist")
            links[path].add(full)
    reached, new = set(), ["README.md"]
    while new:
        page = new.pop()
        if page in reached:
            continue
        reached.add(page)
        for to in links.get(page, ()):
            new.append(to + "/README.md" if to + "/README.md" in links else to)
    for path in files("", under="docs"):
        if path not in reached:
            faults.append(f"{path}: cannot be reached from README.md")
    return faults, sum(len(l) for l in links.values())


def row_faults():
    """Every row of the boot layer's checklist stands in docs/linux-names.md, with tests that exist."""
    path = "docs/linux-names.md"
    text = read(path)
    start = text.index("## Every row and its tests")
    table = text[start:text.index("\n## ", start + 1)]
    tests = {m for p in files(".c", under="tests")
             for m in re.findall(r"^static void (\w+)\(void(?: \*\*state)?\)", read(p), re.M)}
    faults, rows = [], {}
    for m in re.finditer(r"^\| (\w+) \|.*\| ([^|\n]+) \|$", table, re.M):
        names = re.findall(r"`(\w+)`", m.group(2))
        rows[m.group(1)] = rows.get(m.group(1), []) + names
        line = line_of(text, start + m.start())
        faults += [f"{path}:{line}: there is no test {name}()" for name in names if name not in tests]
    for row in [f"B{i}" for i in range(1, 20)] + [f"M{i}" for i in range(1, 15)] + ["2a"]:
        if not rows.get(row):
            faults.append(f"{path}: row {row} has no test")
    return faults


def labelled(rows):
    """Names of the tests, and titles of the self-test, by the row that they or their file's first lines say."""
    tests, titles = {}, {}
    for path in files(".c", under="tests"):
        text = read(path)
        head = text[:text.find("*/", text.find("*/") + 2)]
        for m in re.finditer(r"(/\*(?:(?!\*/).)*\*/\n)?static void (\w+)\(", text, re.S):
            said = head + (m.group(1) or "") + m.group(2).replace("_", " ").upper()
            for first, last in re.findall(r"\b[PX](\d+) to [PX](\d+)\b", said):
                said += "".join(f" P{k}" for k in range(int(first), int(last) + 1))
            name = re.sub("^test_", "", m.group(2))
            tests.setdefault(name, set()).update(r for r in rows if re.search(rf"\b{r}\b", said))
    for path in files(".c", under="selftest"):
        for label, title in re.findall(r'\{"([\w ]+)", "([^"]+)",', read(path)):
            titles.setdefault(title, set()).update(label.split())
    return tests, titles


def page_row_faults():
    """Every row of the page allocator stands in docs/linux-names.md, and tests and self-test say it."""
    path = "docs/linux-names.md"
    text = read(path)
    start = text.index("### Rows of the page allocator")
    wanted = [f"P{i}" for i in range(1, 20)] + [f"X{i}" for i in range(1, 6)]
    tests, titles = labelled(wanted + ["2b"])
    faults, seen = [], set()
    first = line_of(text, start) - 1
    for number, row in table_rows(text[start:text.index("\n### ", start + 1)]):
        where, label = f"{path}:{first + number}", row["row"]
        seen.add(label)
        names = re.findall(r"`(\w+)`", row["tests that name it"])
        faults += [f"{where}: there is no test {n}" for n in names if n not in tests]
        if label != "2b" and not any(label in tests.get(n, ()) for n in names):
            faults.append(f"{where}: none of these tests says {label}")
        of_row = [t.strip() for t in row["self-test"].split(";")]
        faults += [f"{where}: there is no self-test: {t}" for t in of_row if t not in titles]
        if not any(label in titles.get(t, ()) for t in of_row):
            faults.append(f"{where}: none of these self-tests says {label}")
    return faults + [f"{path}: row {r} is missing" for r in wanted if r not in seen]


def table_rows(text):
    """(line, {column: cell}) of each row of each table that has a header."""
    head = None
    for number, line in enumerate(text.split("\n"), 1):
        cells = [c.strip() for c in line.strip().strip("|").split("|")] if line.startswith("|") else None
        if cells is None:
            head = None
        elif head is None:
            head = cells
        elif not set("".join(cells)) <= set("-: "):
            yield number, dict(zip(head, cells))


def name_faults(path):
    """The tests that a page names exist, and so do the names that it says are in a header."""
    tests = set()
    for test in files(".c", under="tests"):
        tests |= set(re.findall(r"^static void (?:test_)?(\w+)\(", code(read(test)), re.M))
    faults, count = [], 0
    for line, row in table_rows(read(path)):
        for name in re.findall(r"`([^`]+)`", row.get("test", "")):
            if name.startswith("tests/"):
                known = os.path.exists(os.path.join(ROOT, name))
            elif name.endswith("..."):
                known = any(t.startswith(name[:-3]) for t in tests)
            else:
                known = name in tests
            count += 1
            if not known:
                faults.append(f"{path}:{line}: there is no test {name}")
        if "header" not in row or "Linux" not in row:
            continue
        text = "".join(read("include/" + h) for h in re.findall(r"`([^`]+)`", row["header"]))
        for name in re.findall(r"`([^`]+)`", row["Linux"]):
            count += 1
            if not re.search(r"\b" + re.escape(name) + r"\b", text):
                faults.append(f"{path}:{line}: {name} is not in {row['header']}")
    return faults, count


def slab_faults(path):
    """Every row of slabs has a test by Linux's names, and one of the self-test that bears its number."""
    linux = set(re.findall(r"LINUX_TEST\((\w+)\)", read("tests/test_linux_slab.c")))
    labels = {}
    for source in files(".c", under="selftest"):
        for m in re.finditer(r'^\t\{"([^"]+)",\s*"([^"]+)",', read(source), re.M):
            labels.setdefault(m.group(2), set()).update(m.group(1).split())
    faults, rows = [], set()
    for line, row in table_rows(read(path)):
        if "what stands for it here" not in row:
            continue
        number = row["row"]
        rows.add(number)
        if not linux & set(re.findall(r"`(\w+)`", row["test"])):
            faults.append(f"{path}:{line}: {number} has no test in tests/test_linux_slab.c")
        label = row["self-test"].strip("`")
        if number not in labels.get(label, ()):
            faults.append(f"{path}:{line}: no self-test \"{label}\" of row {number}")
    return faults + [f"{path}: row S{i} is missing" for i in range(1, 22) if f"S{i}" not in rows]


def example_faults(out):
    hello = read("examples/hello.c")
    hello = hello[hello.index("#include"):]
    readme = read("README.md")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", readme, re.M | re.S)
    shown = [b for kind, b in blocks if kind == "c"]
    if hello not in shown:
        return ["README.md: no C block that is examples/hello.c"]
    p = subprocess.run([os.path.join(ROOT, out, "examples/hello")], capture_output=True, text=True)
    if p.returncode != 0:
        return [f"examples/hello ends with status {p.returncode}"]
    if not any(p.stdout.strip() in b for kind, b in blocks if kind != "c"):
        return ["README.md: does not show what examples/hello prints: " + p.stdout.strip()]
    return []


def main():
    faults, count = [], 0
    for path in files(".h", under="include/quarry"):
        f, n = header_faults(path)
        faults += f
        count += n
    links, n = link_faults()
    names, known = name_faults("docs/linux-names.md")
    faults += links + row_faults() + page_row_faults() + names + slab_faults("docs/linux-names.md")
    verdict("docs", faults + example_faults(sys.argv[1]),
            f"ok: {count} public functions, {n} links, {known} names, the README's example")


main()
