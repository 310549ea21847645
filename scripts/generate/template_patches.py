"""Amendments to the client generator's templates: its own defects, mended one exact passage at a time.

Each passage must occur exactly once in the installed template. A generator that mends a defect itself, or moves it,
stops the pipeline with the patch's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from scripts.lib.errors import PipelineError

_UPSTREAM = "https://github.com/openapi-generators/openapi-python-client"
_UNREPORTED = "no report known"


@dataclass(frozen=True)
class Patch:
    """One passage of one template, and what stands there instead."""

    name: str
    template: str
    why: str
    upstream: str
    """Where it was reported or came in."""
    old: str
    new: str


PATCHES: tuple[Patch, ...] = (
    Patch(
        name="multipart boundary, several bodies",
        template="endpoint_module.py.jinja",
        why="A fixed boundary lets a file that contains it close its part and inject form fields. httpx makes one.",
        upstream=f"{_UPSTREAM}/pull/1005",
        old="""
        {%- if body.content_type == "multipart/form-data" %}
        headers["Content-Type"] = "multipart/form-data; boundary=+++"
        {% else %}""",
        new="""
        {%- if body.content_type != "multipart/form-data" %}""",
    ),
    Patch(
        name="multipart boundary, one body",
        template="endpoint_module.py.jinja",
        why="A fixed boundary lets a file that contains it close its part and inject form fields. httpx makes one.",
        upstream=f"{_UPSTREAM}/pull/1005",
        old="""
    {%- if body.content_type == "multipart/form-data" %}
    headers["Content-Type"] = "multipart/form-data; boundary=+++"
    {% else %}""",
        new="""
    {%- if body.content_type != "multipart/form-data" %}""",
    ),
    Patch(
        name="status outside of http.HTTPStatus, where it is kept",
        template="types.py.jinja",
        why="A status is any integer; members of HTTPStatus are integers too and compare equal.",
        upstream=f"{_UPSTREAM}/issues/1442",
        old="    status_code: HTTPStatus\n",
        new="    status_code: int\n",
    ),
    Patch(
        name="odd statuses and answers, where they are read",
        template="endpoint_module.py.jinja",
        why=(
            "HTTPStatus(520) raises ValueError; 520 to 530 are what a proxy answers when the server is down. A body "
            "that does not match the spec leaves the parser as KeyError, TypeError or whatever comes; now as one class."
        ),
        upstream=f"{_UPSTREAM}/issues/1442",
        old="""    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )""",
        new="""    try:
        parsed = _parse_response(client=client, response=response)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise errors.invalid_response(response, error) from error
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=parsed,
    )""",
    ),
    Patch(
        name="answers that do not match the spec, their error",
        template="errors.py.jinja",
        why="The class for it; whoever made the httpx client may say by an extension of the response what to raise.",
        upstream=_UNREPORTED,
        old='__all__ = ["UnexpectedStatus"]',
        new='''class InvalidResponse(Exception):
    """Raised by api functions when the body of a response does not match the spec"""

    def __init__(self, status_code: int, content: bytes):
        self.status_code = status_code
        self.content = content

        super().__init__(f"The body of a response with status {status_code} does not match the spec")


def invalid_response(response: httpx.Response, error: Exception) -> Exception:
    """The exception for a body that does not match the spec"""
    make: Callable[[Exception], Exception] | None = response.extensions.get("invalid_response")
    return make(error) if make else InvalidResponse(response.status_code, response.content)


__all__ = ["InvalidResponse", "UnexpectedStatus", "invalid_response"]''',
    ),
    Patch(
        name="answers that do not match the spec, what the error needs",
        template="errors.py.jinja",
        why="The two imports of the function above.",
        upstream=_UNREPORTED,
        old='""" Contains shared errors types that can be raised from API functions """\n',
        new='''""" Contains shared errors types that can be raised from API functions """

from collections.abc import Callable

import httpx
''',
    ),
    Patch(
        name="several bodies, none of them needed",
        template="endpoint_module.py.jinja",
        why="One of several bodies is named with `Unset`, which is not imported. ruff removes it where it is unused.",
        upstream=_UNREPORTED,
        old="from ...types import Response, UNSET\n",
        new="from ...types import Response, UNSET, Unset\n",
    ),
    Patch(
        name="token in repr",
        template="client.py.jinja",
        why="A client that is printed or logged shows its key.",
        upstream=_UNREPORTED,
        old='type="str", default="", docstring="The token to use for authentication"',
        new='type="str", default="field(repr=False)", docstring="The token to use for authentication"',
    ),
    Patch(
        name="headers in repr",
        template="client.py.jinja",
        why="The key is copied into the headers at the first request, so they show it too.",
        upstream=_UNREPORTED,
        old='_headers: dict[str, str] = field(factory=dict, kw_only=True, alias="headers")',
        new='_headers: dict[str, str] = field(factory=dict, kw_only=True, alias="headers", repr=False)',
    ),
    Patch(
        name="cookies in repr",
        template="client.py.jinja",
        why="Cookies can be credentials.",
        upstream=_UNREPORTED,
        old='_cookies: dict[str, str] = field(factory=dict, kw_only=True, alias="cookies")',
        new='_cookies: dict[str, str] = field(factory=dict, kw_only=True, alias="cookies", repr=False)',
    ),
    Patch(
        name="httpx arguments in repr",
        template="client.py.jinja",
        why="They can hold `auth`.",
        upstream=_UNREPORTED,
        old='_httpx_args: dict[str, Any] = field(factory=dict, kw_only=True, alias="httpx_args")',
        new='_httpx_args: dict[str, Any] = field(factory=dict, kw_only=True, alias="httpx_args", repr=False)',
    ),
    Patch(
        name="endless default timeout",
        template="client.py.jinja",
        why="None given to httpx means no timeout at all: a request to a silent server never returns.",
        upstream=_UNREPORTED,
        old='_timeout: httpx.Timeout | None = field(default=None, kw_only=True, alias="timeout")',
        new='_timeout: httpx.Timeout | None = field(default=httpx.Timeout(60.0), kw_only=True, alias="timeout")',
    ),
    Patch(
        name="type errors in __exit__",
        template="client.py.jinja",
        why="httpx declares the three arguments; passing them on as Any fails mypy --strict.",
        upstream=_UNREPORTED,
        old="""    def __exit__(self, *args: Any, **kwargs: Any) -> None:
        \"""Exit a context manager for internal httpx.Client (see httpx docs)\"""
        self.get_httpx_client().__exit__(*args, **kwargs)""",
        new="""    def __exit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        \"""Exit a context manager for internal httpx.Client (see httpx docs)\"""
        self.get_httpx_client().__exit__(exc_type, exc_value, traceback)""",
    ),
    Patch(
        name="type errors in __aexit__",
        template="client.py.jinja",
        why="httpx declares the three arguments; passing them on as Any fails mypy --strict.",
        upstream=_UNREPORTED,
        old="""    async def __aexit__(self, *args: Any, **kwargs: Any) -> None:
        \"""Exit a context manager for underlying httpx.AsyncClient (see httpx docs)\"""
        await self.get_async_httpx_client().__aexit__(*args, **kwargs)""",
        new="""    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        \"""Exit a context manager for underlying httpx.AsyncClient (see httpx docs)\"""
        await self.get_async_httpx_client().__aexit__(exc_type, exc_value, traceback)""",
    ),
    Patch(
        name="import for __exit__",
        template="client.py.jinja",
        why="The two signatures above name it.",
        upstream=_UNREPORTED,
        old="from typing import Any, Self\n",
        new="from types import TracebackType\nfrom typing import Any, Self\n",
    ),
    Patch(
        name="UNSET does not survive copy and pickle",
        template="types.py.jinja",
        why="`is UNSET` decides what is sent; a copy or a pickled UNSET is another object, and is sent.",
        upstream=_UNREPORTED,
        old="""    def __bool__(self) -> Literal[False]:
        return False
""",
        new="""    def __bool__(self) -> Literal[False]:
        return False

    def __reduce__(self) -> str:
        return "UNSET"
""",
    ),
    Patch(
        name="file without a file name",
        template="types.py.jinja",
        why="httpx sends a part without a file name as a plain form field, which servers do not take for a file.",
        upstream=_UNREPORTED,
        old="        return self.file_name, self.payload, self.mime_type\n",
        new="""        name = self.file_name or getattr(self.payload, "name", None)
        base = name.replace("\\\\", "/").rpartition("/")[2] if isinstance(name, str) else ""
        return base or "file", self.payload, self.mime_type
""",
    ),
    Patch(
        name="null in a multipart body, its own branch",
        template="property_templates/union_property.py.jinja",
        why="A form has no null; it goes out as the text `None`. It is left out instead.",
        upstream=_UNREPORTED,
        old="""{% macro multipart(property, source, destination) %}
{% set ns = namespace(has_if = false) %}
{% for inner_property in property.inner_properties %}
""",
        new="""{% macro multipart(property, source, destination) %}
{% set ns = namespace(has_if = false) %}
{% set nullable = PythonCode("None") in property.get_type_strings_in_union(json=True) %}
{% for inner_property in property.inner_properties if inner_property.get_instance_type_string() != PythonCode("None") %}
""",
    ),
    Patch(
        name="null in a multipart body, the last branch",
        template="property_templates/union_property.py.jinja",
        why="With the branch of null gone, the last one must not take null either.",
        upstream=_UNREPORTED,
        old="""{% elif not loop.last %}

el{{ instance_check(inner_property, source) }}""",
        new="""{% elif nullable or not loop.last %}

el{{ instance_check(inner_property, source) }}""",
    ),
)

