"""DiffusionITM (Krojer et al. 2023) for the text-to-image pipelines of diffusers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from PIL import Image
from torch import Tensor

from gdbench.data.images import MemoryImage
from gdbench.errors import InputError
from gdbench.metrics.denoising import matrix_of
from gdbench.models.device_clock import DeviceClock
from gdbench.models.devices import choose_device, choose_dtype
from gdbench.models.diffusion_itm.batching import Batcher
from gdbench.models.diffusion_itm.cache import LRU, ArrayFolder
from gdbench.models.diffusion_itm.compiling import BY_ITSELF, pays
from gdbench.models.diffusion_itm.encoders import Encoders
from gdbench.models.diffusion_itm.engine import Engine, FullPlan, Job, Plan
from gdbench.models.diffusion_itm.families.base import Pipeline
from gdbench.models.diffusion_itm.loading import find_folder, load_pipeline
from gdbench.models.diffusion_itm.predictive import PredictiveRace
from gdbench.models.diffusion_itm.prices import prices_of_pipeline
from gdbench.models.diffusion_itm.racing import Race, RacePlan
from gdbench.models.diffusion_itm.schedule import (
    SOURCES,
    NoiseBank2023,
    noise_source,
    scheduled,
)
from gdbench.models.diffusion_itm.sequential import SequentialRace
from gdbench.models.digests import digest_text
from gdbench.models.kinds import ModelEntry, clean_name
from gdbench.models.lora import find_lora, load_lora
from gdbench.protocol import Item, Matrix, ModelCard, Query, Scores
from gdbench.records import Content, LoRAInfo, ModelSettings, Prices, canonical
from gdbench.run import ModelRequest, Where, asked, flag_of

T = TypeVar("T")
DEFAULTS: Final[dict[str, Any]] = {
    "samples": 50,
    "schedule": "nested",
    "noise": "antithetic",
    "norm": "l2",
    "normalise": True,
    "stop": "none",
}
"""The settings that were not chosen."""
STOPPING: Final[dict[str, type[Race]]] = {
    "sequential": SequentialRace,
    "predictive": PredictiveRace,
}
_SHORT = 12  # characters of the content's hash in a revision
_NOISE_ON_DEVICE_BYTES = 64 * 2**20


class DiffusionITM:
    """Scores by how well a caption helps a diffusion model to denoise a picture.

    `card`, `settings`, `score` and `score_items` are those of `gdbench.protocol.ITMModel`. Errors
    do not depend on the batch size beyond 1e-5 relative in float32, nor on which items share a
    batch.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        card: ModelCard,
        settings: ModelSettings | None = None,
        where: Where | None = None,
        *,
        lora: LoRAInfo | None = None,
    ) -> None:
        """Assemble the engine around a loaded pipeline.

        Args:
            pipeline: its network has its LoRA already.
            card: who the model is.
            settings: what was chosen; see `DEFAULTS` for the rest.
            where: device, batch size, compilation, cache folder.
            lora: the LoRA that is in the network.

        Raises:
            InputError: settings that do not go together, or that this engine does not know.
        """
        chosen, where = _completed(settings or ModelSettings()), where or Where()
        _check(chosen)
        self.card, self.pipeline, self.lora = card, pipeline, lora
        self.device, self.dtype = pipeline.device, pipeline.dtype
        shape = pipeline.latent_shape
        self.timesteps = timesteps_of(chosen)
        self.noise = noise_source(_known(chosen.noise), shape, chosen.seed, len(self.timesteps))
        self.unconditional = False
        """Whether the unconditional errors are computed even where nothing needs them."""
        self._on_device: LRU[Tensor] = LRU(_NOISE_ON_DEVICE_BYTES // (4 * int(np.prod(shape))))
        self.denoiser = pipeline.denoiser
        self.clock = DeviceClock(self.device)
        self.batcher = Batcher(
            self.denoiser,
            self.timesteps,
            self._device_noise,
            self.clock,
            where.batch_size,
            compiler=pipeline.compile,
        )
        self._compile = where.compile
        if where.compile:
            self.batcher.compile_from_here()
        self.encoders = Encoders(pipeline, self.clock, where.cache_dir)
        self._disk_root = where.cache_dir
        self._chosen = chosen

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        entry: ModelEntry | None = None,
        hub_cache: str | Path | None = None,
        **options: Any,
    ) -> DiffusionITM:
        """Load a model.

        Args:
            source: hub id or folder of a diffusers pipeline, safetensors only.
            entry: what is known of it; by default its name is the last part of the source.
            hub_cache: folder of the hub's downloads.
            **options: see `gdbench.run.asked`: samples, seed, noise, norm, normalise, compat,
                stop, delta, stop_ranks, lora, lora_scale, dtype; device, batch_size, compile,
                cache_dir.

        Raises:
            InputError: naming the folder, file or flag and what was expected.
        """
        request, where = asked(str(source), **options)
        known = entry or entry_for(str(source))
        return cls.load(known, request, where, hub_cache=hub_cache)

    @classmethod
    def load(
        cls,
        entry: ModelEntry,
        request: ModelRequest,
        where: Where,
        *,
        hub_cache: str | Path | None = None,
    ) -> DiffusionITM:
        """Load the model of an entry as it was asked for; raises as `from_pretrained`."""
        settings = request.settings
        if settings.max_length is None and entry.max_length is not None:
            settings = settings.model_copy(update={"max_length": entry.max_length})
        # before gigabytes are fetched
        _check(_completed(settings))
        named = request.lora or entry.lora
        if named is None and settings.lora_scale is not None:
            raise InputError("--lora-scale: there is no LoRA; give --lora too")
        lora_path = None if named is None else find_lora(named)
        device = choose_device(where.device)
        dtype = choose_dtype(settings.dtype, device)
        folder = find_folder(entry.source, entry.revision, hub_cache, settings.prediction)
        pipeline = load_pipeline(folder, device, dtype, settings, offload=where.offload)
        lora = None
        if lora_path is not None:
            scale = 1.0 if settings.lora_scale is None else settings.lora_scale
            lora = load_lora(pipeline.network, lora_path, scale=scale)
        content = with_lora(pipeline.content, lora)
        card = ModelCard(
            name=entry.name,
            revision=content.sha256[:_SHORT] + _stop_mark(_completed(settings)),
            family=pipeline.card_family,
            source=Path(entry.source).name if Path(entry.source).exists() else entry.source,
            weights_sha256=pipeline.weights_sha256,
            parameters=pipeline.parameters,
            resolution=pipeline.resolution,
            **entry.card_fields(),
        )
        return cls(pipeline, card, settings, where, lora=lora)

    @cached_property
    def content(self) -> Content:
        """Hashes of everything that was loaded."""
        return with_lora(self.pipeline.content, self.lora)

    @cached_property
    def noise_sha256(self) -> str:
        """Hash of the noise of all timesteps in order."""
        return self.noise.sha256(self.timesteps)

    @cached_property
    def settings(self) -> ModelSettings:
        """Everything that can change a score: what was chosen, and what followed from it."""
        stops = self._chosen.stops_early
        return self._chosen.model_copy(
            update={
                "dtype": str(self.dtype).removeprefix("torch."),
                "resolution": self.pipeline.resolution,
                "timesteps": self.timesteps,
                "weighting": "uniform",
                "noise": self.noise.name,
                "noise_sha256": self.noise_sha256,
                "latent_shape": self.pipeline.latent_shape,
                "prediction": self.denoiser.prediction,
                "delta": self._chosen.delta if stops else None,
                "stop_ranks": self._chosen.stop_ranks if stops else None,
                "lora": self.lora,
                "lora_scale": None if self.lora is None else self.lora.scale,
                **self.pipeline.chosen,
            }
        )

    @property
    def normalise(self) -> bool:
        """Whether the unconditional error is subtracted where images are compared."""
        return bool(self._chosen.normalise)

    @property
    def unet_evaluations(self) -> int:
        """Sample-evaluations of the network so far, without padding."""
        return self.batcher.evaluations

    @property
    def device_seconds(self) -> float:
        """Seconds in which the U-Net and the encoders ran so far."""
        return self.clock.seconds

    @cached_property
    def prices(self) -> Prices:
        """What its networks take; three short passes find it out."""
        with self.clock.stopped():
            return prices_of_pipeline(self.pipeline)

    def expect_passes(self, passes: int) -> None:
        """Compile the network where nobody said whether to, on CUDA, for work that is long enough.

        Not where longer texts have other shapes: each is compiled for by itself. Where the compiler
        fails, a line says so and the network is run as it is.
        """
        if self._compile is not None or self.device.type not in BY_ITSELF:
            return
        if not self.prices.unknown and pays(passes, self.prices.network):
            self.batcher.compile_from_here(or_else_plain=True)
        else:
            self.batcher.plain_from_here()

    def needs_unconditional(self, item: Item) -> bool:
        """Whether the unconditional errors of the item's images are computed."""
        return self.unconditional or (self.normalise and item.query is not Query.TEXT_RETRIEVAL)

    @cached_property
    def engine(self) -> Engine:
        """The engine; its caches live as long as the model."""
        disk = None
        if self._disk_root is not None:
            shape = (len(self.timesteps),)
            disk = ArrayFolder(self._disk_root, f"unconditional-{self._errors_key()}", shape)
        return Engine(
            self.encoders,
            self.batcher,
            self._plan,
            self.needs_unconditional,
            shared_on_disk=disk,
        )

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Matrix:
        """Scores of shape (len(images), len(texts)), always on the full budget."""
        references = tuple(
            MemoryImage(image, f"image {number}") for number, image in enumerate(images)
        )
        item = Item("score", references, tuple(texts), Query.ASSOCIATION, (), "")
        return next(iter(self.score_items([item]))).matrix

    def score_items(self, items: Iterable[Item]) -> Iterator[Scores]:
        """One `Scores` for every item, in order; reads ahead by no more than a few batches."""
        return self.continue_items((item, None) for item in items)

    def continue_items(self, items: Iterable[tuple[Item, Scores | None]]) -> Iterator[Scores]:
        """As `score_items`, for items of which the first timesteps may be known already.

        Of an item with earlier scores only the timesteps after those are evaluated; a whole one is
        remembered for its pictures' unconditional errors and not given back.
        """
        for job in self.engine.run(self.encoders.ahead_of(items, self.engine.is_whole)):
            yield self._scores(job)

    def _scores(self, job: Job) -> Scores:
        errors, base = job.conditional(), job.unconditional()
        matrix = matrix_of(errors, base, self.settings)
        return Scores(job.item.id, matrix, errors, base, job.truncated)

    def _plan(self, item: Item, known: int) -> Plan:
        chosen = self._chosen
        if not chosen.stops_early or item.query is Query.ASSOCIATION:
            # effect sizes need every score, not an order
            return FullPlan(len(self.timesteps), known)
        return RacePlan(
            STOPPING[_known(chosen.stop)],
            item.query,
            len(self.timesteps),
            delta=_known(chosen.delta),
            ranks=item.ranks if chosen.stop_ranks is None else chosen.stop_ranks,
            normalise=self.normalise,
            squared=chosen.norm == "mse",
        )

    def _device_noise(self, k: int) -> Tensor:
        known = self._on_device.get(str(k))
        if known is None:
            known = self.noise.noise(k, self.timesteps[k]).to(self.device)
            self._on_device.put(str(k), known)
        return known

    def _errors_key(self) -> str:
        """Everything that an unconditional error depends on."""
        precision = str(self.dtype).removeprefix("torch.")
        chosen = {**self.pipeline.chosen, "prediction": self.denoiser.prediction}
        more = {name: value for name, value in chosen.items() if value is not None}
        told = digest_text(canonical(more))[:16]
        return (
            f"{self.content.sha256[:32]}-{self.noise_sha256[:16]}-{precision}-"
            f"{self.pipeline.resolution}-{self.device.type}-{told}"
        )


