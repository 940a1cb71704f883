"""What the last release deployed and an upgrade must not take back: exports in use, and where data lie.

At a release, REGULARS_WRITE_RELEASE=1 writes `last_release.json` anew.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.infra.conftest import Assembly

RELEASE: Final = Path(__file__).with_name("last_release.json")
# Replaced or renamed, these would lose what they hold, or whoever has subscribed to them.
KEPT: Final = {
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
    "AWS::Events::EventBus",
    "AWS::Events::Archive",
    "AWS::ApiGatewayV2::Api",
    "AWS::SNS::Topic",
    "AWS::SES::ConfigurationSet",
}


def deployed(assembly: Assembly) -> dict[str, Any]:
    """The names of all exports, and the logical ids of what is kept, by stack."""
    exports, kept = [], {}
    for path in sorted(assembly.path.glob("*.template.json")):
        template = json.loads(path.read_text())
        exports += [output["Export"]["Name"] for output in template.get("Outputs", {}).values() if "Export" in output]
        for name, resource in template["Resources"].items():
            if resource["Type"] in KEPT:
                kept[f"{path.name.partition('.')[0]}/{name}"] = resource["Type"]
    return {"exports": sorted(exports), "kept": kept}


def test_an_upgrade_takes_back_nothing_of_the_last_release(production: Assembly) -> None:
    now = deployed(production)
    if os.environ.get("REGULARS_WRITE_RELEASE"):
        RELEASE.write_text(json.dumps(now, indent=2) + "\n")
    last = json.loads(RELEASE.read_text())
    assert last["exports"]
    # CloudFormation refuses to remove an export that another stack still imports.
    assert set(last["exports"]) <= set(now["exports"])
    assert last["kept"].items() <= now["kept"].items()


def test_cloudformations_own_schemas_have_nothing_to_say(production: Assembly) -> None:
    templates = sorted(map(str, production.path.glob("*.template.json")))
    # W3005: CDK names dependencies that CloudFormation would see by itself.
    command = [
        str(Path(sys.executable).parent / "cfn-lint"),
        "--regions",
        "eu-central-1",
        "--ignore-checks",
        "W3005",
        "--",
    ]
    result = subprocess.run([*command, *templates], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")
    assert len(templates) > 10
