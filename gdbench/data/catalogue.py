"""What each task consists of as published: where it comes from, how much, under which terms.

Sizes and licences are as the sources state them; "not stated" where none was found.
Hub revisions are commit hashes, so a data set cannot change under a result. Where none is known
here, `gdbench data fetch` writes the commit it found beside the files and keeps to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from gdbench.errors import UnknownNameError


@dataclass(frozen=True)
class HubSet:
    """A data set on the Hugging Face hub."""

    id: str
    revision: str | None
    split: str
    config: str | None = None
    gated: str = ""  # how to get access, where it is not open
    license: str = "not stated"
    patterns: tuple[str, ...] = ()  # files to fetch; empty: all

    @property
    def folder(self) -> str:
        """Where it is kept below the data root."""
        return f"hub/{self.id.replace('/', '--')}"


@dataclass(frozen=True)
class Download:
    """A file on a plain web server."""

    url: str
    target: str  # below the data root; an archive is unpacked into `unpack` and removed
    unpack: str = ""
    about: str = ""  # size, as far as known
    sha256: str = ""  # empty: not published; the hash of the first fetch is kept and compared
    license: str = "not stated"

    def is_here(self, root: Path) -> bool:
        """Whether the file, or the folder its archive unpacks to, is below the root."""
        target = root / self.target
        if not self.unpack:
            return target.is_file()
        return (target.parent / target.name.split(".")[0]).is_dir()


HubRole = Literal["enough", "adds", "instead"]
"""What the hub's data sets are to a task: all of it, a part that is open nowhere else, or another
source of its pictures."""


@dataclass(frozen=True)
class Entry:
    """The published data of one task: the only place of its counts, terms and sources.

    A task that is a plug-in brings its own (`Task.published`).
    """

    expected: Mapping[str, int]  # items of each sub-task of the suite "full"
    compat_expected: Mapping[str, int] | None = None  # where the 2023 release's items differ
    variants: Mapping[str, Mapping[str, int]] = field(default_factory=dict)  # other suites
    parts: str = ""  # "package.module:PARTS", a sequence of `loading.Part`
    compat_parts: str = ""  # where the 2023 release has others
    folders: tuple[str, ...] = ()  # of the 2023 layout; any of them says that it is there
    license: str = ""
    downloads: tuple[Download, ...] = ()
    hub: tuple[HubSet, ...] = ()
    hub_role: HubRole = "instead"
    by_hand: tuple[str, ...] = field(default=())  # what cannot be fetched by a program, and how


_ITM = "https://raw.githubusercontent.com/McGill-NLP/diffusion-itm/HEAD/data"
_KARPATHY = "https://storage.googleapis.com/sfr-vision-language-research/datasets"
_GATE = "log in at {0}, accept the conditions, then `hf auth login`"
CLEVR_SUBTASKS = (
    "pair_binding_size",
    "pair_binding_color",
    "recognition_color",
    "recognition_shape",
    "spatial",
    "binding_color_shape",
    "binding_shape_color",
)
BIAS_GROUPS: Mapping[str, str] = {
    "christian": "Religion/Christian",
    "muslim": "Religion/Muslim",
    "jewish": "Religion/Jewish",
    "hindu": "Religion/Hindu",
    "buddhist": "Religion/Buddhist",
    "american": "Nationality/American",
    "arab": "Nationality/Arab",
    "heterosexual": "Sexual Orientation/Heterosexual",
    "lgbt": "Sexual Orientation/LGBT",
}
_MMBIAS = "https://raw.githubusercontent.com/sepehrjng92/MMBias/HEAD/data"

SUGARCREPE_SUBTASKS: Mapping[str, int] = {
    "add_att": 692,
    "add_obj": 2062,
    "replace_att": 788,
    "replace_obj": 1652,
    "replace_rel": 1406,
    "swap_att": 666,
    "swap_obj": 245,
}
_SUGARCREPE = "https://raw.githubusercontent.com/RAIVNLab/sugar-crepe/HEAD/data"
_COLA = "https://raw.githubusercontent.com/arijitray1993/COLA/HEAD/data"
_COLA_FILE = "COLA_multiobjects_matching_benchmark.json"

_FLICKR30K = {"image_retrieval": 1014, "text_retrieval": 1014}

CATALOGUE: Mapping[str, Entry] = {
    "flickr30k": Entry(
        parts="gdbench.data.flickr30k:PARTS",
        expected=_FLICKR30K,
        variants={"neutral": _FLICKR30K},
        folders=("flickr30k",),
        hub_role="adds",
        license="Flickr terms of use; research only",
        downloads=tuple(
            Download(f"{_ITM}/flickr30k/{name}", f"flickr30k/{name}", about="under 10 MB")
            for name in ("val_top10_RN50x64.json", "val_top10_RN50x64_text.json")
        ),
        hub=(HubSet("lmms-lab/flickr30k", None, "test", license="Flickr terms of use"),),
        by_hand=(
            "pictures: ask at https://forms.illinois.edu/sec/229675 (or Kaggle, "
            "hsankesara/flickr-image-dataset) and put them in flickr30k/images/",
        ),
    ),
    "winoground": Entry(
        parts="gdbench.data.winoground:PARTS",
        expected={"winoground": 400},
        folders=("winoground",),
        hub_role="enough",
        license="research use only (Getty Images); see license_agreement.txt on the hub",
        downloads=(
            Download(f"{_ITM}/winoground/data.json", "winoground/data.json", about="under 1 MB"),
        ),
        hub=(
            HubSet(
                "facebook/winoground",
                "b400e173549071916ad1b3d449293bc8d8b4b763",
                "test",
                gated=_GATE.format("https://huggingface.co/datasets/facebook/winoground"),
                license="research use only",
            ),
        ),
    ),
    "aro": Entry(
        parts="gdbench.data.aro:PARTS",
        expected={
            "vg_relation": 23937,
            "vg_attribution": 28748,
            "coco_order": 25010,
            "flickr30k_order": 5000,
        },
        compat_expected={
            "vg_relation": 23937,
            "vg_attribution": 28748,
            "coco_order": 25010,
            "flickr30k_order": 5070,
        },
        compat_parts="gdbench.data.aro:COMPAT_PARTS",
        folders=("aro", "vg_relation", "vg_attribution", "coco_order", "flickr30k_order"),
        hub_role="enough",
        license="annotations MIT; pictures: Visual Genome (CC BY 4.0), COCO and Flickr terms",
        downloads=(
            Download(f"{_KARPATHY}/coco_karpathy_test.json", "coco_order/coco_karpathy_test.json"),
            Download(f"{_KARPATHY}/flickr30k_test.json", "flickr30k/flickr30k_test.json"),
            Download(f"{_KARPATHY}/flickr30k_val.json", "flickr30k/flickr30k_val.json"),
            Download(
                "http://images.cocodataset.org/zips/val2014.zip",
                "coco_order/val2014.zip",
                unpack="coco_order",
                about="about 6 GB",
                license="Flickr terms of use",
            ),
        ),
        hub=(
            HubSet(
                "gowitheflow/ARO-Visual-Relation",
                "3867ad4f46a1ac2e63be034d1fc77dd8c2ef7209",
                "test",
                license="MIT",
            ),
            HubSet(
                "gowitheflow/ARO-Visual-Attribution",
                "18f7e01358d91df599d723f00e16a18640e19398",
                "test",
                license="MIT",
            ),
            HubSet(
                "gowitheflow/ARO-COCO-order",
                "853ec8757226585a38a80886c51fe0f3f268787c",
                "test",
                license="MIT",
            ),
            HubSet(
                "gowitheflow/ARO-Flickr-Order",
                "1f9485f69c87947812378a1aedf86410c86a0aa8",
                "test",
                license="MIT",
            ),
        ),
        by_hand=(
            "2023 layout only: Google Drive 1kX2iCHEv0CADL8dSO1nMdW-V0NqIAiP3 to "
            "vg_relation/visual_genome_relation.json, 13tWvOrNOLHxl3Rm9cR3geAdHx2qR3-Tw to "
            "vg_attribution/visual_genome_attribution.json, and the pictures "
            "(1qaPlrwhGNMrR3a11iopZUT_GPP_LrgP9, about 1 GB) to images/ beside each",
        ),
    ),
    "imagecode": Entry(
        parts="gdbench.data.imagecode:PARTS",
        expected={"static": 430, "video": 1872},
        compat_expected={"static": 430, "video": 2302},
        folders=("imagecode",),
        license="annotations MIT; pictures of third parties",
        downloads=(
            Download(f"{_ITM}/imagecode/valid_data.json", "imagecode/valid_data.json"),
            Download(
                "https://zenodo.org/record/6518944/files/image-sets.zip",
                "imagecode/image-sets.zip",
                unpack="imagecode",
                about="several GB",
            ),
        ),
        hub=(
            HubSet(
                "JamieSJS/imagecode-multi",
                "d28adfd8b34fefa546fdf94bdc352622b2575f6c",
                "test",
                license="CC BY-SA 4.0 as written there",
            ),
        ),
    ),
    "svo": Entry(
        parts="gdbench.data.svo:PARTS",
        expected={},
        folders=("svo",),
        hub_role="adds",
        license="CC BY 4.0 (annotations); pictures of third parties",
        hub=(HubSet("MichiganNLP/svo_probes", None, "train", license="CC BY 4.0"),),
    ),
    "clevr": Entry(
        parts="gdbench.data.clevr:PARTS",
        expected=dict.fromkeys(CLEVR_SUBTASKS, 1148),
        folders=("clevr",),
        license="CC BY 4.0",
        downloads=(
            *(
                Download(f"{_ITM}/clevr/captions/{name}.json", f"clevr/captions/{name}.json")
                for name in CLEVR_SUBTASKS
            ),
            Download(
                "https://zenodo.org/record/8096756/files/images.zip",
                "clevr/images.zip",
                unpack="clevr",
            ),
        ),
    ),
    "pets": Entry(
        parts="gdbench.data.pets:PARTS",
        expected={"pets": 7390},
        variants={"official-test": {"pets": 3669}},
        folders=("pets",),
        hub_role="enough",
        license="CC BY-SA 4.0",
        downloads=(
            Download(f"{_ITM}/pets/classes.txt", "pets/classes.txt"),
            Download(
                "https://thor.robots.ox.ac.uk/~vgg/data/pets/images.tar.gz",
                "pets/images.tar.gz",
                unpack="pets",
                about="about 0.8 GB",
            ),
            Download(
                "https://thor.robots.ox.ac.uk/~vgg/data/pets/annotations.tar.gz",
                "pets/annotations.tar.gz",
                unpack="pets",
                about="about 20 MB; for the suite official-test",
            ),
        ),
        hub=(HubSet("pcuenq/oxford-pets", None, "train", license="CC BY-SA 4.0"),),
    ),
    "bias": Entry(
        parts="gdbench.data.bias:PARTS",
        expected=dict.fromkeys(BIAS_GROUPS, 250),
        folders=("mmbias",),
        license="MIT (annotations); photographs of third parties",
        downloads=(
            Download(f"{_MMBIAS}/textual_phrases.txt", "mmbias/textual_phrases.txt"),
            *(
                Download(
                    f"{_MMBIAS}/Images/{name.replace(' ', '%20')}.zip",
                    f"mmbias/data/Images/{name}.zip",
                    unpack="mmbias/data/Images",
                )
                for name in ("Religion", "Nationality", "Sexual Orientation")
            ),
        ),
    ),
    "sugarcrepe": Entry(
        parts="gdbench.data.sugarcrepe:PARTS",
        expected=SUGARCREPE_SUBTASKS,
        folders=("sugarcrepe",),
        license="MIT; COCO pictures under Flickr terms",
        downloads=(
            *(
                Download(f"{_SUGARCREPE}/{name}.json", f"sugarcrepe/data/{name}.json")
                for name in SUGARCREPE_SUBTASKS
            ),
            Download(
                "http://images.cocodataset.org/zips/val2017.zip",
                "sugarcrepe/val2017.zip",
                unpack="sugarcrepe",
                about="about 0.8 GB",
                license="Flickr terms of use",
            ),
        ),
    ),
    "cola": Entry(
        parts="gdbench.data.cola:PARTS",
        expected={"multi": 210},
        folders=("cola",),
        license="MIT; Visual Genome pictures CC BY 4.0",
        downloads=(Download(f"{_COLA}/{_COLA_FILE}", f"cola/data/{_COLA_FILE}"),),
        by_hand=("pictures: the addresses are in the annotations; put the files in cola/images/",),
    ),
    "genderbias": Entry(
        parts="gdbench.data.genderbias:PARTS",
        expected={},
        folders=("genderbias",),
        by_hand=("pictures of your own: <thing>-images/<number>.jpg, numbers up to 6 show men",),
    ),
    "selfbench": Entry(
        parts="gdbench.data.selfbench:PARTS",
        expected={},
        folders=("selfbench",),
        by_hand=(
            "https://huggingface.co/datasets/eugene6923/Self-Bench, brought into the form that "
            "docs/data.md describes",
        ),
    ),
}


def entry_of(task: str, entry: Entry | None = None) -> Entry:
    """What is published of a task; `entry` is what a plug-in brings of its own.

    Raises UnknownNameError for a task without published data.
    """
    known = CATALOGUE.get(task) if entry is None else entry
    if known is None:
        raise UnknownNameError(f"no published data of task {task!r}; known: {', '.join(CATALOGUE)}")
    return known
