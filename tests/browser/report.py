#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The page of `quarry report` in headless Chromium, with real clicks and keys.

Usage: report.py PAGE HOSTILE-PAGE FOLDER. Prints "ok - what" and "not ok - what"; pictures and a PDF of what was seen
go into FOLDER.
"""
import base64
import json
import os
import re
import sys
import time

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import Select

failed = 0


def check(name, good, seen=""):
    global failed
    if good:
        print("ok - page: " + name)
    else:
        failed += 1
        print("not ok - page: " + name + (f" (saw {seen!r})" if seen != "" else ""))


def start():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for a in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1360,1500",
              "--force-device-scale-factor=1", "--disable-dev-shm-usage", "--no-first-run",
              "--disable-background-networking"):
        options.add_argument(a)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


class Page:
    def __init__(self, driver, path):
        self.d = driver
        driver.get("file://" + os.path.abspath(path))
        self.wait(lambda: self.js("return document.documentElement.dataset.ready !== undefined ||"
                                  " !document.getElementById('trouble').hidden"))

    def js(self, code, *args):
        return self.d.execute_script(code, *args)

    def wait(self, what, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if what():
                return True
            time.sleep(0.02)
        return False

    def id(self, name):
        return self.d.find_element(By.ID, name)

    def text(self, name):
        return self.id(name).text

    def picture(self, name):
        return self.js("return document.getElementById(arguments[0]).toDataURL()", name)

    def hover(self, element, x, y):
        """@x and @y from the upper left corner."""
        size = element.size
        ActionChains(self.d, duration=0).move_to_element_with_offset(
            element, x - size["width"] / 2, y - size["height"] / 2).perform()

    def table(self, details):
        """Rows of the table in a <details>, which is opened."""
        box = self.id(details) if isinstance(details, str) else details
        self.js("arguments[0].open = true", box)
        self.wait(lambda: box.find_elements(By.TAG_NAME, "table"))
        return self.js("return [...arguments[0].querySelectorAll('tbody tr')].map(r => [...r.cells].map(c => c.textContent))",
                       box)


def console(driver):
    return [e["message"] for e in driver.get_log("browser") if e["level"] in ("SEVERE", "WARNING")]


def requests(driver):
    urls = []
    for entry in driver.get_log("performance"):
        m = json.loads(entry["message"])["message"]
        if m["method"] == "Network.requestWillBeSent":
            urls.append(m["params"]["request"]["url"])
    return [u for u in urls if not u.startswith(("file:", "data:", "blob:", "about:"))]


def keys_on_the_slider(p):
    slider = p.id("slider")
    last = int(slider.get_attribute("max"))
    check("starts at the last sample", int(slider.get_attribute("value")) == last)
    before = p.text("when")
    slider.send_keys(Keys.HOME)
    check("Home on the slider goes to the first sample", p.text("when").startswith("event 0 of"), p.text("when"))
    first = p.picture("map-canvas")
    for _ in range(3):
        slider.send_keys(Keys.ARROW_RIGHT)
    check("the right arrow steps", slider.get_attribute("value") == "3", slider.get_attribute("value"))
    check("its text is said", slider.get_attribute("aria-valuetext") == p.js("return document.getElementById('when').textContent"))
    slider.send_keys(Keys.END)
    check("End goes to the last", p.text("when") == before)
    check("the map has changed on the way", p.picture("map-canvas") != first)
    p.id("back").click()
    check("a button steps back", int(slider.get_attribute("value")) == last - 1)
    p.id("forth").click()
    p.id("play").click()
    check("play runs", p.wait(lambda: 0 < int(slider.get_attribute("value")) < last))
    p.id("play").click()
    slider.send_keys(Keys.END)


def the_map(p):
    canvas = p.id("map-canvas")
    p.js("arguments[0].scrollIntoView({block: 'center'})", canvas)
    rows = p.table("blocks-details")
    p.js("arguments[0].scrollIntoView({block: 'center'})", canvas)
    p.hover(canvas, 30, canvas.size["height"] - 16)
    tip = p.text("tip")
    m = re.search(r"Pageblocks? (\d+).*?(?:, (\d+) of 512 pages free|never)", tip, re.S)
    check("hovering over the map tells of a pageblock", m is not None, tip)
    if m is None:
        return
    row = next(r for r in rows if r[0] == m.group(1))
    check("its free pages are the table's", (m.group(2) or "") == row[4], (tip, row))
    ActionChains(p.d).click().perform()
    check("a click chooses it", p.text("h-zoom").endswith("pageblock " + m.group(1)), p.text("h-zoom"))
    check("and says so", f"Pageblock {m.group(1)}," in p.text("map-said"), p.text("map-said"))
    canvas.send_keys(Keys.ARROW_RIGHT)
    check("an arrow key goes to the next", p.text("h-zoom").endswith(f"pageblock {int(m.group(1)) + 1}"), p.text("h-zoom"))
    canvas.send_keys(Keys.HOME)
    check("Home to the first", p.text("h-zoom").endswith("pageblock 0"))
    canvas.send_keys(Keys.ENTER)
    check("Enter to its pages", p.js("return document.activeElement.id") == "zoom-canvas")
    pages = p.table("zoom-details")
    check("whose table adds up to 512", sum(int(r[1]) for r in pages) == 512, sum(int(r[1]) for r in pages))
    p.id("zoom-canvas").send_keys(Keys.END)
    check("the last page is said", "page 511 of 512" in p.text("zoom-said"), p.text("zoom-said"))
    p.id("zoom-canvas").send_keys(Keys.ESCAPE)
    check("Escape goes back to the map", p.js("return document.activeElement.id") == "map-canvas")
    types = p.table("types-details")
    total = sum(int(re.sub(r"\D", "", r[1]) or 0) for r in types)
    check("pageblocks by type add up", total == len(rows), (total, len(rows)))


def colours(p):
    seen = set()
    for mode in ("type", "full", "owner", "node"):
        p.js("document.getElementById('modes').scrollIntoView({block: 'center'})")
        p.d.find_element(By.CSS_SELECTOR, f"input[value={mode}]").find_element(By.XPATH, "..").click()
        seen.add((p.picture("map-canvas"), p.text("map-legend")))
    check("each way to colour the map looks different, with a legend of its own", len(seen) == 4, len(seen))
    p.d.find_element(By.CSS_SELECTOR, "input[value=type]").find_element(By.XPATH, "..").click()


def background(p):
    return p.js("return getComputedStyle(document.body).backgroundColor")


def themes(p, folder):
    p.js("window.scrollTo(0, 0)")
    light = background(p)
    p.d.save_screenshot(os.path.join(folder, "light.png"))
    p.id("theme").click()
    check("the button changes to dark", background(p) != light and "dark" in p.text("theme"))
    p.id("theme").click()
    check("and back", background(p) == light)
    p.d.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    check("a choice goes before the system's", background(p) == light)
    p.d.refresh()
    p.wait(lambda: p.js("return document.documentElement.dataset.ready !== undefined"))
    check("the system's wish is followed", background(p) != light)
    p.d.save_screenshot(os.path.join(folder, "dark.png"))
    p.d.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "light"}]})
    p.wait(lambda: background(p) == light)


def curves(p):
    Select(p.id("axis")).select_by_value("event")
    for chart in ("orders-chart", "unusable-chart", "marks-chart", "slabs-chart", "waste-chart"):
        box = p.id(chart)
        p.js("arguments[0].scrollIntoView({block: 'center'})", box)
        over = box.find_element(By.CSS_SELECTOR, ".u-over")
        p.hover(over, over.size["width"] * 0.4, over.size["height"] / 2)
        legend = p.js("return [...arguments[0].querySelectorAll('.u-legend .u-value')].map(e => e.textContent)", box)
        rows = p.table(box.find_element(By.CSS_SELECTOR, "details"))
        event = re.sub(r"\D", "", legend[0])
        row = next((r for r in rows if re.sub(r"\D", "", r[0]) == event), None)
        check(f"{chart}: what hovering shows is what the table says", row is not None and row[2:] == legend[1:],
              (legend, row))
        p.js("arguments[0].open = false", box.find_element(By.CSS_SELECTOR, "details"))
    p.js("arguments[0].scrollIntoView({block: 'center'})", over)
    p.hover(over, over.size["width"] * 0.4, over.size["height"] / 2)
    ActionChains(p.d).click().perform()
    check("a click on a curve goes to that moment", re.sub(r"\D", "", p.text("when").split(" of ")[0]) == event,
          p.text("when"))
    plot = p.id("slabs-chart").find_element(By.CSS_SELECTOR, ".plot")
    value = int(p.id("slider").get_attribute("value"))
    plot.send_keys(Keys.ARROW_LEFT)
    check("arrow keys on a picture step in time", int(p.id("slider").get_attribute("value")) == value - 1)
    Select(p.id("axis")).select_by_value("time")


def the_end(p):
    """What was unpacked agrees with the report's JSON, which is not packed."""
    p.id("slider").send_keys(Keys.END)
    replay = p.js("return JSON.parse(document.getElementById('data').textContent).replay")
    digits = lambda s: int(re.sub(r"\D", "", s) or 0)
    zone = max(replay["zones"], key=lambda z: z["managed"])
    details = p.id("orders-chart").find_element(By.CSS_SELECTOR, "details")
    last = p.table(details)[-1]
    check("free blocks at the end are the report's", [digits(v) for v in last[2:]] == zone["free_blocks"],
          (last, zone["free_blocks"]))
    p.js("arguments[0].open = false", details)
    shown = {r[0]: (digits(r[2]), digits(r[3]), digits(r[4])) for r in p.table("caches-details")}
    want = {c["name"]: (c["active_objs"], c["num_objs"], c["num_slabs"]) for c in replay["caches"]}
    check("caches at the end are the report's", shown == want, set(shown.items()) ^ set(want.items()))
    rows = p.js("return [...document.querySelectorAll('#linux-body table')[0].tBodies[0].rows].map(r =>"
                " [...r.cells].map(c => c.textContent))")
    linux = {c["name"]: c["linux"]["num_slabs"] for c in replay["caches"] if c["linux"]}
    check("and Linux's stand beside them", {r[0]: digits(r[2]) for r in rows} == linux and len(linux) > 10, len(linux))


