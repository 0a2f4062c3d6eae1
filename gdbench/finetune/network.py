"""The model in training: frozen parts, LoRA on the U-Net's attention, errors with a gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gdbench.errors import InputError
from gdbench.finetune.batches import Drawn
from gdbench.finetune.examples import Example
from gdbench.models.diffusion_itm.conditioning import Conditions, stacked
from gdbench.models.diffusion_itm.denoiser import Denoiser
from gdbench.models.diffusion_itm.encoders import Encoders
from gdbench.models.diffusion_itm.families.sd import EMBEDDINGS, StableDiffusion
from gdbench.models.lora import lora_layers
from gdbench.models.lora_file import Pair

ADAPTER = "default"
_PROJECTIONS = (".to_q", ".to_k", ".to_v", ".to_out.0")


def attention_modules(unet: nn.Module, *, cross_only: bool) -> list[str]:
    """Names of the projections of a U-Net's attentions. Raises InputError where it has none."""
    kinds = (".attn2",) if cross_only else (".attn1", ".attn2")
    ends = tuple(kind + projection for kind in kinds for projection in _PROJECTIONS)
    found = [name for name, _ in unet.named_modules() if name.endswith(ends)]
    if not found:
        raise InputError("the base model's U-Net has no attention that a LoRA could be put on")
    return found


def add_lora(
    unet: Any, *, rank: int, alpha: float | None, cross_only: bool, seed: int
) -> list[nn.Parameter]:
    """Freeze a U-Net and put a LoRA on its attention; returns the parameters to train, float32.

    `up` starts at zero and `down` at normal numbers of deviation 1 / rank, as in the release.
    """
    from peft import LoraConfig

    unet.requires_grad_(requires_grad=False)
    config = LoraConfig(
        r=rank,
        lora_alpha=rank if alpha is None else alpha,  # type: ignore[arg-type] # floats are fine
        init_lora_weights="gaussian",
        target_modules=attention_modules(unet, cross_only=cross_only),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet.add_adapter(config, adapter_name=ADAPTER)
    trained = [p for p in unet.parameters() if p.requires_grad]
    for parameter in trained:
        parameter.data = parameter.data.float()
    return trained


def pairs_of(unet: nn.Module) -> dict[str, Pair]:
    """The matrices of a LoRA in training, copied to the CPU."""
    return {
        name: Pair(
            layer.lora_A[ADAPTER].weight.detach().cpu().clone(),
            layer.lora_B[ADAPTER].weight.detach().cpu().clone(),
            float(layer.lora_alpha[ADAPTER]),
        )
        for name, layer in lora_layers(unet).items()
    }


@torch.no_grad()
def restore(unet: nn.Module, pairs: dict[str, Pair]) -> None:
    """Put saved matrices back. Raises InputError unless they are those of this LoRA."""
    layers = lora_layers(unet)
    if layers.keys() != pairs.keys():
        raise InputError("the checkpoint's LoRA is on other modules than this run's")
    for name, pair in pairs.items():
        layer = layers[name]
        rank, alpha = layer.lora_A[ADAPTER].weight.shape[0], float(layer.lora_alpha[ADAPTER])
        if (pair.rank, pair.alpha) != (rank, alpha):
            raise InputError(
                f"its LoRA has rank {pair.rank} and alpha {pair.alpha:g}, this run's {rank} and "
                f"{alpha:g}"
            )
        layers[name].lora_A[ADAPTER].weight.copy_(pair.down)
        layers[name].lora_B[ADAPTER].weight.copy_(pair.up)


class Trainee:
    """Per-example errors of the model in training.

    `unet` is the network to call: that of `pipeline`, or its wrapper for several processes.
    """

    def __init__(self, pipeline: StableDiffusion, unet: nn.Module, encoders: Encoders) -> None:
        self.pipeline, self.unet, self.encoders = pipeline, unet, encoders
        dtype = next(p.dtype for p in pipeline.network.parameters() if not p.requires_grad)
        self.size = 1
        for side in pipeline.latent_shape:
            self.size *= side
        self.denoiser = Denoiser(pipeline.noising, self._forward, dtype)

    def _forward(
        self, x: Tensor, times: Tensor, conditions: Conditions, owner: Tensor | None = None
    ) -> Tensor:
        if owner is not None:
            x, times = x[owner], times[owner]
        out: Tensor = self.unet(
            x,
            self.pipeline.told(times),
            encoder_hidden_states=conditions[EMBEDDINGS],
            return_dict=False,
        )[0]
        return out

    def read_ahead(self, examples: Sequence[Example], *, negatives: bool) -> None:
        """Begin to decode the pictures of a later batch, in threads."""
        images = [example.image for example in examples]
        if negatives:
            images += [example.negative_image for example in examples]
        self.encoders.read(images)

    def errors(self, batch: Sequence[Drawn], *, negatives: bool) -> tuple[Tensor, Tensor | None]:
        """Mean squared error in the noise of every positive and negative pair, (B,) each.

        Both have the same noise and timestep. It is the square of what evaluation measures, over
        the number of elements, whatever the network predicts.
        """
        device = self.encoders.device
        images = [drawn.example.image for drawn in batch]
        texts = [drawn.example.text for drawn in batch]
        if negatives:
            images += [drawn.example.negative_image for drawn in batch]
            texts += [drawn.example.negative_text for drawn in batch]
        repeats = len(images) // len(batch)
        # both encoders in float32: what they make is cached, and shared with evaluation
        with torch.autocast(device.type, enabled=False):
            latents = torch.stack(self.encoders.latents(images))
            prompts = stacked(self.encoders.prompts(texts))
        found = self.denoiser.errors(
            latents,
            torch.stack([drawn.noise for drawn in batch]).to(device).repeat(repeats, 1, 1, 1),
            torch.tensor([drawn.timestep for drawn in batch], device=device).repeat(repeats),
            prompts,
        )
        squares = found.square() / self.size
        if not negatives:
            return squares, None
        positive, negative = squares.chunk(2)
        return positive, negative
