"""What docs/sandbox.md says that the sandbox honours: by service and operation, nested members too.

The page is made from the tables that the sandbox itself goes by (a test of the project compares the two), and says in its
section 'Operations' how members are written.
"""

import os
import re

PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "sandbox.md")


class Member:
    """A member that is honoured: the values that alone are taken (any, if none), and what is honoured in it."""

    def __init__(self):
        self.only = []
        self.anything = False
        self.same_as = None
        self.members = {}


def tables():
    """By title of a service and name of an operation: its members by their names on the wire."""
    with open(PAGE, encoding="utf-8") as page:
        text = page.read().split("\n## Operations\n")[1]
    found = {}
    for section in text.split("\n### ")[1:]:
        title, body = section.split("\n", 1)
        long = {}
        for structure, operations in re.findall(r"^- `([^`]+)`: of (.+)$", body, re.MULTILINE):
            for operation in re.findall(r"`(\w+)`", operations):
                long[operation, structure.split("{")[0]] = structure
        found[title] = {}
        for operation, cell in re.findall(r"^\| `(\w+)` \| (.*) \|$", body, re.MULTILINE):
            cell = cell.replace("\\|", "|")
            written = [long.get((operation, text.split("{")[0]), text) for text in re.findall(r"`([^`]+)`", cell)]
            found[title][operation] = dict(_member(text) for text in written)
    return found


def _member(text):
    member = Member()
    text = text.rstrip("~")
    if "{" in text:
        name, inside = text[:-1].split("{", 1)
        if inside == "*":
            member.anything = True
        elif inside.startswith("@"):
            member.same_as = inside[1:]
        else:
            member.members = dict(_member(part) for part in _split(inside))
        return name, member
    name, equals, values = text.partition("=")
    if equals:
        member.only = values.split("|")
    return name, member


def _split(text):
    """At the commas that are not within braces."""
    parts, depth = [""], 0
    for character in text:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts
