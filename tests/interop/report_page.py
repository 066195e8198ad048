#!/usr/bin/env python3
"""quench report in a real browser: pages of one run and of two, in light and dark, on a wide and a narrow
screen: nothing on the console, nothing loaded, every plot and picture has a size, ink differs from paper.

usage: report_page.py QUENCH [FOLDER_FOR_SCREENSHOTS [RUN...]]
With runs, it looks at these instead of training its own. Exit status 77: no Chromium or no gnuplot here.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

import chromium

CONFIG = """
[model]
name = "binarynet"
width = 0.0625
[data]
name = "synthetic"
train_size = 64
test_size = 32
[quant]
method = "ste"
weight = { bits = 1 }
activation = { bits = 1 }
first_layer = { activation = { method = "affine", bits = 8 } }
[train]
epochs = 2
batch_size = 16
threads = 1
"""

# Of each plot its sizes, and those of what is drawn; of each picture whether it was decoded.
MEASURE = """
(() => {
  const paper = getComputedStyle(document.body).backgroundColor;
  const plots = [...document.querySelectorAll('figure.plot svg')].map(svg => {
    const box = svg.getBoundingClientRect();
    const paths = [...svg.querySelectorAll('path, polygon')];
    const series = paths.filter(path => /--(run|depth)/.test(
        (path.getAttribute('stroke') || '') + (path.getAttribute('fill') || '') +
        (path.parentNode.getAttribute('fill') || '')));
    const painted = series.filter(path => {
      const style = getComputedStyle(path);
      return (style.stroke !== 'none' || style.fill !== 'none') && style.stroke !== paper;
    });
    return {name: svg.getAttribute('aria-label'), width: box.width, height: box.height,
            drawn: Math.max(0, ...paths.map(path => path.getBoundingClientRect().width)),
            series: painted.length + svg.querySelectorAll('circle').length,
            texts: svg.querySelectorAll('text').length, ink: getComputedStyle(svg).color};
  });
  const pictures = [...document.images].map(image => image.complete ? image.naturalWidth : 0);
  return {plots, pictures, paper, scripts: document.scripts.length, title: document.title,
          overflow: document.documentElement.scrollWidth - window.innerWidth,
          sections: [...document.querySelectorAll('section')].map(section => section.id)};
})()
"""

failures = 0


def check(ok, message):
    global failures
    if not ok:
        failures += 1
        print("FAILED:", message)


def quench(program, *words):
    result = subprocess.run([program, *words], capture_output=True, text=True, timeout=300)
    if result.returncode != 0:
        sys.exit(f"quench {' '.join(words)}: status {result.returncode}\n{result.stderr}")
    return result


def make_runs(program, work):
    config = work / "tiny.toml"
    config.write_text(CONFIG)
    one, two = work / "ste", work / "lsq & <4> bits"
    quench(program, "train", str(config), "--run", str(one))
    quench(program, "train", str(config), "--run", str(two), "--set", "quant.method=lsq",
           "--set", "quant.weight.bits=4", "--set", "quant.activation.bits=4")
    return [one, two]


def check_page(browser, page, runs, scheme, width):
    what = f"{page.name}, {scheme}, {width} pixels wide"
    browser.open(page.as_uri(), width=width, scheme=scheme)
    seen = browser.evaluate(MEASURE)
    check(browser.complaints() == [], f"{what}: the console says {browser.complaints()}")
    outside = [url for url in browser.requests() if not url.startswith(("file:", "data:"))]
    check(outside == [], f"{what}: loads {outside}")
    check(len(browser.requests()) - sum(url.startswith("data:") for url in browser.requests()) == 1,
          f"{what}: loads more than itself: {browser.requests()}")
    check(seen["scripts"] == 0, f"{what}: holds a script")
    check(seen["overflow"] <= 0, f"{what}: is {seen['overflow']} pixels too wide")
    # Loss, accuracy, learning rate, noise, and two histograms per layer at least.
    check(len(seen["plots"]) >= 4 + 2 * runs, f"{what}: has {len(seen['plots'])} plots")
    for plot in seen["plots"]:
        check(plot["width"] > 100 and plot["height"] > 70 and plot["drawn"] > 50 and plot["texts"] > 3,
              f"{what}: a plot has no size: {plot}")
        check(plot["series"] > 0, f"{what}: a plot shows no series: {plot}")
        check(plot["ink"] != seen["paper"], f"{what}: ink is as paper: {plot}")
    check(all(size > 0 for size in seen["pictures"]), f"{what}: a picture is broken")
    for section in ("result", "curves", "layers", "histograms", "sizes", "mistakes", "config", "machine"):
        check(section in seen["sections"], f"{what}: no section {section}")
    return seen


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    browser_program = chromium.find()
    if browser_program is None or shutil.which("gnuplot") is None:
        print("skipped: needs chromium and gnuplot-nox")
        return 77
    with tempfile.TemporaryDirectory() as name, chromium.Chromium(browser_program) as browser:
        work = pathlib.Path(name)
        runs = [pathlib.Path(word).resolve() for word in sys.argv[3:]] or make_runs(program, work)
        pages = {work / "one.html": runs[:1], work / "all.html": runs}
        for page, shown in pages.items():
            quench(program, "report", *map(str, shown), "-o", str(page))
            papers = set()
            for scheme in ("light", "dark"):
                for width in (1200, 420):
                    papers.add(check_page(browser, page, len(shown), scheme, width)["paper"])
            check(len(papers) == 2, f"{page.name}: light and dark are the same: {papers}")
            check(len(browser.pdf()) > 10000, f"{page.name}: prints nothing")
            if len(sys.argv) > 2:
                for scheme in ("light", "dark"):
                    browser.open(page.as_uri(), scheme=scheme)
                    browser.screenshot(f"{sys.argv[2]}/{page.stem}-{scheme}.png")
        if len(sys.argv) <= 3:
            made = runs[0] / "report.html"
            check(made.exists(), "training made no report.html")
    print(f"{failures} checks failed")
    return 1 if failures else 0


sys.exit(main())
