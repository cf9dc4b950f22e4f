"""What aligning holds in memory: the encoder is let go, long texts do not take more than they need."""

from __future__ import annotations

import subprocess
import sys
import weakref

import numpy as np

from mtalign.align.aligner import align_sides, encode_sides
from mtalign.align.packed import PackedRows, pack
from mtalign.embed.use import UseEmbedder

LONG = """
import random
from mtalign.align.aligner import align_sides, encode_sides
from mtalign.embed import load_embedder
from mtalign.job.rates import peak_rss_mb
rng = random.Random(0)
words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 8))) for _ in range(3000)]
text = [" ".join(rng.choices(words, k=8)) + "." for _ in range(10_000)]
beads = align_sides(text, text, encode_sides(text, text, load_embedder("hash")))
print(sum(len(bead.source) == len(bead.target) == 1 for bead in beads), peak_rss_mb())
"""


def test_ten_thousand_sentences_are_aligned_in_bounded_memory() -> None:
    done = subprocess.run([sys.executable, "-c", LONG], capture_output=True, check=True, text=True)
    pairs, peak = done.stdout.split()
    assert int(pairs) == 10_000
    assert float(peak) < 400


def test_the_vectors_of_two_texts_do_not_keep_the_encoder() -> None:
    embedder = UseEmbedder()
    gone = weakref.ref(embedder), weakref.ref(embedder._features)
    texts = ["Das Haus ist alt.", "Es hat ein Dach."], ["The house is old.", "It has a roof."]
    sides = encode_sides(*texts, embedder)
    del embedder
    assert [reference() for reference in gone] == [None, None]
    assert [(bead.source, bead.target) for bead in align_sides(*texts, sides)] == [((0,), (0,)), ((1,), (1,))]


def test_packed_rows_are_read_and_picked_across_their_parts() -> None:
    rows = np.random.default_rng(0).normal(size=(9, 6)).astype(np.float32)
    packed = PackedRows.of([pack(rows[:0]), pack(rows[:4]), pack(rows[4:4]), pack(rows[4:5]), pack(rows[5:])])
    assert len(packed) == 9
    for start in range(10):
        for stop in range(start, 10):
            np.testing.assert_allclose(packed.rows(start, stop), rows[start:stop], atol=0.02)
    order = np.array([8, 0, 4, 3, 3, 5])
    np.testing.assert_allclose(packed.picked(order).rows(1, 6), rows[order[1:]], atol=0.02)
    assert len(packed.picked(order[:0])) == 0
    np.testing.assert_allclose(packed.mean(), rows.mean(axis=0), atol=0.02)
