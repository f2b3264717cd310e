#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes test/fuzz/corpus/mmdb and corpus/names: small databases of every layout, and damaged ones."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib")]
import mmdb  # noqa: E402
from mmdb import Number, Single  # noqa: E402

PLACE = {"city": {"geoname_id": 1, "names": {"de": "Wien", "en": "Vienna"}},
         "continent": {"code": "EU", "names": {"en": "Europe"}},
         "country": {"iso_code": "AT", "names": {"en": "Austria"}},
         "location": {"accuracy_radius": Number(10, "u16"), "latitude": 48.2, "longitude": 16.3721},
         "subdivisions": [{"iso_code": "9", "names": {"en": "Vienna"}}]}
FLAT = {"city": "Wien \"W\"\x01\\", "country_code": "AT", "latitude": Single(48.2), "postcode": "",
        "longitude": Single(-16.37), "state1": "Vienna", "state2": ""}
OWNER = {"autonomous_system_number": 64500, "autonomous_system_organization": "Ex \u00c4mple"}
NETWORKS = ("0.0.0.0/1", "10.0.0.0/8", "192.0.2.0/24")
CSV = {"asn": "1.0.0.0,1.0.0.255,13335,\"Ex, Ltd.\"\n192.0.2.0,192.0.2.255,AS1,a\n::,::1,2,b\n",
       "asn_numbers": "start,end,asn,name\n16777216,16777471,1,a\n"
                      "42540488161975842760550356425300246528,"
                      "42540488241204005274814694018844196863,2,b\n",
       "asn_overlaps": "0.0.0.0,255.255.255.255,1,a\n10.0.0.0,10.255.255.255,2,b\n"
                       "10.0.0.0,11.0.0.0,3,\n",
       "asn_unsorted": "2.0.0.0,2.0.0.1,1,a\n1.0.0.0,1.0.0.1,1,a\n",
       "networks": "network,name\n10.0.0.0/8,ten\n10.0.0.1,one\n2001:db8::/32,six\n",
       "exporters": "exporter,ifindex,name,alias\n10.0.0.1,1,eth1,\"up, \"\"or\"\" down\"\n"
                    "10.0.0.1,,core\n192.0.2.1,edge\n",
       "quotes": "10.0.0.0/8,\"open\n", "fields": "1,2,3,4,5,6,7,8,9\n", "zero": "a\0b,c\n"}
YAML = {"y_networks": "10.0.0.0/8: ten\n'::/0': all\n10.0.0.1: ~\n",
        "y_exporters": "10.0.0.1:\n  name: core\n  interfaces: {1: eth1, 2: {name: a, alias: b}}\n"
                       "192.0.2.1: edge\n",
        "y_merge": "10.0.0.1: &a {name: x}\n10.0.0.2: {<<: *a, interfaces: ~}\n",
        "y_wrong": "[a, {b: c}]\n"}


def keep(folder, name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def main():
    folder = os.path.join(HERE, "corpus", "mmdb")
    os.makedirs(folder, exist_ok=True)
    whole = {}
    for size in (24, 28, 32):
        for version in (4, 6):
            path = os.path.join(folder, f"city_{version}_{size}")
            networks = {network: PLACE for network in NETWORKS}
            if version == 6:
                networks["2001:db8::/32"] = {**PLACE, "city": {"names": {"en": "other"}}}
            whole[size, version] = mmdb.write(path, networks, record_size=size, ip_version=version)
    mmdb.write(os.path.join(folder, "flat"), {network: FLAT for network in NETWORKS}, "city ipv4", 24, 4)
    mmdb.write(os.path.join(folder, "asn"), {network: OWNER for network in NETWORKS}, "GeoLite2-ASN", 24)
    mmdb.write(os.path.join(folder, "unshared"), {network: PLACE for network in NETWORKS}, share=False)
    mmdb.write(os.path.join(folder, "long"),
               {"10.0.0.0/8": {"city": {"names": {"en": "n" * 70000}}, "x": "y" * 300}}, ip_version=4)
    mmdb.write(os.path.join(folder, "no_utf8"),
               {"10.0.0.0/8": {"city": b"\xff\xc0\x80", "country_code": "AT"}}, ip_version=4)
    deep = "x"
    for _ in range(200):
        deep = [deep]
    mmdb.write(os.path.join(folder, "deep"), {"10.0.0.0/8": {"a": deep, "city": "x"}}, ip_version=4)
    mmdb.write(os.path.join(folder, "other"), {"10.0.0.0/8": {"ip": "10.0.0.0"}}, "Test", ip_version=4)
    mmdb.write(os.path.join(folder, "empty_tree"), {}, "GeoLite2-City", ip_version=4)
    good = whole[28, 4]
    keep(folder, "cut", good[:len(good) - 40])
    keep(folder, "no_tree", good[300:])
    keep(folder, "mark_only", mmdb.MARK)
    keep(folder, "nothing", b"")
    folder = os.path.join(HERE, "corpus", "names")
    os.makedirs(folder, exist_ok=True)
    for name, text in {**CSV, **YAML}.items():
        keep(folder, name, (("y" if name.startswith("y_") else "c") + text).encode())


main()
