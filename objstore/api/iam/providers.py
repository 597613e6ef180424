"""OpenID Connect providers: whose tokens AssumeRoleWithWebIdentity takes."""

import re

from objstore.api.iam.ask import Changed, IamAsk, Values, random_text, tag_list, tags_given
from objstore.identity.arn import provider_arn
from objstore.identity.directory import Directory
from objstore.identity.entity import Entity, Kind
from objstore.model import clock
from objstore.model.identity_errors import EntityAlreadyExists, LimitExceeded, NoSuchEntity, ValidationError

CLIENTS_MAX, THUMBPRINTS_MAX = 100, 5
_URL = re.compile(r"https?://[^\s?#]{1,240}\Z")


def _arn(ask: IamAsk, provider: Entity) -> str:
    return provider_arn(ask.directory.arn_account(provider.account), provider.name)


def _named(ask: IamAsk, directory: Directory) -> Entity:
    arn = ask.given["OpenIDConnectProviderArn"]
    found = next((one for one in directory.of(Kind.PROVIDER, ask.account) if _arn(ask, one) == arn), None)
    if found is None:
        raise NoSuchEntity(f"OpenIDConnect Provider not found for arn {arn[:256]}")
    return found


async def create(ask: IamAsk) -> Values:
    """CreateOpenIDConnectProvider."""
    url = ask.given["Url"]
    if not _URL.match(url):
        raise ValidationError("Invalid Open ID Connect Provider URL")

    def work(directory: Directory) -> Changed:
        name = url.partition("://")[2].rstrip("/")
        if directory.named(Kind.PROVIDER, ask.account, name) is not None:
            raise EntityAlreadyExists(f"Provider with url {url} already exists.")
        clients, thumbprints = ask.given.get("ClientIDList", []), ask.given.get("ThumbprintList", [])
        _check(clients, thumbprints)
        body = {"url": url, "clients": clients, "thumbprints": thumbprints}
        id_ = "OIDC" + random_text(16)
        provider = Entity(id_, Kind.PROVIDER, ask.account, name, clock.now().replace(microsecond=0), body)
        provider = provider.having(tags=tags_given(ask.given))
        return {"OpenIDConnectProviderArn": _arn(ask, provider)}, [provider]

    return await ask.desk.change(work)


def _check(clients: list[str], thumbprints: list[str]) -> None:
    if len(clients) > CLIENTS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {CLIENTS_MAX}")
    if len(thumbprints) > THUMBPRINTS_MAX:
        raise ValidationError(f"Thumbprint list must contain fewer than {THUMBPRINTS_MAX} entries.")


async def get(ask: IamAsk) -> Values:
    """GetOpenIDConnectProvider."""
    provider = _named(ask, ask.directory)
    return {
        "Url": provider.body["url"],
        "ClientIDList": provider.body.get("clients", []),
        "ThumbprintList": provider.body.get("thumbprints", []),
        "CreateDate": provider.created,
        "Tags": tag_list(provider),
    }


async def listed(ask: IamAsk) -> Values:
    """ListOpenIDConnectProviders."""
    found = ask.directory.of(Kind.PROVIDER, ask.account)
    return {"OpenIDConnectProviderList": [{"Arn": _arn(ask, one)} for one in found]}


async def delete(ask: IamAsk) -> Values:
    """DeleteOpenIDConnectProvider."""
    return await ask.desk.change(lambda directory: ({}, [_named(ask, directory).deleted()]))


async def add_client(ask: IamAsk) -> Values:
    """AddClientIDToOpenIDConnectProvider."""

    def work(directory: Directory) -> Changed:
        provider = _named(ask, directory)
        clients = list(dict.fromkeys([*provider.body.get("clients", []), ask.given["ClientID"]]))
        _check(clients, [])
        return {}, [provider.having(clients=clients)]

    return await ask.desk.change(work)


async def remove_client(ask: IamAsk) -> Values:
    """RemoveClientIDFromOpenIDConnectProvider."""

    def work(directory: Directory) -> Changed:
        provider = _named(ask, directory)
        clients = [one for one in provider.body.get("clients", []) if one != ask.given["ClientID"]]
        return {}, [provider.having(clients=clients)]

    return await ask.desk.change(work)


async def update_thumbprints(ask: IamAsk) -> Values:
    """UpdateOpenIDConnectProviderThumbprint."""

    def work(directory: Directory) -> Changed:
        _check([], ask.given["ThumbprintList"])
        return {}, [_named(ask, directory).having(thumbprints=ask.given["ThumbprintList"])]

    return await ask.desk.change(work)
