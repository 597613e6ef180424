"""AWS's lifecycle rules as JSON, in the form that boto3 and ``aws s3api`` take them.

What JSON alone can get wrong is said here in words; what AWS refuses is refused by the same code as in its XML.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from objstore.api.s3.lifecycle_rules import read_rules
from objstore.api.s3.xml_in import parse_input
from objstore.api.s3.xml_out import render
from objstore.model.errors import MalformedXML, RequestError
from objstore.model.lifecycle import MINIMUM_FOR_ALL, MINIMUM_VARIES, RULES_MAX, Rule
from objstore.model.waterfall import targets

_PUT, _GET = "PutBucketLifecycleConfiguration", "GetBucketLifecycleConfiguration"
Number = Annotated[int, Field(ge=0, lt=2**31)]


def _in_utc(moment: datetime) -> datetime:
    """A date without a zone is meant as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _known_class(name: str) -> str:
    if name not in targets():
        raise ValueError(f"one of {', '.join(sorted(targets()))}")
    return name


Date = Annotated[datetime, AfterValidator(_in_utc)]
TargetClass = Annotated[str, AfterValidator(_known_class)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Tag(_Part):
    """A tag that objects must have."""

    Key: str
    Value: str


class And(_Part):
    """At least two predicates, all of which must hold."""

    Prefix: str | None = None
    Tags: list[Tag] = []
    ObjectSizeGreaterThan: int | None = None
    ObjectSizeLessThan: int | None = None

    @model_validator(mode="after")
    def _several(self) -> "And":
        if len(self.model_fields_set - {"Tags"}) + len(self.Tags) < 2:
            raise ValueError("And: at least two of Prefix, Tags, ObjectSizeGreaterThan, ObjectSizeLessThan")
        return self


class AwsFilter(_Part):
    """Nothing (every object), or one predicate; several stand in And. Sizes in bytes, both exclusive."""

    Prefix: str | None = None
    Tag_: Tag | None = Field(None, alias="Tag")
    ObjectSizeGreaterThan: int | None = None
    ObjectSizeLessThan: int | None = None
    And_: And | None = Field(None, alias="And")

    @model_validator(mode="after")
    def _at_most_one(self) -> "AwsFilter":
        if len(self.model_fields_set) > 1:
            raise ValueError("Filter: one predicate; put several into And")
        return self


class AwsExpiration(_Part):
    """Exactly one of the three."""

    Date_: Date | None = Field(None, alias="Date")
    Days: Number | None = None
    ExpiredObjectDeleteMarker: bool | None = None

    @model_validator(mode="after")
    def _one(self) -> "AwsExpiration":
        if len(self.model_fields_set) != 1:
            raise ValueError("Expiration: exactly one of Date, Days, ExpiredObjectDeleteMarker")
        return self


class AwsTransition(_Part):
    """To another storage class, by age or from a date on."""

    StorageClass: TargetClass
    Days: Number | None = None
    Date_: Date | None = Field(None, alias="Date")

    @model_validator(mode="after")
    def _one(self) -> "AwsTransition":
        if ("Days" in self.model_fields_set) == ("Date_" in self.model_fields_set):
            raise ValueError("Transition: exactly one of Date and Days")
        return self


class AwsNoncurrentExpiration(_Part):
    """Noncurrent versions for good; ``NewerNoncurrentVersions`` of them stay."""

    NoncurrentDays: Number
    NewerNoncurrentVersions: int | None = None


class AwsNoncurrentTransition(AwsNoncurrentExpiration):
    """Noncurrent versions to another storage class."""

    StorageClass: TargetClass


class AwsAbort(_Part):
    """Uploads that were begun and not completed."""

    DaysAfterInitiation: Number


class AwsRule(_Part):
    """One rule of a lifecycle configuration; ``Filter``, or the older ``Prefix``, throughout the configuration."""

    ID: str | None = None
    Status: Literal["Enabled", "Disabled"]
    Prefix: str | None = None
    Filter: AwsFilter | None = None
    Expiration: AwsExpiration | None = None
    Transitions: list[AwsTransition] = []
    NoncurrentVersionExpiration: AwsNoncurrentExpiration | None = None
    NoncurrentVersionTransitions: list[AwsNoncurrentTransition] = []
    AbortIncompleteMultipartUpload: AwsAbort | None = None

    @model_validator(mode="after")
    def _has_a_scope(self) -> "AwsRule":
        if self.Filter is None and self.Prefix is None:
            raise ValueError('a rule has a Filter (all objects: "Filter": {})')
        return self


AwsRules = Annotated[list[AwsRule], Field(max_length=RULES_MAX)]
Minimum = Literal["all_storage_classes_128K", "varies_by_storage_class"]
assert set(Minimum.__args__) == {MINIMUM_FOR_ALL, MINIMUM_VARIES}  # type: ignore[attr-defined]


def read(given: list[AwsRule]) -> tuple[list[Rule], str]:
    """The rules, and the XML document that says the same. Raises ValueError, which says what is refused."""
    fields: list[dict[str, Any]] = [rule.model_dump(by_alias=True, exclude_unset=True) for rule in given]
    try:
        rules = read_rules(fields)
    except MalformedXML:
        raise ValueError("the rules do not have the form of an S3 lifecycle configuration") from None
    except RequestError as error:
        raise ValueError(str(error)) from None
    return rules, render(_GET, {"Rules": fields})[1].decode()


def shown(document: str) -> list[AwsRule]:
    """The rules of a stored document, as they were sent."""
    return [AwsRule.model_validate(rule) for rule in parse_input(_PUT, document.encode())["Rules"]]
