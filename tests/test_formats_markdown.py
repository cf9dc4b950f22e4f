from __future__ import annotations

import pytest

from mtalign.document import BlockKind
from mtalign.formats import parse_document

SAMPLE = """\
---
title: 北约
---

# 제목 *강조*

첫 문단입니다.
둘째 줄입니다.

- 사과
  - 배
- 감

  이어지는 문단.

> 인용문의 첫 줄이고
> 둘째 줄입니다.

| 이름 | 값 |
|------|---:|
| 한\\|국 | 3.5% |
| 日本 | 3.5% |

```python
print("안녕")
```

    indented = code

<div>
<b>x</b>
</div>

밑줄 제목
---------

1. 하나
2. [링크](https://example.com/a_b) 와 `코드`

[ref]: https://example.com
"""


def blocks_of(text: str) -> list[tuple[str, str, int]]:
    document = parse_document(text.encode(), path="x.md", format="markdown", document_id="x")
    for block in document.blocks:
        assert document.text[block.start : block.end] == block.text
    return [(block.kind.value, block.text, block.level) for block in document.blocks]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_markdown_structure_becomes_blocks_with_exact_text(newline: str) -> None:
    found = blocks_of(SAMPLE.replace("\n", newline))
    assert [(kind, text.replace(newline, "\n"), level) for kind, text, level in found] == [
        ("data", "---\ntitle: 北约\n---", 0),
        ("heading", "제목 *강조*", 1),
        ("paragraph", "첫 문단입니다.\n둘째 줄입니다.", 0),
        ("list_item", "사과", 1),
        ("list_item", "배", 2),
        ("list_item", "감", 1),
        ("list_item", "이어지는 문단.", 1),
        ("quote", "인용문의 첫 줄이고\n> 둘째 줄입니다.", 0),
        ("cell", "이름", 0),
        ("cell", "값", 0),
        ("cell", "한\\|국", 0),
        ("cell", "3.5%", 0),
        ("cell", "日本", 0),
        ("cell", "3.5%", 0),
        ("code", '```python\nprint("안녕")\n```', 0),
        ("code", "indented = code", 0),
        ("data", "<div>\n<b>x</b>\n</div>", 0),
        ("heading", "밑줄 제목", 2),
        ("list_item", "하나", 1),
        ("list_item", "[링크](https://example.com/a_b) 와 `코드`", 1),
    ]


def test_the_first_heading_names_the_document() -> None:
    document = parse_document(
        "본문.\n\n## 제목 하나 ##\n".encode(), path="x", format="markdown", document_id="x"
    )
    assert document.title == "제목 하나"
    assert document.blocks[1].kind is BlockKind.HEADING
    assert document.blocks[1].text == "제목 하나"


def test_equal_cells_and_lines_keep_their_own_places() -> None:
    text = "가\n\n가\n\n| 가 | 가 |\n|---|---|\n| 가 | 가 |\n"
    document = parse_document(text.encode(), path="x", format="markdown", document_id="x")
    starts = [block.start for block in document.blocks]
    assert starts == sorted(set(starts))
    assert [text[block.start] for block in document.blocks] == ["가"] * 6


def test_an_unclosed_front_matter_is_no_data() -> None:
    assert blocks_of("---\n\n본문입니다.\n") == [("paragraph", "본문입니다.", 0)]


def test_prose_after_front_matter_with_another_fence_is_found() -> None:
    assert blocks_of("+++\ntitle = 'x'\n+++\n본문입니다.\n") == [
        ("data", "+++\ntitle = 'x'\n+++", 0),
        ("paragraph", "본문입니다.", 0),
    ]


@pytest.mark.parametrize("marker", ["> ", "- ", "1. ", "* > "])
@pytest.mark.parametrize("depth", [60, 1000])
def test_text_that_is_nested_too_deep_for_the_parser_is_not_lost(marker: str, depth: int) -> None:
    found = blocks_of(marker * depth + "깊은 글입니다.\n\n끝입니다.")
    assert [text.strip("> -*1.") for _, text, _ in found] == ["깊은 글입니다", "끝입니다"]


def test_a_footnote_of_one_word_is_no_link_reference() -> None:
    assert ("paragraph", "[^1]: 각주", 0) in blocks_of("본문[^1].\n\n[^1]: 각주\n")
