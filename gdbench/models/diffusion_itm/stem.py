"""A U-Net's forward pass with its text-independent part computed once for all texts of an image.

Before the first cross-attention nothing in a Stable-Diffusion U-Net depends on the text: the
time embedding, conv_in, the down blocks without attention, and of the first block with attention
the first resnet and the first self-attention. `StemUNet` runs this stem for the U different
noised images of a batch, hands its results to the B >= U prompts, and goes on with the network's
own modules, so that the numbers stay those of `UNet2DConditionModel.forward`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_PLAIN_CONFIG = {  # settings under which the stem is what the docstring says
    "center_input_sample": False,
    "class_embed_type": None,
    "num_class_embeds": None,
    "addition_embed_type": None,
    "encoder_hid_dim": None,
    "encoder_hid_dim_type": None,
    "time_embedding_act_fn": None,
}

_SMALLEST, _GROUPS = 4, 8
"""Images in a group, at least, and groups, at most: padding is .6 % of a large batch, at most."""


def stem_is_shareable(unet: Any) -> bool:  # a diffusers network
    """Whether `StemUNet` knows how to cut this network; if not, it is run as a whole."""
    config = unet.config
    if any(config.get(key) != value for key, value in _PLAIN_CONFIG.items()):
        return False
    first = next((b for b in unet.down_blocks if _crosses(b)), None)
    if first is None or not hasattr(first, "attentions"):
        return False
    transformer = first.attentions[0]
    if not getattr(transformer, "is_input_continuous", False):
        return False
    block = transformer.transformer_blocks[0]
    return (
        block.norm_type == "layer_norm"
        and not block.only_cross_attention
        and block.pos_embed is None
        and block.attn2 is not None
        and block._chunk_size is None  # noqa: SLF001 # no public name for it
    )


def _crosses(block: Any) -> bool:  # a diffusers block
    return bool(getattr(block, "has_cross_attention", False))


class StemUNet(torch.nn.Module):
    """Callable with U noised images, B prompts and their owners; without it is the plain pass.

    The stem is run on a fixed number of noised images at a time (the last group is padded), so that
    shapes, and with them the last bits of the results, do not depend on what happens to share a
    batch: on `stem_batch`, by default an eighth of the prompts and four at least, since many small
    groups are many small kernels. `time_condition` (D,) is added to the time's embedding, for
    networks that are told a guidance value.
    """

    def __init__(
        self,
        unet: Any,  # a diffusers network
        stem_batch: int | None = None,
        time_condition: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.unet, self.time_condition = unet, time_condition
        self.stem_batch = stem_batch
        self.shareable = stem_is_shareable(unet)

    def compile_parts(self) -> None:
        """Compile the stem and the trunk, each for its one shape."""
        self._stem = torch.compile(self._stem, dynamic=False)  # type: ignore[method-assign]
        self._trunk = torch.compile(self._trunk, dynamic=False)  # type: ignore[method-assign]
        self._whole = torch.compile(self._whole, dynamic=False)  # type: ignore[method-assign]

    def forward(
        self, x: Tensor, times: Tensor, prompts: Tensor, owner: Tensor | None = None
    ) -> Tensor:
        """Prediction of shape (B, C, H, W) for U noised images and B prompts."""
        if owner is None:
            return self._whole(x, times, prompts)
        if not self.shareable:
            return self._whole(x[owner], times[owner], prompts)
        width = min(self.stem_batch or max(_SMALLEST, len(prompts) // _GROUPS), len(prompts))
        pieces = [self._stem(*group) for group in self._groups(x, times, width)]
        shared = [torch.cat(part)[owner] for part in zip(*pieces, strict=True)]
        return self._trunk(shared, prompts)

    def _whole(self, x: Tensor, times: Tensor, prompts: Tensor) -> Tensor:
        out: Tensor = self.unet(
            x,
            times,
            encoder_hidden_states=prompts,
            timestep_cond=self._time_condition(x),
            return_dict=False,
        )[0]
        return out

    def _time_condition(self, x: Tensor) -> Tensor | None:
        row = self.time_condition
        return None if row is None else row.to(x).expand(len(x), -1)

    @staticmethod
    def _groups(x: Tensor, times: Tensor, width: int) -> list[tuple[Tensor, Tensor]]:
        missing = -len(x) % width
        if missing:
            x = torch.cat([x, x[-1:].expand(missing, *x.shape[1:])])
            times = torch.cat([times, times[-1:].expand(missing)])
        groups = range(0, len(x), width)
        return [(x[g : g + width], times[g : g + width]) for g in groups]

    def _stem(self, x: Tensor, times: Tensor) -> list[Tensor]:
        """Time embedding, tokens after the first self-attention, its residual, skip connections."""
        unet = self.unet
        emb = unet.time_embedding(
            unet.get_time_embed(sample=x, timestep=times), self._time_condition(x)
        )
        hidden = unet.conv_in(x)
        skips = [hidden]
        for block in unet.down_blocks:
            if _crosses(block):
                break
            hidden, new = block(hidden_states=hidden, temb=emb)
            skips.extend(new)
        residual = block.resnets[0](hidden, emb)
        transformer = block.attentions[0]
        tokens, _ = transformer._operate_on_continuous_inputs(residual)  # noqa: SLF001 # the public forward goes through all of it
        first = transformer.transformer_blocks[0]
        tokens = first.attn1(first.norm1(tokens)) + tokens
        return [emb, tokens, residual, *skips]

    def _trunk(self, shared: list[Tensor], prompts: Tensor) -> Tensor:
        """Everything from the first cross-attention on."""
        # the compiler of torch 2.7 makes a tuple of what `*skips` would take
        (emb, tokens, residual), skips = shared[:3], list(shared[3:])
        unet = self.unet
        blocks = list(unet.down_blocks)
        start = next(i for i, b in enumerate(blocks) if _crosses(b))
        hidden = self._rest_of_transformer(blocks[start].attentions[0], tokens, residual, prompts)
        skips.append(hidden)
        rest = zip(blocks[start].resnets[1:], blocks[start].attentions[1:], strict=True)
        for resnet, attention in rest:
            hidden = attention(
                resnet(hidden, emb), encoder_hidden_states=prompts, return_dict=False
            )[0]
            skips.append(hidden)
        for downsampler in blocks[start].downsamplers or ():
            hidden = downsampler(hidden)
            skips.append(hidden)
        for block in blocks[start + 1 :]:
            text = {"encoder_hidden_states": prompts} if _crosses(block) else {}
            hidden, new = block(hidden_states=hidden, temb=emb, **text)
            skips.extend(new)
        if unet.mid_block is not None:
            text = {"encoder_hidden_states": prompts} if _crosses(unet.mid_block) else {}
            hidden = unet.mid_block(hidden, emb, **text)
        return self._up(hidden, emb, skips, prompts)

    def _up(self, hidden: Tensor, emb: Tensor, skips: list[Tensor], prompts: Tensor) -> Tensor:
        unet = self.unet
        # sides that the network's factor of down-sampling does not divide need explicit sizes
        factor = 2**unet.num_upsamplers
        uneven = any(side % factor for side in skips[0].shape[-2:])
        for index, block in enumerate(unet.up_blocks):
            count = len(block.resnets)
            taken = tuple(skips[-count:])
            del skips[-count:]
            last = index == len(unet.up_blocks) - 1
            size = skips[-1].shape[2:] if uneven and not last else None
            text = {"encoder_hidden_states": prompts} if _crosses(block) else {}
            hidden = block(
                hidden_states=hidden,
                temb=emb,
                res_hidden_states_tuple=taken,
                upsample_size=size,
                **text,
            )
        if unet.conv_norm_out is not None:
            hidden = unet.conv_act(unet.conv_norm_out(hidden))
        out: Tensor = unet.conv_out(hidden)
        return out

    @staticmethod
    def _rest_of_transformer(
        transformer: Any,  # a diffusers module
        tokens: Tensor,
        residual: Tensor,
        prompts: Tensor,
    ) -> Tensor:
        first, *others = transformer.transformer_blocks
        tokens = first.attn2(first.norm2(tokens), encoder_hidden_states=prompts) + tokens
        tokens = first.ff(first.norm3(tokens)) + tokens
        for block in others:
            tokens = block(tokens, encoder_hidden_states=prompts)
        batch, _, height, width = residual.shape
        out: Tensor = transformer._get_output_for_continuous_inputs(  # noqa: SLF001 # as in _stem
            hidden_states=tokens,
            residual=residual,
            batch_size=batch,
            height=height,
            width=width,
            inner_dim=tokens.shape[-1],
        )
        return out
