"""Foreign text is shown as it is: no markup is read in it, no terminal is steered by it."""

import ast
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import gdbench
from gdbench.progress import Words
from gdbench.terminal import Table, clean, error, line, note, show

PACKAGE = Path(gdbench.__file__).parent
NASTY = (
    "[INST] a red circle [/INST]",
    "[/]",
    "[bold",
    "[link=https://x]y",
    ":smiley:",
    "\\[red]",
    "[@click=f]",
)
STEERING = ("\x1b[31mred", "\x9b31m", "a\rb", "\x07", "a\u202eb", "a\u2028b", "\x7f")


def trees():
    for path in PACKAGE.rglob("*.py"):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_rich_is_imported_at_one_place_and_its_bars_at_one_other():
    found = {
        file: {name for name in imports(tree) if name.split(".")[0] == "rich"}
        for file, tree in trees()
    }
    users = {file for file, names in found.items() if names}
    assert users == {"terminal.py", "progress.py"}
    texts = {"rich.console.Console", "rich.table.Table", "rich.progress.TextColumn"}
    assert not found["progress.py"] & texts


def test_whatever_else_is_written_to_a_terminal_is_json():
    strangers = []
    for file, tree in trees():
        if file == "terminal.py":
            continue
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            written = ast.unparse(node.args[0]) if node.args else ""
            if called in {"print", "click.echo", "click.secho", "typer.secho"} or (
                called == "typer.echo" and not written.startswith("json.dumps(")
            ):
                strangers.append(f"{file}:{node.lineno}")
            elif called == "json.dumps" and any(k.arg == "ensure_ascii" for k in node.keywords):
                # only where the text goes to a file
                assert not file.startswith("cli/"), f"{file}:{node.lineno}"
    assert strangers == []


@pytest.mark.parametrize("text", NASTY)
def test_markup_is_text(text, capsys):
    table = Table(text, title=text)
    table.add_row(text)
    line(text)
    note(text)
    error(text)
    show(table)
    captured = capsys.readouterr()
    assert captured.out.count(text) == 4
    assert captured.err.splitlines() == [text, text]


@pytest.mark.parametrize("text", [*STEERING, "\ud800", "a\nb", "a\tb"])
def test_what_a_terminal_obeys_is_escaped_and_reads_back(text, capsys):
    table = Table("x")
    table.add_row(text)
    line(text)
    show(table)
    captured = capsys.readouterr()
    expected = clean(text)
    assert captured.out.splitlines() == [expected, "x".ljust(len(expected)), expected]
    assert expected.isprintable()
    assert expected.encode().decode("unicode_escape") == text


def test_letters_of_every_script_stay():
    text = "naïve 日本語 العربية हिन्दी 👩‍🎓"
    assert clean(text) == text


def test_a_bar_shows_what_it_is_told():
    class Bar:
        description = "[red]a\x1b[0m[/red]"

    assert Words("{task.description}").render(Bar()).plain == r"[red]a\x1b[0m[/red]"


@pytest.mark.parametrize("text", [*NASTY, *STEERING])
def test_match_shows_any_sentence_and_file_name(gdbench, tmp_path, text):
    name = "[red]a[bold.png"
    Image.new("RGB", (8, 8)).save(tmp_path / name)
    result = gdbench("match", "--model", "random", "--image", name, "--text", text)
    assert result.code == 0
    assert name in result.out
    # a sentence may be folded
    assert clean(text).replace(" ", "") in "".join(result.out.split())


def test_names_of_models_files_and_tasks_in_errors_are_shown_escaped(gdbench):
    for words in (
        ("evaluate", "--model", "\x1b[31mx[/red]", "--suite", "mini"),
        ("evaluate", "--model", "random", "--suite", "mini", "--tasks", "\x1b[31mx[/red]"),
        ("score", "\x1b[31mx[/red]"),
        ("verify", "\x1b[31mx[/red]"),
        ("match", "--model", "random", "--text", "a", "--image", "\x1b[31mx[/red]"),
    ):
        result = gdbench(*words)
        assert result.code == 2
        assert r"\x1b[31mx[/red]" in result.err
        assert "\x1b" not in result.err + result.out


def test_nothing_foreign_steers_a_real_terminal(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "[red]\x1b[2J\udcff.png")
    main, side = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable, "-c", "from gdbench.cli import main; main()", "match", "--model",
            "random", "--image", "[red]\x1b[2J\udcff.png", "--text", "[INST]\x1b[2Ja[/INST]",
        ],
        cwd=tmp_path, stdin=side, stdout=side, stderr=side, env=os.environ | {"TERM": "xterm"},
    )  # fmt: skip
    os.close(side)
    shown = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:  # the other side is closed
            break
        if not part:
            break
        shown += part
    assert process.wait() == 0, shown
    os.close(main)
    assert b"\x1b[2J" not in shown
    assert rb"[red]\x1b[2J\udcff.png" in shown
    assert rb"[INST]\x1b[2Ja[/INST]" in shown
