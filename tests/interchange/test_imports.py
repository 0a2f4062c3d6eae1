"""Result files as CLIP_benchmark 1.6 and MTEB 2.26 write them, as reported numbers."""

import json

import pytest

from gdbench.data.published import sources_in
from gdbench.errors import GdbenchError, InputError
from gdbench.interchange.importing import CLIP_BENCHMARK, MTEB, read_reported
from gdbench.tasks import TASKS


def clip_benchmark(dataset, metrics, task="image_caption_selection"):
    return {
        "dataset": dataset,
        "model": "ViT-B-32",
        "pretrained": "openai",
        "task": task,
        "metrics": metrics,
        "language": "en",
    }


def mteb(name, scores):
    row = {"hf_subset": "default", "languages": ["eng-Latn"], "main_score": 0.1} | scores
    return {
        "dataset_revision": "53c1115ab5871ab33b09d5bb8856236d46bdaf2d",
        "task_name": name,
        "mteb_version": "2.26.24",
        "scores": {"test": [row]},
        "evaluation_time": 12.5,
        "kg_co2_emissions": None,
        "date": 1760000000.0,
    }


@pytest.fixture
def write(tmp_path):
    def put(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return put


def test_every_target_is_a_metric_of_a_task():
    for ours in (*CLIP_BENCHMARK.values(), *MTEB.values()):
        assert ours.metric in {m.name for m in TASKS.get(ours.task).measures}


def test_clip_benchmark(write):
    winoground = {"image_acc": 0.105, "text_acc": 0.3075, "acc": 0.0825}
    files = [
        write("w.json", clip_benchmark("wds/winoground", winoground)),
        write("s.json", clip_benchmark("sugar_crepe/add_att", {"text_acc": 0.69, "acc": 0.69})),
        write("p.json", clip_benchmark("wds/vtab/pets", {"acc1": 0.87, "acc5": 0.99}, "zeroshot")),
        write("f.json", clip_benchmark("flickr30k", {"image_retrieval_recall@5": 0.83}, "x")),
    ]
    found = read_reported(files)
    (source,) = found.sources.values()
    got = {(f.task, f.metric): f.value for f in source.figures}
    assert got == {
        ("winoground", "image"): 0.105,
        ("winoground", "text"): 0.3075,
        ("winoground", "group"): 0.0825,
        ("sugarcrepe", "add_att"): 0.69,
        ("pets", "accuracy"): 0.87,
    }
    assert {f.model for f in source.figures} == {"ViT-B-32 openai"}
    # recall among all pictures is another question than among ten
    (left,) = found.left_out
    assert "flickr30k (image_retrieval_recall@5) answers no question of ours" in left


def test_mteb_names_the_model_beside_its_results(write):
    write("r/model_meta.json", {"name": "google/siglip-base-patch16-224"})
    files = [
        write("r/Winoground.json", mteb("Winoground", {"accuracy": 0.1, "text_acc": 0.3})),
        write("r/AROVisualRelation.json", mteb("AROVisualRelation", {"text_acc": 0.52})),
    ]
    ((name, source),) = read_reported(files).sources.items()
    assert name == "mteb-google-siglip-base-patch16-224.json"
    assert source.year == 2025
    assert {(f.task, f.metric): f.value for f in source.figures} == {
        ("winoground", "group"): 0.1,
        ("winoground", "text"): 0.3,
        ("aro", "vg_relation"): 0.52,
    }
    alone = write("alone/Winoground.json", mteb("Winoground", {"accuracy": 0.1}))
    with pytest.raises(InputError, match="give --model"):
        read_reported([alone])
    assert read_reported([alone], "mine").sources


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "JSON"),
        ("[]", "object"),
        ({"a": 1}, "neither a result of CLIP_benchmark"),
        (clip_benchmark("winoground", {"acc": 8.25}), "acc is 8.25, expected 0 to 1"),
        (clip_benchmark("winoground", {"acc": True}), "acc is True, expected 0 to 1"),
        (clip_benchmark("winoground", {"acc": "0.3"}), "acc is 0.3, expected 0 to 1"),
        (clip_benchmark("winoground", {"acc": 10**400}), "expected 0 to 1"),
        (clip_benchmark("winoground", [1]), "there are no metrics"),
        (clip_benchmark(7, {"acc": 0.1}), "dataset is 7, expected a text"),
        (mteb("Winoground", {}) | {"scores": {"test": []}}, "not a list of one subset"),
        (mteb("Winoground", {}) | {"scores": 3}, "not a list of one subset"),
        ('{"dataset": "winoground", "task": "t", "metrics": {"acc": NaN}}', "NaN"),
    ],
)
def test_what_is_no_result_is_one_line(write, content, said):
    with pytest.raises(InputError, match=said) as caught:
        read_reported([write("bad.json", content)], "m")
    assert "\n" not in str(caught.value)
    assert "bad.json" in str(caught.value)


def test_one_number_from_two_files_is_refused(write):
    content = clip_benchmark("winoground", {"acc": 0.1})
    with pytest.raises(InputError, match="both have winoground group"):
        read_reported([write("a.json", content), write("b.json", content)])
    with pytest.raises(InputError, match="nothing"):
        read_reported([write("a.json", content).parent / "nothing.json"])


def test_what_was_imported_is_read_back(write, tmp_path):
    files = [write("w.json", clip_benchmark("winoground", {"acc": 0.1}))]
    ((name, source),) = read_reported(files, url="https://example.org").sources.items()
    folder = write(f"out/{name}", source.model_dump_json()).parent
    assert sources_in(folder) == (source,)
    with pytest.raises(InputError, match="no reported numbers"):
        sources_in(tmp_path / "nowhere")
    write("out/bad.json", '{"schema_version": 1}')
    with pytest.raises(GdbenchError, match=r"bad\.json"):
        sources_in(folder)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "example.org", "file:///etc/passwd"])
def test_an_address_is_one_of_the_web(write, url):
    path = write("found.json", clip_benchmark("winoground", {"acc": 0.1}))
    with pytest.raises(InputError, match="expected an address that begins with https://"):
        read_reported([path], url=url)
