"""Image-text matching heads of transformers: BLIP (arXiv 2201.12086), BLIP-2 (arXiv 2301.12597)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from PIL import Image

from gdbench.data.images import MemoryImage
from gdbench.models import hf_checkpoint
from gdbench.models.devices import choose_device, choose_dtype
from gdbench.models.flops import counted
from gdbench.models.hf_dual import card_of, on, side_of
from gdbench.models.kinds import ModelEntry
from gdbench.models.pair_scorer import Pair, PairScorer
from gdbench.models.special_tokens import Unread, unread
from gdbench.operations import VARIES
from gdbench.protocol import ImageRef, ITMModel, ModelCard
from gdbench.records import ModelSettings, Prices
from gdbench.run import ModelRequest, Where

if TYPE_CHECKING:
    import torch

_PICTURES = 64  # encoded pictures kept: some 2 MB each
_STEP = 16  # texts are padded to a multiple of this


class MatchingHead(PairScorer):
    """log(P(match) / P(no match)): the difference of the head's two logits.

    The probability itself is 1 for many pairs in float32, and they would tie; the order is the
    same. A picture is encoded once for all of its texts.
    """

    def __init__(
        self, loaded: hf_checkpoint.Loaded, card: ModelCard, settings: ModelSettings, where: Where
    ) -> None:
        super().__init__(loaded.model.device, card, loaded.content, settings, where)
        self._model, self._processor = loaded.model, loaded.processor
        self._is_second = hasattr(loaded.model, "qformer")
        config = loaded.model.config
        words = config.qformer_config if self._is_second else config.text_config
        self._length = min(
            int(words.max_position_embeddings), int(loaded.processor.tokenizer.model_max_length)
        )
        self._pictures: OrderedDict[str, torch.Tensor] = OrderedDict()
        self._passes: dict[int, int] = {}
        """Operations of a pass by the number of tokens."""

    def unread(self, text: str) -> Unread | None:
        """See `PairScorer`."""
        return unread(self._processor, text, self._length)

    @cached_property
    def prices(self) -> Prices:
        """What the picture's encoder takes; a pass takes more for a longer text."""
        import torch

        blank = MemoryImage(Image.new("RGB", (96, 96)))
        with torch.inference_mode(), self._clock.stopped():
            picture = counted(lambda: self._features([blank]))
        return Prices(picture=picture, unknown=VARIES)

    def pass_flops_of(self, text: str) -> int:
        """Operations of a pass that reads a text, without padding to the length of others."""
        import torch

        tokens = self._tokens([text])
        length = tokens.input_ids.shape[1]
        if length not in self._passes:
            blank = MemoryImage(Image.new("RGB", (96, 96)))
            run = self._second if self._is_second else self._first
            with torch.inference_mode(), self._clock.stopped():
                seen = self._features([blank])
                self._passes[length] = counted(
                    lambda: run(seen, tokens.input_ids, tokens.attention_mask)
                )
        return self._passes[length]

    def score_pairs(self, pairs: Sequence[Pair]) -> torch.Tensor:
        """See `PairScorer`."""
        import torch

        tokens = self._tokens([text for _, text in pairs])
        pictures = self._encoded([image for image, _ in pairs])
        with self._clock.running():
            run = self._second if self._is_second else self._first
            logits = run(pictures, tokens.input_ids, tokens.attention_mask).float()
        matches: torch.Tensor = logits[:, 1] - logits[:, 0]
        return torch.as_tensor(matches)

    def _tokens(self, texts: Sequence[str]) -> Any:
        return self._processor.tokenizer(
            list(texts),
            padding=True,
            pad_to_multiple_of=_STEP if self._length % _STEP == 0 else None,
            max_length=self._length,
            truncation=True,
            return_token_type_ids=False,
            return_tensors="pt",
        ).to(self._model.device)

    def _first(self, pictures: Any, ids: Any, mask: Any) -> Any:
        """BLIP: the head on the first token of the text, which looks at the picture."""
        seen = pictures.new_ones(pictures.shape[:2], dtype=mask.dtype)
        hidden = self._model.text_encoder(
            input_ids=ids,
            attention_mask=mask,
            encoder_hidden_states=pictures,
            encoder_attention_mask=seen,
        ).last_hidden_state
        return self._model.itm_head(hidden[:, 0])

    def _second(self, pictures: Any, ids: Any, mask: Any) -> Any:
        """BLIP-2: the mean of the head over the queries, which look at picture and text."""
        import torch

        model = self._model
        queries = model.query_tokens.expand(len(pictures), -1, -1)
        heard = mask.new_ones(queries.shape[:2])
        hidden = model.qformer(
            query_embeds=model.embeddings(input_ids=ids, query_embeds=queries),
            query_length=queries.shape[1],
            attention_mask=torch.cat([heard, mask], dim=1),
            # the queries' transformer stays in float32 where the rest is in half precision
            encoder_hidden_states=pictures.to(queries.dtype),
            encoder_attention_mask=mask.new_ones(pictures.shape[:2]),
        ).last_hidden_state
        head = model.itm_head
        return head(hidden[:, : queries.shape[1]].to(head.weight.dtype)).mean(dim=1)

    def _encoded(self, images: Sequence[ImageRef]) -> torch.Tensor:
        """Features of pictures, shape (len(images), tokens, width); each is encoded once."""
        import torch

        by_key = {image.sha256: image for image in images}
        new = [key for key in by_key if key not in self._pictures]
        if new:
            features = self._features([by_key[key] for key in new])
            if not bool(torch.isfinite(features).all()):
                raise self.not_finite("picture encoder")
            # a copy of each row: a view would keep the whole batch alive
            self._pictures.update((k, row.clone()) for k, row in zip(new, features, strict=True))
        for key in by_key:
            self._pictures.move_to_end(key)
        rows = torch.stack([self._pictures[image.sha256] for image in images])
        while len(self._pictures) > _PICTURES:
            self._pictures.popitem(last=False)
        return rows

    def _features(self, images: Sequence[ImageRef]) -> torch.Tensor:
        opened = [image.open() for image in images]
        inputs = self._processor.image_processor(images=opened, return_tensors="pt")
        pixels = on(inputs, self._model)["pixel_values"]
        with self._clock.running():
            features: torch.Tensor = self._model.vision_model(pixel_values=pixels).last_hidden_state
        return features


class MatchingKind:
    """`hf:OWNER/NAME`, or a folder, of BlipForImageTextRetrieval or Blip2ForImageTextRetrieval."""

    name = "hf-itm"
    uses = frozenset({"dtype", "resolution", "device", "batch_size"})

    def claim(self, source: str) -> ModelEntry | None:
        """See `gdbench.models.kinds.Kind`."""
        return hf_checkpoint.claim(source, "matching")

    def is_here(self, entry: ModelEntry) -> bool:
        """See `gdbench.models.kinds.Kind`."""
        return hf_checkpoint.is_here(entry)

    def load(self, entry: ModelEntry, request: ModelRequest, where: Where) -> ITMModel:
        """See `gdbench.models.kinds.Kind`."""
        device = choose_device(where.device)
        dtype = choose_dtype(request.settings.dtype or "float32", device)
        loaded = hf_checkpoint.load(entry, "matching", device, dtype, trust=False)
        settings = request.settings.model_copy(
            update={
                "dtype": str(dtype).removeprefix("torch."),
                "resolution": side_of(loaded, request),
            }
        )
        return MatchingHead(loaded, card_of(entry, loaded, settings.resolution), settings, where)


KIND = MatchingKind()
