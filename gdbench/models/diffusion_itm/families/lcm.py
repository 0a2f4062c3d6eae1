"""Latent consistency models: Stable Diffusion distilled with guidance, and told its value.

Sources: Luo et al. 2023; the layout is that of diffusers' LatentConsistencyModelPipeline.
"""

from __future__ import annotations

from pathlib import Path

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.families.components import read_config
from gdbench.models.diffusion_itm.families.sd import StableDiffusion


class LatentConsistencyModel(StableDiffusion):
    """See `StableDiffusion`. The network's prediction of the noise is scored as it is."""

    name = "latent-consistency-model"
    layout = "the layout of a latent consistency model"
    predictions = frozenset({"epsilon", "v_prediction"})
    default_guidance = 8.5

    @classmethod
    def check_configs(cls, folder: Path) -> None:
        """See `Pipeline`."""
        super().check_configs(folder)
        unet = read_config(folder, "unet", "config.json", cls.layout)
        if not isinstance(unet.get("time_cond_proj_dim"), int):
            raise InputError(
                f"{folder}: unet/config.json needs time_cond_proj_dim as a whole number; expected "
                f"{cls.layout}, which is told a guidance value"
            )
