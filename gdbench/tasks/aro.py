"""ARO: attribution, relation and word order."""

from gdbench.data.catalogue import CATALOGUE
from gdbench.metrics.measures import Recall
from gdbench.tasks.base import Task

# Left out of the official macro accuracy (mertyg/vision-language-models-are-bows, notebook of the
# ARO paper): swapping the two things of such a relation says the same or nothing testable.
SYMMETRIC_RELATIONS = frozenset(
    {"adjusting", "attached to", "between", "bigger than", "biting", "boarding", "brushing",
     "chewing", "cleaning", "climbing", "close to", "coming from", "coming out of", "contain",
     "crossing", "dragging", "draped over", "drinking", "drinking from", "driving", "driving down",
     "driving on", "eating from", "eating in", "enclosing", "exiting", "facing", "filled with",
     "floating in", "floating on", "flying", "flying above", "flying in", "flying over",
     "flying through", "full of", "going down", "going into", "going through", "grazing in",
     "growing in", "growing on", "guiding", "hanging from", "hanging in", "hanging off",
     "hanging over", "higher than", "holding onto", "hugging", "in between", "jumping off",
     "jumping on", "jumping over", "kept in", "larger than", "leading", "leaning over", "leaving",
     "licking", "longer than", "looking in", "looking into", "looking out", "looking over",
     "looking through", "lying next to", "lying on top of", "making", "mixed with", "mounted on",
     "moving", "on the back of", "on the edge of", "on the front of", "on the other side of",
     "opening", "painted on", "parked at", "parked beside", "parked by", "parked in",
     "parked in front of", "parked near", "parked next to", "perched on", "petting", "piled on",
     "playing", "playing in", "playing on", "playing with", "pouring", "reaching for", "reading",
     "reflected on", "riding on", "running in", "running on", "running through", "seen through",
     "sitting behind", "sitting beside", "sitting by", "sitting in front of", "sitting near",
     "sitting next to", "sitting under", "skiing down", "skiing on", "sleeping in", "sleeping on",
     "smiling at", "sniffing", "splashing", "sprinkled on", "stacked on", "standing against",
     "standing around", "standing behind", "standing beside", "standing in front of",
     "standing near", "standing next to", "staring at", "stuck in", "surrounding", "swimming in",
     "swinging", "talking to", "topped with", "touching", "traveling down", "traveling on",
     "tying", "typing on", "underneath", "wading in", "waiting for", "walking across",
     "walking by", "walking down", "walking next to", "walking through", "working in",
     "working on", "worn on", "wrapped around", "wrapped in", "by", "of", "near", "next to",
     "with", "beside", "on the side of", "around"}
)  # fmt: skip

TASK = Task(
    name="aro",
    version="1",
    title="ARO",
    description="Attribution, relation and word order: the true caption against captions with "
    "the same words in another order.",
    measures=(
        Recall("vg_relation", ("vg_relation",)),
        Recall("vg_attribution", ("vg_attribution",)),
        Recall("coco_order", ("coco_order",)),
        Recall("flickr30k_order", ("flickr30k_order",)),
        Recall("vg_relation_macro", ("vg_relation",), by="tag", exclude_tags=SYMMETRIC_RELATIONS),
        Recall("vg_attribution_macro", ("vg_attribution",), by="tag", smallest_part=25),
    ),
    primary=("vg_relation", "vg_attribution", "coco_order", "flickr30k_order"),
    sources={
        "full": "gdbench.data.aro:items",
        "mini": "gdbench.mini.items:aro",
        "mini2": "gdbench.mini.graded.items:aro",
    },
    published=CATALOGUE["aro"],
    expected={
        "mini": dict.fromkeys(CATALOGUE["aro"].expected, 100),
        "mini2": dict.fromkeys(CATALOGUE["aro"].expected, 180),
    },
    versions={"mini2": "2"},
    citation="Yuksekgonul et al., ICLR 2023",
    url="https://github.com/mertyg/vision-language-models-are-bows",
    notes=(
        "vg_relation and vg_attribution are micro accuracies over all items, as in the GDBench "
        "paper; the _macro metrics follow the official ARO protocol (mean over relations that "
        "are not symmetric, mean over attribute pairs with at least 25 items).",
        "Some shuffled captions equal the true one; such items are ties and count as such.",
    ),
)
