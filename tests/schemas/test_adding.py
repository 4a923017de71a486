"""Adding schemas: from folders, archives and Iglu servers, for every registry of the user."""

import json
import tarfile
import zipfile

import pytest

from nbtrack.schemas import BadSchema, Registry, add_schemas

URI = "iglu:com.acme/visit/jsonschema/1-0-0"
SCHEMA = {
    "self": {"vendor": "com.acme", "name": "visit", "format": "jsonschema", "version": "1-0-0"},
    "type": "object",
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("NBTRACK_HOME", str(tmp_path / "home"))


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "repository" / "schemas" / "com.acme" / "visit" / "jsonschema" / "1-0-0"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(SCHEMA))
    (tmp_path / "repository" / "README.md").write_text("not a schema")
    return tmp_path / "repository"


def archive(folder, kind):
    path = folder.parent / f"schemas.{kind}"
    files = [file for file in folder.rglob("*") if file.is_file()]
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as target:
            for file in files:
                target.write(file, file.relative_to(folder.parent))
    else:
        with tarfile.open(path, "w:gz") as target:
            for file in files:
                target.add(file, file.relative_to(folder.parent))
    return path


@pytest.mark.parametrize("kind", ["folder", "zip", "tar.gz"])
def test_added_schemas_are_known_to_every_registry(folder, kind):
    before = Registry()
    assert URI not in before
    assert add_schemas(folder if kind == "folder" else archive(folder, kind)) == [URI]
    assert URI in before
    assert URI in Registry().uris()
    assert Registry().faults(URI, []) != []
    assert URI not in Registry(builtin=False)


def test_nothing_is_added_if_one_schema_cannot_be_used(folder):
    path = folder / "schemas" / "com.acme" / "visit" / "jsonschema" / "1-0-1"
    path.write_text('{"type": "objekt"}')
    with pytest.raises(BadSchema, match="1-0-1 cannot be used"):
        add_schemas(folder)
    assert URI not in Registry()


def test_a_path_never_leads_out_of_the_folder(tmp_path):
    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("../../com.acme/../jsonschema/1-0-0", "{}")
    with pytest.raises(ValueError, match="no schemas in"):
        add_schemas(path)


@pytest.mark.parametrize("content", [b"", b"neither"])
def test_what_is_no_archive_is_rejected(tmp_path, content):
    path = tmp_path / "schemas.bin"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"neither a zip nor a tar|no schemas in"):
        add_schemas(path)


def test_the_message_of_an_unknown_schema_of_snowplow_names_the_command():
    uri = "iglu:com.snowplowanalytics.console/something/jsonschema/1-0-0"
    with pytest.raises(LookupError, match=f"add it with: nbtrack schemas add http://iglucentral.com {uri}"):
        Registry().find(uri)
