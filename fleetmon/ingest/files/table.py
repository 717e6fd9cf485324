"""CSV text to numbered rows under their header.

Every physical line is a row of its own, so a quotation mark that is never closed costs one row, not the rest
of the file. Where it can be wrong: a line break within a quoted cell makes two rows, which are both kept aside.
"""

import codecs
import csv
import io
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from fleetmon.ingest.files.outcome import FileError, RowError

PREAMBLE: Final = 30  # lines of titles before the header
_MARKS: Final = "`'\t "  # put before numbers so that a spreadsheet leaves them alone


class Row(NamedTuple):
    """One line: its number, its cells, and what is wrong with it as a line."""

    line: int
    cells: list[str]
    error: RowError | None
    last: bool  # of the file, and cut off without an end of line


def decoded(data: bytes) -> str:
    """The text of UTF-8 or UTF-16 (with or without BOM), else GBK (GB 18030); raises FileError."""
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not utf16 and b"\0" in data:
        raise FileError("is not text; give a CSV or a camt XML file")
    for encoding in ("utf-16",) if utf16 else ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise FileError("is neither UTF-8 nor GBK text; save it as UTF-8")


def rows(text: str, delimiter: str) -> Iterator[Row]:
    """The lines that are not blank."""
    lines = io.StringIO(text, newline=None)
    for number, line in enumerate(lines, 1):
        content = line.rstrip("\n")
        if not content.strip(f" \t{delimiter}"):
            continue
        last = not line.endswith("\n")
        try:
            cells = next(csv.reader([content], delimiter=delimiter, strict=True))
        except csv.Error as error:
            problem = RowError("quote", f"the quotation marks do not fit ({error})")
            yield Row(number, content.split(delimiter), problem, last)
        else:
            yield Row(number, [clean(cell) for cell in cells], None, last)


def clean(cell: str) -> str:
    """A cell without what was put around it for spreadsheets."""
    cell = cell.strip()
    if cell.startswith('="') and cell.endswith('"'):
        cell = cell[2:-1]
    return cell.lstrip(_MARKS).rstrip()


def folded(name: str) -> str:
    """A column's name without differences that mean nothing: width, case, spaces."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def fitted(row: Row, columns: int) -> list[str]:
    """The cells under the header; raises RowError for a line that is none, too short or too long."""
    if row.error is not None:
        raise row.error
    cells = list(row.cells)
    while len(cells) > columns and not cells[-1]:
        cells.pop()
    if len(cells) != columns:
        raise RowError("ragged", f"{len(cells)} cells where the header has {columns}")
    return cells


def width(header: Sequence[str]) -> int:
    """How many columns the header names; delimiters at its end name none."""
    return max(place for place, name in enumerate(header, 1) if name)
