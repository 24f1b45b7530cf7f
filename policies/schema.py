"""The JSON Schema of a pack's file as people write it, by which an editor completes and checks it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from policies.arithmetic.countries import ZONES
from policies.arithmetic.durations import SPELLINGS
from policies.checking.contradictions import PHASES
from policies.letters import FIELDS
from policies.loading import BASES, read_pack
from policies.pack import Pack
from policies.rules import Sourced
from policies.vocabulary import Role

Schema = dict[str, Any]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_DEFS = "#/$defs/"
_PART = "Part"
"""What is added to a definition's name where a base may say the rest of it."""


def schema_text() -> str:
    """The schema as it is printed and kept in docs/: for shells, as it reads what the bases give."""
    bases = {file.stem: frozenset(read_pack(file).data) for file in sorted(BASES.glob("*.yaml"))}
    return f"{json.dumps(pack_schema(bases), ensure_ascii=False, indent=2)}\n"


def pack_schema(bases: Mapping[str, frozenset[str]]) -> Schema:
    """The schema of a pack's file. `bases` are the names that `extends` may say, with the parts each gives.

    It is what the loader accepts, entry by entry, as far as a schema can say it; what hangs together
    across entries (a ladder that nobody uses, a warning after due) only `redress pack check` finds.
    A pack that extends a base may leave out, inside the mappings that it has from there, what the base says.
    """
    made = Pack.model_json_schema()
    defs: Schema = made.pop("$defs")
    _as_written(defs)
    whole: Schema = _tidied(made)
    defs = {name: _tidied(schema) for name, schema in defs.items()}
    _constrain(whole, defs)
    given = frozenset().union(*bases.values()) if bases else frozenset()
    parts: Schema = {}
    loose = {
        name: _loosened(part, defs, parts) if name in given else part
        for name, part in whole["properties"].items()
    }
    strict = {name: part for name, part in whole["properties"].items() if loose[name] != part}
    return {
        "$schema": _DRAFT,
        "title": "Redress policy pack",
        "description": whole["description"],
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "extends": {
                "enum": sorted(bases),
                "description": "The base that says what this pack does not say itself.",
            },
            **loose,
        },
        "if": {"required": ["extends"]},
        "then": {
            "allOf": [
                {
                    "if": {"properties": {"extends": {"const": name}}},
                    "then": {"required": [part for part in whole["required"] if part not in says]},
                }
                for name, says in sorted(bases.items())
            ]
        },
        "else": {"required": whole["required"], "properties": strict},
        "$defs": dict(sorted({**defs, **parts}.items())),
    }


# What people write differently from what the models hold


def _as_written(defs: Schema) -> None:
    units = "|".join(sorted(SPELLINGS, key=len, reverse=True))
    duration = f"[0-9]{{1,12}} ?({units})"
    defs["Duration"] |= {
        "type": "string",
        "pattern": f"^{duration}$",
        "examples": ["15 min", "24 h", "4 working hours", "10 working days", "8 weeks", "1 month"],
    }
    defs["Offset"] = {
        "description": defs["Offset"]["description"],
        "title": "Offset",
        "anyOf": [
            {
                "type": "string",
                "pattern": f"^([+-]?0|[+-][0-9]{{1,4}} ?%|[+-]{duration})$",
                "examples": ["0", "-25%", "-2 working hours", "+1 h"],
            },
            {"const": 0},
        ],
    }
    for name in ("properties", "required"):
        defs["Duration"].pop(name)
    del defs["Unit"]
    defs["Calendar"] = _calendar(defs["Calendar"])
    roles = "|".join(Role)
    defs["Rung"]["properties"]["tell"]["items"] |= {
        "pattern": f"^(owner|owner_supervisor|role:({roles})|person:.+)$",
        "examples": ["owner", "owner_supervisor", "role:department_head"],
    }


