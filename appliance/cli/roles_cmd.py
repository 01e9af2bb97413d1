"""`appliance roles`: people's keys, and the signed list of who may decide what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from appliance.cli.console import emit, table
from appliance.cli.options import PATH, Unlocking, home_options, json_option
from appliance.cli.signer_options import Signing, signer_option, signer_options
from appliance.errors import UsageError

if TYPE_CHECKING:
    from appliance.people.roles import SignedRoles

_MAX_DRAFT_BYTES = 1024 * 1024


@click.group()
def roles() -> None:
    """Make people's keys; sign, adopt or show the list of roles."""


@roles.command()
@click.argument("out", type=PATH)
@click.option("--token", help="With --signer-module: the token's label.")
@click.option("--label", help="With --signer-module: the new key's label on it.")
@signer_options
@json_option
def keygen(
    out: Path, *, token: str | None, label: str | None, signing: Signing, as_json: bool
) -> None:
    """Make your own signing key: sealed in the file OUT, or on a device that OUT points at.

    Runs on any machine; needs no workspace. OUT.pub.pem is the public half for the list of roles.
    """
    from appliance.crypto.signer_file import make_device_signer, make_signer
    from appliance.files import write_atomic

    if signing.module is None:
        public = make_signer(out, signing.unlock(new=True))
    elif token and label:
        public = make_device_signer(out, signing.device(token, label))
    else:
        raise UsageError("--signer-module", "needs --token and --label", hint="--help")
    pem = out.with_name(out.name + ".pub.pem")
    write_atomic(pem, public.pem())
    emit(
        {"signer": str(out), "public_key": str(pem), "key_id": public.key_id},
        as_json=as_json,
        text=f"key {public.key_id[:16]} in {out}\npublic half {pem}: give it to whoever keeps the "
        "list of roles",
    )


@roles.command()
@click.argument("draft", type=PATH)
@click.argument("out", type=PATH)
@signer_option
@signer_options
@home_options
@json_option
def sign(draft: Path, out: Path, *, signing: Signing, unlocking: Unlocking, as_json: bool) -> None:
    """Sign the list of roles in DRAFT into OUT, with the release key or with --signer.

    DRAFT is JSON: version, issued, expires, thresholds, people (name, roles, keys, accounts). A key
    is PEM text, or the path of a .pem file beside DRAFT.
    """
    from appliance.files import write_atomic
    from appliance.people.roles import parse_draft, sign_roles

    listed = parse_draft(_with_keys(draft), where=str(draft))
    own = signing.signer()
    if own is not None:
        signed, key_id = sign_roles(listed, [own]), own.key_id
    else:
        with unlocking.open(exclusive=False) as home:
            signed, key_id = sign_roles(listed, [home.signing_key()]), home.signing_key().key_id
            home.log.append("roles.signed", version=listed.version, key=key_id)
    write_atomic(out, signed)
    emit(
        {"roles": str(out), "version": listed.version, "signed_by": key_id},
        as_json=as_json,
        text=f"{out}: version {listed.version}, signed by {key_id[:16]}\n"
        f"next: appliance roles adopt {out}",
    )


@roles.command()
@click.argument("file", type=PATH)
@click.option("--root-key", type=PATH, help="The key that signs lists; absent: the release key.")
@home_options
@json_option
def adopt(file: Path, *, root_key: Path | None, unlocking: Unlocking, as_json: bool) -> None:
    """Adopt a signed list of roles in the workspace; an older version is refused for good."""
    from appliance.crypto.signing import VerifyingKey
    from appliance.people.store import adopt as take_over
    from appliance.run import utc_now

    raw = _read(file)
    root = None if root_key is None else VerifyingKey.from_file(root_key)
    with unlocking.open(exclusive=True) as home:
        signed = take_over(home, raw, root=root, now=utc_now(), where=str(file))
    emit(
        {"roles": signed.identity.model_dump(mode="json", exclude={"reasons"})},
        as_json=as_json,
        text=f"roles of version {signed.roles.version} are in force until {signed.roles.expires}",
    )


@roles.command()
@home_options
@json_option
def show(*, unlocking: Unlocking, as_json: bool) -> None:
    """Show the list of roles in force."""
    from appliance.people.store import adopted

    with unlocking.open(exclusive=False) as home:
        known = adopted(home)
    if known is None:
        raise UsageError("roles", "no list was adopted", hint="appliance roles adopt FILE")
    rows = _rows(known.signed)
    listed = known.signed.roles
    head = (
        f"version {listed.version}, {listed.issued} to {listed.expires}; a release needs "
        f"{listed.thresholds.release}, a waiver {listed.thresholds.waiver}; "
        f"signed by {known.root.key_id[:16]}\n\n"
    )
    emit(
        {
            "roles": known.signed.identity.model_dump(mode="json", exclude={"reasons"}),
            "root": known.root.key_id,
            "people": [dict(zip(("name", "roles", "keys"), row, strict=True)) for row in rows],
        },
        as_json=as_json,
        text=head + table(rows, ("person", "roles", "keys")),
    )


def _rows(signed: SignedRoles) -> list[tuple[str, str, str]]:
    from appliance.people.roles import keys_of

    return [
        (p.name, ", ".join(p.roles), ", ".join(k.key_id[:16] for k in keys_of(p)))
        for p in signed.roles.people
    ]


def _with_keys(draft: Path) -> bytes:
    """Return a draft's JSON with the keys that it names by path read in."""
    raw = _read(draft)
    try:
        body = json.loads(raw)
        for person in body["people"]:
            person["keys"] = [_key(key, draft.parent) for key in person["keys"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return raw  # the strict reader says what is wrong
    return json.dumps(body).encode()


def _key(named: object, folder: Path) -> object:
    if isinstance(named, str) and named.endswith(".pem"):
        return _read(folder / named).decode(errors="replace")
    return named


def _read(path: Path) -> bytes:
    from appliance.errors import MachineError
    from appliance.files import read_regular

    try:
        return read_regular(path, limit_bytes=_MAX_DRAFT_BYTES)
    except FileNotFoundError:
        raise MachineError(str(path), "no such file", hint=f"ls -l {path.parent}") from None
