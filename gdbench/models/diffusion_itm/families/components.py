"""The components of a pipeline's folder: checked by their JSON, hashed, and only then loaded."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from gdbench.errors import InputError
from gdbench.memory import is_out_of_memory
from gdbench.models.digests import (
    digest_json,
    digest_safetensors,
    digest_text,
    digest_tokenizer,
    read_json_object,
)

INDEX = "model_index.json"
SCHEDULER = "scheduler"
_CONFIGS = {SCHEDULER: "scheduler_config.json", "tokenizer": "tokenizer_config.json"}
_DIFFUSERS_STEM, _TRANSFORMERS_STEM = "diffusion_pytorch_model", "model"
_REASON_LENGTH = 200
_QUANTISERS = {
    "bitsandbytes": ("bitsandbytes", "bitsandbytes"),
    "bitsandbytes_4bit": ("bitsandbytes", "bitsandbytes"),
    "bitsandbytes_8bit": ("bitsandbytes", "bitsandbytes"),
    "quanto": ("optimum.quanto", "optimum-quanto"),
    "torchao": ("torchao", "torchao"),
    "gguf": ("gguf", "gguf"),
    "modelopt": ("modelopt", "nvidia-modelopt"),
    "gptq": ("gptqmodel", "gptqmodel"),
    "awq": ("gptqmodel", "gptqmodel"),
    "compressed-tensors": ("compressed_tensors", "compressed-tensors"),
}
"""By the name in `quantization_config`: the module that has to be there, and its package."""


@dataclass(frozen=True)
class Component:
    """One part of a pipeline: a folder with a configuration and, for modules, weights."""

    name: str
    library: str
    """`diffusers` or `transformers`."""
    classes: tuple[str, ...]
    """The classes that are read; the first is taken where the folder names none."""
    optional: bool = False
    """Whether the pipeline runs without it."""

    @property
    def is_tokenizer(self) -> bool:
        """Whether it turns texts into tokens."""
        return self.name.startswith(("tokenizer", "processor"))

    @property
    def is_processor(self) -> bool:
        """Whether it reads pictures too, with a tokenizer inside."""
        return self.classes[:1] == ("AutoProcessor",)

    @property
    def is_module(self) -> bool:
        """Whether it has weights."""
        return not self.is_tokenizer and self.name != SCHEDULER

    @property
    def is_encoder(self) -> bool:
        """Whether it reads texts."""
        return self.name.startswith("text_encoder")

    @property
    def stem(self) -> str:
        """Name of its weight files without their suffix."""
        return _DIFFUSERS_STEM if self.library == "diffusers" else _TRANSFORMERS_STEM

    @property
    def config(self) -> str:
        """Name of its configuration."""
        if self.is_tokenizer:
            return _CONFIGS["tokenizer"]
        return _CONFIGS.get(self.name, "config.json")

    def patterns(self, variant: str = "") -> list[str]:
        """What of a hub's repository belongs to it."""
        named = [f"{self.name}/*.json"]
        if self.is_tokenizer:
            named += [f"{self.name}/{end}" for end in ("*.txt", "*.model", "*.jinja")]
        if self.is_module:
            named += [
                f"{self.name}/{self.stem}{variant}.safetensors",
                f"{self.name}/{self.stem}{variant}-[0-9]*.safetensors",
            ]
        return named


def diffusers_part(name: str, *classes: str) -> Component:
    """A module of diffusers."""
    return Component(name, "diffusers", classes)


def transformers_part(name: str, *classes: str, optional: bool = False) -> Component:
    """A text encoder or tokenizer of transformers."""
    return Component(name, "transformers", classes, optional)


def read_config(folder: Path, part: str, name: str, layout: str) -> dict[str, Any]:
    """A part's configuration. Raises InputError that names the file and the expected layout."""
    path = folder / part / name
    if not path.is_file():
        raise InputError(f"{folder}: {part}/{name} is missing; expected {layout}")
    return read_json_object(path)


def index_options(folder: Path) -> dict[str, Any]:
    """Settings of a pipeline itself that stand in model_index.json beside its parts."""
    index = read_json_object(folder / INDEX) if (folder / INDEX).is_file() else {}

    def is_part(value: object) -> bool:
        # a library and a class, or null twice
        return isinstance(value, list) and all(w is None or isinstance(w, str) for w in value)

    return {n: v for n, v in index.items() if not n.startswith("_") and not is_part(v)}


