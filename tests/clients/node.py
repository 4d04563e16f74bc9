"""How Node is called."""

import subprocess


def major_version() -> int:
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(version.removeprefix("v").split(".")[0])


def node() -> list[str]:
    """Before version 20 the libraries' WebCrypto has to be asked for."""
    return ["node"] if major_version() >= 20 else ["node", "--experimental-global-webcrypto"]
