"""Tables in text files: CSV with any of four separators, JSON Lines, JSON."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gdbench.data.own.columns import is_known, texts_of
from gdbench.data.own.rows import Raw, Reader
from gdbench.data.tree import MAX_ANNOTATION_BYTES, PICTURES

_MARKS = ((b"\xff\xfe\x00\x00", "utf-32"), (b"\x00\x00\xfe\xff", "utf-32"),
          (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))  # fmt: skip
_SEPARATORS = ",|\t;"
_NAMES = {",": "commas", "|": "|", "\t": "tabs", ";": "semicolons"}
_LONGEST_CELL = 1_000_000
_MOST_LINES = 50  # of one row: more are a quote that nobody closed

Table = tuple[tuple[str, ...], list[Raw]]


def read_text(reader: Reader, path: Path, file: str) -> str | None:
    """The content of a text file; None after a problem."""
    try:
        if path.stat().st_size > MAX_ANNOTATION_BYTES:
            reader.problems.add(file, "", "larger than 2 GB: no file of captions is")
            return None
        data = path.read_bytes()
    except OSError as error:
        reader.problems.add(file, "", f"cannot be read ({error.strerror})")
        return None
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), None)
    if encoding is not None and reader.encoding is None:
        reader.problems.notes.append(f"{file}: read as {encoding.upper()}, as its mark says")
    wanted = reader.encoding or encoding or "utf-8-sig"
    try:
        text = data.decode(wanted)
    except LookupError:
        reader.problems.add(file, "", f"no encoding is called {wanted!r}; say --encoding latin-1")
        return None
    except UnicodeError as error:
        reader.problems.add(file, _place_of(data, error), _undecodable(data, wanted))
        return None
    if "\x00" in text:
        hint = "; it looks like UTF-16: say --encoding utf-16-le" if wanted == "utf-8-sig" else ""
        reader.problems.add(file, "", f"holds zero bytes{hint}")
        return None
    return text.removeprefix("\ufeff")


def _place_of(data: bytes, error: UnicodeError) -> str:
    start = error.start if isinstance(error, UnicodeDecodeError) else 0
    line = data.count(b"\n", 0, start) + 1
    return f"line {line}"


def _undecodable(data: bytes, wanted: str) -> str:
    if wanted != "utf-8-sig":
        return f"is not {wanted}"
    if b"\x00" in data[:1000]:
        return "not UTF-8; it looks like UTF-16 without a mark: say --encoding utf-16-le"
    return "not UTF-8; save the file as UTF-8, or say its encoding, e.g. --encoding latin-1"


def read_table(reader: Reader, path: Path, file: str) -> Table | None:
    """Columns and rows of a file of captions; None after a problem of the whole file."""
    text = read_text(reader, path, file)
    if text is None:
        return None
    if not text.strip():
        reader.problems.add(file, "", "is empty")
        return None
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        return _json_lines(reader, text, file)
    if suffix == ".json":
        return _json(reader, text, file)
    return _csv(reader, text, file)


def _json_lines(reader: Reader, text: str, file: str) -> Table:
    rows = []
    # not splitlines: a caption may hold other line separators than \n
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            values = _object(reader, line, file, f"line {number}")
            if values is not None:
                rows.append(Raw(f"line {number}", values))
    return _columns(rows), rows


def _object(reader: Reader, line: str, file: str, place: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        reader.problems.add(file, place, "not JSON: expected one object on each line")
        return None
    if isinstance(found, dict):
        return found
    reader.problems.add(file, place, "expected an object with a value for each column")
    return None


def _json(reader: Reader, text: str, file: str) -> Table | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        place = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        reader.problems.add(file, place, "not JSON")
        return None
    if isinstance(found, dict) and found and all(texts_of(v) is not None for v in found.values()):
        # names of pictures and their captions
        found = [{"file": name, "caption": value} for name, value in found.items()]
    if not isinstance(found, list):
        problem = "expected a list of objects, one for each row, or captions by name of the picture"
        reader.problems.add(file, "", problem)
        return None
    rows = []
    for number, values in enumerate(found, 1):
        if isinstance(values, dict):
            rows.append(Raw(f"row {number}", values))
        else:
            reader.problems.add(file, f"row {number}", "expected an object")
    return _columns(rows), rows


def _columns(rows: list[Raw]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(name) for row in rows for name in row.values))


def _csv(reader: Reader, text: str, file: str) -> Table | None:
    lines = re.split(r"\r\n|\n|\r", text)
    header = next(number for number, line in enumerate(lines) if line.strip())
    separator = separator_of(lines[header])
    columns = tuple(cell.strip() for cell in next(_cells([lines[header]], separator))[1])
    if not any(map(is_known, columns)):
        looks = any(cell.lower().endswith(PICTURES) for cell in columns)
        what = "no header" if looks or len(columns) == 1 else "no column that is known"
        problem = f"{what}: the first line has to name the columns, e.g. file,caption"
        reader.problems.add(file, f"line {header + 1}", problem)
        return None
    twice = [c for n, c in enumerate(columns) if c and c in columns[:n]]
    if twice:
        reader.problems.add(file, twice[0], "two columns have this name")
        return None
    if separator != ",":
        reader.problems.notes.append(f"{file}: its columns are separated by {_NAMES[separator]}")
    body = lines[header + 1 :]
    return columns, list(_csv_rows(reader, body, header + 2, separator, columns, file))


def separator_of(header: str) -> str:
    """The separator between most names in a line that are known; of equals the comma."""
    return max(_SEPARATORS, key=lambda s: sum(map(is_known, next(_cells([header], s))[1])))


def _csv_rows(
    reader: Reader, lines: list[str], first: int, separator: str, columns: tuple[str, ...],
    file: str,
) -> Iterator[Raw]:  # fmt: skip
    """Rows of lines of which the first has the number `first`."""
    start = 0  # index of the first line of a row, which may have several
    try:
        for end, cells in _cells(lines, separator):
            place = f"line {first + start}"
            if end - start > _MOST_LINES:
                problem = f"a row of more than {_MOST_LINES} lines: a quote is not closed"
                reader.problems.add(file, place, problem)
            elif len(cells) != len(columns) and any(cell.strip() for cell in cells):
                reader.problems.add(file, place, _other_cells(len(cells), len(columns), separator))
            elif any(cell.strip() for cell in cells):
                values = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
                yield Raw(place, values)
            start = end + 1
    except csv.Error as error:
        reader.problems.add(file, f"line {first + start}", f"not CSV: {error}")


def _cells(lines: list[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """The index of each row's last line, and its cells.

    Between tabs and bars quotes are part of a text, unless they enclose all of it.
    """
    if separator in "|\t":
        for number, line in enumerate(lines):
            yield number, [_unquoted(cell) for cell in line.split(separator)]
        return
    csv.field_size_limit(_LONGEST_CELL)
    rows = csv.reader((line + "\n" for line in lines), delimiter=separator, skipinitialspace=True)
    for cells in rows:
        yield rows.line_num - 1, cells


def _unquoted(cell: str) -> str:
    text = cell.strip()
    inner = text[1:-1]
    if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return text


def _other_cells(n: int, expected: int, separator: str) -> str:
    if n < expected:
        return f"has too few cells for {expected} columns: one is missing, such as the caption"
    advice = ""
    if separator in ",;":
        advice = ": put texts that contain the separator in double quotes"
    return f"has more cells than the {expected} columns{advice}"
