"""What the engine knows of a text-to-image pipeline, and what a family has to say of its own.

A family is one subclass of `Pipeline` in its own file: the components that it reads, how texts
become conditions, how its network is called. The rest is here, once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from gdbench.errors import InputError
from gdbench.memory import give_back
from gdbench.models.diffusion_itm.conditioning import Conditions, Prompt, rows
from gdbench.models.diffusion_itm.denoiser import Denoiser, Noising, Prediction
from gdbench.models.diffusion_itm.families import channels_last, noise_levels
from gdbench.models.diffusion_itm.families import components as parts_of
from gdbench.models.diffusion_itm.families.components import SCHEDULER, Component, quiet
from gdbench.models.diffusion_itm.families.fitting import (
    Configurations,
    FirstChecked,
    Fit,
    check_widths,
    told,
)
from gdbench.models.diffusion_itm.families.pictures import Pictures
from gdbench.models.special_tokens import Unread, has_special_tokens
from gdbench.protocol import Family
from gdbench.records import Content, ModelSettings
from gdbench.run import flag_of

_READING = "the reading of texts"
FAMILY_SETTINGS = ("guidance", "max_length", "t5")
"""Settings that some families take, beside those of the engine, `resolution` and `null_prompt`."""


class Pipeline(Pictures, ABC):
    """A loaded pipeline, on the device, in evaluation mode."""

    name: ClassVar[str]
    """Of the family; part of the content's hash."""
    card_family: ClassVar[Family] = "diffusion-transformer"
    layout: ClassVar[str]
    """What a folder of this family is called in messages."""
    network_part: ClassVar[str] = "transformer"
    components: ClassVar[tuple[Component, ...]]
    fits: ClassVar[tuple[Fit, ...]] = ()
    """Widths that its parts have to agree on; see `check_json`."""
    uses: ClassVar[frozenset[str]] = frozenset()
    """Which of `FAMILY_SETTINGS` it takes."""
    pipeline_class: ClassVar[str] = ""
    """The class of diffusers whose `encode_prompt` makes the conditions (see `prompter`)."""
    predictions: ClassVar[frozenset[Prediction]] = frozenset({"flow"})
    """What networks of this family are trained to predict."""
    longest_text: ClassVar[int | None] = None
    """The most that `max_length` may be, where its pipeline has a limit."""
    default_guidance: ClassVar[float | None] = None
    """What a network that is told a guidance value is told where nothing else is asked for."""

    def __init__(
        self,
        folder: Path,
        modules: Mapping[str, Any],
        content: Content,
        device: torch.device,
        dtype: torch.dtype,
        settings: ModelSettings,
        *,
        offload: bool = False,
    ) -> None:
        """See `load`; `modules` holds the components by name."""
        self.offload = offload
        self.folder, self.modules, self.content = folder, modules, content
        self.device, self.dtype, self.settings = device, dtype, settings
        self.network, self.vae = modules[self.network_part], modules["vae"]
        if settings.guidance is not None and not self.takes_guidance:
            raise InputError(
                "--guidance: this network was not distilled with guidance; leave it out"
            )
        self.check()
        self.resolution = self.chosen_resolution()
        self.noising = self._noising()
        trained = [m for m in modules.values() if isinstance(m, torch.nn.Module)]
        self.parameters = sum(p.numel() for module in trained for p in module.parameters())

    @classmethod
    def load(
        cls,
        folder: Path,
        device: torch.device,
        dtype: torch.dtype,
        settings: ModelSettings | None = None,
        *,
        offload: bool = False,
    ) -> Self:
        """All components of a folder: the network in `dtype`, the VAE in float32.

        Text encoders run in float32 on a CPU and in `dtype` elsewhere (see `encoder_dtype`); with
        `offload` they are on the device only while they run. Configurations are read before any
        weights.

        Raises:
            InputError: naming the file that is missing, broken or of another architecture, or a
                setting that the family does not take.
        """
        settings = settings or ModelSettings()
        cls.check_settings(settings)
        present = cls.check_json(folder, settings.prediction)
        if settings.t5 is False:
            present = tuple(c for c in present if not c.optional)
        content = cls.content_of(folder, present)
        modules: dict[str, Any] = {}
        for component in present:
            wanted = torch.float32
            if component.name == cls.network_part:
                wanted = dtype
            elif component.is_encoder:
                wanted = cls.encoder_dtype(device, dtype)
            module = parts_of.load_component(folder, component, wanted)
            if component.name == cls.network_part:
                module = channels_last.placed(module, device, dtype)
            elif component.is_module and not (offload and component.is_encoder):
                module = module.to(device)
            modules[component.name] = module
        return cls(folder, modules, content, device, dtype, settings, offload=offload)

    @classmethod
    def check_json(cls, folder: Path, prediction: str | None = None) -> tuple[Component, ...]:
        """The components that are there, after all that can be checked without weights.

        `prediction` is the one that was asked for.

        Raises InputError, in one line: a part that is missing, foreign or of no use here, a
        prediction that the family does not have, or widths that do not agree.
        """
        parts_of.check_parts(folder, cls.part_names(), cls.pipeline_class)
        present = parts_of.check_classes(folder, cls.components, cls.layout)
        cls.check_configs(folder)
        cls.check_prediction(folder, prediction)
        check_widths(cls.fits, Configurations(folder, present, cls.layout))
        return present

    @classmethod
    def content_of(cls, folder: Path, present: tuple[Component, ...] | None = None) -> Content:
        """Hashes of everything of a folder that is loaded and can change a score.

        Raises InputError where a part is missing or broken.
        """
        if present is None:
            present = parts_of.check_classes(folder, cls.components, cls.layout)
        return Content(parts=parts_of.content_parts(folder, present, cls.network_part, cls.name))

    @classmethod
    def check_settings(cls, settings: ModelSettings) -> None:
        """Raise InputError for a setting of pipelines that this family does not take."""
        for name in FAMILY_SETTINGS:
            if getattr(settings, name) is not None and name not in cls.uses:
                raise InputError(
                    f"{flag_of(name)}: the family {cls.name} does not use it; leave it out"
                )
        if cls.longest_text and (settings.max_length or 0) > cls.longest_text:
            raise InputError(f"--max-length: at most {cls.longest_text} for the family {cls.name}")

    @classmethod  # most have nothing to add
    def check_configs(cls, folder: Path) -> None:
        """Raise InputError for a folder that the classes alone do not rule out; before weights."""

    @classmethod
    def check_prediction(cls, folder: Path, asked: str | None = None) -> None:
        """Raise InputError for a prediction that the family does not have.

        It is the one asked for, else that of the scheduler.
        """
        config = parts_of.read_config(folder, SCHEDULER, noise_levels.CONFIG, cls.layout)
        where = f"{folder}: {SCHEDULER}/{noise_levels.CONFIG}"
        has = noise_levels.named_prediction(noise_levels.as_asked(config, asked, where))
        if asked is not None and asked not in cls.predictions:
            raise InputError(
                f"--prediction {asked}: the family {cls.name} has "
                f"{' or '.join(sorted(cls.predictions))}"
            )
        if has not in cls.predictions:
            raise InputError(
                f"{folder}: {SCHEDULER}/{noise_levels.CONFIG} has prediction_type {has!r}; "
                f"the family {cls.name} has {' or '.join(sorted(cls.predictions))}"
            )

    def check(self) -> None:  # as above
        """Raise InputError where the loaded components do not fit together."""

    @classmethod
    def encoder_dtype(cls, device: torch.device, dtype: torch.dtype) -> torch.dtype:
        """Precision of the text encoders, which run once for each text."""
        return torch.float32 if device.type == "cpu" else dtype

    # texts

    @cached_property
    def prompter(self) -> Any:  # a diffusers pipeline
        """The pipeline's own class around the components, for its `encode_prompt`."""
        with told(self.folder, self.pipeline_class):
            return parts_of.pipeline_around(
                self.pipeline_class, self.modules, self.part_names(), self.folder
            )

    @classmethod
    def part_names(cls) -> frozenset[str]:
        """Names of the components."""
        return frozenset(component.name for component in cls.components)

    @abstractmethod
    def encode_texts(self, texts: Sequence[str]) -> Conditions:
        """Conditions of some texts, on the device; rows do not depend on each other.

        Called in inference mode. `condition` makes rows of them.
        """

    @abstractmethod
    def readers(self) -> Sequence[tuple[Any, int]]:
        """The tokenizers whose tokens reach the network one by one, and how many each takes."""

    def template(self, text: str) -> str:
        """What a tokenizer is given for a caption."""
        return text

    def condition(self, texts: Sequence[str]) -> list[Prompt]:
        """A row for each text."""
        with self.encoders_at_hand(), quiet(), torch.inference_mode(), told(self.folder, _READING):
            encoded = self.encode_texts(texts)
        return rows(encoded, [self.unread(text) is not None for text in texts])

    @contextmanager
    def encoders_at_hand(self) -> Iterator[None]:
        """With the text encoders on the device; the outermost block moves them there and back."""
        if not self.offload:
            yield
            return
        encoders = [m for n, m in self.modules.items() if n.startswith("text_encoder")]
        # a block within a block finds them there
        self.offload = False
        try:
            for encoder in encoders:
                encoder.to(self.device)
            yield
        finally:
            self.offload = True
            for encoder in encoders:
                encoder.to("cpu")
            give_back(self.device)

    def is_cut(self, text: str) -> bool:
        """Whether every tokenizer had to leave out words of a text."""
        whole = self.template(text)
        return all(
            len(tokenizer(whole, truncation=False, verbose=False)["input_ids"]) > length
            for tokenizer, length in self.readers()
        )

    def unread(self, text: str) -> Unread | None:
        """What keeps the encoders from reading a text as it stands."""
        reading = {c.name for c in self.components if c.is_tokenizer}
        tokenizers = [part for name, part in self.modules.items() if name in reading]
        if any(has_special_tokens(tokenizer, text) for tokenizer in tokenizers):
            return "special"
        return "cut" if self.is_cut(text) else None

    @property
    def trained_null(self) -> str:
        """What the network was trained with in place of a caption: the `empty` one, or `zeros`."""
        return "empty"

    @property
    def takes_guidance(self) -> bool:
        """Whether the network is told a guidance value, as those distilled with guidance are."""
        config = self.network.config
        return bool(config.get("guidance_embeds") or config.get("time_cond_proj_dim"))

    def guidance(self) -> float | None:
        """The guidance value that the network is told, None where it is told none."""
        if not self.takes_guidance:
            return None
        chosen = self.settings.guidance
        return self.default_guidance if chosen is None else chosen

    def null_of(self, empty: Prompt) -> Prompt:
        """The row that stands for no caption, from that of the empty one.

        As the family was trained, or as it was asked for.
        """
        chosen = self.settings.null_prompt or self.trained_null
        return empty.zeros() if chosen == "zeros" else empty

    # the network

    def _noising(self) -> Noising:
        where = f"{self.folder}: {SCHEDULER}/{noise_levels.CONFIG}"
        asked = self.settings.prediction
        config = noise_levels.as_asked(self.modules[SCHEDULER], asked, where)
        if noise_levels.named_prediction(config) == "flow":
            flow = noise_levels.flow(config, where, self.moved_by(config))
            return replace(flow, levels=flow.levels.to(self.device))
        process = noise_levels.variance_preserving(config, where)
        return replace(process, alphas_cumprod=process.alphas_cumprod.to(self.device))

    def moved_by(self, config: Mapping[str, Any]) -> float:
        """Mu, where a scheduler's shift moves with the size of the picture."""
        return noise_levels.dynamic_shift(config, self.n_tokens)

    @abstractmethod
    def predict(self, x: Tensor, times: Tensor, conditions: Conditions) -> Tensor:
        """The network's prediction (noise, velocity e.g. e - z of a flow), shape of `x`.

        Args:
            x: noised latents (B, C, h, w), unpacked.
            times: (B,), the timestep 0..999, or for a flow the noise level w in 0..1.
            conditions: rows of B texts.
        """

    def forward(
        self, x: Tensor, times: Tensor, conditions: Conditions, owner: Tensor | None = None
    ) -> Tensor:
        """As `predict`, for B texts that share U <= B noised latents; `owner` (B,) says which."""
        if owner is not None:
            x, times = x[owner], times[owner]
        return self.predict(x, times, conditions)

    @property
    def denoiser(self) -> Denoiser:
        """What turns the network's prediction into an error of the noise."""
        return Denoiser(self.noising, FirstChecked(self.folder, self.forward), self.dtype)

    def compile(self) -> None:
        """Compile the network."""
        self.network.compile(dynamic=False)

    # identity

    @property
    def max_length(self) -> int:
        """Most tokens of a text that the network sees."""
        return max(length for _, length in self.readers())

    @cached_property
    def chosen(self) -> dict[str, Any]:
        """The settings that the family took, for the record.

        An empty caption as null is the rule and is not named.
        """
        null = self.settings.null_prompt or self.trained_null
        return {
            "null_prompt": None if null == self.trained_null == "empty" else null,
            "guidance": self.guidance(),
            "max_length": self.max_length if "max_length" in self.uses else None,
            "t5": "text_encoder_3" in self.modules if "t5" in self.uses else None,
        }

    @property
    def weights_sha256(self) -> str:
        """Hash over the tensors alone."""
        hashed = (n for n in self.content.parts if f"{n}_config" in self.content.parts)
        return self.content.of(*hashed)

    @property
    def texts_sha256(self) -> str:
        """Hash over everything that an encoded text depends on, but for the settings."""
        read = ("text_encoder", "tokenizer", "processor", "family")
        return self.content.of(*(n for n in self.content.parts if n.startswith(read)))
