"""Reading and writing LoRA files: every published format becomes one pair of matrices per module.

A LoRA (Hu et al. 2022, section 4.1) adds `(alpha / rank) * up @ down` to the weight of a module.
Formats that are read:

* diffusers and peft (`lora_A` and `lora_B`, or `lora.down` and `lora.up`), with or without the
  prefix `unet.` or `base_model.model.`; alpha from the file's metadata, an `adapter_config.json`
  beside it, or `.alpha` tensors;
* kohya (`lora_unet_...`), as far as diffusers converts it;
* the attention processors of diffusers in 2023 (`attn1.processor.to_q_lora.down.weight`), the
  format of the checkpoints published with DiffusionITM: no alpha, four matrices per attention.
"""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import re
import struct
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from gdbench.errors import InputError
from gdbench.store import write_atomically

Format = Literal["diffusers", "kohya", "attention-processor-2023"]
WEIGHTS = "pytorch_lora_weights.safetensors"
_NAMES = (WEIGHTS, "adapter_model.safetensors", "pytorch_lora_weights.bin", "adapter_model.bin")
_PROJECTIONS = ("to_q", "to_k", "to_v", "to_out.0")
_PREFIX = re.compile(r"^(?:base_model\.model\.|unet\.|transformer\.)")
_MATRIX = (
    re.compile(r"^(?P<module>.+?)_lora\.(?P<role>down|up)\.weight$"),
    re.compile(r"^(?P<module>.+?)\.lora\.(?P<role>down|up)\.weight$"),
    re.compile(r"^(?P<module>.+?)\.lora_linear_layer\.(?P<role>down|up)\.weight$"),
    re.compile(r"^(?P<module>.+?)\.lora_(?P<role>[AB])(?:\.default)?\.weight$"),
)
_ROLE = {"down": "down", "up": "up", "A": "down", "B": "up"}
# What the two readers raise on damaged or hostile files.
_DAMAGED = (
    OSError, RuntimeError, ValueError, EOFError, KeyError, IndexError, TypeError, AttributeError,
    AssertionError, OverflowError, pickle.UnpicklingError,
)  # fmt: skip


@dataclass(frozen=True)
class Pair:
    """The update `(alpha / rank) * up @ down` of one module's weight."""

    down: Tensor  # (rank, in) or (rank, in, height, width)
    up: Tensor  # (out, rank) or (out, rank, 1, 1)
    alpha: float

    @property
    def rank(self) -> int:
        """Inner dimension of the product."""
        return int(self.down.shape[0])


@dataclass(frozen=True)
class LoRAFile:
    """What a LoRA file holds."""

    path: Path
    format: Format
    sha256: str  # see `digest_pairs`
    pairs: dict[str, Pair]  # by name of the module, e.g. "mid_block....attn1.to_out.0"


