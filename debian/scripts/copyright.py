#!/usr/bin/env python3
"""Writes debian/copyright from debian/copyright.in and the licences of the vendored crates.

    copyright.py           writes it
    copyright.py --check   exit 1 when it does not tell the truth any more
"""

import json
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent.parent
# SPDX's names where Debian's format has another.
NAMES = {"MIT": "Expat", "GPL-3.0-only": "GPL-3", "LGPL-2.1-or-later": "LGPL-2.1+",
         "Apache-2.0 WITH LLVM-exception": "Apache-2.0 with LLVM exception"}
NOTICE = re.compile(r"^\W*(copyright\s+(\(c\)|©|\d{4}|the|individual).*|©\s.*)$", re.IGNORECASE)
FORM = re.compile(r"[\[{<](yyyy|year|name|fullname)", re.IGNORECASE)


def crates():
    command = ["cargo", "metadata", "--locked", "--quiet", "--format-version", "1"]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=HERE.parent).stdout
    found = [package for package in json.loads(told)["packages"] if package["source"]]
    return sorted(found, key=lambda package: (package["name"], package["version"]))


def holders(package):
    """The notices in the licence files; else the authors; else the project's own name."""
    notices = {}
    for path in sorted(pathlib.Path(package["manifest_path"]).parent.iterdir()):
        if not re.match(r"(un)?licen[cs]e|copy", path.name, re.IGNORECASE) or not path.is_file():
            continue
        for line in path.read_text(errors="replace").splitlines():
            notice = NOTICE.match(line.strip())
            if notice and not FORM.search(line):
                text = re.sub(r"^copyright\s*(\(c\)|©)?\s*", "", notice[1].strip(), flags=re.IGNORECASE)
                notices[text.strip(" .")] = None
    return list(notices) or package["authors"] or [f"the developers of {package['name']}"]


def licence(package):
    """The SPDX expression in the words of Debian's format."""
    text = re.sub(r"\s*/\s*", " OR ", package["license"])
    for spdx, name in NAMES.items():
        text = re.sub(rf"(?<![\w.-]){re.escape(spdx)}(?![\w.-])(?! WITH)", name, text)
    bracket = re.fullmatch(r"\((.*)\) AND (.*)", text)
    if bracket:
        text = f"{bracket[1]}, and {bracket[2]}"
    return text.replace(" OR ", " or ").replace(" AND ", " and ")


def names(text):
    return re.split(r", and | or | and ", text)


def paragraphs():
    """One for all crates that have the same holders and licence."""
    groups = {}
    for package in crates():
        key = (licence(package), "\n           ".join(holders(package)))
        groups.setdefault(key, []).append(f"rust-vendor/{package['name']}-{package['version']}/*")
    for (terms, owners), files in sorted(groups.items(), key=lambda item: item[1]):
        listed = "\n       ".join(files)
        yield terms, f"Files: {listed}\nCopyright: {owners}\nLicense: {terms}\n"


def text():
    frame, *texts = re.split(r"\n\n(?=License: )", (HERE / "copyright.in").read_text())
    known = {entry.splitlines()[0].removeprefix("License: "): entry for entry in texts}
    used = {"Expat", "Apache-2.0"}
    parts = [frame.rstrip() + "\n"]
    for terms, paragraph in paragraphs():
        used.update(names(terms))
        parts.append(paragraph)
    missing = used - known.keys()
    if missing:
        sys.exit(f"copyright: debian/copyright.in has no text of: {', '.join(sorted(missing))}")
    parts += [known[name].rstrip() + "\n" for name in sorted(used)]
    return "\n".join(parts)


def main(arguments):
    path = HERE / "copyright"
    new = text()
    if arguments == ["--check"]:
        if not path.exists() or path.read_text() != new:
            sys.exit("copyright: debian/copyright is not up to date: run debian/scripts/copyright.py")
    elif arguments:
        sys.exit(__doc__)
    else:
        path.write_text(new)


if __name__ == "__main__":
    main(sys.argv[1:])
