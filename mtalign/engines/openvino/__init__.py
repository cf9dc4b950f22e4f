"""The openvino engine: a GGUF instruction model as a translator, many segments and candidates at once.

OpenVINO reads a GGUF model of a common architecture and decodes with what the CPU has (AVX2, AVX-512, VNNI,
AMX); sequences join and leave the batch as they come and go, and what prompts begin with is evaluated once.
A segment's output depends on nothing but the request: :mod:`mtalign.engines.openvino.pipeline` says how.
The segments that stand before it in its block are told as earlier turns of the conversation; before
what is no sentence, a heading or a button, stand example translations.

Qualities:

* ``fast``: one translation, the likeliest at each step.
* ``good``: ``engine.SAMPLES`` sampled ones, at several temperatures, and what beams find in two ways of
  asking; :class:`mtalign.engines.instruct.choose.Chooser` takes one. Six to nine times the time.
* ``best``: half as many samples again, and beams in three ways, in half as long again.
"""
