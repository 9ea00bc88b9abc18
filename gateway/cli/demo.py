"""`keyhatch serve --demo`: the gateway before the demo upstream, and on the screen what to paste.

Without a configuration file it brings its own (`gateway.demo.settings`) with a store of its own, and makes a
fresh key at every start; the one before is removed, since its secret is gone. With a file named by `--config`
or KEYHATCH_CONFIG that file's routes and store are used, and no key is made in a store that is not ours.
"""

import asyncio
import logging
import shlex
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from gateway.cli.admin_key import make_first_key
from gateway.cli.first_steps import program, sources
from gateway.cli.listening import listening
from gateway.cli.loading import all_flags, door, refuse_memory
from gateway.cli.output import data, is_terminal, say
from gateway.cli.surroundings import Surroundings
from gateway.config.fields import Address
from gateway.config.load import DEFAULT_FILE, Loaded, find_config
from gateway.config.load import load as load_config
from gateway.config.overlay import CONFIG_VARIABLE
from gateway.core.keys import Secret
from gateway.keeper.desk import KeyDesk, KeyDraft
from gateway.service.gateway import Addresses, Gateway
from gateway.service.run import run_gateway

_log: Final = logging.getLogger("gateway.cli")

KEY_NAME: Final = "Demo key"
CREATED_BY: Final = "serve --demo"
KEY_LIFE_S: Final = 86_400.0

NOT_USED: Final = f"{DEFAULT_FILE} is not used: the demo brings its own; --config {DEFAULT_FILE} would use it"

PASTE: Final = """
Keyhatch stands at {door}, before a demo server. Paste into another terminal:

  # without a key: 401
  curl -i {door}/v1/models

  # with a key, made just now and good for a day: 200
  export KEY={key}
  curl -i -H "Authorization: Bearer $KEY" {door}/v1/models

  # a stream
  curl -N -H "Authorization: Bearer $KEY" -H "Content-Type: application/json" \\
    -d '{{"stream": true, "messages": [{{"role": "user", "content": "good morning"}}]}}' \\
    {door}/v1/chat/completions
"""
THEN: Final = """
  # when it was last used, and its end
  {program} keys list --store {store}
  {program} keys revoke --yes "{name}" --store {store}

  # or in a browser, signed in with the admin key of this store: {console}/
"""


def serve_demo(surroundings: Surroundings, flags: dict[str, str]) -> int:
    """Serve the demo until told to stop; the exit code."""
    from gateway.demo import demo_settings  # noqa: PLC0415 - only the demo needs its web server

    path = _named_file(surroundings)
    with _demo_beside() as url:

        def read() -> Loaded:
            every = all_flags(surroundings, {**flags, "upstream": url})
            given = demo_settings(url) if path is None else None
            loaded = load_config(path, surroundings.environ, every, given=given)
            if path is not None:
                refuse_memory(loaded)
            return loaded

        loaded = read()
        lies_here = path is None and Path(DEFAULT_FILE).exists()

        async def announce(gateway: Gateway, addresses: Addresses) -> None:
            _log.info("%s", sources(loaded))
            if lies_here:
                _log.warning(NOT_USED)
            at = door(Address(*addresses.proxy[:2]), tls=loaded.settings.server.tls.is_on)
            if path is not None:
                _log.info("the demo server stands behind %s; routes and store are those of %s", at, path)
                say_later.close()
                return
            secret = await fresh_key(gateway.keyring, loaded, surroundings.clock.now())
            data(what_to_paste(at, secret, loaded.store_path, door(Address(*addresses.admin[:2]))))
            say_later.close()

        def tell(admin_key: str) -> None:
            say_later.callback(say, admin_key)

        on_empty = partial(make_first_key, loaded=loaded, for_people=is_terminal(sys.stderr), tell=tell)
        # last of all, and also if it does not come to that: the key was made, and is shown this once
        with listening(loaded.settings.server), ExitStack() as say_later:
            return run_gateway(loaded, surroundings.clock, reload=read, announce=announce, on_empty=on_empty)


@contextmanager
def _demo_beside() -> Iterator[str]:
    """The demo upstream in a thread with a loop of its own, as the separate server that it plays; its URL."""
    from gateway.demo import start_demo  # noqa: PLC0415

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="demo", daemon=True)
    thread.start()
    demo = asyncio.run_coroutine_threadsafe(start_demo(), loop).result()
    try:
        yield demo.url
    finally:
        asyncio.run_coroutine_threadsafe(demo.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _named_file(surroundings: Surroundings) -> Path | None:
    """The file that was named. One that merely lies here is left alone: it was not written for the demo."""
    if surroundings.config or surroundings.environ.get(CONFIG_VARIABLE):
        return find_config(surroundings.config, surroundings.environ, Path())
    return None


async def fresh_key(desk: KeyDesk, loaded: Loaded, now: float) -> Secret:
    """A key for everything the demo offers, in place of the one from the last start."""
    for key in await desk.list_keys("all"):
        if (key.name, key.created_by) == (KEY_NAME, CREATED_BY):
            await desk.revoke(key.id)
            await desk.delete(key.id)
    draft = KeyDraft(
        name=KEY_NAME,
        scopes=tuple(loaded.settings.catalogue),
        note="Made by keyhatch serve --demo, replaced at its next start",
        expires_at=now + KEY_LIFE_S,
        created_by=CREATED_BY,
    )
    _, secret = await desk.create(draft)
    return secret


def what_to_paste(at: str, secret: Secret, store_path: Path | None, console: str) -> str:
    """What to paste, the key among it. Commands about the store only where another program can see it.

    `at` is the URL of the proxy, `console` that of the admin listener.
    """
    text = PASTE.format(door=at, key=secret.reveal())
    if store_path is not None:
        store = shlex.quote(f"sqlite:///{store_path.absolute()}")
        called = program(sys.argv[0], sys.executable)
        text += THEN.format(program=called, store=store, name=KEY_NAME, console=console)
    return text
