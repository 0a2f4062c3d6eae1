"""Own data that are not as they should be: each kind of problem in one line, with its place."""

import json
import os
import tarfile
import zipfile

import pytest

from gdbench.data.own.options import DataOptions
from gdbench.data.own.reading import read_own
from gdbench.data.problems import grouped
from tests.own.conftest import COLOURS, parquet, png, shard, write_pictures, write_table


@pytest.fixture
def folder(tmp_path):
    write_pictures(tmp_path / "d")
    return tmp_path / "d"


def lines_of(path, **options):
    return grouped(read_own(path, DataOptions(**options), verify="full").problems.rows)


def good(n=12, start="file,caption"):
    return [start, *(f"{c}.png,a {c} square" for c in COLOURS[:n])]


def test_each_kind_is_one_line(folder):
    (folder / "cyan.png").write_bytes(b"no picture")
    (folder / "spare.png").write_bytes(png("red"))
    (folder / "gray.png").unlink()
    (folder / "gray.png").symlink_to("/etc/hosts")
    (folder / "brown.png").unlink()
    (folder / "brown.png").symlink_to("red.png")
    lines = [
        *good(), "gone.png,nothing", "gone2.png,nothing", "../d/red.png,up", "/etc/passwd,root",
        "C:\\\\x.png,windows", "red.png,a red square", "green.png", "blue.png,", "RED.png,case",
        "http://example.org/a.png,web", "orange,no ending", "pink.png,a pink, large square",
    ]  # fmt: skip
    write_table(folder / "captions.csv", lines)
    told = lines_of(folder)
    expected = {
        "line 14: gone.png: names no file (and 1 more entries)",
        "leads out of the folder; give paths below it (and 1 more entries)",
        "has a backslash",
        "line 19: red.png: the same row stands above",
        "line 20: has too few cells",
        "line 21: blue.png: no caption",
        "line 22: RED.png: names a file that is there in other capital letters",
        "is an address",
        "its ending, such as .jpg, is missing",
        "line 25: has more cells than the 2 columns: put texts that contain the separator",
        "gray.png: is a link out of the folder",
        "cyan.png: not an image",
        "spare.png: no row names this picture",
    }
    for words in expected:
        assert sum(words in line for line in told) == 1, (words, told)
    assert len(told) == len(expected), told


def test_a_link_inside_is_a_picture(folder):
    (folder / "brown.png").unlink()
    (folder / "brown.png").symlink_to("red.png")
    write_table(folder / "captions.csv", good())
    assert lines_of(folder) == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32"])
def test_encodings_with_a_mark(folder, encoding):
    lines = good()
    lines[1] = "red.png,ein rötliches Quadrat"
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    (folder / "captions.csv").write_bytes((mark + "\r\n".join(lines)).encode(encoding))
    data = read_own(folder)
    assert data.problems.rows == []
    assert "ein rötliches Quadrat" in {row.caption for row in data.rows}


@pytest.mark.parametrize(
    ("encoding", "words"),
    [("latin-1", "line 2: not UTF-8; save the file as UTF-8, or say its encoding"),
     ("utf-16-le", "looks like UTF-16")],
)  # fmt: skip
def test_other_encodings_have_to_be_said(folder, encoding, words):
    lines = good()
    lines[1] = "red.png,ein rötliches Quadrat"
    (folder / "captions.csv").write_bytes("\n".join(lines).encode(encoding))
    (told,) = [line for line in lines_of(folder) if "png" not in line]
    assert words in told
    data = read_own(folder, DataOptions(encoding=encoding))
    assert "ein rötliches Quadrat" in {row.caption for row in data.rows}
    assert "no encoding is called 'klingon'" in lines_of(folder, encoding="klingon")[0]


