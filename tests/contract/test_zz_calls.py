from collections import Counter
import pytest
from tests.contract.conftest import Play

@pytest.mark.parametrize("scene", ["nps", "cases"])
def test_calls(play: Play, scene: str) -> None:
    seen = {}
    for p in play(scene).played:
        calls = [c.operation for c in p.calls if c.service == "dynamodb"]
        key = (p.function, p.route or "", p.case)
        seen.setdefault(key, []).append((len(calls), dict(Counter(calls))))
    with open("/tmp/nps_calls_now.txt", "a") as f:
        for key, v in sorted(seen.items()):
            f.write(f"{scene} {' | '.join(key)}: {v}\n")
