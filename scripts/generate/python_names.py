"""Names in generated code: one for each class and enum value, and none that the code uses for itself."""

from __future__ import annotations

import collections
import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from scripts.generate.schemas import rewritten, schemas_changed, schemas_of, with_schemas

if TYPE_CHECKING:  # loading a generator takes longer than running it
    from openapi_python_client.config import Config
    from openapi_python_client.parser import GeneratorData
    from openapi_python_client.parser.openapi import Endpoint


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set of names."""
    return frozenset(text.split())


RESERVED_CLASSES = words(
    "AdditionalProperties Any AuthenticatedClient BinaryIO BytesIO Client File FileTypes Generator HTTPStatus IntEnum "
    "Literal Mapping PropDict PropName RequestFiles Response StrEnum T TextIO TypeVar UNSET UUID Unset"
)
"""Names that generated modules import or define."""
_FIELDS = words(
    "additional_keys additional_properties additional_property cast cls field_dict from_dict prop prop_dict prop_name "
    "to_dict to_multipart"
)
"""Names in a generated model: its methods, and the variables of those."""
_PARAMETERS = words("body cast cookies headers httpx kwargs params quote response")
"""Names in a generated function of an operation."""


def rename(data: GeneratorData, config: Config) -> None:
    """Give such a field an underscore, and such a parameter its location."""
    for model in data.models:
        fields: list[Any] = [*(model.required_properties or ()), *(model.optional_properties or ())]
        _rename(fields, _FIELDS, config)
    for collection in data.endpoint_collections_by_tag.values():
        for endpoint in collection.endpoints:
            _rename_parameters(endpoint, config)


def _rename(fields: Iterable[Any], reserved: frozenset[str], config: Config) -> None:
    inner = {name for field in fields for name in _inner_names(field)}
    taken = {str(field.python_name) for field in fields}
    for field in fields:
        if (name := str(field.python_name)) in reserved or name in inner:
            _set_name(field, name, taken, config)


def _rename_parameters(endpoint: Endpoint, config: Config) -> None:
    parameters: list[tuple[str, Any]] = [(str(place.value), field) for place, field in endpoint.iter_all_parameters()]
    taken = {str(field.python_name) for _, field in parameters}
    made = {f"json_{name}" for name in taken} | {name for _, field in parameters for name in _inner_names(field)}
    for place, field in parameters:
        if (name := str(field.python_name)) in _PARAMETERS or name in made:
            _set_name(field, f"{name}_{place}", taken, config)
            if place == "path":
                from openapi_python_client.schema import UntrustedString

                path = endpoint.path.get_untrusted_value()
                endpoint.path = UntrustedString(path.replace(f"{{{name}}}", f"{{{field.python_name}}}"))


def _set_name(field: Any, name: str, taken: set[str], config: Config) -> None:
    from openapi_python_client.strings import PythonIdentifier

    while name in taken or name == field.python_name:
        name += "_"
    taken.add(name)
    new = str.__new__(PythonIdentifier, name)
    object.__setattr__(field, "python_name", new)


def _inner_names(field: Any) -> Iterator[str]:
    """The names of the variables for the items of an array."""
    for inner in (*getattr(field, "inner_properties", ()), *filter(None, [getattr(field, "inner_property", None)])):
        yield from (str(inner.python_name), f"{inner.python_name}_data", f"{inner.python_name}_element")
        yield from _inner_names(inner)


def with_enum_names(spec: dict[str, Any]) -> dict[str, Any]:
    """Enum values that would share one member name get names of their own; the generator would lose all but one."""
    from openapi_python_client.strings import snake_case

    def named(node: dict[str, Any]) -> dict[str, Any]:
        values = node.get("enum")
        if isinstance(values, list) and values and all(isinstance(value, str) for value in values):
            return {"x-enum-varnames": names(values), **node}
        return node

    def names(values: list[str]) -> list[str]:
        taken: dict[str, None] = {}
        for index, value in enumerate(values):
            plain = snake_case(value.upper()).upper() if value and value[0].isalpha() else ""
            plain = plain if plain.isidentifier() else f"VALUE_{index}"
            name = plain if plain not in taken else f"{plain}_VALUE_{index}"
            while name in taken:
                name = f"{name}_{index}"
            taken[name] = None
        return list(taken)

    result: dict[str, Any] = rewritten(spec, named)
    return result


def with_own_titles(spec: dict[str, Any]) -> dict[str, Any]:
    """Each schema is a class of its own, with a name that generated modules do not import.

    FastAPI writes two schemas `Agent-Input` and `Agent-Output` with one title; the client generator refuses the second.
    """
    from openapi_python_client.strings import ClassName

    def class_name(schema: Any, name: str = "") -> str:
        title = schema.get("title") if isinstance(schema, dict) else None
        return str(ClassName(title if isinstance(title, str) else name, "field_"))

    classes = [each for each in schemas_of(spec) if each.keys() & {"properties", "enum", "additionalProperties"}]
    titles = collections.Counter(class_name(each) for each in classes if "title" in each)
    schemas: dict[str, Any] = spec.get("components", {}).get("schemas", {})
    roots = {id(schema) for schema in schemas.values()}

    def untitled(schema: dict[str, Any]) -> dict[str, Any]:
        if id(schema) in roots or "title" not in schema or titles[class_name(schema)] < 2:
            return schema
        return {key: value for key, value in schema.items() if key != "title"}

    spec = schemas_changed(spec, untitled, keep=True)
    sharing: dict[str, list[str]] = {}
    for name, schema in schemas.items():
        sharing.setdefault(class_name(schema, name), []).append(name)
    taken = {known for known, names in sharing.items() if len(names) == 1} | RESERVED_CLASSES
    own: dict[str, Any] = {}
    for known, names in sharing.items():
        for name in names if len(names) > 1 or known in RESERVED_CLASSES else ():
            plain = known if known in RESERVED_CLASSES else str(ClassName(name, "field_"))
            others = (f"{plain}{number}" for number in itertools.count(2))
            title = next(each for each in itertools.chain([plain, f"{plain}Model"], others) if each not in taken)
            taken.add(title)
            own[name] = {**spec["components"]["schemas"][name], "title": title}
    return with_schemas(spec, {**spec["components"]["schemas"], **own}) if own else spec
