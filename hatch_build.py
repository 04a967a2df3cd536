"""Metadata of a release: the addresses of the project, and a README whose links work away from the repository.

The source holds no address: a copy may live anywhere. `DLIC_REPOSITORY=https://HOST/OWNER/dlic` at build time states it; without
it, the README goes into the package as it is.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

LINK = re.compile(r"\]\((?![a-z]+:|#)([^)\s]+)\)")  # of this repository
SHOWN = (".png", ".jpg", ".webp", ".svg")


class AddressHook(MetadataHookInterface):
    """Sets `readme` and `urls`."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        repository = os.environ.get("DLIC_REPOSITORY", "").rstrip("/")
        if repository:
            text = with_addresses(text, repository)
            metadata["urls"] = urls(repository)
        metadata["readme"] = {"content-type": "text/markdown", "text": text}


def with_addresses(text: str, repository: str) -> str:
    """Every relative link of a page as an absolute one: pictures as raw files, others as pages of the repository."""

    def absolute(link: re.Match[str]) -> str:
        target = link.group(1)
        view = "raw" if target.lower().endswith(SHOWN) else "blob"
        return f"]({repository}/{view}/main/{target})"

    return LINK.sub(absolute, text)


def urls(repository: str) -> dict[str, str]:
    return {
        "Source": repository,
        "Documentation": f"{repository}/tree/main/docs",
        "Changelog": f"{repository}/blob/main/CHANGELOG.md",
        "Issues": f"{repository}/issues",
    }
