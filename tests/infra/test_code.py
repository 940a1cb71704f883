"""A zip holds its own function and what that imports: it runs alone, and changes with nothing else."""

import ast
from pathlib import Path
from typing import Final

import jinja2.meta
import pytest

from infra import FUNCTION_FOLDERS, ROOT
from infra.constructs.code import stage_code
from tests.infra import tree

# Pages are called by their files, mails by those less their endings.
_TEMPLATES: Final = {
    path.stem if path.parent.name == "mail" else path.name: "/".join(path.relative_to(ROOT).parts[3:])
    for path in sorted(ROOT.glob("shared/*/templates/**/*.html"))
}
# Loads what many need once, then imports each handler in a process of its own that sees its zip alone.
_IMPORT_EACH: Final = """
import importlib, os, sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
import aws_lambda_powertools.utilities.batch, botocore.session, jinja2, msgspec, numpy, pydantic
# Most zips hold the same modules: each is compiled once. Installed modules are read as they were compiled.
compiled = {}
for file in Path(sys.argv[1]).rglob("*.py"):
    source = file.read_bytes()
    if source not in compiled:
        compiled[source] = compile(source, file, "exec", dont_inherit=True)
read = SourceFileLoader.source_to_code
SourceFileLoader.source_to_code = lambda self, data, path, **options: (
    compiled.get(bytes(data)) or read(self, data, path, **options)
)
failed = []
for folder in sorted(Path(sys.argv[1]).iterdir()):
    (handler,) = folder.glob("functions/*/*/handler.py")
    child = os.fork()
    if not child:
        sys.path[:] = [str(folder), *(entry for entry in sys.path[1:] if "site-packages" in entry or "lib" in entry)]
        try:
            module = importlib.import_module(".".join(handler.relative_to(folder).with_suffix("").parts))
            assert module.__file__.startswith(str(folder)), module.__file__
            assert callable(module.handler)
        except BaseException as error:
            print(folder.name, repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        failed.append(folder.name)
sys.exit(f"these do not start: {failed}" if failed else 0)
"""
_STAGE_ALL: Final = """
import sys
from pathlib import Path
from infra import wirings
from infra.constructs.code import stage_code
for name in wirings.functions():
    stage_code(name, Path(sys.argv[1], name))
"""


@pytest.fixture(scope="module")
def zips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What lies in the zip of each function, in a folder of its name."""
    folder = tmp_path_factory.mktemp("zips")
    for name in FUNCTION_FOLDERS:
        stage_code(name, folder / name)
    return folder


def test_every_function_starts_with_nothing_but_its_zip_and_layers(zips: Path, tmp_path: Path) -> None:
    tree.run(tmp_path, _IMPORT_EACH, str(zips))


def test_a_zip_holds_no_other_function(zips: Path) -> None:
    for name, folder in FUNCTION_FOLDERS.items():
        files = {path.relative_to(zips / name) for path in (zips / name).glob("functions/*/*/*") if path.is_file()}
        own = folder.relative_to(ROOT)
        assert {path.parent for path in files} == {own}, name
        assert (zips / name / own / "handler.py").read_text() == (folder / "handler.py").read_text()


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("authorize_request", {"core", "customers", "edge"}),
        ("describe_api", {"core", "edge"}),
        ("register_customer", {"core", "customers", "edge"}),
        ("publish_changes", {"core"}),
        ("record_purchase", {"core", "customers", "edge", "purchases", "scorecards"}),
        ("fit_forecaster", {"core", "forecasting", "scorecards", "scoring"}),
    ],
)
def test_a_zip_holds_the_packages_that_its_function_imports(zips: Path, name: str, most: set[str]) -> None:
    assert {path.name for path in (zips / name / "shared").iterdir() if path.is_dir()} <= most


def test_a_zip_holds_the_templates_that_its_function_shows(zips: Path) -> None:
    for name, folder in FUNCTION_FOLDERS.items():
        files = {
            "/".join(path.relative_to(zips / name).parts[3:]): path
            for path in (zips / name).glob("shared/*/templates/**/*.*")
        }
        waiting = [
            _TEMPLATES[constant.value]
            for constant in ast.walk(ast.parse((folder / "handler.py").read_text()))
            if isinstance(constant, ast.Constant) and constant.value in _TEMPLATES
        ]
        seen: set[str] = set()
        while waiting:
            shown = waiting.pop()
            assert shown in files, (name, shown)
            if shown not in seen:
                tree_of = jinja2.Environment(autoescape=True, extensions=["jinja2.ext.i18n"]).parse(
                    files[shown].read_text()
                )
                waiting += [referenced for referenced in jinja2.meta.find_referenced_templates(tree_of) if referenced]
                seen.add(shown)


def test_a_word_of_loyalty_leaves_the_zips_of_signups_alone(zips: Path, tmp_path: Path) -> None:
    tree.copy_to(tmp_path)
    changed = tmp_path / "shared" / "loyalty" / "points.py"
    changed.write_text(changed.read_text().replace("points", "points ", 1))
    wiring = tmp_path / "functions" / "loyalty" / "wiring.py"
    wiring.write_text(wiring.read_text().replace("rewards", "presents", 1))
    tree.run(tmp_path, _STAGE_ALL, str(tmp_path / "after"))
    differ = {name for name in FUNCTION_FOLDERS if tree.digest(zips / name) != tree.digest(tmp_path / "after" / name)}
    loyalty = {name for name, folder in FUNCTION_FOLDERS.items() if folder.parent.name == "loyalty"}
    assert {"redeem_reward", "post_points", "view_points"} <= differ
    assert differ.isdisjoint(
        {
            *("register_customer", "confirm_signup", "send_confirmation", "authorize_request", "publish_changes"),
            *("record_purchase", "refund_purchase", "ingest_purchases", "report_scores", "write_scores"),
        }
    )
    assert differ - loyalty <= {"view_customer", "answer_survey", "send_survey_invitation", "send_referral_invitation"}
