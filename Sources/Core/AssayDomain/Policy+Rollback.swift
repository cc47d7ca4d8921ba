/// What is asked of a version that goes back to an alias which it held by a promotion.
extension Policy {
    /// All but what compares with the present holder: that one is what the alias goes away from.
    package var ofRollback: Policy {
        var policy = self
        policy.metrics = Self.absolute(metrics)
        policy.datasets = datasets?.mapValues { demand in
            var demand = demand
            demand.metrics = Self.absolute(demand.metrics) ?? [:]
            return demand
        }.filter { !$0.value.metrics.isEmpty }
        for figure in Self.ratioFigures { policy.latency?[keyPath: figure]?.maxRatio = nil }
        return policy
    }

    /// What holds whatever the hurry: who signed, what the manifest is, and that the files are nothing that is denied.
    package var ofEmergency: Policy {
        var policy = Policy(version: version)
        policy.signature = signature
        policy.formats = formats
        return policy
    }

    private static var ratioFigures: [WritableKeyPath<Latency, LatencyBound?>] {
        [\.p50, \.p90, \.p95, \.p99, \.mean, \.tail]
    }

    private static func absolute(_ metrics: [String: MetricBound]?) -> [String: MetricBound]? {
        metrics?.mapValues { bound in
            var bound = bound
            bound.maxDrop = nil
            bound.confidence = nil
            return bound
        }
    }

    /// Throws `policy-invalid` for names that nobody can have.
    func checkRollback() throws(AssayError) {
        guard let names = rollback?.emergency else { return }
        guard 1...Self.emergencyMax ~= names.count, names.allSatisfy({ 1...Self.nameBytesMax ~= $0.utf8.count }) else {
            throw AssayError(
                .policyInvalid, "rollback.emergency names nobody, or too many",
                remedy: "name up to \(Self.emergencyMax) of those who may, as the audit log names them")
        }
    }

    private static let emergencyMax = 64
    private static let nameBytesMax = 200
}
