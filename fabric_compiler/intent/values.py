"""The scalar types of the language. The loader hands over text; each type reads it, and says what it expected otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Annotated, Any, NamedTuple, TypeAlias

import netaddr
from pydantic import Discriminator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from fabric_compiler import units
from fabric_compiler.model.device import Prefix

MAX_NAME = 32
MAX_TEXT = 255


class AsnRange(NamedTuple):
    """Autonomous system numbers from `first` to `last`, both included."""

    first: int
    last: int


def out_of_range(message: str) -> PydanticCustomError:
    """The error of a value that has the right form and the wrong size."""
    return PydanticCustomError("out_of_range", "{message}", {"message": message})


def contradiction(message: str) -> PydanticCustomError:
    """The error of values that are right alone and do not fit each other."""
    return PydanticCustomError("contradiction", "{message}", {"message": message})


def _scalar(value: object, what: str) -> str:
    if not isinstance(value, str):
        kind = {dict: "a mapping", list: "a list", type(None): "nothing"}.get(type(value), type(value).__name__)
        raise ValueError(f"expected {what}, got {kind}")
    return value.strip()


@dataclass(frozen=True, slots=True)
class Scalar:
    """How a scalar of the language is read, and what editors are told of it."""

    what: str
    read: Callable[[str], Any]
    json_schema: Mapping[str, Any] = field(hash=False)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(lambda value: self.read(_scalar(value, self.what)))

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.json_schema)


class OneOrMore:
    """A single value stands for a list of one."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(_listed, handler(source))

    def __get_pydantic_json_schema__(self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        inner: dict[str, Any] = handler(schema)
        return {"anyOf": [inner["items"], inner]}


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def mapping_or_scalar() -> Discriminator:
    """Chooses between the members tagged (mapping) and (scalar), so that a mistake is told once, by the one that was meant."""
    return Discriminator(lambda value: "(mapping)" if isinstance(value, dict) else "(scalar)")


def word_or_prefixes() -> Discriminator:
    """Chooses between the members tagged (word) and (prefixes)."""
    return Discriminator(lambda value: "(word)" if isinstance(value, str) and "/" not in value else "(prefixes)")


def quantity(what: str, example: str, read: Callable[[str], int], low: int, high: int, shown: Callable[[int], str]) -> Scalar:
    """A number with a unit, from `low` to `high` in the compiler's own unit."""

    def bounded(text: str) -> int:
        value = read(text)
        if not low <= value <= high:
            raise out_of_range(f"{what} {units.shorten(text)} is out of range: from {shown(low)} to {shown(high)}")
        return value

    return Scalar(what, bounded, {"type": "string", "examples": [example]})


Speed = Annotated[int, quantity("a speed", "400G", units.speed, 1000, 3_200_000, units.format_speed)]
Length = Annotated[int, quantity("a length", "30 m", units.length, 1, 100_000_000_000, units.format_length)]
Power = Annotated[int, quantity("a power", "30 MW", units.power, 1, 100_000_000_000, units.format_power)]
Duration = Annotated[int, quantity("a duration", "300 ms", units.duration, 1, 86_400_000, lambda ms: f"{ms} ms")]


def whole(low: int, high: int) -> Scalar:
    """A whole number from `low` to `high`."""

    def read(text: str) -> int:
        if re.fullmatch(r"-?\d+", text, re.ASCII) and (text.startswith("-") or len(text.lstrip("0")) > units.MAX_DIGITS):
            raise out_of_range(f"{units.shorten(text)} is out of range: from {low} to {high}")
        value = units.integer(text)
        if not low <= value <= high:
            raise out_of_range(f"{value} is out of range: from {low} to {high}")
        return value

    schema = {"type": ["integer", "string"], "minimum": low, "maximum": high, "pattern": "^[0-9]+$"}
    return Scalar("a whole number", read, schema)


def _ratio(text: str) -> Fraction:
    value = units.ratio(text)
    if not Fraction(1, 16) <= value <= 64:
        raise out_of_range(f"oversubscription {units.shorten(text)} is out of range: from 1:16 to 64:1")
    return value


Ratio = Annotated[
    Fraction,
    Scalar("a ratio", _ratio, {"type": "string", "pattern": r"^\d+(\.\d+)?\s*:\s*\d+(\.\d+)?$", "examples": ["1:1", "3:1"]}),
]


Percent = Annotated[
    int,
    Scalar("a share", units.percent, {"type": "string", "pattern": r"^\d+(\.\d+)?\s*%$", "examples": ["75%", "100%"]}),
]


def read_flag(text: str) -> bool:
    known = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if text.lower() not in known:
        raise ValueError(f"expected true or false, got {units.shorten(text)}")
    return known[text.lower()]


Flag = Annotated[
    bool,
    Scalar("true or false", read_flag, {"anyOf": [{"type": "boolean"}, {"enum": ["true", "false", "yes", "no", "on", "off"]}]}),
]


def _name(text: str) -> str:
    if len(text) > MAX_NAME:
        raise out_of_range(f"the name {units.shorten(text)} is longer than {MAX_NAME} characters")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", text, re.ASCII):
        raise ValueError(
            f"expected a name of lower-case letters, digits and inner dashes (RFC 1123), got {units.shorten(text)}"
        )
    return text


Name = Annotated[
    str,
    Scalar(
        "a name",
        _name,
        {"type": ["string", "integer"], "pattern": "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", "maxLength": MAX_NAME},
    ),
]


def _product(text: str) -> str:
    if len(text) > 63 or not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", text, re.ASCII):
        raise ValueError(f"expected the name of a product or release, got {units.shorten(text)}")
    return text


Product = Annotated[str, Scalar("a product", _product, {"type": ["string", "number"]})]


def read_text(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise out_of_range(f"the text is longer than {MAX_TEXT} characters")
    odd = next((c for c in text if not c.isprintable()), "")
    if odd:
        raise ValueError(f"expected one line of printable text, got the character {odd!a}")
    if "<secret:" in text:
        raise ValueError("the text looks like the placeholder of a secret")
    return text


Text = Annotated[str, Scalar("text", read_text, {"type": ["string", "number", "boolean"], "maxLength": MAX_TEXT})]


def _glob(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.:/*?\[\]!-]{1,128}", text, re.ASCII):
        raise ValueError(f"expected a name or a pattern with * ? [ ], got {units.shorten(text)}")
    return text


Glob = Annotated[str, Scalar("a pattern", _glob, {"type": "string", "examples": ["*-leaf-r3"]})]


def _secret(text: str) -> str:
    match = re.fullmatch(r"secret:([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)", text, re.ASCII)
    if not match:
        raise ValueError(
            "expected a secret by reference, such as secret:admin; the value itself stays in the operator's inventory"
        )
    return match[1]


SecretRef = Annotated[str, Scalar("a secret", _secret, {"type": "string", "pattern": "^secret:[a-z0-9-]+$"})]


def _network(text: str) -> Prefix:
    address, slash, length = text.partition("/")
    plain = re.fullmatch(r"[0-9a-fA-F:.]{2,45}", address, re.ASCII) and re.fullmatch(r"\d{1,3}", length, re.ASCII)
    if not slash or not plain:
        raise ValueError(f"expected a prefix such as 10.0.0.0/9 or fd00::/48, got {units.shorten(text)}")
    try:
        parsed = netaddr.IPNetwork(text)
    except (netaddr.AddrFormatError, ValueError):
        raise ValueError(f"expected a prefix such as 10.0.0.0/9 or fd00::/48, got {units.shorten(text)}") from None
    if parsed.ip != parsed.network:
        raise contradiction(f"{text} has host bits set; the network is {parsed.cidr}")
    return Prefix(parsed.version, int(parsed.network), int(parsed.prefixlen))


Network = Annotated[Prefix, Scalar("a prefix", _network, {"type": "string", "examples": ["10.0.0.0/9"]})]

# IANA's special-purpose registries (RFC 6890): no interface has these
_NOT_UNICAST = tuple(
    _network(text)
    for text in ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/8", "fe80::/10", "ff00::/8")
)


def _unicast(found: Prefix, text: str) -> Prefix:
    for reserved in _NOT_UNICAST:
        shift = (32 if found.version == 4 else 128) - min(found.length, reserved.length)
        if found.version == reserved.version and found.value >> shift == reserved.value >> shift:
            raise out_of_range(f"{text} holds addresses that no interface has (RFC 6890)")
    return found


def _pool(text: str) -> Prefix:
    return _unicast(_network(text), text)


Pool = Annotated[Prefix, Scalar("a prefix", _pool, {"type": "string", "examples": ["10.0.0.0/9"]})]


def read_interface_address(text: str) -> Prefix:
    """An address with its prefix length, host bits as they are: 192.0.2.1/31."""
    address, slash, length = text.partition("/")
    try:
        parsed = _address(address)
        bits = units.integer(length) if slash else parsed.length
    except ValueError:
        raise ValueError(f"expected an address such as 192.0.2.1/31, got {units.shorten(text)}") from None
    if bits > parsed.length:
        raise ValueError(f"expected a prefix length of at most {parsed.length}, got {bits}")
    return parsed._replace(length=bits)


def _address(text: str) -> Prefix:
    try:
        if not re.fullmatch(r"[0-9a-fA-F:.]{2,45}", text, re.ASCII):
            raise ValueError
        parsed = netaddr.IPAddress(text, flags=netaddr.INET_PTON)
    except (netaddr.AddrFormatError, ValueError):
        raise ValueError(f"expected an address such as 192.0.2.10, got {units.shorten(text)}") from None
    return _unicast(Prefix(parsed.version, int(parsed), 32 if parsed.version == 4 else 128), text)


Address = Annotated[Prefix, Scalar("an address", _address, {"type": "string", "examples": ["192.0.2.10"]})]


def _asns(text: str) -> AsnRange:
    match = re.fullmatch(r"(\d{1,10})(?:\s*-\s*(\d{1,10}))?", text, re.ASCII)
    if not match:
        raise ValueError(f"expected a range of ASNs such as 65000-65099, got {units.shorten(text)}")
    first, last = int(match[1]), int(match[2] or match[1])
    if not 1 <= first <= last <= 4294967294:
        raise out_of_range(f"the range of ASNs {text} must ascend and lie between 1 and 4294967294")
    # RFC 7607, RFC 4893, RFC 7300
    reserved = next((n for n in (23456, 65535) if first <= n <= last), 0)
    if reserved:
        raise out_of_range(f"the range of ASNs {text} holds the reserved {reserved}")
    return AsnRange(first, last)


def _hexadecimal(what: str, example: str, digits: int, low: int, high: int) -> Scalar:
    def read(text: str) -> int:
        if not re.fullmatch(f"0x[0-9a-fA-F]{{1,{digits}}}", text, re.ASCII):
            raise ValueError(f"expected {what} such as {example}, got {units.shorten(text)}")
        value = int(text, 16)
        if not low <= value <= high:
            raise out_of_range(f"{text} is out of range: from {low:#x} to {high:#x}")
        return value

    # YAML reads an unquoted 0x12 as a number
    return Scalar(what, read, {"type": ["string", "integer"], "examples": [example]})


# IBA 10.9.1.1: 15 bits beside the membership; 0 is none, 0x7fff the default partition
PKey = Annotated[int, _hexadecimal("a P_Key", "0x0101", 4, 1, 0x7FFE)]
SubnetPrefix = Annotated[int, _hexadecimal("a subnet prefix", "0xfe80000000000001", 16, 1, (1 << 64) - 1)]

Asns = Annotated[AsnRange, Scalar("a range of ASNs", _asns, {"type": ["string", "integer"]})]

Value: TypeAlias = "str | list[Value] | dict[str, Value]"
