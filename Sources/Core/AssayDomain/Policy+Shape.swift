extension Policy {
    /// Every key that a policy may have; a test holds it against schema/json/policy-v1.json and against what a policy
    /// encodes.
    package static let shape = KeyShape.object([
        "version": .value, "profile": .value, "signature": .object(["keys": .list(.value)]),
        "attestations": .list(demandShape), "measured": .map(figureShape), "dataset": .value,
        "datasets": .map(
            .object([
                "dataset": .value, "inputs": .list(.value), "output": .value, "scores": .value,
                "metrics": .map(metricShape),
            ])),
        "teacher": .valueOr(.object(["lineage": .value])), "agreement": agreementShape,
        "divergence": .map(agreementFigureShape),
        "flips": agreementFigureShape, "inherited_errors": agreementFigureShape,
        "error_consistency": agreementFigureShape, "retained": .object(["accuracy": agreementFigureShape]),
        "cost": .map(.object(["max_ratio": .value])),
        "inputs": .list(.value), "file": .value, "output": .value, "scores": .value, "metrics": .map(metricShape),
        "batch_invariant": .object(["max_difference": .value]),
        "deterministic": .object(["max_difference": .value]), "cacheable": .value, "tries": .object(["max": .value]),
        "latency": latencyShape, "memory": .object(["max_bytes": .value]), "cage": .value,
        "size": .object(["max_bytes": .value]), "formats": .object(["deny": .list(.value)]),
        "lineage": .list(.value),
        "waivers": .object(["role": .value, "keys": .list(.value)]), "rollback": .object(["emergency": .list(.value)]),
        "deadline_seconds": .value,
        "labels": .list(.value),
    ])

    private static let demandShape = KeyShape.object([
        "type": .value, "name": .value, "role": .value, "keys": .list(.value), "present": .value,
        "where": .map(.valueOr(.object(["min": .value, "max": .value]))),
    ])

    private static let agreementFigureShape = KeyShape.object(["min": .value, "max": .value, "confidence": .value])

    private static let agreementShape = KeyShape.object([
        "min": .value, "max": .value, "confidence": .value, "teacher_right": agreementFigureShape,
        "teacher_wrong": agreementFigureShape,
        "slices": .map(.object(["min": .value, "max": .value, "min_samples": .value])),
    ])

    private static let figureShape = KeyShape.object([
        "min": .value, "max": .value, "unit": .value, "role": .value, "keys": .list(.value), "dataset": .value,
        "max_age": .value,
    ])

    private static let metricShape = KeyShape.object([
        "min": .value, "max": .value, "max_drop": .value, "confidence": .value,
        "per_slice": .map(.object(["min": .value, "max": .value, "min_samples": .value])),
    ])

    private static let latencyShape = KeyShape.object([
        "threads": .value, "batch": .value, "runs": .value, "p50": boundShape, "p90": boundShape, "p95": boundShape,
        "p99": boundShape, "mean": boundShape, "tail": boundShape, "max": timeShape, "load": timeShape,
        "first_run": timeShape, "throughput": .object(["min": .value]), "confidence": .value,
        "sweep": .object(["batches": .list(.value), "threads": .list(.value)]),
    ])

    private static let boundShape = KeyShape.object(["max_milliseconds": .value, "max_ratio": .value])
    private static let timeShape = KeyShape.object(["max_milliseconds": .value])
}
