"""A run in shards, and their merge: the same bytes as the run in one piece, and nothing else is accepted."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from checkpoints import CHINESE, GERMAN, KOREAN, phrases
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from mtalign.cli.main import cli, main
from mtalign.document import Segment, Skip, Status, Translation
from mtalign.engines.base import Decoding
from mtalign.job.events import Silence
from mtalign.job.inputs import read_inputs
from mtalign.job.shards import Shard, own_segments
from mtalign.job.translated import translated_document
from mtalign.languages import ENGLISH
from mtalign.memory import Memory
from mtalign.records import dump_records, read_records
from mtalign.testing import EchoEngine, pseudo_english
from mtalign.translate import translate_segments

ENGLISH_OF = {source: english for _, source, english in phrases()}


# -- the division -----------------------------------------------------------------------------------------


def document(name, *blocks):
    """Segments of blocks given as the weights of their sentences; a weight of 0 goes through no model."""
    return [
        Segment(
            f"{name}.b{b}.s{s}",
            name,
            f"{name}.b{b}",
            "x" * (weight or 5),
            0,
            weight or 5,
            "de",
            None if weight else Skip.NUMBER,
        )
        for b, weights in enumerate(blocks, start=1)
        for s, weight in enumerate(weights, start=1)
    ]


def ids(documents, shard):
    own = own_segments(documents, shard)
    return [d[place].id for d, places in zip(documents, own, strict=True) for place in places]


def weight(documents, shard):
    chosen = set(ids(documents, shard))
    return sum(len(s.text) for d in documents for s in d if s.id in chosen and not s.skip)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.lists(st.lists(st.integers(0, 90), min_size=1, max_size=5), max_size=8), min_size=1, max_size=5
    ),
    st.integers(1, 12),
)
def test_every_segment_is_in_one_shard_and_no_shard_is_heavier_than_its_share_and_a_block(shapes, parts):
    documents = [document(f"d{number}", *blocks) for number, blocks in enumerate(shapes)]
    shards = [ids(documents, Shard(part, parts)) for part in range(1, parts + 1)]
    assert [one for shard in shards for one in shard] == [s.id for d in documents for s in d]
    for shard in shards:
        blocks = {one.rpartition(".")[0] for one in shard}
        assert shard == [s.id for d in documents for s in d if s.block_id in blocks], "blocks stay whole"
    heaviest = max((sum(block) for blocks in shapes for block in blocks), default=0)
    total = sum(len(s.text) for d in documents for s in d if not s.skip)
    for part in range(1, parts + 1):
        assert weight(documents, Shard(part, parts)) <= total / parts + heaviest


def test_one_huge_document_is_divided_evenly_among_all_shards():
    huge = [document("small", [10]), document("huge", *([50, 50] for _ in range(1000))), document("end", [5])]
    weights = [weight(huge, Shard(part, 8)) for part in range(1, 9)]
    assert max(weights) - min(weights) <= 200


def test_what_goes_through_no_model_does_not_count():
    documents = [document("data", *([0] for _ in range(500))), document("text", *([20] for _ in range(100)))]
    assert [weight(documents, Shard(part, 4)) for part in range(1, 5)] == [500] * 4


def test_a_text_weighs_its_bytes_so_that_languages_weigh_what_their_english_does():
    korean = Segment("k.b1.s1", "k", "k.b1", "책" * 100, 0, 100, "ko")
    german = [Segment(f"g.b{n}.s1", "g", f"g.b{n}", "x" * 100, 0, 100, "de") for n in range(1, 4)]
    assert ids([[korean], german], Shard(1, 2)) == ["k.b1.s1"]


def test_shards_of_an_engine_with_context_translate_as_the_whole_run():
    def answer(request, decoding):
        return pseudo_english(request) + f" After {len(request.context)}."

    def translated(segments):
        engine = EchoEngine(answer, context_segments=2)
        with Memory(None) as memory:
            done, _ = translate_segments(
                segments, engine=engine, target=ENGLISH, memory=memory, decoding=Decoding()
            )
        return {identifier: one.text for identifier, one in done.items()}

    segments = document("d", *([30 + n, 40 + n, 50 + n, 60 + n] for n in range(9)))
    whole = translated(segments)
    assert any("After 2" in text for text in whole.values())
    together = {}
    for part in range(1, 5):
        (own,) = own_segments([segments], Shard(part, 4))
        together |= translated(segments[own.start : own.stop])
    assert together == whole


def test_a_token_score_is_the_same_from_an_engine_and_from_a_shards_folder(tmp_path):
    path = tmp_path / "d.txt"
    path.write_text("책을 읽다.\n\n책을 산다.\n", encoding="utf-8")
    (item,), _ = read_inputs(["d.txt"], base=tmp_path, source=None, target=ENGLISH, events=Silence())
    scores = (-0.123456789, None)
    made = {
        s.id: Translation(s.id, Status.TRANSLATED, "English", score=score)
        for s, score in zip(item.segments, scores, strict=True)
    }
    whole = translated_document(item, made, "en")
    (tmp_path / "segments.jsonl").write_text(dump_records(whole.records), encoding="utf-8")
    read = [record.translation.score for record in read_records(tmp_path / "segments.jsonl")]
    assert [record.translation.score for record in whole.records] == read == [-0.1235, None]


# -- a real job -------------------------------------------------------------------------------------------


def sentences(language, start, count):
    return [source for code, source, _ in phrases()[start * 4 :] if code == language][:count]


@pytest.fixture
def job(tmp_path, marian_checkpoint, job_home):
    """Documents in several languages, formats and encodings, a reference, a glossary, and a broken file."""
    docs = tmp_path / "docs"
    docs.mkdir()
    ko, de, zh = sentences(KOREAN, 0, 8), sentences(GERMAN, 40, 6), sentences(CHINESE, 100, 8)
    paragraphs = [" ".join(ko[start : start + 2]) for start in range(0, 8, 2)]
    (docs / "001_korean.txt").write_bytes(
        ("\ufeff" + "\r\n\r\n".join(paragraphs) + "\r\n").encode("utf-16-le")
    )
    (docs / "002_german.md").write_text(
        f"# {de[0][:-1]}\n\n- {de[1]}\n- {de[2]} {de[3]}\n\n---\n\n> {de[4]}\n\n{de[5]}\n\n***\n",
        encoding="utf-8",
    )
    (docs / "003_rule.md").write_text("---\n", encoding="utf-8")
    english = " ".join(ENGLISH_OF[text] for text in zh)
    (docs / "004_chinese.txt").write_text(
        f"{''.join(zh[:4])}\n\n{''.join(zh[4:])}\n\n" + '{"title":"老师"}\n\n' + f"{english}\n\n引用\n",
        encoding="utf-8",
    )
    (docs / "005_broken.txt").write_bytes(b"\xff\xfa\x80")
    (tmp_path / "terms.tsv").write_text("선생님\tteacher\n책\tvolume|tome\tnote\n", encoding="utf-8")
    (tmp_path / "mtalign.toml").write_text(
        f'[input]\npaths = ["docs"]\n[model]\nname = "{marian_checkpoint}"\n'
        f'[reference]\ndocument = "docs/004_chinese.txt"\nstarts_with = "{english[:20]}"\n'
        'note = "A note on the reference."\n[glossary]\nfile = "terms.tsv"\n',
        encoding="utf-8",
    )
    return tmp_path


def call(*arguments):
    return CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)


def refused(capsys, *arguments):
    """The exit code and the one line of an error."""
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    (line,) = [one for one in capsys.readouterr().err.split("\n") if one.startswith("Error")]
    return caught.value.code, line


def shards(number, *options):
    names = [f"part{part}" for part in range(1, number + 1)]
    for part, name in enumerate(names, start=1):
        call("run", "--shard", f"{part}/{number}", "-o", name, "-q", *options)
    return names


def manifest(folder):
    return json.loads((Path(folder) / "manifest.json").read_text(encoding="utf-8"))


def lines(folder, name):
    path = Path(folder) / name / "segments.jsonl"
    return path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []


def assert_same(whole, merged):
    """Every file is the same, apart from times, rates and machines."""
    one, two = (
        {p.relative_to(root): p.read_bytes() for p in Path(root).rglob("*") if p.is_file()}
        for root in (whole, merged)
    )
    assert set(one) == set(two)
    differing = {path for path in one if one[path] != two[path]}
    assert differing <= {Path("manifest.json"), Path("index.html")}
    work = re.compile(rb'<section aria-labelledby="work".*?</section>', re.DOTALL)
    assert work.sub(b"", one[Path("index.html")]) == work.sub(b"", two[Path("index.html")])
    first, second = manifest(whole), manifest(merged)
    of_its_own = {"created", "machine", "time", "rate", "shards"}
    assert {k: v for k, v in first.items() if k not in of_its_own} == {
        k: v for k, v in second.items() if k not in of_its_own
    }


def test_merged_shards_are_the_run_byte_for_byte(job):
    whole = call("run", "-o", "whole", "-q")
    names = shards(3, "--memory", "own.sqlite")
    assert len({len(lines(name, "001_korean")) for name in names}) > 1
    merged = call("merge", *reversed(names), "-o", "merged", "-q")
    assert_same("whole", "merged")
    assert len(list(Path("merged").rglob("*"))) > 25
    scores = json.loads(Path("merged/scores.json").read_text(encoding="utf-8"))
    assert scores["glossary"]["found"] == 16
    assert any(entry["metrics"] for entry in scores["documents"])
    assert "left out" in merged.output
    assert (merged.return_value, whole.return_value) == (3, 3)
    table = [line for line in whole.output.split("\n") if "docs/" in line]
    assert [line for line in merged.output.split("\n") if "docs/" in line] == table


def test_a_document_can_lie_in_several_shards_and_each_has_its_lines_of_the_whole(job):
    call("run", "-o", "whole", "-q")
    names = shards(4)
    holders = [name for name in names if lines(name, "001_korean")]
    assert len(holders) >= 2
    kept = ("id", "source", "translation", "status", "before", "after", "engine", "model", "score")
    whole = [json.loads(line) for line in lines("whole", "001_korean")]
    parts = [json.loads(line) for name in names for line in lines(name, "001_korean")]
    assert [[r[key] for key in kept] for r in parts] == [[r[key] for key in kept] for r in whole]
    call("merge", *names, "-o", "merged", "-q")
    assert_same("whole", "merged")


def test_the_manifest_of_a_merged_run_sums_and_lists_what_the_shards_took(job):
    names = shards(2, "--no-memory")
    call("merge", *names, "-o", "merged", "-q")
    whole, parts = manifest("merged"), [manifest(name) for name in names]
    for key in ("segments", "decoded", "tokens"):
        assert whole["rate"][key] == sum(part["rate"][key] for part in parts) > 0
    assert whole["time"]["seconds"] >= sum(part["time"]["seconds"] for part in parts) > 0
    assert [(one["shard"], one["machine"], one["time"]) for one in whole["shards"]] == [
        (f"{n}/2", part["machine"], part["time"]) for n, part in enumerate(parts, start=1)
    ]
    assert "shard" not in whole


def test_more_shards_than_blocks_leave_some_empty_and_merge_all_the_same(job):
    call("run", "-o", "whole", "-q")
    names = shards(30)
    empty = [name for name in names if manifest(name)["shard"]["segments"] == 0]
    assert empty
    assert manifest(empty[0])["models"] == []
    call("merge", *names, "-o", "merged", "-q")
    assert_same("whole", "merged")


def test_what_reviewers_said_is_in_the_merged_run_as_in_the_whole(job):
    call("run", "-o", "whole", "-q")
    found = [json.loads(line) for line in lines("whole", "001_korean")]
    at = "2026-11-25T11:58:03Z"
    common = {"document": "001_korean", "comment": "", "by": "Kim", "at": at}
    said = [("edited", found[0]), ("accepted", found[5]), ("rejected", found[7])]
    export = {
        "schema": 1,
        "kind": "mtalign corrections",
        "run": manifest("whole")["run"],
        "reviewer": "Kim",
        "exported": at,
        "corrections": [
            {"segment": r["id"], "source": r["source"], "before": r["translation"], "verdict": verdict}
            | common
            | ({"text": "A reviewer wrote this."} if verdict == "edited" else {})
            for verdict, r in said
        ],
        "beads": [
            {"document": "001_korean", "source": [found[0]["id"], found[5]["id"]], "target": [found[0]["id"]]}
            | {"by": "Kim", "at": at}
        ],
    }
    Path("corrections.json").write_text(json.dumps(export, ensure_ascii=False), encoding="utf-8")
    call("review", "apply", "whole", "corrections.json")
    call("run", "-o", "again", "-q")
    names = shards(3)
    call("merge", *names, "-o", "merged", "-q")
    assert_same("again", "merged")
    merged = [json.loads(line) for line in lines("merged", "001_korean")]
    assert (merged[0]["translation"], merged[0]["engine"]) == ("A reviewer wrote this.", "person")
    assert merged[5]["link"]["source"] == [found[0]["id"], found[5]["id"]]


WITHOUT_NETWORK = """
import socket, sys
def refuse(*arguments, **options):
    raise AssertionError("a socket was opened")
