"""Image-text-to-text models of transformers as matchers: VQAScore and the caption's likelihood.

VQAScore (Lin et al. 2024, arXiv 2404.01291) asks the model whether the picture shows the caption
and takes log P("Yes"). The likelihood (VisualGPTScore, Lin et al. 2023, arXiv 2306.01879) is
log P(caption | picture), summed over its tokens. From both, a share `prior` of the same number for
pictures of noise can be subtracted: what the words alone bring.
"""

from __future__ import annotations

import inspect
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from gdbench.data.images import MemoryImage
from gdbench.errors import InputError
from gdbench.models import hf_checkpoint
from gdbench.models.devices import DTYPES, choose_device, choose_dtype
from gdbench.models.hf_dual import card_of, on, side_of
from gdbench.models.hf_prompt import Prompt, Prompts
from gdbench.models.kinds import ModelEntry
from gdbench.models.pair_scorer import Known, Pair, PairScorer
from gdbench.models.special_tokens import Unread
from gdbench.protocol import ImageRef, ITMModel, Matrix, ModelCard
from gdbench.records import OF_TRANSFORMERS, ModelSettings
from gdbench.run import ModelRequest, Where

if TYPE_CHECKING:
    import torch

_ROUNDING = 1e-2  # of the largest logit; a model that looks ahead moves them by much more
_PICTURES = 16  # encoded pictures kept
_NULLS = 3
_NULL_SIDE = 336
_NULL_MEAN, _NULL_DEVIATION = 0.4, 0.25  # of the range of a pixel


