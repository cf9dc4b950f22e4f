"""Decodes many sequences at once with OpenVINO GenAI, each as if it were alone.

What OpenVINO computes for a row of a batch depends on what is, or was, decoded beside it in three ways, and
all are ruled out. At less than single precision the rounding differs, so single precision is asked for. A
batch of one row goes through another kernel, so there are never fewer than two: the second is the companion,
a sequence whose output nobody reads, which is in every step. And attention goes through one kernel where a
step evaluates a single token of a sequence, through another where it evaluates more. So what is cached of a
prompt must all come from prompts, and leave more than one token to evaluate:

- No prompt is cut between two steps, nor of a length at which its whole blocks leave one token.
- Before the end of its last message each prompt has white space that is not there when the message has become
  context: what was decoded behind it is never found again as part of a later prompt.
- The same is not asked twice: its answer is kept as long as its prompt may be in the cache. What is asked in
  another way (sampled, by beams or neither, at another temperature, another attempt) has another end.

What prompts have in common is evaluated once: one that begins like another waits for that one's evaluation.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, count
from pathlib import Path
from typing import Any

from mtalign.engines.cores import available_cores
from mtalign.engines.openvino.weights import GROUP
from mtalign.errors import EngineError, ModelError

ROWS = 64
"""Sequences decoded together, at most: more gain little, and each needs memory for its tokens."""
CACHE_GIB = 1
"""Memory for keys and values."""
_STEP_TOKENS = 1 << 14
"""Tokens evaluated in one step, at most: more than are ever asked for, so that no prompt is cut."""
_PROMPT_TOKENS = 1024
"""Prompts begun in one step are as long together, at most, or one: they hold up what is being decoded."""
BLOCK = 32
"""Tokens whose keys and values are kept together."""
_LIKELIEST = 50
"""Samples are drawn from so many tokens; from all of them OpenVINO draws wrongly."""
_ENDS = " \n\t\r\f"
"""White space, by the way that a prompt is asked in."""
WAYS = len(_ENDS)
_FILLERS = 3
"""Tokens of white space at the end of a prompt, at most, for each attempt."""
_REMEMBERED = 1 << 16
"""Blocks of prompts that are known to have been evaluated, at most."""
_COMPANION_STEPS = 512
_OVERLAP = 16


@dataclass(frozen=True)
class Ask:
    """One prompt, and what is wanted of it."""

    prompt: tuple[int, ...]
    """Token ids."""
    limit: int
    """Tokens of an output, at most."""
    samples: int = 0
    """How many outputs are sampled; with 0 there is one, the likeliest token at each step."""
    beams: int = 0
    """How many beams look for the one output, if any do; not with samples."""
    temperature: float = 1.0
    seed: int = 0
    repetition_penalty: float = 1.0

    @property
    def rows(self) -> int:
        """How many sequences it takes."""
        return max(1, self.samples, self.beams)

    @property
    def tokens(self) -> int:
        """How many tokens it takes at most, prompt and outputs."""
        return len(self.prompt) + self.rows * (self.limit + BLOCK)


@dataclass(frozen=True)
class Output:
    """One sequence that was decoded."""

    tokens: tuple[int, ...]
    log_probability: float
    """Sum over the tokens (natural logarithm)."""
    finished: bool
    """False when the limit cut it off."""


class Ticket:
    """Stands for an :class:`Ask` that was submitted."""

    def __init__(self, ask: Ask) -> None:
        """Nothing is done yet."""
        self.ask = ask
        self.handle: Any = None
        self.outputs: list[Output] | None = None
        self.problem = ""


class Pipeline:
    """A loaded model with its tokenizer; one thread uses it.

    Args:
        directory: a model that OpenVINO has converted, tokenizer included.
        token_bytes: memory that the keys and values of one token take.
        threads: threads; by default as many as this process may use.

    Raises:
        ModelError: OpenVINO cannot load the model.
    """

    def __init__(self, directory: Path, *, token_bytes: int, threads: int | None = None) -> None:
        import openvino_genai

        self._genai = openvino_genai
        scheduler = openvino_genai.SchedulerConfig()
        scheduler.cache_size = CACHE_GIB
        scheduler.enable_prefix_caching = True
        scheduler.dynamic_split_fuse = True
        scheduler.max_num_batched_tokens = _STEP_TOKENS
        scheduler.max_num_seqs = ROWS + 2
        try:
            self._tokenizer: Any = openvino_genai.Tokenizer(str(directory))
            self._pipeline: Any = openvino_genai.ContinuousBatchingPipeline(
                str(directory),
                self._tokenizer,
                scheduler,
                "CPU",
                INFERENCE_PRECISION_HINT="f32",
                KV_CACHE_PRECISION="f32",
                DYNAMIC_QUANTIZATION_GROUP_SIZE=GROUP,
                INFERENCE_NUM_THREADS=threads or available_cores(),
            )
        except RuntimeError as error:
            raise ModelError(
                f"OpenVINO cannot load {directory}: {_line(error)}", hint=f"delete {directory} and try again"
            ) from error
        self._room = (CACHE_GIB << 30) // token_bytes - BLOCK - 2 * _COMPANION_STEPS
        self._numbers = count()
        self._waiting: deque[Ticket] = deque()
        self._running: list[Ticket] = []
        self._companions: list[Any] = []
        self._companion_steps = 0
        self._tickets: OrderedDict[Ask, Ticket] = OrderedDict()
        """All that wait or run, and the last that are done."""
        self._evaluated: set[int] = set()
        self._ending = self._last_of_all_prompts()
        self._ends = [self._encode(text)[-1] for text in _ENDS]
        self._line_feed = self._ends[_ENDS.index("\n")]

    def prompt(self, tokens: tuple[int, ...], *, way: int = 0, attempt: int = 0) -> tuple[int, ...]:
        """What is asked of a conversation given as token ids by :meth:`templated`.

        White space stands at its end: of another kind for each of the :data:`WAYS`, more of it for another
        attempt. All ways are as long.
        """
        fill = 1 + _FILLERS * attempt
        # Of what is cached, whole blocks leave one token of these lengths: a block's last, or the next one.
        fill += {0: 2, 1: 1}.get((len(tokens) + fill) % BLOCK, 0)
        end = len(tokens) - self._ending
        return (*tokens[:end], self._ends[way], *[self._line_feed] * (fill - 1), *tokens[end:])

    def text(self, tokens: Sequence[int]) -> str:
        """The text of token ids, control tokens left out."""
        return str(self._tokenizer.decode(list(tokens)))

    def most_samples(self, prompt: int, limit: int) -> int:
        """How many outputs of so many tokens there is room for at once, beside a prompt of so many."""
        return max(0, min(ROWS, (self._room - prompt) // (limit + BLOCK)))

    def submit(self, ask: Ask) -> Ticket:
        """Queue an ask; it is worked on in every :meth:`outputs`, whoever is waited for.

        The same ask has the same ticket.
        """
        if ask in self._tickets:
            self._tickets.move_to_end(ask)
            return self._tickets[ask]
        ticket = self._tickets[ask] = Ticket(ask)
        self._waiting.append(ticket)
        return ticket

    def outputs(self, ticket: Ticket) -> list[Output]:
        """Wait for an ask; the outputs, the likeliest first.

        Raises:
            EngineError: OpenVINO failed, or there is not memory enough for the ask alone.
        """
        try:
            while ticket.outputs is None:
                self._step()
        except RuntimeError as error:
            raise EngineError(f"OpenVINO failed: {_line(error)}") from error
        if ticket.problem:
            raise EngineError(ticket.problem)
        return ticket.outputs

    def close(self) -> None:
        """Free the model; calling it twice is harmless. What is not done is given up."""
        self._waiting.clear()
        if self._pipeline is not None:
            for ticket in self._running:
                ticket.handle.cancel()
            # OpenVINO complains on stderr of what is still running when it ends.
            with suppress(RuntimeError):
                self._rest()
        self._running.clear()
        self._tickets.clear()
        self._pipeline = self._tokenizer = None

    # -- steps ----------------------------------------------------------------------------------------

    def _step(self) -> None:
        if self._pipeline is None:
            raise EngineError("the openvino engine is closed")
        self._admit()
        self._accompany()
        self._pipeline.step()
        self._companion_steps += 1
        for ticket in self._running:
            self._collect(ticket)
        self._running = [ticket for ticket in self._running if ticket.outputs is None]
        self._forget()
        if not self._running and not self._waiting:
            self._rest()

    def _admit(self) -> None:
        """Begin what there is room for (nothing that has begun must ever be put aside)."""
        new: set[int] = set()
        prompts = 0
        while self._waiting:
            ask = self._waiting[0].ask
            rows = ask.rows + sum(ticket.ask.rows for ticket in self._running)
            tokens = ask.tokens + sum(ticket.ask.tokens for ticket in self._running)
            if self._running and (rows > ROWS or tokens > self._room):
                break
            missing = [block for block in _blocks(ask.prompt) if block not in self._evaluated]
            prompts += len(ask.prompt) % BLOCK + BLOCK * len(missing)
            if not new.isdisjoint(missing) or (new and prompts > _PROMPT_TOKENS):
                break
            new.update(missing)
            ticket = self._waiting.popleft()
            ticket.handle = self._begin(ask.prompt, self._config(ask))
            self._running.append(ticket)
        if len(self._evaluated) > _REMEMBERED:
            self._evaluated.clear()
        self._evaluated |= new

    def _forget(self) -> None:
        """Drop answers that are older than anything in the cache, where each has left a block at least."""
        while len(self._tickets) > self._room // BLOCK + len(self._running) + len(self._waiting):
            oldest = next(ask for ask, ticket in self._tickets.items() if ticket.outputs is not None)
            del self._tickets[oldest]

    def _accompany(self) -> None:
        """Keep a companion that outlives the next steps."""
        if self._companions and self._companion_steps < _COMPANION_STEPS - _OVERLAP:
            return
        config = self._genai.GenerationConfig()
        config.max_new_tokens = _COMPANION_STEPS
        config.ignore_eos = True
        self._companions = [*self._companions[-1:], self._begin(self._encode("and so on"), config)]
        self._companion_steps = 0

    def _rest(self) -> None:
        for companion in self._companions:
            companion.cancel()
        self._companions.clear()
        while self._pipeline.has_non_finished_requests():
            self._pipeline.step()

    def _begin(self, prompt: Sequence[int], config: Any) -> Any:
        import numpy as np
        import openvino

        ids = openvino.Tensor(np.array([prompt], dtype=np.int64))
        return self._pipeline.add_request(next(self._numbers), ids, config)

    def _collect(self, ticket: Ticket) -> None:
        status = ticket.handle.get_status()
        if status == self._genai.GenerationStatus.RUNNING:
            return
        if status != self._genai.GenerationStatus.FINISHED:
            # Told to the one who asked, not to whoever waits now, nor to who asks again.
            self._tickets.pop(ticket.ask, None)
            ticket.outputs, ticket.problem = (
                [],
                f"OpenVINO gave up on a request of {ticket.ask.tokens} tokens",
            )
            return
        stop = self._genai.GenerationFinishReason.STOP
        outputs = [
            Output(tuple(one.generated_ids), sum(one.generated_log_probs), one.finish_reason == stop)
            for one in ticket.handle.read_all()
        ]
        ticket.outputs = sorted(outputs, key=lambda one: (-one.log_probability, one.tokens))

    def _config(self, ask: Ask) -> Any:
        config = self._genai.GenerationConfig()
        config.max_new_tokens = ask.limit
        config.logprobs = 1
        if ask.samples:
            config.do_sample = True
            config.num_return_sequences = ask.samples
            config.temperature = ask.temperature
            config.rng_seed = ask.seed
            config.top_k = _LIKELIEST
        if ask.beams:
            config.num_beams = ask.beams
            config.num_return_sequences = 1
        if ask.repetition_penalty != 1.0:
            config.repetition_penalty = ask.repetition_penalty
        return config

    def templated(self, messages: Sequence[dict[str, str]]) -> tuple[int, ...]:
        """Token ids of a conversation, up to where the model is to answer.

        Raises:
            EngineError: the model brings no chat template, or one that cannot be read.
        """
        if self._pipeline is None:
            raise EngineError("the openvino engine is closed")
        try:
            text = self._tokenizer.apply_chat_template(list(messages), add_generation_prompt=True)
        except RuntimeError as error:
            raise EngineError(f"the model's chat template fails: {_line(error)}") from error
        return self._encode(text)

    def _last_of_all_prompts(self) -> int:
        """How many tokens stand behind the last message of every prompt."""
        one, other = (self.templated([{"role": "user", "content": text}])[::-1] for text in ("1", "a"))
        same = (index for index, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1])
        return next(same, 0)

    def _encode(self, text: str) -> tuple[int, ...]:
        ids = self._tokenizer.encode(text, add_special_tokens=False).input_ids.data[0]
        return tuple(int(one) for one in ids)


def _blocks(prompt: tuple[int, ...]) -> list[int]:
    """A number for each whole block of a prompt with all that stands before it."""
    return list(
        accumulate(
            (hash(prompt[start : start + BLOCK]) for start in range(0, len(prompt) - BLOCK + 1, BLOCK)),
            lambda before, block: hash((before, block)),
        )
    )


def _line(error: BaseException) -> str:
    """The last line of an exception of OpenVINO, which says what was wrong."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
