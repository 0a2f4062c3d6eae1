"""Ways to tamper with a tree of submissions, or to damage it."""

import base64
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.parquet import encryption

from gdbench.store import ScoreLog, hash_scores

WINO = Path("hashing/1/winoground")
BIAS = Path("hashing/1/bias")
DIFFUSION = Path("denoising/2/winoground")


def record_edit(change, folder=WINO):
    """Tampering with the record's JSON alone."""

    def tamper(tree):
        path = tree / folder / "record.json"
        raw = json.loads(path.read_text())
        change(raw)
        path.write_text(json.dumps(raw))

    return tamper


def put(*keys_and_value, folder=WINO):
    """Set record[k1][k2]… to a value."""
    *keys, last, value = keys_and_value

    def change(raw):
        target = raw
        for key in keys:
            target = target[key]
        target[last] = value

    return record_edit(change, folder)


def rehash(tree, folder=WINO):
    """Make the record's hash fit the scores again, as a careful cheat would."""
    record_edit(
        lambda raw: raw.update(scores_sha256=hash_scores(ScoreLog(tree / folder).read())), folder
    )(tree)


def score_edit(change, folder=WINO, *, fit_hash=False):
    """Tampering with the rows of the score file."""

    def tamper(tree):
        path = tree / folder / "scores.parquet"
        frame = change(pq.read_table(path).to_pandas())
        # NaN must stay NaN and not become an empty cell.
        columns = {name: pa.array(frame[name].to_numpy(), from_pandas=False) for name in frame}
        columns["item"] = pa.array(frame["item"].tolist(), pa.string())
        pq.write_table(pa.table(columns), path)
        if fit_hash:
            rehash(tree, folder)

    return tamper


def raw_record(data, folder=WINO):
    return lambda tree: (tree / folder / "record.json").write_bytes(data)


def raw_scores(data, folder=WINO):
    return lambda tree: (tree / folder / "scores.parquet").write_bytes(data)


def last_digit(frame):
    frame.loc[3, "score"] = np.nextafter(frame.loc[3, "score"], np.float32(1e9))
    return frame


def swapped_ids(frame):
    # the first item and the next one whose scores differ
    blocks = [g for _, g in frame.groupby("item", sort=False)]
    first = blocks[0]
    other = next(b for b in blocks if (b.score.to_numpy() != first.score.to_numpy()).any())
    a, b = first.item.iloc[0], other.item.iloc[0]
    frame["item"] = frame["item"].replace({a: b, b: a})
    return frame


def with_score(value):
    def change(frame):
        frame.loc[5, "score"] = np.float32(value)
        return frame

    return change


def better_scores(frame):
    """All items right."""
    frame["score"] = (frame["image"] == frame["text"]).astype(np.float32)
    return frame


def metric(name, field, value, folder=WINO):
    def change(raw):
        found = next(m for m in raw["metrics"] if m["name"] == name)
        assert found[field] != value
        found[field] = value

    return record_edit(change, folder)


def sparse(name, size):
    def tamper(tree):
        with (tree / WINO / name).open("wb") as file:
            file.truncate(size)

    return tamper


def rename(old, new):
    def tamper(tree):
        (tree / new).parent.mkdir(parents=True, exist_ok=True)
        (tree / old).rename(tree / new)

    return tamper


def doubled_key(tree):
    path = tree / WINO / "record.json"
    path.write_text(path.read_text().replace('"score":', '"score": 1.0, "score":', 1))


def link_record(tree):
    path = tree / WINO / "record.json"
    path.rename(tree.parent / "elsewhere.json")
    path.symlink_to(tree.parent / "elsewhere.json")


def link_folder(tree):
    (tree / "linked").symlink_to(tree / "hashing")


def fifo(tree):
    path = tree / WINO / "record.json"
    path.unlink()
    os.mkfifo(path)


def copied_revision(tree):
    shutil.copytree(tree / "hashing/1", tree / "hashing/9")
    for folder in ("hashing/9/winoground", "hashing/9/bias"):
        record_edit(
            lambda raw: raw.update(
                model=raw["model"] | {"revision": "9"},
                signature=raw["signature"].replace("@1", "@9"),
            ),
            Path(folder),
        )(tree)


def stolen_scores(tree):
    shutil.copytree(tree / "hashing", tree / "mine")
    for task in ("winoground", "bias"):
        record_edit(
            lambda raw: raw.update(
                model=raw["model"] | {"name": "mine"},
                signature=raw["signature"].replace("model:hashing", "model:mine"),
            ),
            Path("mine/1") / task,
        )(tree)


def case_twin(tree):
    shutil.copytree(tree / "hashing", tree / "Hashing")


def two_cards(tree):
    record_edit(lambda raw: raw["model"].update(parameters=7), BIAS)(tree)


