#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes small faults in src/, one at a time, and says which of them the quick tests do not notice.

A fault is a comparison that is turned round or moved by one, an "and" that becomes an "or", a one that is
lost, a statement (an update, an unlock) that is left out. src/ itself is not touched: a changed copy of one
file is compiled, and the tests run against a shared library made with it. The same seed gives the same faults.
"""
import argparse
import concurrent.futures
import glob
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time

FLAGS = "-O1 -g -fPIC -DQUARRY_DEBUG=1 -Wno-error"
SWAPS = [
    (r"(?<![<>=!-])<(?![<=])", "<="),
    (r"(?<![<>=])<=(?!=)", "<"),
    (r"(?<![<>=-])>(?![>=])", ">="),
    (r"(?<![<>=-])>=(?!=)", ">"),
    (r"==", "!="),
    (r"!=", "=="),
    (r"&&", "||"),
    (r"\|\|", "&&"),
    (r" \+ 1\b", ""),
    (r" - 1\b", ""),
    (r"\+= ", "-= "),
    (r"-= ", "+= "),
    (r"\|= ", "&= "),
]
# What no test can tell: hints, texts, checks that are off in a product, and what the compiler refuses.
SKIP = re.compile(r"prefetch|ASSERT|_log\(|_report\(|_Static_assert|ASSUME|^\s*(case|default|#|\*|//)|\bfor \(\w+ ?\*|"
                  r"quarry_relax|\bsizeof\b.*;$|^\s*(static|extern|struct|enum|union|const|unsigned|int|bool|size_t|"
                  r"uint\d+_t|pfn_t|phys_addr_t|quarry_pin_t|char|void|long)\b[^;=]*[;{(]?$")
STATEMENT = re.compile(r"^\t+[\w>\-.\[\]\*()]+( [|&+-]?= .*|\+\+|--|\(.*\));$")


def candidates(path):
    """(line, column, old, new) of every fault that can be made in the file."""
    found = []
    comment = False
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    depth = 0
    for number, line in enumerate(lines):
        code = line
        if comment:
            if "*/" not in code:
                continue
            code = " " * (code.index("*/") + 2) + code.split("*/", 1)[1]
            comment = False
        code = re.sub(r"/\*.*?\*/", lambda m: " " * len(m.group()), code)
        if "/*" in code:
            code = code[:code.index("/*")]
            comment = True
        blank = re.sub(r'"(\\.|[^"])*"', lambda m: '"' + "_" * (len(m.group()) - 2) + '"', code)
        inside = depth > 0
        depth += blank.count("{") - blank.count("}")
        if not inside or not blank.startswith("\t") or SKIP.search(blank):
            continue
        for pattern, new in SWAPS:
            for m in re.finditer(pattern, blank):
                found.append((number, m.start(), m.group(), new))
        if STATEMENT.match(blank) and "return" not in blank:
            found.append((number, 0, code, "\t;"))
    return lines, found


class Bench:
    """The tests, linked against a shared library that can be exchanged."""

    def __init__(self, out, jobs):
        self.out, self.jobs = out, jobs
        env = dict(os.environ)
        for name in ("MAKEFLAGS", "MFLAGS"):
            env.pop(name, None)
        subprocess.run(["make", "--no-print-directory", "-s", f"-j{jobs}", f"O={out}", f"CFLAGS={FLAGS}", "test-bins"],
                       check=True, env=env)
        self.objects = sorted(glob.glob(f"{out}/src/**/*.o", recursive=True) + glob.glob(f"{out}/selftest/*.o") +
                              glob.glob(f"{out}/port/posix/*.o") + glob.glob(f"{out}/linux/*.o"))
        os.makedirs(f"{out}/bin", exist_ok=True)
        self.link(f"{out}/good", {})
        self.tests = []
        shared = [o for o in glob.glob(f"{out}/tests/*.o")
                  if not re.match(r"(test|fuzz)_", os.path.basename(o))]
        cli = [o for o in glob.glob(f"{out}/cli/*.o") if not o.endswith("/main.o")]
        for name in sorted(glob.glob(f"{out}/tests/test_*.o") + glob.glob(f"{out}/tests/fuzz_api.o")):
            base = os.path.basename(name)[:-2]
            subprocess.run(["gcc", "-o", f"{out}/bin/{base}", name, *shared, *cli, f"-L{out}/good", "-lquarry", "-lcmocka",
                            "-lzstd", "-ljansson", "-lfdt", "-lpthread", "-lm", *self.extra_libs()], check=True)
            self.tests.append(base)
        self.time_tests()

    @staticmethod
    def extra_libs():
        text = open("Makefile", encoding="utf-8").read()
        m = re.search(r"^CLI_LIBS := (.*)$", text, re.M)
        return m.group(1).split() if m else []

    def link(self, folder, changed):
        os.makedirs(folder, exist_ok=True)
        objects = [changed.get(o, o) for o in self.objects]
        subprocess.run(["gcc", "-shared", "-o", f"{folder}/libquarry.so", *objects, "-lpthread"], check=True)

    def run(self, test, folder, limit):
        env = dict(os.environ, LD_LIBRARY_PATH=os.path.abspath(folder), QUARRY_TEST_STEPS="150")
        args = [f"{self.out}/bin/{test}"] + (["20"] if test.startswith("fuzz") else [])
        try:
            return subprocess.run(args, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  stdin=subprocess.DEVNULL, timeout=limit).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def time_tests(self):
        """Those that pass and are quick, the quickest first."""
        self.took = {}
        for test in self.tests:
            start = time.monotonic()
            if self.run(test, f"{self.out}/good", 20):
                self.took[test] = time.monotonic() - start
            else:
                print(f"mutate: {test} is left out: it fails or is slow", file=sys.stderr)
        self.tests = sorted(self.took, key=self.took.get)

    def order(self, path):
        """Tests of the file's layer first."""
        layer = {"boot": "memblock|bootmem|boot", "slab": "slab|mempool|lru|rcu|geometry", "page": "page|zone|cma|contig|"
                 "compact|hotplug|hwpoison|prep|guard|reclaim|report|policy|water|nolock|owner", "diag": "view|account|owner",
                 "base": "lock|page|slab"}.get(path.split("/")[1], "")
        near = [t for t in self.tests if layer and re.search(layer, t)]
        return near + [t for t in self.tests if t not in near]

    def try_fault(self, index, path, lines, fault):
        """None: it does not compile; else the test that noticed, or "" for none."""
        number, column, old, new = fault
        folder = f"{self.out}/fault{index % (4 * self.jobs)}-{threading.get_ident()}"
        os.makedirs(folder, exist_ok=True)
        changed = list(lines)
        line = changed[number]
        changed[number] = line[:column] + new + line[column + len(old):] if column else new
        source = f"{folder}/{os.path.basename(path)}"
        with open(source, "w", encoding="utf-8") as f:
            f.write("\n".join(changed))
        object_ = f"{folder}/changed.o"
        flags = FLAGS.split() + ["-std=c11", "-ffreestanding", "-Iinclude", "-Isrc", "-Iport/posix", "-I" + os.path.dirname(path)]
        try:
            if subprocess.run(["gcc", *flags, "-w", "-c", "-o", object_, source]).returncode != 0:
                return None
            good = f"{self.out}/{path[:-2]}.o"
            if same_code(good, object_):
                return None
            self.link(folder, {good: object_})
            for test in self.order(path):
                if not self.run(test, folder, 5 + 10 * self.took[test]):
                    return test
            return ""
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def same_code(a, b):
    def text(o):
        return subprocess.run(["objdump", "-d", "-j", ".text", "--no-show-raw-insn", o], capture_output=True,
                              text=True).stdout.split("\n", 3)[-1]
    return text(a) == text(b)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="faults to try (default 200)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", default="src/*/*.c", help="glob of sources")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", default="build/mutate")
    args = parser.parse_args()
    faults = []
    for path in sorted(glob.glob(args.files)):
        lines, found = candidates(path)
        faults += [(path, lines, f) for f in found]
    if not faults:
        sys.exit(f"mutate: no source matches {args.files}")
    print(f"{len(faults)} faults can be made in {args.files}; {min(args.count, len(faults))} are tried, seed {args.seed}")
    random.Random(args.seed).shuffle(faults)
    bench = Bench(args.out, args.jobs)
    caught = tried = 0
    survivors = []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        def one(item):
            index, (path, lines, fault) = item
            return path, lines, fault, bench.try_fault(index, path, lines, fault)
        for path, lines, fault, test in pool.map(one, enumerate(faults[:args.count])):
            if test is None:
                continue
            tried += 1
            if test:
                caught += 1
            else:
                number, column, old, new = fault
                what = f"{old.strip()} -> {new.strip() or 'nothing'}" if column else "left out"
                survivors.append(f"{path}:{number + 1}: {what}: {lines[number].strip()}")
                print(survivors[-1], flush=True)
            if sys.stderr.isatty():
                print(f"\r{tried} tried, {caught} caught", end="", file=sys.stderr)
    print(f"{tried} faults tried, {caught} caught ({100 * caught / max(tried, 1):.1f} %), {len(survivors)} survived")
    return 0


if __name__ == "__main__":
    sys.exit(main())
