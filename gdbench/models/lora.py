"""Loading a LoRA into a network, with every matrix accounted for."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gdbench.data.extras import lora_home
from gdbench.errors import InputError
from gdbench.models.lora_file import LoRAFile, Pair, config_of, convert, read_lora
from gdbench.records import LoRAInfo

ADAPTER = "gdbench"
RELEASE = "release:"
"""`release:NAME` is the checkpoint NAME published with the paper; see `find_lora`."""

_RELEASE_URL = "https://github.com/McGill-NLP/diffusion-itm/raw/main/checkpoints"


def find_lora(spec: str) -> Path:
    """The file or folder that `spec` names: a path, or `release:NAME`.

    The paper's checkpoints are not on the hub: they are looked for in `$GDBENCH_LORA/NAME`, else
    `~/.cache/gdbench/lora/NAME`. Raises InputError saying where to get them and where to put them.
    """
    if not spec.startswith(RELEASE):
        path = Path(spec).expanduser()
        if not path.exists():
            raise InputError(f"--lora {spec}: no such file or folder")
        return path
    name = spec.removeprefix(RELEASE)
    folder = lora_home() / name
    if not any(folder.glob("*.bin")) and not any(folder.glob("*.safetensors")):
        raise InputError(
            f"the paper's checkpoint {name} is not here: `gdbench data fetch lora` gets it, or "
            f"put {_RELEASE_URL}/{name}/pytorch_lora_weights.bin into {folder}, or use "
            "--model sd2.1 --lora PATH"
        )
    return folder


def load_lora(unet: Any, path: str | Path, scale: float = 1.0) -> LoRAInfo:  # a diffusers network
    """Add a LoRA of any known format to a network: W x + scale * (alpha / rank) * up (down x).

    Args:
        unet: a network of diffusers (its `add_adapter` is used); changed in place.
        path: file or folder (see `gdbench.models.lora_file`), or `release:NAME`.
        scale: factor on the whole update; 0 leaves the network as it was.

    Returns:
        The hash of the matrices (`digest_pairs`), the scale, and how many tensors were loaded: all
        of the file's.

    Raises:
        InputError: the file cannot be read, or a matrix of it has no place in this network.
    """
    if not math.isfinite(scale):
        raise InputError(f"--lora-scale {scale}: expected a finite number")
    if getattr(unet, "peft_config", None):
        raise InputError(f"{path}: the model has a LoRA already; only one can be loaded")
    lora = read_lora(find_lora(str(path)))
    check_fits(lora, unet)
    add_pairs(unet, lora.pairs)
    for layer in lora_layers(unet).values():
        layer.set_scale(ADAPTER, scale)
    unet.requires_grad_(requires_grad=False).eval()
    return LoRAInfo(sha256=lora.sha256, scale=scale, n_tensors=2 * len(lora.pairs))


def lora_layers(unet: nn.Module) -> dict[str, Any]:
    """The modules of a network that carry a LoRA, by name."""
    from peft.tuners.lora import LoraLayer

    return {name: m for name, m in unet.named_modules() if isinstance(m, LoraLayer)}


def add_pairs(unet: Any, pairs: dict[str, Pair]) -> None:  # a diffusers network
    """Add the matrices to a plain network and check that each arrived. Raises InputError."""
    from peft import LoraConfig

    unet.add_adapter(LoraConfig(**config_of(pairs)), adapter_name=ADAPTER)
    layers = lora_layers(unet)
    if layers.keys() != pairs.keys():
        raise InputError(
            f"{len(pairs)} modules have a LoRA in the file and {len(layers)} in the network"
        )
    with torch.no_grad():
        for name, pair in pairs.items():
            layer = layers[name]
            for matrix, value in (
                (layer.lora_A[ADAPTER].weight, pair.down),
                (layer.lora_B[ADAPTER].weight, pair.up),
            ):
                matrix.copy_(value.reshape(matrix.shape))
            layer.scaling[ADAPTER] = pair.alpha / pair.rank


def check_fits(lora: LoRAFile, unet: nn.Module) -> None:
    """Raise InputError unless every pair has a module of its shape in the network."""
    modules = dict(unet.named_modules())
    strangers = [name for name in lora.pairs if name not in modules]
    if strangers:
        raise InputError(
            f"{lora.path}: made for another network: {len(strangers)} of {len(lora.pairs)} modules "
            f"are not in this one, e.g. {strangers[0]}"
        )
    for name, pair in lora.pairs.items():
        module = modules[name]
        if not isinstance(module, nn.Linear | nn.Conv2d):
            raise InputError(
                f"{lora.path}: {name} is a {type(module).__name__} in this network; a LoRA "
                "belongs on a linear or convolutional module"
            )
        found = _kernel(pair.down.shape)
        expected = _kernel((pair.rank, *module.weight.shape[1:]))
        if found != expected or pair.up.numel() != module.weight.shape[0] * pair.rank:
            raise InputError(
                f"{lora.path}: made for another network: {name} maps {_inputs(module)} to "
                f"{module.weight.shape[0]} here, and {pair.down[0].numel()} to "
                f"{pair.up.shape[0]} in the file"
            )
    if lora.format == "attention-processor-2023":
        attention = [
            name
            for name in modules
            if name.rpartition(".attn")[2][1:] in (".to_q", ".to_k", ".to_v", ".to_out.0")
        ]
        missing = [name for name in attention if name not in lora.pairs]
        if missing:
            raise InputError(
                f"{lora.path}: incomplete or made for another network: {len(missing)} of "
                f"{len(attention)} attention projections have no LoRA, e.g. {missing[0]}"
            )


def _kernel(shape: tuple[int, ...] | torch.Size) -> tuple[int, ...]:
    """A weight's shape without the trailing ones of a 1 x 1 convolution."""
    plain = tuple(shape)
    return plain[:2] if plain[2:] == (1, 1) else plain


def _inputs(module: nn.Linear | nn.Conv2d) -> int:
    return int(module.weight[0].numel())


__all__ = ["ADAPTER", "RELEASE", "add_pairs", "check_fits", "convert", "find_lora", "load_lora"]
