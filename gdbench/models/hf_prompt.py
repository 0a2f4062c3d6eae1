"""What an image-text-to-text model is asked, and which of its tokens are scored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from PIL import Image

from gdbench.errors import InputError
from gdbench.models.special_tokens import has_special_tokens, special_ids
from gdbench.records import ModelSettings

_QUESTIONS = {
    # the question of Lin et al. 2024
    "vqa": 'Does this figure show "{text}"? Please answer yes or no.',
    "likelihood": "Describe this image.",
}
_ANSWERS = "Yes"
_TEXT = "{text}"


@dataclass(frozen=True)
class Prompt:
    """The text that the processor reads; the last `n_scored` tokens are the caption's (or 0)."""

    text: str
    end: tuple[int, ...] = ()
    """Those tokens."""

    @property
    def n_scored(self) -> int:
        """How many of the last tokens are scored."""
        return len(self.end)


class Prompts:
    """Makes prompts of captions for one model and one question.

    A caption's own special tokens (`<image>`, `<|im_end|>`) are taken apart by a space, so that it
    can neither end the question nor stand for a picture; such captions are counted.
    """

    def __init__(self, processor: Any, settings: ModelSettings, source: str) -> None:
        self._processor, self._tokenizer, self._source = processor, processor.tokenizer, source
        # where a causal model does not look
        self._tokenizer.padding_side = "right"
        self._question = settings.question or ""
        self._scorer = settings.scorer
        padding = self._tokenizer.pad_token_id
        self.padding_id = 0 if padding is None else int(padding)
        names = [self._tokenizer.convert_ids_to_tokens(k) for k in special_ids(self._tokenizer)]
        own = [str(getattr(processor, f"{kind}_token", "") or "") for kind in ("image", "video")]
        self._signs = sorted({s for s in (*names, *own) if s}, key=lambda s: (-len(s), s))
        if not getattr(processor, "chat_template", None) and settings.question in (
            None, _QUESTIONS[str(settings.scorer)],
        ):  # fmt: skip
            raise InputError(
                f"{source} has no chat template: give the whole prompt in --question, the sign for "
                f"the picture ({own[0] or 'see its card'}) included"
            )
        self.answer_ids = self._answers(settings.answers or "") if self._scorer == "vqa" else ()
        self.of = lru_cache(maxsize=4096)(self._of)

    @staticmethod
    def completed(settings: ModelSettings) -> ModelSettings:
        """Settings with what was not chosen. Raises InputError for a question that cannot be."""
        scorer = settings.scorer or "vqa"
        full = settings.with_defaults(scorer=scorer, question=_QUESTIONS[scorer], prior=0.0)
        has_place = _TEXT in str(full.question)
        if scorer == "likelihood":
            if has_place:
                raise InputError("--question: with --scorer likelihood the caption is the answer, "
                                 "so {text} cannot stand in the question")  # fmt: skip
            if settings.answers is not None:
                raise InputError("--answers: --scorer likelihood does not use it; leave it out")
            return full
        if not has_place:
            raise InputError("--question: expected {text} where the caption is to stand")
        return full.with_defaults(answers=_ANSWERS)

    def has_signs(self, text: str) -> bool:
        """Whether a caption holds special tokens, or the sign for a picture."""
        return any(s in text for s in self._signs) or has_special_tokens(self._tokenizer, text)

    def _of(self, caption: str) -> Prompt:
        """The prompt for a caption."""
        for sign in self._signs:
            caption = caption.replace(sign, f"{sign[0]} {sign[1:]}")
        if self._scorer == "vqa":
            return Prompt(self._asked(self._question.replace(_TEXT, caption)))
        head = self._asked(self._question)
        whole = f"{head}{'' if head[-1:].isspace() else ' '}{caption}"
        before, after = self._ids(head), self._ids(whole)
        same = 0
        while same < min(len(before), len(after)) and before[same] == after[same]:
            same += 1
        if same == len(after):
            raise InputError(f"{self._source}: the caption {caption[:60]!r} has no tokens to score")
        return Prompt(whole, tuple(after[same:]))

    def _asked(self, question: str) -> str:
        """The question as the model was trained to be asked, up to where it answers."""
        if not getattr(self._processor, "chat_template", None):
            return question
        content = [{"type": "image"}, {"type": "text", "text": question}]
        text: str = self._processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
        )
        return text

    def _adds_signs(self, text: str) -> bool:
        """Whether the tokenizer is to add its start sign: not where the template has it."""
        start = self._tokenizer.bos_token
        return not (start and text.startswith(start))

    def _ids(self, text: str) -> list[int]:
        ids = self._tokenizer(text, add_special_tokens=self._adds_signs(text))["input_ids"]
        return list(ids)

    def tokens(self, texts: Sequence[str], pictures: Sequence[Image.Image]) -> Any:
        """The processor's tensors for some prompts with a picture each."""
        inputs = self._processor(
            text=list(texts),
            images=[[picture] for picture in pictures],
            padding=True,
            # some processors have their own side, whatever the tokenizer's
            padding_side="right",
            add_special_tokens=self._adds_signs(texts[0]),
            return_tensors="pt",
        )
        # some make them, and the model would compute a loss
        inputs.pop("labels", None)
        return inputs

    def check_end(self, ids: Sequence[int], prompt: Prompt) -> None:
        """Raise InputError where the processor has put something behind the caption."""
        if prompt.end and tuple(ids[-len(prompt.end) :]) != prompt.end:
            raise InputError(
                f"{self._source}: its processor ({type(self._processor).__name__}) changes the end "
                "of a text; --scorer likelihood cannot read it, --scorer vqa can"
            )

    def _answers(self, words: str) -> tuple[int, ...]:
        """Ids of the answers, each with and without the space before it, as far as it is a token.

        Raises InputError for a word that is more than one token.
        """
        ids: set[int] = set()
        for word in [w.strip() for w in words.split(",") if w.strip()]:
            spelled = [
                self._tokenizer(s, add_special_tokens=False)["input_ids"]
                for s in (word, f" {word}")
            ]
            single = {int(s[0]) for s in spelled if len(s) == 1}
            unknown = {self._tokenizer.unk_token_id}
            if not single - unknown:
                raise InputError(
                    f"--answers {word!r}: the tokenizer of {self._source} has no single token for "
                    "it; choose another word"
                )
            ids |= single - unknown
        if not ids:
            raise InputError("--answers: expected words separated by commas")
        return tuple(sorted(ids))
