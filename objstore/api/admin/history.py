"""GET /history: what was counted, over a time; GET /history/series: what there is to ask for."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from objstore.api.admin.state import AdminState, admin_state
from objstore.api.picture.flows import TTFB, percentile
from objstore.api.picture.spans import rest_of, stretch
from objstore.meta.history_samples import Point, Samples, Span
from objstore.model import clock
from objstore.model.series import BY_CODE, BY_NAME, HOUR, HOURLY, KEPT_SECONDS, MINUTE, SOURCES

router = APIRouter(tags=["picture"])
State = Annotated[AdminState, Depends(admin_state)]
SERIES_MAX, LINES_MAX = 16, 64
PERCENTILE = "ttfb_p99"
_SECONDS_MAX = KEPT_SECONDS[HOUR]


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


@router.get("/history")
async def get_history(
    state: State,
    series: Annotated[str, Query(description="Names, separated by commas.", max_length=1000)],
    begin: Annotated[datetime | None, Query(alias="from", description="An hour ago, unless it is said.")] = None,
    end: Annotated[datetime | None, Query(alias="to", description="Now, unless it is said.")] = None,
    label: Annotated[str | None, Query(description="Only lines of this label.", max_length=200)] = None,
    step: Annotated[int, Query(ge=0, le=366 * 86400, description="At least so many seconds a point.")] = 0,
) -> HistoryAnswer:
    """Lines of at most 500 points: of 10 s for an hour, of minutes for a week, of hours for years."""
    names = _names(series)
    now = clock.now_seconds()
    until = min(now, end.timestamp()) if end else now
    since = begin.timestamp() if begin else until - HOUR
    since = max(since, now - _SECONDS_MAX)
    if since >= until:
        raise HTTPException(422, "from has to be before to, and not in the future")
    codes = [TTFB if name == PERCENTILE else BY_NAME[name].code for name in names]
    longest = HOUR if all(code in HOURLY for code in codes) else MINUTE
    span, every = stretch(since, until, step, now, longest)
    points = await _points(Samples(state.database), codes, span, every, now)
    lines = [*_plain(points, every), *_percentiles(points, every)]
    wanted = [line for line in lines if line.points and (label is None or line.label == label)]
    return HistoryAnswer(
        begun=datetime.fromtimestamp(span.start, UTC),
        to=datetime.fromtimestamp(span.end, UTC),
        step_seconds=every,
        series=wanted[:LINES_MAX],
        truncated=len(wanted) > LINES_MAX,
    )


async def _points(samples: Samples, codes: Sequence[int], span: Span, every: int, now: float) -> list[Point]:
    """Of the span's own steps, and of shorter ones where these are not there yet: only stretches that have ended."""
    found = await samples.points(codes, span, every)
    rest = rest_of(span, every, now)
    if rest is None:
        return found
    after = max((point.start for point in found), default=0)
    more = await samples.points(codes, rest, every)
    if after >= rest.start:  # the last one may be only a part of its stretch
        found = [point for point in found if point.start < after]
    return found + [point for point in more if point.start >= after and point.start + every <= now]


def _names(text: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in names:
        if name == "ttfb" or (name != PERCENTILE and name not in BY_NAME):
            raise HTTPException(422, f"there is no series {name!r}: see /history/series")
    if not 1 <= len(names) <= SERIES_MAX:
        raise HTTPException(422, f"name 1 to {SERIES_MAX} series")
    return names


def _plain(points: Iterable[Point], every: int) -> list[Line]:
    lines: dict[tuple[int, str], Line] = {}
    for point in points:
        if point.series == TTFB:
            continue
        one = BY_CODE[point.series]
        line = lines.setdefault(
            (point.series, point.label),
            Line(name=one.name, label=point.label, kind=_kind(one.is_level), unit=one.unit, points=[]),
        )
        value = point.value if one.is_level else point.value / every
        line.points.append((point.start, round(value, 3)))
    return list(lines.values())


def _percentiles(points: Iterable[Point], every: int) -> list[Line]:
    counts: dict[str, dict[int, dict[float, float]]] = {source: {} for source in SOURCES}
    for point in points:
        source, _, bound = point.label.partition(":")
        if point.series == TTFB and source in counts:
            counts[source].setdefault(point.start, {})[float(bound)] = point.value
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
