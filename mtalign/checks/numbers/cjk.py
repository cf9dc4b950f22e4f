"""Chinese numerals (used in Chinese, Japanese and Korean) and the units that stand after digits."""

from __future__ import annotations

import re

UNITS = {
    "십": 10, "백": 100, "천": 1000, "만": 10**4, "억": 10**8, "조": 10**12,
    "十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000, "万": 10**4, "萬": 10**4,
    "億": 10**8, "亿": 10**8, "兆": 10**12,
}  # fmt: skip
DIGITS = {
    "〇": 0, "零": 0, "一": 1, "二": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9,
    "壱": 1, "弐": 2, "参": 3, "两": 2, "兩": 2,
}  # fmt: skip
KOREAN_DIGITS = {"일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9}

NUMERAL = re.compile("[〇零一二三四五六七八九十百千万萬億亿兆两兩]+")
KOREAN_NUMERAL = re.compile(
    "[일이삼사오육칠팔구]?[십백천만억조](?:[일이삼사오육칠팔구]?[십백천만억조])*[일이삼사오육칠팔구]?"
)

COUNTED = frozenset("年月日号號人名个個位次回件台歳才岁世倍％%点點時时分秒元円圆多余餘届屆度周週天")
"""What follows a numeral that counts."""
_SURE_AFTER_ONE = frozenset("年月日号號名岁歳")
_IDIOMS = frozenset("十分 千万 万一 百万 一千 一百 十一 九十九 万万 千千 一万 七七 八十".split())


def numeral_value(text: str, digits: dict[str, int] | None = None) -> float | None:
    """The value of a numeral: ``二〇二三`` is 2023, ``十五`` is 15, ``一万二千`` is 12,000; None
    if it has none."""
    table = DIGITS if digits is None else digits
    if all(character in table for character in text):
        return float("".join(str(table[character]) for character in text))
    total, section, current = 0, 0, -1
    for character in text:
        if character in table:
            if current > 0:
                return None
            current = table[character]
            continue
        unit = UNITS[character]
        if unit >= 10**4:
            section += max(current, 0)
            total = (total + (section or 1)) * unit if 0 < total < unit else total + (section or 1) * unit
            section = 0
        else:
            section += (1 if current < 0 else current) * unit
        current = -1
    return float(total + section + max(current, 0))


def surely_counts(text: str, after: str) -> bool:
    """Whether the numeral before the character ``after`` is a number and no part of a word or a saying."""
    if text in _IDIOMS:
        return after in _SURE_AFTER_ONE
    units = sum(character in UNITS for character in text)
    if len(text) == 1:
        return after in _SURE_AFTER_ONE and text in "三四五六七八九"
    if not units:
        # 七八 is "seven or eight": only years and long rows of digits are read digit by digit.
        return len(text) >= 4 and after in COUNTED
    return after in COUNTED and not (len(text) == 2 and after == "分")