# Editors and `help` show a docstring where there is one.
PATCHES += tuple(
    Patch(
        name=f"docstrings, {what}",
        template=template,
        why="Who hovers over it, or reads the reference, is told what it is and what it raises.",
        upstream=_UNREPORTED,
        old=f"{signature}\n",
        new=f'{signature}\n{indent}"""{text}"""\n',
    )
    for what, template, signature, indent, text in (
        (
            "to_dict",
            "model.py.jinja",
            "    def to_dict(self) -> dict[str, Any]:",
            " " * 8,
            "The fields as JSON has them, under the names of the spec; what is UNSET is left out.",
        ),
        (
            "to_multipart",
            "model.py.jinja",
            "    def to_multipart(self) -> types.RequestFiles:",
            " " * 8,
            "The fields as parts of a form, for `files=` of httpx; what is UNSET is left out.",
        ),
        (
            "from_dict",
            "model.py.jinja",
            "    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:",
            " " * 8,
            "Read what JSON has; raises KeyError, TypeError or ValueError where it does not match the spec.",
        ),
        (
            "additional_keys",
            "model.py.jinja",
            "    def additional_keys(self) -> list[str]:",
            " " * 8,
            "The names of the fields that the spec does not name.",
        ),
        ("Unset", "types.py.jinja", "class Unset:", " " * 4, "The class of UNSET, for a field that is not there."),
        *(
            (
                kind,
                f"{kind.lower().removesuffix('enum')}_enum.py.jinja",
                f"class {{{{ enum.class_info.name }}}}({kind}):",
                " " * 4,
                "{{ (enum.description or 'What the spec names.') | safe_for_docstring | wordwrap(110) | indent(4) }}",
            )
            for kind in ("StrEnum", "IntEnum")
        ),
    )
)

