"""CLIP and its relatives through open_clip: any architecture and tag, hub id or local folder."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from PIL import Image
from safetensors import SafetensorError

from gdbench.errors import InputError
from gdbench.memory import is_out_of_memory
from gdbench.models.devices import choose_device, choose_dtype
from gdbench.models.digests import digest_config, digest_state, digest_text, digest_tokenizer
from gdbench.models.dual_encoder import DualEncoder
from gdbench.models.hub import refuse_unreachable, said_by_the_hub
from gdbench.models.kinds import ModelEntry, clean_name
from gdbench.models.presence import cached_repos
from gdbench.models.special_tokens import Unread, unread
from gdbench.protocol import ITMModel, ModelCard
from gdbench.records import Content, ModelSettings
from gdbench.run import ModelRequest, Where

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Encoders:
    """A loaded open_clip model."""

    model: Any
    preprocess: Callable[[Image.Image], torch.Tensor]
    tokenizer: Any
    device: torch.device
    input_dtype: torch.dtype
    """Of pictures; parameters may be kept in another precision (positions, norms)."""


class OpenCLIP(DualEncoder):
    """Cosine similarity of open_clip's image and text embeddings, in [-1, 1]."""

    def __init__(
        self, encoders: Encoders, card: ModelCard, content: Content, settings: ModelSettings,
        where: Where,
    ) -> None:  # fmt: skip
        super().__init__(encoders.device, card, content, settings, where)
        self._encoders = encoders
        self._model, self._tokenizer = encoders.model, encoders.tokenizer

    def prepare(self, image: Image.Image) -> torch.Tensor:
        """See `DualEncoder`; pixels (3, side, side)."""
        return self._encoders.preprocess(image.convert("RGB"))

    def image_features(self, images: list[torch.Tensor]) -> torch.Tensor:
        """See `DualEncoder`."""
        import torch

        pixels = torch.stack(images)
        pixels = pixels.to(self._encoders.device, self._encoders.input_dtype)
        features: torch.Tensor = self._model.encode_image(pixels)
        return features

    def text_features(self, texts: list[str]) -> torch.Tensor:
        """See `DualEncoder`."""
        tokens = self._tokenizer(texts).to(self._encoders.device)
        features: torch.Tensor = self._model.encode_text(tokens)
        return features

    def unread(self, text: str) -> Unread | None:
        """See `DualEncoder`."""
        return unread(self._tokenizer, text, self._tokenizer.context_length)


def _locate(source: str) -> tuple[str, str | None, bool]:
    """open_clip's model name, its pretrained tag, and whether the weights want QuickGELU."""
    from open_clip.pretrained import get_pretrained_cfg

    if source.startswith("hf-hub:"):
        return source, None, False
    if Path(source).is_dir():
        return f"local-dir:{source}", None, False
    architecture, _, tag = source.partition("/")
    if not tag:
        raise InputError(f"{source}: give the pretrained tag too, e.g. clip:ViT-B-32/openai")
    return architecture, tag, bool(get_pretrained_cfg(architecture, tag).get("quick_gelu", False))


def _hub_id(source: str) -> str:
    """The hub's repository of a model that is no folder; empty where it comes from elsewhere."""
    from open_clip.pretrained import get_pretrained_cfg

    if source.startswith("hf-hub:"):
        return source.removeprefix("hf-hub:")
    architecture, _, tag = source.partition("/")
    return str(get_pretrained_cfg(architecture, tag).get("hf_hub", "")).strip("/")


class OpenCLIPKind:
    """Models that open_clip loads: `clip:ARCHITECTURE/TAG`, `hf-hub:OWNER/NAME`, or a folder."""

    name = "open-clip"
    uses = frozenset({"dtype", "resolution", "device", "batch_size"})

    def claim(self, source: str) -> ModelEntry | None:
        """See `gdbench.models.kinds.Kind`."""
        prefix, _, rest = source.partition(":")
        if prefix == "clip":
            return self._entry(rest.replace("/", "-").lower(), rest)
        if prefix == "hf-hub":
            return self._entry(rest.rpartition("/")[2], source)
        path = Path(source)
        if (path / "open_clip_config.json").is_file():
            return self._entry(path.resolve().name, str(path.resolve()))
        return None

    def _entry(self, name: str, source: str) -> ModelEntry:
        return ModelEntry(clean_name(name), self.name, source, "contrastive")

    def is_here(self, entry: ModelEntry) -> bool:
        """See `gdbench.models.kinds.Kind`."""
        if entry.local:
            return Path(entry.source).is_dir()
        return _hub_id(entry.source) in cached_repos()

    def load(self, entry: ModelEntry, request: ModelRequest, where: Where) -> ITMModel:
        """See `gdbench.models.kinds.Kind`."""
        device = choose_device(where.device)
        # CLIP runs in float32 unless asked: it is fast enough, and the published scores are float32
        dtype = choose_dtype(request.settings.dtype or "float32", device)
        asked_side = request.settings.resolution
        encoders = _load(entry.source, device, "float32", asked_side)
        content = _content(entry.source, encoders)
        name = str(dtype).removeprefix("torch.")
        if name != "float32":
            encoders = _load(entry.source, device, name, asked_side)
        size = encoders.model.visual.image_size
        side = size if isinstance(size, int) else int(size[0])
        card = ModelCard(
            name=entry.name,
            revision=content.sha256[:12],
            family="contrastive",
            source=Path(entry.source).name if entry.local else entry.source,
            weights_sha256=content.parts["weights"],
            parameters=sum(p.numel() for p in encoders.model.parameters()),
            resolution=side,
            **entry.card_fields(),
        )
        settings = ModelSettings(seed=request.settings.seed, dtype=name, resolution=side)
        return OpenCLIP(encoders, card, content, settings, where)


