"""DiffusionITM (Krojer et al. 2023) for any diffusers pipeline in Stable-Diffusion layout."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gdbench.data.images import MemoryImage
from gdbench.errors import InputError
from gdbench.metrics.denoising import matrix_of
from gdbench.models.device_clock import DeviceClock
from gdbench.models.diffusion_itm.batching import Batcher
from gdbench.models.diffusion_itm.cache import LRU, ArrayFolder
from gdbench.models.diffusion_itm.denoiser import (
    Denoiser,
    EpsilonDenoiser,
    FlowDenoiser,
    VelocityDenoiser,
)
from gdbench.models.diffusion_itm.encoders import Encoders
from gdbench.models.diffusion_itm.engine import Engine, FullPlan, Job, Plan
from gdbench.models.diffusion_itm.loading import Parts, find_folder, load_parts
from gdbench.models.diffusion_itm.racing import RacePlan
from gdbench.models.diffusion_itm.schedule import (
    SOURCES,
    NoiseBank2023,
    NoiseSource,
    grid_timesteps,
    nested_timesteps,
)
from gdbench.models.diffusion_itm.stem import StemUNet
from gdbench.protocol import Item, Matrix, ModelCard, Query, Scores
from gdbench.records import DEFAULT_NOISE, Compat, LoRAInfo, ModelSettings, Noise, Norm

Stop = Literal["none", "sequential"]
_NOISE_ON_DEVICE_BYTES = 64 * 2**20


class DiffusionITM:
    """Scores by how well a caption helps a diffusion model to denoise a picture.

    `card`, `settings`, `score` and `score_items` are those of `gdbench.protocol.ITMModel`. Errors
    do not depend on the batch size beyond 1e-5 relative in float32, nor on which items share a
    batch.
    """

    def __init__(
        self,
        parts: Parts,
        card: ModelCard,
        *,
        samples: int = 50,
        seed: int = 0,
        noise: Noise = DEFAULT_NOISE,
        norm: Norm = "l2",
        normalise: bool = True,
        unconditional: bool = False,
        compat: Compat | None = None,
        stop: Stop = "none",
        delta: float = 0.05,
        stop_ranks: Sequence[int] | None = None,
        device: torch.device,
        dtype: torch.dtype,
        batch_size: int | None = None,
        compile: bool = False,  # noqa: A002 # the name of the flag
        lora: LoRAInfo | None = None,
        cache_dir: Path | None = None,
    ) -> None:
        """Assemble the engine around loaded parts; see `from_pretrained` for the arguments."""
        _check_options(noise, norm, compat, stop, delta, batch_size)
        self.card, self.parts, self.device, self.dtype = card, parts, device, dtype
        self.norm: Norm = norm
        self.normalise, self.stop, self.delta, self.seed = normalise, stop, delta, seed
        self.compat, self.samples = compat, samples
        self.stop_ranks = None if stop_ranks is None else tuple(stop_ranks)
        self.lora = lora
        shape = parts.latent_shape
        if compat is None:
            self.timesteps = nested_timesteps(samples)
            self.noise: NoiseSource = SOURCES[noise](shape, seed)
        else:
            self.timesteps = grid_timesteps(samples)
            self.noise = NoiseBank2023(shape, seed, len(self.timesteps))
        self.unconditional = unconditional
        self._on_device: LRU[Tensor] = LRU(_NOISE_ON_DEVICE_BYTES // (4 * int(np.prod(shape))))
        network = StemUNet(parts.unet)
        if compile:
            network.compile_parts()
        self.denoiser = _denoiser(parts, network, dtype)
        self.clock = DeviceClock(device)
        self.batcher = Batcher(
            self.denoiser, self.timesteps, self._device_noise, self.clock, batch_size
        )
        self.encoders = Encoders(parts, self.clock, cache_dir)
        self._disk_root = cache_dir

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path,
        *,
        name: str | None = None,
        revision: str | None = None,
        samples: int = 50,
        seed: int = 0,
        noise: Noise = DEFAULT_NOISE,
        norm: Norm = "l2",
        normalise: bool = True,
        unconditional: bool = False,
        compat: Compat | None = None,
        stop: Stop = "none",
        delta: float = 0.05,
        stop_ranks: Sequence[int] | None = None,
        device: str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
        batch_size: int | None = None,
        compile: bool = False,  # noqa: A002 # the name of the flag
        lora: str | Path | None = None,
        lora_scale: float = 1.0,
        cache_dir: str | Path | None = None,
        hub_cache: str | Path | None = None,
        license: str = "",  # noqa: A002 # the name of the card's field
        **card: Any,  # further fields of the card, checked by pydantic
    ) -> DiffusionITM:
        """Load a model.

        Args:
            source: hub id or folder in Stable-Diffusion layout (unet, vae, text_encoder,
                tokenizer, scheduler), safetensors only.
            name: name on the card; by default the last part of the source.
            revision: commit or tag on the hub; also the card's revision.
            samples: budget of timesteps (in compat mode that of the 2023 release's grid).
            seed: of the noise.
            noise: "antithetic", opposite for timesteps that are 128 apart, or "independent" for
                every timestep; the release's with `compat`.
            norm: "l2", the norm of the error as in the release, or "mse", its mean square.
            normalise: subtract the unconditional error wherever images are compared. For text
                retrieval it is the same for all texts of the image: it is neither computed nor
                subtracted, as in the release.
            unconditional: compute the unconditional errors of every item, and subtract them of
                every item if `normalise`.
            compat: "diffusion-itm-2023" for the release's timesteps and noise.
            stop: "sequential" ends an item when more samples would not change the decision.
            delta: the chance that the stopping rule may differ from the full run.
            stop_ranks: what the stopping rule has to get right: 1 the best candidate, 5 the set
                of the five best. By default what the metrics of an item need (`Item.ranks`).
            device: by default cuda, then mps, then cpu.
            dtype: of the U-Net; by default float16 on cuda and float32 elsewhere.
            batch_size: U-Net samples per pass; by default found from free memory.
            compile: use `torch.compile`.
            lora: LoRA file or folder to load into the U-Net.
            lora_scale: its scale.
            cache_dir: folder for latents and unconditional errors that outlives the run.
            hub_cache: folder of the hub's downloads.
            license: for the card.
            **card: further fields of the card.

        Raises:
            InputError: naming the folder, file or flag and what was expected.
        """
        from gdbench.models.diffusion_itm.devices import choose_device, choose_dtype

        _check_options(noise, norm, compat, stop, delta, batch_size)
        where = choose_device(device)
        precision = choose_dtype(dtype, where)
        folder = find_folder(str(source), revision, hub_cache)
        commit = folder.name if folder.parent.name == "snapshots" else None
        parts = load_parts(folder, where, precision)
        info = None if lora is None else _load_lora(parts, Path(lora), lora_scale)
        final = re.sub(r"[^A-Za-z0-9._+-]+", "-", Path(str(source)).name) or "diffusion-itm"
        made = ModelCard(
            name=name or final,
            revision=(revision or commit or parts.weights_sha256[:12])
            + _lora_mark(info)
            + _stop_mark(stop, delta, stop_ranks),
            family="diffusion-unet",
            source=str(source) if not Path(source).is_dir() else Path(source).name,
            weights_sha256=parts.weights_sha256,
            parameters=parts.parameters,
            resolution=parts.resolution,
            license=license,
            **card,
        )
        return cls(
            parts,
            made,
            samples=samples,
            seed=seed,
            noise=noise,
            norm=norm,
            normalise=normalise,
            unconditional=unconditional,
            compat=compat,
            stop=stop,
            delta=delta,
            stop_ranks=stop_ranks,
            device=where,
            dtype=precision,
            batch_size=batch_size,
            compile=compile,
            lora=info,
            cache_dir=None if cache_dir is None else Path(cache_dir),
        )

    @cached_property
    def noise_sha256(self) -> str:
        """Hash of the noise of all timesteps in order."""
        return self.noise.sha256(self.timesteps)

    @cached_property
    def settings(self) -> ModelSettings:
        """Everything that can change a score."""
        extra = {}
        if self.stop != "none":
            extra["stop_ranks"] = (
                "metrics" if self.stop_ranks is None else ",".join(map(str, self.stop_ranks))
            )
        return ModelSettings(
            dtype=str(self.dtype).removeprefix("torch."),
            seed=self.seed,
            compat=self.compat,
            resolution=self.parts.resolution,
            samples=self.samples,
            timesteps=self.timesteps,
            schedule="nested" if self.compat is None else "grid",
            norm=self.norm,
            normalise=self.normalise,
            weighting="uniform",
            noise=self.noise.name,
            noise_sha256=self.noise_sha256,
            latent_shape=self.parts.latent_shape,
            prediction=self.denoiser.prediction,
            stop=self.stop,
            delta=self.delta if self.stop != "none" else None,
            lora=self.lora,
            extra=extra,
        )

    @property
    def unet_evaluations(self) -> int:
        """Sample-evaluations of the network so far, without padding."""
        return self.batcher.evaluations

    @property
    def device_seconds(self) -> float:
        """Seconds in which the U-Net and the encoders ran so far."""
        return self.clock.seconds

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
        for job in self.engine.run(items):
            yield self._scores(job)

    def _scores(self, job: Job) -> Scores:
        errors, base = job.conditional(), job.unconditional()
        matrix = matrix_of(errors, base, self.settings)
        return Scores(job.item.id, matrix, errors, base, job.truncated)

    def _plan(self, item: Item) -> Plan:
        if self.stop == "none" or item.query is Query.ASSOCIATION:
            return FullPlan(len(self.timesteps))  # effect sizes need every score, not an order
        return RacePlan(
            item.query,
            len(self.timesteps),
            delta=self.delta,
            ranks=item.ranks if self.stop_ranks is None else self.stop_ranks,
            normalise=self.normalise,
            squared=self.norm == "mse",
        )

    def _device_noise(self, k: int) -> Tensor:
        known = self._on_device.get(str(k))
        if known is None:
            known = self.noise.noise(k, self.timesteps[k]).to(self.device)
            self._on_device.put(str(k), known)
        return known

    def _errors_key(self) -> str:
        """Everything that an unconditional error depends on."""
        lora = "" if self.lora is None else f"-{self.lora.sha256[:16]}x{self.lora.scale:g}"
        precision = str(self.dtype).removeprefix("torch.")
        noise = self.noise_sha256[:16]
        return f"{self.parts.weights_sha256[:16]}{lora}-{noise}-{precision}-{self.parts.resolution}"


def _denoiser(parts: Parts, network: StemUNet, dtype: torch.dtype) -> Denoiser:
    if parts.prediction == "flow" or parts.alphas_cumprod is None:
        return FlowDenoiser(network, parts.shift, dtype)
    kind = EpsilonDenoiser if parts.prediction == "epsilon" else VelocityDenoiser
    return kind(network, parts.alphas_cumprod, dtype)


def _load_lora(parts: Parts, path: Path, scale: float) -> LoRAInfo:
    """The seam for LoRA: weights go into `parts.unet` before anything else sees it."""
    from gdbench.models.lora import load_lora

    info: LoRAInfo = load_lora(parts.unet, path, scale=scale)
    return info


def _lora_mark(info: LoRAInfo | None) -> str:
    """What tells a model with a LoRA from the same one without, in its revision."""
    if info is None:
        return ""
    scale = "" if info.scale == 1.0 else f"x{info.scale:g}"
    return f"+lora-{info.sha256[:8]}{scale}"


def _stop_mark(stop: str, delta: float, ranks: Sequence[int] | None) -> str:
    """What tells a run that stops early from a full one: it is a point of its own on the board."""
    if stop == "none":
        return ""
    return f"+stop{delta:g}" + ("" if ranks is None else "r" + ".".join(map(str, ranks)))


def _check_options(
    noise: str, norm: str, compat: str | None, stop: str, delta: float, batch_size: int | None
) -> None:
    if noise not in SOURCES:
        raise InputError(f"--noise {noise}: expected {' or '.join(SOURCES)}")
    if norm not in ("l2", "mse"):
        raise InputError(f"--norm {norm}: expected l2 or mse")
    if compat not in (None, "diffusion-itm-2023"):
        raise InputError(f"--compat {compat}: expected diffusion-itm-2023")
    if stop not in ("none", "sequential"):
        raise InputError(f"--stop {stop}: expected none or sequential")
    if stop == "sequential" and compat is not None:
        raise InputError(
            f"--stop sequential needs timesteps of which any first ones are a sample of all; "
            f"--compat {compat} takes them in order: leave one of the two out"
        )
    if not 0.0 < delta < 1.0:
        raise InputError(f"--delta {delta}: expected a level between 0 and 1")
    if batch_size is not None and batch_size < 1:
        raise InputError(f"--batch-size {batch_size}: expected 1 or more")
