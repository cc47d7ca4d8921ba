extension Policy {
    /// The demands that answers be the same, by the name of the requirement.
    var sameAnswers: [(name: String, bound: DifferenceBound)] {
        [("batch_invariant", batchInvariant), ("deterministic", deterministic)]
            .compactMap { name, bound in bound.map { (name, $0) } }
    }

    /// Throws `policy-invalid` for an output, a kind of scores or a difference that nothing could be held to.
    func checkAnswers() throws(AssayError) {
        for (name, bound) in sameAnswers where !(bound.maxDifference.isFinite && bound.maxDifference >= 0) {
            throw AssayError(.policyInvalid, "\(name).max_difference is negative or no finite number")
        }
        guard cacheable != false else {
            throw AssayError(
                .policyInvalid, "cacheable is false, which demands nothing", remedy: "write true, or leave it out")
        }
        guard output == nil && scores == nil && file == nil || needsMeasurement else {
            throw AssayError(
                .policyInvalid, "the policy says which file, output or scores are judged, and measures nothing",
                remedy: "name them beside a bound of metrics, latency or memory")
        }
    }

    /// Whether a model answers the same in other batches, and when it is asked again.
    func answerOutcomes(_ evidence: Evidence) -> [RequirementOutcome] {
        sameAnswers.map { name, bound in
            let demanded =
                bound.maxDifference == 0 ? "no difference" : "differs by at most \(Figure.metric(bound.maxDifference))"
            let measured = evidence.report?.measurements
            if name == "deterministic", let found = measured?.deterministic {
                return outcome(
                    name, demanded, "\(found.runs) runs repeated, differ by \(Figure.metric(found.maxDifference))",
                    found.runs > 0 && found.maxDifference <= bound.maxDifference)
            }
            if name == "batch_invariant", let found = measured?.batchInvariant {
                return outcome(
                    name, demanded, found.text,
                    found.samples > 0 && found.maxDifference.map { $0 <= bound.maxDifference } ?? false)
            }
            return unmeasured(name, demanded, evidence.report)
        }
    }
}
