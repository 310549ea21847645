"""Known facts about the providers hold for the effective specs.

An example is validated twice: by the spec, under its version of OpenAPI, and by the contract models of another
generator.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from pydantic import ValidationError

from scripts.lib.project import find_providers
from tests.clips import WAV
from tests.contract.cases import cases, for_each
from tests.contract.documents import Document, document
from tests.contract.evidence import (
    FOLDER,
    Evidence,
    Example,
    as_form,
    declared_only,
    differences,
    evidence,
    place_of,
    problems,
    read,
    shown,
)
from tests.contract.failures import Breach, breach
from tests.contract.validators import contract_model
from voice_clone import connect

CHANGED = (
    "has the provider changed its mind? Then change the evidence, with its new source. Otherwise the spec lies: "
    "correct overlay.yaml and generate anew"
)
UNREAD_BY_CONTRACTS = {
    "dependentRequired": "datamodel-code-generator ignores it",
    "x-max-items-by": "an extension that our shim reads",
    "contentType": "a model of a form holds a file's bytes only",
    "binary": "a model of a form takes text for bytes",
    "header": "there are models of bodies only",
    "path": "there are models of bodies only",
    "body": "there are models of documented bodies only",
    "query": "there are models of bodies only",
    "media_type": "there are models of JSON only",
}
"""Keywords that contract models do not support, each with the reason."""


# The contract models as judge


def contract_problems(example: Example) -> list[str]:
    """Why the contract models refuse an example, or nothing."""
    operation = document(example.provider).operation(example.operation)
    answer = next((each for each in operation.answers if each.status == str(example.status)), None)
    body = answer.body if answer else operation.body
    if body is None:
        return []
    value = example.body if answer else as_form(operation, example.body)[1]
    data = declared_only(value, example.undeclared if example.accepted else [])
    model = contract_model(body, operation, answer)
    try:
        model.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        return [f"{model.__name__}.{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    return []


# Tests of the evidence

EXAMPLES = for_each("example", lambda document: [example for known in evidence(document) for example in known.examples])
KNOWN = for_each("known", evidence)


def test_every_evidence_file_has_a_provider() -> None:
    """Every evidence file belongs to a folder in `specs/`."""
    names = {provider.name for provider in find_providers()}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix != ".yaml" or path.stem not in names:
            breach(shown(path), f"there is no provider {path.stem}", do="delete or rename the file", providers=names)


@pytest.mark.parametrize(
    "entry",
    [
        "{operation: a, why: b, source: page, accepted: true, boddy: 1}",
        "{operation: a, why: b, source: page, accepted: true, status: 200}",
        "{operation: a, why: b, source: page}",
        "{operation: a, why: b, source: hearsay, accepted: true}",
        "{operation: a, why: b, accepted: true}",
        "{operation: a, why: b, source: page, accepted: true, where: c}",
    ],
)
def test_evidence_is_read_strictly(tmp_path: Path, entry: str) -> None:
    """An entry with an unknown key or source, or with a missing part, is reported with its line."""
    path = tmp_path / "acme.yaml"
    rest = "clone: {}\noperations: {}\nenums: {}\nanswers: []\nrequests:\n"
    path.write_text("sources: {page: 'https://docs.example'}\n" + rest + f"  - {entry}\n", encoding="utf-8")
    with pytest.raises(Breach, match=r"acme\.yaml:7"):
        read(path)


@KNOWN
def test_facts_hold(known: Evidence) -> None:
    """URLs, keys, parameters, media types, defaults, statuses and enums of the spec are the known ones."""
    for kind, name, place, says, truth in differences(known, document(known.provider)):
        do = CHANGED
        breach(
            place, f"{name}: {kind} are not what is known", do=do, evidence=known.about(name), spec=says, known=truth
        )


@EXAMPLES
def test_spec_accepts_what_the_provider_accepts(example: Example) -> None:
    """An effective spec accepts and declares each known example, and refuses the others."""
    spec = document(example.provider)
    for variant in example.variants():
        reasons = problems(spec, variant)
        if variant.accepted == bool(reasons):
            problem = "refuses what it must take" if variant.accepted else "takes what it must refuse"
            breach(
                place_of(spec, variant),
                f"the spec of {example.provider} {problem}: {example.why}",
                do=CHANGED,
                example=variant.body if variant.headers is None else {"headers": variant.headers, "body": variant.body},
                because=[reason.text for reason in reasons],
                evidence=f"{example.where} (source: {example.source})",
            )


def unread(example: Example) -> set[str]:
    """The keywords that alone refuse an example, if contract models do not support any of them."""
    keywords = {problem.keyword for problem in problems(document(example.provider), example)}
    return keywords if keywords <= set(UNREAD_BY_CONTRACTS) else set()


@EXAMPLES
def test_contract_models_accept_what_the_provider_accepts(example: Example) -> None:
    """The contract models judge each example like the provider, except for unsupported keywords."""
    for variant in example.variants():
        reasons = contract_problems(variant)
        if variant.accepted == bool(reasons) and not (not variant.accepted and unread(variant)):
            problem = "refuse what they must take" if variant.accepted else "take what they must refuse"
            breach(
                place_of(document(example.provider), variant),
                f"the contract models of {example.provider} {problem}: {example.why}",
                do=CHANGED + "; or does datamodel-code-generator read a keyword otherwise? See UNREAD_BY_CONTRACTS",
                example=variant.body,
                because=reasons,
                evidence=f"{example.where} (source: {example.source})",
            )


@pytest.mark.parametrize("keyword", UNREAD_BY_CONTRACTS)
def test_unsupported_keywords_of_contract_models_are_needed(keyword: str) -> None:
    """Each keyword listed as unsupported refuses an example that contract models accept."""
    every = (variant for known in cases(evidence) for example in known.examples for variant in example.variants())
    refused = (variant for variant in every if not variant.accepted and keyword in unread(variant))
    if not any(not contract_problems(variant) for variant in refused):
        breach("tests/contract/test_evidence.py", f"{keyword} needs no exception", do="delete it: UNREAD_BY_CONTRACTS")


# The shim returns the voice of a response


def answering(known: Evidence, example: Example) -> Callable[[httpx.Request], httpx.Response]:
    """A mock of the provider by its evidence: it returns the example, and success for other operations."""

    def problem(request: httpx.Request, fact: dict[str, Any]) -> str | None:
        keys = [line.replace("KEY", "any-key").split(": ") for line in fact["keys"]]
        if not any(request.headers.get(name) == text for name, text in keys):
            return f"none of the keys {fact['keys']}"
        missing = [each for each in fact["parameters"] if each[:7] == "header " and each[7:] not in request.headers]
        media_type = request.headers.get("content-type", "").split(";")[0] or None
        return f"missing {missing}, sends {media_type}" if missing or media_type != fact["sends"] else None

    def answer(request: httpx.Request) -> httpx.Response:
        for name, fact in known.operations.items():
            pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(fact["request"]))
            if re.fullmatch(pattern, f"{request.method} {request.url}"):
                if wrong := problem(request, fact):
                    breach(known.about(name), f"the shim's request has {wrong}", do=CHANGED, request=request)
                good = (e for e in known.examples if e.operation == name and e.accepted and (e.status or 0) // 100 == 2)
                chosen = example if example.operation == name else next(good)
                return httpx.Response(chosen.status or 0, json=chosen.body)
        return breach(known.about("operations"), "the shim asks for what is not known", do=CHANGED, request=request)

    return answer


def voices(document: Document) -> list[Any]:
    """The response examples with a known voice."""
    return [
        pytest.param(known, example, id=str(example))
        for known in evidence(document)
        for example in known.examples
        if example.voice
    ]


@for_each(("known", "example"), voices)
def test_clone_returns_the_known_voice_of_a_response(known: Evidence, example: Example) -> None:
    """`clone` uses the provider's known URL and returns exactly the known voice."""
    with connect(known.provider, api_key="any-key", transport=httpx.MockTransport(answering(known, example))) as client:
        voice = cast("Any", client).clone(WAV, **known.clone)
    fields = {name: getattr(voice, name) for name in ("id", "name", "language", "preview_url", "created_at")}
    fields["created_at"] = fields["created_at"] and fields["created_at"].isoformat()
    if fields != example.voice or voice.provider != known.provider or voice.raw != example.body:
        breach(
            place_of(document(known.provider), example),
            "the shim makes another voice of an answer than it describes",
            do=f"mend src/voice_clone/providers/{known.provider}.toml; {CHANGED}",
            answer=example.body,
            made=fields,
            known=example.voice,
            evidence=f"{example.where} (source: {example.source})",
        )
