"""What is measured: by name, a function from a `Setting` to rows of the table."""

from measures_downloads import pull, ranges
from measures_program import evaluator, memory, start
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
    "evaluator": evaluator,
    "start": start,
    "memory": memory,
}