def _calendar(schema: Schema) -> Schema:
    """A calendar may name a country, and then needs nothing else; dates may be a bare list."""
    said = deepcopy(schema)
    own = said["properties"]
    opens, closes = "([01][0-9]|2[0-3]):[0-5][0-9]", "(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
    for name in ("hours", "overrides"):
        own[name]["additionalProperties"]["items"]["prefixItems"] = [
            {"type": "string", "pattern": f"^{opens}$"},
            {"type": "string", "pattern": f"^{closes}$"},
        ]
    for name in ("holidays", "working_dates"):
        days = {"type": "array", "items": {"type": "string", "format": "date"}}
        own[name] = {"anyOf": [own[name], days]}
    own["timezone"]["examples"] = ["Asia/Shanghai", "Europe/London"]
    said["properties"] = {
        "country": {
            "type": "string",
            "pattern": f"^({'|'.join(sorted(ZONES))})(-[a-z0-9]{{1,3}})?$",
            "description": "ISO 3166 code, with a subdivision where wanted: its holidays, hours and zone count.",
            "examples": ["cn", "gb", "gb-sct"],
        },
        "from_year": {"type": "integer", "description": "The first year whose holidays are taken."},
        "to_year": {"type": "integer", "description": "The last year whose holidays are taken."},
        **own,
    }
    del said["required"]
    said["anyOf"] = [{"required": ["country"]}, {"required": ["timezone"]}]
    return said


# What validators ask that the models' types do not say


def _constrain(whole: Schema, defs: Schema) -> None:
    for name in _sourced_names():
        if name in defs:
            defs[name] |= {
                "if": {"properties": {"basis": {"const": "choice"}}, "required": ["basis"]},
                "then": {"required": ["chosen_by"]},
                "else": {"properties": {"chosen_by": {"type": "null"}}},
            }
    parts = whole["properties"]
    parts["letters"]["propertyNames"] = {"enum": list(FIELDS)}
    parts["phases_require"]["propertyNames"] = {"enum": list(PHASES)}


def _sourced_names(kind: type[Sourced] = Sourced) -> tuple[str, ...]:
    return tuple(name for sub in kind.__subclasses__() for name in (sub.__name__, *_sourced_names(sub)))


def _tidied(schema: Any) -> Any:
    """Without the titles and empty defaults that pydantic adds; names of entries are held to their pattern."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: part for name, part in schema.items() if name not in ("title", "default")}
    default = schema.get("default")
    if isinstance(default, bool | int | str):
        kept["default"] = default
    if "patternProperties" in kept:
        ((pattern, part),) = kept.pop("patternProperties").items()
        kept |= {"propertyNames": {"pattern": pattern}, "additionalProperties": part}
    said = {
        name: {key: _tidied(part) for key, part in value.items()} if name == "properties" else _tidied(value)
        for name, value in kept.items()
    }
    if said.get("additionalProperties") == {"type": "string"} and "propertyNames" not in said:
        said |= {"propertyNames": {"pattern": "^[a-z]{2}$"}, "required": ["en"]}  # texts by language
    return said


# What a base may say instead


def _loosened(schema: Any, defs: Schema, parts: Schema) -> Any:
    """The same, but inside mappings nothing has to be there; lists are replaced whole and stay as they are."""
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_DEFS)
        if defs[name].get("type") != "object":
            return schema
        part = name + _PART
        if part not in parts:
            parts[part] = {}
            parts[part] |= _loosened(defs[name], defs, parts)
        return {**schema, "$ref": f"{_DEFS}{part}"}
    loose = {
        name: value
        for name, value in schema.items()
        if name not in ("required", "if", "then", "else", "anyOf")
    }
    if "anyOf" in schema and schema.get("type") != "object":
        loose["anyOf"] = [_loosened(one, defs, parts) for one in schema["anyOf"]]
    if "properties" in schema:
        loose["properties"] = {
            name: _loosened(part, defs, parts) for name, part in schema["properties"].items()
        }
    if isinstance(schema.get("additionalProperties"), dict):
        loose["additionalProperties"] = _loosened(schema["additionalProperties"], defs, parts)
    return loose
