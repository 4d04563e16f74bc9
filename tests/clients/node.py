"""How Node is called."""

import shutil
import subprocess


def major_version() -> int:
    """0 where there is no Node. The tests that need it are collected there too."""
    if shutil.which("node") is None:
        return 0
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return int(version.removeprefix("v").split(".")[0])


def node() -> list[str]:
    """Before version 20 the libraries' WebCrypto has to be asked for."""
    return ["node"] if major_version() >= 20 else ["node", "--experimental-global-webcrypto"]
