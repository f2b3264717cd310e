# SPDX-License-Identifier: Apache-2.0
"""Real servers for tests: OpenSearch and Elasticsearch on loopback, started by the scripts that lie
beside the tree (../shared/engines), from packages. One of each serves a whole run of pytest; a test
keeps to itself by a namespace of its own.

    def test_it(elasticsearch):     # or opensearch, or engine: both in turn
        elasticsearch.request("GET", "/_cluster/health")

  WEIR_ENGINES_CACHE    where unpacked packages are kept; build/engines if it is not set, or a folder
                        in the temporary one where uid 65534, which the servers run as, cannot reach
                        that"""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from programs import ROOT, free_port

SCRIPTS = os.path.join(ROOT, "..", "shared", "engines")
SCROLL = "2m"
STREAM = 1  # SOCK_STREAM


class Missing(Exception):
    """A server cannot be had here; says why."""


def cache():
    """The folder of unpacked packages."""
    if "WEIR_ENGINES_CACHE" in os.environ:
        return os.environ["WEIR_ENGINES_CACHE"]
    folder = os.path.join(ROOT, "build", "engines")
    parent = os.path.realpath(ROOT)
    while parent != "/" and os.getuid() == 0:
        if not os.stat(parent).st_mode & 1:
            return os.path.join(tempfile.gettempdir(), "weir-engines")
        parent = os.path.dirname(parent)
    return folder


def java_major(home):
    done = subprocess.run([os.path.join(home, "bin", "java"), "-XshowSettings:properties",
                           "-version"], capture_output=True, text=True, timeout=60)
    found = re.search(r"java\.specification\.version = (\d+)\n", done.stderr + done.stdout)
    return int(found.group(1)) if found else 0


def find_java(least):
    """The oldest JDK that will do."""
    homes = {os.path.realpath(home)
             for home in [os.environ.get("JAVA_HOME", ""), *glob.glob("/usr/lib/jvm/*")]
             if home and os.access(os.path.join(home, "bin", "java"), os.X_OK)}
    fitting = sorted((java_major(home), home) for home in homes)
    return next((home for major, home in fitting if major >= least), None)


# Product, version, the oldest JDK that it runs on; what is preferred first.
KINDS = {"opensearch": [("3.6.0", 21), ("2.19.6", 17)], "elasticsearch": [("8.19.21", 17)]}


def unpacked(product, version):
    """It is there when the package is."""
    return os.path.join(cache(), f"{product}-{version}", ".complete")


def choose(product):
    """Version and JDK."""
    script = os.path.join(SCRIPTS, product, "start.sh")
    if not os.path.exists(script):
        raise Missing(f"{os.path.relpath(script, ROOT)} is not there")
    for version, least in KINDS[product]:
        home = find_java(least)
        if home is None:
            continue
        if not os.path.exists(unpacked(product, version)) and shutil.which("mvn") is None:
            raise Missing(f"{product} {version} is not in {cache()}, and there is no mvn to fetch it")
        return version, home
    raise Missing(f"{product} needs JDK {min(least for _, least in KINDS[product])} or newer")


