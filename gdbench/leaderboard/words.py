"""Text of records on its way into a page, a file name, a feed: whatever it is, it stays text."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote, urlsplit

from markupsafe import Markup

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]")
_PLAIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
LONG = 600
MINUS = "\N{MINUS SIGN}"
PLUS_MINUS = "\N{PLUS-MINUS SIGN}"
DASH = "\N{EN DASH}"


def typeset(text: str) -> str:
    """A number with a real minus sign."""
    return text.replace("-", MINUS)


def with_code(text: str) -> Markup:
    """Our own words, in which names stand between backticks, with these as code."""
    parts = map(str, map(clean, text.split("`")))
    return Markup().join(
        Markup("<code>{}</code>").format(part) if k % 2 else part for k, part in enumerate(parts)
    )


def clean(value: object) -> object:
    """A string without characters that HTML or XML forbid (each becomes U+FFFD)."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)
    return value


def shorten(text: str, limit: int = LONG) -> str:
    """At most `limit` characters, and a word about the rest."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\N{HORIZONTAL ELLIPSIS} ({len(text) - limit:,} more characters)"


def file_name(text: str) -> str:
    """A safe, stable file name: the text where it is plain, else what is plain of it and a hash."""
    if _PLAIN.fullmatch(text):
        return text
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower())[:32].strip("-")
    return f"{plain or 'x'}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"


def web_link(text: str) -> str:
    """The text where it is an http or https address, else nothing."""
    if _CONTROL.search(text) or any(c.isspace() for c in text):
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in ("http", "https") and parts.netloc else ""


def path_quote(path: str) -> str:
    """A relative path as a URL."""
    return quote(path, safe="/~+@")
