"""The house stands: imports go down the floors, close no circle, and heavy packages stay lazy."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

FLOORS = {"scenarios": 0, "model": 1, "agents": 2, "training": 2, "graphs": 3, "data_gen": 3, "simulator": 4}
HEAVY = {"torch", "transformers", "vllm", "deepspeed", "ray", "whisper", "funasr", "cosyvoice"}
SPEECHLM_DOOR = "agents.doctors.speechlm"


def modules(root: Path) -> dict[str, Path]:
    found = {}
    for package in FLOORS:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, module: str, *, lazy: bool) -> set[str]:
    """Names imported at the top of a file, or anywhere in it when ``lazy`` counts too."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = ast.walk(tree) if lazy else top_level(tree)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively; name the whole path"
            assert node.module
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def top_level(tree: ast.Module) -> list[ast.stmt]:
    plain: list[ast.stmt] = []
    todo = list(tree.body)
    while todo:
        node = todo.pop()
        plain.append(node)
        if isinstance(node, (ast.If, ast.Try, ast.With, ast.ClassDef)):
            todo += [n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt)]
    return plain


def climbs(importer: str, imported: str) -> bool:
    above = FLOORS.get(imported.split(".")[0])
    here = FLOORS[importer.split(".")[0]]
    if above is None or imported.split(".")[0] == importer.split(".")[0]:
        return False
    return above >= here


def test_no_import_climbs_a_floor(root: Path) -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in modules(root).items()
        for name in sorted(imports(path, module, lazy=True))
        if climbs(module, name)
    ]
    assert wrong == []


def test_the_floor_check_sees_a_climbing_import() -> None:
    assert climbs("scenarios.loader", "agents.catalog")
    assert climbs("agents.catalog", "training.records"), "neighbours on one floor do not import each other"
    assert not climbs("simulator.batch", "graphs.state")


def test_no_imports_close_a_circle(root: Path) -> None:
    known = modules(root)
    graph = {
        module: {name for name in imports(path, module, lazy=True) if name in known and name != module}
        for module, path in known.items()
    }
    for package in list(graph):
        graph[package] = {name for name in graph[package] if not package.startswith(f"{name}.")}
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"imports close a circle: {' -> '.join(error.args[1])}")


def test_only_training_and_one_doctor_know_the_speech_model(root: Path) -> None:
    users = {
        module for module, path in modules(root).items()
        if any(name.split(".")[0] == "model" for name in imports(path, module, lazy=True))
    }
    assert {u for u in users if not u.startswith(("training", "model"))} <= {SPEECHLM_DOOR}


def test_heavy_packages_are_never_imported_at_the_top_of_the_core(root: Path) -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in modules(root).items()
        if not module.startswith(("model", "training"))
        for name in imports(path, module, lazy=False)
        if name.split(".")[0] in HEAVY
    ]
    assert wrong == []


def test_every_module_opens_with_a_sentence_on_what_it_does(root: Path) -> None:
    trees = {module: ast.parse(path.read_text("utf-8")) for module, path in modules(root).items()}
    silent = [module for module, tree in trees.items() if not ast.get_docstring(tree)]
    assert silent == []


def test_files_stay_small_enough_to_live_in(root: Path) -> None:
    long = {m: n for m, path in modules(root).items() if (n := path.read_text("utf-8").count("\n")) > 300}
    assert long == {}