class Engine:
    """A server that may be stopped, killed and started again on the same data."""

    def __init__(self, product, java_options="-XX:TieredStopAtLevel=1"):
        """Tests are over before the JVM's better compiler pays."""
        self.product = product
        self.java_options = java_options
        self.version, self.java = choose(product)
        self.unpacked = unpacked(product, self.version)
        self.folder = tempfile.mkdtemp(prefix=f"weir-{product}-")
        os.chmod(self.folder, 0o755)
        self.port = free_port(STREAM)
        self.transport_port = free_port(STREAM)
        self.extra = ""
        self.pid = None
        self.keeper = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def has_ingest(self):
        """Whether it has processors for ingest pipelines, scripts and GET /."""
        return self.product == "opensearch" and not self.version.startswith("2.")

    @property
    def has_places(self):
        """Whether it has aggregations of places (geo_bounds, geotile_grid)."""
        return not (self.product == "opensearch" and self.version.startswith("2."))

    def start(self, extra=""):
        """Returns when it answers. `extra`: lines of its configuration."""
        env = {**os.environ, "PORT": str(self.port), "TRANSPORT_PORT": str(self.transport_port),
               "VERSION": self.version, "JAVA_HOME": self.java, "EXTRA_YML": extra,
               "HEAP": os.environ.get("HEAP", "512m"), "JAVA_OPTS_EXTRA": self.java_options}
        env.pop("FLAVOUR", None)
        done = subprocess.run([os.path.join(SCRIPTS, self.product, "start.sh"), cache(),
                               self.folder], env=env, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=900)
        if done.returncode != 0 and not os.path.exists(self.unpacked):
            raise Missing(f"{self.product} {self.version} cannot be fetched: {done.stderr[-500:]}")
        assert done.returncode == 0, done.stderr[-3000:]
        with open(os.path.join(self.folder, "pid")) as f:
            self.pid = int(f.read())
        # Its processes are a group, which ends with this one whatever happens to it.
        self.keeper = subprocess.Popen(["sh", "-c", f"read _; kill -9 -{self.pid}"],
                                       stdin=subprocess.PIPE, start_new_session=True)
        self.extra = extra
        return self

    def kill(self):
        """kill -9."""
        if self.pid is None:
            return
        self.keeper.stdin.close()
        self.keeper.wait(timeout=10)
        while self.processes():
            time.sleep(0.02)
        self.pid = None
        os.unlink(os.path.join(self.folder, "pid"))

    def stop(self, seconds=30):
        """SIGTERM, and kill -9 for what is left."""
        until = time.monotonic() + seconds
        os.killpg(self.pid, signal.SIGTERM)
        while self.processes() and time.monotonic() < until:
            time.sleep(0.05)
        self.kill()

    def restart(self, extra=""):
        self.kill()
        return self.start(extra)

    def plain(self):
        """It runs, as it is without a test's doing."""
        if self.pid is None or not self.processes() or self.extra:
            self.restart()
        return self

    def clean(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def processes(self):
        """The fields of /proc/PID/stat after the name, of each process that lives."""
        found = []
        for path in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(path) as f:
                    fields = f.read().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[2]) == self.pid and fields[0] != "Z":
                found.append(fields)
        return found

    def cpu(self):
        """CPU seconds that its processes have used."""
        ticks = sum(int(fields[11]) + int(fields[12]) for fields in self.processes())
        return ticks / os.sysconf("SC_CLK_TCK")

    # --- Talking to it ---------------------------------------------------------------------------

    def request(self, method, path, body=None, codes=(200, 201), timeout=60):
        """What it answers, parsed. `body`: bytes (NDJSON), or what becomes JSON."""
        status, answer = self.ask(method, path, body, timeout)
        assert status in codes, f"{method} {path}: {status} {str(answer)[:2000]}"
        return answer

    def ask(self, method, path, body=None, timeout=60):
        """Status and answer."""
        kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method,
                                         headers={"Content-Type": kind})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as error:
            status, text = error.code, error.read()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, text.decode(errors="replace")

    def put_template(self, name, patterns, mappings, priority=300, settings=None):
        """An index template of data streams."""
        self.request("PUT", f"/_index_template/{name}", {
            "index_patterns": patterns, "priority": priority, "data_stream": {},
            "template": {"settings": {"number_of_replicas": 0, **(settings or {})},
                         "mappings": mappings}})

    def exists(self, stream):
        return self.ask("GET", f"/{stream}/_mapping")[0] == 200

    def refresh(self, stream):
        self.request("POST", f"/{stream}/_refresh", codes=(200, 404))

    def count(self, stream):
        """Documents that can be found; 0 when the stream is not there."""
        self.refresh(stream)
        status, answer = self.ask("GET", f"/{stream}/_count")
        return answer["count"] if status == 200 else 0

    def search(self, stream, **body):
        self.refresh(stream)
        return self.request("POST", f"/{stream}/_search", {"size": 0, **body})

    def hits(self, stream, size=5000):
        """Each document with what the server keeps beside it: _index, _id, _source."""
        self.refresh(stream)
        answer = self.request("POST", f"/{stream}/_search?scroll={SCROLL}",
                              {"size": size, "sort": ["_doc"]})
        found = []
        while answer["hits"]["hits"]:
            found += answer["hits"]["hits"]
            answer = self.request("POST", "/_search/scroll",
                                  {"scroll": SCROLL, "scroll_id": answer["_scroll_id"]})
        self.request("DELETE", "/_search/scroll", {"scroll_id": answer["_scroll_id"]})
        return found

    def documents(self, stream):
        return [hit["_source"] for hit in self.hits(stream)]

    def rollover(self, stream):
        """From now on documents go into another backing index."""
        return self.request("POST", f"/{stream}/_rollover")["new_index"]

    def block_writes(self, stream, blocked=True):
        """As a disk that is full, or an administrator, does: 403 for each document."""
        self.request("PUT", f"/{stream}/_settings", {"index.blocks.write": blocked})

    def block_cluster(self, blocked=True):
        """The whole server takes nothing."""
        self.request("PUT", "/_cluster/settings", {
            "transient": {"cluster.blocks.read_only_allow_delete": blocked or None}})


class Engines:
    """The servers of a run of pytest, each started when it is first wanted."""

    def __init__(self):
        self.running = {}
        self.missing = {}

    def get(self, product):
        """A server that runs as it is without a test's doing. Missing, with the reason."""
        if product in self.missing:
            raise Missing(self.missing[product])
        try:
            if product not in self.running:
                self.running[product] = Engine(product)
            return self.running[product].plain()
        except Missing as why:
            self.missing[product] = str(why)
            raise

    def clean(self):
        for engine in self.running.values():
            engine.clean()