def test_the_well_known_flickr_table(tmp_path):
    folder = tmp_path / "flickr"
    write_pictures(folder / "flickr30k_images")
    lines = ["image_name| comment_number| comment"]
    for c in COLOURS:
        lines += [f'{c}.png| {n}| "A" {c} square , seen {n} times .' for n in range(5)]
    lines[10] = "green.png| 4   A dog runs across the grass ."
    write_table(folder / "results.csv", lines)
    data = read_own(folder)
    (told,) = grouped(data.problems.rows)
    assert told.startswith("results.csv: line 11: has too few cells for 3 columns")
    assert data.ask == "retrieval"
    assert data.n_items == {"image_retrieval": 59, "text_retrieval": 59}
    assert data.rows[0].caption == '"A" red square , seen 0 times .'
    assert "results.csv: its columns are separated by |" in data.problems.notes
    assert "results.csv: not used: comment_number" in data.problems.notes
    assert "the pictures are in flickr30k_images/" in data.problems.notes


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("file,caption,text", "two columns could be the caption: caption, text; say --caption-c"),
        ("file,title,description", "two columns could be the caption: title, description"),
        ("file,image,caption", "two columns could be the picture: file, image; say --image-column"),
        ("file,caption,caption", "caption: two columns have this name"),
        ("name,words,more", "no column that is known"),
        ("name,caption,more", "no column names the pictures; there are: name, caption, more"),
        ("red.png,a red square,x", "no header: the first line has to name the columns"),
    ],
)
def test_columns_that_are_not_clear(folder, header, words):
    write_table(folder / "captions.csv", [header, "red.png,a red square,a square"])
    assert any(words in line for line in lines_of(folder)), lines_of(folder)


def test_a_column_that_was_said(folder):
    lines = [f"{c}.png,a {c} square,Nr. {n}" for n, c in enumerate(COLOURS)]
    write_table(folder / "captions.csv", ["file,caption,text", *lines])
    data = read_own(folder, DataOptions(caption_column="text"))
    # the other one is no caption any more, and no second one either
    assert [w for w in grouped(data.problems.rows) if "two columns" in w] == []
    assert data.rows[0].caption == "Nr. 0"
    told = lines_of(folder, caption_column="nope")
    assert any("--caption-column nope: no such column; there are: file" in w for w in told)


def test_two_questions_are_chosen_between(folder):
    lines = [f"{c}.png,a {c} square,a circle,{c}" for c in COLOURS]
    write_table(folder / "captions.csv", ["file,caption,negatives,class", *lines])
    (told,) = lines_of(folder)
    assert "negatives (negatives); classes (classes); choose one with --ask" in told
    assert lines_of(folder, ask="negatives") == []
    assert lines_of(folder, ask="pairs") == ["captions.csv: --ask pairs: there is no column group"]


def test_one_class_and_groups_of_one(tmp_path):
    write_pictures(tmp_path / "one" / "dog", ["red", "blue"])
    (told,) = lines_of(tmp_path / "one")
    assert "one class only (dog): nothing to choose between" in told
    write_pictures(tmp_path / "g")
    rows = [f"{c}.png,a {c} square,{n // 2}" for n, c in enumerate(COLOURS[:11])]
    write_table(tmp_path / "g" / "captions.csv", ["file,caption,group", *rows])
    told = lines_of(tmp_path / "g")
    assert "captions.csv: 5: a group of one picture; a pair has two" in told
    (tmp_path / "g" / "words.json").write_text(json.dumps({"good": ["joy"], "bad": ["woe"]}))
    told = lines_of(tmp_path / "g")
    assert any("5: a group of one picture; association needs two or more" in t for t in told)


@pytest.mark.parametrize(
    ("words", "problem"),
    [("[]", "expected two lists"), ('{"a": ["x"], "b": []}', "expected two lists"),
     ('{"a": ["x"], "b": ["x"]}', "x: stands in both lists"), ("{", "expected two lists")],
)  # fmt: skip
def test_words_that_are_none(folder, words, problem):
    write_table(folder / "captions.csv", ["file,group", "red.png,a", "blue.png,b"])
    (folder / "words.json").write_text(words)
    assert any(problem in line for line in lines_of(folder))


