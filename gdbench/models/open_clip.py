"""CLIP and its relatives through open_clip: any architecture and tag, hub id or local folder."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError

from gdbench.errors import InputError
from gdbench.memory import attempted, capped, free_memory, halved
from gdbench.models.device_clock import DeviceClock
from gdbench.models.devices import choose_device, choose_dtype
from gdbench.models.digests import digest_config, digest_state, digest_text, digest_tokenizer
from gdbench.models.kinds import ModelEntry, clean_name
from gdbench.models.presence import cached_repos
from gdbench.protocol import Item, ITMModel, Matrix, ModelCard, Scores
from gdbench.records import Content, ModelSettings
from gdbench.run import ModelRequest, Where

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
Vector = NDArray[np.float32]
_USUAL_BATCH = 32
_WINDOW = 64  # items looked at together
_CACHE = 16384  # embeddings kept: 50 MB at 768 dimensions


@dataclass(frozen=True)
class Encoders:
    """A loaded open_clip model."""

    model: Any
    preprocess: Callable[[Image.Image], torch.Tensor]
    tokenizer: Any
    device: torch.device
    input_dtype: torch.dtype
    """Of pictures; parameters may be kept in another precision (positions, norms)."""


class OpenCLIP:
    """Cosine similarity of open_clip's image and text embeddings, in [-1, 1].

    Every image and text is encoded once, in batches of a fixed shape (the last one is padded), so
    that a score does not depend on what it was encoded together with.
    """

    def __init__(
        self, encoders: Encoders, card: ModelCard, content: Content, settings: ModelSettings,
        where: Where,
    ) -> None:  # fmt: skip
        self.card, self.content, self.settings = card, content, settings
        self.device = str(encoders.device)
        self.batch_size = _USUAL_BATCH
        if where.batch_size is not None:
            # a picture's activations take some 64 times what its pixels take
            each = 64 * 4 * 3 * (card.resolution or 224) ** 2
            most = max(_USUAL_BATCH, free_memory(encoders.device) // each)
            self.batch_size = capped(where.batch_size, most)
        self._clock = DeviceClock(encoders.device)
        self._encoders = encoders
        self._model, self._tokenizer = encoders.model, encoders.tokenizer
        self._images: OrderedDict[str, Vector] = OrderedDict()
        self._texts: OrderedDict[str, Vector] = OrderedDict()

    @property
    def device_seconds(self) -> float:
        """Seconds in which the two encoders ran so far."""
        return self._clock.seconds

    def score(self, images: Sequence[Image.Image], texts: Sequence[str]) -> Matrix:
        """Cosine similarities of shape (len(images), len(texts))."""
        return _cosines(
            np.stack(list(self._encode_images(list(images)))),
            np.stack(list(self._encode_texts(list(texts)))),
        )

    def score_items(self, items: Iterable[Item]) -> Iterator[Scores]:
        """Scores of each item, in order; embeddings are shared between items."""
        stream = iter(items)
        while window := list(islice(stream, _WINDOW)):
            self._fill(self._images, {i.sha256: i for item in window for i in item.images},
                       lambda refs: self._encode_images([r.open() for r in refs]))  # fmt: skip
            self._fill(
                self._texts, {t: t for item in window for t in item.texts}, self._encode_texts
            )
            for item in window:
                yield Scores(
                    item.id,
                    _cosines(
                        np.stack([self._images[i.sha256] for i in item.images]),
                        np.stack([self._texts[t] for t in item.texts]),
                    ),
                    truncated_texts=sum(self.truncates(t) for t in item.texts),
                )
            self._trim()

    def truncates(self, text: str) -> bool:
        """Whether the tokenizer has to cut the text."""
        length = self._tokenizer.context_length
        inner = getattr(self._tokenizer, "tokenizer", None)
        if inner is not None:  # a Hugging Face tokenizer, which adds the special tokens itself
            return bool(len(inner(text, truncation=False, verbose=False)["input_ids"]) > length)
        return bool(len(self._tokenizer.encode(text)) + 2 > length)

    def _fill(
        self,
        cache: OrderedDict[str, Vector],
        wanted: dict[str, Any],
        encode: Callable[[list[Any]], Iterator[Vector]],
    ) -> None:
        missing = [key for key in wanted if key not in cache]
        for key in wanted.keys() - set(missing):
            cache.move_to_end(key)
        while missing:
            keys, missing = missing[: self.batch_size], missing[self.batch_size :]
            padded = keys + [keys[0]] * (self.batch_size - len(keys))
            vectors = list(encode([wanted[key] for key in padded]))
            cache.update(zip(keys, vectors, strict=False))

    def _trim(self) -> None:
        for cache in (self._images, self._texts):
            while len(cache) > _CACHE:
                cache.popitem(last=False)

    def _encode_images(self, images: list[Image.Image]) -> Iterator[Vector]:
        import torch

        def run(chunk: list[Image.Image]) -> Vector:
            pixels = torch.stack([self._encoders.preprocess(i.convert("RGB")) for i in chunk])
            return self._run(self._model.encode_image, pixels)

        return self._in_batches(images, run, "pictures")

    def _encode_texts(self, texts: list[str]) -> Iterator[Vector]:
        return self._in_batches(
            texts, lambda chunk: self._run(self._model.encode_text, self._tokenizer(chunk)), "texts"
        )

    def _in_batches(
        self, inputs: list[T], run: Callable[[list[T]], Vector], what: str
    ) -> Iterator[Vector]:
        """A vector for each input; batches become smaller when memory runs out."""
        while inputs:
            chunk = inputs[: self.batch_size]
            vectors = attempted(lambda: run(chunk))  # noqa: B023 # called at once
            if vectors is None:
                self.batch_size = halved(self.batch_size, self._clock.device, what)
                continue
            yield from vectors
            inputs = inputs[len(chunk) :]

    def _run(self, encode: Callable[..., torch.Tensor], batch: torch.Tensor) -> Vector:
        import torch

        if batch.is_floating_point():
            batch = batch.to(self._encoders.input_dtype)
        with self._clock.running(), torch.inference_mode():
            vectors = encode(batch.to(self._encoders.device)).float()
            vectors = vectors / vectors.norm(dim=-1, keepdim=True)
        found: Vector = vectors.cpu().numpy()
        return found


def _cosines(images: Vector, texts: Vector) -> Matrix:
    """Dot products in float64 and a fixed order: no dependence on the shape of the matrix."""
    product = images[:, None, :].astype(np.float64) * texts[None, :, :].astype(np.float64)
    total: NDArray[np.float64] = product.sum(axis=-1)
    return total.astype(np.float32)


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
        from open_clip.pretrained import get_pretrained_cfg

        if entry.local:
            return Path(entry.source).is_dir()
        if entry.source.startswith("hf-hub:"):
            return entry.source.removeprefix("hf-hub:") in cached_repos()
        architecture, _, tag = entry.source.partition("/")
        hub = str(get_pretrained_cfg(architecture, tag).get("hf_hub", "")).strip("/")
        return bool(hub) and hub in cached_repos()

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
    try:
        model, preprocess = open_clip.create_model_from_pretrained(
            name,
            pretrained=tag,
            precision=precision,
            device=device,
            force_quick_gelu=quick_gelu,
            force_image_size=side,
        )
        tokenizer = open_clip.get_tokenizer(name)
    except LocalEntryNotFoundError as error:
        raise InputError(f"{source}: not in the cache and the hub cannot be reached") from error
    except HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "?"
        raise InputError(
            f"{source}: the hub answered {status}; check the name, and for gated models accept "
            "the conditions on the model's page and run `hf auth login`"
        ) from error
    except (SafetensorError, RuntimeError, ValueError, OSError, KeyError, TypeError) as error:
        line = " ".join(str(error).split())[:300]
        raise InputError(f"{source}: open_clip cannot load it: {line}") from error
    input_dtype = open_clip.get_input_dtype(precision) or next(model.parameters()).dtype
    return Encoders(model.eval(), preprocess, tokenizer, device, input_dtype)


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
