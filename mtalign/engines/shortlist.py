"""A shortlist: the target tokens that a CTranslate2 model may write, the same for every sentence.

A decoding step scores every token of the vocabulary; most of a model's 65,000 or 256,000 never occur in a
user's kind of text. A list taken from such text (the English side of parallel data, or what the model itself
wrote in an earlier run) leaves them out. A MarianMT model has a tokenizer for each side over one vocabulary:
what only its source side has, a third to a half, it never wrote in training, so that a list of all of its
target side costs nothing. CTranslate2 can also choose candidates by source words, but takes
those of all sentences of a batch together, so that an output would depend on its batch: only the part of its
vocabulary map that holds for every sentence is used.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mtalign.errors import DocumentError, ModelError, UsageError
from mtalign.files import write_atomically

if TYPE_CHECKING:
    from mtalign.engines.base import ResolvedModel
    from mtalign.engines.tokenization import Tokenizer

_HEAD = "# mtalign shortlist of "
_SHORT = 2
"""Tokens of so many characters are always kept: letters, digits and marks that spell any name or number."""
_SPECIAL = ("</s>", "<s>", "<pad>", "<unk>")


def english_texts(path: Path) -> Iterator[str]:
    """The English of a file: of JSONL what is under ``translation``, of TSV the last column, else each line.

    Raises:
        DocumentError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            if path.suffix in (".jsonl", ".ndjson"):
                for line in file:
                    record = json.loads(line) if line.strip() else None
                    if isinstance(record, dict) and isinstance(record.get("translation"), str):
                        yield record["translation"]
            elif path.suffix == ".tsv":
                for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                    if row:
                        yield row[-1]
            else:
                for line in file:
                    yield line.rstrip("\r\n")
    except OSError as error:
        raise DocumentError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise DocumentError(f"{path} cannot be read: {error}", hint="text in UTF-8, TSV or JSONL") from error


def build_shortlist(
    tokenizer: Tokenizer, vocabulary: Sequence[str], texts: Iterable[str], size: int = 0
) -> list[str]:
    """The tokens of ``vocabulary`` in ``texts``, most frequent first, then those always kept.

    Where that is less than ``size``, the target side's likeliest others come after them.

    Raises:
        UsageError: ``size`` is given, and the model has no target side of its own.
    """
    known = frozenset(vocabulary)
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(token for token in tokenizer.target_pieces(text) if token in known)
    found = [token for token, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    found += [token for token in vocabulary if token not in counts and _always(token)]
    if size > len(found):
        have = frozenset(found)
        others = [token for token in tokenizer.target_vocabulary() if token in known and token not in have]
        if not others and not have.issuperset(vocabulary):
            raise UsageError(
                "the model has one set of tokens for all languages: nothing says which of them are English",
                hint="make its shortlist of English text, without --size",
            )
        found += others[: size - len(found)]
    return found


def _always(token: str) -> bool:
    if token in _SPECIAL or token.startswith(("__", ">>")):
        return True
    if len(token) == 8 and token[3] == "_" and token[4:].isalpha():  # eng_Latn
        return True
    return len(token.removeprefix("▁")) <= _SHORT and token.removeprefix("▁").isascii()


def write_shortlist(path: Path, model: ResolvedModel, tokens: Sequence[str]) -> None:
    """Write ``tokens``, one a line, under a line that says which model they are of."""
    write_atomically(path, f"{_HEAD}{model.fingerprint}\n{chr(10).join(tokens)}\n".encode())


def read_shortlist(path: Path, model: ResolvedModel) -> list[str]:
    """The tokens of a shortlist.

    Raises:
        UsageError: there is no such file, or it is another model's.
        ModelError: it is no shortlist.
    """
    try:
        head, *tokens = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except FileNotFoundError as error:
        raise UsageError(
            f"shortlist {path} does not exist", hint="`mtalign models shortlist` makes one"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(
            f"shortlist {path} cannot be read", hint="`mtalign models shortlist` makes one"
        ) from error
    if not head.startswith(_HEAD) or not tokens:
        raise ModelError(f"{path} is no shortlist", hint="`mtalign models shortlist` makes one")
    if head.removeprefix(_HEAD) != model.fingerprint:
        raise UsageError(
            f"shortlist {path} is of another model than {model.label}",
            hint=f"mtalign models shortlist {model.name} ... -o {path}",
        )
    return tokens


def digest(tokens: Sequence[str]) -> str:
    """Twelve hex digits that name a shortlist: outputs depend on it."""
    return hashlib.sha256("\n".join(sorted(tokens)).encode()).hexdigest()[:12]


def directory_with(directory: Path, tokens: Sequence[str], home: Path) -> Path:
    """A CTranslate2 directory with the files of ``directory``, linked, and ``tokens`` as its vocabulary map.

    Raises:
        ModelError: it cannot be written.
    """
    target = home / "converted" / f"{directory.name}-shortlist-{digest(tokens)}"
    if (target / "vmap.txt").is_file() and (target / "model.bin").exists():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        half = Path(tempfile.mkdtemp(prefix=f"{target.name}.half-", dir=target.parent))
        for file in directory.iterdir():
            if file.is_file() and file.name != "vmap.txt":
                (half / file.name).symlink_to(os.path.realpath(file))
        # The line of the empty source n-gram holds for every sentence.
        (half / "vmap.txt").write_text("\t" + " ".join(tokens) + "\n", encoding="utf-8")
        shutil.rmtree(target, ignore_errors=True)
        half.replace(target)
    except OSError as error:
        raise ModelError(
            f"cannot write {target}: {error.strerror}", hint="free some space or set MTALIGN_HOME"
        ) from error
    return target