def test_negatives(folder):
    rows = [
        "red.png,a red square,a blue square|a green square", "blue.png,a blue square,a blue square",
        "green.png,a green square,a|a", "pink.png,a pink square,",
    ]  # fmt: skip
    write_table(folder / "captions.csv", ["file,caption,negatives", *rows])
    told = [line for line in lines_of(folder) if "no row names" not in line]
    assert told == [
        "captions.csv: line 3: blue.png: a negative is the caption itself",
        "captions.csv: line 4: green.png: a negative stands twice",
        "captions.csv: line 5: pink.png: no negatives",
    ]


def test_json_lines(folder):
    lines = [
        json.dumps({"file": "red.png", "caption": "a\u2028red square"}), "{", "[1]",
        json.dumps({"file": "blue.png", "caption": 3}), json.dumps({"caption": "x"}), "",
    ]  # fmt: skip
    write_table(folder / "captions.jsonl", lines)
    told = [line for line in lines_of(folder) if "no row names" not in line]
    assert told[:4] == [
        "captions.jsonl: line 2: not JSON: expected one object on each line",
        "captions.jsonl: line 3: expected an object with a value for each column",
        "captions.jsonl: line 4: caption: expected a text, or a list of texts",
        "captions.jsonl: line 5: names no picture",
    ]


def test_a_quote_that_never_ends(folder):
    rows = [f"{c}.png,a {c} square" for c in COLOURS] * 8
    rows[2] = 'blue.png,"a blue square'
    write_table(folder / "captions.csv", ["file,caption", *rows])
    assert any("line 4: a row of more than 50 lines: a quote is not" in w for w in lines_of(folder))


def test_nothing_that_could_be_read(tmp_path):
    write_pictures(tmp_path / "p")
    assert lines_of(tmp_path / "p")[0].startswith("12 pictures and no captions: expected captions.")
    (tmp_path / "e").mkdir()
    assert lines_of(tmp_path / "e")[0].startswith("neither captions nor pictures")
    (tmp_path / "p" / "captions.csv").symlink_to("/etc/hosts")
    assert "captions.csv is a link, which is not followed" in lines_of(tmp_path / "p")[0]
    (tmp_path / "p" / "captions.csv").unlink()
    (tmp_path / "p" / "images.zip").write_bytes(b"")
    assert "images.zip is still packed: unpack it" in lines_of(tmp_path / "p")[0]
    with zipfile.ZipFile(tmp_path / "a.zip", "w"):
        pass
    assert lines_of(tmp_path / "a.zip") == [
        "a.zip: is a packed archive: unpack it and give the folder"
    ]
    for name in ("a.csv", "b.csv"):
        write_table(tmp_path / "p" / name, good())
    assert "2 files could hold the captions: a.csv, b.csv" in lines_of(tmp_path / "p")[0]
    assert lines_of(tmp_path / "p" / "a.csv") == []


def test_tars_that_are_no_shards(tmp_path):
    (tmp_path / "x.tar").write_bytes(b"no tar at all" * 100)
    assert "x.tar: cannot be read as an uncompressed tar" in lines_of(tmp_path / "x.tar")[0]
    with tarfile.open(tmp_path / "y.tar", "w") as tar:
        for name, kind in (("../a.png", None), ("/b.png", None), ("c.png", tarfile.SYMTYPE)):
            info = tarfile.TarInfo(name)
            if kind:
                info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    told = lines_of(tmp_path / "y.tar")
    assert (
        "y.tar: ../a.png: leads out of the folder; give paths below it (and 1 more entries)" in told
    )
    assert "y.tar: c.png: is a link or device" in told
    shard(tmp_path / "z" / "0.tar", [("a.txt", b"no picture"), ("b.png", png("red"))])
    (tmp_path / "z" / "nshards.txt").write_text("3")
    told = lines_of(tmp_path / "z")
    assert "0.tar: a: a sample without a picture" in told
    assert "nshards.txt: 3 shards, 1 are here" in told


