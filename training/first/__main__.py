"""Train the mini models from nothing: `python -m training.first STAGE --work FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch


def main() -> None:
    """Read the command line and run one stage."""
    parser = argparse.ArgumentParser(prog="python -m training.first", description=__doc__)
    parser.add_argument("stage", choices=("vae", "encode", "layout", "sd", "clip"))
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for scenes and checkpoints"
    )
    parser.add_argument("--minutes", type=float, default=30, help="wall clock to train for")
    parser.add_argument("--scenes", type=int, default=None, help="training scenes to draw")
    parser.add_argument("--rate", type=float, help="for sd: peak learning rate of the schedule")
    parser.add_argument("--base", type=Path, help="for layout and sd: pipeline to start from")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument(
        "--shard", type=int, choices=(0, 1), default=0, help="for encode: which half"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    given: dict[str, Any] = {"scenes": arguments.scenes} if arguments.scenes else {}
    if arguments.stage == "vae":
        from training.first.vae import train

        train(arguments.work, minutes=arguments.minutes, resume=arguments.resume, **given)
    elif arguments.stage == "encode":
        from diffusers import AutoencoderKL

        from training.first.data import encode_shard

        vae = AutoencoderKL.from_pretrained(arguments.work / "vae")
        encode_shard(arguments.work, vae, arguments.scenes or 100_000, arguments.shard, 2)
    elif arguments.stage == "layout":
        from training.first import diffusion, layout

        text = diffusion.start_from(arguments.base)[1]
        layout.train(arguments.work, text, minutes=arguments.minutes, **given)
    elif arguments.stage == "sd":
        from training.first import diffusion

        given["base"] = arguments.base

        if arguments.rate:
            given["peak"] = arguments.rate
        diffusion.train(arguments.work, minutes=arguments.minutes, resume=arguments.resume, **given)
    elif arguments.stage == "clip":
        from training.first import clip

        clip.train(arguments.work, minutes=arguments.minutes, resume=arguments.resume, **given)


if __name__ == "__main__":
    main()
