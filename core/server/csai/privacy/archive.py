"""Messages and tool log, put into S3-compatible storage before they are deleted."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from csai_sdk import Clock, Transports

from csai.config import Settings

TIMEOUT_S = 60


class ArchiveFailed(Exception):
    """The storage did not take an object; the message says what it answered."""


class Archive:
    """One bucket, or a folder in it, that the operator chose.

    An object's name is made of what is in it: a batch that is put again after a crash takes its own place.
    """

    def __init__(self, settings: Settings, transports: Transports, clock: Clock) -> None:
        self._url = settings.archive_url
        self._region = settings.archive_region
        self._key_id = settings.archive_key_id
        self._secret = settings.archive_secret_key.get_secret_value()
        self._transports = transports
        self._clock = clock

    async def put(self, client_id: str, kind: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Store rows as gzipped lines of JSON, at `{client}/{kind}/{day}/{first}-{last}.jsonl.gz`.

        Raises `ArchiveFailed` unless the storage confirms it.
        """
        import httpx

        first, last = rows[0], rows[-1]
        name = f"{client_id}/{kind}/{first['moment']:%Y/%m/%d}/{first['id']}-{last['id']}.jsonl.gz"
        url = f"{self._url}/{name}"
        body = _packed(rows)
        headers = signed_headers(
            "PUT",
            url,
            body,
            key_id=self._key_id,
            secret=self._secret,
            region=self._region,
            now=self._clock.now(),
        )
        # Not closed: the transport's connections are those of the whole process.
        http = httpx.AsyncClient(
            transport=self._transports.httpx(is_operator_url=True), timeout=TIMEOUT_S, trust_env=False
        )
        try:
            answer = await http.put(url, content=body, headers=headers)
        except httpx.HTTPError as error:
            raise ArchiveFailed(f"the archive cannot be reached ({type(error).__name__})") from None
        if answer.status_code not in (200, 201, 204):
            raise ArchiveFailed(f"the archive answered {answer.status_code}")


def make_archive(settings: Settings, transports: Transports, clock: Clock) -> Archive | None:
    """The archive, where the operator has set one up."""
    return Archive(settings, transports, clock) if settings.archive_url else None


def _packed(rows: Sequence[Mapping[str, Any]]) -> bytes:
    lines = (
        json.dumps({name: value for name, value in row.items() if name != "moment"}, default=str)
        for row in rows
    )
    return gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0)


def signed_headers(
    method: str, url: str, body: bytes, *, key_id: str, secret: str, region: str, now: datetime
) -> dict[str, str]:
    """The headers of AWS Signature Version 4 for S3, which S3-compatible storage takes too.

    https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
    """
    parts = urlsplit(url)
    moment, day = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}"
    headers = {
        "host": parts.netloc,
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        "x-amz-date": moment,
    }
    names = ";".join(headers)
    request = "\n".join(
        (
            method,
            quote(parts.path, safe="/-._~%"),
            parts.query,
            *(f"{name}:{value}" for name, value in headers.items()),
            "",
            names,
            headers["x-amz-content-sha256"],
        )
    )
    scope = f"{day}/{region}/s3/aws4_request"
    to_sign = "\n".join(("AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return {
        **headers,
        "authorization": (
            f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        ),
    }
