#!/usr/bin/env python3
"""quench report in a real browser: pages of one run and of several, in light and dark, on a wide and a narrow
screen and on paper: nothing on the console, nothing loaded, every plot and picture has a size, ink differs from
paper, nothing is cut off or left open.

usage: report_page.py QUENCH [FOLDER_FOR_SCREENSHOTS [RUN...]]
With runs, it looks at these instead of training its own. Exit status 77: no Chromium here.
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

# The sizes of each plot and its drawing; for each image whether it was decoded.
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
            tall: Math.max(0, ...paths.map(path => path.getBoundingClientRect().height)),
            series: painted.length + svg.querySelectorAll('circle').length,
            page_text: svg.querySelectorAll('text').length, ink: getComputedStyle(svg).color};
  });
  const pictures = [...document.images].map(image => image.complete ? image.naturalWidth : 0);
  const rows = [...document.querySelectorAll('.histograms')].map(grid => {
    const tops = [...grid.children].map(figure => Math.round(figure.getBoundingClientRect().top));
    return [...new Set(tops)].map(top => tops.filter(other => other === top).length);
  });
  const hyphens = [...document.querySelectorAll('td, svg text')].map(e => e.textContent.trim())
      .filter(text => /(^|[^\\w.])-[0-9]/.test(text) && !/[a-z]/.test(text));
  return {plots, pictures, paper, rows, hyphens, text: document.body.innerText,
          result: Math.max(...[...document.querySelectorAll('#result .scroll')].map(
              box => box.scrollWidth - box.clientWidth)), scripts: document.scripts.length, title: document.title,
          overflow: document.documentElement.scrollWidth - window.innerWidth,
          sections: [...document.querySelectorAll('section')].map(section => section.id)};
})()
"""

# Elements that do not fit onto paper or cannot be opened there.
PAPER = """
(() => {
  const wide = [...document.querySelectorAll('pre, .scroll')].filter(e => e.scrollWidth > e.clientWidth + 1);
  const closed = [...document.querySelectorAll('details pre')].filter(e => e.getBoundingClientRect().height < 20);
  const rows = [...document.querySelectorAll('.histograms')].map(grid => {
    const tops = [...grid.children].map(figure => Math.round(figure.getBoundingClientRect().top));
    return [...new Set(tops)].map(top => tops.filter(other => other === top).length);
  });
  return {rows, wide: wide.map(e => e.textContent.slice(0, 60)), closed: closed.length,
          headings: [...document.querySelectorAll('h2, h3')].map(e => e.textContent.trim())};
})()
"""
A4_WIDTH = 718  # CSS pixels, between Chromium's margins

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
    """A run of every kind: trained at 1 and at 4 bits, a float one of a single epoch, that quantized, and as imported."""
    config = work / "tiny.toml"
    config.write_text(CONFIG)
    ste, lsq, floating, ptq, imported = (work / name for name in
                                         ("ste", "lsq & <4> bits", "float", "ptq", "imported"))
    quench(program, "train", str(config), "--run", str(ste))
    quench(program, "train", str(config), "--run", str(lsq), "--set", "quant.method=lsq",
           "--set", "quant.weight.bits=4", "--set", "quant.activation.bits=4")
    quench(program, "train", str(config), "--run", str(floating), "--set", "quant.method=none",
           "--set", "quant.first_layer.activation.method=none", "--set", "train.epochs=1")
    quench(program, "quantize", str(config), "--run", str(ptq), "--checkpoint", str(floating),
           "--set", "quant.method=symmetric", "--set", "quant.bits=8", "--set", "quant.weight.bits=8",
           "--set", "quant.activation.bits=8")
    imported.mkdir()  # as quench import leaves it
    for name in ("config.toml", "versions.json", "last.safetensors"):
        shutil.copy(floating / name, imported / name)
    return [ste, lsq, floating, ptq, imported]


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
        check(plot["width"] > 100 and plot["height"] > 70 and plot["page_text"] > 3,
              f"{what}: a plot has no size: {plot}")
        check(plot["drawn"] > 0.5 * plot["width"] and plot["tall"] > 0.4 * plot["height"],
              f"{what}: a plot is squeezed by its surroundings: {plot}")
        check(plot["series"] > 0, f"{what}: a plot shows no series: {plot}")
        check(plot["ink"] != seen["paper"], f"{what}: ink is as paper: {plot}")
    check(all(size > 0 for size in seen["pictures"]), f"{what}: a picture is broken")
    for section in ("result", "curves", "layers", "histograms", "sizes", "mistakes", "config", "machine"):
        check(section in seen["sections"], f"{what}: no section {section}")
    check(seen["hyphens"] == [], f"{what}: a hyphen is used as a minus: {seen['hyphens'][:5]}")
    if width >= 1200:
        check(seen["result"] <= 0, f"{what}: the result's table is {seen['result']} pixels too wide")
        if runs > 1:
            check(all(len(set(rows)) == 1 for rows in seen["rows"]),
                  f"{what}: rows of histograms are left open: {seen['rows']}")
    return seen


