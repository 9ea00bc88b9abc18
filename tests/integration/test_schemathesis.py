"""schemathesis over the management API of the running command: examples, coverage, fuzzing, stateful."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.management import Management, first_key
from tests.support.running_gateway import Home

CONFIG = Path(__file__).with_name("schemathesis.toml")
PHASES = ("examples", "coverage", "fuzzing", "stateful")


@pytest.mark.timeout(180)
def test_schemathesis_finds_nothing(home: Home) -> None:
    home.configure("http://127.0.0.1:9")
    with home.serve() as gateway:
        ran = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                *(
                    "--config-file",
                    CONFIG,
                    "run",
                    f"http://127.0.0.1:{gateway.admin_port}/api/v1/openapi.json",
                ),
                *("--phases", ",".join(PHASES), "--max-examples", "12", "--seed", "7", "--no-color"),
                "--continue-on-failure",
            ],
            cwd=home.folder,
            env=home.environment(MANAGEMENT_KEY=first_key(home.folder)),
            capture_output=True,
            text=True,
            timeout=170,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout[-20_000:] + ran.stderr
        for phase in PHASES:
            assert f"✅ {phase.capitalize()}" in ran.stdout, ran.stdout[-3_000:]
        assert " passed" in ran.stdout
        verified = home.keyhatch("audit", "verify")
        assert verified.code == 0, verified.err
        assert '"level":"error"' not in gateway.log


def test_without_a_credential_every_operation_answers_401_and_says_how_to_show_one(home: Home) -> None:
    home.configure("http://127.0.0.1:9")
    with home.serve() as gateway:
        nobody = Management(gateway.admin_port, None)
        document = nobody("GET", "/openapi.json").data
        told = [(path, method) for path, item in document["paths"].items() for method in item]
        assert len(told) > 15
        for path, method in told:
            place = re.sub(r"\{\w+\}", "main", path.replace("{id}", "key_0123456789abcdef"))
            refused = nobody(method.upper(), place)
            assert (refused.status, refused.reason) == (401, "credential_missing"), (method, path)
            assert refused.headers["www-authenticate"].startswith("Bearer")
            assert refused.headers["content-type"].startswith("application/problem+json")
