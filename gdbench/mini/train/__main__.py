"""Train the mini models from nothing: `python -m gdbench.mini.train STAGE --work FOLDER`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch


def main() -> None:
    """Read the command line and run one stage."""
    parser = argparse.ArgumentParser(prog="python -m gdbench.mini.train", description=__doc__)
    parser.add_argument("stage", choices=("vae", "encode", "layout", "sd", "clip", "report"))
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
    parser.add_argument("--models", default="mini-sd,mini-sd-early,mini-clip", help="for report")
    parser.add_argument("--kinds", default="", help="for report: held-out kinds, and bias")
    parser.add_argument("--n", type=int, default=400, help="for report: items of each kind")
    parser.add_argument("--timesteps", type=int, default=50, help="for report")
    parser.add_argument("--part", default="0", help="for report: name of the JSON file's part")
    parser.add_argument("--page", type=Path, help="for report: Markdown file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    given: dict[str, Any] = {"scenes": arguments.scenes} if arguments.scenes else {}
    if arguments.stage == "vae":
        from gdbench.mini.train.vae import train

        train(arguments.work, minutes=arguments.minutes, resume=arguments.resume, **given)
    elif arguments.stage == "encode":
        from diffusers import AutoencoderKL

        from gdbench.mini.train.data import encode_shard

        vae = AutoencoderKL.from_pretrained(arguments.work / "vae")
        encode_shard(arguments.work, vae, arguments.scenes or 100_000, arguments.shard, 2)
    elif arguments.stage == "layout":
        from gdbench.mini.train import diffusion, layout

        text = diffusion.start_from(arguments.base)[1]
        layout.train(arguments.work, text, minutes=arguments.minutes, **given)
    elif arguments.stage == "sd":
        from gdbench.mini.train import diffusion

        given["base"] = arguments.base

        if arguments.rate:
            given["peak"] = arguments.rate
        diffusion.train(arguments.work, minutes=arguments.minutes, resume=arguments.resume, **given)
    elif arguments.stage == "clip":
        from gdbench.mini.train import clip

        clip.train(arguments.work, minutes=arguments.minutes, resume=arguments.resume, **given)
    elif arguments.stage == "report":
        from gdbench.mini.train import report

        file = arguments.work / f"report-{arguments.part}.json"
        if arguments.kinds:
            report.measure(
                arguments.models.split(","),
                arguments.kinds.split(","),
                weights=report.WEIGHTS,
                n=arguments.n,
                timesteps=arguments.timesteps,
                file=file,
            )
        if arguments.page:
            report.table(arguments.work, arguments.page)


if __name__ == "__main__":
    main()
