"""Unpacking, encodings and the file of rejected rows."""

import csv
import gzip
import io
import zipfile
from pathlib import Path

import pytest

from fleetmon.ingest.files import aside, unpack
from fleetmon.ingest.files.outcome import FileError, Outcome, RowError
from fleetmon.ingest.files.table import decoded
from fleetmon.model.errors import ConfigError


def zipped(**files: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return target.getvalue()


@pytest.mark.parametrize("packed", [b"a,b\n1,2\n", gzip.compress(b"a,b\n1,2\n", mtime=0), zipped(one=b"a,b\n1,2\n")])
def test_a_file_is_known_by_its_content(tmp_path: Path, packed: bytes) -> None:
    file = tmp_path / "whatever.xml"
    file.write_bytes(packed)
    found = unpack.unpack(file)
    assert (found.kind, found.data) == ("csv", b"a,b\n1,2\n")


@pytest.mark.parametrize("data", [b"<a/>", b"\xef\xbb\xbf \n<a/>", "<a/>".encode("utf-16")])
def test_xml_is_known_by_its_beginning(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "statement"
    file.write_bytes(data)
    assert unpack.unpack(file).kind == "xml"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (gzip.compress(b"a,b\n" * 1000, mtime=0)[:-10], "truncated"),
        (zipped(one=b"a")[:-10], "truncated"),
        (zipped(one=b"a", two=b"b"), "2 files"),
        (zipped(**{"[Content_Types].xml": b"", "xl": b""}), "workbook"),
        (zipped(one=zipped(two=b"a")), "archive in an archive"),
        (b"%PDF-1.7", "PDF"),
        (b"\xd0\xcf\x11\xe0....", "Office"),
    ],
)
def test_what_cannot_be_unpacked_says_what_to_do(tmp_path: Path, data: bytes, what: str) -> None:
    file = tmp_path / "file.csv"
    file.write_bytes(data)
    with pytest.raises(FileError, match=what):
        unpack.unpack(file)


def test_a_decompression_bomb_ends_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "LIMIT", 1 << 20)
    for data in (gzip.compress(b"0" * (1 << 21)), zipped(one=b"0" * (1 << 21))):
        file = tmp_path / "bomb"
        file.write_bytes(data)
        with pytest.raises(FileError, match="larger than 1 MiB"):
            unpack.unpack(file)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(FileError, match="cannot be read"):
            unpack.unpack(path)


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(FileError, match="not text"):
        decoded(b"a,b\0c")
    with pytest.raises(FileError, match="neither UTF-8 nor GBK"):
        decoded(b"a,b\xff\xff")


def test_rejected_rows_are_written_with_line_and_reason_and_go_when_they_are_taken(tmp_path: Path) -> None:
    source = tmp_path / "day.csv"
    outcome = Outcome("settlement", ["a", "b"])
    outcome.reject(7, ["1", "二"], RowError("amount", "bad"))
    outcome.reject(3, ["only"], RowError("ragged", "short"))
    file = aside.keep(source, "0123456789abcdef", outcome, None)
    assert file == tmp_path / "day.csv.01234567.rejected.csv"
    found = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    assert found == [
        ["a", "b", "fleetmon_line", "fleetmon_reason", "fleetmon_detail"],
        ["only", "3", "ragged", "short"],
        ["1", "二", "7", "amount", "bad"],
    ]
    assert aside.keep(source, "0123456789abcdef", Outcome("settlement", []), None) is None
    assert not file.exists()
    assert aside.keep(source, "f" * 64, outcome, tmp_path / "new") == tmp_path / "new" / "day.csv.ffffffff.rejected.csv"
    source.write_text("")
    with pytest.raises(ConfigError, match="--aside"):
        aside.keep(source, "f" * 64, outcome, source)
