"""Small submissions of models that need no weights, made once and copied for each test."""

import hashlib
import json
import shutil
import time

import numpy as np
import pytest

from gdbench.evaluation import evaluate
from gdbench.metrics.denoising import score_matrix
from gdbench.models.diffusion_itm.schedule import (
    IndependentNoise,
    grid_timesteps,
    nested_timesteps,
)
from gdbench.protocol import ModelCard, Scores
from gdbench.records import Content, ModelSettings
from gdbench.submissions.submit import submit
from gdbench.tasks import TASKS


class Hashing:
    """Scores from a hash of seed, picture and text, on a coarse grid so that some are equal."""

    card = ModelCard(name="hashing", revision="1", description="numbers from hashes")
    content = Content(parts={"hash": "1" * 64})

    def __init__(self, seed=0):
        self.settings = ModelSettings(seed=seed)
        self.salt = bytes([seed]) if seed else b""

    def score(self, images, texts):
        return np.array(
            [
                [
                    hashlib.sha256(self.salt + i.tobytes() + t.encode()).digest()[0] // 8
                    for t in texts
                ]
                for i in images
            ],
            dtype=np.float32,
        )


class Denoising:
    """A stand-in for a diffusion model: seeded errors at up to 12 timesteps in any norm."""

    card = ModelCard(name="denoising", revision="2", family="diffusion-unet")
    content = Content(parts={"errors": "2" * 64})
    shape = (4, 8, 8)

    def __init__(self, *, norm="l2", samples=12, normalise=True, schedule="nested"):
        self.settings = ModelSettings(
            samples=samples,
            timesteps=nested_timesteps(samples)
            if schedule == "nested"
            else grid_timesteps(samples),
            schedule=schedule,
            norm=norm,
            normalise=normalise,
            latent_shape=self.shape,
            weighting="uniform",
            noise="independent",
        )
        noise = IndependentNoise(self.shape, 0).sha256(self.settings.timesteps or ())
        self.settings = self.settings.model_copy(update={"noise_sha256": noise})

    def score(self, images, texts):
        raise NotImplementedError

    def score_items(self, items):
        s = self.settings
        for item in items:
            time.sleep(0.0005)
            rng = np.random.default_rng(
                int.from_bytes(hashlib.sha256(item.id.encode()).digest()[:8], "big")
            )
            shape = (len(item.images), len(item.texts), 12)
            errors = rng.uniform(40, 60, shape).astype(np.float32)[..., : s.samples]
            base = rng.uniform(40, 60, shape[::2]).astype(np.float32)[:, : s.samples]
            matrix = score_matrix(errors, base, norm=s.norm, normalise=s.normalise, latent_size=256)
            yield Scores(item.id, matrix, errors, base, truncated_texts=0)


@pytest.fixture
def hashing():
    """The class, to be made with a seed."""
    return Hashing


@pytest.fixture
def denoising():
    """The class, to be made with options."""
    return Denoising


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Finished runs by model name."""
    root = tmp_path_factory.mktemp("runs")
    for model, tasks in (
        (Hashing(), ("winoground", "bias")),
        (Denoising(schedule="grid"), ("winoground",)),
    ):
        evaluate(
            model, [TASKS.get(t) for t in tasks], root / model.card.name, suite="mini", limit=30
        )
    return root


@pytest.fixture(scope="session")
def pristine(runs, tmp_path_factory):
    """A folder of three submissions, without per-timestep errors."""
    to = tmp_path_factory.mktemp("pristine") / "submissions"
    for run in sorted(runs.iterdir()):
        _, report = submit(run, to, with_errors=False)
        assert report.ok, report.problems
    return to


@pytest.fixture
def tree(pristine, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(pristine, tmp_path / "submissions")


@pytest.fixture
def edit():
    """A function that changes a record in place: edit(folder, function of the parsed JSON)."""

    def change(folder, how):
        path = folder / "record.json"
        raw = json.loads(path.read_text())
        how(raw)
        path.write_text(json.dumps(raw))
        # as a careful cheat would
        path.with_suffix(".sha256").unlink(missing_ok=True)

    return change
