"""/buckets/{bucket}/lifecycle: all rules of a bucket, AWS's and ours, in one JSON document.

Its ETag says which rules these are. Who changes what was read sends it back as ``If-Match``, and is told when somebody
else has changed the rules meanwhile.
"""

import asyncio
import hashlib
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header, HTTPException, Response
from pydantic import BaseModel, ConfigDict, Field

from objstore.api.admin.aws_rules import AwsRules, Minimum, read, shown
from objstore.api.admin.extended_rules import RuleModel
from objstore.api.admin.state import AdminState, admin_state
from objstore.meta.buckets import Buckets
from objstore.model.errors import NoSuchBucket
from objstore.model.extended_rules import ExtendedRule, check_rules
from objstore.model.lifecycle import MINIMUM_FOR_ALL, RULES_MAX, SETTING, from_json, to_json
from objstore.model.objects import Bucket

router = APIRouter(tags=["lifecycle"])
State = Annotated[AdminState, Depends(admin_state)]
IfMatch = Annotated[str | None, Header(description="Only if the rules still have this ETag: else 412.")]
AWS_PARTS = ("xml", "rules", "transition_default_minimum_object_size")
EXTENDED = "extended"


class Configuration(BaseModel):
    """``Rules`` as boto3 takes them, ``ExtendedRules`` as /extended-rules does."""

    model_config = ConfigDict(extra="forbid")

    Rules: AwsRules | None = None
    ExtendedRules: Annotated[list[RuleModel], Field(max_length=RULES_MAX)] | None = None
    TransitionDefaultMinimumObjectSize: Minimum = "all_storage_classes_128K"

    async def settings(self) -> dict[str, Any]:
        """What is kept in the bucket's settings. Raises HTTPException (422), which says what cannot be obeyed."""
        return await asyncio.to_thread(self._settings)  # some 50 µs a rule, and there may be a thousand

    def _settings(self) -> dict[str, Any]:
        try:
            kept: dict[str, Any] = {}
            if self.Rules:
                rules, document = read(self.Rules)
                kept |= dict(zip(AWS_PARTS, (document, to_json(rules), self.minimum), strict=True))
            if self.ExtendedRules:
                extended = self.extended()
                check_rules(extended)
                kept[EXTENDED] = to_json(extended)
        except ValueError as error:
            raise HTTPException(422, str(error)) from None
        return kept

    @property
    def minimum(self) -> str:
        """Whether archives take small objects too."""
        return self.TransitionDefaultMinimumObjectSize

    def extended(self) -> list[ExtendedRule]:
        """Our own rules."""
        return [model.rule() for model in self.ExtendedRules or ()]


@router.get("/buckets/{bucket}/lifecycle", response_model_exclude_none=True, response_model_exclude_unset=True)
async def get_lifecycle(bucket: str, state: State, response: Response) -> Configuration:
    """Every rule of a bucket; empty lists if there are none."""
    return await _shown(await bucket_named(bucket, state), response)


@router.put("/buckets/{bucket}/lifecycle", response_model_exclude_none=True, response_model_exclude_unset=True)
async def put_lifecycle(
    bucket: str, given: Configuration, state: State, response: Response, if_match: IfMatch = None
) -> Configuration:
    """Replace the lists that are given; one that is not stays as it is, an empty one removes its rules."""
    if given.Rules is None and given.ExtendedRules is None:
        raise HTTPException(422, "name Rules, ExtendedRules, or both")
    new = await given.settings()
    replaced = (AWS_PARTS if given.Rules is not None else ()) + ((EXTENDED,) if given.ExtendedRules is not None else ())

    def change(known: dict[str, Any] | None) -> dict[str, Any] | None:
        _check(known, if_match)
        return {**{name: value for name, value in (known or {}).items() if name not in replaced}, **new} or None

    return await _shown(await _change(bucket, change, state), response)


@router.delete("/buckets/{bucket}/lifecycle", status_code=204)
async def delete_lifecycle(bucket: str, state: State, if_match: IfMatch = None) -> None:
    """Remove every rule of a bucket, AWS's and ours."""

    def change(known: dict[str, Any] | None) -> None:
        _check(known, if_match)

    await _change(bucket, change, state)


async def bucket_named(name: str, state: AdminState) -> Bucket:
    """The bucket as it is now. Raises HTTPException (404)."""
    found = await Buckets(state.database).get(name)
    if found is None:
        raise HTTPException(404, f"there is no bucket {name!r}")
    return found


async def _shown(bucket: Bucket, response: Response) -> Configuration:
    kept = bucket.settings.get(SETTING, {})
    response.headers["etag"] = _etag(kept)
    return await asyncio.to_thread(_configuration_of, kept)


def _etag(kept: dict[str, Any] | None) -> str:
    """Of what is kept, whatever the order in which Postgres has it."""
    return f'"{hashlib.sha256(orjson.dumps(kept or {}, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]}"'


def _check(kept: dict[str, Any] | None, wanted: str | None) -> None:
    """Raises HTTPException (412) if somebody else has changed what is kept."""
    if wanted is not None and wanted.strip() not in ("*", _etag(kept)):
        raise HTTPException(412, "the rules have been changed meanwhile: read them again")


def _configuration_of(setting: dict[str, Any]) -> Configuration:
    """What is kept, as it was sent."""
    document, extended = setting.get("xml"), from_json(setting.get(EXTENDED, ()), ExtendedRule)
    return Configuration(
        Rules=shown(document) if document else [],
        ExtendedRules=[RuleModel.of(rule) for rule in extended],
        TransitionDefaultMinimumObjectSize=setting.get(AWS_PARTS[2], MINIMUM_FOR_ALL),
    )


async def _change(bucket: str, change: Any, state: AdminState) -> Bucket:
    try:
        return await Buckets(state.database).change_setting(bucket, SETTING, change)
    except NoSuchBucket:
        raise HTTPException(404, f"there is no bucket {bucket!r}") from None
