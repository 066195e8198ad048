#!/usr/bin/env python3
"""public_headers.py ROOT FOLDER DEPFILE: makes FOLDER, the headers that `meson install` installs.

These are include/quench/quench.h and all that it includes, so no list has to be kept. In the tree a header says
"core/tensor.h"; in FOLDER it says <quench/core/tensor.h>, which collides with nobody's core/.
"""
import pathlib
import re
import shutil
import sys

INCLUDE = re.compile(r'^#include "(.+)"$', re.MULTILINE)


def main(root, folder, depfile):
    umbrella = root / "include/quench/quench.h"
    shutil.rmtree(folder, ignore_errors=True)
    seen = {"quench.h": umbrella}
    waiting = ["quench.h"]
    while waiting:
        name = waiting.pop()
        text = seen[name].read_text()
        for included in INCLUDE.findall(text):
            if included not in seen:
                seen[included] = root / included
                waiting.append(included)
        copy = folder / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(INCLUDE.sub(r"#include <quench/\1>", text))
    depfile.write_text(f"{folder}: " + " ".join(str(path) for path in seen.values()) + "\n")


main(*map(pathlib.Path, sys.argv[1:]))
