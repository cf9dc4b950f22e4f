"""COMET (Rei et al. 2022) by the ``comet-score`` command of the package unbabel-comet.

A process of its own, not an import: unbabel-comet asks for older releases of numpy, transformers and
huggingface_hub than mtalign, so that the two do not fit into one environment. The command is looked for on
the PATH, or is what the environment variable ``MTALIGN_COMET`` names.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mtalign.errors import MissingPackageError, ScoreError

DEFAULT_MODEL = "Unbabel/wmt22-comet-da"

INSTALL = (
    "pipx install unbabel-comet && pipx inject unbabel-comet 'setuptools<81' (an environment of its own),"
    " or name the command in MTALIGN_COMET"
)


class Comet:
    """A COMET model that is asked through ``comet-score``."""

    name = "COMET"
    needs_sources = True

    def __init__(self, command: str, model: str) -> None:
        self._command = command
        self._model = model
        self.signature = f"model:{model}|tool:comet-score"

    def score_segments(
        self,
        hypotheses: Sequence[str],
        references: Sequence[Sequence[str]],
        sources: Sequence[str] | None,
    ) -> list[float]:
        """COMET of every segment, about 0 to 1.

        Raises:
            ScoreError: there are no sources, several references, or the command fails.
        """
        if sources is None:
            raise ScoreError("COMET needs the sources too", hint="give them with --lines and --src")
        if len(references) != 1:
            raise ScoreError("COMET takes one reference", hint="give one, or leave COMET out")
        with tempfile.TemporaryDirectory(prefix="mtalign-comet-") as folder:
            files = {"-s": sources, "-t": hypotheses, "-r": references[0]}
            arguments: list[str] = []
            for number, (option, texts) in enumerate(files.items()):
                path = Path(folder) / f"{number}.txt"
                path.write_text("".join(" ".join(t.split()) + "\n" for t in texts), encoding="utf-8")
                arguments += [option, str(path)]
            found = Path(folder) / "scores.json"
            arguments += ["--model", self._model, "--gpus", os.environ.get("MTALIGN_COMET_GPUS", "0")]
            arguments += ["--quiet", "--only_system", "--to_json", str(found)]
            self._run(arguments)
            return self._read(found, len(hypotheses))

    def _run(self, arguments: list[str]) -> None:
        try:
            finished = subprocess.run(  # noqa: S603 (the user's own command, no shell)
                [self._command, *arguments], capture_output=True, text=True, errors="replace", check=False
            )
        except OSError as error:
            raise MissingPackageError(
                f"{self._command} cannot be run: {error.strerror}", hint=INSTALL
            ) from error
        if finished.returncode:
            said = [line.strip() for line in finished.stderr.splitlines() if line.strip()]
            reason = said[-1] if said else "no message"
            raise ScoreError(
                f"comet-score failed with exit code {finished.returncode}: {reason}",
                hint=f"try it alone: {self._command} --model {self._model}",
            )

    def _read(self, path: Path, expected: int) -> list[float]:
        try:
            (segments,) = json.loads(path.read_text(encoding="utf-8")).values()
            values = [float(segment["COMET"]) for segment in segments]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ScoreError(
                f"comet-score wrote no scores that can be read ({type(error).__name__}: {error})",
                hint="mtalign knows the output of unbabel-comet 2.2",
            ) from error
        if len(values) != expected:
            raise ScoreError(f"comet-score gave {len(values)} scores for {expected} segments")
        return values


def load() -> Comet:
    """COMET with the model that ``MTALIGN_COMET_MODEL`` names, wmt22-comet-da without it.

    Raises:
        MissingPackageError: there is no ``comet-score``.
    """
    wanted = os.environ.get("MTALIGN_COMET", "comet-score")
    command = shutil.which(wanted)
    if command is None:
        raise MissingPackageError(f"COMET needs the command {wanted}, which is not here", hint=INSTALL)
    return Comet(command, os.environ.get("MTALIGN_COMET_MODEL", DEFAULT_MODEL))