def check_parts(folder: Path, known: frozenset[str], pipeline: str) -> None:
    """Raise InputError for a part that neither the family nor its pipeline's class knows.

    What the class knows and the family does not, such as a safety checker, reads no text.
    """
    import diffusers

    index = read_json_object(folder / INDEX) if (folder / INDEX).is_file() else {}
    kind = getattr(diffusers, pipeline or str(index.get("_class_name")), None)
    expected = known | set(inspect.signature(kind.__init__).parameters) if kind else known
    for name, value in index.items():
        is_part = isinstance(value, list) and len(value) == len(("library", "class"))
        if is_part and value[-1] is not None and name not in expected and not name.startswith("_"):
            raise InputError(
                f"{folder}: {INDEX} names the part {name[:60]} ({str(value[-1])[:60]}), which "
                f"{kind.__name__ if kind else 'this family'} does not have"
            )


def check_classes(
    folder: Path, components: tuple[Component, ...], layout: str
) -> tuple[Component, ...]:
    """The components that are there, each of a class that is read.

    Raises InputError that names the part and its class, or what is missing.
    """
    there = []
    index = read_json_object(folder / INDEX) if (folder / INDEX).is_file() else {}
    for component in components:
        named = index.get(component.name)
        absent = isinstance(named, list) and named == [None, None]
        if component.optional and (absent or not (folder / component.name).is_dir()):
            continue
        _check_index(folder, component, named)
        if component.name != SCHEDULER and not component.is_tokenizer:
            config = read_config(folder, component.name, component.config, layout)
            if config.get("auto_map"):
                raise InputError(
                    f"{folder}: {component.name} brings its own code (auto_map), which is not run"
                )
            check_quantised(folder, component, config)
            has = config.get("_class_name") or (config.get("architectures") or ["?"])[0]
            if has not in component.classes:
                raise InputError(
                    f"{folder}: {component.name}/{component.config} names {has}; expected "
                    f"{' or '.join(component.classes)} ({layout})"
                )
        elif not (folder / component.name).is_dir():
            raise InputError(f"{folder}: the folder {component.name} is missing; expected {layout}")
        there.append(component)
    return tuple(there)


def check_quantised(folder: Path, component: Component, config: Mapping[str, Any]) -> None:
    """Raise InputError for weights that are quantised by a package that is not installed."""
    told = config.get("quantization_config")
    if not told:
        return
    method = str(told.get("quant_method", "?") if isinstance(told, dict) else "?")[:40]
    # configurations of bitsandbytes name their precision, too
    module, package = _QUANTISERS.get(method, ("", ""))
    if not package:
        raise InputError(
            f"{folder}: {component.name} is quantised by {method!r}, which is not read; give the "
            "weights in float32, float16 or bfloat16"
        )
    if not _is_installed(module):
        raise InputError(
            f"{folder}: {component.name} is quantised by {method}, whose package is not installed: "
            f"pip install {package}"
        )


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        # nor is the package that it would be in
        return False


def _check_index(folder: Path, component: Component, named: object) -> None:
    if not isinstance(named, list) or not named or named[0] is None:
        return
    if named[0] not in ("diffusers", "transformers"):
        raise InputError(
            f"{folder}: {INDEX} takes {component.name} from {str(named[0])[:60]!r}; code that "
            "comes with a model is not run"
        )


def weight_files(folder: Path, component: Component) -> list[Path]:
    """The weight files of a part that are loaded: one file, or the shards of an index.

    Raises InputError where there are none, or a shard of the index is missing.
    """
    part = folder / component.name
    for variant in ("", ".fp16"):
        whole = part / f"{component.stem}{variant}.safetensors"
        index = part / f"{component.stem}.safetensors.index{variant}.json"
        # where both are there, transformers takes the whole file and diffusers the shards
        if whole.is_file() and (component.library == "transformers" or not index.is_file()):
            return [whole]
        if index.is_file():
            shards = read_json_object(index).get("weight_map")
            names = sorted(set(shards.values())) if isinstance(shards, dict) else []
            missing = [n for n in names if Path(n).name != n or not (part / n).is_file()]
            if missing or not names:
                raise InputError(f"{index}: the shard {missing[0] if missing else '?'} is missing")
            return [part / n for n in names]
    pickled = any(part.glob("*.bin"))
    hint = "only pickled weights are there, which are never loaded" if pickled else "none"
    raise InputError(f"{folder}: {component.name}/ has no .safetensors weights ({hint})")


def content_parts(
    folder: Path, components: tuple[Component, ...], network: str, family: str
) -> dict[str, str]:
    """Hashes of everything of a pipeline that is loaded and can change a score.

    The part `network` has this name whatever the family calls it.
    """
    parts = {"family": digest_text(family)}
    for component in components:
        name = "network" if component.name == network else component.name
        if component.is_tokenizer:
            parts[name] = digest_tokenizer(folder / component.name)
        elif component.name == SCHEDULER:
            parts[name] = digest_json(folder / SCHEDULER / component.config)
        else:
            parts[name] = digest_safetensors(weight_files(folder, component))
            parts[f"{name}_config"] = digest_json(folder / component.name / component.config)
    return parts


