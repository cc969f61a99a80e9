"""Holds the members of an answer against recorded.txt: what every recorded answer of AWS had must be there, and what none had
needs a reason. Must know nothing of values.
"""

import collections
import functools
import os

HERE = os.path.dirname(os.path.abspath(__file__))

# Members that recordings always have and an answer here may lack, and why.
LACKING = {
}

# Members that no recording has and an answer here may have, and why.
BEYOND = {
}


@functools.lru_cache(maxsize=None)
def table():
    """By service and operation: the members that were seen, and of each structure those that it always had."""
    found = {}
    with open(os.path.join(HERE, "recorded.txt"), encoding="utf-8") as lines:
        for line in lines:
            mark, _, rest = line.rstrip("\n").partition(" ")
            if line.startswith("["):
                service, operation, _ = line.strip("[]\n").split(" ")
                seen, always = found[service, operation] = (set(), collections.defaultdict(set))
            elif mark in "+.":
                seen.add(rest)
                if mark == "+":
                    parent, _, name = rest.rpartition(".")
                    always[parent].add(name)
    return found


def problems(model, parsed):
    """What the table has against a successful answer, one line a problem."""
    key = (model.service_model.service_name, model.name)
    if key not in table() or model.output_shape is None:
        return []
    seen, always = table()[key]
    found = []
    _walk(model.output_shape, parsed, "", seen, always, found)
    label = f"{model.service_model.service_id}.{model.name}"
    return [f"{label}: {line}" for line in found if (*key, line.split(" ")[0]) not in {**LACKING, **BEYOND}]


def _walk(shape, value, path, seen, always, found):
    if shape.type_name == "list":
        for one in value:
            _walk(shape.member, one, f"{path}[]", seen, always, found)
    if shape.type_name not in ("structure", "map"):
        return
    for name in sorted(always.get(path, ())):
        if name not in value:
            found.append(f"{_below(path, name)} is missing, which every recorded answer has")
    if shape.type_name == "map":
        return
    for name, inner in value.items():
        member = shape.members.get(name)
        if member is None:
            continue
        below = _below(path, name)
        if below not in seen:
            found.append(f"{below} is there, which no recorded answer has")
        elif inner is not None:
            _walk(member, inner, below, seen, always, found)


def _below(path, name):
    return f"{path}.{name}" if path else name
