"""Rename the fields and parameters whose names generated functions use for themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # loading a generator takes longer than running it
    from openapi_python_client.config import Config
    from openapi_python_client.parser import GeneratorData
    from openapi_python_client.parser.openapi import Endpoint

_FIELDS = frozenset(
    [
        "additional_keys",
        "additional_properties",
        "additional_property",
        "cast",
        "cls",
        "field_dict",
        "from_dict",
        "prop",
        "prop_dict",
        "prop_name",
        "to_dict",
        "to_multipart",
    ]
)
"""Names in a generated model: its methods, and the variables of those."""
_PARAMETERS = frozenset(["body", "cast", "cookies", "headers", "httpx", "kwargs", "params", "quote", "response"])
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
