"""The programs with which updates are signed: Tauri's own, and Debian's minisign."""

import os
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Protocol

from tests.clients.programs import HERE


class Program(Protocol):
    """A key pair in a folder, and the program that made it."""

    # As an operator has it for SAGE_UPDATER_PUBKEY.
    public_key: str

    # What must never come here.
    secret_key: str

    def sign(self, file: Path, version: str | None = None) -> str:
        """The signature as a release has it."""


class TauriSigner:
    def __init__(self, folder: Path) -> None:
        self._key = folder / "tauri.key"
        self._run("generate", "--write-keys", str(self._key), "--ci")
        self.public_key, self.secret_key = Path(f"{self._key}.pub").read_text(), self._key.read_text()

    def sign(self, file: Path, version: str | None = None) -> str:
        bound = ["--app-version", version] if version else []
        self._run("sign", "--private-key-path", str(self._key), *bound, str(file))
        return file.with_name(f"{file.name}.sig").read_text()

    def _run(self, what: str, *arguments: str) -> None:
        # It reads options from the environment as well, such as CI and TAURI_SIGNING_PRIVATE_KEY.
        env = {"PATH": os.environ["PATH"], "HOME": str(self._key.parent)}
        tauri = HERE / "node_modules" / ".bin" / "tauri"
        subprocess.run([tauri, "signer", what, "--password", "a secret", *arguments], env=env, capture_output=True, check=True)


class Minisign:
    def __init__(self, folder: Path) -> None:
        self._key, public = folder / "minisign.key", folder / "minisign.pub"
        subprocess.run(["minisign", "-G", "-W", "-p", public, "-s", self._key], capture_output=True, check=True)
        self.public_key, self.secret_key = public.read_text(), self._key.read_text()

    def sign(self, file: Path, version: str | None = None, *options: str) -> str:
        made = file.with_name(f"{file.name}.minisig")
        comment = f"timestamp:1700000000\tfile:{file.name}" + (f"\tversion:{version}" if version else "")
        command = ["minisign", "-S", "-W", *options, "-s", str(self._key), "-m", str(file), "-x", str(made), "-t", comment]
        subprocess.run(command, capture_output=True, check=True)
        # As the refusal of the four lines tells people to do it.
        return subprocess.run(["base64", "-w", "0", made], capture_output=True, check=True, text=True).stdout


def text_of(signature: str) -> str:
    return b64decode(signature).decode()