def timesteps_of(settings: ModelSettings) -> tuple[int, ...]:
    """The timesteps that settings stand for, in the order of evaluation.

    Raises InputError for more samples than there are timesteps.
    """
    chosen = _completed(settings)
    return scheduled(_known(chosen.schedule), _known(chosen.samples), chosen.seed)


def _completed(settings: ModelSettings) -> ModelSettings:
    """With the defaults of what was not chosen; that of `delta` depends on the rule."""
    chosen = settings.with_defaults(**DEFAULTS)
    if not chosen.stops_early:
        return chosen
    return chosen.with_defaults(delta=STOPPING[_known(chosen.stop)].default_delta)


def _known(value: T | None) -> T:
    """A setting that has a default."""
    assert value is not None  # noqa: S101 # by DEFAULTS
    return value


def with_lora(content: Content, lora: LoRAInfo | None) -> Content:
    """The content of a model with a LoRA in it."""
    if lora is None:
        return content
    return Content(parts={**content.parts, "lora": digest_text(f"{lora.sha256} {lora.scale!r}")})


def entry_for(source: str, name: str | None = None) -> ModelEntry:
    """An entry for a pipeline that is not registered."""
    return ModelEntry(
        clean_name(name or Path(source).name), "diffusion-itm", source, "diffusion-unet"
    )


