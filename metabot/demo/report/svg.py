"""SVG elements as escaped markup: small pure functions, no state."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

Attribute = str | float | int | None


def number(value: float, digits: int = 2) -> str:
    """A coordinate as short text: no trailing zeros, never ``-0``.

    Example:
        >>> number(12.50), number(-0.001), number(3)
        ('12.5', '0', '3')
    """
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def tag(name: str, *children: str, **attributes: Attribute) -> Markup:
    """One element.

    Args:
        name: the element's name.
        children: markup, or text, which is escaped.
        attributes: None leaves one out; ``_`` in a name becomes ``-``, except at its end,
            where it only keeps clear of Python's keywords.

    Example:
        >>> str(tag("text", "a < b", x=1.5, text_anchor="end", class_="label"))
        '<text x="1.5" text-anchor="end" class="label">a &lt; b</text>'
    """
    parts = [Markup("<") + Markup(name)]
    for key, value in attributes.items():
        if value is None:
            continue
        text = value if isinstance(value, str) else number(value)
        parts.append(Markup(' {}="{}"').format(Markup(key.rstrip("_").replace("_", "-")), text))
    inside = Markup("").join(escape(child) for child in children)
    closing = Markup(">{}</{}>").format(inside, Markup(name)) if children else Markup("/>")
    return Markup("").join(parts) + closing


def picture(width: float, height: float, title: str, identifier: str, *children: str, class_: str = "") -> Markup:
    """A whole drawing that scales with its column and has a name for those who cannot see it.

    Args:
        width: of the drawing, in its own units.
        height: likewise.
        title: what the picture shows, in one sentence.
        identifier: unique in the page; ties the title to the drawing.
        children: what is drawn.
        class_: CSS classes.
    """
    return tag(
        "svg",
        tag("title", title, id=f"{identifier}-title"),
        *children,
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="img",
        aria_labelledby=f"{identifier}-title",
        class_=class_ or None,
    )


def points(pairs: Iterable[tuple[float, float]]) -> str:
    """Coordinates for ``<polyline points>``."""
    return " ".join(f"{number(x, 1)},{number(y, 1)}" for x, y in pairs)


def text(x: float, y: float, content: str, anchor: str = "start", class_: str = "label") -> Markup:
    """A line of text; `anchor` is ``start``, ``middle`` or ``end``."""
    return tag("text", content, x=x, y=y, text_anchor=anchor if anchor != "start" else None, class_=class_)
