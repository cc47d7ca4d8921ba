"""`assay pull --require-log` against a server that hides the latest move of an alias.

The server tells the truth about everything that is proven: versions, signatures, tiles, checkpoints. It lies where it
is asked for its word: what an alias points to, and which moves of it there were.
"""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from harness import Assay, Registry

DONE, NOT_FOUND, INTEGRITY = 0, 3, 6
NAME = "team/model"
SECONDS = 20
TILE_WIDTH = 256
FORWARDED = ("Content-Type", "Docker-Content-Digest", "OCI-Subject")


class Liar:
    """A relay in front of a server, which changes what is asked for and what is answered; a context manager."""

    def __init__(self, upstream, ask=lambda path: path, answer=lambda path, body: body):
        self.upstream, self.ask, self.answer = upstream, ask, answer
        self.asked = []

    def __enter__(self):
        liar = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def relay(self):
                liar.asked.append(self.path)
                told = {name: self.headers[name] for name in ("Accept", "Range") if name in self.headers}
                true = requests.request(
                    self.command, liar.upstream + liar.ask(self.path), headers=told, timeout=SECONDS)
                body = true.content if self.command == "HEAD" else liar.answer(self.path, true.content)
                self.send_response(true.status_code)
                for name in FORWARDED:
                    if name in true.headers:
                        self.send_header(name, true.headers[name])
                is_head = self.command == "HEAD"
                self.send_header("Content-Length", true.headers["Content-Length"] if is_head else str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_HEAD = relay

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    @property
    def tiles(self):
        """Tiles of entries that were asked for."""
        return [path for path in self.asked if path.startswith("/log/tile/entries/")]


def stale(url, number, digests):
    """A server that says that production still is what it was when it pointed to a version."""
    def ask(path):
        return path.replace(f"{NAME}:production", f"{NAME}:{number}")

    def answer(path, body):
        if path.startswith("/api/v1/versions/"):
            # Its own word as well: without it nobody would take the version for the alias's.
            return json.dumps(json.loads(body) | {"aliases": ["production"]}).encode()
        if not path.startswith("/api/v1/audit/entries"):
            return body
        said = json.loads(body)
        said["items"] = [item for item in said["items"] if item["entry"]["kind"] != "alias"
                         or item["entry"]["alias"] != "production" or item["entry"].get("digest") == digests[number]]
        return json.dumps(said).encode()

    return Liar(url, ask, answer)


class Client(Assay):
    """The command line with a memory of its own."""

    state = "state"

    def environment(self):
        return super().environment() | {"XDG_STATE_HOME": str(self.home / self.state)}

    def pull(self, url, reference=f"{NAME}:production"):
        other = Client(self.binary, self.home, url)
        other.state = self.state
        return other.run("pull", reference, "out", "--force", "--require-log", "--trust", "root.json")

    def moves(self):
        """What is remembered of aliases."""
        return sorted((self.home / self.state / "assay" / "moves").glob("[!.]*"))


@pytest.fixture
def local(server, binary, tmp_path):
    return promoted(Client(binary, tmp_path, server.url))


def promoted(local, policy="version: 1\n"):
    """The command line at versions 1 and 2, both of which were promoted, 2 last; their trust root is `root.json`."""
    local.key()
    local.ok("key", "trust", "release.pub.pem")
    (local.home / "policy.yaml").write_text(policy)
    local.ok("policy", "set", NAME, "production", "policy.yaml", "--create")
    for number in (1, 2):
        (local.home / f"{number}.bin").write_text(f"weights {number}")
        local.ok("push", NAME, f"{number}.bin", "--key", "release.pem")
        local.ok("promote", f"{NAME}:{number}", "production")
    local.ok("key", "export", "-o", "root.json")
    return local


@pytest.fixture
def digests(server, local):
    registry = Registry(server.url)
    return {number: registry.get(f"/api/v1/versions/{NAME}:{number}").json()["manifest_digest"] for number in (1, 2)}


def test_an_older_promotion_is_refused_when_the_log_has_a_later_one(server, local, digests):
    with stale(server.url, 1, digests) as liar:
        outcome = local.pull(liar.url)
        assert liar.tiles, "the log was not read"
    assert outcome.code == INTEGRITY and "moved after" in outcome.err, outcome
    assert not (local.home / "out").exists()
    assert local.pull(server.url).code == DONE
    assert (local.home / "out" / "2.bin").exists()


def test_the_lie_is_one_that_only_the_entries_give_away(server, local, digests):
    """What the liar shows is in order by itself: before the alias moved again, the same answers were the truth."""
    with stale(server.url, 2, digests) as liar:
        assert local.pull(liar.url).code == DONE
    with stale(server.url, 1, digests) as liar:
        assert local.pull(liar.url, f"{NAME}:1").code == DONE


@pytest.mark.parametrize("move", ["removal", "set"])
def test_a_later_move_without_a_promotion_counts_as_well(server, local, digests, move):
    local.ok("policy", "remove", NAME, "production")
    if move == "set":
        local.ok("alias", "set", NAME, "production", "1")
    else:
        assert Registry(server.url).delete(f"/api/v1/aliases/{NAME}:production").status_code < 300
    with stale(server.url, 2, digests) as liar:
        outcome = local.pull(liar.url)
    assert outcome.code == INTEGRITY and "moved after" in outcome.err, outcome


def test_what_happens_to_other_aliases_and_repositories_does_not_matter(server, local):
    local.ok("alias", "set", NAME, "candidate", "1")
    local.ok("push", "team/other", "1.bin", "--key", "release.pem")
    local.ok("alias", "set", "team/other", "production", "1")
    assert local.pull(server.url).code == DONE


def test_only_what_came_since_is_read_again(server, local):
    """Also where the last tile of entries was not full then."""
    for turn in range(TILE_WIDTH):
        Registry(server.url).request("PUT", f"/api/v1/aliases/{NAME}:other", json={"version": 1 + turn % 2})
    counts = []
    for turn in range(3):
        with Liar(server.url) as relay:
            assert local.pull(relay.url).code == DONE
        counts.append(len(relay.tiles))
        if turn == 1:
            local.ok("alias", "set", NAME, "other", "1")
    first, nothing_new, one_new = counts
    assert first == 2 and nothing_new == 0 and one_new == 1, counts
    assert len(local.moves()) == 1


def test_what_was_read_before_is_remembered(server, local, digests):
    """An older promotion is refused by the memory alone."""
    assert local.pull(server.url).code == DONE
    with stale(server.url, 1, digests) as liar:
        outcome = local.pull(liar.url)
    assert outcome.code == INTEGRITY and "moved after" in outcome.err, outcome


@pytest.mark.parametrize("change", [
    lambda body: body.replace(b'"production"', b'"productioN"'), lambda body: body[:-1], lambda body: b"",
    lambda body: bytes(len(body))], ids=["another alias", "cut", "empty", "zeros"])
def test_entries_that_are_not_those_of_the_checkpoint_are_refused(server, local, digests, change):
    """A server that hides the move in the tiles too."""
    changed = []

    with stale(server.url, 1, digests) as liar:
        filtered = liar.answer

        def answer(path, body):
            if not path.startswith("/log/tile/entries/"):
                return filtered(path, body)
            changed.append(change(body) != body)
            return change(body)

        liar.answer = answer
        outcome = local.pull(liar.url)
    assert any(changed), "nothing was changed"
    assert outcome.code == INTEGRITY, outcome
    assert "moved after" not in outcome.err and not local.moves()


def test_tiles_of_hashes_that_are_not_those_of_the_checkpoint_are_refused(server, local):
    """The part of the log that is not read is proven together with the part that is."""
    for turn in range(TILE_WIDTH):
        Registry(server.url).request("PUT", f"/api/v1/aliases/{NAME}:other", json={"version": 1 + turn % 2})
    assert local.pull(server.url).code == DONE
    local.ok("alias", "set", NAME, "other", "1")

    def without_hashes(path, body):
        return bytes(len(body)) if re.match(r"/log/tile/\d", path) else body

    with Liar(server.url, answer=without_hashes) as liar:
        outcome = local.pull(liar.url)
    assert outcome.code == INTEGRITY, outcome


@pytest.mark.parametrize("text", ["", "x\n", "7\nno checkpoint", "-1\n"])
def test_a_damaged_memory_is_told_and_not_passed_over(server, local, text):
    assert local.pull(server.url).code == DONE
    file, = local.moves()
    file.write_text(text)
    outcome = local.pull(server.url)
    assert outcome.code == INTEGRITY, outcome
    file.unlink()
    assert local.pull(server.url).code == DONE


def test_a_memory_of_another_log_is_no_way_around(server, local, digests):
    """One that says that more was read than the log has is refused, and not believed."""
    assert local.pull(server.url).code == DONE
    file, = local.moves()
    index, origin, size, root = file.read_text().splitlines()
    file.write_text(f"0\n{origin}\n{int(size) + 100}\n{root}\n")
    with stale(server.url, 1, digests) as liar:
        assert local.pull(liar.url).code == INTEGRITY
    file.write_text(f"0\n{origin}\n{size}\n{'A' * 43}=\n")
    with stale(server.url, 1, digests) as liar:
        assert local.pull(liar.url).code == INTEGRITY