# A property named `d` is a local variable of that name in the model's own parser.
PATCHES += tuple(
    Patch(
        name=f"a property named d, {number}",
        template="model.py.jinja",
        why="The parser keeps the fields that are left in `d`; a property of that name overwrites them.",
        upstream=_UNREPORTED,
        old=old,
        new=new,
    )
    for number, (old, new) in enumerate(
        (
            ("        d = dict(src_dict)\n", "        _left = dict(src_dict)\n"),
            ("""'d.pop("' + (property.name | in_double_quote_literal) + '")'""",
             """'_left.pop("' + (property.name | in_double_quote_literal) + '")'"""),
            ("""'d.pop("' + (property.name | in_double_quote_literal) + '", UNSET)'""",
             """'_left.pop("' + (property.name | in_double_quote_literal) + '", UNSET)'"""),
            ("for prop_name, prop_dict in d.items():", "for prop_name, prop_dict in _left.items():"),
            ("{{ module_name }}.additional_properties = d\n", "{{ module_name }}.additional_properties = _left\n"),
        ),
        start=1,
    )
)  # fmt: skip

# Plain fields of a form: browsers, and the providers' own SDKs, send them without a media type.
_PLAIN = {
    "any": "str({{source}}).encode()",
    "boolean": "str({{source}}).encode()",
    "const": "{{ source }}",
    "date": "{{ source }}.isoformat().encode()",
    "datetime": "{{ source }}.isoformat().encode()",
    "enum": "str({{ source }}.value).encode()",
    "float": "str({{source}}).encode()",
    "int": "str({{source}}).encode()",
    "literal_enum": "str({{ source }}).encode()",
    "uuid": "str({{ source }})",
}
PATCHES += tuple(
    Patch(
        name=f"media type of a plain field, {kind}",
        template=f"property_templates/{kind}_property.py.jinja",
        why="A field that names a media type is not what servers get from the providers' own SDKs.",
        upstream=_UNREPORTED,
        old=f'(None, {value}, "text/plain")',
        # JSON's spelling of a truth value, not Python's.
        new=f"(None, {value.replace('.encode()', '.lower().encode()') if kind == 'boolean' else value}, None)",
    )
    for kind, value in _PLAIN.items()
)


def patched_templates(into: Path) -> Path:
    """Write the amended templates into a folder that the generator searches before its own."""
    installed = files("openapi_python_client") / "templates"
    texts: dict[str, str] = {}
    for patch in PATCHES:
        text = texts.get(patch.template) or (installed / patch.template).read_text("utf-8")
        if (found := text.count(patch.old)) != 1:
            raise PipelineError(
                f"patch '{patch.name}': its passage occurs {found} times in the installed template "
                f"{patch.template}, not once. Fixed upstream? Then delete it from scripts/generate/template_patches.py"
            )
        texts[patch.template] = text.replace(patch.old, patch.new)
    for name, text in texts.items():
        path = into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return into
