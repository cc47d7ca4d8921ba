"""Small requests, very many of them: manifests, small blobs, tags and aliases."""

import functools
import itertools
import json
import os
import random
import statistics

import oci
from figures import at_least, at_most, in_turns, medians, ratio, seconds
from loads import at_once, gets_per_second, heads_per_second
from processes import AssayServer, DockerRegistry, Nginx
from wire import Wire

CLIENTS = 8

RESOLVE_SECONDS = 5
MANIFEST_SECONDS = 2
MANIFEST_PUTS = 2000

SMALL_BYTES = 4096
# docker-registry is given fewer, so that it does not take minutes; rates are compared.
SMALL_SHARE_OF_DOCKER = 5

FEW_TAGS = 10
TAGS_PER_PAGE = 10
TAGS_MAX = 1000
TAG_PAGES = 1000
TAG_SAMPLE = 50
TAG_SEED = 1


def resolve(setting):
    """A version by its alias, from an index of one version and from one of very many, in turn."""
    path = "/api/v1/versions/bench/model:production"
    with AssayServer(setting.binary, setting.folder / "one") as one, \
            AssayServer(setting.binary, setting.folder / "many") as many:
        for server in (one, many):
            oci.push_small_version(server.url, "bench/model", "production")
        filling = seconds(oci.fill, many.url, setting.filled_versions)
        rates = in_turns(setting.rounds, {
            "one": lambda: gets_per_second(one.url + path, RESOLVE_SECONDS),
            "many": lambda: gets_per_second(many.url + path, RESOLVE_SECONDS),
        })
    note = f"{medians(rates)} requests/s; filled in {filling:.0f} s"
    return [
        at_least("resolve an alias", statistics.median(rates["one"]), 15_000, "requests/s"),
        at_least(
            f"resolve, {setting.filled_versions} versions / one", ratio(rates["many"], rates["one"]), 0.8, note=note),
    ]


# Manifests


def manifests(setting):
    """A manifest by its tag, whether a blob is there, and new manifests, at Assay, docker-registry and nginx."""
    name, tag, absent = "bench/manifests", "latest", oci.digest_of(b"absent")
    rows = []
    with AssayServer(setting.binary, setting.folder / "assay") as assay, \
            DockerRegistry(setting.folder / "docker") as docker, \
            Nginx(setting.folder / "nginx", setting.folder / "files") as nginx:
        for registry in (assay, docker):
            present, manifest = oci.push_small_version(registry.url, name, tag)
        (nginx.files / "manifest").write_bytes(manifest)
        registries = {"assay": assay, "docker": docker}

        rates = in_turns(setting.rounds, {
            each: functools.partial(gets_per_second, server.url + path, MANIFEST_SECONDS, oci.MANIFEST)
            for each, server, path in with_nginx(registries, f"/v2/{name}/manifests/{tag}", nginx, "/manifest")})
        rows += reading_rows("GET a manifest", rates)
        for kind, digest, path, status in (("present", present, "/manifest", 200), ("absent", absent, "/absent", 404)):
            rates = in_turns(setting.rounds, {
                each: functools.partial(heads_per_second, server.url, target, status, MANIFEST_SECONDS)
                for each, server, target in with_nginx(registries, oci.blob_path(name, digest), nginx, path)})
            rows += reading_rows(f"HEAD of a blob that is {kind}", rates)
        return rows + writing_rows(setting, registries, name)


def with_nginx(registries, path, nginx, file):
    """Each contender's name, server and path: the registries have the same."""
    return [(name, server, path) for name, server in registries.items()] + [("nginx", nginx, file)]


def reading_rows(name, rates):
    return [
        at_least(
            f"{name} / docker-registry", ratio(rates["assay"], rates["docker"]), 10,
            note=f"{medians(rates)} requests/s"),
        at_least(f"{name} / nginx", ratio(rates["assay"], rates["nginx"]), 0.3),
    ]


def writing_rows(setting, registries, name):
    rows = []
    for kind in ("tag", "digest"):
        numbers = itertools.count()
        rates = in_turns(setting.rounds, {
            each: lambda server=server: manifest_puts_per_second(server.url, name, kind, next(numbers))
            for each, server in registries.items()})
        rows.append(at_least(
            f"PUT a manifest by {kind} / docker-registry", ratio(rates["assay"], rates["docker"]), 3,
            note=f"{medians(rates)} requests/s"))
    return rows


