"""What outsiders see of a scene: answers, mails, started executions, hidden messages, pages, objects in the bucket."""

import gzip
import io
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from tests.contract.golden import rounded
from tests.contract.placeholders import Placeholders
from tests.contract.recording import AwsCall, Played, Recording, digest, title

# Their answers are long, and their words change: a digest stands for them, kept with those of the pages.
_DIGESTED_ROUTES: Final = frozenset({"GET /openapi.json"})


def answers_of(recording: Recording) -> list[dict[str, Any]]:
    """Each call of a scene with its answer and with what it sent, but for words that people read."""
    names = Placeholders()
    return [names.value(_shown(played)) for played in recording.played]


def pages_of(recording: Recording) -> dict[str, Any]:
    """Digests of what people read in a scene, by call: pages and mails."""
    digests: dict[str, Any] = {}
    for number, played in enumerate(recording.played):
        for name, text in _words(played).items():
            # Each by itself, so that one which changes leaves the others alone.
            same = Placeholders().text(text)
            digests[f"{number:03d} {played.function}, {played.case}: {name}"] = f"{digest(same)} {title(same)}"
    return digests


def objects_of(recording: Recording) -> dict[str, Any]:
    """The objects in the bucket by key, decoded."""
    return {key: _decoded(key, content) for key, content in recording.objects.items()}


def _shown(played: Played) -> dict[str, Any]:
    shown: dict[str, Any] = {"function": played.function, "case": played.case}
    if played.route:
        shown["route"] = played.route
    answer = played.answer
    if isinstance(answer, Mapping) and "statusCode" in answer:
        shown["answer"] = {name: value for name, value in answer.items() if name not in ("body", "json", "headers")}
        # The policy of a page names the digests of its style and scripts, which change with them.
        shown["headers"] = {k: v for k, v in answer["headers"].items() if k != "content-security-policy"}
        if not _is_words(played):
            shown["body"] = json.loads(rounded(answer["body"])) if answer["body"] else ""
    else:
        shown["returned"] = answer
    sent = [shown_call for call in played.calls if (shown_call := _sent(call))]
    return {**shown, "sent": sent} if sent else shown


def _is_words(played: Played) -> bool:
    return played.route in _DIGESTED_ROUTES or "html" in played.answer["headers"].get("content-type", "")


def _words(played: Played) -> dict[str, str]:
    words: dict[str, str] = {}
    answer = played.answer
    if isinstance(answer, Mapping) and "statusCode" in answer and _is_words(played):
        words["page"] = answer["body"]
        if "content-security-policy" in answer["headers"]:
            words["policy"] = answer["headers"]["content-security-policy"]
    for call in played.calls:
        if call.operation == "SendEmail":
            simple = call.body["Content"]["Simple"]
            words["subject"] = simple["Subject"]["Data"]
            words["text"] = simple["Body"]["Text"]["Data"]
            words["html"] = simple["Body"]["Html"]["Data"]
    return words


def _sent(call: AwsCall) -> dict[str, Any] | None:
    match call.operation:
        case "SendEmail":
            simple = {**call.body["Content"]["Simple"], "Subject": "…", "Body": "…"}
            return {"SendEmail": {**call.body, "Content": {"Simple": simple}}}
        case "StartExecution":
            return {"StartExecution": {**call.body, "input": json.loads(call.body["input"])}}
        case "ChangeMessageVisibility":
            return {"ChangeMessageVisibility": {"VisibilityTimeout": call.body["VisibilityTimeout"]}}
        case "PutEvents":
            return {"PutEvents": call.body}
    return None


def _decoded(key: str, content: bytes) -> Any:
    read = next(read for ending, read in _READERS.items() if key.endswith(ending))
    return read(content)


def _lines(content: bytes) -> list[str]:
    return rounded(gzip.decompress(content).decode()).splitlines()


def _json(content: bytes) -> Any:
    return json.loads(rounded(content.decode()))


def _arrays(content: bytes) -> dict[str, Any]:
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: _array(column) for name, column in arrays.items()}


def _array(column: Any) -> dict[str, Any]:
    values = json.loads(
        rounded(json.dumps(column.astype(str).tolist() if column.dtype.kind == "S" else column.tolist()))
    )
    return {"dtype": column.dtype.str, "shape": list(column.shape), "values": values}


def _money(content: bytes) -> list[int]:
    amounts: list[int] = np.frombuffer(content, dtype="<i8").tolist()
    return amounts


_READERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    ".csv.gz": _lines,
    ".json": _json,
    ".npz": _arrays,
    ".money": _money,
}
