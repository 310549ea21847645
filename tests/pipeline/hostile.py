"""Hostile inputs: texts that look like code, and a document that contains them in every place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.pipeline.helpers import document, operation

CANARY = "voice_clone_canary"
"""A file that each payload creates in the current folder if it is executed."""
_RUN = f"open('{CANARY}', 'w')"

TEXTS: dict[str, str] = {
    "a docstring's end": f'"""\nimport os; os.system("touch {CANARY}")\n"""',
    "the other docstring's end": f"'''\n{_RUN}\n'''",
    "a quote": '"',
    "another quote": "'",
    "quotes that meet a docstring's": 'x"""',
    "four quotes": '""""',
    "a backslash": "\\",
    "a backslash at the end": "x\\",
    "an escaped quote": '\\"',
    "an escaped docstring's end": '\\"""',
    "an expression in a string": f'" + str({_RUN}) + "',
    "an expression in the other string": f"' + str({_RUN}) + '",
    "the end of a call": f'"); {_RUN}; ("',
    "a call": f"__import__('os').system('touch {CANARY}')",
    "a field of an f-string": "{" + _RUN + "}",
    "a field of str.format": "{0.__class__.__mro__}",
    "a template's expression": "{{ 7*7 }}",
    "a template's statement": "{% raw %}{% include '/etc/passwd' %}{{ ''.__class__ }}",
    "a percent format": "%s%(a)s",
    "a line": f"a\n{_RUN}\nb",
    "a carriage return": f"a\r{_RUN}\r",
    "a line separator": f"a\u2028{_RUN}\u2028",
    "a next line": f"a\x85{_RUN}\x85",
    "a joiner": "a\u200db",
    "a comment": f"# noqa\n{_RUN}  #",
    "another argument": f"a=1, b={_RUN}",
    "a keyword": "class",
    "a dunder": "__init__",
    "another dunder": "__class__",
    "a builtin": "print",
    "another builtin": "type",
    "a module": "os",
    "another module": "httpx",
    "a module of the package": "types",
    "another module of the package": "client",
    "a method of a model": "from_dict",
    "a name of the contract models": "BaseModel",
    "a name of pydantic": "model_config",
    "None": "None",
    "a space": " ",
    "nothing": "",
    "an emoji": "\U0001f600",
    "a digit first": "1a",
    "a character that normalises to a digit": "\u2460",
    "a collision of names": "a b",
    "another collision of names": "a-b",
    "a path": "/etc/passwd",
    "a relative path": "../../x",
    "a path of Windows": "..\\..\\x",
    "a pointer": "#/components/schemas/~0~1",
}
"""Texts that a provider may write: accepted in prose and values, and never executed."""

REFUSED: dict[str, str] = {
    "a null": "a\0b",
    "an escape": "a\x1b[0m",
    "a form feed": f"a\x0c{_RUN}",
    "half a character": "a\ud800",
    "an override of direction": "a\u202eb",
    "an isolate of direction": "a\u2066b",
}
"""Texts that are refused in every place."""

_TEXT = {"type": "string"}


def hostile_document(texts: dict[str, str]) -> dict[str, Any]:
    """A document with each text in every place where a provider may write free text."""
    values = list(texts.values())
    names = [name for name in values if name.isprintable()]
    prose = "\n".join(values)
    spec = document({})
    spec["openapi"] = "3.1.0"
    spec["info"] = {"title": prose, "version": prose, "description": prose, "license": {"name": prose}}
    spec["servers"] = [{"url": value, "description": value} for value in values]
    spec["tags"] = [{"name": value, "description": value} for value in values]
    spec["x-any"] = dict.fromkeys(names, values)

    def add(name: str, schema: dict[str, Any] | None = None, path: str = "", **more: Any) -> dict[str, Any]:
        post = operation(name, schema, **more)
        spec["paths"][path or f"/{name}"] = {"post": post}
        return post

    def schema_of(schemas: Iterator[dict[str, Any]]) -> dict[str, Any]:
        return {"type": "object", "properties": {f"p{index}": schema for index, schema in enumerate(schemas)}}

    add("prose", schema_of({**_TEXT, "title": v, "description": v, "example": v, "examples": [v]} for v in values))
    add("defaults", schema_of({**_TEXT, "default": v, "format": v, "$comment": v} for v in values))
    add("any", schema_of({"default": v} for v in values))
    add("unions", schema_of({"anyOf": [_TEXT, {"type": "integer"}], "default": v} for v in values))
    add("lists", schema_of({"type": "array", "items": _TEXT, "default": [v]} for v in values))
    add("objects", {"type": "object", "description": prose, "example": dict.fromkeys(names, values)})
    add("constants", schema_of({"const": v} for v in values))
    add("enum", {"type": "object", "properties": {"e": {**_TEXT, "enum": values, "description": prose}}})
    # Only valid regular expressions, since pydantic cannot import others.
    add("patterns", schema_of({**_TEXT, "pattern": v} for v in ('"', "'", '"""', "'''", '\\\\"', f'"\n{_RUN}\n"')))
    add("properties", {"type": "object", "properties": {f"n{i} {v}": _TEXT for i, v in enumerate(names)}})
    required = [f"{v} n{i}" for i, v in enumerate(names)]
    add("required", {"type": "object", "required": required, "properties": dict.fromkeys(required, _TEXT)})
    fields: dict[str, Any] = {f"n{i} {v}": _TEXT for i, v in enumerate(names)}
    form = {"type": "object", "properties": fields | {"file": {**_TEXT, "format": "binary"}}}
    add("form", requestBody={"content": {"multipart/form-data": {"schema": form}}})
    # A YAML key can have 1,024 characters, and a file name 255.
    add("long", {**schema_of({**_TEXT, "title": v, "default": v} for v in ["n" * 10_000]), "description": "n" * 10_000})
    add("longer", {"type": "object", "properties": {"n" * 1_000: _TEXT}})
    for place in ("query", "header", "cookie"):
        parameters = [
            {"name": f"n{i} {v}", "in": place, "description": v, "schema": {**_TEXT, "default": v, "description": v}}
            for i, v in enumerate(values)
        ]
        add(place, parameters=parameters)
    for index, value in enumerate(values):
        more: dict[str, Any] = {"summary": value, "description": value, "tags": [f"t{index} {value}"]}
        titled = {"type": "object", "title": f"T{index} {value}", "properties": {"a": _TEXT}}
        path = f"/{index}"
        if value in names and not {"{", "\\"} & set(value) and ".." not in value:
            path = f"/{index}{value}/{{id}}"
            more["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": _TEXT}]
        post = add(f"o{index}{value}", titled, path, **more)
        post["responses"]["200"]["description"] = value
        if value in names:
            post["responses"]["200"]["headers"] = {value: {"description": value, "schema": _TEXT}}
            post["requestBody"] = {"content": {f'application/json; a="{value}"': {"schema": _TEXT}}}
            post["security"] = [{value: []}]
            scheme = {"type": "apiKey", "in": "header", "name": value}
            spec["components"].setdefault("securitySchemes", {})[value] = scheme
    return spec
