"""Blocks to segments: the language of each block, its sentences, and what needs no model."""

from __future__ import annotations

from mtalign.segment.document import main_language, segment_document
from mtalign.segment.plain import plain_text
from mtalign.segment.sentences import split_long, split_sentences

__all__ = ["main_language", "plain_text", "segment_document", "split_long", "split_sentences"]
