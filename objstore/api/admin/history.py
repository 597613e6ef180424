"""GET /history: what was counted, over a time; GET /history/series: what there is to ask for."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from objstore.api.admin.state import AdminState, admin_state
from objstore.api.picture.flows import TTFB, percentile
from objstore.api.picture.spans import ROLLED_SECONDS, rest_of, stretch
from objstore.meta.database import Database
from objstore.meta.history_samples import Line as SampledLine
from objstore.meta.history_samples import Samples, Span
from objstore.model import clock
from objstore.model.series import BY_CODE, BY_NAME, DAY, HOUR, HOURLY, KEPT_SECONDS, MINUTE, SOURCES, TEN_MINUTES

router = APIRouter(tags=["picture"])
State = Annotated[AdminState, Depends(admin_state)]
SERIES_MAX, LINES_MAX = 16, 64
PERCENTILE = "ttfb_p99"
_SECONDS_MAX = KEPT_SECONDS[DAY]
Points = dict[tuple[int, str], list[tuple[int, float]]]  # by series and label


class SeriesInfo(BaseModel):
    """``kind``: of a rate values are a second; ``label``: what tells its lines apart."""

    name: str
    kind: Literal["rate", "level"]
    unit: str
    label: str
    text: str


class SeriesList(BaseModel):
    """Everything that is kept."""

    series: list[SeriesInfo]


class Line(BaseModel):
    """``points``: seconds since 1970 and value; stretches of which nothing is known are left out."""

    name: str
    label: str
    kind: Literal["rate", "level"]
    unit: str
    points: list[tuple[int, float]]


class HistoryAnswer(BaseModel):
    """``step_seconds``: how long a point is. ``truncated``: there are more lines."""

    model_config = ConfigDict(populate_by_name=True)

    begun: datetime = Field(serialization_alias="from")
    to: datetime
    step_seconds: int
    series: list[Line]
    truncated: bool


@router.get("/history/series")
async def list_series() -> SeriesList:
    """Names that /history takes."""
    found = [
        SeriesInfo(name=one.name, kind=_kind(one.is_level), unit=one.unit, label=one.label, text=one.text)
        for one in BY_NAME.values()
        if one.code != TTFB
    ]
    text = "Time to the first byte of reads that 99 of 100 stay below, at most."
    found.append(SeriesInfo(name=PERCENTILE, kind="level", unit="seconds", label="source", text=text))
    return SeriesList(series=found)


@router.get("/history", response_model=HistoryAnswer)
async def get_history(
    state: State,
    series: Annotated[str, Query(description="Names, separated by commas.", max_length=1000)],
    begin: Annotated[datetime | None, Query(alias="from", description="An hour ago, unless it is said.")] = None,
    end: Annotated[datetime | None, Query(alias="to", description="Now, unless it is said.")] = None,
    label: Annotated[str | None, Query(description="Only lines of this label.", max_length=200)] = None,
    step: Annotated[int, Query(ge=0, le=366 * 86400, description="At least so many seconds a point.")] = 0,
) -> Response:
    """Lines of at most 500 points: of 10 s for an hour, minutes for hours, ten for days, hours and days for years."""
    names = _names(series)
    now = clock.now_seconds()
    until = min(now, end.timestamp()) if end else now
    since = begin.timestamp() if begin else until - HOUR
    since = max(since, now - _SECONDS_MAX)
    if since >= until:
        raise HTTPException(422, "from has to be before to, and not in the future")
    codes = [TTFB if name == PERCENTILE else BY_NAME[name].code for name in names]
    key = ("history", tuple(codes), begin, end, label, step)
    return await state.kept.answer(key, lambda: lines_of(state.database, codes, since, until, step, label, now))


async def lines_of(
    database: Database, codes: Sequence[int], since: float, until: float, step: int, label: str | None, now: float
) -> HistoryAnswer:
    """Lines of some series; times in seconds since 1970."""
    samples = Samples(database)
    longest: int | None = DAY if all(code in HOURLY for code in codes) else MINUTE
    while longest is not None:
        span, every = stretch(since, until, step, now, longest)
        found = _by_line(await samples.lines(codes, span, every, label))
        longest = _instead(span, every, found)
    points = await _with_newest(samples, codes, found, span, every, label, now)
    lines = [*_plain(points, every), *_percentiles(points)]
    wanted = [line for line in lines if line.points and (label is None or line.label == label)]
    return HistoryAnswer(
        begun=datetime.fromtimestamp(span.start, UTC),
        to=datetime.fromtimestamp(span.end, UTC),
        step_seconds=every,
        series=wanted[:LINES_MAX],
        truncated=len(wanted) > LINES_MAX,
    )


def _instead(span: Span, every: int, found: Points) -> int | None:
    """The longest step of those to ask for in place of what was found; None: it is all that there is.

    Of the first day there are hours; of what was counted before there were steps of ten minutes, minutes.
    """
    if span.step == DAY and not found:
        return HOUR
    begin = min((points[0][0] for points in found.values()), default=span.end)
    return MINUTE if span.step == TEN_MINUTES and begin > span.start + every else None


async def _with_newest(
    samples: Samples, codes: Sequence[int], found: Points, span: Span, every: int, label: str | None, now: float
) -> Points:
    """With shorter steps where the span's own are not there yet: only stretches that have ended."""
    rest = rest_of(span, every, now)
    if rest is None:
        return found
    after = max((points[-1][0] for points in found.values()), default=0)
    if after >= rest.start:  # the last one may be only a part of its stretch
        for points in found.values():
            if points[-1][0] == after:
                points.pop()
    ended = now - ROLLED_SECONDS[rest.step] - every
    for line, points in _by_line(await samples.lines(codes, rest, every, label)).items():
        found.setdefault(line, []).extend(point for point in points if after <= point[0] <= ended)
    return found


def _by_line(lines: Iterable[SampledLine]) -> Points:
    return {(line.series, line.label): line.points for line in lines}


def _names(text: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name == "ttfb" or (name != PERCENTILE and name not in BY_NAME):
            raise HTTPException(422, f"there is no series {name!r}: see /history/series")
    if not 1 <= len(names) <= SERIES_MAX:
        raise HTTPException(422, f"name 1 to {SERIES_MAX} series")
    return names


def _plain(found: Points, every: int) -> list[Line]:
    lines = []
    for (code, label), points in found.items():
        if code != TTFB:
            one = BY_CODE[code]
            per = 1 if one.is_level else every
            shown = [(start, round(value / per, 3)) for start, value in points]
            lines.append(Line(name=one.name, label=label, kind=_kind(one.is_level), unit=one.unit, points=shown))
    return lines


def _percentiles(found: Points) -> list[Line]:
    counts: dict[str, dict[int, dict[float, float]]] = {source: {} for source in SOURCES}
    for (code, label), points in found.items():
        source, _, bound = label.partition(":")
        if code == TTFB and source in counts:
            for start, value in points:
                counts[source].setdefault(start, {})[float(bound)] = value
    return [
        Line(
            name=PERCENTILE,
            label=source,
            kind="level",
            unit="seconds",
            points=[(start, percentile(of, 0.99) or 0.0) for start, of in sorted(by_start.items())],
        )
        for source, by_start in counts.items()
    ]


def _kind(is_level: bool) -> Literal["rate", "level"]:
    return "level" if is_level else "rate"
