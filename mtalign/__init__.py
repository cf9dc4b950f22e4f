"""Translate documents with open models, align them with their sources, score and review them."""

__version__ = "0.1.0"
