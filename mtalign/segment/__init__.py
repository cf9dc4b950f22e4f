"""Blocks to segments: the language of each block, its sentences, and what needs no model."""

from __future__ import annotations

from mtalign.segment.document import segment_document
from mtalign.segment.sentences import split_long, split_sentences

__all__ = ["segment_document", "split_long", "split_sentences"]
