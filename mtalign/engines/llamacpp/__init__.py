"""The llamacpp engine: any GGUF instruction model as a translator.

Determinism: llama.cpp's outputs change with the number of tokens evaluated at once (batch, cached prefix).
They stop changing, bit for bit in log-probabilities, with un-repacked K-quants, at most 7 tokens at a time,
flash attention and a bfloat16 cache; weights of other types go one token and one request at a time.

Qualities, with Qwen2.5-Coder-1.5B-Instruct q4_k_m; BLEU / chrF2 on 20 sentences each of FLORES-200 devtest
(zh, ko: too few for more than a tendency; the raw prompt gives 21.2 / 52.3 and 10.4 / 40.1):

* ``fast``: one prompt with example translations, one pass. zh 22.3 / 54.7, ko 14.3 / 41.6.
* ``good``: that and the plain prompt, two passes, one chosen. zh 22.6 / 54.3, ko 11.0 / 41.4.
* ``best``: a third prompt, three passes. zh 22.8 / 54.8, ko 12.9 / 42.5.

A pass over 20 such sentences took 100 to 200 s, 3 to 5 tokens a second, on 2 cores that others kept busy.
"""

from __future__ import annotations

from mtalign.engines.llamacpp.engine import LlamaCppEngine, load

__all__ = ["LlamaCppEngine", "load"]
