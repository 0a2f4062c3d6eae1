"""What each task consists of as published: where it comes from, how much, under which terms.

Sizes and licences are as the sources state them; "not stated" where none was found.
Hub revisions are commit hashes, so a data set cannot change under a result. Where none is known
here, `gdbench data fetch` writes the commit it found beside the files and keeps to it.
"""

from __future__ import annotations

from collections.abc import Mapping

from gdbench.data.entry import Download, Entry, HubRole, HubSet, Shape
from gdbench.data.extras import COCO_VAL2014
from gdbench.errors import UnknownNameError
from gdbench.protocol import Query

__all__ = ["CATALOGUE", "Download", "Entry", "HubRole", "HubSet", "Shape", "entry_of"]


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

_TWO_TEXTS = Shape(Query.TEXT_RETRIEVAL, 1, 2)
_TWO_IMAGES = Shape(Query.IMAGE_RETRIEVAL, 2, 1)
_FIVE_TEXTS = Shape(Query.TEXT_RETRIEVAL, 1, 5)
_PAIRS = Shape(Query.MATCHING, 2, 2)
_SVO_2023 = {"verb": 7553, "subj": 1790, "obj": 2266}  # what of it the paper's authors had
_FLICKR30K = {"image_retrieval": 1014, "text_retrieval": 1014}

CATALOGUE: Mapping[str, Entry] = {
    "flickr30k": Entry(
        parts="gdbench.data.flickr30k:PARTS",
        expected=_FLICKR30K,
        variants={"neutral": _FLICKR30K},
        shapes={
            "image_retrieval": Shape(Query.IMAGE_RETRIEVAL, 10, 1, pictures=1014),
            "text_retrieval": Shape(Query.TEXT_RETRIEVAL, 1, 10, pictures=1014),
        },
        folders=("flickr30k",),
        hub_role="adds",
        license="Flickr terms of use; research only",
        downloads=tuple(
            Download(f"{_ITM}/flickr30k/{name}", f"flickr30k/{name}", about="under 10 MB")
            for name in ("val_top10_RN50x64.json", "val_top10_RN50x64_text.json")
        ),
        hub=(
            HubSet(
                "lmms-lab/flickr30k",
                None,
                "test",
                license="Flickr terms of use",
                moved=("lmms-lab-encoder/flickr30k",),
            ),
        ),
        by_hand=(
            "pictures: ask at https://forms.illinois.edu/sec/229675 (or Kaggle, "
            "hsankesara/flickr-image-dataset) and put them in flickr30k/images/",
        ),
    ),
    "winoground": Entry(
        parts="gdbench.data.winoground:PARTS",
        expected={"winoground": 400},
        shapes={"winoground": _PAIRS},
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
        shapes={
            "vg_relation": _TWO_TEXTS,
            "vg_attribution": _TWO_TEXTS,
            "coco_order": _FIVE_TEXTS,
            "flickr30k_order": _FIVE_TEXTS,
        },
        folders=("aro", "vg_relation", "vg_attribution", "coco_order", "flickr30k_order"),
        hub_role="enough",
        license="annotations MIT; pictures: Visual Genome (CC BY 4.0), COCO and Flickr terms",
        downloads=(
            Download(f"{_KARPATHY}/coco_karpathy_test.json", "coco_order/coco_karpathy_test.json"),
            Download(f"{_KARPATHY}/flickr30k_test.json", "flickr30k/flickr30k_test.json"),
            Download(f"{_KARPATHY}/flickr30k_val.json", "flickr30k/flickr30k_val.json"),
            COCO_VAL2014,
        ),
        hub=(
            HubSet(
                "gowitheflow/ARO-Visual-Relation",
                "3867ad4f46a1ac2e63be034d1fc77dd8c2ef7209",
                "test",
                license="MIT",
                moved=("mteb/ARO-Visual-Relation",),
            ),
            HubSet(
                "gowitheflow/ARO-Visual-Attribution",
                "18f7e01358d91df599d723f00e16a18640e19398",
                "test",
                license="MIT",
                moved=("mteb/ARO-Visual-Attribution",),
            ),
            HubSet(
                "gowitheflow/ARO-COCO-order",
                "853ec8757226585a38a80886c51fe0f3f268787c",
                "test",
                license="MIT",
                moved=("mteb/ARO-COCO-order",),
            ),
            HubSet(
                "gowitheflow/ARO-Flickr-Order",
                "1f9485f69c87947812378a1aedf86410c86a0aa8",
                "test",
                license="MIT",
                moved=("mteb/ARO-Flickr-Order",),
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
        shapes={
            "static": Shape(Query.IMAGE_RETRIEVAL, 10, 1, pictures=1550),
            "video": Shape(Query.IMAGE_RETRIEVAL, 10, 1, pictures=8840),
        },
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
                moved=("mteb/imagecode-multi",),
            ),
        ),
    ),
    "svo": Entry(
        parts="gdbench.data.svo:PARTS",
        expected={},
        usual=_SVO_2023,
        shapes=dict.fromkeys(_SVO_2023, _TWO_IMAGES),
        folders=("svo",),
        hub_role="adds",
        license="CC BY 4.0 (annotations); pictures of third parties",
        hub=(HubSet("MichiganNLP/svo_probes", None, "train", license="CC BY 4.0"),),
    ),
    "clevr": Entry(
        parts="gdbench.data.clevr:PARTS",
        expected=dict.fromkeys(CLEVR_SUBTASKS, 1148),
        shapes=dict.fromkeys(CLEVR_SUBTASKS, Shape(Query.TEXT_RETRIEVAL, 1, 2, pictures=574)),
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
        shapes={"pets": Shape(Query.TEXT_RETRIEVAL, 1, 37)},
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
                size=791_918_971,
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
        shapes=dict.fromkeys(BIAS_GROUPS, Shape(Query.ASSOCIATION, 1, 120)),
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
        shapes=dict.fromkeys(SUGARCREPE_SUBTASKS, _TWO_TEXTS),
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
                size=815_585_330,
                license="Flickr terms of use",
            ),
        ),
    ),
    "cola": Entry(
        parts="gdbench.data.cola:PARTS",
        expected={"multi": 210},
        shapes={"multi": _PAIRS},
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
