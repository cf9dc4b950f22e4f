"""What is said to the model: the chat messages for one request.

Everything before the first segment is the same for every request of a language pair, so llama.cpp evaluates
it once and keeps it. Example translations stand in the conversation as earlier turns (they show the model
that a heading or a button is to be translated too, not answered), and so do the segments that stand before
this one in its block, with their translations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mtalign.checks.sentences import ends_sentence
from mtalign.checks.spelling import fold
from mtalign.engines.base import Request
from mtalign.glossary import Term

Message = dict[str, str]

EXAMPLES: dict[str, tuple[tuple[str, str], ...]] = {
    "de": (
        (
            "Der Minister sagte am Dienstag, die Ausgaben würden im kommenden Jahr um 5 Prozent steigen.",
            "The minister said on Tuesday that spending would rise by 5 percent next year.",
        ),
        ("Zurück zur Startseite", "Back to home"),
        (
            "Zwar stößt das Vorhaben kurzfristig auf Widerstand, langfristig dürfte es aber helfen, die "
            "Kluft zwischen den Regionen zu schließen.",
            "Although the plan is meeting resistance in the short term, in the long run it is likely to "
            "help close the gap between the regions.",
        ),
    ),
    "ja": (
        (
            "田中健一首相は8日の記者会見で、来年度の予算を5%増やすと述べた。",
            "Prime Minister Kenichi Tanaka said at a press conference on the 8th that next year's budget "
            "would be increased by 5 percent.",
        ),
        ("お問い合わせ", "Contact us"),
        (
            "専門家は、この措置は短期的には混乱を招くものの、長期的には経済の回復につながるとみている。",
            "Experts believe that the measure will cause confusion in the short term but will lead to an "
            "economic recovery in the long run.",
        ),
    ),
    "ko": (
        (
            '김민수 장관은 8일 국회에서 "예산을 5% 늘리겠다"고 말했다.',
            'Minister Kim Min-su told the National Assembly on the 8th that he would "increase the budget by '
            '5 percent."',
        ),
        ("댓글 남기기", "Leave a comment"),
        (
            "전문가들은 이번 조치가 단기적으로는 혼란을 부를 수 있지만 장기적으로는 경제 회복에 도움이 될 "
            "것이라고 본다.",
            "Experts believe that the measure may cause confusion in the short term but will help the "
            "economy recover in the long run.",
        ),
    ),
    "zh": (
        (
            "据新华社报道,该公司去年的营收增长了12.5%,达到34亿元。",
            "According to Xinhua, the company's revenue rose 12.5% last year to 3.4 billion yuan.",
        ),
        ("返回首页", "Back to home"),
        (
            "在他看来,这项政策虽然短期内会遇到阻力,但从长远来看有助于弥补地区之间的差距。",
            "In his view, although the policy will meet resistance in the short term, in the long run it "
            "will help to close the gap between regions.",
        ),
    ),
}
"""Example translations into English by source language, written for this purpose."""


@dataclass(frozen=True)
class Prompt:
    """One way to ask for a translation."""

    system: str
    """System message; ``{source}`` and ``{target}`` stand for the languages' English names."""
    user: str = "{text}"
    """User message; ``{text}`` stands for the segment."""
    examples: bool = False
    """Whether example translations come first, where there are some for the language pair."""

    def messages(self, request: Request, clean: Callable[[str], str] = str) -> list[Message]:
        """Chat messages that ask for the translation of ``request`` and nothing else.

        ``clean`` takes from the segment what the model would read as markup of the conversation. The terms
        of the request stand behind the system message, one a line, as data.
        """
        names = {"source": request.source.name, "target": request.target.name}
        system = self.system.format(**names)
        if request.terms:
            system += _GLOSSARY + "".join(
                f"\n{clean(term.source)} = {clean(' or '.join(term.english))}" for term in request.terms
            )
        turns: list[Message] = [{"role": "system", "content": system}] if system else []
        if self.examples and request.target.code == "en":
            for source, translation in EXAMPLES.get(request.source.code, ()):
                turns.append({"role": "user", "content": self._user(source, names)})
                turns.append({"role": "assistant", "content": translation})
        for pair in request.context:
            if pair.translation is not None:
                turns.append({"role": "user", "content": self._user(clean(pair.source), names)})
                turns.append({"role": "assistant", "content": pair.translation})
        turns.append({"role": "user", "content": self._user(clean(request.text), names)})
        return turns

    def _user(self, text: str, names: dict[str, str]) -> str:
        return self.user.format(text="\0", **names).replace("\0", text)


def conversation_for(text: str) -> Prompt:
    """A conversation with examples for a heading or a button, without for a sentence.

    Sentences come out as well or better without (Qwen2.5-Coder 1.5B, likeliest tokens, FLORES 300-419, chrF2
    with / without: ko 42.4 / 43.6, zh 53.2 / 53.0, ja 46.0 / 45.9, de 59.0 / 59.0; BLEU + 0.4 on average).
    Not for llama.cpp, whose prompts of one language pair should all begin alike: it evaluates that once.
    """
    return PLAIN if ends_sentence(text) else CONVERSATION


def with_countries(request: Request) -> Request:
    """``request`` with the English names of countries in it among its terms.

    For Japanese and Korean into English (:func:`mtalign.checks.exonyms.countries_in`): a small model makes
    the United States of 韓国. Of 24 sentences each of FLORES that name countries, without and with the names,
    BLEU / chrF2: ja 16.0 / 50.7, 18.4 / 52.2; ko 19.4 / 50.0, 21.1 / 53.2. Chinese gains nothing.
    """
    if request.target.code != "en":
        return request
    # A run that decodes nothing does not need it.
    from mtalign.checks.exonyms import countries_in

    known = {fold(term.source) for term in request.terms}
    countries = countries_in(fold(request.text), request.source.primary)
    terms = (Term(name, (english,)) for name, english in countries.items() if name not in known)
    return replace(request, terms=(*request.terms, *terms))


_GLOSSARY = " Use these translations of terms:"
_TRANSLATOR = (
    "You are a professional translator. Translate the user's text from {source} into {target}. "
    "Reply with the translation only."
)

CONVERSATION = Prompt(_TRANSLATOR, examples=True)
"""How a block is translated: one turn a segment."""

PLAIN = Prompt(_TRANSLATOR)
"""The same without examples, or a sentence by itself."""

_ASKED = Prompt(
    "You translate news and academic texts from {source} into fluent, precise {target}.",
    "Translate this {source} text into {target}:\n{text}",
    examples=True,
)

OTHERS = {"good": (PLAIN,), "best": (PLAIN, _ASKED)}
"""Prompts for further candidates, by ``Decoding.quality``; each is asked outside the conversation."""