def digest_pairs(pairs: dict[str, Pair]) -> str:
    """sha256 over modules, matrices and alphas: one for all files that hold the same LoRA."""
    digest = hashlib.sha256()
    for name, pair in sorted(pairs.items()):
        digest.update(f"{name}/{pair.rank}/{pair.alpha!r}".encode())
        for matrix in (pair.down, pair.up):
            shape = [side for side in matrix.shape[2:] if side != 1]
            digest.update(f"{[*matrix.shape[:2], *shape]}".encode())
            digest.update(matrix.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def locate(path: Path) -> Path:
    """The weight file behind a file or folder. Raises InputError unless there is just one."""
    path = path.expanduser()
    if path.is_file():
        return path
    if not path.exists():
        raise InputError(f"no LoRA file or folder {path}")
    for name in _NAMES:
        if (path / name).is_file():
            return path / name
    found = sorted(path.glob("*.safetensors"))
    if len(found) == 1:
        return found[0]
    raise InputError(
        f"{path}: {len(found) or 'no'} LoRA files in this folder; expected {WEIGHTS} or name a file"
    )


def read_lora(path: Path) -> LoRAFile:
    """Read a LoRA file or folder of any known format; no code in a pickle is ever run.

    Raises InputError, naming the file and the tensor, for damaged files, pickles with code,
    tensors of no known format, incomplete pairs and numbers that are not finite.
    """
    file = locate(path)
    tensors, metadata = _read_tensors(file)
    if not tensors:
        raise InputError(f"{file}: holds no tensors")
    _refuse_text_encoder(file, tensors)
    form: Format = "diffusers"
    if any(key.startswith("lora_unet_") for key in tensors):
        form = "kohya"
        tensors = _from_kohya(file, tensors)
    elif any(".processor.to_" in key for key in tensors):
        form = "attention-processor-2023"
    pairs = _pair_up(file, tensors, _Alphas.read(file, metadata))
    if form == "attention-processor-2023":
        _check_attentions(file, pairs)
    return LoRAFile(file, form, digest_pairs(pairs), pairs)


def write_lora(path: Path, pairs: dict[str, Pair], note: dict[str, str] | None = None) -> None:
    """Write pairs as a safetensors file that diffusers and peft read, alphas in its metadata.

    `note` goes into the file's metadata. The file appears complete or not at all, and the same
    pairs and note always have the same bytes.
    """
    from safetensors.torch import save

    config = {f"unet.{key}": value for key, value in config_of(pairs).items()}
    weights = {}
    for name, pair in sorted(pairs.items()):
        weights[f"unet.{name}.lora_A.weight"] = pair.down.contiguous()
        weights[f"unet.{name}.lora_B.weight"] = pair.up.contiguous()
    metadata = {"format": "pt", "lora_adapter_metadata": json.dumps(config, sort_keys=True)}
    write_atomically(path, _sorted(save(weights, metadata={**(note or {}), **metadata})))


def _sorted(data: bytes) -> bytes:
    """A safetensors file with its header in order; the library writes metadata in any order."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    # tensors begin at a multiple of 8 bytes
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def convert(source: Path, target: Path, *, half: bool = False) -> tuple[LoRAFile, LoRAFile]:
    """Write any readable LoRA as safetensors in diffusers' format; `target` may be a folder.

    Returns what was read, and what was written as read back: the same matrices bit for bit, or
    rounded to float16 where `half`. Raises InputError for a source that cannot be read or that
    float16 cannot hold, or a target of another kind.
    """
    if target.suffix != ".safetensors":
        if target.suffix or target.is_file():
            raise InputError(f"{target}: expected a name that ends in .safetensors, or a folder")
        target = target / WEIGHTS
    lora = read_lora(source)
    if target.exists() and target.samefile(lora.path):
        raise InputError(f"{target}: source and target are the same file")
    pairs = lora.pairs
    if half:
        pairs = {n: Pair(p.down.half(), p.up.half(), p.alpha) for n, p in pairs.items()}
        for name, pair in pairs.items():
            if not (pair.down.isfinite().all() and pair.up.isfinite().all()):
                raise InputError(f"{source}: {name} has values beyond float16")
    write_lora(target, pairs, {"converted_from_sha256": lora.sha256})
    return lora, read_lora(target)


def config_of(pairs: dict[str, Pair]) -> dict[str, Any]:
    """The fields of a peft `LoraConfig` for these pairs: ranks, alphas and exact module names."""
    ranks = {name: pair.rank for name, pair in pairs.items()}
    alphas = {name: pair.alpha for name, pair in pairs.items()}
    rank = Counter(ranks.values()).most_common(1)[0][0]
    alpha = Counter(alphas.values()).most_common(1)[0][0]
    return {
        "r": rank,
        "lora_alpha": alpha,
        "target_modules": sorted(pairs),
        # the names are regular expressions to peft, and match from any dot on unless anchored
        "rank_pattern": {f"^{re.escape(n)}": r for n, r in ranks.items() if r != rank},
        "alpha_pattern": {f"^{re.escape(n)}": a for n, a in alphas.items() if a != alpha},
    }


def _read_tensors(file: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    from safetensors import SafetensorError, safe_open

    if file.suffix == ".safetensors":
        try:
            with safe_open(file, framework="pt", device="cpu") as opened:
                found = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118 # not a dict
                return found, dict(opened.metadata() or {})
        except (SafetensorError, *_DAMAGED) as error:
            raise InputError(f"{file}: not a whole safetensors file ({_short(error)})") from None
    try:
        with warnings.catch_warnings():  # about pickles of other protocols, which are tried anyway
            warnings.simplefilter("ignore")
            loaded = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"(?:GLOBAL|global) `?([\w.]+)`?", str(error))
        if named:
            raise InputError(
                f"{file}: refused, the pickle asks to run {named.group(1)}; a LoRA needs nothing "
                "but tensors: do not open this file with other programs either"
            ) from None
        raise InputError(f"{file}: not a file of tensors ({_short(error)})") from None
    except _DAMAGED as error:
        raise InputError(f"{file}: damaged, or not a PyTorch file ({_short(error)})") from None
    good = isinstance(loaded, dict) and all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in loaded.items()
    )
    if not good:
        raise InputError(f"{file}: expected a flat dictionary of tensors")
    return dict(loaded), {}


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _refuse_text_encoder(file: Path, tensors: dict[str, Tensor]) -> None:
    marks = ("lora_te_", "lora_te1_", "lora_te2_", "text_encoder.", "text_encoder_2.")
    found = [key for key in tensors if key.startswith(marks)]
    if found:
        raise InputError(
            f"{file}: {len(found)} of {len(tensors)} tensors change the text encoder (e.g. "
            f"{found[0]}); only LoRAs of the U-Net are supported"
        )


def _from_kohya(file: Path, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The names of diffusers; what diffusers cannot convert is refused."""
    from diffusers.loaders.lora_pipeline import StableDiffusionLoraLoaderMixin

    for key in tensors:
        stem, dot, role = key.partition(".")
        known = role in ("lora_down.weight", "lora_up.weight", "alpha")
        if not (stem.startswith("lora_unet_") and dot and known):
            raise InputError(f"{file}: tensor {key} is not a kohya LoRA that diffusers can convert")
        partner = {"lora_down.weight": "lora_up.weight", "lora_up.weight": "lora_down.weight"}
        if role in partner and f"{stem}.{partner[role]}" not in tensors:
            raise InputError(f"{file}: incomplete, {key} has no {partner[role]} beside it")
    try:
        converted, alphas = StableDiffusionLoraLoaderMixin.lora_state_dict(dict(tensors))
    except (ValueError, KeyError, RuntimeError) as error:
        raise InputError(f"{file}: diffusers cannot convert it ({_short(error)})") from None
    for key, alpha in (alphas or {}).items():
        module = re.sub(r"(_lora)?\.(down|up)\.weight\.alpha$", ".alpha", key)
        converted[module] = torch.tensor(alpha)
    return dict(converted)


@dataclass(frozen=True)
class _Alphas:
    """Alphas that are written beside the tensors."""

    default: float | None = None
    pattern: tuple[tuple[str, float], ...] = ()

    @staticmethod
    def read(file: Path, metadata: dict[str, str]) -> _Alphas:
        """From diffusers' metadata in the file, or peft's configuration beside it."""
        text, where = metadata.get("lora_adapter_metadata"), str(file)
        beside = file.with_name("adapter_config.json")
        if text is None and file.name.startswith("adapter_model") and beside.is_file():
            text, where = beside.read_text(encoding="utf-8", errors="replace"), str(beside)
        if text is None:
            return _Alphas()
        try:
            raw = json.loads(text)
            config = {_PREFIX.sub("", str(k)): v for k, v in dict(raw).items()}
            alpha = config.get("lora_alpha")
            pattern = dict(config.get("alpha_pattern") or {})
            found = _Alphas(
                None if alpha is None else float(alpha),
                tuple((str(key), float(value)) for key, value in pattern.items()),
            )
            for key, _ in found.pattern:
                re.compile(key)
        except (ValueError, TypeError, re.error) as error:
            raise InputError(f"{where}: the LoRA's configuration is damaged ({error})") from None
        for key in ("use_rslora", "use_dora", "lora_bias"):
            if config.get(key):
                raise InputError(f"{where}: {key} is set, which is not supported")
        return found

    def of(self, module: str) -> float | None:
        """The alpha of a module, as peft matches its patterns."""
        for key, alpha in self.pattern:
            if re.match(rf"(.*\.)?({key})$", module):
                return alpha
        return self.default


def _module_of(name: str) -> str:
    plain = _PREFIX.sub("", name).replace(".processor.", ".")
    return f"{plain}.0" if plain.endswith(".to_out") else plain


def _pair_up(file: Path, tensors: dict[str, Tensor], alphas: _Alphas) -> dict[str, Pair]:
    halves: dict[str, dict[str, Tensor]] = {}
    own_alphas: dict[str, float] = {}
    size = file.stat().st_size
    for key, tensor in tensors.items():
        if tensor.numel() > size:  # a view of little memory can claim any shape
            raise InputError(f"{file}: tensor {key} claims more numbers than the file holds")
        if not tensor.is_floating_point() or not bool(torch.isfinite(tensor).all()):
            raise InputError(f"{file}: tensor {key} has numbers that are not finite floats")
        if key.endswith(".alpha") and tensor.numel() == 1:
            name = key.removesuffix(".alpha").removesuffix("_lora")
            own_alphas[_module_of(name)] = float(tensor)
            continue
        match = next((m for pattern in _MATRIX if (m := pattern.match(key))), None)
        if match is None:
            raise InputError(
                f"{file}: tensor {key} is in no known LoRA format (diffusers, peft, kohya, or the "
                "attention processors of 2023)"
            )
        role, module = _ROLE[match["role"]], _module_of(match["module"])
        if role in halves.setdefault(module, {}):
            raise InputError(f"{file}: two tensors are the {role} matrix of {module}")
        halves[module][role] = tensor
    stray = own_alphas.keys() - halves.keys()
    if stray:
        raise InputError(f"{file}: an alpha without matrices, for {min(stray)}")
    return {
        module: _pair(file, module, half, own_alphas.get(module, alphas.of(module)))
        for module, half in halves.items()
    }


def _pair(file: Path, module: str, half: dict[str, Tensor], alpha: float | None) -> Pair:
    for role, other in (("down", "up"), ("up", "down")):
        if role not in half:
            raise InputError(f"{file}: incomplete, {module} has the {other} matrix and no {role}")
    down, up = half["down"], half["up"]
    if down.ndim not in (2, 4) or up.ndim != down.ndim or down.shape[0] != up.shape[1]:
        raise InputError(
            f"{file}: the matrices of {module} do not fit together: down {tuple(down.shape)}, "
            f"up {tuple(up.shape)}"
        )
    if down.shape[0] == 0 or (alpha is not None and not math.isfinite(alpha)):
        raise InputError(f"{file}: {module} has rank {down.shape[0]} and alpha {alpha}")
    return Pair(down, up, float(down.shape[0]) if alpha is None else alpha)


def _check_attentions(file: Path, pairs: dict[str, Pair]) -> None:
    """The processors of 2023 always hold all four projections of an attention."""
    attentions = {re.sub(r"\.to_(q|k|v|out\.0)$", "", name) for name in pairs}
    for attention in sorted(attentions):
        missing = [p for p in _PROJECTIONS if f"{attention}.{p}" not in pairs]
        if missing:
            raise InputError(
                f"{file}: incomplete, {attention} has no LoRA for {', '.join(missing)}; this "
                "format has one for each of its four projections"
            )
