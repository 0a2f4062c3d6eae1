"""What a U-Net that was distilled with guidance is told of the guidance value."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def guidance_embedding(guidance: float | None, size: int | None) -> Tensor | None:
    """The embedding (size,) of a guidance value, float32; None where there is none.

    As the pipelines make it, of guidance - 1 (Meng et al. 2023; Luo et al. 2023, section 4.2, whose
    scale is that of Imagen less one).
    """
    if guidance is None or size is None:
        return None
    from diffusers import LatentConsistencyModelPipeline

    pipeline: Any = LatentConsistencyModelPipeline  # no type information
    # the method reads nothing of its pipeline
    embedded: Tensor = pipeline.get_guidance_scale_embedding(
        None, torch.tensor([guidance - 1.0]), embedding_dim=size
    )
    return embedded[0]
