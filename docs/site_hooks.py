"""Hooks of MkDocs: pages from outside of docs/, links as on the hub of the code, mathematics.

Pages are written so that their links work where the repository is read. Here each link is turned
into one of the site; a file that has no page becomes its name.
"""

from __future__ import annotations

import html
import json
import os
import posixpath
import re
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from latex2mathml.converter import convert
from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "README.md": "index.md",
    "examples/custom-model/README.md": "custom-model.md",
    "docs/quickstart.ipynb": "quickstart.md",
}
"""Pages of the site by the file that they are made of."""
_LINK = re.compile(r"(?<!\!)\[([^\]]*)\]\(([^)\s#]*)(#[^)\s]*)?\)")
_FIELDS = re.compile(r"<!-- fields of ([\w.]+):(\w+) -->")
_FENCE = re.compile(r"(^ *```.*?^ *```)", re.MULTILINE | re.DOTALL)
_MATH = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made of other files, and the reference of the command line."""
    for source, page in ELSEWHERE.items():
        if source == "README.md" or not (ROOT / source).exists():
            continue
        text = (ROOT / source).read_text(encoding="utf-8")
        if source.endswith(".ipynb"):
            text = notebook(json.loads(text))
        files.append(File.generated(config, page, content=text))
    files.append(File.generated(config, "reference/cli.md", content=command_line()))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Links between files of the repository as links between pages."""
    own = next((s for s, p in ELSEWHERE.items() if p == page.file.src_uri and s != "README.md"), "")
    source = own or f"docs/{page.file.src_uri}"

    def linked(match: re.Match[str]) -> str:
        words, target, anchor = match[1], match[2], match[3] or ""
        if not target or "://" in target or target.startswith("mailto:"):
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        goal = ELSEWHERE.get(path) or path.removeprefix("docs/")
        is_page = path.startswith("docs/") or path in ELSEWHERE
        if is_page and files.get_file_from_path(goal) is not None:
            here = posixpath.dirname(page.file.src_uri)
            return f"[{words}]({posixpath.relpath(goal, here or '.')}{anchor})"
        if not (ROOT / path).exists():
            return match[0]
        return words if words.startswith("`") else f"{words} (`{path}`)" if words != path else words

    markdown = _FIELDS.sub(lambda match: fields(match[1], match[2]), markdown)
    parts = _FENCE.split(markdown)
    # every second part is code
    parts[::2] = [_LINK.sub(linked, part) for part in parts[::2]]
    return "".join(parts)


def on_page_content(html_text: str, page: Any, config: Any, files: Any) -> str:
    """LaTeX as MathML, which browsers draw by themselves."""

    def drawn(match: re.Match[str]) -> str:
        display = "block" if match[2] == "[" else "inline"
        return convert(html.unescape(match[3]).strip(), display=display)

    return _MATH.sub(drawn, html_text)


def notebook(content: Mapping[str, Any]) -> str:
    """A notebook as a page: texts, code, and the texts and pictures that it gave."""
    return "\n\n".join(part for cell in content["cells"] for part in _cell(cell))


def _cell(cell: Mapping[str, Any]) -> Iterator[str]:
    text = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield text
        return
    yield f"```python\n{text}\n```"
    for output in cell["outputs"]:
        data = output.get("data", {})
        if "image/png" in data:
            picture = data["image/png"].replace("\n", "")
            yield f'<img alt="Output of the cell above" src="data:image/png;base64,{picture}">'
        elif "text/html" in data:
            yield "".join(data["text/html"])
        else:
            plain = "".join(output.get("text") or data.get("text/plain") or "")
            yield f"```text\n{plain.rstrip()}\n```"


def command_line() -> str:
    """The page of all verbs with their arguments and options, from the command line itself."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import typer

    from gdbench.cli import app

    lines = [
        "# Command line\n\n"
        "Made from the program itself. `gdbench VERB --help` prints the same. Exit codes: 0 done, "
        "1 a check failed, 2 bad usage or input, 130 interrupted.\n"
    ]
    root: Any = typer.main.get_command(app)
    for name, verb in sorted(root.commands.items()):
        lines += _verb(f"gdbench {name}", verb, 2)
    return "\n".join(lines)


def fields(module: str, name: str) -> str:
    """The fields of a pydantic model that say by themselves what they are, as a table."""
    from gdbench.run import flag_of

    model: Any = getattr(import_module(module), name)
    rows = ["| option | | range |", "| --- | --- | --- |"]
    for field, about in model.model_fields.items():
        if about.description:
            extra = about.json_schema_extra if isinstance(about.json_schema_extra, dict) else {}
            signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
            bounds = [
                f"{sign} {getattr(rule, key)}"
                for rule in about.metadata
                for key, sign in signs.items()
                if getattr(rule, key, None) is not None
            ]
            kinds = (about.annotation, *get_args(about.annotation))
            words = [w for k in kinds if get_origin(k) is Literal for w in get_args(k)]
            allowed = ", ".join(extra.get("choices") or words or bounds)
            flag = flag_of(field)
            rows.append(f"| `{flag}` | {_plain(about.description)} | {_plain(allowed)} |")
    return "\n".join(rows)


def _verb(name: str, verb: Any, level: int) -> Iterator[str]:
    if getattr(verb, "hidden", False):
        return
    yield f"{'#' * level} {name}\n"
    yield f"{_plain(verb.help or '')}\n"
    rows = [_row(p) for p in verb.params if p.name != "help" and not getattr(p, "hidden", False)]
    if rows:
        yield "| | | default |\n| --- | --- | --- |"
        yield "\n".join(rows) + "\n"
    for child, command in sorted(getattr(verb, "commands", {}).items()):
        yield from _verb(f"{name} {child}", command, level + 1)


def _row(parameter: Any) -> str:
    names = ", ".join((*parameter.opts, *parameter.secondary_opts))
    if parameter.param_type_name == "argument":
        names = (parameter.metavar or parameter.name).upper()
    default = parameter.default
    shown = default if isinstance(default, (int, float, str)) and default != "" else None
    value = "required" if parameter.required else "" if shown in (None, False) else f"`{shown}`"
    return f"| `{names}` | {_plain(parameter.help or '')} | {value} |"


def _plain(text: str) -> str:
    """A help text in a table: braces and bars are signs like others."""
    return html.escape(" ".join(text.split()), quote=False).replace("|", "&#124;")
