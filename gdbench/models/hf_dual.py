"""Dual encoders of transformers: CLIP, SigLIP, SigLIP2, AltCLIP, ChineseCLIP, and of that shape."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image

from gdbench.errors import InputError
from gdbench.models import hf_checkpoint
from gdbench.models.devices import choose_device, choose_dtype
from gdbench.models.dual_encoder import DualEncoder
from gdbench.models.kinds import ModelEntry
from gdbench.models.special_tokens import Unread, unread
from gdbench.protocol import ITMModel, ModelCard
from gdbench.records import ModelSettings
from gdbench.run import ModelRequest, Where

if TYPE_CHECKING:
    import torch

_LONGEST_FIXED = 128
"""Tokens up to which every text is padded to the model's length, as CLIP and SigLIP are trained."""
_STEP = 32
"""Longer ones are padded to a multiple of this, under the attention mask."""
_SHIFTED = frozenset({"altclip_text_model", "xlm-roberta", "roberta"})
"""Text encoders whose positions begin after the padding's id."""


class HFDualEncoder(DualEncoder):
    """Cosine similarity of `get_image_features` and `get_text_features`, in [-1, 1].

    The model's own logits are this times a positive number that it learned, plus a constant
    (SigLIP): the order is the same.
    """

    def __init__(
        self, loaded: hf_checkpoint.Loaded, length: int, card: ModelCard, settings: ModelSettings,
        where: Where,
    ) -> None:  # fmt: skip
        device = loaded.model.device
        super().__init__(device, card, loaded.content, settings, where)
        self._model, self._processor = loaded.model, loaded.processor
        self._length = length

    def image_features(self, images: list[Image.Image]) -> torch.Tensor:
        """See `DualEncoder`."""
        inputs = self._processor(images=[i.convert("RGB") for i in images], return_tensors="pt")
        return _pooled(self._model.get_image_features(**on(inputs, self._model)))

    def text_features(self, texts: list[str]) -> torch.Tensor:
        """See `DualEncoder`."""
        fixed = self._length <= _LONGEST_FIXED
        inputs = self._processor(
            text=texts,
            padding="max_length" if fixed else True,
            max_length=self._length,
            truncation=True,
            return_tensors="pt",
            **({} if fixed else {"pad_to_multiple_of": _STEP}),
        )
        return _pooled(self._model.get_text_features(**on(inputs, self._model)))

    def unread(self, text: str) -> Unread | None:
        """See `DualEncoder`."""
        return unread(self._processor, text, self._length)


def on(inputs: Any, model: Any) -> dict[str, torch.Tensor]:
    """A processor's tensors on the device of a model, numbers in its precision."""
    return {
        name: value.to(model.device, model.dtype) if value.is_floating_point()
        else value.to(model.device)
        for name, value in inputs.items()
    }  # fmt: skip


def text_length(config: Any, most: float | None) -> int | None:
    """Tokens that a text encoder reads, signs included: its positions, or fewer by the tokenizer.

    Args:
        config: of the whole model.
        most: the tokenizer's `model_max_length`.
    """
    inner = getattr(config, "text_config", None) or config
    places = getattr(inner, "max_position_embeddings", None)
    if places is not None and inner.model_type in _SHIFTED:
        places -= (inner.pad_token_id or 0) + 1
    # where nothing was said, tokenizers have a number of thirty digits
    lengths = [int(n) for n in (places, most) if n is not None and n < 2**31]
    return min(lengths, default=None)


def side_in(config: Any) -> int | None:
    """The side of the pictures that a configuration names, in pixels."""
    size = getattr(getattr(config, "vision_config", None), "image_size", None)
    side = size[0] if isinstance(size, (list, tuple)) and size else size
    return side if isinstance(side, int) else None


def side_of(loaded: hf_checkpoint.Loaded, request: ModelRequest) -> int | None:
    """The side of the pictures that a model sees, in pixels, where it has one.

    Raises InputError where another one is asked for.
    """
    side = side_in(loaded.model.config)
    asked = request.settings.resolution
    if asked not in (None, side):
        seen = "pictures of any size" if side is None else f"pictures of {side}"
        raise InputError(f"--resolution {asked}: {loaded.checkpoint.source} sees {seen}")
    return side


def card_of(entry: ModelEntry, loaded: hf_checkpoint.Loaded, side: int | None) -> ModelCard:
    """The card of a model that was loaded."""
    return ModelCard(
        name=entry.name,
        revision=loaded.content.sha256[:12],
        family=entry.family,
        source=loaded.checkpoint.repo or loaded.checkpoint.folder.name,
        weights_sha256=loaded.content.parts["weights"],
        parameters=sum(p.numel() for p in loaded.model.parameters()),
        resolution=side,
        **entry.card_fields(),
    )


def _pooled(features: Any) -> torch.Tensor:
    """Features from what a model returns: an output with them, or they themselves."""
    pooled: torch.Tensor = getattr(features, "pooler_output", features)
    return pooled


class HFDualKind:
    """`hf:OWNER/NAME`, or a folder with config.json, of a dual encoder."""

    name = "hf-dual"
    uses = frozenset({"dtype", "resolution", "device", "batch_size", "trust_remote_code"})

    def claim(self, source: str) -> ModelEntry | None:
        """See `gdbench.models.kinds.Kind`."""
        return hf_checkpoint.claim(source, "dual")

    def is_here(self, entry: ModelEntry) -> bool:
        """See `gdbench.models.kinds.Kind`."""
        return hf_checkpoint.is_here(entry)

    def load(self, entry: ModelEntry, request: ModelRequest, where: Where) -> ITMModel:
        """See `gdbench.models.kinds.Kind`."""
        device = choose_device(where.device)
        # in float32 unless asked, as CLIP of open_clip: the published scores are float32
        dtype = choose_dtype(request.settings.dtype or "float32", device)
        trust = bool(request.settings.trust_remote_code)
        loaded = hf_checkpoint.load(entry, "dual", device, dtype, trust=trust)
        length = text_length(loaded.model.config, loaded.processor.tokenizer.model_max_length)
        if length is None:
            raise InputError(f"{entry.source}: no configuration says how long a text may be")
        settings = request.settings.model_copy(
            update={
                "dtype": str(dtype).removeprefix("torch."),
                "resolution": side_of(loaded, request),
            }
        )
        model = HFDualEncoder(
            loaded, length, card_of(entry, loaded, settings.resolution), settings, where
        )
        _check_shape(model, entry)
        return model


def _check_shape(model: HFDualEncoder, entry: ModelEntry) -> None:
    """Raise InputError where the two encoders do not end in one space."""
    import torch

    with torch.inference_mode():
        image = model.image_features([Image.new("RGB", (32, 32))])
        text = model.text_features(["a picture"])
    if image.ndim != 2 or image.shape != text.shape:  # noqa: PLR2004 # a row for each input
        raise InputError(
            f"{entry.source}: its image and text features have the shapes {tuple(image.shape)} and "
            f"{tuple(text.shape)}: it is not a dual encoder"
        )


KIND = HFDualKind()
