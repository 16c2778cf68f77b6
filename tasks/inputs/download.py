"""Downloads of data files: retried, verified, and whole or absent."""

from __future__ import annotations

import hashlib
import logging
import time
from pathlib import Path

import httpx
from filelock import FileLock

from designlib.errors import InputError
from tasks.installation.files import sha256_of, write_atomically

ATTEMPTS = 3
PAUSE_SECONDS = 1.0
"""Wait before the second attempt; it doubles each time."""

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_CUT_OFF = (httpx.ReadError, httpx.ReadTimeout, httpx.RemoteProtocolError)
_log = logging.getLogger(__name__)


class DataFileError(InputError):
    """A data file is missing, damaged or out of reach; the message says what to do."""


def download(url: str, target: Path, *, size: int, sha256: str, advice: str) -> None:
    """Download ``url`` to ``target`` and check its SHA-256.

    The target appears at once and complete. Of several processes that want the same file one
    downloads it and the others wait. Files are a few MB, so a connection that is cut off starts
    again from the first byte.

    Raises DataFileError, ending in ``advice``, if the address cannot be reached, refuses, or serves
    other content.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock")):
            if target.exists() and sha256_of(target) == sha256:
                return
            _log.info("downloading %s to %s", url, target)
            content = _fetch(url, size)
            actual = hashlib.sha256(content).hexdigest()
            if actual != sha256:
                raise DataFileError(
                    f"{url} does not serve the file of the data catalogue: expected {size} bytes "
                    f"with SHA-256 {sha256}, received at least {len(content)} bytes with {actual}. "
                    f"{advice}"
                )
            write_atomically(target, content)
    except _CUT_OFF as error:
        reason = str(error) or type(error).__name__
        raise DataFileError(
            f"the download of {url} was cut off {ATTEMPTS} times ({reason}). {advice}"
        ) from None
    except httpx.HTTPStatusError as error:
        status = f"{error.response.status_code} {error.response.reason_phrase}"
        raise DataFileError(f"{url} answered {status}. {advice}") from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise DataFileError(f"{url} cannot be reached ({reason}). {advice}") from None
    except OSError as error:
        raise DataFileError(f"{target} cannot be written ({error}). {advice}") from None


def _fetch(url: str, size: int) -> bytes:
    """Return what the address serves, at most one chunk more than ``size`` bytes."""
    for attempt in range(1, ATTEMPTS + 1):
        content = b""
        try:
            with httpx.stream("GET", url, follow_redirects=True, timeout=_TIMEOUT) as answer:
                answer.raise_for_status()
                for chunk in answer.iter_bytes():
                    content += chunk
                    if len(content) > size:
                        break
        except _CUT_OFF:
            if attempt == ATTEMPTS:
                raise
            time.sleep(PAUSE_SECONDS * 2 ** (attempt - 1))
        else:
            return content
    raise AssertionError("the last attempt returns or raises")
