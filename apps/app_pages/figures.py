"""Pictures and tables of the pages as HTML of our own: with words for those who do not see them, in light and dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import streamlit as st

from apps.app_logic.pictures import Pixels, data_url

_STYLE = """<style>
.fm-figures { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-end; }
.fm-figures.fm-row { flex-wrap: nowrap; }
.fm-figures figure { margin: 0; min-width: 0; }
.fm-figures img { display: block; height: auto; max-width: 100%; image-rendering: pixelated; border-radius: 4px;
  background: repeating-conic-gradient(#8882 0 25%, #8884 0 50%) 0 0 / 16px 16px; }
.fm-figures figcaption { font-size: 0.875rem; opacity: 0.85; margin-top: 0.25rem;
  overflow-wrap: anywhere; }
.fm-bars { border-collapse: collapse; width: 100%; max-width: 32rem; }
.fm-bars th, .fm-bars td { padding: 0.1rem 0.4rem; border: 0; font-weight: 400; text-align: left; white-space: nowrap; }
.fm-bars td:nth-child(2) { width: 100%; }
.fm-bars td:last-child { text-align: right; font-variant-numeric: tabular-nums; }
.fm-bars tr.fm-first th, .fm-bars tr.fm-first td { font-weight: 700; }
.fm-bar { display: block; height: 0.8rem; min-width: 1px; border-radius: 2px; background: #4c78a8; }
.fm-first .fm-bar { background: #f58518; }
.fm-bars caption { text-align: left; font-size: 0.875rem; opacity: 0.85; }
</style>"""


def figure(pixels: Pixels, words: str, caption: str, size: int) -> str:
    """A picture with words for those who do not see it, so many pixels on its longer side where there is room."""
    height, width = pixels.shape[:2]
    width = max(1, round(size * width / max(height, width)))
    return (
        f'<figure style="max-width: min({max(width, 88)}px, 100%)"><img src="{data_url(pixels)}" '
        f'alt="{escape(words)}" width="{width}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def show_figures(figures: Sequence[str], one_row: bool = False) -> None:
    """Figures side by side, in as many rows as they need, or in one, smaller where there is less room."""
    st.html(f'{_STYLE}<div class="fm-figures{" fm-row" if one_row else ""}">{"".join(figures)}</div>')


def show_probabilities(probabilities: Sequence[float], classes: Sequence[str], caption: str) -> None:
    """The probability of every class as a bar and a number, the highest first."""
    order = sorted(range(len(classes)), key=lambda k: -probabilities[k])
    rows = "".join(
        f'<tr{" class=fm-first" if place == 0 else ""}><th scope="row">{escape(classes[k])}</th>'
        f'<td aria-hidden="true"><span class="fm-bar" style="width: {100 * probabilities[k]:.1f}%"></span></td>'
        f"<td>{probabilities[k]:.1%}</td></tr>"
        for place, k in enumerate(order)
    )
    st.html(f'{_STYLE}<table class="fm-bars"><caption>{escape(caption)}</caption><tbody>{rows}</tbody></table>')
