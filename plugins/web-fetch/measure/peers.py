"""The main text of pages by two readability libraries, as files beside ours.

Usage: peers.py LIST OUT. A line of LIST is a name, a tab, and the path of a page.
"""

import pathlib
import sys

import lxml.html
import readability
import trafilatura


def by_trafilatura(page: str) -> str:
    return trafilatura.extract(page, include_tables=True, include_comments=False) or ""


def by_readability(page: str) -> str:
    summary = readability.Document(page).summary()
    return lxml.html.fromstring(summary).text_content() if summary.strip() else ""


LIBRARIES = {"trafilatura": by_trafilatura, "readability-lxml": by_readability}


def main() -> None:
    pages, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    for library, extract in LIBRARIES.items():
        (out / library).mkdir(parents=True, exist_ok=True)
        for line in pages.read_text().splitlines():
            name, path = line.split("\t")
            page = pathlib.Path(path).read_bytes().decode("utf-8", "replace")
            try:
                text = extract(page)
            except Exception as error:  # a library that gives up has found nothing
                print(f"{library}: {name}: {error}", file=sys.stderr)
                text = ""
            (out / library / name).write_text(text)


main()
