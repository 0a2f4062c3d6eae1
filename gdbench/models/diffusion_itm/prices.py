"""What the networks of a pipeline take for one picture, one text and one pass."""

from __future__ import annotations

from functools import partial

import torch

from gdbench.models.diffusion_itm.conditioning import Prompt, stacked
from gdbench.models.diffusion_itm.families.base import Pipeline
from gdbench.models.flops import LONG, SHORT, counted, same
from gdbench.operations import VARIES
from gdbench.records import Prices

_TIMESTEP = 500  # any


def flops_of_pass(pipeline: Pipeline, prompt: Prompt) -> int:
    """Floating-point operations of one pass of the network, for one picture and text."""
    latent = torch.zeros(1, *pipeline.latent_shape, device=pipeline.device)
    when = torch.tensor([_TIMESTEP], device=pipeline.device)
    text = stacked([prompt])
    return counted(lambda: pipeline.denoiser.errors(latent, latent, when, text))


def prices_of_pipeline(pipeline: Pipeline) -> Prices:
    """Counted on a blank picture and two captions.

    Unknown where the longer caption takes more: what a run takes then depends on each of its texts.
    """
    side = pipeline.resolution
    pixels = torch.zeros(1, 3, side, side, device=pipeline.device)
    text = same(counted(partial(pipeline.condition, [caption])) for caption in (SHORT, LONG))
    prompts = pipeline.condition([SHORT]) + pipeline.condition([LONG])
    network = same(flops_of_pass(pipeline, prompt) for prompt in prompts)
    if text is None or network is None:
        return Prices(unknown=VARIES)
    return Prices(picture=counted(partial(pipeline.latents, pixels)), text=text, network=network)
