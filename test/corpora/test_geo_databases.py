# SPDX-License-Identifier: Apache-2.0
"""MaxMind's test databases and those that Elastic's samples were made with: documents of a log whose
addresses are theirs, compared with what a plain reader finds in the same files. What MaxMind
publishes as damaged, and databases of other kinds, are refused by name."""
import glob
import json
import os
import subprocess

import pytest

import documents
import mmdb
import programs

ELASTIC = os.path.join(programs.CORPORA, "elastic-goflow2")
MAXMIND = os.path.join(programs.CORPORA, "maxmind__MaxMind-DB")
LOGSTASH = os.path.join(programs.CORPORA, "logstash-plugins__logstash-filter-geoip", "src", "test",
                        "resources", "maxmind-test-data")
pytestmark = pytest.mark.skipif(not os.path.isdir(ELASTIC) or not os.path.isdir(MAXMIND),
                                reason="no ../shared/corpora beside the project")
FOLDERS = [os.path.join(ELASTIC, "geoip-test"), os.path.join(MAXMIND, "test-data"), LOGSTASH]


def databases(kind):
    return sorted(path for folder in FOLDERS
                  for path in glob.glob(os.path.join(folder, f"*{kind}*.mmdb")))


def weir_import(tmp_path, *args, city="none", asn="none"):
    return subprocess.run(
        programs.weir_command("import", "-state", "none", "-data", str(tmp_path / "data"), "-format",
                              "ecs", "-geoip.city", city, "-geoip.asn", asn, *args),
        capture_output=True, timeout=120)


def documents_of(tmp_path, lines, profile, **databases_):
    log = tmp_path / "flows.log"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    done = weir_import(tmp_path, "-ecs.profile", profile, str(log), **databases_)
    assert done.returncode == 0, done.stderr.decode()
    programs.books(done.stderr.decode())
    made = [documents.parse(line) for line in done.stdout.decode().splitlines()]
    assert len(made) == len(lines)
    return made


def line(src, dst):
    return {"type": "SFLOW_5", "time_flow_start_ns": 1722384059314899647, "src_addr": str(src),
            "dst_addr": str(dst)}


def named(record, *path):
    for key in path:
        record = record.get(key, {}) if isinstance(record, dict) else {}
    return record or None


def geo_of(record):
    """Elasticsearch's default fields of a City database."""
    if record is None:
        return None
    last = (record.get("subdivisions") or [{}])[-1]
    code, part = named(record, "country", "iso_code"), last.get("iso_code")
    lat, lon = named(record, "location", "latitude"), named(record, "location", "longitude")
    geo = {"continent_name": named(record, "continent", "names", "en"),
           "country_name": named(record, "country", "names", "en"), "country_iso_code": code,
           "region_iso_code": f"{code}-{part}" if code and part else None,
           "region_name": named(last, "names", "en"),
           "city_name": named(record, "city", "names", "en"),
           "location": {"lat": lat, "lon": lon} if lat is not None and lon is not None else None}
    return {key: value for key, value in geo.items() if value is not None} or None


def as_of(record):
    if record is None:
        return None
    number, name = (record.get(f"autonomous_system_{key}") for key in ("number", "organization"))
    found = {"number": number} if number else {}
    return {**found, **({"organization": {"name": name}} if name else {})} or None


def compare(tmp_path, path, piece, wanted, **databases_):
    reader = mmdb.Reader(path)
    addresses = [address for address, _ in reader.networks()]
    assert len(addresses) > 10
    pairs = list(zip(addresses, addresses[1:] + addresses[:1]))
    for profile in ("elastic", "weir"):
        made = documents_of(tmp_path, [line(*pair) for pair in pairs], profile, **databases_)
        some = 0
        for pair, document in zip(pairs, made):
            for end, address in zip(("source", "destination"), pair):
                want = wanted(reader.get(address))
                got = document[end].get(piece)
                some += want is not None
                assert list(documents.differences(want or {}, got or {})) == [], (address, profile)
        assert some > 10


