#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes small faults in src/, one at a time, and says which of them the quick tests do not notice.

A fault is a comparison that is turned round or moved by one, a condition that is negated, an "and" that becomes
an "or", a constant taken for another, a one that is lost, a statement (an update, a call, an unlock) that is left
out. The same seed gives the same faults.

src/ itself is not touched: all happens in a copy of the tree in memory (--out). What includes the changed file is
compiled anew and linked into a shared library; then those tests run that reach the changed line, the quickest and the
most successful first, until one notices. Too much processor time counts as noticed. Which tests reach which lines is asked of gcov once, and
kept there until a test or the library changes. For what only QUARRY_TINY has, its self-test on 2 MiB is the test.
"""
import argparse
import fnmatch
import glob
import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

FLAGS = ["-O1", "-fPIC", "-DQUARRY_DEBUG=1", "-Wno-error"]
LIBRARY = ["-std=c11", "-ffreestanding", "-fno-common", "-w", "-Iinclude", "-Isrc", "-Iport/posix"]
TINY = ["-DQUARRY_TINY=1", "-Itests/configs"]
SLOW = 6.0  # seconds of processor time that a quick test may take
SWAPS = [
    (r"(?<![<>=!-])<(?![<=])", "<="),
    (r"(?<![<>=])<=(?!=)", "<"),
    (r"(?<![<>=-])>(?![>=])", ">="),
    (r"(?<![<>=-])>=(?!=)", ">"),
    (r"==", "!="),
    (r"!=", "=="),
    (r"&&", "||"),
    (r"\|\|", "&&"),
    (r" \+ 1u?\b", ""),
    (r" - 1u?\b", ""),
    (r"\+= ", "-= "),
    (r"-= ", "+= "),
    (r"\|= ", "&= "),
    (r"\+\+", "--"),
    (r"(?<!-)--(?!-)", "++"),
    (r"\btrue\b", "false"),
    (r"\bfalse\b", "true"),
    (r"(?<![\w.] )(?<![\w.\\])0(?![\w.])", "1"),
    (r"(?<![+-] )(?<![\w.])1(?![\w.])", "0"),
]
# What no test can tell: hints, texts, checks that are off in a product, and what the compiler refuses.
SKIP = re.compile(r"prefetch|ASSERT|EXPENSIVE|_log\(|_report\(|_Static_assert|ASSUME|^\s*(case|default|#|\*|//)|\bfor \(\w+ ?\*|"
                  r"quarry_relax|compiler_barrier|\bsizeof\b.*;$|^\s*(static|extern|struct|enum|union|const|unsigned|int|bool|size_t|"
                  r"uint\d+_t|pfn_t|phys_addr_t|quarry_pin_t|char|void|long)\b[^;=]*[;{(]?$")
# Comparisons that say the same of equals: "a > b ? a - b : 0", "a < b ? a : b", "if (a > b) a = b;".
BOUNDARY = [re.compile(r"(?P<a>[\w.>()-]+) [<>]=? (?P<b>[\w.>()-]+) \? (?P=a) - (?P=b) : 0\b"),
            re.compile(r"(?P<a>[\w.>-]+) [<>]=? (?P<b>[\w.>-]+) \? (?:(?P=a) : (?P=b)|(?P=b) : (?P=a))(?![\w.>(-])")]
SAYS = re.compile(r"_log\(|_report\(|quarry_panic\(")  # up to its semicolon
STATEMENT = re.compile(r"^\t+[\w>\-.\[\]\*()]+( [|&+-]?= .*|\+\+|--|\(.*\));$")


def negations(blank):
    """(start, text) of conditions that end on their line."""
    for m in re.finditer(r"\b(?:if|while) \(", blank):
        depth, i = 1, m.end()
        while i < len(blank) and depth:
            depth += {"(": 1, ")": -1}.get(blank[i], 0)
            i += 1
        if not depth:
            yield m.end(), i - 1


def code_lines(lines):
    """(number, line without comments and texts) of those inside functions."""
    comment, depth, saying = False, 0, False
    for number, code in enumerate(lines):
        if comment:
            if "*/" not in code:
                continue
            code = " " * (code.index("*/") + 2) + code.split("*/", 1)[1]
            comment = False
        code = re.sub(r"/\*.*?\*/", lambda m: " " * len(m.group()), code)
        if "/*" in code:
            code = code[:code.index("/*")]
            comment = True
        blank = re.sub(r'"(\\.|[^"])*"', lambda m: '"' + "_" * (len(m.group()) - 2) + '"', code).rstrip()
        inside = depth > 0
        depth += blank.count("{") - blank.count("}")
        if inside and blank.startswith("\t") and not SKIP.search(blank) and not saying:
            yield number, blank
        saying = (saying or SAYS.search(blank) is not None) and not blank.endswith(";")


def candidates(path):
    """The lines of a file, and (number, changed line) of every fault that can be made in it."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    found = []
    for number, blank in code_lines(lines):
        line = lines[number]
        same = [range(*m.span()) for pattern in BOUNDARY for m in pattern.finditer(blank)]
        for pattern, new in SWAPS:
            for m in re.finditer(pattern, blank):
                if m.group() + "=" == new or m.group() == new + "=":
                    if any(m.start() in span for span in same):
                        continue
                found.append((number, line[:m.start()] + new + line[m.end():]))
        for start, end in negations(blank):
            found.append((number, f"{line[:start]}!({line[start:end]}){line[end:]}"))
        if STATEMENT.match(blank) and "return" not in blank:
            found.append((number, "\t;"))
    return lines, found


