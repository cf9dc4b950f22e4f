"""The whole chain through the command line, on a real (small, trained) MarianMT checkpoint."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from checkpoints import CHINESE, GERMAN, KOREAN, phrases
from click.testing import CliRunner

from mtalign.cli.main import cli
from mtalign.errors import MissingPackageError

ENGLISH_OF = {source: english for _, source, english in phrases()}


def sentences(language, start, count):
    return [source for code, source, _ in phrases()[start * 4 :] if code == language][:count]


@pytest.fixture
def job(tmp_path, marian_checkpoint, job_home):
    """A folder with three documents and a configuration; MTALIGN_HOME of its own but for conversions."""
    docs = tmp_path / "docs"
    docs.mkdir()
    ko, de, zh = sentences(KOREAN, 0, 6), sentences(GERMAN, 40, 4), sentences(CHINESE, 100, 8)
    (docs / "001_korean.txt").write_bytes(f"{' '.join(ko[:3])}\r\n\r\n{' '.join(ko[3:])}\r\n".encode())
    (docs / "002_german.md").write_text(f"# {de[0][:-1]}\n\n- {de[1]}\n- {de[2]} {de[3]}\n", encoding="utf-8")
    english = " ".join(ENGLISH_OF[text] for text in zh)
    (docs / "004_chinese.txt").write_text(
        f"{''.join(zh)}\n" + '{"title":"老师","abstract":"' + english + '"}\n' + f"{english}\n引用\n",
        encoding="utf-8",
    )
    (tmp_path / "mtalign.toml").write_text(
        f'[input]\npaths = ["docs"]\n[model]\nname = "{marian_checkpoint}"\n'
        f'[reference]\ndocument = "docs/004_chinese.txt"\nstarts_with = "{english[:20]}"\n'
        'note = "A note on the reference."\n',
        encoding="utf-8",
    )
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(cli, ["run", *arguments], catch_exceptions=False, standalone_mode=False)


def records(folder: Path, name: str):
    lines = (folder / "outputs" / name / "segments.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    return [json.loads(line) for line in lines]


def test_a_run_translates_every_sentence_and_keeps_the_shape_of_the_documents(job):
    result = run()
    korean = records(job, "001_korean")
    assert len(korean) == 6
    # A model of this size makes a slip now and then; it does not make two in six.
    assert sum(r["translation"] == ENGLISH_OF[r["source"]] for r in korean) >= 5
    english = (job / "outputs/001_korean/001_korean.en.txt").read_bytes().decode()
    assert [len(part.split(". ")) for part in english.split("\r\n\r\n")] == [3, 3]
    assert english.endswith(".\r\n")
    german = (job / "outputs/002_german/002_german.en.md").read_text(encoding="utf-8").split("\n")
    assert [line[:2] for line in german] == ["# ", "", "- ", "- ", ""]
    chinese = {r["source"]: r for r in records(job, "004_chinese")}
    data = next(r for r in chinese.values() if r["source"].startswith("{"))
    assert (data["status"], data["translation"], data["failure"]) == (
        "skipped",
        None,
        "data is not translated",
    )
    # 引用 is not among the phrases: whatever the small model makes of it, nothing else may be failed.
    assert {r["source"] for r in chinese.values() if r["status"] == "failed"} <= {"引用"}
    assert result.return_value in (0, 3)


def test_segments_say_which_words_translate_which(job):
    run()
    lines = [*records(job, "001_korean"), *records(job, "002_german"), *records(job, "004_chinese")]
    found = {(r["source"][a:b], r["translation"][c:d]) for r in lines for a, b, c, d in r["words"]}
    assert {("책을", "book"), ("선생님은", "teacher")} <= found
    assert not {("책을", "teacher"), ("선생님은", "book")} & found
    assert all(r["words"] == [] for r in lines if r["status"] != "translated")


def test_the_document_that_covers_the_reference_is_scored_and_the_others_say_why_not(job):
    run()
    scores = json.loads((job / "outputs/scores.json").read_text(encoding="utf-8"))
    by_id = {entry["document"]: entry for entry in scores["documents"]}
    metrics = {metric["name"]: metric for metric in by_id["004"]["metrics"]}
    assert by_id["004"]["coverage"]["reference"] == 1.0
    assert metrics["BLEU"]["score"] > 75
    assert re.fullmatch(
        r"nrefs:1\|case:mixed\|eff:no\|tok:13a\|smooth:exp\|version:[\d.]+", metrics["BLEU"]["signature"]
    )
    assert set(metrics) == {"BLEU", "chrF2"}
    assert [metric["name"] for metric in by_id["004"]["sentence_metrics"]] == ["BLEU", "chrF2", "TER"]
    assert scores["reference"]["note"] == "A note on the reference."
    assert scores["reference"]["sentences"] == 8


def test_a_metric_that_is_not_here_stops_a_run_before_it_translates(job, monkeypatch):
    monkeypatch.setenv("MTALIGN_COMET", "no-such-comet-score")
    config = job / "mtalign.toml"
    config.write_text(config.read_text(encoding="utf-8") + 'metrics = ["bleu", "comet"]\n', encoding="utf-8")
    with pytest.raises(MissingPackageError, match="COMET needs the command no-such-comet-score"):
        run()
    assert not (job / "outputs" / "001_korean").exists()


def test_the_scores_of_a_run_are_as_their_schema_says(job):
    run()
    scores = json.loads((job / "outputs/scores.json").read_text(encoding="utf-8"))
    schema = Path(__file__).resolve().parents[1] / "docs" / "scores.schema.json"
    pytest.importorskip("jsonschema").validate(scores, json.loads(schema.read_text(encoding="utf-8")))
    assert scores["corpus"]["lines"] >= 8


def test_the_scores_of_a_run_have_intervals_and_a_corpus(job):
    run()
    scores = json.loads((job / "outputs/scores.json").read_text(encoding="utf-8"))
    by_id = {entry["document"]: entry for entry in scores["documents"]}
    assert scores["corpus"]["documents"] == 1
    assert scores["corpus"]["sentence_metrics"] == by_id["004"]["sentence_metrics"]
    assert all("|bs:1000|seed:12345|" in m["signature"] for m in by_id["004"]["sentence_metrics"])
    assert all("confidence_var" not in m for m in by_id["004"]["metrics"])
    everything = scores["figures"]["all"]
    assert everything["segments"] == sum(len(records(job, name)) for name in job_outputs(job))
    assert everything["status"]["skipped"] == 1


def job_outputs(job):
    return [path.parent.name for path in (job / "outputs").glob("*/segments.jsonl")]


def without_times(page: bytes) -> bytes:
    """Without the overview's section on time and rate; everything else of a run is the same every time."""
    return re.sub(rb'<section aria-labelledby="work".*?</section>', b"", page, flags=re.DOTALL)