def _stop_mark(settings: ModelSettings) -> str:
    """What tells a run that stops early from a full one: it is a point of its own on the board."""
    if not settings.stops_early:
        return ""
    ranks = settings.stop_ranks
    mark = STOPPING[_known(settings.stop)].mark
    return f"{mark}{settings.delta:g}" + ("" if ranks is None else "r" + ".".join(map(str, ranks)))


def _check(settings: ModelSettings) -> None:
    """Raise InputError for settings that do not go together."""
    known = (*SOURCES, NoiseBank2023.name)
    if settings.noise not in known:
        raise InputError(f"--noise {settings.noise}: expected {' or '.join(known)}")
    for name in () if settings.stops_early else ("delta", "stop_ranks"):
        if getattr(settings, name) is not None:
            raise InputError(f"{flag_of(name)}: only a stopping rule uses it; give --stop too")
    if min(settings.stop_ranks or (1,)) < 1:
        raise InputError(f"--stop-ranks {settings.stop_ranks}: the best candidate has rank 1")
    if settings.stops_early and settings.schedule == "grid":
        raise InputError(
            f"--stop {settings.stop} needs timesteps of which any first ones are a sample of all; "
            "the grid of 2023 (--compat) takes them in order: leave one of the two out"
        )
    if settings.noise == NoiseBank2023.name and settings.schedule != "grid":
        raise InputError(
            "--noise bank-2023 has one row for each timestep of the 2023 grid; use --compat"
        )