class VLMScorer(PairScorer):
    """log P(answer) or log P(caption), in nats, 0 at most; less the prior's share.

    Sequences are padded on the right, where a causal model does not look, so that a score does not
    depend on its batch. A picture is encoded once for all of its texts where the model takes
    encoded pictures.
    """

    def __init__(
        self, loaded: hf_checkpoint.Loaded, prompts: Prompts, card: ModelCard,
        settings: ModelSettings, where: Where,
    ) -> None:  # fmt: skip
        super().__init__(loaded.model.device, card, loaded.content, settings, where)
        self._model, self._processor, self._prompts = loaded.model, loaded.processor, prompts
        self._pictures: OrderedDict[str, Any] = OrderedDict()
        self._forward = inspect.signature(loaded.model.forward).parameters
        encode = getattr(loaded.model.base_model, "get_image_features", None)
        pixels = self._forward.get("pixel_values")
        shares = "mm_encoder_outputs" in self._forward and (
            pixels is not None and pixels.default is not inspect.Parameter.empty
        )
        self._encode = encode if shares else None
        self._start = _start_of_answers(loaded.model)

    def unread(self, text: str) -> Unread | None:
        """See `PairScorer`."""
        return "special" if self._prompts.has_signs(text) else None

    @cached_property
    def _nulls(self) -> tuple[ImageRef, ...]:
        """Pictures of noise, always the same, that stand for no picture."""
        rng = np.random.default_rng(0)
        shape = (_NULLS, _NULL_SIDE, _NULL_SIDE, 3)
        noise = np.clip(rng.normal(_NULL_MEAN, _NULL_DEVIATION, shape), 0, 1) * 255
        return tuple(MemoryImage(Image.fromarray(n.round().astype(np.uint8))) for n in noise)

    def pairs_of(self, images: Sequence[ImageRef], texts: Sequence[str]) -> Iterator[Pair]:
        """See `PairScorer`; with a prior, the texts beside pictures of noise, too."""
        yield from super().pairs_of(images, texts)
        if self.settings.prior:
            yield from super().pairs_of(self._nulls, texts)

    def matrix_of(self, images: Sequence[ImageRef], texts: Sequence[str], known: Known) -> Matrix:
        """See `PairScorer`; less `prior` times the log of the mean probability beside noise."""
        matrix = super().matrix_of(images, texts, known)
        if self.settings.prior:
            beside_noise = super().matrix_of(self._nulls, texts, known)
            mean = np.logaddexp.reduce(beside_noise, axis=0) - np.log(_NULLS)
            matrix = matrix - self.settings.prior * mean[None, :]
        return matrix

    def score_pairs(self, pairs: Sequence[Pair]) -> torch.Tensor:
        """See `PairScorer`."""
        import torch

        prompts = [self._prompts.of(text) for _, text in pairs]
        inputs, lengths = self._inputs([image for image, _ in pairs], prompts)
        if self._start is not None:
            return self._first_words(inputs, self._start)
        # a token is foretold at the one before it, an answer at the last one
        places = [
            [length - 1 - p.n_scored + k for k in range(max(p.n_scored, 1))]
            for length, p in _zip(lengths, prompts)
        ]
        kept = sorted({place for row in places for place in row})
        with self._clock.running():
            logits = self._logits(inputs, kept)
        scores = []
        for row, (at, prompt) in enumerate(zip(places, prompts, strict=True)):
            chosen = logits[row, [kept.index(place) for place in at]].float()
            logs = torch.log_softmax(chosen, dim=-1)
            if prompt.n_scored:
                ids = inputs["input_ids"][row, [place + 1 for place in at]]
                scores.append(logs.gather(1, ids[:, None]).sum())
            else:
                scores.append(logs[0, list(self._prompts.answer_ids)].logsumexp(dim=0))
        return torch.stack(scores)

    def _first_words(self, inputs: dict[str, Any], start: int) -> torch.Tensor:
        """Log P(answer) of an encoder-decoder: that of the first word that it says."""
        import torch

        begun = torch.full((len(inputs["input_ids"]), 1), start, device=self._model.device)
        with self._clock.running():
            logits = self._model(**inputs, decoder_input_ids=begun).logits[:, 0].float()
        logs = torch.log_softmax(logits, dim=-1)
        scores: torch.Tensor = logs[:, list(self._prompts.answer_ids)].logsumexp(dim=1)
        return scores

    def check_causal(self) -> None:
        """Raise InputError where the model sees a caption's later words at its earlier ones."""
        import torch

        if self._start is not None:
            raise InputError(
                f"{self.card.name} answers with an encoder-decoder: of a caption behind a request "
                "it has no likelihood here; use --scorer vqa"
            )
        picture = MemoryImage(Image.new("RGB", (_NULL_SIDE, _NULL_SIDE)))
        prompt = self._prompts.of("a picture of two things")
        inputs, (length,) = self._inputs([picture], [prompt])
        places = list(range(length - 1 - prompt.n_scored, length - 1))
        with torch.inference_mode():
            before = self._logits(inputs, places).float()
            inputs["input_ids"][0, -1] = prompt.end[0]
            after = self._logits(inputs, places).float()
        if (after - before).abs().max() > _ROUNDING * before.abs().max():
            raise InputError(
                f"{self.card.name} looks ahead in what it reads, so a caption has no likelihood; "
                "use --scorer vqa"
            )

    def _logits(self, inputs: dict[str, Any], kept: list[int]) -> torch.Tensor:
        """Logits at some places of every row, shape (rows, len(kept), words)."""
        import torch

        at = torch.tensor(kept, device=self._model.device)
        if "logits_to_keep" in self._forward:
            logits: torch.Tensor = self._model(**inputs, logits_to_keep=at).logits
            return logits
        everything: torch.Tensor = self._model(**inputs).logits
        return everything[:, at]

    def _inputs(
        self, images: Sequence[ImageRef], prompts: Sequence[Prompt]
    ) -> tuple[dict[str, Any], list[int]]:
        """What the model takes, padded on the right, and the length of each row."""
        opened = {image.sha256: image.open() for image in images}
        rows = [
            on(self._prompts.tokens([p.text], [opened[i.sha256]]), self._model)
            for i, p in _zip(images, prompts)
        ]
        lengths = [int(row["input_ids"].shape[1]) for row in rows]
        for row, prompt in _zip(rows, prompts):
            self._prompts.check_end(row["input_ids"][0].tolist(), prompt)
        if self._encode is None:
            texts = [p.text for p in prompts]
            together = self._prompts.tokens(texts, [opened[i.sha256] for i in images])
            return on(together, self._model), lengths
        inputs = self._joined(rows, max(lengths))
        inputs["mm_encoder_outputs"] = {"image": self._encoded(images, rows)}
        return inputs, lengths

    def _joined(self, rows: Sequence[dict[str, Any]], longest: int) -> dict[str, Any]:
        """Rows of tokens one below the other; what belongs to pictures one after the other."""
        import torch

        inputs = {}
        for name, value in rows[0].items():
            parts = [row[name] for row in rows]
            if value.shape[:2] == rows[0]["input_ids"].shape:
                padding = self._prompts.padding_id if name == "input_ids" else 0
                fill = [(0, longest - part.shape[1]) for part in parts]
                padded = [
                    torch.nn.functional.pad(part, by, value=padding)
                    for part, by in _zip(parts, fill)
                ]
                inputs[name] = torch.cat(padded)
            elif name in self._forward and "pixel" not in name:
                inputs[name] = torch.cat(parts)
        return inputs

    def _encoded(self, images: Sequence[ImageRef], rows: Sequence[dict[str, Any]]) -> Any:
        """Features of the pictures of all rows, each picture encoded by itself and once."""
        assert self._encode is not None  # noqa: S101 # asked before
        names = inspect.signature(self._encode).parameters
        for image, row in _zip(images, rows):
            if image.sha256 not in self._pictures:
                given = {name: value for name, value in row.items() if name in names}
                with self._clock.running():
                    encoded = self._encode(**given, return_dict=True)
                if not all(bool(features.isfinite().all()) for features in encoded.pooler_output):
                    raise self.not_finite("picture encoder")
                self._pictures[image.sha256] = encoded
            self._pictures.move_to_end(image.sha256)
        features = _one_after_the_other([self._pictures[image.sha256] for image in images])
        while len(self._pictures) > _PICTURES:
            self._pictures.popitem(last=False)
        return features