def tab_order(p):
    p.js("document.activeElement.blur(); window.scrollTo(0, 0); document.getElementById('theme').focus()")
    order = []
    for _ in range(14):
        ActionChains(p.d).send_keys(Keys.TAB).perform()
        order.append(p.js("const e = document.activeElement; return e.id || e.name || e.tagName"))
    want = [n for n in order if n in ("play", "back", "slider", "forth", "axis")]
    check("Tab goes through the bar of time in order", want == ["play", "back", "slider", "forth", "axis"], order)
    check("nothing is taken out of its order",
          p.js("return [...document.querySelectorAll('[tabindex]')].every(e => e.tabIndex <= 0)"))
    bare = p.js("return [...document.querySelectorAll('button, input, select, canvas, [role=region]')].filter(e =>"
                " !e.closest('.plot') && !e.textContent.trim() && !e.getAttribute('aria-label') && !e.closest('label')).map(e => e.id)")
    check("all that takes keys has a name", bare == [], bare)


def search(p):
    box = p.id("sites-find")
    all_rows = len(p.d.find_elements(By.CSS_SELECTOR, "#sites-table tbody tr"))
    box.send_keys("kmalloc")
    rows = p.js("return [...document.querySelectorAll('#sites-table tbody tr')].map(r => r.textContent.toLowerCase())")
    check("call sites can be searched", 0 < len(rows) < all_rows and all("kmalloc" in r for r in rows), (all_rows, len(rows)))
    box.clear()


