"""Unions and `allOf` in the forms that the client generator reads."""

from __future__ import annotations

from scripts.generate.schemas import (
    ANNOTATIONS,
    UNIONS,
    Json,
    is_object,
    is_requirement,
    known_values,
    resolved,
    schemas_of,
    swallows,
    with_schemas,
)


def with_flat_unions(spec: Json, schema: Json) -> Json:
    """`allOf` and unions in the forms that the generator reads."""
    new = dict(schema)
    if isinstance(types := new.get("type"), list):
        new["type"] = sorted(types, key=lambda kind: kind != "boolean")
    if isinstance(members := new.get("allOf"), list):
        notes = [each for each in members if not each.keys() - ANNOTATIONS]
        parts = [each for each in members if each.keys() - ANNOTATIONS]
        flattened = [part for each in parts for part in (each["allOf"] if each.keys() == {"allOf"} else [each])]
        for note in notes:
            new = {**note, **new}
        beside = {key: new.pop(key) for key in ("properties", "required") if len(flattened) == 1 and key in new}
        if beside:  # the generator takes a single reference for the whole
            flattened.append({"type": "object", **beside})
        new["allOf"] = flattened
        unions = [part for part in flattened if _is_union(resolved(spec, part))]
        if len(unions) == 1 and len(flattened) > 1:
            union = resolved(spec, unions[0])
            others = [part for part in flattened if part is not unions[0]]
            others += [{key: union[key] for key in ("type", "properties", "required") if key in union}]
            new = {key: value for key, value in new.items() if key not in ("allOf", "type")}
            for key in UNIONS:
                if key in union:
                    new[key] = [{"allOf": [each, *filter(None, others)]} for each in union[key]]
        if len(flattened) == 1 and "$ref" not in flattened[0]:
            new = {**flattened[0], **{key: value for key, value in new.items() if key != "allOf"}}
    for key in UNIONS:
        variants = new.get(key)
        if not isinstance(variants, list) or not variants:
            continue
        new[key] = variants = sorted(variants, key=lambda each: each.get("type") != "boolean")  # Python's True is 1
        if all(is_requirement(each) for each in variants):
            del new[key]  # which fields are needed together: no matter of types
        elif any(not each.keys() - ANNOTATIONS for each in variants):
            return {name: value for name, value in new.items() if name in ANNOTATIONS}
        elif all(isinstance(each.get("const"), str) for each in variants):
            del new[key]
            new |= {"type": "string", "enum": list(dict.fromkeys(each["const"] for each in variants))}
        elif common := {name: value for name, value in new.items() if name in ("properties", "required")}:
            new = {name: value for name, value in new.items() if name not in ("properties", "required", "type")}
            new[key] = [_with_common(each, common) for each in variants]
    return new


def _is_union(schema: Json) -> bool:
    return any(not is_requirement(each) for key in UNIONS for each in schema.get(key, ()))


def with_named_variants(spec: Json) -> Json:
    """Variants of a component that extend another are components: the generator reads the other one before them."""
    schemas: Json = spec["components"].get("schemas", {})
    new: Json = dict(schemas)
    for name, schema in schemas.items():
        for key in UNIONS:
            variants = list(schema.get(key, ()))
            for index, variant in enumerate(variants):
                own = f"{name}_type_{index}"
                if "allOf" in variant and own not in new:
                    new[own] = variant
                    variants[index] = {"$ref": f"#/components/schemas/{own}"}
            if variants:
                new[name] = {**new[name], key: variants}
    return with_schemas(spec, new)


def _with_common(variant: Json, common: Json) -> Json:
    """A variant of a union with the fields that stand beside the union."""
    if "$ref" in variant or "allOf" in variant:
        return {"allOf": [*variant.get("allOf", [variant]), {"type": "object", **common}]}
    required = [*common.get("required", []), *variant.get("required", [])]
    return {
        **variant,
        "type": "object",
        "properties": {**common.get("properties", {}), **variant.get("properties", {})},
        **({"required": list(dict.fromkeys(required))} if required else {}),
    }


def with_discriminators(spec: Json) -> Json:
    """Each variant of a union with a discriminator takes its own values of the discriminating field only."""
    spec = _with_unions_of_children(spec)
    schemas: Json = dict(spec["components"].get("schemas", {}))
    told: dict[tuple[str, str], list[str]] = {}
    for union in schemas_of(spec):
        if not isinstance(discriminator := union.get("discriminator"), dict):
            continue
        field, mapping = discriminator.get("propertyName", ""), discriminator.get("mapping") or {}
        for reference in [each.get("$ref", "") for key in UNIONS for each in union.get(key, ()) if field]:
            name = reference.rpartition("/")[2]
            values = [value for value, target in mapping.items() if target == reference] or [name]
            if name in schemas and is_object(spec, schemas[name]):
                known = told.setdefault((name, field), [])
                known += [value for value in values if value not in known]
    for (name, field), values in told.items():
        schema = schemas[name]
        if known_values(spec, schema, field) is None:
            only: Json = {"type": "string", "enum": values}
            direct = field in schema.get("properties", {}) or "allOf" not in schema
            if direct and len(values) == 1:
                only = {"const": values[0]}
            described = schema.get("properties", {}).get(field, {})
            only |= {"description": described["description"]} if "description" in described else {}
            required = schema.get("required", [])
            schema = {
                **schema,
                "properties": {**schema.get("properties", {}), field: only},
                "required": required if field in required else [*required, field],
            }
        schemas[name] = schema
    return with_schemas(spec, schemas)


def _with_unions_of_children(spec: Json) -> Json:
    """A base with a discriminator becomes the union of the schemas that extend it."""
    schemas: Json = spec["components"].get("schemas", {})
    new: Json = dict(schemas)
    for base, schema in schemas.items():
        if "discriminator" not in schema or schema.keys() & set(UNIONS):
            continue
        reference = {"$ref": f"#/components/schemas/{base}"}
        children = [name for name, each in schemas.items() if reference in each.get("allOf", ())]
        if not children:
            continue
        parent = f"{base}Base"
        while parent in new:
            parent += "_"
        new[parent] = {key: value for key, value in schema.items() if key not in ("discriminator", "title")}
        for child in children:
            parts = [{"$ref": f"#/components/schemas/{parent}"} if part == reference else part
                     for part in new[child]["allOf"]]  # fmt: skip
            new[child] = {**new[child], "allOf": parts}
        union = [{"$ref": f"#/components/schemas/{child}"} for child in children]
        new[base] = {"oneOf": union, "discriminator": schema["discriminator"]}
    return with_schemas(spec, new)


def with_ordered_variants(spec: Json, schema: Json) -> Json:
    """A variant that would take the values of a later one comes after it."""
    for key in UNIONS:
        variants = schema.get(key)
        if not isinstance(variants, list) or len(variants) < 2:
            continue
        left, order = list(variants), []
        while left:
            free = (each for each in left if not any(_goes_after(spec, each, other) for other in left))
            order.append(first := next(free, left[0]))
            left.remove(first)
        if order != variants:
            schema = {**schema, key: order}
    return schema


def _goes_after(spec: Json, variant: Json, other: Json) -> bool:
    return variant is not other and swallows(spec, variant, other) and not swallows(spec, other, variant)