def test_a_second_run_decodes_nothing_and_its_outputs_are_byte_identical(job):
    run()
    folder = job / "outputs"
    before = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    again = run("--force")
    after = {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    assert "0 segments decoded" in again.output
    assert set(before) == set(after)
    times = {Path("manifest.json"), Path("index.html")}
    assert [p for p in before if before[p] != after[p] and p not in times] == []
    overview = Path("index.html")
    assert without_times(before[overview]) == without_times(after[overview])


def test_the_same_job_without_memory_gives_the_same_bytes(job):
    run("-o", "one", "--no-memory")
    run("-o", "two", "--no-memory")
    files = [p.relative_to(job / "one") for p in (job / "one").rglob("*") if p.is_file()]
    assert len(files) > 12
    for path in files:
        if path.name != "manifest.json":
            one, two = ((job / name / path).read_bytes() for name in ("one", "two"))
            assert without_times(one) == without_times(two), path


def test_the_manifest_says_what_the_run_was_made_from_and_with(job, marian_checkpoint):
    run()
    manifest = json.loads((job / "outputs/manifest.json").read_text(encoding="utf-8"))
    assert [entry["path"] for entry in manifest["inputs"]] == [
        "docs/001_korean.txt",
        "docs/002_german.md",
        "docs/004_chinese.txt",
    ]
    assert all(re.fullmatch(r"[0-9a-f]{64}", entry["sha256"]) for entry in manifest["inputs"])
    (model,) = manifest["models"]
    assert (model["name"], model["engine"], len(model["fingerprint"])) == (
        str(marian_checkpoint),
        "ctranslate2",
        64,
    )
    assert manifest["packages"]["ctranslate2"]
    rate = manifest["rate"]
    assert rate["tokens"] > 50
    assert rate["tokens_per_second"] > 0
    # Sources are padded to a multiple of 16 tokens, and those of this job are shorter than that.
    assert 0 < rate["padding_waste"] < 0.9
    assert rate["source_tokens"] > 50
    assert 50 < rate["peak_rss_mb"] < 10_000


def test_both_seq2seq_engines_give_the_same_english(job):
    run("-o", "fast", "--compute-type", "float32")
    run("-o", "torch", "--engine", "transformers")
    for name in ("001_korean/001_korean.en.txt", "002_german/002_german.en.md"):
        assert (job / "fast" / name).read_bytes() == (job / "torch" / name).read_bytes()


def test_report_rebuilds_every_page_from_the_folder_alone(job):
    run()
    folder = job / "outputs"
    pages = {
        p: p.read_bytes() for p in folder.rglob("*") if p.suffix in (".html", ".tmx", ".xlf", ".tsv", ".md")
    }
    pages = {p: content for p, content in pages.items() if not p.name.endswith(".en.md")}
    for page in pages:
        page.unlink()
    CliRunner().invoke(cli, ["report", str(folder)], catch_exceptions=False, standalone_mode=False)
    assert {p: p.read_bytes() for p in pages} == pages
    assert len(pages) == 14


OFFLINE = """
import socket, sys
def refuse(*arguments, **options):
    raise AssertionError("a socket was opened")
socket.socket.__init__ = refuse
socket.create_connection = socket.getaddrinfo = refuse
from mtalign.cli.main import main
main(sys.argv[1:])
"""


def test_an_offline_run_opens_no_socket(job):
    finished = subprocess.run(
        [sys.executable, "-c", OFFLINE, "run", "--offline"], capture_output=True, text=True, check=False
    )
    assert finished.returncode in (0, 3), finished.stderr
    assert (job / "outputs/index.html").is_file()
    assert "socket" not in finished.stderr


def test_one_document_that_cannot_be_read_does_not_stop_the_others(job):
    (job / "docs/003_broken.txt").write_bytes("日本".encode("shift_jis") + b"\xff\xfe\xfa")
    result = run()
    assert result.return_value == 3
    assert "left out" in result.output
    assert "003_broken.txt" in result.output
    assert (job / "outputs/004_chinese/segments.jsonl").is_file()
    assert not (job / "outputs/003_broken").exists()


def test_translate_prints_the_english_of_a_document_and_nothing_else(job, marian_checkpoint):
    source = sentences(KOREAN, 10, 2)
    (job / "one.txt").write_text("\n\n".join(source) + "\n", encoding="utf-8")
    finished = subprocess.run(
        [sys.executable, "-m", "mtalign", "translate", "one.txt", "-m", str(marian_checkpoint), "-q"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.stdout == "\n\n".join(ENGLISH_OF[text] for text in source) + "\n"
    assert (finished.returncode, finished.stderr) == (0, "")


def test_translate_reads_standard_input(job, marian_checkpoint):
    source = sentences(KOREAN, 20, 1)[0]
    finished = subprocess.run(
        [sys.executable, "-m", "mtalign", "translate", "-m", str(marian_checkpoint), "-q"],
        input=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stdout) == (0, ENGLISH_OF[source])


def test_translate_writes_several_documents_into_a_folder(job, marian_checkpoint):
    result = CliRunner().invoke(
        cli,
        [
            "translate",
            "docs/001_korean.txt",
            "docs/002_german.md",
            "-m",
            str(marian_checkpoint),
            "-o",
            "out/",
        ],
        catch_exceptions=False,
        standalone_mode=False,
    )
    assert sorted(p.name for p in (job / "out").iterdir()) == ["001_korean.en.txt", "002_german.en.md"]
    assert result.return_value == 0


def test_what_cannot_be_translated_is_marked_and_makes_the_exit_code_3(job, marian_checkpoint):
    # No phrase the model knows, and long: a model of this size loops on it or leaves most of it out.
    text = "오래된 " * 60 + "책."
    finished = subprocess.run(
        [sys.executable, "-m", "mtalign", "translate", "-m", str(marian_checkpoint)],
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 3
    assert "not translated" in finished.stdout
    assert "오래된" not in finished.stdout


# -- reviewers' corrections and the next run ---------------------------------------------------------------


def export(job: Path, *corrections):
    """A corrections file as the page of this run exports it."""
    manifest = json.loads((job / "outputs/manifest.json").read_text(encoding="utf-8"))
    path = job / "corrections.json"
    value = {
        "schema": 1,
        "kind": "mtalign corrections",
        "run": manifest["run"],
        "reviewer": "Kim",
        "exported": "2026-11-25T12:00:00Z",
        "corrections": list(corrections),
    }
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def correction(line, verdict, folder="001_korean", **values):
    return {
        "segment": line["id"],
        "document": folder,
        "source": line["source"],
        "before": line["translation"],
        "verdict": verdict,
        "comment": "",
        "by": "Kim",
        "at": "2026-11-25T11:58:03Z",
    } | values


def apply(job, path):
    return CliRunner().invoke(
        cli,
        ["review", "apply", str(job / "outputs"), str(path)],
        catch_exceptions=False,
        standalone_mode=False,
    )


def contents(folder: Path) -> dict[str, bytes]:
    """All that does not depend on scores: a run computes those anew, `review apply` does not."""
    files = [p for p in folder.rglob("*") if p.name.startswith("segments.") or ".en." in p.name]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def test_the_next_run_uses_the_corrections_and_gives_what_apply_wrote(job):
    run()
    found = records(job, "001_korean")
    path = export(
        job,
        correction(found[0], "edited", text="A reviewer wrote this sentence.", comment="better"),
        correction(found[1], "accepted"),
        correction(found[2], None, comment="hm"),
    )
    assert apply(job, path).return_value == 0
    applied = contents(job / "outputs")
    again = run()
    assert "0 segments decoded" in again.output
    assert "2 from review" in again.output
    after = contents(job / "outputs")
    assert len(applied) == 15
    assert {name for name in applied if applied[name] != after.get(name)} == set()
    line = records(job, "001_korean")[0]
    assert (line["translation"], line["engine"]) == ("A reviewer wrote this sentence.", "person")
    assert line["review"]["before"] == found[0]["translation"]
    manifest = json.loads((job / "outputs/manifest.json").read_text(encoding="utf-8"))
    assert manifest["rate"]["from_review"] == 2
    # Without the memory nobody knows of them.
    run("--no-memory", "-o", "other")
    other = [json.loads(one) for one in (job / "other/001_korean/segments.jsonl").open(encoding="utf-8")]
    assert [one["review"] for one in other] == [None] * 6


def test_a_rejected_translation_does_not_come_back(job):
    run()
    line = records(job, "001_korean")[0]
    apply(job, export(job, correction(line, "rejected", comment="wrong name")))
    assert records(job, "001_korean")[0]["failure"] == "rejected by Kim: wrong name"
    run()
    after = records(job, "001_korean")[0]
    assert after["translation"] != line["translation"]
    if after["translation"] is None:
        assert after["failure"] == "rejected by Kim: wrong name"
    else:
        assert "redone" in [flag["name"] for flag in after["flags"]]


def test_a_bead_that_a_reviewer_set_is_there_after_the_next_run(job):
    run()
    ids = [line["id"] for line in records(job, "001_korean")[:2]]
    path = export(job)
    value = json.loads(path.read_text(encoding="utf-8"))
    at = "2026-11-25T11:58:03Z"
    value["beads"] = [{"document": "001_korean", "source": ids, "target": ids[:1], "by": "Kim", "at": at}]
    path.write_text(json.dumps(value), encoding="utf-8")
    apply(job, path)
    run()
    for line in records(job, "001_korean")[:2]:
        assert line["link"] == {"source": ids, "target": ids[:1], "score": None}


def test_a_score_says_how_much_of_it_people_wrote(job):
    run()
    line = next(r for r in records(job, "004_chinese") if r["status"] == "translated")
    apply(job, export(job, correction(line, "edited", "004_chinese", text=line["translation"] + " Indeed.")))
    run()
    entries = json.loads((job / "outputs/scores.json").read_text(encoding="utf-8"))["documents"]
    notes = {entry["document"]: entry["note"] for entry in entries}
    assert re.search(r"of \d+ segments 1 were written by a reviewer", notes["004"])
    assert "reviewer" not in notes["001"]