def _zip(first: Sequence[Any], second: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    yield from zip(first, second, strict=True)


def _one_after_the_other(outputs: Sequence[Any]) -> Any:
    """Outputs of a picture encoder as if it had seen all pictures in one call."""
    fields = {"pooler_output": _chained([output.pooler_output for output in outputs])}
    deep = [getattr(output, "deepstack_features", None) for output in outputs]
    if deep[0] is not None:
        # a list over the layers, each with the pictures' features
        fields["deepstack_features"] = [_chained(layer) for layer in zip(*deep, strict=True)]
    return type(outputs[0])(**fields)


def _chained(parts: Sequence[Any]) -> Any:
    import torch

    if isinstance(parts[0], torch.Tensor):
        return torch.cat(list(parts))
    return [features for part in parts for features in part]


class VLMKind:
    """`hf:OWNER/NAME`, or a folder with config.json, of an image-text-to-text model."""

    name = "hf-vlm"
    uses = frozenset({"dtype", "resolution", "device", "batch_size"}) | OF_TRANSFORMERS

    def claim(self, source: str) -> ModelEntry | None:
        """See `gdbench.models.kinds.Kind`."""
        return hf_checkpoint.claim(source, "generative")

    def is_here(self, entry: ModelEntry) -> bool:
        """See `gdbench.models.kinds.Kind`."""
        return hf_checkpoint.is_here(entry)

    def load(self, entry: ModelEntry, request: ModelRequest, where: Where) -> ITMModel:
        """See `gdbench.models.kinds.Kind`."""
        checkpoint = hf_checkpoint.Checkpoint.open(entry.source, entry.revision)
        config = checkpoint.config
        settings = Prompts.completed(request.settings)
        device = choose_device(where.device)
        stored = str(config.get("dtype") or config.get("torch_dtype"))
        # on an accelerator as stored: many of these models overflow in float16
        usual = stored if device.type == "cuda" and stored in DTYPES else None
        dtype = choose_dtype(request.settings.dtype or usual, device)
        trust = bool(request.settings.trust_remote_code)
        loaded = hf_checkpoint.load(entry, "generative", device, dtype, trust=trust)
        prompts = Prompts(loaded.processor, settings, entry.source)
        settings = settings.model_copy(
            update={
                "dtype": str(dtype).removeprefix("torch."),
                "resolution": side_of(loaded, request),
            }
        )
        card = card_of(entry, loaded, settings.resolution)
        scorer = VLMScorer(loaded, prompts, card, settings, where)
        if settings.scorer == "likelihood":
            scorer.check_causal()
        return scorer


def _start_of_answers(model: Any) -> int | None:
    """The token with which an encoder-decoder's answer begins; None where a text is continued."""
    text = getattr(model.config, "text_config", None) or model.config
    if not (getattr(text, "is_encoder_decoder", False) or model.config.is_encoder_decoder):
        return None
    start = getattr(text, "decoder_start_token_id", None)
    return int(text.pad_token_id if start is None else start)


KIND = VLMKind()
