# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, made on the fly with the openssl command.

    ca = Authority(tmp_path / "ca")             # makes a key and a CA certificate
    ca.path, ca.fingerprint                     # PEM file; SHA-256 as "AB:CD:..."
    good = ca.issue("good")                     # for 127.0.0.1, ::1 and localhost
    other = ca.issue("other", names="DNS:es2")  # for another name
    old = ca.issue("old", until="20210101000000Z")
    client = ca.issue("client", client=True)
    good.cert, good.key                         # PEM files; good.chain has the CA's behind it
"""
import hashlib
import os
import ssl
import subprocess

LOOPBACK = "DNS:localhost,IP:127.0.0.1,IP:::1"
CONFIG = """
[ca]
default_ca = here
[here]
database = {0}/index.txt
rand_serial = yes
new_certs_dir = {0}
default_md = sha256
policy = any
copy_extensions = none
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = empty
prompt = no
[empty]
"""


def openssl(*args):
    done = subprocess.run(["openssl", *map(str, args)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


class Certificate:
    def __init__(self, cert, key, chain):
        self.cert, self.key, self.chain = cert, key, chain


class Authority:
    def __init__(self, directory, name="a test's CA", is_ca=True):
        self.directory = str(directory)
        os.makedirs(self.directory)
        self.config = self.file("config")
        with open(self.config, "w") as out:
            out.write(CONFIG.format(self.directory))
        open(self.file("index.txt"), "w").close()
        self.key, self.path = self.file("ca.key"), self.file("ca.crt")
        usage = "critical,CA:TRUE" if is_ca else "critical,CA:FALSE"
        openssl("req", "-x509", "-config", self.config, "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out", self.path,
                "-days", 30, "-subj", f"/CN={name}", "-addext", f"basicConstraints={usage}",
                "-addext", "subjectKeyIdentifier=hash",
                "-addext", f"subjectAltName={LOOPBACK}")

    def file(self, name):
        return os.path.join(self.directory, name)

    @property
    def fingerprint(self):
        with open(self.path) as pem:
            digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem.read())).hexdigest().upper()
        return ":".join(digest[i:i + 2] for i in range(0, len(digest), 2))

    def issue(self, name, names=LOOPBACK, until="20991231000000Z", client=False):
        key, request = self.file(name + ".key"), self.file(name + ".csr")
        cert, extensions = self.file(name + ".crt"), self.file(name + ".ext")
        usage = "clientAuth" if client else "serverAuth"
        with open(extensions, "w") as out:
            out.write(f"basicConstraints=CA:FALSE\nextendedKeyUsage={usage}\n"
                      f"authorityKeyIdentifier=keyid\nsubjectAltName={names}\n")
        openssl("req", "-new", "-config", self.config, "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", request, "-subj",
                f"/CN={name}")
        openssl("ca", "-batch", "-notext", "-config", self.config, "-cert", self.path, "-keyfile",
                self.key, "-in", request, "-out", cert, "-extfile", extensions, "-startdate",
                "20200101000000Z", "-enddate", until)
        chain = self.file(name + ".chain")
        with open(chain, "w") as out:
            for path in (cert, self.path):
                with open(path) as pem:
                    out.write(pem.read())
        return Certificate(cert, key, chain)
