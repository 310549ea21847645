"""Compare the servers of a document or an operation, and their variables."""

from __future__ import annotations

from dataclasses import replace

from scripts.compare.changes import Side, pairs
from scripts.compare.findings import Findings
from scripts.compare.openapi import listing, mapping, text_of
from scripts.compare.schemas import Place
from scripts.lib.files import same_json
from scripts.lib.openapi import pointer


def server_list(*places: Place) -> tuple[list[Place], str]:
    """The servers of the first of these that names any."""
    for place in places:
        if servers := listing(place, "servers"):
            return servers, pointer(place.pointer, "servers")
    return [Place({}, {"url": "/"}, "/servers")], "/servers"


def compare_servers(findings: Findings, old: tuple[list[Place], str], new: tuple[list[Place], str]) -> None:
    """Compare two lists of servers, each with its pointer."""
    before, after = ({text_of(place, "url").rstrip("/"): place for place in servers} for servers, _ in (old, new))
    urls = ([text_of(place, "url") for place in old[0]], [text_of(place, "url") for place in new[0]])
    for url, place in before.items():
        if url not in after:
            what = f"server {place.schema.get('url')} is gone; there is {', '.join(urls[1])}"
            findings.add("server-removed", Side.REQUEST, pointer(place.pointer, "url"), what, urls)
            continue
        _compare_variables(findings, url, place, after[url])
        findings.compare_rest(place, after[url], ("url", "variables"), Side.REQUEST, thing=f"server {url}")
    for url, place in after.items():
        if url not in before:
            what = f"server {place.schema.get('url')} is new"
            findings.add("server-added", Side.REQUEST, pointer(place.pointer, "url"), what, urls)
    if next(iter(before)) != next(iter(after)) and next(iter(before)) in after:
        what = f"the first server is {urls[1][0]}, was {urls[0][0]}"
        findings.add("first-server-changed", Side.REQUEST, new[1], what, urls)


def _compare_variables(findings: Findings, url: str, one: Place, two: Place) -> None:
    """Compare the variables in the URL of a server."""
    for name, before, after in pairs(mapping(one, "variables"), mapping(two, "variables")):
        new = after or Place(two.document, {}, pointer(two.pointer, "variables", name))
        old = before or replace(new, schema={})
        thing = f"variable `{name}` of server {url}"
        if not same_json(old.schema.get("default"), new.schema.get("default")):
            was, now = old.schema.get("default"), new.schema.get("default")
            what = f"{thing} is {now}, was {was}, where it is not given"
            at = pointer(new.pointer, "default")
            findings.add("server-variable-default-changed", Side.REQUEST, at, what, (was, now))
        was, now = old.schema.get("enum"), new.schema.get("enum")
        if not same_json(was, now):
            lost = now and (not was or {*map(str, was)} - {*map(str, now)})
            rule = "server-variable-narrowed" if lost else "server-variable-widened"
            what = f"{thing} may be {now or 'anything'}, was {was or 'anything'}"
            findings.add(rule, Side.REQUEST, pointer(new.pointer, "enum"), what, (was, now))
        findings.compare_rest(old, new, ("default", "enum"), Side.REQUEST, thing=thing)
