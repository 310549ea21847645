"""An adversary's collection of documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.pipeline.helpers import document, operation

CANARY = "VOICE_CLONE_CANARY"
RUN = f"__import__('os').environ.__setitem__('{CANARY}', '1')"
# Texts that would end a string, a docstring, a comment or a template, and go on as code.
TEXTS = {
    "double": f'"; {RUN}; "',
    "single": f"'; {RUN}; '",
    "docstring": f'"""\n{RUN}\n"""',
    "docstring_single": f"'''\n{RUN}\n'''",
    "backslash": f'\\"\n{RUN}\n"',
    "trailing": "a\\",
    "raw_docstring": f'\\"""\n{RUN}\n\\"""',
    "line": f"a\n{RUN}\n",
    "carriage": f"a\r{RUN}\r",
    "fstring": f"{{{RUN}}}",
    "template": "{{ 7*7 }}{% raw %}{# x #}{{ cycler.__init__.__globals__.os }}",
    "parenthesis": f"a), {RUN}, (",
    "comment": f"# x\n{RUN}",
    "type": f"str]\n{RUN}\nx: list[str",
}
# Names that mean something to Python, to a shell or to a file system.
NAMES = [
    "print", "type", "class", "None", "self", "__init__", "__class__", "os", "httpx", "types", "client", "models",
    "api", "../../evil", "/etc/evil", "a/b", "..", "a\\b", "😀", "é", "x" * 60, "import",
    "UNSET", "cast", "Any", "field_dict",
]  # fmt: skip


def everywhere(text: str) -> dict[str, Any]:
    """A document that has a text wherever a text may stand."""
    described = {"description": text, "title": "A title"}
    schema = {
        "type": "object",
        "title": "Thing",
        "description": text,
        "properties": {
            "plain": {"type": "string", "default": text, **described, "example": text, "pattern": "^a$"},
            "choice": {"type": "string", "enum": [text, "good"], "default": "good"},
            "constant": {"type": "string", "const": text},
            "listed": {"type": "array", "items": {"type": "string", "description": text}},
            "held": {"type": "object", "additionalProperties": {"type": "string", "description": text}},
            "text_named": {"type": "string"},
        },
        "example": {"plain": text},
        "x-extension": text,
    }
    parameters = [
        {
            "name": "q",
            "in": "query",
            "schema": {"type": "string", "default": text},
            "description": text,
            "example": text,
        },
        {"name": "H", "in": "header", "schema": {"type": "string"}, "description": text},
    ]
    post = operation("make", {"$ref": "#/components/schemas/Thing"}, summary=text, description=text, tags=["t"])
    post |= {
        "parameters": parameters,
        "requestBody": {
            "description": text,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}},
        },
        "externalDocs": {"url": "https://docs.example", "description": text},
    }
    post["responses"]["400"] = {"description": text}
    made = document({"/make": {"post": post, "summary": text, "description": text}}, Thing=schema)
    made |= {
        "servers": [{"url": "https://api.example", "description": text}],
        "tags": [{"name": "t", "description": text}],
    }
    made["info"] |= {"title": text, "description": text, "version": text}
    made["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "description": text}}
    return made


def as_names(names: list[str]) -> dict[str, Any]:
    """A document that has such names for properties, schemas, parameters, tags and operations."""
    properties = {name: {"type": "string"} for name in names}
    get = operation("look", {"type": "object", "properties": properties})
    get["parameters"] = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    return document({"/look": {"get": get}})


def named(what: str, name: str) -> dict[str, Any]:
    """A document in which one thing has such a name."""
    made: dict[str, Any] = document(
        {"/look": {"get": operation("look", {"$ref": "#/components/schemas/T"})}}, T={"type": "object"}
    )
    get = made["paths"]["/look"]["get"]
    match what:
        case "operation":
            get["operationId"] = name
        case "tag":
            get["tags"] = [name]
        case "schema":
            made["components"]["schemas"] = {name: {"type": "object", "title": name}}
            del get["responses"]["200"]["content"]
        case "path":
            made["paths"] = {name: made["paths"]["/look"]}
        case "media type":
            content = get["responses"]["200"]["content"]
            get["responses"]["200"]["content"] = {name: content["application/json"]}
        case "status":
            get["responses"] = {name: get["responses"]["200"]}
        case "header":
            get["parameters"] = [{"name": name, "in": "header", "schema": {"type": "string"}}]
        case "security":
            made["components"]["securitySchemes"] = {name: {"type": "apiKey", "in": "header", "name": name}}
            made["security"] = [{name: []}]
        case _:
            made["servers"] = [{"url": name}]
    return made


def referring(reference: str) -> dict[str, Any]:
    """A document that refers to something."""
    return document({"/look": {"get": operation("look", {"$ref": reference})}}, T={"type": "object"})


def deep(levels: int) -> dict[str, Any]:
    """A schema in a schema, so many times."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return document({"/look": {"get": operation("look", schema)}})