def truncated_parquet(tree):
    path = tree / WINO / "scores.parquet"
    path.write_bytes(path.read_bytes()[:-40])


def flipped_byte(tree):
    path = tree / WINO / "scores.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 0xFF
    path.write_bytes(bytes(data))


def bomb(tree):
    table = pa.table(
        {
            "item": pa.DictionaryArray.from_arrays(pa.array(np.zeros(6_000_000, np.int32)), ["x"]),
            "image": pa.array(np.zeros(6_000_000, np.int32)),
            "text": pa.array(np.zeros(6_000_000, np.int32)),
            "score": pa.array(np.zeros(6_000_000, np.float32)),
            "truncated_texts": pa.array(np.zeros(6_000_000, np.int32)),
        }
    )
    pq.write_table(table, tree / WINO / "scores.parquet", compression="zstd")


def long_ids(tree):
    """One id of 3 MB for all rows: stored once, 7 GB when repeated."""
    table = pq.read_table(tree / BIAS / "scores.parquet")
    ids = pa.DictionaryArray.from_arrays(
        pa.array(np.zeros(len(table), np.int32)), ["x" * 3_000_000]
    )
    index = table.schema.get_field_index("item")
    # without Arrow's own schema a reader sees a plain string column
    pq.write_table(
        table.set_column(index, "item", ids), tree / BIAS / "scores.parquet", store_schema=False
    )


def drop_first_item(frame):
    return frame[frame.item != frame.item[0]].reset_index(drop=True)


def drop_item_and_say_so(tree):
    score_edit(drop_first_item, fit_hash=True)(tree)
    record_edit(lambda raw: raw["task"].update(n_items=raw["task"]["n_items"] - 1))(tree)


def double_first_item(frame):
    return pd.concat([frame, frame[frame.item == frame.item[0]]], ignore_index=True)


def rename_item(name):
    def change(frame):
        frame["item"] = frame["item"].replace({frame.item[0]: name})
        return frame

    return change


def swap_rows(frame):
    return frame.iloc[[1, 0, *range(2, len(frame))]]


def empty_cell(tree):
    path = tree / WINO / "scores.parquet"
    table = pq.read_table(path)
    score = table.column("score").to_pylist()
    score[4] = None
    index = table.schema.get_field_index("score")
    pq.write_table(table.set_column(index, "score", pa.array(score, pa.float32())), path)


def drop_metric(raw):
    raw["metrics"].pop()


def invent_metric(raw):
    raw["metrics"].append(raw["metrics"][0] | {"name": "invented"})


def repeat_metric(raw):
    raw["metrics"].append(raw["metrics"][0])


def word(raw):
    raw["metrics"][0]["details"]["word_000"] += 0.5


def cut_text(frame):
    frame.loc[frame.item == frame.item[0], "truncated_texts"] = 1
    return frame


def stopped_without_timesteps(tree):
    put("settings", "stop", "sequential")(tree)
    put("settings", "delta", 0.05)(tree)


def audit_of_huge_numbers(tree):
    (tree / "AUDITED.toml").write_text(
        f'[[audited]]\npath = "hashing/1/bias"\nscores_sha256 = "{"0" * 64}"\nitems = 1\nof = 2\n'
        f'largest = {"1" * 400}\npoints = 2.0\npower = 0.99\nrandomness = "x"\nby = "x"\n'
        'date = "2026-01-31"\n'
    )


def audited(**entry):
    """An audit log with one entry, of the scores of winoground."""

    def tamper(tree):
        digest = json.loads((tree / WINO / "record.json").read_text())["scores_sha256"]
        known = {
            "path": WINO.as_posix(), "scores_sha256": digest, "items": 30, "of": 30, "largest": 0.0,
            "points": 2.0, "power": 0.99, "randomness": "x", "by": "x", "date": "2026-01-31",
        }  # fmt: skip
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in (known | entry).items()]
        (tree / "AUDITED.toml").write_text("".join(["[[audited]]\n", *lines]))

    return tamper


def encrypted(tree):
    """With keys of its own; the footer can be read by all."""
    path = tree / WINO / "scores.parquet"
    factory = encryption.CryptoFactory(lambda _: NoKeys())
    keys = encryption.EncryptionConfiguration(
        footer_key="a", column_keys={"b": ["score"]}, plaintext_footer=True
    )
    properties = factory.file_encryption_properties(encryption.KmsConnectionConfig(), keys)
    pq.write_table(pq.read_table(path), path, encryption_properties=properties)


class NoKeys(encryption.KmsClient):
    """Keys that are not wrapped."""

    def wrap_key(self, key, _):
        return base64.b64encode(key)

    def unwrap_key(self, key, _):
        return base64.b64decode(key)


def stray(name):
    """A file of a task, above the tasks."""
    return lambda tree: shutil.copy(tree / WINO / "record.json", tree / name)


HTML = "<script>alert(1)</script>"
NESTED = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