socket.socket.__init__ = refuse
socket.create_connection = socket.getaddrinfo = refuse
from mtalign.cli.main import main
try:
    main(sys.argv[1:])
finally:
    print("loaded", *({"torch", "transformers", "ctranslate2", "xllamacpp"} & set(sys.modules)))
"""


def test_a_merge_needs_the_folders_alone_no_model_no_network_no_documents(job):
    call("run", "-o", "whole", "-q")
    elsewhere = job / "elsewhere"
    elsewhere.mkdir()
    for name in shards(2):
        shutil.move(name, elsewhere / name)
    for gone in ("docs", "home/memory.sqlite", "terms.tsv", "mtalign.toml"):
        path = job / gone
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    finished = subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK, "merge", "part2", "part1", "-o", "merged"],
        capture_output=True,
        text=True,
        check=False,
        cwd=elsewhere,
    )
    assert finished.returncode == 3, finished.stderr
    assert finished.stdout.rstrip().endswith("\nloaded")
    assert_same("whole", elsewhere / "merged")


def test_the_folder_of_a_shard_says_what_it_is_and_counts_nothing_as_failed_that_others_have(job):
    result = call("run", "--shard", "2/4", "-q")
    folder = Path("outputs-2-of-4")
    part = manifest(folder)
    own = sum(len(lines(folder, path.parent.name)) for path in folder.glob("*/segments.jsonl"))
    assert 0 < own < part["shard"]["of"]
    assert (part["shard"]["part"], part["shard"]["parts"], part["shard"]["segments"]) == (2, 4, own)
    assert [entry["path"] for entry in part["inputs"]] == [
        f"docs/{name}" for name in ("001_korean.txt", "002_german.md", "003_rule.md", "004_chinese.txt")
    ]
    assert sum(entry["of"] for entry in part["inputs"]) == part["shard"]["of"]
    assert sum(entry["status"]["failed"] for entry in part["inputs"]) == 0
    assert sum(sum(entry["status"].values()) for entry in part["inputs"]) == own
    assert not (folder / "scores.json").exists()
    assert "shard 2/4" in result.output
    assert "made by `mtalign merge`" in result.output


def test_report_makes_pages_of_a_shard_that_say_so_and_a_review_waits_for_the_merge(job, capsys):
    call("run", "--shard", "1/2", "-o", "part", "-q")
    call("report", "part")
    part = manifest("part")["shard"]
    sentence = f"This is shard 1 of 2, with {part['segments']} of the run's {part['of']} segments."
    assert sentence in Path("part/summary.md").read_text(encoding="utf-8")
    assert sentence.replace("'", "&#39;") in Path("part/index.html").read_text(encoding="utf-8")
    Path("c.json").write_text("{}", encoding="utf-8")
    code, line = refused(capsys, "review", "undo", "part", "001.b1.s1")
    assert code == 2
    assert "part is shard 1/2 of a run, and a review needs all of it; put the shards together first" in line


# -- what is refused --------------------------------------------------------------------------------------


def change(folder, edit):
    path = Path(folder) / "manifest.json"
    value = json.loads(path.read_text(encoding="utf-8"))
    edit(value)
    path.write_text(json.dumps(value), encoding="utf-8")


@pytest.fixture
def parts(job):
    """Two shards of a small job."""
    for path in (job / "docs").iterdir():
        if path.name != "001_korean.txt":
            path.unlink()
    (job / "mtalign.toml").write_text(
        re.sub(r"\[reference\].*?\[glossary\]", "[glossary]", (job / "mtalign.toml").read_text(), flags=re.S)
    )
    return shards(2)


def test_a_missing_shard_is_named(parts, capsys):
    code, line = refused(capsys, "merge", "part2")
    assert (code, line) == (
        2,
        "Error: shard 1/2 is missing; run it with --shard, or name its folder as well",
    )
    assert not Path("outputs").exists()


def test_a_shard_that_is_there_twice_is_named(parts, capsys):
    shutil.copytree("part1", "copy")
    code, line = refused(capsys, "merge", "part1", "part2", "copy")
    assert code == 2
    assert "shard 1/2 is there twice: part1 and copy" in line


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (lambda m: m.update(mtalign="9.9"), "other version of mtalign"),
        (lambda m: m["shard"]["config"]["model"].update(beam=2), "other configuration (model.beam: 4, 2)"),
        (lambda m: m["inputs"][0].update(sha256="0" * 64), "other inputs (001_korean.sha256"),
        (lambda m: m.update(run="0" * 16), "other run id"),
        (lambda m: m["shard"].update(reviews="ab"), "other reviews in its memory"),
        (lambda m: m["packages"].update(ctranslate2="1.0"), "other packages (ctranslate2: "),
        (lambda m: m["models"][0].update(engine_version="0"), "other model for ko (engine_version: "),
        (lambda m: m["shard"].update(parts=3), "not parts of one division"),
    ],
)
def test_a_shard_of_another_run_is_refused_with_what_differs(parts, capsys, edit, says):
    change("part2", edit)
    code, line = refused(capsys, "merge", "part1", "part2")
    assert code == 2
    assert says in line
    assert not Path("outputs").exists()


def test_shards_of_other_documents_or_options_are_refused(parts, capsys):
    text = (Path("docs") / "001_korean.txt").read_bytes()
    (Path("docs") / "001_korean.txt").write_bytes(text + "책을\r\n".encode("utf-16-le"))
    call("run", "--shard", "2/2", "-o", "part2", "-q")
    code, line = refused(capsys, "merge", "part1", "part2")
    assert (code, "shard 2/2 is of another run than shard 1/2: other inputs" in line) == (2, True)


@pytest.mark.parametrize("harm", ["cut", "changed", "gone"])
def test_a_damaged_shard_is_named_with_the_file(parts, capsys, harm):
    path = Path("part2/001_korean/segments.jsonl")
    content = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(content[:-200] if harm == "cut" else content.replace(b"teacher", b"preacher"))
    code, line = refused(capsys, "merge", "part1", "part2")
    assert code == 1
    assert "shard 2/2: part2/001_korean/segments.jsonl" in line
    assert "run shard 2/2 again" in line


def test_a_manifest_that_is_damaged_or_names_files_outside_is_refused(parts, capsys):
    shutil.copytree("part2", "kept")
    Path("part2/manifest.json").write_text("{", encoding="utf-8")
    code, line = refused(capsys, "merge", "part1", "part2")
    assert (code, "part2/manifest.json is damaged" in line) == (1, True)
    change("kept", lambda m: m["inputs"][0].update(output="../../etc"))
    code, line = refused(capsys, "merge", "part1", "kept")
    assert (code, "is not the name of a folder" in line) == (1, True)


def test_a_whole_run_or_no_run_is_no_shard(parts, capsys):
    call("run", "-o", "whole", "-q")
    assert refused(capsys, "merge", "whole") == (
        2,
        "Error: whole is a whole run, not a shard of one; there is nothing to merge",
    )
    code, line = refused(capsys, "merge", "docs")
    assert (code, "docs has no manifest.json" in line) == (2, True)


def test_no_folder_with_work_in_it_is_overwritten_by_other_work(parts, capsys):
    before = {p: p.read_bytes() for p in Path("part1").rglob("*") if p.is_file()}
    for arguments in (
        ["run", "--shard", "2/2", "-o", "part1"],
        ["run", "-o", "part1"],
        ["merge", "part1", "part2", "-o", "part1"],
    ):
        code, line = refused(capsys, *arguments)
        assert (code, "part1 holds shard 1/2" in line) == (2, True), arguments
    assert {p: p.read_bytes() for p in Path("part1").rglob("*") if p.is_file()} == before
    call("merge", "part1", "part2", "-o", "whole", "-q")
    code, line = refused(capsys, "run", "--shard", "1/2", "-o", "whole")
    assert (code, "whole holds a whole run" in line) == (2, True)


def test_an_installation_that_would_finish_differently_is_refused(parts, capsys, monkeypatch):
    for name in parts:
        change(name, lambda m: m["packages"].update(sacrebleu="1.0"))
    code, line = refused(capsys, "merge", *parts)
    assert code == 2
    assert "the shards were made with sacrebleu 1.0" in line
    assert "pip install sacrebleu==1.0" in line
