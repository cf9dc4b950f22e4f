"""The openvino engine: a GGUF instruction model as a translator, many segments and candidates at once.

OpenVINO reads a GGUF model of a common architecture and decodes with what the CPU has (AVX2, AVX-512, VNNI,
AMX); sequences join and leave the batch as they come and go, and what prompts begin with is evaluated once.
A segment's output is meant to depend on nothing but the request: :mod:`mtalign.engines.openvino.pipeline`.
The segments that stand before it in its block are told as earlier turns of the conversation.

Qualities:

* ``fast``: one translation, the likeliest at each step.
* ``good``: that and ``engine.SAMPLES`` sampled ones; one is chosen by agreement among them (minimum Bayes
  risk with chrF2) and similarity to the source. About four times the time.
* ``best``: three times as many samples.
"""
