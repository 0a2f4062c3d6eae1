"""CLIP and its relatives through open_clip: any architecture and tag, hub id or local folder."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError

from gdbench.errors import InputError
from gdbench.models.device_clock import DeviceClock
from gdbench.models.entry import LoadOptions, ModelEntry
from gdbench.protocol import Item, Matrix, ModelCard, Scores
from gdbench.records import ModelSettings

if TYPE_CHECKING:
    import torch

Vector = NDArray[np.float32]
_WINDOW = 64  # items looked at together
_CACHE = 16384  # embeddings kept: 50 MB at 768 dimensions


class OpenCLIP:
    """Cosine similarity of open_clip's image and text embeddings, in [-1, 1].

    Every image and text is encoded once, in batches of a fixed shape (the last one is padded), so
    that a score does not depend on what it was encoded together with.
    """

    def __init__(
        self,
        model: Any,
        preprocess: Callable[[Image.Image], torch.Tensor],
        tokenizer: Any,
        card: ModelCard,
        options: LoadOptions,
    ) -> None:
        import torch

        self.card = card
        self.device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
        self.batch_size = options.batch_size or 32
        self.settings = ModelSettings(
            dtype=options.dtype or "float32", seed=options.seed, resolution=card.resolution
        )
        self._clock = DeviceClock(torch.device(self.device))
        self._model = model.eval()
        self._preprocess = preprocess
        self._tokenizer = tokenizer
        self._images: OrderedDict[str, Vector] = OrderedDict()
        self._texts: OrderedDict[str, Vector] = OrderedDict()

    @classmethod
    def from_source(
        cls, source: str, options: LoadOptions, entry: ModelEntry | None = None
    ) -> Self:
        """Load `ARCHITECTURE/TAG`, `hf-hub:OWNER/NAME`, or a folder with open_clip_config.json.

        Raises InputError with one line where the model cannot be had.
        """
        import open_clip
        import torch

        device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
        precision = {"float16": "fp16", "bfloat16": "bf16"}.get(options.dtype or "", "fp32")
        name, tag, quick_gelu = _locate(source)
        try:
            model, preprocess = open_clip.create_model_from_pretrained(
                name, pretrained=tag, precision=precision, device=device,
                force_quick_gelu=quick_gelu,
            )  # fmt: skip
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
        size = model.visual.image_size
        known = entry or ModelEntry(source, "open-clip", source, "contrastive", "")
        weights = _hash_weights(model)
        card = ModelCard(
            name=known.name,
            revision=weights[:7],
            family="contrastive",
            source=Path(source).name if Path(source).is_absolute() else source,
            weights_sha256=weights,
            parameters=sum(p.numel() for p in model.parameters()),
            resolution=size if isinstance(size, int) else size[0],
            license=known.license,
            url=known.url,
            description=known.description,
            bibtex=known.bibtex,
        )
        return cls(model, preprocess, tokenizer, card, options)

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
        for start in range(0, len(missing), self.batch_size):
            keys = missing[start : start + self.batch_size]
            padded = keys + [keys[0]] * (self.batch_size - len(keys))
            vectors = list(encode([wanted[key] for key in padded]))
            cache.update(zip(keys, vectors, strict=False))

    def _trim(self) -> None:
        for cache in (self._images, self._texts):
            while len(cache) > _CACHE:
                cache.popitem(last=False)

    def _encode_images(self, images: list[Image.Image]) -> Iterator[Vector]:
        import torch

        for start in range(0, len(images), self.batch_size):
            chunk = images[start : start + self.batch_size]
            pixels = torch.stack([self._preprocess(i.convert("RGB")) for i in chunk])
            yield from self._run(self._model.encode_image, pixels)

    def _encode_texts(self, texts: list[str]) -> Iterator[Vector]:
        for start in range(0, len(texts), self.batch_size):
            yield from self._run(
                self._model.encode_text, self._tokenizer(texts[start : start + self.batch_size])
            )

    def _run(self, encode: Callable[..., torch.Tensor], batch: torch.Tensor) -> Iterator[Vector]:
        import torch

        weight = next(self._model.parameters())
        if batch.is_floating_point():
            batch = batch.to(weight.dtype)
        with self._clock.running(), torch.inference_mode():
            vectors = encode(batch.to(weight.device)).float()
            vectors = vectors / vectors.norm(dim=-1, keepdim=True)
        yield from vectors.cpu().numpy()


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


def _hash_weights(model: Any) -> str:
    """sha256 over names and bytes of all tensors of the model."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)}".encode())
        flat = tensor.detach().to("cpu", torch.float32).contiguous()
        digest.update(flat.numpy().tobytes())
    return digest.hexdigest()
