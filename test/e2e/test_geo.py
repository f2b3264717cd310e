# SPDX-License-Identifier: Apache-2.0
"""Databases and names in the documents of the whole program: found, missing, refused, replaced while
flows come in."""
import json
import os
import signal
import subprocess
import threading
import time

import pytest

import mmdb
import programs
from programs import books, weir_collector

EVERYTHING = ["0.0.0.0/1", "128.0.0.0/1", "2000::/3", "fc00::/7"]


def place(city):
    return {"city": {"names": {"de": "falsch", "en": city}},
            "country": {"iso_code": "AT", "names": {"en": "Austria"}},
            "location": {"latitude": 48.2, "longitude": 16.0}}


def write_city(path, city, replace=True):
    """A database in which every address lies in one city; put there as updaters do."""
    new = f"{path}.new" if replace else path
    mmdb.write(new, {network: place(city) for network in EVERYTHING})
    if replace:
        os.rename(new, path)


def line(**columns):
    return {"type": "SFLOW_5", "time_flow_start_ns": 1722384059314899647,
            "sampler_address": "10.0.0.1", "sequence_num": 1, "in_if": 1, "out_if": 2,
            "src_addr": "192.0.2.1", "dst_addr": "198.51.100.7", "etype": "IPv4", "proto": "TCP",
            "src_port": 1, "dst_port": 443, "src_vlan": 0, "dst_vlan": 0, "sampling_rate": 10,
            "bytes": 100, **columns}


def weir_import(tmp_path, lines, *args, code=0):
    log = tmp_path / "flows.log"
    log.write_text("".join(json.dumps(one) + "\n" for one in lines))
    done = subprocess.run(
        programs.weir_command("import", "-state", "none", "-data", str(tmp_path / "data"), "-format",
                              "ecs", *args, str(log)), capture_output=True, timeout=120)
    assert done.returncode == code, done.stderr.decode()
    if code == 0:
        books(done.stderr.decode())
    return [json.loads(one) for one in done.stdout.decode().splitlines()], done.stderr.decode()


def test_places_owners_and_names(tmp_path):
    city, asn = tmp_path / "city.mmdb", tmp_path / "asn.csv"
    networks, names = tmp_path / "networks.csv", tmp_path / "names.yaml"
    write_city(city, "Vienna")
    asn.write_text('192.0.2.0,192.0.2.255,64500,"Ex, Ltd."\n')
    networks.write_text("network,name\n192.0.2.0/24,office\n192.0.2.0/28,servers\n2001:db8::/32,six\n")
    names.write_text("10.0.0.1:\n  name: core-1\n  interfaces:\n    1: {name: eth1, alias: uplink}\n"
                     "    2: eth2\n")
    [first, second], _ = weir_import(
        tmp_path, [line(), line(src_addr="::ffff:192.0.2.99", dst_addr="2001:db8::1",
                                sampler_address="10.0.0.2")],
        "-geoip.city", str(city), "-geoip.asn", str(asn), "-networks", str(networks), "-names",
        str(names))
    geo = {"city_name": "Vienna", "country_iso_code": "AT", "country_name": "Austria",
           "location": {"lat": 48.2, "lon": 16.0}}
    assert first["source"]["geo"] == first["destination"]["geo"] == geo
    assert first["source"]["as"] == {"number": 64500, "organization": {"name": "Ex, Ltd."}}
    assert "as" not in first["destination"]
    assert first["goflow2"]["src_net_name"] == "servers"
    assert "dst_net_name" not in first["goflow2"]
    assert first["observer"]["name"] == "core-1"
    assert first["observer"]["ingress"]["interface"] == {"id": "1", "name": "eth1", "alias": "uplink"}
    assert first["observer"]["egress"]["interface"] == {"id": "2", "name": "eth2"}
    assert second["source"]["as"]["number"] == 64500
    assert second["goflow2"]["src_net_name"] == "office"
    assert second["goflow2"]["dst_net_name"] == "six"
    assert "name" not in second["observer"]
    assert second["observer"]["ingress"]["interface"] == {"id": "1"}


