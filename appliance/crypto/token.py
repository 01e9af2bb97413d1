"""PKCS#11: a root key wrapped by a device key that never leaves the device.

    root key  --AES-256-KWP on the device-->  wrapped, in the slot

Rules:
- The device key is made on the device: sensitive, not extractable, for wrapping only.
- The slot stores where the key is (RFC 7512 URI), never the PIN. The PIN comes the way a
  passphrase does.
- `python-pkcs11` is needed only here and only then; the module (the vendor's library) is named by
  the operator, never by the slot: a slot file must not choose what code runs.

Reference:
    PKCS#11 v3.0 CKM_AES_KEY_WRAP_PAD (RFC 5649), RFC 7512.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Self
from urllib.parse import quote, unquote

from appliance.errors import ApplianceError, IntegrityError, MachineError, UsageError

_KEY_BITS = 256
_HINT = "appliance doctor, and the device's own tools"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOnDevice:
    """Where a key lies on a token, and how to reach it; what kind of key, the heirs say.

    Attributes:
        module: the vendor's PKCS#11 library.
        token_label: the token's label.
        key_label: the key's label on it.
        pin: the user PIN.
    """

    #: Object class and key type as PKCS#11 names them, the type in RFC 7512, what makes such a key.
    object_class: ClassVar[str]
    key_type: ClassVar[str]
    uri_type: ClassVar[str]
    maker: ClassVar[str]

    module: Path
    token_label: str
    key_label: str
    pin: bytearray = field(repr=False)

    @property
    def uri(self) -> str:
        """RFC 7512 URI of the key, without module and PIN."""
        token, label = quote(self.token_label), quote(self.key_label)
        return f"pkcs11:token={token};object={label};type={self.uri_type}"

    def _session(self, *, write: bool = False) -> AbstractContextManager[tuple[ModuleType, Any]]:
        """Log in for the time of a block."""
        return device_session(self.module, self.token_label, self.pin, where=self.uri, write=write)

    def _require_free(self, p: ModuleType, session: Any) -> None:  # noqa: ANN401 - untyped
        """Refuse to make a key where there is one."""
        if list(session.get_objects(self._search(p))):
            raise UsageError(
                self.uri, "the token holds a key of this label", hint="give another label"
            )

    def _key(self, p: ModuleType, session: Any) -> Any:  # noqa: ANN401 - the library is untyped
        """Find the key, and insist that it cannot leave the device."""
        found = list(session.get_objects(self._search(p)))
        if len(found) != 1:
            raise MachineError(
                self.uri, f"the token holds {len(found)} such keys, expected one", hint=_HINT
            )
        if found[0][p.Attribute.EXTRACTABLE] or not found[0][p.Attribute.SENSITIVE]:
            raise MachineError(
                self.uri,
                "the key can leave the device",
                hint=f"{self.maker}, with another label",
            )
        return found[0]

    def _search(self, p: ModuleType) -> dict[Any, Any]:
        """Return the template that finds the key."""
        return {
            p.Attribute.CLASS: p.ObjectClass[self.object_class],
            p.Attribute.KEY_TYPE: p.KeyType[self.key_type],
            p.Attribute.LABEL: self.key_label,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKey(KeyOnDevice):
    """One AES key on one token, for `Unlock(token=...)`."""

    object_class: ClassVar[str] = "SECRET_KEY"
    key_type: ClassVar[str] = "AES"
    uri_type: ClassVar[str] = "secret-key"
    maker: ClassVar[str] = "appliance keys make-device-key"

    @classmethod
    def from_uri(cls, uri: str, *, module: Path, pin: bytearray) -> Self:
        """Read where a key is from an RFC 7512 URI; only token and object are used.

        Raises:
            UsageError: not such a URI, or it names a PIN or a module, which it never may.
        """
        scheme, _, rest = uri.partition(":")
        path, _, query = rest.partition("?")
        parts = dict(part.partition("=")[::2] for part in path.split(";"))
        if scheme != "pkcs11" or query or not {"token", "object"} <= parts.keys():
            raise UsageError(
                "device key",
                "not a URI of the form pkcs11:token=LABEL;object=LABEL",
                hint="pkcs11-tool --list-token-slots, for the labels",
            )
        return cls(
            module=module,
            token_label=unquote(parts["token"]),
            key_label=unquote(parts["object"]),
            pin=pin,
        )

    def create(self) -> None:
        """Make the key on the device, once.

        Raises:
            UsageError: the token holds a key of that label.
            MachineError: the library or the token is missing or refuses.
            IntegrityError: the PIN is wrong.
        """
        with self._session(write=True) as (p, session):
            self._require_free(p, session)
            session.generate_key(
                p.KeyType.AES,
                _KEY_BITS,
                label=self.key_label,
                store=True,
                capabilities=p.MechanismFlag.WRAP | p.MechanismFlag.UNWRAP,
                template={p.Attribute.SENSITIVE: True, p.Attribute.EXTRACTABLE: False},
            )

    def wrap(self, key: bytes) -> bytes:
        """Wrap a key on the device.

        Raises:
            MachineError: the library, the token or the key is missing or refuses.
            IntegrityError: the PIN is wrong.
        """
        with self._session() as (p, session):
            plain = session.create_object(
                {
                    p.Attribute.CLASS: p.ObjectClass.SECRET_KEY,
                    p.Attribute.KEY_TYPE: p.KeyType.GENERIC_SECRET,
                    p.Attribute.VALUE: key,
                    p.Attribute.EXTRACTABLE: True,
                    p.Attribute.SENSITIVE: False,
                    p.Attribute.TOKEN: False,
                }
            )
            wrapping = self._key(p, session)
            return bytes(wrapping.wrap_key(plain, mechanism=p.Mechanism.AES_KEY_WRAP_PAD))

    def unwrap(self, wrapped: bytes) -> bytes | None:
        """Unwrap a key on the device; None when this device key did not wrap it.

        Raises:
            MachineError: the library, the token or the key is missing or refuses.
            IntegrityError: the PIN is wrong.
        """
        with self._session() as (p, session):
            wrapping = self._key(p, session)
            try:
                key = wrapping.unwrap_key(
                    p.ObjectClass.SECRET_KEY,
                    p.KeyType.GENERIC_SECRET,
                    wrapped,
                    mechanism=p.Mechanism.AES_KEY_WRAP_PAD,
                    template={
                        p.Attribute.EXTRACTABLE: True,
                        p.Attribute.SENSITIVE: False,
                        p.Attribute.TOKEN: False,
                    },
                )
            except (p.exceptions.PKCS11Error, ValueError):
                return None
            return bytes(key[p.Attribute.VALUE])


@contextmanager
def device_session(
    module: Path, token_label: str, pin: bytearray, *, where: str, write: bool = False
) -> Iterator[tuple[ModuleType, Any]]:
    """Log in to a token for the time of a block; the library's errors become ours.

    Yields:
        The binding and the session.

    Raises:
        MachineError: the library or the token is missing or refuses.
        IntegrityError: the PIN is wrong.
    """
    p = _pkcs11()
    try:
        token = p.lib(str(module)).get_token(token_label=token_label)
        with token.open(rw=write, user_pin=pin.decode()) as session:
            yield p, session
    except ApplianceError:
        raise
    except p.exceptions.PinIncorrect:
        raise IntegrityError(
            where, "the device refused the PIN", hint="repeat with the right PIN"
        ) from None
    except (p.exceptions.PKCS11Error, RuntimeError, OSError) as e:
        reason = type(e).__name__
        raise MachineError(
            where, f"the device or its library refused: {reason}", hint=_HINT
        ) from None


def _pkcs11() -> ModuleType:
    """Import the binding."""
    try:
        import pkcs11
        import pkcs11.exceptions
    except ImportError:
        raise MachineError(
            "PKCS#11",
            "the package python-pkcs11 is missing",
            hint="make install",
        ) from None
    module: ModuleType = pkcs11
    return module
