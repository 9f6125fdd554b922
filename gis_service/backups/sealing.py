"""Sealing what leaves the machine: encrypted with age (https://age-encryption.org/v1) to a public key.

Whoever makes backups needs only the public key; the secret one lies elsewhere and is needed to open them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeAlias

import pyrage
from pyrage import x25519

from gis_service.errors import InputError

Recipient: TypeAlias = x25519.Recipient
"""A public key: what is sealed to it opens with the secret one."""
Key: TypeAlias = x25519.Identity
"""A secret key."""


def make_key(path: Path) -> str:
    """Write a new secret key into a file that only its owner may read; return the public one.

    Raises
    ------
    InputError
        When there is such a file already.
    """
    identity = x25519.Identity.generate()
    public = str(identity.to_public())
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InputError(f"{path} 已经存在;为免毁掉旧密钥,请换一个文件名。", f"{path} exists.") from error
    except OSError as error:
        raise InputError(f"写不了 {path}({error.strerror});请换一个地方。", f"{path} can't be written.") from error
    with os.fdopen(opened, "w", encoding="ascii") as file:
        file.write(f"# public key: {public}\n{identity}\n")
    return public


def read_key(path: Path) -> Key:
    """Return the secret key of a file; lines that begin with # are remarks.

    Raises
    ------
    InputError
        When there is none in it.
    """
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        raise InputError(f"读不了密钥文件 {path}({error.strerror})。", f"{path} can't be read.") from error
    for line in lines:
        if line.startswith("AGE-SECRET-KEY-"):
            try:
                key: Key = x25519.Identity.from_str(line.strip())
            except pyrage.IdentityError:
                break
            return key
    raise InputError(
        f"{path} 里没有可用的密钥(以 AGE-SECRET-KEY- 开头的一行);请用当初 gis-service backup-key 写出的文件。",
        f"There is no key in {path}.",
    )


def recipient_of(public: str) -> Recipient:
    """Return what things are sealed to; InputError when the text is no public key."""
    try:
        recipient: Recipient = x25519.Recipient.from_str(public)
    except pyrage.RecipientError as error:
        raise InputError(
            "GIS_BACKUP_KEY 应是公钥(以 age1 开头);请运行 gis-service backup-key --out 文件,密钥文件另外保管。",
            "GIS_BACKUP_KEY is no public key.",
        ) from error
    return recipient


def seal(source: IO[bytes], target: Path, recipient: Recipient) -> None:
    """Encrypt a stream into a file, which is there as a whole, and on the disk, or not at all."""
    draft = target.with_name(target.name + ".part")
    try:
        with draft.open("wb") as file:
            pyrage.encrypt_io(source, file, [recipient])
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def unsealed(path: Path, key: Key) -> Iterator[IO[bytes]]:
    """Give the decrypted bytes of a sealed file as a stream; they never lie on the disk.

    Raises
    ------
    InputError
        When it was sealed to another key, or is damaged.
    """
    reading, writing = os.pipe()
    failed: list[Exception] = []

    def decrypt() -> None:
        # Decryption pushes and whoever unpacks pulls: a thread and a pipe between them.
        try:
            with os.fdopen(writing, "wb") as target, path.open("rb") as source:
                pyrage.decrypt_io(source, target, [key])
        except (pyrage.DecryptError, OSError) as error:
            failed.append(error)

    thread = threading.Thread(target=decrypt, name="unseal", daemon=True)
    thread.start()
    try:
        with os.fdopen(reading, "rb") as stream:
            yield stream
    finally:
        thread.join()
        # Whoever reads stops early without harm; what can't be decrypted is the better reason for what they met.
        if failed and not isinstance(failed[0], BrokenPipeError):
            raise InputError(
                f"{path.name} 解不开:密钥不是做备份时的那一把,或文件坏了。", f"{path.name} can't be decrypted."
            ) from failed[0]


def read_sealed(path: Path, key: Key) -> bytes:
    """Return the decrypted bytes of a small sealed file; InputError as ``unsealed``."""
    with unsealed(path, key) as stream:
        return stream.read()