def test_what_is_missing(tmp_path):
    """Elastic's tags, once for each step that has no database; nothing in profile weir, and nothing
    where none is wanted."""
    tags = [f"_geoip_database_unavailable_GeoLite2-{name}.mmdb" for name in ("City", "ASN")]
    found = any(os.path.isdir(folder) and os.listdir(folder)
                for folder in ("/usr/share/GeoIP", "/var/lib/GeoIP"))
    if found:
        pytest.skip("this machine has databases of its own")
    [elastic], _ = weir_import(tmp_path, [line()], "-ecs.profile", "elastic")
    assert [tag for tag in elastic["tags"] if "geoip" in tag] == [tags[0]] * 2 + [tags[1]] * 2
    [elastic], _ = weir_import(tmp_path, [line()], "-ecs.profile", "elastic", "-geoip.asn", "none")
    assert [tag for tag in elastic["tags"] if "geoip" in tag] == [tags[0]] * 2
    [elastic], _ = weir_import(tmp_path, [line()], "-ecs.profile", "elastic", "-geoip.asn", "none",
                               "-geoip.city", "none")
    assert not any("geoip" in tag for tag in elastic["tags"])
    [weir], _ = weir_import(tmp_path, [line()])
    assert not any("geoip" in tag for tag in weir["tags"])
    assert "geo" not in weir["source"] and "as" not in weir["source"]


