"""Reload over the management API: what changed and what takes a restart, or every problem at its place."""

from http import HTTPStatus

from pydantic import Field

from gateway.admin.api.ask import Answer, Ask
from gateway.admin.api.problems import Code, Refused
from gateway.admin.api.words import Told
from gateway.config.problems import ConfigError
from gateway.config.reloaded import CannotReload
from gateway.keeper.desk import Problem


class ReloadTold(Told):
    """What came of a reload. Names of options alone, as they are written in the configuration."""

    changed: list[str] = Field(description="What is in force now.", examples=[["upstreams.local-ai.url"]])
    takes_restart: list[str] = Field(description="What differs and waits for a restart.")
    warnings: list[str] = Field(description="What deserves a look, with its place.")


async def reload(ask: Ask) -> Answer:
    """Read the configuration anew."""
    try:
        reloaded = ask.house.reload(ask.me.id)
    except ConfigError as error:
        problems = error.problems
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise Refused(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            Code.CONFIGURATION_INVALID,
            f"The configuration has {count}, so the one before stays in force: `errors` says where and why.",
            [Problem(each.path, str(each)) for each in problems],
        ) from None
    except CannotReload as cannot:
        detail = f"The configuration before stays in force: {cannot}."
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, Code.CONFIGURATION_INVALID, detail) from None
    return Answer(
        {
            "changed": list(reloaded.changed),
            "takes_restart": list(reloaded.takes_restart),
            "warnings": [str(each) for each in reloaded.warnings],
        }
    )
