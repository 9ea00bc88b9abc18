"""What the image promises (its Dockerfile), for whatever runs it."""

from typing import Final

USER: Final = 10001
PORTS: Final = {"proxy": 8080, "admin": 8081}
FOLDER: Final = "/etc/keyhatch"
DATA: Final = "/data"
VARIABLES: Final = {
    "KEYHATCH_STORE": "sqlite:////data/keyhatch.db",
    "KEYHATCH_SERVER__PROXY": "0.0.0.0:8080",
    "KEYHATCH_SERVER__ADMIN": "0.0.0.0:8081",
}