def refusals(p):
    n = len(p.d.find_elements(By.CSS_SELECTOR, ".refusal"))
    check("refused requests are explained", n > 0 and "would have helped" in p.text("refused-body"))
    p.js("document.querySelector('.refusal button').click()")
    first = int(re.sub(r"\D", "", re.search(r"first at event ([\d\s]+)",
                                            p.d.find_element(By.CSS_SELECTOR, ".refusal").text).group(1)))
    now = int(re.sub(r"\D", "", p.text("when").split(" of ")[0]))
    check("a button shows the moment", now >= first, (now, first))


def narrow(p, folder):
    p.d.set_window_size(500, 1400)
    p.wait(lambda: p.js("return innerWidth") <= 500)
    p.d.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                        {"width": 380, "height": 1400, "deviceScaleFactor": 1, "mobile": False})
    p.wait(lambda: p.js("return innerWidth") == 380)
    time.sleep(0.3)
    p.js("window.scrollTo(0, 0)")
    check("380 pixels wide: nothing sticks out", p.js("return document.documentElement.scrollWidth") <= 380,
          p.js("return document.documentElement.scrollWidth"))
    p.d.save_screenshot(os.path.join(folder, "narrow.png"))
    p.d.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    p.d.set_window_size(1360, 1500)


def on_paper(p, folder):
    pdf = base64.b64decode(p.d.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"])
    with open(os.path.join(folder, "report.pdf"), "wb") as f:
        f.write(pdf)
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    check("can be printed", pdf.startswith(b"%PDF") and len(pdf) > 50000 and 2 <= pages <= 40, (len(pdf), pages))
    p.d.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    p.d.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                        {"width": 717, "height": 1046, "deviceScaleFactor": 1, "mobile": False})
    check("is no wider than A4 on paper", p.wait(lambda: p.js("return document.documentElement.scrollWidth <= 717"), 5),
          p.js("return document.documentElement.scrollWidth"))
    p.d.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    p.d.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def hostile(driver, path):
    p = Page(driver, path)
    check("a recording with markup in its names is text", p.js("return document.querySelectorAll('b.evil, i > *, td > i:not(:empty)').length") == 0
          and p.js("return window.evil") is None)
    check("and is shown as it is", "<i>evil</i><!--" in p.text("sites-table"), p.text("sites-table")[:200])
    check("an address that collides has its place", p.text("collisions").count("</script><i>again</i>") == 1 and
          "an object of </script><i>evil</i><!-- is alive" in p.text("collisions"), p.text("collisions"))