def manifest_puts_per_second(url, name, kind, number):
    """New manifests by eight clients, each under a tag of its own or by its digest."""
    count = MANIFEST_PUTS // CLIENTS

    def work(share, wait):
        with oci.Registry(url) as registry:
            layer = oci.descriptor(oci.digest_of(b"weights"), len(b"weights"))
            requests = []
            for each in range(count):
                tag = f"put-{number}-{share}-{each}"
                data = oci.manifest([layer], f"{kind} {tag}")
                requests.append(registry.putting(name, tag if kind == "tag" else oci.digest_of(data), data))
            wait()
            for request in requests:
                registry.ask(request, 201)

    return CLIENTS * count / at_once(work, range(CLIENTS))


# Small blobs


def small(setting):
    """New blobs of 4 KiB by eight clients: an upload opened, then one PUT, at Assay and at docker-registry."""
    with AssayServer(setting.binary, setting.folder / "assay") as assay, \
            DockerRegistry(setting.folder / "docker") as docker:
        rates = in_turns(setting.rounds, {
            "assay": lambda: small_blobs_per_second(assay.url, setting.blobs),
            "docker": lambda: small_blobs_per_second(docker.url, setting.blobs // SMALL_SHARE_OF_DOCKER),
        })
    return [
        at_least(
            "small blobs / docker-registry", ratio(rates["assay"], rates["docker"]), 8,
            note=f"{medians(rates)} blobs/s"),
        at_least(
            "small blobs", statistics.median(rates["assay"]), 2200, "blobs/s",
            note="what SeaweedFS's S3 took on such a machine; it is not installed here"),
    ]


def small_blobs_per_second(url, blobs):
    count = max(1, blobs // CLIENTS)

    def work(_, wait):
        with oci.Registry(url) as registry:
            opening = registry.opening("bench/small")
            contents = [os.urandom(SMALL_BYTES) for _ in range(count)]
            digests = [oci.digest_of(content) for content in contents]
            wait()
            for content, digest in zip(contents, digests):
                target = oci.with_digest(registry.open_upload(opening), digest)
                registry.ask(registry.request("PUT", target, content, Content_Type=oci.BYTES), 201)

    return CLIENTS * count / at_once(work, range(CLIENTS))


# Tags


def tags(setting):
    """A page of tags from a repository of 10,000 and from one of 10, on one connection."""
    few, many = "bench/few", "bench/many"
    with AssayServer(setting.binary, setting.folder / "assay") as server:
        for name, count in ((few, FEW_TAGS), (many, setting.tags)):
            oci.fill_tags(server.url, name, count)
        os.sync()
        with Wire(server.url) as wire:
            requests = {
                "few": [tag_page(wire, few)],
                "first": [tag_page(wire, many)],
                "middle": [tag_page(wire, many, last) for last in some_tags(wire, many)],
            }
            figures = [page_figures(wire, requests) for _ in range(setting.rounds)]
    by_kind = {kind: [figure[kind] for figure in figures] for kind in requests}
    return [
        at_most(
            f"tags p99, {page} page of {setting.tags} / of {FEW_TAGS}", ratio(by_kind[kind], by_kind["few"]), 1.5,
            note=f"{medians(by_kind)} microseconds" if kind == "first" else "")
        for kind, page in (("first", "first"), ("middle", "some"))]


def tag_page(wire, name, last=None, count=TAGS_PER_PAGE):
    return wire.request("GET", f"/v2/{name}/tags/list?n={count}" + (f"&last={last}" if last else ""))


def tag_names(wire, name, last=None, count=TAGS_PER_PAGE):
    return json.loads(wire.ask(tag_page(wire, name, last, count), 200).body)["tags"]


def some_tags(wire, name):
    """Tags all over a repository, each with a whole page after it."""
    found = page = tag_names(wire, name, count=TAGS_MAX)
    while page:
        page = tag_names(wire, name, found[-1], TAGS_MAX)
        found += page
    return random.Random(TAG_SEED).sample(found[:-TAGS_PER_PAGE], min(TAG_SAMPLE, len(found) - TAGS_PER_PAGE))


def page_figures(wire, requests):
    """The 99th percentile of each kind of page in microseconds; the kinds are asked for in turn."""
    times = {kind: [] for kind in requests}
    for turn in range(TAG_PAGES):
        for kind, choices in requests.items():
            times[kind].append(seconds(wire.ask, choices[turn % len(choices)], 200))
    return {kind: statistics.quantiles(each, n=100)[-1] * 1e6 for kind, each in times.items()}
