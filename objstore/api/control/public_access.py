"""Public access block of an account: goes for all buckets that its owners have, together with each bucket's own.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from collections.abc import Mapping

from objstore.api.control.operations import NAMESPACE, payload_shape
from objstore.api.s3.access_settings import BLOCKS, PUBLIC_ACCESS
from objstore.api.s3.call import NO_CONTENT, Answer, Call, xml_answer
from objstore.api.s3.errors import S3Error
from objstore.api.s3.xml_in import parse_payload
from objstore.api.s3.xml_out import DECLARATION
from objstore.identity.directory import Directory
from objstore.identity.entity import Entity, settings_entity
from objstore.model import clock
from objstore.model.errors import InvalidRequest

_ROOT = "PublicAccessBlockConfiguration"


async def get_public_access_block(call: Call) -> Answer:
    """GetPublicAccessBlock."""
    found = call.site.directory.settings(call.principal.internal_account).get(PUBLIC_ACCESS)
    if found is None:
        raise S3Error("NoSuchPublicAccessBlockConfiguration")
    inner = "".join(f"<{name}>{str(bool(found.get(name))).lower()}</{name}>" for name in BLOCKS)
    return xml_answer(f'{DECLARATION}<{_ROOT} xmlns="{NAMESPACE}">{inner}</{_ROOT}>'.encode())


async def put_public_access_block(call: Call) -> Answer:
    """PutPublicAccessBlock: what it does not name is off."""
    given = parse_payload(payload_shape(call.operation.rpartition(":")[2]), _ROOT, await call.document())
    if not given:
        raise InvalidRequest("Must specify at least one configuration.")
    await _change(call, {name: bool(given.get(name, False)) for name in BLOCKS})
    return 200, [NO_CONTENT], b""


async def delete_public_access_block(call: Call) -> Answer:
    """DeletePublicAccessBlock: nothing is blocked by the account any more; 204, as for a bucket."""
    await _change(call, None)
    return 204, [], b""


async def _change(call: Call, blocks: Mapping[str, bool] | None) -> None:
    desk, account = call.site.desk, call.principal.internal_account
    assert desk is not None, "served by a gateway without identities"

    def work(directory: Directory) -> tuple[None, list[Entity]]:
        entity = settings_entity(account, clock.now(), directory.settings(account))
        return None, [entity.having(**{PUBLIC_ACCESS: blocks})]

    await desk.change(work)
