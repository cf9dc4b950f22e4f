"""Engines: one file an engine, all behind the protocol in :mod:`mtalign.engines.base`."""