def load_component(folder: Path, component: Component, dtype: torch.dtype) -> Any:
    """A module in evaluation mode, a tokenizer, or a scheduler's settings. Raises InputError."""
    path = folder / component.name
    if component.name == SCHEDULER:
        return read_json_object(path / component.config)
    kind = class_of(path, component)
    options: dict[str, Any] = {"local_files_only": True}
    if component.is_module:
        precision = "torch_dtype" if component.library == "diffusers" else "dtype"
        variant = "fp16" if ".fp16" in weight_files(folder, component)[0].name else None
        options |= {precision: dtype, "variant": variant, "use_safetensors": True}
        options |= {"output_loading_info": True}
    try:
        with _without_bars():
            made = kind.from_pretrained(path, **options)
    except ImportError as error:
        raise InputError(f"{path}: {_one_line(error)}") from None
    except Exception as error:
        # a stranger's folder; the libraries raise anything
        if is_out_of_memory(error):
            raise
        raise InputError(f"{path}: cannot be loaded ({_one_line(error)})") from None
    if not component.is_module:
        return made
    module, report = made
    _check_complete(path, report["missing_keys"])
    return module.eval().requires_grad_(requires_grad=False)


def _check_complete(path: Path, missing: Iterable[str]) -> None:
    """Raise InputError where a part has weights that its files do not give.

    The libraries would draw them at random and say so only in a log.
    """
    names = sorted(missing)
    if names:
        raise InputError(
            f"{path}: {len(names)} weights are not in the files ({names[0][:80]}), or are there "
            "under names that the installed library does not know"
        )


def pipeline_around(
    name: str, modules: Mapping[str, Any], parts: frozenset[str], folder: Path
) -> Any:  # a diffusers pipeline
    """A pipeline of that class around components, without a scheduler, for its `encode_prompt`.

    `parts` are the components that the family knows; settings come from model_index.json.
    """
    import diffusers

    kind = getattr(diffusers, name)
    arguments = list(inspect.signature(kind.__init__).parameters.values())[1:]
    # what is required and no part here, such as a safety checker, reads no text
    given = {
        argument.name: modules.get(argument.name)
        for argument in arguments
        if argument.name in parts or argument.default is argument.empty
    }
    names = {argument.name for argument in arguments}
    given |= {n: v for n, v in index_options(folder).items() if n in names}
    with quiet():
        return kind(**given | {SCHEDULER: None})


def class_of(path: Path, component: Component) -> Any:
    """The class of diffusers or transformers that reads a part."""
    name = component.classes[0]
    index = path.parent / INDEX
    named = read_json_object(index).get(component.name) if index.is_file() else None
    if component.is_module and isinstance(named, list) and named[-1] in component.classes:
        # as the pipeline loads it: an encoder may be there with a head that nothing reads
        name = named[-1]
    elif component.is_module:
        config = read_json_object(path / component.config)
        name = config.get("_class_name") or config["architectures"][0]
    elif component.is_processor:
        pass
    elif component.is_tokenizer and (path / component.config).is_file():
        # any class of the library: a tokenizer is data, and the fast ones go by several names
        kind = str(read_json_object(path / component.config).get("tokenizer_class"))
        name = kind if hasattr(import_module(component.library), kind) else name
    return getattr(import_module(component.library), name)


def _one_line(error: BaseException) -> str:
    text = " ".join(f"{error}".split()) or type(error).__name__
    if "sentencepiece" in text.lower() or "tiktoken" in text.lower():
        return "its tokenizer needs more: pip install 'gdbench[tokenizers]'"
    return text[:_REASON_LENGTH]


@contextmanager
def _without_bars() -> Iterator[None]:
    """The library's own bar would be the only trace of a load that takes a moment."""
    from transformers.utils import logging

    bars: Any = logging  # no type information
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()


@contextmanager
def quiet() -> Iterator[None]:
    """Without the libraries' warnings, which repeat for every text what is counted here."""
    import diffusers.utils
    import transformers.utils

    # no type information
    libraries: list[Any] = [diffusers.utils.logging, transformers.utils.logging]
    before = [library.get_verbosity() for library in libraries]
    for library in libraries:
        library.set_verbosity_error()
    try:
        yield
    finally:
        for library, verbosity in zip(libraries, before, strict=True):
            library.set_verbosity(verbosity)
