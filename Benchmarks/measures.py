"""What is measured: by name, a function from a `Setting` to rows of the table."""

from measures_bundles import bundles
from measures_cage import cage
from measures_downloads import pull, ranges
from measures_everyday import everyday
from measures_floods import floods
from measures_latency import gate
from measures_log import audit, log, mutations, signing
from measures_program import evaluator, memory, start, teachers, verification
from measures_promotions import promotions
from measures_requests import manifests, resolve, small, tags
from measures_uploads import push, repush

MEASURES = {
    "push": push,
    "repush": repush,
    "pull": pull,
    "ranges": ranges,
    "manifests": manifests,
    "small": small,
    "tags": tags,
    "resolve": resolve,
    "floods": floods,
    "log": log,
    "audit": audit,
    "mutations": mutations,
    "signing": signing,
    "bundles": bundles,
    "promotions": promotions,
    "everyday": everyday,
    "evaluator": evaluator,
    "cage": cage,
    "gate": gate,
    "verification": verification,
    "teachers": teachers,
    "start": start,
    "memory": memory,
}