REFERENCES = ["file:///etc/passwd", "../../secret.yaml", "/etc/passwd", "secret.json#/a", "#anchor", "", "//x/y"]
WHATS = ["operation", "tag", "schema", "path", "media type", "status", "header", "security", "server"]
_BOMB = zip("abcdefghi", "bcdefghij", strict=True)
_PATHS = "paths: {/x: {get: {operationId: x, responses: {'200': {description: d}}}}}"


def _page(text: str) -> bytes:
    return f"````yaml\nopenapi: 3.0.3\n{text}\n````\n".encode()


PAGES = {
    "yaml_tag": _page("x: !!python/object/apply:os.system [id]"),
    "yaml_own_tag": _page("x: !include /etc/passwd"),
    "yaml_laughs": _page("a: &a [x]\n" + "\n".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in _BOMB)),
    "yaml_merge": _page(f"info: {{title: t, version: v}}\na: &a {{b: 1}}\nx-c: {{<<: *a}}\n{_PATHS}"),
    "yaml_flow": _page("a: " + "[" * 100_000),
    "yaml_blocks": _page("a:\n" + "\n".join(" " * level + "b:" for level in range(1, 2000))),
    "yaml_two": _page("---\nopenapi: 3.0.3"),
    "yaml_nul": _page(f'info: {{title: "a\\0b", version: v}}\n{_PATHS}'),
    "yaml_bidi": _page(f'info: {{title: "a\\u202eb", version: v}}\n{_PATHS}'),
    "not_utf8": _page("x: y").replace(b"y\n", b"\xff\n"),
}
SOURCES = {
    "override": '[class_overrides.T]\nmodule_name = "../../../../evil"\n',
    "climbing": '[[pages]]\nfile = "pages/../../../../secret.md"\n',
}


def documents(address: str) -> Iterator[tuple[str, Any]]:
    """All documents, each with a name; `address` is one that must not be asked for."""
    for name, text in TEXTS.items():
        yield f"text_{name}", everywhere(text)
    for number in range(0, len(NAMES), 5):
        yield f"names_{number}", as_names(NAMES[number : number + 5])
    for number, what in enumerate(WHATS):
        yield f"name_{number}_quote", named(what, f"/a\"b'{RUN}")
        yield f"name_{number}_climb", named(what, "/../../../evil")
        yield f"name_{number}_line", named(what, f"/a\n{RUN}\n#")
    for number, reference in enumerate([*REFERENCES, f"{address}/secret.yaml"]):
        yield f"reference_{number}", referring(reference)
    mapping = {"a": f"{address}/x.yaml#/T"}
    schema = {"oneOf": [{"type": "object"}], "discriminator": {"propertyName": "kind", "mapping": mapping}}
    yield "mapping", document({"/look": {"get": operation("look", schema)}})
    data = {"type": "object", "properties": {"$ref": {"type": "string"}}, "example": {"$ref": "file:///etc/passwd"}}
    yield "reference_as_data", document({"/look": {"get": operation("look", data)}})
    yield (
        "cycle",
        document(
            {"/look": {"get": operation("look", {"$ref": "#/components/schemas/T"})}},
            T={"type": "object", "properties": {"t": {"$ref": "#/components/schemas/T"}}},
        ),
    )
    yield "to_itself", document({"/look": {"get": operation("look")}}, T={"$ref": "#/components/schemas/T"})
    yield "deep", deep(90)
    yield "override", referring("#/components/schemas/T")
    yield "climbing", document({"/look": {"get": operation("look")}})
    yield from PAGES.items()
