"""What both kinds of page share: the template environment, the JSON block and the security policy."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import cache
from importlib import resources
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mtalign.report.compiled import CompiledTemplates
from mtalign.report.text import encode, number, percent, plural, visible
from mtalign.report.wording import (
    INTERVAL_MEANING,
    METRIC_MEANINGS,
    QUALITY_MEANING,
    SEVERITY_LABELS,
    STATUS_MEANINGS,
    duration,
    language_name,
    metric_value,
    sentences,
    shard_sentence,
)

_SURROGATES = re.compile("[\ud800-\udfff]")


def render(
    template: str,
    *,
    styles: tuple[str, ...],
    scripts: tuple[str, ...] = (),
    data: Any = None,
    **values: Any,
) -> bytes:
    """Render a page of ``assets/`` into one self-contained file.

    The scripts are put together into one function, so that their names stay among themselves. The page's
    policy allows the style sheet and the script that stand in it, by their SHA-256, and nothing else: no
    connection, no other script, no inline handler. A page with scripts may start a worker from text that it
    holds itself (``blob:``); the worker is under the same policy.
    """
    style = "".join(_asset(name) for name in styles)
    code = (
        '"use strict";\n(() => {\n' + "".join(_asset(name) for name in scripts) + "})();\n" if scripts else ""
    )
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_digest(style)}'",
            *((f"script-src '{_digest(code)}'", "worker-src blob:") if code else ("script-src 'none'",)),
            "base-uri 'none'",
            "form-action 'none'",
        )
    )
    page = _environment().get_template(template)
    # The assets are ours and hold no text of a document.
    text = page.render(
        policy=policy,
        style=Markup(style),  # noqa: S704
        script=Markup(code),  # noqa: S704
        data=Markup(json_block(data)),  # noqa: S704
        **values,
    )
    return encode(text)


def json_block(value: Any) -> str:
    """``value`` as JSON that cannot end the script element it stands in, nor a line of JavaScript."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    # UTF-8 cannot hold half a surrogate pair; JSON can.
    return _SURROGATES.sub(lambda half: f"\\u{ord(half.group()):04x}", text)


def path_reference(*names: str) -> str:
    """A relative reference to a file, whatever its name: percent-encoded, never with a scheme."""
    return "./" + "/".join(quote(name.encode("utf-8", "surrogatepass"), safe="") for name in names)


def fragment(**filters: str) -> str:
    """The fragment that opens a document's page with these filters."""
    return "#" + "&".join(f"{name}={quote(value, safe='')}" for name, value in filters.items())


def _asset(name: str) -> str:
    return (resources.files("mtalign.report") / "assets" / name).read_text(encoding="utf-8")


def _digest(content: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(content.encode("utf-8")).digest()).decode("ascii")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mtalign.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        bytecode_cache=CompiledTemplates(),
    )
    environment.filters.update(
        capitalize_first=lambda text: text[:1].upper() + text[1:],
        language_name=language_name,
        visible=visible,
        percent=percent,
        number=number,
        plural=plural,
        metric_value=metric_value,
        sentences=sentences,
        duration=duration,
        shard_sentence=shard_sentence,
    )
    environment.globals.update(
        path_reference=path_reference,
        fragment=fragment,
        severity_labels={severity.value: label for severity, label in SEVERITY_LABELS.items()},
        status_meanings={status.value: meaning for status, meaning in STATUS_MEANINGS.items()},
        metric_meanings=METRIC_MEANINGS,
        interval_meaning=INTERVAL_MEANING,
        quality_meaning=QUALITY_MEANING,
    )
    return environment