def run(args, **more):
    subprocess.run(args, check=True, **more)


def digest(*paths):
    h = hashlib.sha256()
    for path in paths:
        with open(path, "rb") as f:
            h.update(f.read())
    return h.hexdigest()


def variable(name, file):
    """What make says a variable of a file is, as words."""
    text = f"include {file}\nprint:\n\t@echo $({name})\n"
    return subprocess.run(["make", "-s", "-f", "-", "print"], input=text, capture_output=True, text=True,
                          check=True).stdout.split()


class Bench:
    """A copy of the tree, its tests, and libraries that can be exchanged under them."""

    def __init__(self, out, jobs, seconds):
        self.out = out
        self.seconds = seconds
        self.noticed = {}
        self.copy_tree()
        os.chdir(f"{out}/tree")
        for name in ("MAKEFLAGS", "MFLAGS"):
            os.environ.pop(name, None)
        names = sorted(os.path.basename(t)[:-2] for t in glob.glob("tests/*.c"))
        self.tests = [n for n in names if re.match(r"test_|fuzz_api|fuzz_firmware", n)]
        shared = [f"build/tests/{n}.o" for n in names if not re.match(r"(test|fuzz)_", n)]
        cli = [f"build/{c[:-2]}.o" for c in glob.glob("cli/*.c") if c != "cli/main.c"]
        make = ["make", "--no-print-directory", "-s", f"-j{jobs}"]
        run(make + [f"CFLAGS={' '.join(FLAGS)}", *shared, *cli, *(f"build/tests/{t}.o" for t in self.tests), "build/libquarry.a"])
        run(make + ["O=cov", f"CFLAGS={' '.join(FLAGS)} --coverage", "cov/libquarry.a"])
        self.objects = sorted(o for part in ("src", "selftest", "port/posix", "linux")
                              for o in glob.glob(f"build/{part}/**/*.o", recursive=True))
        self.includes = {o: set(re.findall(r"[\w/]+\.[ch]", open(o[:-1] + "d", encoding="utf-8").read())) for o in self.objects}
        self.link("good", self.objects)
        self.link("cov", [o.replace("build/", "cov/", 1) for o in self.objects])
        os.makedirs("bin", exist_ok=True)
        libs = [w for w in variable("CLI_LIBS", "Makefile") if w.startswith("-l")]
        for test in self.tests:
            parts = [f"build/tests/{test}.o", *shared, *cli]
            if not newer(f"bin/{test}", [*parts, "good/libquarry.so"]):
                run(["gcc", "-o", f"bin/{test}", *parts, "-Lgood", "-lquarry", "-lcmocka", *libs])
        self.build_tiny()
        self.measure()

    def copy_tree(self):
        """Files that did not change keep their time, for make."""
        names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], check=True, capture_output=True,
                               text=True).stdout.split("\0")
        names += [n for n in glob.glob("build/uplot/*")]
        for name in filter(os.path.exists, filter(None, names)):
            to = f"{self.out}/tree/{name}"
            if not os.path.exists(to) or digest(name) != digest(to):
                os.makedirs(os.path.dirname(to), exist_ok=True)
                shutil.copy(name, to)

    def build_tiny(self):
        """What QUARRY_TINY compiles, as objects, and its program."""
        sources = variable("QUARRY_TINY_SRCS", "sources.mk") + variable("QUARRY_SELFTEST_SRCS", "sources.mk")
        headers = [h for part in ("include", "src", "selftest", "tests/configs") for h in glob.glob(f"{part}/**/*.h", recursive=True)]
        self.tiny = {}
        for source in sources:
            self.tiny[source] = f"tiny/{source[:-2]}.o"
            os.makedirs(os.path.dirname(self.tiny[source]), exist_ok=True)
            if not newer(self.tiny[source], [source, *headers]):
                self.compile(source, self.tiny[source], TINY)
        self.link("tinygood", self.tiny.values())
        run(["gcc", "-w", "-std=gnu11", "-Iinclude", *TINY, "-o", "bin/tiny", "tests/configs/tiny.c", "-Ltinygood", "-lquarry"])

    @staticmethod
    def compile(source, to, flags=(), origin=None):
        return subprocess.run(["gcc", *FLAGS, *flags, *LIBRARY, "-I" + os.path.dirname(origin or source), "-c", "-o", to, source],
                              stderr=subprocess.DEVNULL, check=False).returncode == 0

    @staticmethod
    def link(folder, objects):
        os.makedirs(folder, exist_ok=True)
        fast = ["-fuse-ld=lld"] if shutil.which("ld.lld") else []
        run(["gcc", "-shared", *(["--coverage"] if folder == "cov" else fast), "-o", f"{folder}/libquarry.so", *objects, "-lpthread"])

    @staticmethod
    def run_test(test, folder, seconds):
        """Whether it passes, and the processor time it took."""
        env = dict(os.environ, LD_LIBRARY_PATH=os.path.abspath(folder), QUARRY_TEST_STEPS="200")
        args = [f"bin/{test}"] + (["20"] if test.startswith("fuzz") else [])
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        with subprocess.Popen(args, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                              start_new_session=True) as p:
            limit = int(seconds) + 1
            resource.prlimit(p.pid, resource.RLIMIT_CPU, (limit, limit))
            resource.prlimit(p.pid, resource.RLIMIT_CORE, (0, 0))
            while True:
                try:
                    good = p.wait(timeout=10 * limit) == 0
                    break
                except subprocess.TimeoutExpired:
                    if p.poll() is not None or wants_cpu(p.pid):
                        continue  # the machine is busy: the limit of processor time will do
                    good = False
                    p.kill()
                    break
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return good, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def measure(self):
        """How long each test takes, and which lines it reaches; those that fail or are slow are left out."""
        kept = {}
        if os.path.exists("reach.json"):
            with open("reach.json", encoding="utf-8") as f:
                kept = json.load(f)
        self.reach = {}
        for test in self.tests:
            key = digest(f"bin/{test}", "good/libquarry.so")
            if kept.get(test, {}).get("key") != key:
                good, took = self.run_test(test, "good", SLOW)
                kept[test] = {"key": key, "took": took, "lines": self.lines_of(test) if good else None}
                if kept[test]["lines"] is None:
                    print(f"mutate: {test} is left out: it fails or is slow", file=sys.stderr)
            if kept[test]["lines"] is not None:
                self.reach[test] = kept[test]
        with open("reach.json", "w", encoding="utf-8") as f:
            json.dump(kept, f)
        self.index = {}
        for test in sorted(self.reach, key=lambda t: self.reach[t]["took"]):
            for path, lines in self.reach[test]["lines"].items():
                for line in lines:
                    self.index.setdefault((path, line), []).append(test)

    def lines_of(self, test):
        """{file: lines} that a test reaches."""
        for name in glob.glob("cov/**/*.gcda", recursive=True):
            os.remove(name)
        self.run_test(test, "cov", 5 * SLOW)
        counts = [c for c in glob.glob("cov/src/**/*.gcda", recursive=True)]
        lines = {}
        for text in subprocess.run(["gcov", "-j", "-t", *counts], capture_output=True, text=True, check=False).stdout.splitlines():
            for file in json.loads(text)["files"]:
                if file["file"].startswith("src/"):
                    reached = lines.setdefault(file["file"], set())
                    reached.update(x["line_number"] for x in file["lines"] if x["count"])
        return {path: sorted(reached) for path, reached in lines.items()}

    def tests_of(self, path, number):
        """Tests that reach the line; a line that gcov does not know goes with those before it, or its file."""
        for line in range(number + 1, max(number - 8, 0), -1):
            if (path, line) in self.index:
                return self.index[path, line]
        near = [t for t in self.reach if path in self.reach[t]["lines"]] or self.reach  # a header of macros: all
        return sorted(near, key=lambda t: self.reach[t]["took"])

    def build_fault(self, path, lines, fault):
        """False: it does not compile, or is no change to the code."""
        number, new = fault
        changed = [*lines[:number], new, *lines[number + 1:]]
        shutil.rmtree("fault", ignore_errors=True)
        os.makedirs(f"fault/{os.path.dirname(path)}")
        source = f"fault/{path}"
        with open(source, "w", encoding="utf-8") as f:
            f.write("\n".join(changed))
        tiny = path in self.tiny and f"build/{path[:-2]}.o" not in self.objects
        objects = list(self.tiny.values()) if tiny else list(self.objects)
        touched = [self.tiny[path]] if tiny else [o for o in objects if path in self.includes[o]]
        same = True
        for o in touched:
            to = f"fault/{o}"
            os.makedirs(os.path.dirname(to), exist_ok=True)
            origin = re.sub(r"^\w+/(.*)\.o$", r"\1.c", o)
            flags = (TINY if tiny else []) + ["-Ifault/src"]
            if not self.compile_at(source, origin, to, flags):
                return False
            same = same and same_code(o, to)
            objects[objects.index(o)] = to
        if same:
            return False
        self.link("fault", objects)
        return True

    def compile_at(self, source, origin, to, flags):
        """A changed source, or an unchanged one that includes the changed header."""
        if source.endswith(".c"):
            return self.compile(source, to, flags, origin)
        return subprocess.run(["gcc", *FLAGS, *flags, *LIBRARY, "-I" + os.path.dirname(source), "-I" + os.path.dirname(origin), "-c",
                               "-o", to, origin], stderr=subprocess.DEVNULL, check=False).returncode == 0

    def try_fault(self, path, lines, fault):
        """None: it is no fault; else the test that noticed, or "" for none."""
        if not self.build_fault(path, lines, fault):
            return None
        if path in self.tiny and f"build/{path[:-2]}.o" not in self.objects:
            return "" if self.run_test("tiny", "fault", 10)[0] else "tiny"
        left = self.seconds
        for test in sorted(self.tests_of(path, fault[0]), key=lambda t: self.cost(path, t)):
            good, took = self.run_test(test, "fault", 1 + 5 * self.reach[test]["took"])
            left -= took
            if not good:
                self.noticed[path, test] = self.noticed.get((path, test), 0) + 1
                return test
            if left <= 0:
                break
        return ""

    def cost(self, path, test):
        """Seconds for a success, as far as faults of the same file tell."""
        return self.reach[test]["took"] / (0.2 + self.noticed.get((path, test), 0))