def test_damaged_footers_of_parquet(tmp_path):
    """What Arrow raises depends on the place: names that are no text, lists without an end."""
    path = tmp_path / "d" / "train-0.parquet"
    parquet(path, [{"colour": c, "caption": f"a {c} square"} for c in COLOURS])
    data, told = path.read_bytes(), []
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for place in range(start, len(data) - 8, 3):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x80]) + data[place + 1 :])
        told.append(lines_of(tmp_path / "d"))
    assert sum("cannot be read as Parquet" in " ".join(lines) for lines in told) > len(told) / 10


def test_splits(folder):
    rows = [f"{c}.png,a {c} square,{'test' if n < 6 else 'train'}" for n, c in enumerate(COLOURS)]
    write_table(folder / "captions.csv", ["file,caption,split", *rows])
    assert len(read_own(folder, DataOptions(split="test")).rows) == 6
    data = read_own(folder)
    assert any("test 6, train 6; --split takes one" in note for note in data.problems.notes)
    (told,) = lines_of(folder, split="val")
    assert told == "captions.csv: --split val: no such split; there are: test, train"


def test_a_folder_with_very_many_files_is_listed_and_not_looked_at(tmp_path, monkeypatch):
    """None of them is opened or asked for its size."""
    many = 20_000
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(many):
        (folder / f"{n:06}.jpg").touch()
    write_table(folder / "captions.csv", ["file,caption", *(f"{n:06}.jpg,c{n}" for n in range(20))])
    stats = []
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda *a, **k: stats.append(a) or real(*a, **k))
    data = read_own(folder)
    (told,) = grouped(data.problems.rows)
    assert told.endswith("no row names this picture (and 19,979 more entries)")
    assert len(data.problems.rows) == 1000
    assert data.problems.blocking == 0
    assert len(stats) < 100


def test_strange_names(folder):
    names = ["tab\tname", "line\nbreak", "$(reboot)", "-rf", "<script>", "a" * 250, "naïve", "数"]
    for name in names:
        (folder / f"{name}.png").write_bytes(png("red"))
    rows = [
        json.dumps({"file": f"{n}.png", "caption": f"caption {k}"}) for k, n in enumerate(names)
    ]
    write_table(folder / "captions.jsonl", rows)
    data = read_own(folder)
    told = [line for line in grouped(data.problems.rows) if "no row names" not in line]
    assert len(told) == 1
    assert "has a control character in its name (and 1 more" in told[0]
    assert len(data.rows) == 6
    assert all(len(item.id) <= 300 for item in data.items)


@pytest.mark.parametrize(
    ("ask", "option", "value"),
    [
        (None, "prompt", "a {}"),
        ("text", "words", "words.json"),
        ("pairs", "candidates", 4),
        ("classes", "candidates", 4),
    ],
)
def test_options_of_other_questions_are_refused(folder, ask, option, value):
    from gdbench.errors import InputError

    (folder / "words.json").write_text('{"good": ["joy"], "bad": ["woe"]}')
    rows = [f"{c}.png,a {c} square,{c},{k // 2}" for k, c in enumerate(COLOURS)]
    header = "file,caption,class,group" if ask in ("pairs", "classes") else "file,caption,tags,tag2"
    write_table(folder / "captions.csv", [header, *rows])
    if option == "words":
        value = folder / value
    with pytest.raises(InputError, match=rf"--{option}: these data ask \w+, which does not use it"):
        read_own(folder, DataOptions(ask=ask, **{option: value}))


def test_a_name_that_is_none_is_told_in_words():
    from gdbench.errors import InputError
    from gdbench.run import validated

    with pytest.raises(InputError, match=r"--name ../x: expected letters, digits and ._\+-"):
        validated(DataOptions, {"name": "../x"})


def test_prompts(folder):
    from gdbench.errors import InputError
    from gdbench.run import validated

    for prompt in ("no place", "{} and {}", "{", "{0.__class__}{}"):
        with pytest.raises(InputError, match="--prompt"):
            validated(DataOptions, {"prompt": prompt})
