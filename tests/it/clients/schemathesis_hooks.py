"""What an OpenAPI document cannot well say of messages that become XML: requests with it are not among those that should be accepted."""

import re

import schemathesis

# XML 1.0 has no place for them; a document that said so at every string could not be read.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
# Right in leap years only.
LEAP_DAY = re.compile("-02-29")


@schemathesis.hook
def filter_body(context, body):
    return not held(body)


@schemathesis.hook
def filter_query(context, query):
    return not held(query)


@schemathesis.hook
def filter_path_parameters(context, path_parameters):
    return not held(path_parameters)


def held(value):
    if isinstance(value, str):
        return bool(CONTROL.search(value) or LEAP_DAY.search(value))
    if isinstance(value, dict):
        return any(held(v) for v in value.values())
    return isinstance(value, list) and any(held(v) for v in value)
