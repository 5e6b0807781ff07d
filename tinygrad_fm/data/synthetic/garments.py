"""Draw garments: ten kinds of clothing at 28×28, thousands at a time, every one different.

A canvas spans -1 … 1 in both directions, y downwards. A shape is a signed distance to its outline, positive inside,
and ``_fill`` turns it into ink with smooth edges. All canvases of a kind are drawn together: a parameter has shape
(n, 1, 1), the grid (1, 28, 28).

Only additions, multiplications, divisions and square roots are used, which IEEE 754 rounds alike everywhere, and random
bits of PCG64, whose stream NumPy guarantees: the same seed gives the same bytes on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Number = Array | float
Point = tuple[Any, Any]
Range = tuple[float, float]

SIDE = 28
_PIXELS_PER_UNIT = SIDE / 2


class _Easel:
    """n canvases: their coordinates, each placed a little differently, and a source of random numbers."""

    def __init__(self, n: int, bits: np.random.PCG64) -> None:
        self.n, self._bits = n, bits
        centre = (np.arange(SIDE, dtype=np.float32) - np.float32((SIDE - 1) / 2)) / np.float32(_PIXELS_PER_UNIT)
        down, across = centre[None, :, None], centre[None, None, :]
        self.row = down
        zoom = self.between(0.92, 1.12)
        self.y = down * zoom * self.between(0.95, 1.05) + self.between(-0.07, 0.07)
        self.x = across * zoom + self.between(-0.09, 0.09) + self.between(-0.09, 0.09) * down

    def between(self, low: float, high: float) -> Array:
        """A number for each canvas, (n, 1, 1) float32."""
        return self._uniform(self.n, low, high)[:, None, None]

    def chance(self, probability: float) -> Array:
        """1.0 with the given probability, else 0.0; (n, 1, 1) float32."""
        return (self.between(0, 1) < np.float32(probability)).astype(np.float32)

    def pick(self, probability: float, yes: Number, no: Number) -> Array:
        """``yes`` with the given probability, else ``no``."""
        return self.choose(self.chance(probability), yes, no)

    def choose(self, which: Array, yes: Number, no: Number) -> Array:
        return np.where(which > 0, yes, no).astype(np.float32)

    def turn_some(self) -> None:
        """Shoes point to the left as a rule; let a few point to the right."""
        self.x = self.x * self.pick(0.3, -1, 1)

    def grain(self) -> Array:
        """Noise for every pixel, about normal with variance 1; (n, 28, 28) float32."""
        raw = self._bits.random_raw(self.n * SIDE * SIDE // 2)
        quarters = raw.astype("<u8", copy=False).view("<u2").reshape(2, self.n, SIDE, SIDE)
        # A sum of two uniform numbers is a triangle: near enough to a bell, and exact in floating point.
        total = quarters[0].astype(np.float32) + quarters[1]
        return (total - np.float32(65535)) * np.float32(6**0.5 / 65536)

    def clouds(self, cells: int) -> Array:
        """Soft noise in -1 … 1: random values on a coarse grid, interpolated; (n, 28, 28) float32."""
        grid = self._uniform(self.n * (cells + 1) ** 2, -1, 1).reshape(self.n, cells + 1, cells + 1)
        place = np.arange(SIDE, dtype=np.float32) * np.float32(cells / SIDE)
        left = place.astype(np.int64)
        part = place - left.astype(np.float32)
        rows = grid[:, left] * (1 - part)[:, None] + grid[:, left + 1] * part[:, None]
        return rows[:, :, left] * (1 - part) + rows[:, :, left + 1] * part

    def _uniform(self, count: int, low: float, high: float) -> Array:
        top = (self._bits.random_raw(count) >> np.uint64(40)).astype(np.float32)  # 24 bits, all that a float32 holds
        return np.float32(low) + top * np.float32((high - low) / 2**24)


def draw(label: int, n: int, bits: np.random.PCG64) -> npt.NDArray[np.uint8]:
    """``n`` garments of class ``label`` (0 … 9, in Fashion-MNIST's order) as uint8 (n, 28, 28), light on black."""
    easel = _Easel(n, bits)
    ink = _KINDS[label](easel)
    mask = (ink > 0).astype(np.float32)
    # Photographs differ in exposure; dark cloth on black nearly vanishes.
    exposure = easel.between(0.65, 1.2)
    ink = (ink * exposure + easel.grain() * easel.between(0.01, 0.04)) * mask
    return (np.clip(ink, 0, 1) * np.float32(255) + 0.5).astype(np.uint8)


# Shapes: signed distances, positive inside.


def _fill(distance: Array) -> Array:
    """Ink 0 … 1 of a shape, its edge one pixel wide."""
    return np.clip(distance * np.float32(_PIXELS_PER_UNIT) + 0.5, 0, 1)


def _line(distance: Array, width: Number) -> Array:
    """Ink of a line along the zero of ``distance``."""
    return _fill(width - np.abs(distance))


def _all(*distances: Array) -> Array:
    """The intersection of shapes."""
    result = distances[0]
    for distance in distances[1:]:
        result = np.minimum(result, distance)
    return result


def _path(t: Array, *knots: tuple[Number, Number]) -> Array:
    """The polyline through ``knots`` (position, value) at positions ``t``, constant beyond its ends."""
    (start, value), *rest = knots
    result = value + np.zeros_like(t)
    for end, target in rest:
        length = np.maximum(np.subtract(end, start), np.float32(1e-3))
        result = result + np.clip(t - start, 0, length) * (np.subtract(target, value) / length)
        start, value = end, target
    return result.astype(np.float32)


def _ellipse(x: Array, y: Array, radius_x: Number, radius_y: Number) -> Array:
    """About the distance to an ellipse round the origin."""
    return (1 - np.sqrt((x / radius_x) * (x / radius_x) + (y / radius_y) * (y / radius_y))) * np.minimum(radius_x, radius_y)


def _stroke(x: Array, y: Array, begin: Point, end: Point, widths: Point) -> Array:
    """A straight stroke from ``begin`` to ``end``; ``widths`` are its half-widths there."""
    dx, dy = end[0] - begin[0], end[1] - begin[1]
    t = np.clip(((x - begin[0]) * dx + (y - begin[1]) * dy) / (dx * dx + dy * dy), 0, 1)
    away_x, away_y = x - begin[0] - t * dx, y - begin[1] - t * dy
    return widths[0] + t * (widths[1] - widths[0]) - np.sqrt(away_x * away_x + away_y * away_y)


def _wave(t: Array) -> Array:
    """A triangle wave of period 1 between -1 and 1."""
    return np.abs(t - np.floor(t) - 0.5) * 4 - 1


# Garments.


def _cloth(e: _Easel, stripes: float, print_: float) -> Array:
    """The brightness of a piece of cloth: folds, and with the given probabilities stripes or checks and a print."""
    tone = e.between(0.3, 1.0) + e.between(0.03, 0.2) * e.clouds(4)
    across, along = e.chance(stripes), e.chance(stripes)
    depth = e.between(0.1, 0.4)
    tone = tone * (1 - across * depth * _wave(e.y * e.between(1.5, 4) + e.between(0, 1)))
    tone = tone * (1 - along * depth * _wave(e.x * e.between(2, 5) + e.between(0, 1)))
    motif = _fill(_ellipse(e.x, e.y + e.between(-0.1, 0.35), e.between(0.12, 0.3), e.between(0.1, 0.35)))
    tone = tone + e.chance(print_) * motif * e.between(-0.6, 0.5) * (1 + e.clouds(9))
    return np.clip(tone, 0.08, 1)


class _Cut(NamedTuple):
    """What tells the four kinds of top apart: ranges to draw from, and probabilities."""

    bottom: Range
    shoulder: Range
    hem: Range  # relative to the waist
    neck: Range
    arm: Range
    tail: Range  # how much rounder the lower edge is
    long_sleeves: float
    stripes: float
    print_: float


# The ranges overlap on purpose: these are the classes that people confuse as well.
_TEE = _Cut((0.70, 0.95), (0.40, 0.56), (0.92, 1.15), (0.14, 0.30), (0.10, 0.17), (0.0, 0.0), 0.06, 0.15, 0.5)
_PULLOVER = _Cut((0.64, 0.92), (0.42, 0.56), (0.92, 1.15), (0.12, 0.24), (0.10, 0.17), (0.0, 0.0), 0.94, 0.25, 0.2)
_COAT = _Cut((0.78, 1.0), (0.42, 0.56), (0.95, 1.25), (0.12, 0.24), (0.10, 0.17), (0.0, 0.0), 0.97, 0.08, 0.05)
_SHIRT = _Cut((0.74, 0.98), (0.40, 0.56), (0.92, 1.15), (0.12, 0.24), (0.08, 0.13), (0.0, 0.55), 0.72, 0.3, 0.05)


def _top(e: _Easel, cut: _Cut) -> Array:
    """A torso with two sleeves and a neck, and what marks the kind."""
    side = np.abs(e.x)
    top, bottom = e.between(-0.95, -0.78), e.between(*cut.bottom)
    shoulder, neck = e.between(*cut.shoulder), e.between(*cut.neck)
    waist = shoulder * e.between(0.80, 1.02)
    drop = top + e.between(0.10, 0.22)  # where the shoulder line meets the sleeve
    width = _path(e.y, (top, neck), (drop, shoulder), (drop + 0.5, waist), (bottom, waist * e.between(*cut.hem)))
    torso = _fill(_all(width - side, e.y - top, bottom - e.x * e.x * e.between(*cut.tail) - e.y))
    sleeves, wrist = _sleeves(e, cut, shoulder, drop, bottom)

    seam = sleeves * _line(side - width, 0.035) * (e.y > drop + 0.2)
    ink = np.maximum(torso, sleeves) * _cloth(e, cut.stripes, cut.print_) * (1 - e.between(0.15, 0.7) * seam)
    plain = cut in (_TEE, _PULLOVER)
    depth = e.between(0.08, 0.22) + (e.chance(0.25) * e.between(0.0, 0.3) if plain else 0)
    opening = _ellipse(e.x, e.y - top, neck, depth)
    ink = ink + _line(opening, 0.05) * torso * (e.between(-0.25, 0.25) if plain else e.between(-0.1, 0.1))
    if not plain:
        ink = _front(e, ink, torso, top, coat=cut is _COAT)
    if cut is _PULLOVER:
        cuffs = _fill(e.y - wrist + e.between(0.05, 0.15)) * sleeves
        ribs = np.maximum(_fill(e.y - bottom + e.between(0.08, 0.2)), cuffs)
        ink = ink * (1 - e.chance(0.7) * ribs * e.between(0.1, 0.45))
    # Through the neck one sees the inside of the back, darker, or nothing.
    return np.maximum(ink, 0) * (1 - _fill(opening) * e.pick(0.5, 1.0, e.between(0.3, 0.8)))


def _sleeves(e: _Easel, cut: _Cut, shoulder: Array, drop: Array, bottom: Array) -> tuple[Array, Array]:
    """Both sleeves, and how far down they reach. Long ones hang, short ones stand off."""
    long_ = e.chance(cut.long_sleeves)
    reach = e.choose(long_, e.between(1.15, 1.6), e.between(0.28, 0.6))
    spread = e.choose(long_, e.between(0.10, 0.32), e.between(0.20, 0.42))
    one_side = e.choose(e.x > 0, 1, -1) * e.between(-0.06, 0.06)
    wrist = np.minimum(drop + reach, bottom + e.between(-0.2, 0.05))
    arm = e.between(*cut.arm)
    begin, end = (shoulder - 0.10, drop + 0.08), (shoulder + spread + one_side, wrist)
    return _fill(_stroke(np.abs(e.x), e.y, begin, end, (arm * e.between(1.0, 1.35), arm))), wrist


def _front(e: _Easel, ink: Array, torso: Array, top: Array, coat: bool) -> Array:
    """Collar or lapels, the line where the front closes, buttons and pockets."""
    middle = e.x + e.between(-0.06, 0.06)
    collar_end = top + (e.between(0.25, 0.7) if coat else e.between(0.15, 0.32))
    begin, end = (e.between(0.14, 0.26), top), (0.03, collar_end)
    lapels = _fill(_stroke(np.abs(middle), e.y, begin, end, (e.between(0.05, 0.1), 0.04))) * torso
    light, dark = e.between(0.12, 0.5), e.between(-0.48, -0.12)
    ink = ink + lapels * e.pick(0.5 if coat else 0.75, light, dark) * e.chance(0.9)
    below = torso * _fill(e.y - collar_end)
    closing = _line(middle, e.between(0.015, 0.05) if coat else e.between(0.01, 0.03)) * below
    ink = ink * (1 - closing * e.between(0.3, 1.0 if coat else 0.7) * e.chance(0.92 if coat else 0.85))
    spots = _fill(e.between(-0.2, 0.35) - np.abs(_wave(e.y * e.between(1.8, 3.2))))
    ink = ink + spots * _line(middle + 0.04, 0.04) * below * e.between(-0.4, 0.4) * e.chance(0.6)
    pocket_y = e.between(0.15, 0.5) if coat else e.between(-0.3, -0.1)
    pockets = _line(e.y - pocket_y, 0.03) * _line(np.abs(middle) - 0.28, 0.12) * torso
    return ink * (1 - pockets * e.between(0.2, 0.6) * e.chance(0.5 if coat else 0.3))


def _trouser(e: _Easel) -> Array:
    top, bottom = e.between(-0.98, -0.85), e.between(0.75, 0.98)
    bottom = e.pick(0.12, e.between(-0.1, 0.4), bottom)  # shorts
    waist, hips = e.between(0.22, 0.36), e.between(0.28, 0.44)
    foot = hips * e.between(0.75, 1.2)
    crotch = e.between(-0.5, -0.15)
    side = np.abs(e.x)
    outer = _path(e.y, (top, waist), (crotch, hips), (bottom, foot)) - side
    gap = _path(e.y, (crotch, -0.05), (bottom, foot * e.between(0.12, 0.65))) - side
    ink = _fill(_all(outer, e.y - top, bottom - e.y, -gap)) * _cloth(e, 0.1, 0.0)
    belt = _line(e.y - top - 0.08, 0.04)
    crease = _line(side - foot * 0.6, 0.03) * e.between(-0.3, 0.2)
    return ink * (1 - belt * e.between(0.0, 0.5)) * (1 + crease)


def _dress(e: _Easel) -> Array:
    side = np.abs(e.x)
    top, bottom = e.between(-0.98, -0.88), e.between(0.65, 0.98)
    bust, waist = e.between(0.24, 0.38), e.between(0.18, 0.34)
    hem = e.pick(0.6, e.between(0.25, 0.42), e.between(0.4, 0.7))
    chest = top + e.between(0.15, 0.4)
    strap = e.between(0.12, 0.28)
    waist_y = e.between(-0.35, 0.0)
    width = _path(e.y, (top, strap), (chest, bust), (waist_y, waist), (bottom, hem))
    body = _all(width - side, e.y - top, bottom - e.y)
    opening = _ellipse(e.x, e.y - top, strap * e.between(0.55, 0.9), e.between(0.1, 0.45))
    has_sleeves = e.chance(0.35)
    reach = e.pick(0.4, e.between(0.7, 1.1), e.between(0.2, 0.45))
    begin, end = (bust - 0.06, chest - 0.05), (bust + e.between(0.08, 0.22), chest + reach)
    sleeves = _fill(_stroke(side, e.y, begin, end, (e.between(0.08, 0.12), e.between(0.06, 0.1)))) * has_sleeves
    ink = np.maximum(_fill(body) * (1 - _fill(opening) * e.between(0.6, 1.0)), sleeves) * _cloth(e, 0.25, 0.15)
    belt = _line(e.y - waist_y, 0.05) * e.chance(0.4) * e.between(-0.4, 0.6)
    pleats = _wave(e.x / (width + 0.1) * e.between(1.5, 3.5)) * _fill(e.y - waist_y) * e.chance(0.4)
    return ink * (1 - belt) * (1 + pleats * e.between(0.05, 0.3))


def _sandal(e: _Easel) -> Array:
    """A sole, flat or with a heel, and what shows of a foot's outline through straps."""
    e.turn_some()
    toe, back = e.between(-0.98, -0.85), e.between(0.78, 0.98)
    ground = e.between(0.32, 0.6)
    high = e.chance(0.4)
    heel = high * e.between(0.3, 0.85)
    under = _path(e.x, (toe + 0.55, 0.0), (back - 0.35, heel))  # how far the sole is above the ground
    thick = e.between(0.07, 0.16) + (1 - high) * e.between(0.0, 0.12)
    sole = _all(ground - under - e.y, e.y - ground + under + thick, e.x - toe, back - e.x)
    depth = e.pick(0.5, e.between(0.08, 0.16), e.between(0.2, 0.5))
    block = _all(e.x - back + depth, back - e.x, ground - e.y, e.y - ground + heel)
    tone = e.between(0.35, 1.0)
    ink = np.maximum(_fill(sole), _fill(block)) * tone

    rise = e.between(0.15, 0.35)
    ankle = e.pick(0.6, e.between(0.45, 0.9), e.between(0.1, 0.35))  # with or without something round the ankle
    instep = _path(e.x, (toe + 0.1, 0.0), (toe + 0.5, rise), (0.15, rise + 0.1), (back - 0.2, ankle))
    foot = under + thick + instep
    inside = _all(e.y - ground + foot, ground - under - e.y, e.x - toe, back - e.x)
    straps = np.zeros_like(ink)
    for place in (-0.5, 0.0, 0.5):
        slant = e.x + e.y * e.between(-0.7, 0.9) - place - e.between(-0.2, 0.2)
        straps = np.maximum(straps, _line(slant, e.between(0.03, 0.12)) * e.chance(0.75) * e.between(0.5, 1.0))
    edge = _line(e.y - ground + foot - 0.05, e.between(0.03, 0.07)) * _fill(e.x - e.between(-0.9, 0.3)) * e.chance(0.85)
    return np.maximum(ink, np.maximum(straps, edge) * _fill(inside) * (tone + e.between(-0.3, 0.3)))


def _shoe(e: _Easel, boot: bool) -> Array:
    """Sneaker or ankle boot from the side: an upper between a top line and the ground, and a sole."""
    e.turn_some()
    toe, back = e.between(-0.98, -0.85), e.between(0.75, 0.98)
    ground = e.between(0.55, 0.92) if boot else e.between(0.30, 0.58)
    toe_height = e.between(0.15, 0.34)
    shaft = e.between(1.0, 1.65) if boot else e.between(0.45, 0.9)
    opening = e.between(-0.15, 0.2) if boot else e.between(-0.15, 0.35)
    heel = e.chance(0.5 if boot else 0.03) * e.between(0.1, 0.4)
    instep = toe_height + (shaft - toe_height) * e.between(0.15, 0.45)
    height = _path(
        e.x,
        (toe, toe_height * 0.6),
        (toe + 0.2, toe_height),
        (opening - e.between(0.1, 0.35), instep),
        (opening, shaft * e.between(0.9, 1.0)),
        (back, shaft),
    )
    under = _path(e.x, (toe + 0.5, 0.0), (back - 0.45, heel))
    dip = _ellipse(
        e.x - (opening + back) * 0.5, e.y - ground + shaft, (back - opening) * 0.5, e.between(0.03, 0.15 if boot else 0.25)
    )
    lean = back + (e.y - ground) * e.between(-0.05, 0.15)
    upper = _all(e.y - ground + height, ground - under - e.y, e.x - toe, lean - e.x)
    block = _all(e.x - back + e.between(0.2, 0.45), back - e.x, ground - e.y, e.y - ground + heel + 0.05)
    ink = np.maximum(_fill(upper) * (1 - _fill(dip) * e.between(0.5, 1.0)), _fill(block)) * _cloth(e, 0.08, 0.25)
    thickness = e.between(0.06, 0.2)
    tread = _fill(_all(e.y - ground + under + thickness, ground - under - e.y, e.x - toe, back - e.x))
    ink = ink + tread * (e.between(0.3, 1.0) - ink) * e.chance(0.45 if boot else 0.8)
    slant = e.x + e.y * e.between(0.5, 1.2)
    laces = _wave(slant * e.between(3, 6)) * _line(e.y - ground + height - 0.12, 0.12) * _line(e.x - opening + 0.25, 0.25)
    panel = _line(slant - e.between(-0.3, 0.8), e.between(0.03, 0.14)) * e.between(-0.6, 0.5) * e.chance(0.25 if boot else 0.6)
    return np.maximum(ink * (1 + panel * _fill(upper)) + laces * _fill(upper) * e.between(0.0, 0.35) * e.chance(0.7), 0)


def _bag(e: _Easel) -> Array:
    top, bottom = e.between(-0.5, 0.05), e.between(0.55, 0.95)
    upper, lower = e.between(0.55, 0.95), e.between(0.6, 0.98)
    side = np.abs(e.x)
    corner = e.between(0.0, 0.25)
    width = _path(e.y, (top, upper - corner), (top + corner + 0.02, upper), (bottom - corner, lower), (bottom, lower - corner))
    body = _all(width - side, e.y - top, bottom - e.y)
    ink = _fill(body) * _cloth(e, 0.15, 0.2)
    flap = _line(e.y - top - (bottom - top) * e.between(0.2, 0.6), 0.03)
    ink = ink * (1 - flap * e.between(0.1, 0.7) * e.chance(0.7))
    buckle = _all(e.between(0.05, 0.15) - side, e.between(0.05, 0.12) - np.abs(e.y - (top + bottom) * 0.5))
    ink = ink + _fill(buckle) * _fill(body) * e.between(-0.5, 0.5) * e.chance(0.6)
    reach = np.maximum(top + e.between(0.75, 0.95), 0.12)
    ring = _ellipse(e.x, e.y - top, upper * e.between(0.35, 0.95), reach)
    handle = _line(ring, e.between(0.03, 0.08)) * (e.y < top + 0.03)
    return np.maximum(ink, handle * e.between(0.35, 0.95) * e.chance(0.85))


_KINDS: tuple[Callable[[_Easel], Array], ...] = (
    lambda e: _top(e, _TEE),
    _trouser,
    lambda e: _top(e, _PULLOVER),
    _dress,
    lambda e: _top(e, _COAT),
    _sandal,
    lambda e: _top(e, _SHIRT),
    lambda e: _shoe(e, boot=False),
    _bag,
    lambda e: _shoe(e, boot=True),
)