def check_paper(browser, page, runs):
    browser.open(page.as_uri(), width=A4_WIDTH, media="print")
    seen = browser.evaluate(PAPER)
    check(seen["wide"] == [], f"{page.name}, on paper: cut off: {seen['wide']}")
    check(seen["closed"] == 0, f"{page.name}, on paper: {seen['closed']} configs are closed")
    if runs > 1:
        check(all(len(set(rows)) == 1 for rows in seen["rows"]),
              f"{page.name}, on paper: rows of histograms are left open: {seen['rows']}")
    printed = browser.pdf()
    check(len(printed) > 10000, f"{page.name}: prints nothing")
    if shutil.which("pdftotext") is None:
        return
    text = subprocess.run(["pdftotext", "-layout", "-", "-"], input=printed, capture_output=True, check=True)
    for number, sheet in enumerate(text.stdout.decode().split("\f"), 1):
        lines = [line.strip() for line in sheet.splitlines() if line.strip()]
        check(not lines or lines[-1] not in seen["headings"],
              f"{page.name}: sheet {number} ends with the heading '{lines[-1:]}'")


def main():
    program = str(pathlib.Path(sys.argv[1]).resolve())
    browser_program = chromium.find()
    if browser_program is None:
        print("skipped: needs chromium")
        return 77
    with tempfile.TemporaryDirectory() as name, chromium.Chromium(browser_program) as browser:
        work = pathlib.Path(name)
        runs = [pathlib.Path(word).resolve() for word in sys.argv[3:]] or make_runs(program, work)
        pages = {work / "one.html": runs[:1], work / "two.html": runs[:2], work / "three.html": runs[:3],
                 work / "ptq.html": runs[2:4], work / "all.html": runs}
        page_text = {}
        for page, shown in pages.items():
            quench(program, "report", *map(str, shown), "-o", str(page))
            papers = set()
            for scheme in ("light", "dark"):
                for width in (1200, 420):
                    seen = check_page(browser, page, len(shown), scheme, width)
                    papers.add(seen["paper"])
                    page_text[page.stem] = seen["text"]
            check(len(papers) == 2, f"{page.name}: light and dark are the same: {papers}")
            check_paper(browser, page, len(shown))
            if len(sys.argv) > 2:
                for scheme in ("light", "dark"):
                    browser.open(page.as_uri(), scheme=scheme)
                    browser.screenshot(f"{sys.argv[2]}/{page.stem}-{scheme}.png")
        if len(sys.argv) <= 3:
            made = runs[0] / "report.html"
            check(made.exists(), "training made no report.html")
            check("was made of reaches" in page_text["ptq"] and "costs" in page_text["ptq"],
                  f"the page of a run of quench quantize has no accuracy: {page_text['ptq'][:600]}")
    print(f"{failures} checks failed")
    return 1 if failures else 0


sys.exit(main())