def wants_cpu(pid):
    """Whether any of its threads is not asleep."""
    states = []
    for stat in glob.glob(f"/proc/{pid}/task/*/stat"):
        try:
            with open(stat, encoding="utf-8") as f:
                states.append(f.read().rsplit(")", 1)[1].split()[0])
        except OSError:
            pass
    return any(s in "RD" for s in states)


def newer(path, parts):
    return os.path.exists(path) and all(os.path.getmtime(p) <= os.path.getmtime(path) for p in parts)


def same_code(a, b):
    def text(o):
        return subprocess.run(["objdump", "-dr", "--no-show-raw-insn", o], capture_output=True, text=True,
                              check=True).stdout.split("\n", 3)[-1]
    return text(a) == text(b)


def choose(args):
    """[(path, lines, fault)] that the arguments ask for."""
    faults = []
    for path in sorted(glob.glob("src/**/*.[ch]", recursive=True)):
        if any(fnmatch.fnmatch(path, g) for g in args.files):
            lines, found = candidates(path)
            faults += [(path, lines, f) for f in found]
    if not faults:
        sys.exit(f"mutate: no source matches {' '.join(args.files)}")
    total = len(faults)
    if args.again:
        with open(args.again, encoding="utf-8") as f:
            wanted = f.read()
        faults = [x for x in faults if "\n".join(told(*x)[1:]) + "\n" in wanted and x[0] in wanted]
        print(f"{total} faults can be made in {' '.join(args.files)}; {len(faults)} are tried again", flush=True)
    else:
        random.Random(args.seed).shuffle(faults)
        print(f"{total} faults can be made in {' '.join(args.files)}; {args.count} are tried, seed {args.seed}", flush=True)
    return faults


