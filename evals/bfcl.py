"""The Berkeley Function Calling Leaderboard: tasks drawn from it, and calls put before its judge.

    bfcl.py sample COUNT SEED   tasks as JSON lines: subset, id, question, tools
    bfcl.py judge               reads {"id", "calls": [{"name", "arguments"}]} a line, and says of
                                each whether it is right: {"id", "is_right", "error"}

The judge is that of the package `bfcl-eval`. It imports the clients of every vendor whose models it
knows; what it needs of them is one switch, so a small module stands in their place.
"""

import hashlib
import json
import pathlib
import sys
import types
from collections import defaultdict

SUBSETS = {
    "simple": "simple_python",
    "multiple": "multiple",
    "parallel": "parallel",
    "irrelevance": "irrelevance",
}
CLIENTS = types.ModuleType("bfcl_eval.constants.model_config")
# Names with dots are written with underscores, as the judge does for OpenAI's models.
CLIENTS.MODEL_CONFIG_MAPPING = defaultdict(
    lambda: types.SimpleNamespace(underscore_to_dot=True)
)
sys.modules[CLIENTS.__name__] = CLIENTS

import bfcl_eval  # noqa: E402
from bfcl_eval.constants.enums import Language  # noqa: E402
from bfcl_eval.constants.type_mappings import GORILLA_TO_OPENAPI  # noqa: E402
from bfcl_eval.eval_checker.ast_eval.ast_checker import ast_checker  # noqa: E402

DATA = pathlib.Path(bfcl_eval.__file__).parent / "data"


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def entries(subset):
    return lines(DATA / f"BFCL_v4_{SUBSETS[subset]}.json")


def answers(subset):
    if subset == "irrelevance":
        return {}
    truths = lines(DATA / "possible_answer" / f"BFCL_v4_{SUBSETS[subset]}.json")
    return {truth["id"]: truth["ground_truth"] for truth in truths}


def drawn(subset, count, seed):
    """So many entries, by a hash: the same everywhere, and a larger sample holds a smaller one."""
    def order(entry):
        return hashlib.sha256(f"{seed}:{entry['id']}".encode()).digest()

    return sorted(entries(subset), key=order)[:count]


def schema(described):
    """A parameter's description as JSON Schema."""
    kept = {}
    for key, value in described.items():
        if key == "type":
            kept["type"] = GORILLA_TO_OPENAPI[value]
        elif key == "properties":
            kept["properties"] = {name: schema(one) for name, one in value.items()}
        elif key == "items":
            kept["items"] = schema(value)
        elif key in ("description", "enum", "required", "default"):
            kept[key] = value
    return kept


def tool(function):
    return {
        "name": function["name"].replace(".", "_"),
        "description": function["description"],
        "parameters": schema(function["parameters"]),
    }


def sample(count, seed):
    for subset in SUBSETS:
        for entry in drawn(subset, count, seed):
            [[message]] = entry["question"]
            task = {
                "subset": subset,
                "id": entry["id"],
                "question": message["content"],
                "tools": [tool(function) for function in entry["function"]],
            }
            print(json.dumps(task))


def verdict(subset, entry, truth, calls):
    # What is no call is none, as where the package decodes what a model wrote.
    calls = [call for call in calls if isinstance(call["arguments"], dict)]
    if subset == "irrelevance":
        return not calls, "" if not calls else "a call where none is right"
    output = [{call["name"]: call["arguments"]} for call in calls]
    checked = ast_checker(
        entry["function"], output, truth, Language.PYTHON, SUBSETS[subset], "any"
    )
    return checked["valid"], " ".join(str(error) for error in checked.get("error", []))


def judge():
    known = {}
    for subset in SUBSETS:
        truths = answers(subset)
        for entry in entries(subset):
            known[entry["id"]] = (subset, entry, truths.get(entry["id"]))
    for line in sys.stdin:
        given = json.loads(line)
        is_right, error = verdict(*known[given["id"]], given["calls"])
        print(json.dumps({"id": given["id"], "is_right": is_right, "error": error[:200]}))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["sample", count, seed]:
            sample(int(count), seed)
        case ["judge"]:
            judge()
        case _:
            sys.exit(__doc__)
