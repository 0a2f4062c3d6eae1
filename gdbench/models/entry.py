"""What is known of a model before it is loaded, and the options of loading it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gdbench.errors import InputError
from gdbench.protocol import Family, ITMModel
from gdbench.records import DEFAULT_NOISE, Compat, Noise, Norm

Kind = Literal["diffusion-itm", "open-clip", "baseline"]


@dataclass(frozen=True)
class LoadOptions:
    """How a model is loaded and run; models ignore what does not concern them."""

    device: str | None = None  # None: the best one that is there
    dtype: str | None = None  # "float32", "float16", "bfloat16"; None: chosen for the device
    batch_size: int | None = None  # None: found from free memory; never changes a score
    seed: int = 0
    cache_dir: Path | None = None
    # diffusion models:
    samples: int = 50
    noise: Noise = DEFAULT_NOISE
    norm: Norm = "l2"
    normalise: bool = True
    compat: Compat | None = None
    stop: Literal["none", "sequential"] = "none"
    delta: float = 0.05
    stop_ranks: tuple[int, ...] | None = None  # what stopping must get right; None: Item.ranks
    compile: bool = False
    lora: str | None = None
    lora_scale: float = 1.0


def parse_ranks(value: str) -> tuple[int, ...] | None:
    """Ranks from `1,5`, None for `metrics`. Raises InputError for anything else."""
    if value == "metrics":
        return None
    parts = [part.strip() for part in value.split(",")]
    if not all(re.fullmatch("[1-9][0-9]{0,2}", part) for part in parts):
        raise InputError(f"--stop-ranks {value!r}: expected metrics, or ranks such as 1,5")
    return tuple(sorted({int(part) for part in parts}))


@dataclass(frozen=True)
class ModelEntry:
    """A registered model. `source` is a hub id, an `architecture/tag` of open_clip, or a folder."""

    name: str
    kind: Kind
    source: str
    family: Family
    description: str
    revision: str | None = None  # hub revision; None: the newest, recorded as found
    parameters: int | None = None
    license: str = ""
    gated: bool = False
    url: str = ""
    bibtex: str = ""
    lora: str | None = None
    extra: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def bundled(self) -> bool:
        """Whether the weights come with the package."""
        return self.kind == "baseline" or Path(self.source).is_absolute()

    def load(self, options: LoadOptions) -> ITMModel:
        """The model. Raises GdbenchError with one line where it cannot be had."""
        if self.kind == "open-clip":
            from gdbench.models.clip import OpenCLIP

            return OpenCLIP.from_source(self.source, options, entry=self)
        if self.kind == "baseline":
            from gdbench.models import baselines

            baseline: ITMModel = getattr(baselines, self.source)(options)
            return baseline
        from gdbench.models.diffusion_itm.adapter import DiffusionITM
        from gdbench.models.lora import find_lora

        named = options.lora or self.lora
        lora = None if named is None else find_lora(named)  # before gigabytes are fetched
        return DiffusionITM.from_pretrained(
            self.source,
            name=self.name,
            revision=self.revision,
            samples=options.samples,
            seed=options.seed,
            noise=options.noise,
            norm=options.norm,
            normalise=options.normalise,
            compat=options.compat,
            stop=options.stop,
            delta=options.delta,
            stop_ranks=options.stop_ranks,
            device=options.device,
            dtype=options.dtype,
            batch_size=options.batch_size,
            compile=options.compile,
            lora=lora,
            lora_scale=options.lora_scale,
            cache_dir=options.cache_dir,
            license=self.license,
            url=self.url,
            description=self.description,
            bibtex=self.bibtex,
        )
