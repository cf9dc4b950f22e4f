"""A document to segments: the language of every block, its sentences, and which of them need no model."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from mtalign.document import Block, BlockKind, Document, Segment, Skip
from mtalign.errors import LanguageError
from mtalign.languages import ENGLISH, Language, identify, source_script_characters
from mtalign.scripts import script_counts
from mtalign.segment.sentences import split_sentences

_ADDRESS = re.compile(
    r"(?:(?:[a-z][a-z0-9+.-]{1,20}://|www\.|doi:\s?|mailto:)\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|10\.\d{4,9}/\S+"
    r"|[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|int|edu|gov|io|de|jp|kr|cn)(?:/\S*)?)\s*",
    re.I,
)
_VERBATIM = {BlockKind.DATA: Skip.DATA, BlockKind.CODE: Skip.CODE}
_SHOWS_LANGUAGE = 25
"""Letters from which a sentence may differ in language from its block, where the script is the same."""
_FOREIGN = 40
"""Letters from which a Latin sentence in a document of another script may be in a third language."""
_SENTENCE_SAMPLE = 400
# Words that hardly any English sentence is without: a quick look before the statistics are asked.
_ENGLISH_WORDS = re.compile(
    r"\b(?:the|of|and|is|are|to|that|with|for|this|by|from|not|have|has|it|you|we|they|be|as|at|on|an?|I|"
    r"will|can|or|all|your|our|its|their|but|who|which)\b",
    re.I,
)


def segment_document(
    document: Document,
    *,
    source: Language | None = None,
    target: Language = ENGLISH,
    main: Language | None = None,
) -> tuple[Segment, ...]:
    """Cut a document into segments, ``<document>.b<block>.s<sentence>``, numbered from 1.

    The language is found per block, with the document's main language as prior. A segment that needs no
    model has ``skip`` set: data, code, an address, a number, or text already in ``target``.

    Args:
        document: as :func:`mtalign.formats.read_document` gives it.
        source: the language of every block that is not recognisably in ``target``; found where None.
        target: the language that is translated into.
        main: the main language of what the document is a part of; the document's own where None.

    Returns:
        Segments in order; ``block.text[segment.start:segment.end] == segment.text``.

    Raises:
        LanguageError: the language of a block is undecided.
    """
    prose = [block for block in document.blocks if block.kind not in _VERBATIM and _has_letter(block.text)]
    main = source or main or _main_of(prose, target)
    segments: list[Segment] = []
    for block in document.blocks:
        segments += _segment_block(document, block, main, source is not None, target)
    return tuple(segments)


def main_language(documents: Iterable[Document], target: Language = ENGLISH) -> Language | None:
    """The language of most of the documents' prose, ``target`` left out; None where nothing shows it."""
    texts = [b for one in documents for b in one.blocks if b.kind not in _VERBATIM and _has_letter(b.text)]
    return _main_of(texts, target)


def _has_letter(text: str) -> bool:
    return any(character.isalpha() for character in text)


def _main_of(prose: list[Block], target: Language) -> Language | None:
    """The language that most of the text is in, the target left out; the target where there is no other."""
    weights: Counter[Language] = Counter()
    for block in prose:
        language = identify(block.text)
        if language is not None:
            weights[language] += len(block.text)
    if not weights:
        together = identify("\n".join(block.text for block in prose[:200]))
        return together
    foreign = {language: weight for language, weight in weights.items() if language != target}
    if not foreign:
        return target
    return max(foreign, key=lambda language: (foreign[language], language.code))


def _segment_block(
    document: Document, block: Block, main: Language | None, given: bool, target: Language
) -> Iterator[Segment]:
    if block.kind in _VERBATIM:
        yield _segment(document, block, 1, 0, len(block.text), "und", _VERBATIM[block.kind])
        return
    language = _block_language(document, block, main, given, target)
    for number, (start, end) in enumerate(split_sentences(block.text, language), start=1):
        code, skip = _judge(block.text[start:end], language, target)
        yield _segment(document, block, number, start, end, code, skip)


def _segment(
    document: Document, block: Block, number: int, start: int, end: int, language: str, skip: Skip | None
) -> Segment:
    return Segment(
        id=f"{block.id}.s{number}",
        document_id=document.id,
        block_id=block.id,
        text=block.text[start:end],
        start=start,
        end=end,
        language=language,
        skip=skip,
    )


def _block_language(
    document: Document, block: Block, main: Language | None, given: bool, target: Language
) -> Language:
    """The language of a block that holds no data; ``given`` says that the user named ``main``."""
    if not _has_letter(block.text):
        return main or target
    found = identify(block.text, main)
    if main is None or found == target or (found is not None and not given):
        if found is None:
            raise _undecided(document, block)
        return found
    if _is_latin(block.text):
        return target if target.script == "Latn" != main.script else main
    if given or source_script_characters(block.text, main):
        return main
    raise _undecided(document, block)


def _is_latin(text: str) -> bool:
    """Whether every letter of ``text`` is a Latin one."""
    return text.isascii() or set(script_counts(text)) <= {"Latn"}


def _undecided(document: Document, block: Block) -> LanguageError:
    start = " ".join(block.text[:60].split())
    name = "standard input" if document.path == "-" else document.path
    return LanguageError(
        f'{name}: the language of block {block.id} is undecided ("{start}")',
        hint="name it with --from, for example --from ko",
    )


def _judge(text: str, language: Language, target: Language) -> tuple[str, Skip | None]:
    """A sentence's language code, and why it needs no model if it does not."""
    if _ADDRESS.fullmatch(text):
        return "und", Skip.URL
    if not _has_letter(text):
        return "und", Skip.NUMBER
    own = _sentence_language(text, language, target)
    return own.code, Skip.ENGLISH if own == target else None


def _sentence_language(text: str, language: Language, target: Language) -> Language:
    sample = text[:_SENTENCE_SAMPLE]
    if language.script == target.script == "Latn":
        return _among_latin(sample, language, target)
    found = identify(sample, language)
    if source_script_characters(sample, language):
        return found if found == target else language
    letters = sum(character.isalpha() for character in sample)
    if found is not None and (found.script != "Latn" or letters >= _FOREIGN):
        return found
    return target if target.script == "Latn" and _is_latin(sample) else language


def _among_latin(sample: str, language: Language, target: Language) -> Language:
    """A sentence in a block of Latin script: its block's language, unless it shows another clearly."""
    looks_english = _ENGLISH_WORDS.search(sample) is not None
    if target == ENGLISH and looks_english == (language == ENGLISH) and _is_latin(sample):
        return language
    letters = sum(character.isalpha() for character in sample)
    if letters < (_FOREIGN if language == target else _SHOWS_LANGUAGE) and _is_latin(sample):
        return language
    found = identify(sample, language)
    if found is None or (found.script == "Latn" and target not in (found, language)):
        return language
    return found
