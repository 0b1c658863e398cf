#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Draws the curve of a soak. Usage: soak_plot.py CSV SVG; the figures are those of tests/test_soak_threads.c."""
import csv
import sys

WIDTH, PANEL, LEFT, GAP = 860, 150, 70, 48
PAGE_MIB = 4 / 1024


def panels(rows):
    """(title, unit, [(name, colour, values)])."""
    def col(name, scale=1.0):
        return [float(r[name]) * scale for r in rows]
    free, whole = col("free"), col("whole")
    return [
        ("Memory", "MiB", [("managed", "#888888", col("managed", PAGE_MIB)), ("held", "#c44e52", col("held", PAGE_MIB)),
                           ("in slabs", "#4c72b0", col("slab", PAGE_MIB)), ("free", "#55a868", col("free", PAGE_MIB))]),
        ("Free memory in whole pageblocks", "%",
         [("", "#55a868", [100 * w / f if f else 100 for w, f in zip(whole, free)])]),
        ("The library's tables", "KiB", [("", "#8172b2", col("meta_bytes", 1 / 1024))]),
        ("Memory of the process", "MiB", [("", "#937860", col("rss_kib", 1 / 1024))]),
    ]


def curve(seconds, values, top, y0, colour):
    last = seconds[-1] or 1
    points = " ".join(f"{LEFT + (WIDTH - LEFT - 20) * s / last:.1f},{y0 + PANEL * (1 - v / top):.1f}"
                      for s, v in zip(seconds, values))
    return f'<polyline fill="none" stroke="{colour}" stroke-width="1.2" points="{points}"/>'


def main():
    with open(sys.argv[1], encoding="utf-8", newline="") as f:
        rows = list(csv.DictReader(f))
    seconds = [float(r["second"]) for r in rows]
    shown = panels(rows)
    out = []
    for i, (title, unit, curves) in enumerate(shown):
        y0 = 30 + i * (PANEL + GAP)
        top = max(max(v) for _, _, v in curves) * 1.05 or 1
        out.append(f'<rect x="{LEFT}" y="{y0}" width="{WIDTH - LEFT - 20}" height="{PANEL}" fill="none" stroke="#cccccc"/>')
        names = "".join(f'<tspan fill="{c}" dx="12">{n}</tspan>' for n, c, _ in curves)
        out.append(f'<text x="{LEFT}" y="{y0 - 8}">{title} ({unit}){names}</text>')
        out.append(f'<text x="{LEFT - 6}" y="{y0 + 10}" text-anchor="end">{top:.0f}</text>')
        out.append(f'<text x="{LEFT - 6}" y="{y0 + PANEL}" text-anchor="end">0</text>')
        out += [curve(seconds, v, top, y0, c) for _, c, v in curves]
    height = 30 + len(shown) * (PANEL + GAP)
    out.append(f'<text x="{LEFT}" y="{height - 22}">{seconds[-1] / 60:.0f} minutes, {int(rows[-1]["round"]) + 1} rounds, '
               f'{int(rows[-1]["served"]):,} requests served, {int(rows[-1]["refused"]):,} refused</text>')
    with open(sys.argv[2], "w", encoding="utf-8") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
                f'font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(out) + "\n</svg>\n")
    print(f"  {sys.argv[2]}")


if __name__ == "__main__":
    main()