def test_refused_at_start(tmp_path):
    city, words = tmp_path / "city.mmdb", tmp_path / "words.csv"
    write_city(city, "Vienna")
    words.write_text("10.0.0.0/8,ten\n10.0.0.0/99,nothing\n")
    whole = city.read_bytes()
    cut = tmp_path / "cut.mmdb"
    cut.write_bytes(whole[:len(whole) // 2])
    empty = tmp_path / "empty.mmdb"
    empty.write_bytes(b"")
    for option, path, said in [
            ("-geoip.city", cut, "is no MaxMind DB file, or was cut short; fetch it again"),
            ("-geoip.city", empty, "is empty"),
            ("-geoip.city", tmp_path / "nowhere.mmdb", "No such file or directory"),
            ("-geoip.city", tmp_path, "is no file"),
            ("-geoip.asn", city, 'holds no AS numbers (its type is "GeoLite2-City"); a City database '
                                 'goes to -geoip.city'),
            ("-networks", words, 'words.csv:2: "10.0.0.0/99" is no network'),
            ("-names", words, 'words.csv:1: "10.0.0.0/8" is no address of an exporter'),
            ("-names", tmp_path / "nowhere.csv", "No such file or directory")]:
        _, stderr = weir_import(tmp_path, [line()], option, str(path), code=1)
        assert option in stderr and str(path) in stderr
        assert said in stderr.replace('\\"', '"'), stderr


def test_check_says_what_is_used(tmp_path):
    city, asn = tmp_path / "a.mmdb", tmp_path / "b.mmdb"
    mmdb.write(city, {"10.0.0.0/8": {"country_code": "AT", "city": "Wien"}}, "city ipv4", ip_version=4)
    mmdb.write(asn, {"10.0.0.0/8": {"autonomous_system_number": 64500}}, "GeoLite2-ASN")
    port = programs.free_port()
    flags = ["check", "-format", "ecs", "-addr", "", "-listen", f"sflow://127.0.0.1:{port}",
             "-geoip.city", str(city)]
    done = subprocess.run(programs.weir_command(*flags, "-geoip.asn", str(asn)), capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"ok    city      {city}" in done.stdout
    assert f"ok    asn       {asn}" in done.stdout
    assert "https://db-ip.com" in done.stdout
    done = subprocess.run(programs.weir_command(*flags, "-geoip.asn", str(city)), capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 1
    assert "FAIL  geoip" in done.stdout and "holds no AS numbers" in done.stdout


class Sender:
    """Sends datagrams over and over until it is told to stop, no faster than a sanitizer's build
    takes them."""

    def __init__(self, collector, datagrams):
        self.sent, self.stopped = 0, False
        self.thread = threading.Thread(target=self.run, args=(collector, datagrams))
        self.thread.start()

    def run(self, collector, datagrams):
        while not self.stopped:
            collector.send(datagrams, pause_every=2)
            self.sent += len(datagrams)

    def stop(self):
        self.stopped = True
        self.thread.join()


def wait_until(condition, what, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, what
        time.sleep(0.02)


def cities(collector):
    """In the order of their documents; each document is whole."""
    whole = collector.output_bytes().rpartition(b"\n")[0]
    names = []
    for one in whole.splitlines():
        document = json.loads(one)
        for end in ("source", "destination"):
            if "ip" in document.get(end, {}):
                names.append(document[end]["geo"]["city_name"])
    return names


def last_city(collector):
    tail = collector.output_bytes()[-20000:].splitlines()[1:-1]
    found = [json.loads(one).get("source", {}).get("geo", {}).get("city_name") for one in tail]
    return found[-1] if found else None


def test_databases_change_while_flows_come_in(tmp_path):
    """By replacing the file, by SIGHUP, again by replacing; a damaged one changes nothing and is
    said once. Not a flow is lost, not a document is half."""
    city = tmp_path / "city.mmdb"
    write_city(city, "first")
    datagrams = programs.generated(100, "-exporters", "2")
    with weir_collector("-format", "ecs", "-geoip.city", str(city), "-geoip.asn", "none") as c:
        sender = Sender(c, datagrams)
        try:
            wait_until(lambda: last_city(c) == "first", "no first city")
            write_city(city, "second")
            wait_until(lambda: last_city(c) == "second", "no second city")
            write_city(city, "third")
            c.process.send_signal(signal.SIGHUP)
            wait_until(lambda: last_city(c) == "third", "no third city")
            damaged = tmp_path / "damaged"
            damaged.write_bytes(city.read_bytes()[:300])
            os.rename(damaged, city)
            wait_until(lambda: "what was read before stays" in c.log_text(), "not said")
            said = c.log_text().count("what was read before stays")
            sent = sender.sent
            wait_until(lambda: sender.sent > sent, "no more was sent")
            assert last_city(c) == "third"
            write_city(city, "fourth")
            wait_until(lambda: last_city(c) == "fourth", "no fourth city")
        finally:
            sender.stop()
        c.settle()
        assert c.stop() == 0
        names = cities(c)
        order = [name for i, name in enumerate(names) if i == 0 or names[i - 1] != name]
        assert order == ["first", "second", "third", "fourth"]
        found = books(c.log_text())
        assert found["datagram"]["received"] == found["datagram"]["decoded"]
        assert found["file"]["delivered"] == found["flow"]["made"] == len(
            c.output_bytes().splitlines())
        assert said == 1
        assert c.log_text().count('msg="read again"') == 3


def test_a_database_that_is_overwritten_in_place(tmp_path):
    """Cut to nothing under the mapping, and written again: weir lives, and says what it thinks."""
    city = tmp_path / "city.mmdb"
    write_city(city, "first")
    datagrams = programs.generated(100, "-exporters", "2")
    with weir_collector("-format", "ecs", "-geoip.city", str(city), "-geoip.asn", "none") as c:
        sender = Sender(c, datagrams)
        try:
            wait_until(lambda: last_city(c) == "first", "no first city")
            os.truncate(city, 0)
            wait_until(lambda: "overwritten in place" in c.log_text(), "not said")
            wait_until(lambda: last_city(c) is None, "still a city")
            write_city(city, "second", replace=False)
            wait_until(lambda: last_city(c) == "second", "no second city")
        finally:
            sender.stop()
        c.settle()
        assert c.stop() == 0
        assert all(json.loads(one) for one in c.output_bytes().splitlines())


def test_names_and_networks_change_at_sighup(tmp_path):
    networks, names = tmp_path / "networks.csv", tmp_path / "names.csv"
    networks.write_text("0.0.0.0/0,before\n")
    names.write_text("127.0.0.1,before\n")
    datagrams = programs.generated(50, "-exporters", "1")
    with weir_collector("-format", "ecs", "-geoip.city", "none", "-geoip.asn", "none", "-networks",
                        str(networks), "-names", str(names)) as c:
        c.send(datagrams)
        c.settle()
        networks.write_text("0.0.0.0/0,after\n::/0,after\n")
        names.write_text("127.0.0.1,after\nnonsense\n")
        c.process.send_signal(signal.SIGHUP)
        c.wait_for("names.csv:2: 1 field; wanted are exporter,name")
        c.send(datagrams)
        c.settle()
        assert c.stop() == 0
        said = [json.loads(one).get("goflow2", {}).get("src_net_name")
                for one in c.output_bytes().splitlines()]
        assert "before" in said and said[-1] == "after"
