"""What a user may say of data of their own; everything else follows from the columns."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from gdbench.readable import TASK_NAME
from gdbench.records import Strict

Ask = Literal["negatives", "text", "image", "retrieval", "pairs", "classes", "association"]
PROMPT = "a photo of a {}"


class DataOptions(Strict):
    """Options of `--data`."""

    ask: Ask | None = Field(
        default=None,
        description="Of --data: what is asked; default: what follows from the columns.",
        json_schema_extra={
            "choices": [
                "negatives", "text", "image", "retrieval", "pairs", "classes", "association",
            ]
        },
    )  # fmt: skip
    image_column: str | None = Field(
        default=None, description="Of --data: the column with the pictures."
    )
    caption_column: str | None = Field(
        default=None, description="Of --data: the column with the captions."
    )
    label_column: str | None = Field(
        default=None, description="Of --data: the column with the classes."
    )
    split: str | None = Field(default=None, description="Of --data: only this split.")
    candidates: int | None = Field(
        default=None,
        ge=2,
        le=1000,
        description="Of --data: choices of a retrieval question, the right one among them "
        "(default 10).",
    )
    prompt: str | None = Field(
        default=None,
        description="Of --data: the text for a class, with {} for its name (default "
        f"'{PROMPT}').",
    )
    words: Path | None = Field(
        default=None,
        description="Of --data: JSON with two lists of words for association (default "
        "words.json beside the pictures).",
    )
    encoding: str | None = Field(
        default=None,
        description="Of --data: of a text file that is not UTF-8, such as latin-1.",
    )
    name: str | None = Field(
        default=None,
        description="Of --data: the task's name (default: the folder's).",
    )

    @field_validator("prompt")
    @classmethod
    def _one_place(cls, prompt: str | None) -> str | None:
        if prompt is not None and placeholder_of(prompt) is None:
            raise PydanticCustomError("prompt", "a text with one {} for the name of the class")
        return prompt

    @field_validator("name")
    @classmethod
    def _of_a_folder(cls, name: str | None) -> str | None:
        if name is not None and not TASK_NAME.match(name):
            raise PydanticCustomError("name", "letters, digits and ._+-, 64 of them at most")
        return name


def placeholder_of(prompt: str) -> str | None:
    """How a prompt writes the place of a class's name: `{}` or `{name}`; None: not just once."""
    try:
        fields = [name for _, name, _, _ in string.Formatter().parse(prompt) if name is not None]
    except ValueError:
        return None
    if len(fields) != 1 or prompt.count("{") != 1 or prompt.count("}") != 1:
        return None
    place = f"{{{fields[0]}}}"
    return place if place in prompt else None


def filled(prompt: str, name: str) -> str:
    """A prompt with the name of a class."""
    return prompt.replace(placeholder_of(prompt) or "{}", name)
