"""Runs the stories that are named, or all, against the account that the environment names, and walks every answer.

    eval "$(confctl sandbox env)"
    CONFORMANCE_BUNDLE=$(confctl bundle -o json | jq -r .outputs.bundle) python3 tests/conformance/run.py [STORY...]

Ends in 1 if a story fails, or if any answer on the way was not one of AWS's.
"""

import collections
import json
import os
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))


def main(stories):
    sys.path.insert(0, HERE)
    with tempfile.TemporaryDirectory(prefix="conformance-log-") as directory:
        log = os.environ["CONFORMANCE_LOG"] = os.path.join(directory, "answers.jsonl")
        loader = unittest.TestLoader()
        if stories:
            suite = loader.loadTestsFromNames([f"test_{story}" for story in stories])
        else:
            suite = loader.discover(HERE)
        result = unittest.TextTestRunner(verbosity=2).run(suite)
        right = report(log)
    return 0 if result.wasSuccessful() and result.testsRun and right else 1


def report(log):
    """Says what the walker saw; whether there was something, and nothing wrong with it."""
    answers = []
    if os.path.exists(log):
        with open(log, encoding="utf-8") as lines:
            answers = [json.loads(line) for line in lines]
    operations = {(answer["service"], answer["operation"]) for answer in answers}
    errors = sum(answer["status"] >= 300 for answer in answers)
    problems = collections.Counter(problem for answer in answers for problem in answer["problems"])
    print(f"{len(answers)} answers of {len(operations)} operations walked, {errors} of them errors")
    for problem, times in sorted(problems.items()):
        print(f"  {times:4} x {problem}")
    return bool(answers) and not problems


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