KIND = OpenCLIPKind()


def _load(source: str, device: torch.device, dtype: str, side: int | None) -> Encoders:
    """Model, preprocessing and tokenizer; `side` None: pictures as large as in training.

    Raises InputError where the model cannot be had.
    """
    import open_clip

    precision = {"float16": "fp16", "bfloat16": "bf16"}.get(dtype, "fp32")
    name, tag, quick_gelu = _locate(source)
    repo = "" if Path(source).is_dir() else _hub_id(source)
    if repo:
        refuse_unreachable(repo)
    try:
        with _own_words():
            model, preprocess = open_clip.create_model_from_pretrained(
                name,
                pretrained=tag,
                precision=precision,
                device=device,
                force_quick_gelu=quick_gelu,
                force_image_size=side,
            )
            tokenizer = open_clip.get_tokenizer(name)
    except (LocalEntryNotFoundError, HfHubHTTPError) as error:
        raise said_by_the_hub(error, repo or source, None) from error
    except (SafetensorError, RuntimeError, ValueError, OSError, KeyError, TypeError) as error:
        if is_out_of_memory(error):
            raise
        line = " ".join(str(error).split())[:300]
        raise InputError(f"{source}: open_clip cannot load it: {line}") from error
    input_dtype = open_clip.get_input_dtype(precision) or next(model.parameters()).dtype
    return Encoders(model.eval(), preprocess, tokenizer, device, input_dtype)


@contextmanager
def _own_words() -> Iterator[None]:
    """Keep open_clip from setting up the log of the whole program.

    It logs by the root logger's functions, and these print where nobody has set one up.
    """
    root, nowhere = logging.getLogger(), logging.NullHandler()
    root.addHandler(nowhere)
    try:
        yield
    finally:
        root.removeHandler(nowhere)


def _content(source: str, encoders: Encoders) -> Content:
    """Hashes of a model that was loaded in float32, of its preprocessing and its tokenizer."""
    model, tokenizer = encoders.model, encoders.tokenizer
    return Content(
        parts={
            "weights": digest_state(model.state_dict()),
            "architecture": digest_config(_architecture(source)),
            "preprocessing": digest_config(_plain(getattr(model.visual, "preprocess_cfg", {}))),
            "tokenizer": digest_config(
                {
                    "class": type(tokenizer).__name__,
                    "words": _words(source, tokenizer),
                    "length": getattr(tokenizer, "context_length", None),
                }
            ),
        }
    )


def _architecture(source: str) -> Mapping[str, Any]:
    """The configuration that the model was built from."""
    import open_clip

    name, _, quick_gelu = _locate(source)
    if name.startswith("local-dir:"):
        path = Path(source) / "open_clip_config.json"
    elif name.startswith("hf-hub:"):
        path = Path(hf_hub_download(name.removeprefix("hf-hub:"), "open_clip_config.json"))
    else:
        return {"model_cfg": open_clip.get_model_config(name), "quick_gelu": quick_gelu}
    config: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {"model_cfg": config.get("model_cfg")}


def _words(source: str, tokenizer: Any) -> str:
    """Hash of a tokenizer's vocabulary and rules."""
    folder = Path(source)
    if (folder / "tokenizer_config.json").is_file():
        return digest_tokenizer(folder)
    backend = getattr(getattr(tokenizer, "tokenizer", None), "backend_tokenizer", None)
    if backend is not None:
        return digest_text(backend.to_str())
    return digest_config(getattr(tokenizer, "encoder", {}))


def _plain(config: object) -> Mapping[str, Any]:
    if is_dataclass(config) and not isinstance(config, type):
        return asdict(config)
    return config if isinstance(config, Mapping) else {}
