"""/buckets/{bucket}/extended-rules: rules that AWS's XML cannot say, replaced as a whole as that document is."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.buckets import Buckets
from objstore.model.errors import NoSuchBucket
from objstore.model.extended_rules import ExtendedRule, KeepLast, TierFull, check_rules
from objstore.model.lifecycle import RULES_MAX, SETTING, Filter, from_json, to_json
from objstore.model.tiers import HOT

router = APIRouter(tags=["lifecycle"])
State = Annotated[AdminState, Depends(admin_state)]
_EXTENDED = "extended"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class FilterModel(_Part):
    """Which objects; all that is said must hold. Sizes in bytes, both exclusive."""

    prefix: str = Field("", alias="Prefix", max_length=1024)
    tags: dict[str, str] = Field({}, alias="Tags", max_length=10)
    larger_than: int | None = Field(None, alias="ObjectSizeGreaterThan", ge=0)
    smaller_than: int | None = Field(None, alias="ObjectSizeLessThan", ge=1)


class TierFullModel(_Part):
    """Percent of a tier's capacity: above ``High`` the coldest objects go until ``Low`` is left."""

    high: float = Field(alias="High")
    low: float = Field(alias="Low")
    tier: str = Field(HOT, alias="Tier")

    def full(self) -> TierFull:
        """As the engine knows it."""
        return TierFull(self.high, self.low, self.tier)


class KeepLastModel(_Part):
    """Steps below the filter's prefix that stay: the last ones, and every so many-th from the first on."""

    last: int = Field(alias="Last")
    every: int | None = Field(None, alias="Every")

    def keep(self) -> KeepLast:
        """As the engine knows it."""
        return KeepLast(self.last, self.every)


class RuleModel(_Part):
    """All conditions must hold; then the object goes to ``StorageClass``, or expires with ``Expire``. ``Versions``:
    without it current ones, and with ``TierFullPercent`` all."""

    id: str = Field(alias="ID")
    status: Literal["Enabled", "Disabled"] = Field(alias="Status")
    filter: FilterModel = Field(FilterModel(), alias="Filter")  # type: ignore[call-arg]
    days: int | None = Field(None, alias="Days")
    hours: int | None = Field(None, alias="Hours")
    last_access_days: int | None = Field(None, alias="LastAccessDays")
    access_count_less_than: float | None = Field(None, alias="AccessCountLessThan")
    tier_full: TierFullModel | None = Field(None, alias="TierFullPercent")
    keep_last: KeepLastModel | None = Field(None, alias="KeepLast")
    storage_class: str | None = Field(None, alias="StorageClass")
    expire: bool = Field(False, alias="Expire")
    versions: Literal["Current", "Noncurrent", "All"] | None = Field(None, alias="Versions")

    def rule(self) -> ExtendedRule:
        """As the evaluator knows it."""
        given = self.filter
        filter_ = Filter(given.prefix, tuple(given.tags.items()), given.larger_than, given.smaller_than)
        return ExtendedRule(
            self.id,
            self.status == "Enabled",
            filter_,
            self.days,
            self.hours,
            self.last_access_days,
            self.access_count_less_than,
            self.tier_full.full() if self.tier_full else None,
            self.keep_last.keep() if self.keep_last else None,
            self.storage_class,
            self.expire,
            self.versions,
        )

    @classmethod
    def of(cls, rule: ExtendedRule) -> "RuleModel":
        """Inverse of ``rule``."""
        found = {name: getattr(rule, name) for name in cls.model_fields if name not in ("status", "filter")}
        filter_ = to_json([rule.filter])[0] | {"tags": dict(rule.filter.tags)}
        parts = {name: to_json([found[name]])[0] for name in ("tier_full", "keep_last") if found[name] is not None}
        status = "Enabled" if rule.enabled else "Disabled"
        return cls.model_validate({**found, **parts, "status": status, "filter": filter_})


class RuleList(_Part):
    """In the order that they were given in."""

    rules: list[RuleModel] = Field(alias="Rules", max_length=RULES_MAX)


@router.get("/buckets/{bucket}/extended-rules", response_model_exclude_none=True)
async def get_rules(bucket: str, state: State) -> RuleList:
    """The bucket's extended rules."""
    found = await Buckets(state.database).get(bucket)
    if found is None:
        raise HTTPException(404, "there is no such bucket")
    kept = found.settings.get(SETTING, {}).get(_EXTENDED, ())
    return RuleList(Rules=[RuleModel.of(rule) for rule in from_json(kept, ExtendedRule)])


@router.put("/buckets/{bucket}/extended-rules", response_model_exclude_none=True)
async def put_rules(bucket: str, given: RuleList, state: State) -> RuleList:
    """Replace the bucket's extended rules; none removes them. 422 says which rule cannot be obeyed, and why."""
    rules = [model.rule() for model in given.rules]
    try:
        check_rules(rules)
    except ValueError as error:
        raise HTTPException(422, str(error)) from None
    await _replace(bucket, to_json(rules), state)
    return given


@router.delete("/buckets/{bucket}/extended-rules", status_code=204)
async def delete_rules(bucket: str, state: State) -> None:
    """Remove the bucket's extended rules; those of S3's own API stay."""
    await _replace(bucket, [], state)


async def _replace(bucket: str, rules: list[dict[str, Any]], state: AdminState) -> None:
    def change(known: dict[str, Any] | None) -> dict[str, Any] | None:
        others = {name: value for name, value in (known or {}).items() if name != _EXTENDED}
        return {**others, **({_EXTENDED: rules} if rules else {})} or None

    try:
        await Buckets(state.database).change_setting(bucket, SETTING, change)
    except NoSuchBucket:
        raise HTTPException(404, "there is no such bucket") from None
