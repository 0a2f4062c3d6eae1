"""Word-order negatives of ARO, drawn anew: deterministic, seeded by the caption alone, versioned.

Four perturbations of a caption (Yuksekgonul et al. 2023, section 2): nouns and adjectives
shuffled, everything else shuffled, words shuffled within each trigram, trigrams shuffled. The
published negatives were drawn by unseeded generators and cannot be drawn again; frozen ones are
preferred where they are there (`gdbench.data.aro`).

Which words are nouns or adjectives is decided by a tagger. The built-in one needs nothing: every
word outside a closed list of function words and frequent verbs counts as content. With spaCy
(extra `aro`) its part-of-speech tags are used instead, and the version says so.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from gdbench.errors import MissingExtraError

VERSION = "gdbench-order-1"
MAX_WORDS = 30
N_NEGATIVES = 4
_DRAWS = 20
Tagger = Callable[[Sequence[str]], list[bool]]
"""For each word: is it a noun or an adjective?"""

_FUNCTION_WORDS = """
    a an the this that these those some any each every no all both another other one two three four
     five six several many few
    i you he she it we they him her them his its their our your my who whom whose which what where
    when while there here
    in on at by of to from with without into onto over under above below behind beside between
    through across along around near next against off out up down inside outside among toward
    towards during before after upon beneath underneath past
    and or but as if so than then not very too just also only even
    is are was were be been being am has have had having do does did done can could will would
    shall should may might must
    sit sits sitting sat stand stands standing stood walk walks walking run runs running ride rides
    riding hold holds holding wear wears wearing look looks looking play plays playing eat eats
    eating lie lies lying lay laying take takes taking make makes making get gets getting go goes
    going come comes coming fly flies flying jump jumps jumping throw throws throwing catch catches
    catching hit hits hitting swing swings swinging pull pulls pulling push pushes pushing carry
    carries carrying watch watches watching talk talks talking use uses using cut cuts cutting
    drive drives driving cook cooks cooking hang hangs hanging park parked drink drinks drinking
    sleep sleeps sleeping smile smiles smiling pose poses posing read reads reading show shows
    showing put puts putting try tries trying work works working prepare prepares preparing"""
_CLOSED = frozenset(_FUNCTION_WORDS.split())
_TRIM = re.compile(r"[.!\"()*#:;~]")


def normalise(caption: str) -> str:
    """Lower case, without the marks `.!"()*#:;~`, single blanks, at most 30 words.

    Source: the caption preparation of ARO. Positive and negative captions both pass through it,
    so that spelling gives nothing away (in the 2023 release only the negatives are tokenised).
    """
    words = _TRIM.sub(" ", caption.lower()).split()
    return " ".join(words[:MAX_WORDS])


def closed_class_tagger(words: Sequence[str]) -> list[bool]:
    """The built-in tagger: content is what is not in a closed list."""
    return [word.strip(",'") not in _CLOSED for word in words]


def spacy_tagger(model: str = "en_core_web_sm") -> Tagger:
    """Nouns and adjectives by spaCy's tags. Raises MissingExtraError where it is not installed."""
    try:
        import spacy

        pipeline = spacy.load(model, disable=["parser", "ner", "lemmatizer"])
    except (ImportError, OSError) as error:
        raise MissingExtraError(
            f"the spaCy tagger needs `pip install 'gdbench[aro]'` and the model {model} "
            f"(`python -m spacy download {model}`)"
        ) from error
    from spacy.tokens import Doc

    def tag(words: Sequence[str]) -> list[bool]:
        tagged = pipeline(Doc(pipeline.vocab, words=list(words)))
        return [token.tag_[:2] in ("NN", "JJ") for token in tagged]

    return tag


def _moved_at(words: list[str], where: list[int], rng: random.Random) -> list[str]:
    result = list(words)
    for place, source in zip(where, rng.sample(where, len(where)), strict=True):
        result[place] = words[source]
    return result


def _within_trigrams(words: list[str], rng: random.Random) -> list[str]:
    return [
        w
        for i in range(0, len(words), 3)
        for w in rng.sample(words[i : i + 3], len(words[i : i + 3]))
    ]


def _trigrams(words: list[str], rng: random.Random) -> list[str]:
    trigrams = [words[i : i + 3] for i in range(0, len(words), 3)]
    return [w for trigram in rng.sample(trigrams, len(trigrams)) for w in trigram]


def negatives(
    caption: str, tagger: Tagger = closed_class_tagger, seed: str = ""
) -> tuple[str, str, str, str]:
    """Four negatives of a caption that went through `normalise`.

    A shuffle that changes nothing is drawn again. Where there is nothing to change (too few words
    of a kind), the negative equals the caption, as it does in the published sets; such items are
    kept and counted. `seed` tells apart captions with the same words.
    """
    words = caption.split()
    content = tagger(words)
    nouns = [i for i, is_content in enumerate(content) if is_content]
    others = [i for i, is_content in enumerate(content) if not is_content]
    rng = random.Random(f"{VERSION}/{seed}/{caption}")

    def draw(shuffle: Callable[[random.Random], list[str]]) -> str:
        for _ in range(_DRAWS):
            found = shuffle(rng)
            if found != words:
                break
        return " ".join(found)

    return (
        draw(lambda r: _moved_at(words, nouns, r)),
        draw(lambda r: _moved_at(words, others, r)),
        draw(lambda r: _within_trigrams(words, r)),
        draw(lambda r: _trigrams(words, r)),
    )
