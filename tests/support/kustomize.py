"""The real kustomize, inside kubectl, over a copy of deploy/kubernetes.

Debian 12's kubectl (1.20) is from before kustomize took folders among `resources` and knew components. For it
the copy's files say the same in the words of then; nothing else is changed.
"""

import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

from tests.arch.sources import ROOT
from tests.support.programs import program

Object = dict[str, Any]
SOURCE: Final = ROOT / "deploy/kubernetes"
_TOO_OLD: Final = ("must be a file", 'unknown field "components"')


class Kustomize:
    """A copy of the tree, to be changed as its reader would, and built."""

    def __init__(self, folder: Path) -> None:
        self._kubectl = program("kubectl", "kubernetes-client")
        self.tree = shutil.copytree(SOURCE, folder / "kubernetes")

    def build(self, name: str) -> list[Object]:
        """Every object of a folder of the tree."""
        ran = self._run(name)
        if ran.returncode and any(said in ran.stderr for said in _TOO_OLD):
            for file in self.tree.rglob("kustomization.yaml"):
                file.write_text(yaml.safe_dump(in_old_words(file)))
            ran = self._run(name)
        assert (ran.returncode, ran.stderr) == (0, ""), ran.stderr
        return list(yaml.safe_load_all(ran.stdout))

    def _run(self, name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._kubectl, "kustomize", str(self.tree / name)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )


def in_old_words(file: Path) -> Object:
    """A kustomization as kubectl 1.20 reads it."""
    said: Object = yaml.safe_load(file.read_text())
    folders = [name for name in said["resources"] if (file.parent / name).is_dir()]
    return {
        **{name: value for name, value in said.items() if name != "components"},
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [name for name in said["resources"] if name not in folders],
        "bases": [*said.get("bases", []), *folders, *said.get("components", [])],
    }


def of_kind(objects: list[Object], kind: str) -> list[Object]:
    """The objects of a kind."""
    return [each for each in objects if each["kind"] == kind]


def pods(objects: list[Object]) -> list[Object]:
    """What describes the pods: labels under `metadata`, the rest under `spec`."""
    return [each["spec"]["template"] for each in objects if "template" in each.get("spec", {})]
