"""What a reader of ratings must know and would not see in the numbers, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from heedful.ratings import peers
from heedful.ratings.cells import Ints
from heedful.ratings.connections import Group
from heedful.ratings.fits import Fitted, Options
from heedful.ratings.tally import Tally

ANCHORS = {"fastchat": peers.FASTCHAT_ANCHOR, "fastchat-main": peers.FASTCHAT_MAIN_ANCHOR}
_SHORT = 0.005  # points


def notes(counted: Tally, parts: Sequence[Group], found: Fitted, options: Options) -> Iterator[str]:
    """The sentences, most important first."""
    yield from _connected(counted, parts, options)
    if found.flat:
        who = listed(counted.models, np.array(found.flat))
        yield f"only ties among {who}: that they are equal is all there is, and how sure it is cannot be told from ties"
    elif (width := found.high - found.low)[np.isfinite(width)].min(initial=1) < 1e-6:
        alike = np.flatnonzero(width < 1e-6)
        yield (
            f"the interval of {listed(counted.models, alike)} has no width, since all votes that could be drawn anew "
            "are alike or ties; it does not say that the rating is sure"
        )
    yield from _left_out(counted, options)
    if found.unbounded:
        yield (
            f"in {found.unbounded:,} of {options.resamples:,} resamples some model won or lost every vote; where these "
            "are more than the interval leaves out, a bound is missing"
        )
    yield from _peers(counted, found, options)


def listed(names: Sequence[str], numbers: Ints, most: int = 4) -> str:
    """Models for a sentence: ``a, b and 3 more``."""
    shown = [names[int(k)] for k in numbers[:most]]
    if len(numbers) > most:
        return f"{', '.join(shown)} and {len(numbers) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def _connected(counted: Tally, parts: Sequence[Group], options: Options) -> Iterator[str]:
    if len(parts) > 1:
        groups = "; ".join(listed(counted.models, p.members) for p in parts[:4]) + ("; ..." if len(parts) > 4 else "")
        yield (
            f"the votes fall into {len(parts)} groups that were never compared with each other ({groups}): each has a "
            "scale of its own, and ratings and ranks of different groups say nothing of each other"
        )
    for part in parts:
        for members, always, never, beyond in (
            (part.above, "won", "lost", "above"),
            (part.below, "lost", "won", "below"),
        ):
            if len(members):
                yield _infinite(listed(counted.models, members), always, never, beyond, options)
        if len(part.apart) and options.profile in ("heedful", "arena-rank"):
            yield _nothing_known(listed(counted.models, part.apart), bool(len(part.block)))
        elif len(part.apart):
            yield f"the votes set no finite distance for {listed(counted.models, part.apart)}; {_theirs(options)}"


def _infinite(who: str, always: str, never: str, beyond: str, options: Options) -> str:
    what = f"{who} only {always} and never {never} against the models {'under' if beyond == 'above' else 'over'} it"
    if options.profile in ("heedful", "arena-rank"):
        there = " (arena-rank prints where its solver happened to stop)" if options.profile == "arena-rank" else ""
        return f"{what}, so the most likely rating is infinite and none is shown{there}; the bound says what is known"
    return f"{what}, so the votes set no finite rating; {_theirs(options)}"


def _nothing_known(who: str, block: bool) -> str:
    if block:
        return f"the votes do not say where {who} stand against the rated models, so no rating is shown"
    return f"no ratings yet, more votes are needed: no two of {who} have both won and lost against each other"


def _theirs(options: Options) -> str:
    return {
        "fastchat": "the number shown comes of FastChat's penalty and says how many votes there were",
        "fastchat-main": "the number shown is where FastChat's solver stopped, and means nothing",
        "elo": "the number shown grows with each vote",
    }[options.profile]


def _left_out(counted: Tally, options: Options) -> Iterator[str]:
    named = options.profile == "arena-rank" if options.named is None else options.named
    repeated = options.profile != "heedful" if options.repeated is None else options.repeated
    if counted.themselves:
        yield f"{_votes(counted.themselves)} of a model against itself left out"
    if counted.named:
        yield f"{_votes(counted.named)} with the models' names shown " + ("counted" if named else "left out")
    if counted.repeated:
        what = f"{_votes(counted.repeated)} repeated (same judge, models, and question or time)"
        yield f"{what}, counted as {options.profile} does" if repeated else f"{what}, of which the first one counts"
    if counted.unstyled:
        yield f"{_votes(counted.unstyled)} without conversations or counts left out: their style is not known"


def _votes(count: int) -> str:
    return f"{count:,} vote" + ("" if count == 1 else "s")


def _peers(counted: Tally, found: Fitted, options: Options) -> Iterator[str]:
    usual = ANCHORS.get(options.profile)
    if usual and not options.anchors and usual[0] in counted.models:
        yield f"{usual[0]} is set to {usual[1]:g}, as FastChat does"
    if found.short > _SHORT:
        yield (
            f"FastChat's solver stops {found.short:.2f} points before its own maximum at most, and so does this profile"
        )
    if options.profile == "fastchat" and options.style:
        yield "FastChat's package has no style control, so this is that of its later code (fastchat-main)"
    if options.profile == "elo":
        yield (
            "Elo depends on the order of the votes, here by "
            + ("tstamp" if counted.timed else "their place in the file, since not all have a tstamp")
        )
