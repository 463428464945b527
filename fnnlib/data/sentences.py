"""A small grammar of reviews in which the order of the words decides.

A sentence is one clause, or two that are set against each other. A clause says something good or
bad of a noun, and "not" turns it round. After "but" the second clause counts, with "although" the
first::

    the plot is dull but the music is not bad      good
    the plot is good although the music is dull    good

Which clause a "not" or an adjective stands in decides the label, and a bag of words does not say.
The best that any function of the bag can reach is worked out in the tests.
"""

from typing import NamedTuple

import numpy as np

from fnnlib import require

NOUNS = ("acting", "ending", "film", "music", "plot")
GOOD = ("bright", "fine", "good")
BAD = ("bad", "dull", "weak")
CONTRAST = ("although", "but")
VOCABULARY = ("", *sorted((*NOUNS, *GOOD, *BAD, *CONTRAST, "the", "is", "not", "very")))
SINGLE = 0.25  # share of the sentences that have one clause


class Sentence(NamedTuple):
    """Words in order, and 1 if the sentence is in favour, else 0."""

    words: tuple
    label: int


def sentences(rng, n):
    """Draw ``n`` sentences of the grammar.

    >>> sentence = sentences(np.random.default_rng(6), 1)[0]
    >>> " ".join(sentence.words), sentence.label
    ('the ending is not dull although the music is weak', 1)
    """
    require.generator("rng", rng)
    return [_sentence(rng) for _ in range(require.count("n", n))]


def encode(words):
    """Numbers of the words in :data:`VOCABULARY`; 0 is left for padding.

    >>> encode(("the", "plot"))
    array([15, 14])
    """
    for word in require.kind("words", words, tuple):
        if not isinstance(word, str) or word not in VOCABULARY[1:]:
            require.refuse("words", "words of the vocabulary", repr(word))
    if not words:
        require.refuse("words", "at least one word", "none")
    return np.array([VOCABULARY.index(word) for word in words])


def _sentence(rng):
    first, good = _clause(rng)
    if rng.random() < SINGLE:
        return Sentence(first, int(good))
    second, also = _clause(rng)
    word = str(rng.choice(CONTRAST))
    return Sentence((*first, word, *second), int(also if word == "but" else good))


def _clause(rng):
    good, negated, very = (bool(draw) for draw in rng.random(3) < (0.5, 0.5, 0.3))
    adjective = str(rng.choice(GOOD if good else BAD))
    words = ("the", str(rng.choice(NOUNS)), "is", *("not",) * negated, *("very",) * very, adjective)
    return words, good != negated
