"""Identities in Postgres: changes take turns, nobody misses any, and gateways are told."""

import asyncio
from typing import Any

import pytest

from objstore.identity.directory import Directory
from objstore.identity.entity import Entity, Kind
from objstore.meta import identities as module
from objstore.meta.bulletin import Bulletin
from objstore.meta.database import Database
from objstore.meta.identities import Identities
from objstore.model import clock
from objstore.model.identity_errors import EntityAlreadyExists


def user(name: str, **body: Any) -> Entity:
    return Entity(f"AIDA{clock.random_bytes(8).hex()}", Kind.USER, "", name, clock.now().replace(microsecond=0), body)


def adding(name: str, **body: Any) -> Any:
    def work(directory: Directory) -> tuple[Entity, list[Entity]]:
        if directory.named(Kind.USER, "", name) is not None:
            raise EntityAlreadyExists
        made = user(name, **body)
        return made, [made]

    return work


def directory() -> Directory:
    return Directory("000000000000", "owner")


async def test_what_one_changes_another_sees(database: Database) -> None:
    identities, here, there = Identities(database), directory(), directory()
    made = await identities.change(here, adding("Ann", path="/x/", email=None))
    assert here.named(Kind.USER, "", "ann") == made
    assert there.named(Kind.USER, "", "ann") is None
    assert await identities.refresh(there)
    assert not await identities.refresh(there)
    assert there.named(Kind.USER, "", "ANN") == made
    assert there.epoch == here.epoch
    await identities.change(there, lambda known: (None, [made.named("Bob").having(path="/y/")]))
    await identities.refresh(here)
    assert here.named(Kind.USER, "", "ann") is None
    assert here.arn(here.get(made.id) or made) == "arn:aws:iam::000000000000:user/y/Bob"
    await identities.change(here, lambda known: (None, [made.deleted()]))
    await identities.refresh(there)
    assert there.get(made.id) is None


async def test_who_begins_reads_everything(database: Database) -> None:
    identities, here = Identities(database), directory()
    names = [f"one-of-many-{number}" for number in range(5)]
    for name in names:
        await identities.change(here, adding(name))
    fresh = directory()
    await identities.refresh(fresh)
    assert {one.id for one in fresh.everything()} == {one.id for one in here.everything()}


async def test_changes_take_turns(database: Database) -> None:
    """Of ten that want the same name one gets it, whatever they knew before."""
    identities, directories = Identities(database), [directory() for _ in range(10)]
    outcomes = await asyncio.gather(
        *[identities.change(one, adding("wanted")) for one in directories], return_exceptions=True
    )
    assert sum(isinstance(outcome, Entity) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, EntityAlreadyExists) for outcome in outcomes) == 9


async def test_what_fails_changes_nothing(database: Database) -> None:
    identities, here = Identities(database), directory()
    await identities.refresh(here)
    before = here.epoch

    def work(known: Directory) -> Any:
        raise EntityAlreadyExists

    with pytest.raises(EntityAlreadyExists):
        await identities.change(here, work)
    assert await identities.epoch() == before


async def test_who_missed_too_much_begins_anew(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EPOCHS_KEPT", 2)
    identities, here, late = Identities(database), directory(), directory()
    gone = await identities.change(here, adding("gone"))
    await identities.refresh(late)
    await identities.change(here, lambda known: (None, [gone.deleted()]))
    for number in range(5):
        await identities.change(here, adding(f"later-{number}"))
    assert not await database.fetch(_row_of(gone.id))
    await identities.refresh(late)
    assert late.get(gone.id) is None
    assert late.epoch == here.epoch


def _row_of(id_: str) -> Any:
    from sqlalchemy import literal_column, select

    from objstore.meta.identity_tables import identity
    from objstore.meta.statement import Statement

    return Statement(select(identity.c.id).where(identity.c.id == literal_column(f"'{id_}'")))


async def test_a_refresh_never_goes_back(database: Database) -> None:
    """A refresh that read before a change and ends after it leaves the change alone."""
    identities, here = Identities(database), directory()
    made = await identities.change(here, adding("steady"))
    for number in range(10):
        changed = made.having(number=number)
        await asyncio.gather(identities.refresh(here), identities.change(here, lambda known, it=changed: (None, [it])))
        assert (here.get(made.id) or made).body["number"] == number


class Hearing:
    """A gateway as the bulletin knows it."""

    def __init__(self, url: str) -> None:
        self.heard: list[tuple[str, str]] = []
        self.looks = 0
        self.bulletin = Bulletin(url, self.hear, self.look)

    async def hear(self, subject: str, name: str) -> None:
        await asyncio.sleep(0)
        self.heard.append((subject, name))

    async def look(self) -> None:
        self.looks += 1


async def test_a_change_is_known_everywhere_when_it_is_answered(database_url: str) -> None:
    gateways = [Hearing(database_url) for _ in range(3)]
    for one in gateways:
        await one.bulletin.start()
    await gateways[0].bulletin.announce("bucket", "a b")
    assert [one.heard for one in gateways] == [[("bucket", "a b")]] * 3
    await asyncio.gather(*[one.bulletin.announce("identity", "") for one in gateways])
    assert [len(one.heard) for one in gateways] == [4] * 3
    for one in gateways:
        await one.bulletin.close()


async def test_who_hears_nothing_looks(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("objstore.meta.bulletin.LOOK_SECONDS", 0.01)
    one = Hearing(database_url)
    await one.bulletin.start()
    session = one.bulletin._session
    assert session is not None
    session.terminate()
    await one.bulletin.announce("identity", "")  # nobody hears it, and nobody waits
    async with asyncio.timeout(20):
        while one.looks < 3 or one.bulletin._session is session:  # noqa: ASYNC110 - a look is no event
            await asyncio.sleep(0.01)
    await one.bulletin.announce("identity", "again")
    assert one.heard[-1] == ("identity", "again")
    await one.bulletin.close()
