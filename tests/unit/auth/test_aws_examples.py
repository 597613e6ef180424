"""The examples that AWS publishes with their signatures.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, …/sigv4-query-string-auth.html,
…/sigv4-streaming.html, …/sigv4-streaming-trailers.html
"""

import hashlib

import pytest

from objstore.api.auth.body import body_of
from objstore.model.errors import SignatureDoesNotMatch
from objstore.store.digests import digests_of
from tests.unit.auth.wire import ACCESS_KEY, AUTHENTICATOR, EMPTY_SHA256, TIMESTAMP, Headers, Wire, request_of

pytestmark = pytest.mark.usefixtures("_fixed_clock")

HOST = "examplebucket.s3.amazonaws.com"
WELCOME_SHA256 = hashlib.sha256(b"Welcome to Amazon S3.").hexdigest()


def example(signed: str, signature: str, sha256: str = EMPTY_SHA256, **headers: str) -> Headers:
    sent = {"host": HOST, "x-amz-date": TIMESTAMP, "x-amz-content-sha256": sha256}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    sent["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={signed},Signature={signature}"
    )
    return sent


PUT_EXAMPLE = example(
    "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    WELCOME_SHA256,
    date="Fri, 24 May 2013 00:00:00 GMT",
    x_amz_storage_class="REDUCED_REDUNDANCY",
)
PLAIN = "host;x-amz-content-sha256;x-amz-date"


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        pytest.param(
            "GET",
            "/test.txt",
            example(
                "host;range;x-amz-content-sha256;x-amz-date",
                "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
                range="bytes=0-9",
            ),
            id="get-object",
        ),
        pytest.param("PUT", "/test%24file.text", PUT_EXAMPLE, id="put-object"),
        pytest.param("PUT", "/test$file.text", PUT_EXAMPLE, id="put-object-dollar-sent-bare"),
        pytest.param(
            "GET",
            "/?lifecycle",
            example(PLAIN, "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
            id="get-bucket-lifecycle",
        ),
        pytest.param(
            "GET",
            "/?max-keys=2&prefix=J",
            example(PLAIN, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
            id="list-objects",
        ),
        pytest.param(
            "GET",
            "/?prefix=%4a&max-keys=2",
            example(PLAIN, "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
            id="list-objects-encoded-otherwise",
        ),
        pytest.param(
            "GET",
            "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256"
            "&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
            "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
            "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
            {"host": HOST},
            id="presigned-get",
        ),
    ],
)
def test_published_signature(method: str, target: str, headers: Headers) -> None:
    authenticated = AUTHENTICATOR.authenticate(request_of(method, target, headers, domain=b"s3.amazonaws.com"))
    assert authenticated.identity.access_key == ACCESS_KEY


CHUNKS = (b"a" * 65536, b"a" * 1024, b"")


def chunked_request(
    mode: str, seed: str, signatures: list[str], trailer: bytes, **headers: str
) -> tuple[Headers, bytes]:
    signed = {
        "content-encoding": "aws-chunked",
        "host": "s3.amazonaws.com",
        "x-amz-content-sha256": mode,
        "x-amz-date": TIMESTAMP,
        "x-amz-decoded-content-length": "66560",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20130524/us-east-1/s3/aws4_request, "
        f"SignedHeaders={';'.join(sorted(signed))}, Signature={seed}"
    )
    body = b"".join(
        f"{len(data):x};chunk-signature={value}\r\n".encode() + data + (b"\r\n" if data else b"")
        for data, value in zip(CHUNKS, signatures, strict=True)
    )
    return {**signed, "authorization": authorization}, body + trailer + b"\r\n"


SIGNED_CHUNKS = chunked_request(
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    [
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ],
    b"",
    content_length="66824",
)
SIGNED_TRAILER = chunked_request(
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
    [
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
    ],
    b"x-amz-checksum-crc32c:sOO8/Q==\r\n"
    b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n",
    x_amz_trailer="x-amz-checksum-crc32c",
)


@pytest.mark.parametrize("example", [SIGNED_CHUNKS, SIGNED_TRAILER], ids=["signed", "signed-trailer"])
@pytest.mark.parametrize("piece_bytes", [1, 7, 1000, 65536, 100_000])
async def test_published_chunked_upload(example: tuple[Headers, bytes], piece_bytes: int) -> None:
    headers, body = example
    wire = Wire(body[at : at + piece_bytes] for at in range(0, len(body), piece_bytes))
    request = request_of("PUT", "/examplebucket/chunkObject.txt", headers, wire)
    payload = body_of(request, AUTHENTICATOR.authenticate(request))
    assert wire.calls == 0  # 100 Continue goes out at the first
    whole = await payload.read_all(100_000)
    assert whole == b"a" * 66560
    payload.verify(digests_of(whole, payload.algorithms))
    assert payload.consumed


async def test_published_chunked_upload_with_one_byte_changed() -> None:
    headers, body = SIGNED_CHUNKS
    request = request_of("PUT", "/examplebucket/chunkObject.txt", headers, Wire([body.replace(b"a" * 9, b"b" * 9, 1)]))
    payload = body_of(request, AUTHENTICATOR.authenticate(request))
    with pytest.raises(SignatureDoesNotMatch):
        await payload.read_all(100_000)
