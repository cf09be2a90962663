# SPDX-License-Identifier: Apache-2.0
"""Checks a document against the part of JSON Schema 2020-12 that the schemas in docs/ use.

A keyword that is not known here is an error, so that nothing in the schema is silently not checked.
"""

import os
import re

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}
ANNOTATIONS = {"$schema", "$id", "$defs", "title", "description"}


def has_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def resolve(root, reference):
    node = root
    for key in reference[2:].split("/"):
        node = node[key]
    return node


def check_object(root, schema, value, where):
    errors = ["%s: %s is missing" % (where, key) for key in schema.get("required", []) if key not in value]
    properties = schema.get("properties", {})
    others = schema.get("additionalProperties", True)
    for key, member in value.items():
        place = "%s.%s" % (where, key)
        if "propertyNames" in schema:
            errors += check(root, schema["propertyNames"], key, place)
        if key in properties:
            errors += check(root, properties[key], member, place)
        elif others is False:
            errors.append("%s: is not in the schema" % place)
        elif others is not True:
            errors += check(root, others, member, place)
    return errors


def check_keyword(root, schema, keyword, wanted, value, where):
    if keyword in ANNOTATIONS or keyword in ("required", "properties", "additionalProperties", "propertyNames"):
        return []
    if keyword == "$ref":
        return check(root, resolve(root, wanted), value, where)
    if keyword == "type":
        names = wanted if isinstance(wanted, list) else [wanted]
        good = any(has_type(value, name) for name in names)
    elif keyword == "enum":
        good = value in wanted
    elif keyword == "const":
        good = value == wanted
    elif keyword == "minimum":
        good = not isinstance(value, (int, float)) or value >= wanted
    elif keyword == "pattern":
        good = not isinstance(value, str) or re.search(wanted, value, re.DOTALL)
    elif keyword == "anyOf":
        good = any(not check(root, one, value, where) for one in wanted)
    elif keyword == "items":
        if not isinstance(value, list):
            return []
        return [e for i, item in enumerate(value) for e in check(root, wanted, item, "%s[%d]" % (where, i))]
    else:
        raise ValueError("%s: keyword %s of the schema is not known to this check" % (where, keyword))
    return [] if good else ["%s: %r does not meet %s %r" % (where, value, keyword, wanted)]


def check(root, schema, value, where="report"):
    """The list of what is wrong; empty for a valid document."""
    errors = []
    for keyword, wanted in schema.items():
        errors += check_keyword(root, schema, keyword, wanted, value, where)
    if isinstance(value, dict):
        errors += check_object(root, schema, value, where)
    return errors


def objects(node, path=()):
    """Paths of all objects of a document, outer ones first."""
    if isinstance(node, dict):
        yield path
        for key, value in node.items():
            yield from objects(value, path + (key,))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from objects(value, path + (index,))


def at(document, path):
    for step in path:
        document = document[step]
    return document


def jsonschema_validator(test, schema):
    """Of the Python package jsonschema, for a schema that it finds right; skips the test where it is not there."""
    try:
        import jsonschema
    except ImportError:
        if os.environ.get("LOCKTRAIL_REQUIRE") == "all":
            test.fail("the Python package jsonschema is not installed")
        test.skipTest("the Python package jsonschema is not installed")
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)
