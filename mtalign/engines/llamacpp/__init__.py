"""The llamacpp engine: any GGUF instruction model as a translator.

A block is one conversation: each segment is asked for in its turn, after example translations for the
language pair and the segments that stand before it in its block. A segment's output depends on nothing but
the request; :meth:`~mtalign.engines.llamacpp.engine.LlamaCppEngine._rejoin` says how.

Qualities:

* ``fast``: that, once.
* ``good``: a translation that is far from its source (similarity of sentence vectors below
  ``choose.DOUBT``; about a third of the seeds' segments) gets a second candidate from a plain prompt without
  context; the one nearer to the source stands. About a fifth more time.
* ``best``: two further candidates for every segment, one chosen by agreement (minimum Bayes risk with chrF2)
  and similarity to the source. About three times the time.
"""

from __future__ import annotations

from mtalign.engines.llamacpp.engine import LlamaCppEngine, load

__all__ = ["LlamaCppEngine", "load"]