def without_curves(driver, path, folder):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    parts = re.split(r"(<script>)", text)
    bare = os.path.join(folder, "bare.html")
    with open(bare, "w", encoding="utf-8") as f:
        f.write(re.sub(r"<script>/\*! https.*?</script>", "<script></script>", text, count=1, flags=re.S))
    assert len(parts) == 5
    p = Page(driver, bare)
    check("without uPlot there are tables", p.js("return typeof uPlot") == "undefined" and
          len(p.d.find_elements(By.CSS_SELECTOR, "#orders-chart tbody tr")) > 10)
    os.unlink(bare)


def main():
    page, evil, folder = sys.argv[1:4]
    os.makedirs(folder, exist_ok=True)
    driver = start()
    try:
        p = Page(driver, page)
        check("opens", p.js("return document.getElementById('trouble').hidden"), p.text("trouble"))
        keys_on_the_slider(p)
        the_map(p)
        colours(p)
        curves(p)
        the_end(p)
        tab_order(p)
        search(p)
        refusals(p)
        themes(p, folder)
        narrow(p, folder)
        on_paper(p, folder)
        check("no word on the console", (said := console(driver)) == [], said)
        hostile(driver, evil)
        without_curves(driver, page, folder)
        check("no word on the console of the others", (said := console(driver)) == [], said)
        check("nothing is asked of the network", (asked := requests(driver)) == [], asked)
    finally:
        driver.quit()
    return 1 if failed else 0


sys.exit(main())