def told(path, lines, fault):
    number, new = fault
    return [f"{path}:{number + 1}", f"-{lines[number]}", f"+{new}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=["src/*.c"], help="patterns of sources (default 'src/*.c')")
    parser.add_argument("--count", type=int, default=100, help="faults to try that change the code (default 100)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip", type=int, default=0, metavar="N", help="go on after the first N faults, as an interrupted run says")
    parser.add_argument("--verbose", action="store_true", help="tell each fault, and which test noticed")
    parser.add_argument("--seconds", type=float, default=1e9, metavar="S",
                        help="count a fault as survived after S seconds of tests (default: when all have run)")
    parser.add_argument("--again", metavar="LIST", help="only faults that survived in this output of an earlier run")
    parser.add_argument("--jobs", type=int, default=2, help="compilers at once, of the copy (default 2)")
    parser.add_argument("--out", default=f"/dev/shm/quarry-mutate-{os.path.basename(os.getcwd())}", help="the copy's folder")
    args = parser.parse_args()
    faults = choose(args)
    bench = Bench(os.path.abspath(args.out), args.jobs, args.seconds)
    tried = caught = 0
    done = 0 if args.again else args.skip
    start = time.monotonic()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for path, lines, fault in faults[done:]:
            if tried == args.count and not args.again:
                break
            test = bench.try_fault(path, lines, fault)
            done += 1
            if test is None:
                continue
            tried += 1
            caught += test != ""
            if args.verbose:
                print(f"{done}: {time.monotonic() - start:.0f} s, {path}:{fault[0] + 1} {fault[1].strip()}: {test}", flush=True)
            if test == "":
                print("\n".join(told(path, lines, fault)), flush=True)
            if sys.stderr.isatty():
                print(f"\r{tried} tried, {caught} caught", end="", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"mutate: interrupted; go on with --skip {done}")
    print(f"{tried} faults tried, {caught} caught ({100 * caught / max(tried, 1):.1f} %), {tried - caught} survived, "
          f"{time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
