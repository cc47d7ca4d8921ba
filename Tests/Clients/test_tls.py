"""Servers with TLS that does not come about: one plain sentence, a next step, and no second try.

Whose certificates this machine trusts is a file of the system; tests with a CA of their own put another one in its
place, in a mount namespace, so they need root.
"""

import datetime
import http.server
import ipaddress
import os
import ssl
import subprocess
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SECONDS = 60
SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"
LOOPBACK = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts need root")


class Empty(http.server.BaseHTTPRequestHandler):
    """Answers with an empty list, whatever is asked."""

    def do_GET(self):
        self.send_response(200)
        body = b'{"items": []}'
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Quiet(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass


def name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(path, subject, issuer=None, *, names=(LOOPBACK,), days=(-1, 1)):
    """Writes a key with its certificate; returns both. Without an issuer it is an authority's."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder().subject_name(name(subject))
        .issuer_name(issuer[1].subject if issuer else name(subject))
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(issuer is None, None), True)
        .add_extension(x509.SubjectAlternativeName(names), False)
        .sign(issuer[0] if issuer else key, hashes.SHA256()))
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM))
    return key, made


@pytest.fixture
def serve_tls():
    """Starts a server with the certificate in a file, or without TLS; returns its port."""
    servers = []

    def start(path=None):
        server = Quiet(("127.0.0.1", 0), Empty)
        if path:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(path)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server.server_port

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def authority(tmp_path):
    return certificate(tmp_path / "ca.pem", "a CA of this test", names=(x509.DNSName("ca.example"),))


def listed(assay, address, roots=None):
    """What `assay list` says to a server, with other system roots if a file of them is given."""
    words = [str(assay.binary), "--server", address, "list"]
    if roots:
        words = ["unshare", "--mount", "sh", "-c", f'mount --bind "$0" {SYSTEM_ROOTS} && exec "$@"', str(roots), *words]
    return subprocess.run(
        words, env=assay.environment(), capture_output=True, text=True, cwd=assay.home, timeout=SECONDS)


def told(done, *said):
    """One error of one sentence, with a next step and without the words of a library."""
    lines = done.stderr.strip().split("\n")
    assert done.returncode == 8 and len(lines) == 2, done
    assert lines[0].startswith("error: no secure connection to https://") and lines[1].startswith("  next: "), done
    for word in ("SSL", "ssl.", "NIO", "routines", "/work", ".build", "trying again"):
        assert word not in done.stderr.replace("openssl s_client", "").replace("/etc/ssl", ""), done
    for word in said:
        assert word in done.stderr, done


def test_a_certificate_by_an_authority_that_nobody_knows(assay, serve_tls, authority, tmp_path):
    certificate(tmp_path / "server.pem", "a server", authority)
    port = serve_tls(tmp_path / "server.pem")
    told(listed(assay, f"https://127.0.0.1:{port}"), "authority", "update-ca-certificates", f"127.0.0.1:{port}")


@needs_root
def test_a_certificate_that_has_ended_or_is_for_another_name(assay, serve_tls, authority, tmp_path):
    roots = tmp_path / "roots.pem"
    roots.write_bytes(authority[1].public_bytes(serialization.Encoding.PEM))
    certificate(tmp_path / "good.pem", "good", authority)
    certificate(tmp_path / "ended.pem", "ended", authority, days=(-9, -2))
    certificate(tmp_path / "other.pem", "other", authority, names=(x509.DNSName("other.example"),))
    good, ended, other = (serve_tls(tmp_path / f"{kind}.pem") for kind in ("good", "ended", "other"))
    done = listed(assay, f"https://127.0.0.1:{good}", roots)
    assert done.returncode == 0, done
    told(listed(assay, f"https://127.0.0.1:{ended}", roots), "has ended")
    told(listed(assay, f"https://127.0.0.1:{other}", roots), "another name")


def test_https_to_a_server_without_tls(assay, serve_tls):
    port = serve_tls()
    told(listed(assay, f"https://127.0.0.1:{port}"), "speaks no TLS", "http://")


def test_http_to_a_server_with_tls(assay, serve_tls, authority, tmp_path):
    certificate(tmp_path / "server.pem", "a server", authority)
    port = serve_tls(tmp_path / "server.pem")
    done = listed(assay, f"http://127.0.0.1:{port}")
    assert done.returncode == 8 and "https://" in done.stderr and "next: " in done.stderr, done


def test_https_to_our_own_server(assay, server):
    told(listed(assay, server.url.replace("http:", "https:")), "speaks no TLS", "http://")
