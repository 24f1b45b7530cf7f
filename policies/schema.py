"""The JSON Schema of a pack's file as people write it, by which an editor completes and checks it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from policies.arithmetic.countries import ZONES
from policies.arithmetic.durations import SPELLINGS
from policies.checking.contradictions import PHASES
from policies.layering import ADOPTED, FREE, OF_ITS_OWN
from policies.letters import FIELDS
from policies.loading import extendable, read_pack
from policies.pack import Pack
from policies.rules import A_NAME, Sourced
from policies.vocabulary import Role

Schema = dict[str, Any]

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_DEFS = "#/$defs/"
_PART = "Part"
"""What is added to a definition's name where a base may say the rest of it."""


def schema_text() -> str:
    """The schema as it is printed and kept in docs/: for shells, as it reads what the bases give."""
    said = {name: read_pack(file).data for name, file in extendable().items()}
    given = {
        name: frozenset(data) - (frozenset(OF_ITS_OWN) if "name" in data else frozenset())
        for name, data in said.items()
    }
    return f"{json.dumps(pack_schema(given), ensure_ascii=False, indent=2)}\n"


def pack_schema(bases: Mapping[str, frozenset[str]]) -> Schema:
    """The schema of a pack's file. `bases` are the names that `extends` may say, with the parts each gives.

    It is what the loader accepts, entry by entry, as far as a schema can say it; what hangs together
    across entries (a ladder that nobody uses, a warning after due) only `redress pack check` finds.
    A pack that extends another may leave out, inside the mappings and the clocks that it has from there, what
    that one says.
    """
    made = Pack.model_json_schema()
    defs: Schema = made.pop("$defs")
    _as_written(defs)
    whole: Schema = _tidied(made)
    defs = {name: _tidied(schema) for name, schema in defs.items()}
    _constrain(whole, defs)
    parts: Schema = {}
    loose = {name: _loosened(part, defs, parts) for name, part in whole["properties"].items()}
    loose["clocks"] = _changed_clocks(whole["properties"]["clocks"], defs, parts)
    return {
        "$schema": _DRAFT,
        "title": "Redress policy pack",
        "description": whole["description"],
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "extends": {
                "enum": sorted(bases),
                "description": "The base, or the service's own pack, that says what this one leaves out.",
            },
            **loose,
        },
        "if": {"required": ["extends"]},
        "then": {
            "allOf": [
                {
                    "if": {"properties": {"extends": {"enum": names}}},
                    "then": _strict(whole, loose, says),
                }
                for says, names in _alike(bases)
            ]
        },
        "else": _strict(whole, loose, frozenset()),
        "$defs": dict(sorted({**defs, **parts}.items())),
    }


def _alike(bases: Mapping[str, frozenset[str]]) -> list[tuple[frozenset[str], list[str]]]:
    """The names of bases that give the same parts, together."""
    found: dict[frozenset[str], list[str]] = {}
    for name, says in sorted(bases.items()):
        found.setdefault(says, []).append(name)
    return list(found.items())


def _strict(whole: Schema, loose: Schema, given: frozenset[str]) -> Schema:
    """What has to be there, and there in full, where only these parts are given."""
    return {
        "required": [part for part in whole["required"] if part not in given],
        "properties": {
            name: part
            for name, part in whole["properties"].items()
            if loose[name] != part and name not in given
        },
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
        "pattern": f"^(owner|owner_supervisor|role:({roles})|on_duty:{A_NAME.pattern}|person:.+)$",
        "examples": ["owner", "owner_supervisor", "role:department_head", "on_duty:complaints-desk"],
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
                **_CHOSEN,
            }
    # A rung that says no basis of its own has its ladder's, and may still name who made that choice its own.
    chosen = {"if": {"properties": {"basis": {"const": "choice"}}}, **_CHOSEN}
    defs["Rung"] |= {"if": {"required": ["basis"]}, "then": chosen}
    parts = whole["properties"]
    parts["letters"]["propertyNames"] = {"enum": list(FIELDS)}
    parts["phases_require"]["propertyNames"] = {"enum": list(PHASES)}


_CHOSEN: Schema = {
    "then": {"required": ["chosen_by"]},
    "else": {"properties": {"chosen_by": {"type": "null"}}},
}
"""Of a choice somebody is named who chose, and of nothing else."""


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


def _changed_clocks(schema: Schema, defs: Schema, parts: Schema) -> Schema:
    """Clocks of which a pack may say only what it changes, beside their id."""
    return {**schema, "items": {**_loosened(schema["items"], defs, parts), "required": ["id"]}}


def _changed_rule(whole: Schema, rule: Schema) -> Schema:
    """With a basis a rule is said in full; without one only what is no figure, but of a choice that one adopts."""
    free = {
        name
        for kind in FREE.values()
        if f"{_DEFS}{kind.kind.__name__}" == whole["$ref"]
        for name in kind.names
    }
    inside = {name for name, part in rule["properties"].items() if _is_sourced(part)}
    return {
        "if": {"required": ["basis"]},
        "then": {"$ref": whole["$ref"]},
        "else": {
            "anyOf": [
                {"required": list(ADOPTED)},
                {
                    "propertyNames": {"enum": sorted(free | inside | {"chosen_by"})},
                    **(
                        {"properties": {name: {"type": "object"} for name in sorted(inside)}}
                        if inside
                        else {}
                    ),
                },
            ]
        },
    }


def _is_sourced(part: Schema) -> bool:
    return any(
        one.get("$ref", "").removeprefix(_DEFS) in _sourced_names() for one in (part, *part.get("anyOf", ()))
    )


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
            if name in _sourced_names():
                parts[part] |= _changed_rule(schema, defs[name])
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
