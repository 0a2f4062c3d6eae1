"""Checks of a record's settings, card and environment: possible, and derived where they can be."""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlsplit

from gdbench.data.download import is_public
from gdbench.readable import shown
from gdbench.records import ResultRecord, Schedule

Finding = tuple[str, str]
_MAX_STEPS = 1000
_MAX_TIMESTEP = 1000
_MAX_LATENT = 2**20  # elements; the largest models have 2**18
_MAX_SIDE = 2**14  # pixels
_MAX_EXTRA = 50
_MAX_PACKAGES = 200  # gdbench records those that it uses
_MAX_RANK = 10**6  # candidates of an item
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+!_-]{0,63}\Z")
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")
_NOT_IN_ADDRESSES = re.compile(r"[\s\"'`\\{}|^]")
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"({_LABEL}\.)+{_LABEL}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")


def card(record: ResultRecord) -> Iterator[Finding]:
    """The model's card."""
    model = record.model
    if model.url and not _is_address(model.url):
        yield "text", f"model.url is {shown(model.url)}, expected https://a.public.host/…"
    if model.weights_sha256 and not _SHA256.match(model.weights_sha256):
        yield "schema", f"model.weights_sha256 is {shown(model.weights_sha256)}, no sha256"
    if model.parameters is not None and not 0 < model.parameters < 10**15:
        yield "schema", f"model.parameters is {model.parameters}, which no model has"
    for name, side in (("model", model.resolution), ("settings", record.settings.resolution)):
        if side is not None and not 1 <= side <= _MAX_SIDE:
            yield "schema", f"{name}.resolution is {side}, expected 1 to {_MAX_SIDE} pixels"


def _is_address(text: str) -> bool:
    """Whether a text is a web address that leads to the public host that a reader sees in it."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    # https://huggingface.co@example.org/ leads to example.org
    plain = parts.username is None and port != 0 and not _NOT_IN_ADDRESSES.search(text)
    # letters of other scripts look like those of a host that a reader knows
    return (
        plain and parts.scheme in ("http", "https") and bool(_HOST.match(host)) and is_public(host)
    )


def environment(record: ResultRecord) -> Iterator[Finding]:
    """Versions that are versions, a commit that is one."""
    found = record.environment
    if not 1 <= len(found.packages) <= _MAX_PACKAGES:
        text = f"{len(found.packages)} package versions are recorded, expected 1 to {_MAX_PACKAGES}"
        yield "environment", text
    versions = {"gdbench": found.gdbench, "python": found.python, **found.packages}
    for name, version in versions.items():
        if not _VERSION.match(version):
            yield "environment", f"the version of {shown(name)} is {shown(version)}"
    if found.git_commit is not None and not _COMMIT.match(found.git_commit):
        yield "environment", f"git_commit is {shown(found.git_commit)}, no commit"
    if not found.platform or not record.cost.device:
        yield "environment", "platform and device must be named"


def settings(record: ResultRecord) -> Iterator[Finding]:
    """Ranges of the settings, and the timesteps and noise that they stand for."""
    s = record.settings
    if len(s.extra) > _MAX_EXTRA:
        yield "schema", f"settings.extra has {len(s.extra)} entries, at most {_MAX_EXTRA}"
    if s.delta is not None and not 0 < s.delta < 1:
        yield "schema", f"settings.delta is {s.delta}, expected between 0 and 1"
    shape, steps = s.latent_shape, s.timesteps
    if shape is not None and (min(shape, default=0) < 1 or math.prod(shape) > _MAX_LATENT):
        yield "schema", f"settings.latent_shape is {shown(shape)}, which no model has"
        return
    if steps is None:
        return
    if not 1 <= len(steps) <= _MAX_STEPS or not all(0 <= t <= _MAX_TIMESTEP for t in steps):
        yield "schema", f"settings.timesteps has {len(steps)} entries, or one outside 0..1000"
        return
    if len(set(steps)) < len(steps):
        yield "schema", "settings.timesteps has a timestep twice"
    if s.samples is None or not len(steps) <= s.samples <= _MAX_STEPS:
        yield "schema", f"settings.samples is {s.samples}, with {len(steps)} timesteps"
        return
    expected = derived_timesteps(s.schedule, s.samples, s.seed)
    if expected is not None and expected != steps:
        yield "schema", f"settings.timesteps are not the {s.schedule} of {s.samples} samples"
    if s.noise_sha256 is not None:
        yield from noise(record)


def stopping(record: ResultRecord) -> Iterator[Finding]:
    """That there is something to stop, where a rule is named, and nothing of one where none is."""
    s = record.settings
    if s.stops_early and s.timesteps is None:
        yield "schema", f"settings.stop is {s.stop}, without timesteps to stop at"
    for name in () if s.stops_early else ("delta", "stop_ranks"):
        if getattr(s, name) is not None:
            yield "schema", f"settings.{name} is of a stopping rule, and there is none"
    if s.stop_ranks is not None and not all(1 <= rank < _MAX_RANK for rank in s.stop_ranks or (0,)):
        yield "schema", f"settings.stop_ranks is {shown(s.stop_ranks)}; the best has rank 1"


def noise(record: ResultRecord) -> Iterator[Finding]:
    """The hash of the noise, where gdbench made the noise: drawn again and hashed.

    Only on the record's own platform: another processor's logarithm may differ in the last bit.
    """
    s = record.settings
    if s.noise_sha256 is not None and not _SHA256.match(s.noise_sha256):
        yield "hash", f"noise_sha256 is {shown(s.noise_sha256)}, no sha256"
        return
    shape, steps = s.latent_shape, s.timesteps
    if shape is None or len(shape) != 3 or steps is None:  # noqa: PLR2004 # channels, height, width
        return
    if record.environment.platform != f"{platform.system()} {platform.machine()}":
        return
    digest = derived_noise(s.noise, (shape[0], shape[1], shape[2]), s.seed, steps)
    if digest is not None and digest != s.noise_sha256:
        yield "hash", f"noise_sha256 is not that of {s.noise} noise with seed {s.seed}"


def derived_timesteps(schedule: Schedule | None, samples: int, seed: int) -> tuple[int, ...] | None:
    """The timesteps that a schedule stands for; None: no schedule. Empty: it has not so many."""
    from gdbench.errors import InputError
    from gdbench.models.diffusion_itm.schedule import scheduled

    if schedule is None:
        return None
    try:
        return scheduled(schedule, samples, seed)
    except InputError:
        return ()


@lru_cache(maxsize=32)
def derived_noise(
    name: str | None, shape: tuple[int, int, int], seed: int, timesteps: tuple[int, ...]
) -> str | None:
    """The hash of gdbench's own noise; None: not one of gdbench's kinds."""
    from gdbench.errors import InputError
    from gdbench.models.diffusion_itm.schedule import noise_source

    try:
        return noise_source(str(name), shape, seed, len(timesteps)).sha256(timesteps)
    except InputError:
        return None