@pytest.mark.parametrize("path", databases("City") + databases("Country"), ids=os.path.relpath)
def test_places(tmp_path, path):
    compare(tmp_path, path, "geo", geo_of, city=path)


@pytest.mark.parametrize("path", databases("ASN"), ids=os.path.relpath)
def test_owners(tmp_path, path):
    compare(tmp_path, path, "as", as_of, asn=path)


BAD = sorted(glob.glob(os.path.join(MAXMIND, "bad-data", "*", "*.mmdb")))
OTHERS = sorted(path for path in glob.glob(os.path.join(MAXMIND, "test-data", "*.mmdb"))
                if not any(kind in path for kind in ("City", "Country", "ASN")))


@pytest.mark.parametrize("path", BAD + OTHERS, ids=os.path.relpath)
@pytest.mark.parametrize("option", ["city", "asn"])
def test_refused_by_name(tmp_path, path, option):
    log = tmp_path / "flows.log"
    log.write_text(json.dumps(line("1.1.1.1", "2.2.2.2")) + "\n")
    done = weir_import(tmp_path, str(log), **{option: path})
    assert done.returncode == 1, done.stderr.decode()
    assert path in done.stderr.decode()
    assert f"-geoip.{option}" in done.stderr.decode()
    assert done.stdout == b""


LIVE = ("data_stream", "agent", "input", "log")


def without_live(document):
    for name in LIVE:
        document.pop(name)
    for name in ("dataset", "ingested"):
        document["event"].pop(name)
    return document


def sample_event(tmp_path, profile):
    test = os.path.join(ELASTIC, "geoip-test")
    done = weir_import(tmp_path, "-ecs.profile", profile, "-ecs.preserve_original_event",
                       "-ecs.tags", "forwarded,sflow", "-ecs.timezone", "+00:00", "-ecs.version",
                       "8.11.0", os.path.join(ELASTIC, "sample-event", "input.log"),
                       city=os.path.join(test, "GeoLite2-City.mmdb"),
                       asn=os.path.join(test, "GeoLite2-ASN.mmdb"))
    assert done.returncode == 0, done.stderr.decode()
    [document] = done.stdout.decode().splitlines()
    with open(os.path.join(ELASTIC, "sample-event", "expected.json"), encoding="utf-8") as file:
        return json.load(file), without_live(documents.parse(document))


def test_sample_event_as_elastic_has_it(tmp_path):
    """The package's documented document, to the last digit, through the whole program."""
    want, got = sample_event(tmp_path, "elastic")
    assert list(documents.differences(want, got)) == []


def test_sample_event_in_profile_weir(tmp_path):
    """The same fields at the same places, and more of them."""
    want, got = sample_event(tmp_path, "weir")
    lost = [d for d in documents.differences(want, got) if not d.endswith("is too much")]
    # Packets are those that were sent, not the sampling rate: here both are 1000.
    assert lost == []


def test_samples_of_the_first_package_with_their_places(tmp_path):
    """Its date had whole seconds only: put aside."""
    folder, name = os.path.join(ELASTIC, "pr-early"), "test-goflow2-sflow-sample.log"
    test = os.path.join(ELASTIC, "geoip-test")
    done = weir_import(tmp_path, "-ecs.profile", "elastic", "-ecs.preserve_original_event",
                       "-ecs.tags", "forwarded,sflow", "-ecs.timezone", "+00:00", "-ecs.version",
                       "8.11.0", os.path.join(folder, name),
                       city=os.path.join(test, "GeoLite2-City.mmdb"),
                       asn=os.path.join(test, "GeoLite2-ASN.mmdb"))
    assert done.returncode == 0, done.stderr.decode()
    with open(os.path.join(folder, name + "-expected.json"), encoding="utf-8") as file:
        expected = json.load(file)["expected"]
    made = [without_live(documents.parse(one)) for one in done.stdout.decode().splitlines()]
    for want, got in zip(expected, made, strict=True):
        want.pop("@timestamp"), got.pop("@timestamp")
        assert list(documents.differences(want, got)) == []
