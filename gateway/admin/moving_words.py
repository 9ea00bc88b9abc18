"""The words of the control socket for moving keys in and out: the only ones in which digests travel.

They go between processes of one user (or root) on one machine, over a socket that each side checks. Strings
that become keys are not among them: whoever reads a list judges them and sends their digests.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from gateway.admin.control_words import Moment, TellVerification, Words
from gateway.keeper.batch import DIGESTS_MAX, KEYS_MAX, PAGE_KEYS_MAX, Existing, Imported, KeyImport, Named
from gateway.keeper.desk import RuleBroken
from gateway.keeper.exports import as_data, whole_of
from gateway.keeper.imports import FILE_BYTES_MAX
from gateway.keeper.ports import WholeKey

IMPORT_BYTES_MAX: Final = 2 * FILE_BYTES_MAX

Hexadecimal = Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]


class SayExisting(Words):
    """One string that is to become a key."""

    name: str
    digest: Hexadecimal
    preview: str
    line: int


class AskImport(Words):
    """What to import. Records are as `gateway.keeper.exports` writes them."""

    existing: tuple[SayExisting, ...] = Field(max_length=KEYS_MAX)
    records: tuple[dict[str, Any], ...] = Field(max_length=KEYS_MAX, repr=False)
    scopes: tuple[str, ...]
    owner: str
    note: str
    expires_at: Moment | Literal["default"] | None
    created_by: str
    skip_existing: bool
    dry_run: bool

    @classmethod
    def of(cls, asked: KeyImport) -> "AskImport":
        """An import in words; raises `ValidationError`."""
        said = [
            SayExisting(name=each.name, digest=each.digest.hex(), preview=each.preview, line=each.line)
            for each in asked.existing
        ]
        told = {name: getattr(asked, name) for name in cls.model_fields}
        return cls(**told | {"existing": tuple(said), "records": tuple(map(as_data, asked.records))})

    def asked(self) -> KeyImport:
        """The words as an import; raises `RuleBroken` for a record that is none."""
        told = {name: getattr(self, name) for name in type(self).model_fields}
        told["existing"] = tuple(
            Existing(name=each.name, digest=bytes.fromhex(each.digest), preview=each.preview, line=each.line)
            for each in self.existing
        )
        told["records"] = tuple(map(_whole, self.records))
        return KeyImport(**told)


class TellImported(Words):
    """What was imported (id, name and preview of each), and how many were passed over."""

    keys: tuple[tuple[str, str, str], ...]
    skipped: int

    @classmethod
    def of(cls, done: Imported) -> "TellImported":
        """It in words."""
        return cls(keys=tuple((key.id, key.name, key.preview) for key in done.keys), skipped=done.skipped)

    def imported(self) -> Imported:
        """The words as what they mean."""
        return Imported(tuple(Named(*key) for key in self.keys), self.skipped)


class AskExport(Words):
    """Which records, by their numbers."""

    after: int = Field(ge=0)
    limit: int = Field(ge=1, le=PAGE_KEYS_MAX)


class TellExport(Words):
    """Records with their numbers and digests, oldest first."""

    keys: tuple[tuple[int, dict[str, Any]], ...] = Field(repr=False)

    @classmethod
    def of(cls, found: list[tuple[int, WholeKey]]) -> "TellExport":
        """Them in words."""
        return cls(keys=tuple((number, as_data(whole)) for number, whole in found))

    def whole_keys(self) -> list[tuple[int, WholeKey]]:
        """The words as records."""
        return [(number, _whole(told)) for number, told in self.keys]


class AskDigests(Words):
    """Digests of secrets that somebody found."""

    digests: tuple[Hexadecimal, ...] = Field(max_length=DIGESTS_MAX)


class TellVerifications(Words):
    """What stands behind each digest, in the order in which they were asked."""

    found: tuple[TellVerification, ...]


def _whole(told: dict[str, Any]) -> WholeKey:
    try:
        return whole_of(told)
    except (ValueError, TypeError) as error:
        raise RuleBroken("a record cannot be read: is one side of another version?") from error
