"""Where the site points outside of itself, and how it is cited."""

from __future__ import annotations

PAPER = "https://arxiv.org/abs/2305.16397"
RELEASE = "https://github.com/McGill-NLP/diffusion-itm"
CITATION = """@inproceedings{krojer2023diffusionitm,
  title     = {Are Diffusion Models Vision-And-Language Reasoners?},
  author    = {Krojer, Benno and Poole-Dayan, Elinor and Voleti, Vikram and Pal, Christopher and Reddy, Siva},
  booktitle = {Advances in Neural Information Processing Systems},
  year      = {2023}
}"""  # noqa: E501 # BibTeX takes a line a field
