"""Makes recorded.txt, the table that every answer is held against: which members recorded answers of AWS had, and how often.

    python3 tests/conformance/make_recorded.py PRESENCE_DIRECTORY

The directory holds a JSON file a service, as `{operation: {"answers": n, "members": {"A.B[].C": {"in": n, "of": n}}}}`: in how
many of its parents a member was. Only that goes into the table: no text of a recording, and no value.
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# With fewer parents, that a member was in all of them says little.
FEW = 4


def lines(directory):
    for name in sorted(os.listdir(directory)):
        service, kind = os.path.splitext(name)
        if kind != ".json":
            continue
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            operations = json.load(file)
        for operation, seen in sorted(operations.items()):
            if seen["answers"]:
                yield f"[{service} {operation} {seen['answers']}]"
                yield from rows(seen["members"])


def rows(members):
    # What is in a text of JSON was read by the recorder, and is no member.
    texts = {path for path, one in members.items() if "str" in one["as"] and "obj" in one["as"]}
    for path, one in sorted(members.items()):
        if path.endswith("[]") or any(path.startswith(text + ".") for text in texts) or "__" in path or "c7n:" in path:
            continue
        always = one["in"] == one["of"] and one["of"] >= FEW
        yield f"{'+' if always else '.'} {path}"


def main(directory):
    with open(os.path.join(HERE, "recorded.txt"), "w", encoding="utf-8") as table:
        table.write("# Made by make_recorded.py. + in every parent that was recorded, of four at least; . in some, or of fewer.\n")
        table.writelines(line + "\n" for line in lines(directory))


if __name__ == "__main__":
    main(sys.argv[1])
