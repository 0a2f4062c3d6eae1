import contextlib
import json
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gdbench.readable import text_problem
from gdbench.submissions.problems import Rejected
from gdbench.submissions.untrusted import (
    check_texts,
    depth,
    parse_object,
    read_bytes,
)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def nesting(value):
    if isinstance(value, dict):
        return 1 + max(map(nesting, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(nesting, value), default=0)
    return 0


@given(values)
def test_depth_is_the_depth_of_the_parsed_value(value):
    assert depth(json.dumps(value)) == nesting(value)


@given(st.dictionaries(st.text(), values, max_size=3))
def test_parsing_is_json_s(value):
    if nesting(value) <= 16:
        assert parse_object(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_no_bytes_crash_the_parser(data):
    with contextlib.suppress(Rejected):
        parse_object(data)


@pytest.mark.parametrize(
    "data", [b'{"a": NaN}', b'{"a": Infinity}', b'{"a": 1, "a": 2}', b"{", b"3", b"\xff"]
)
def test_what_is_no_good_json(data):
    with pytest.raises(Rejected):
        parse_object(data)


@pytest.mark.parametrize(
    "text", ["<b>", "a>b", "\x00", "\x1b[31m", "\u202e", "\u200b", "\ufeff", "x" * 4001, "\ud800"]
)
def test_texts_that_no_record_needs(text):
    assert text_problem(text)


@pytest.mark.parametrize("text", ["", "Łódź, 東京", "line\nline", "a & b", "{'x'}"])
def test_plain_texts(text):
    assert text_problem(text) is None


def test_keys_and_nested_values_are_looked_at():
    check_texts({"a": [{"b": "fine"}]})
    with pytest.raises(Rejected, match=r"a\[0\]\.b"):
        check_texts({"a": [{"b": "<i>"}]})
    with pytest.raises(Rejected, match="a key of a"):
        check_texts({"a": {"<i>": 1}})


def test_only_regular_files_of_the_right_size_are_read(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"12345")
    assert read_bytes(path, 5) == b"12345"
    with pytest.raises(Rejected, match="at most 4"):
        read_bytes(path, 4)
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(Rejected, match="cannot be opened"):
        read_bytes(link, 5)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Rejected, match="not a regular file"):
        read_bytes(tmp_path / "pipe", 5)
    with pytest.raises(Rejected, match="not there"):
        read_bytes(tmp_path / "missing", 5)
