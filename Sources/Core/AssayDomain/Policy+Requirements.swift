extension Policy {
    /// The name of every requirement that a decision by this policy may show, each once if the policy is one that could
    /// be set now.
    package var requirements: [String] {
        alwaysDecided + (size == nil ? [] : ["size"]) + (formats == nil ? [] : [Self.formatsRequirement])
            + (lineage ?? []).map { "lineage.\($0.rawValue)" }
            + (attestations ?? []).indices.map(attestationRequirement) + figureRequirements + measuredRequirements
            + parts.flatMap { name, part in part.measuredRequirements.map { "\(name).\($0)" } }
    }

    /// What every policy decides.
    private var alwaysDecided: [String] { ["signature", "content", "manifest"] }

    private var measuredRequirements: [String] {
        var names: [String] = []
        for (name, bound) in (metrics ?? [:]).sorted(by: { $0.key < $1.key }) {
            if bound.min != nil || bound.max != nil { names.append(name) }
            if bound.maxDrop != nil { names.append("\(name).drop") }
            names += (bound.perSlice ?? [:]).keys.sorted().map { Self.sliceRequirement(name, $0) }
        }
        for (name, bound) in latency?.bounds ?? [] {
            if bound.maxMilliseconds != nil { names.append("latency.\(name)") }
            if bound.maxRatio != nil { names.append("latency.\(name).ratio") }
        }
        names += (latency?.times ?? []).map { "latency.\($0.name)" }
        if latency?.throughput != nil { names.append("throughput") }
        if memory != nil { names.append("memory") }
        if cage != nil { names.append("cage") }
        names += sameAnswers.map(\.name)
        if cacheable != nil { names.append("cacheable") }
        names += teacherRequirements
        if tries != nil { names.append("tries") }
        return names
    }

    static func sliceRequirement(_ metric: String, _ group: String) -> String {
        "\(metric).slice.\(Printable.escape(group))"
    }

    /// `attestation.TYPE`; where several demands without a name are of one type, followed by their number in order.
    func attestationRequirement(at position: Int) -> String {
        let demands = attestations ?? []
        func label(_ demand: AttestationDemand) -> String {
            demand.name ?? Printable.escape(PredicateType.short(PredicateType.resolve(demand.type)))
        }
        let own = label(demands[position])
        let alike = demands.indices.filter { demands[$0].name == nil && label(demands[$0]) == own }
        guard demands[position].name == nil, alike.count > 1, let number = alike.firstIndex(of: position) else {
            return "attestation.\(own)"
        }
        return "attestation.\(own).\(number + 1)"
    }

    // MARK: A policy that is newly set

    /// The most statements that one policy demands.
    package static let attestationsMax = 64

    /// Throws `policy-invalid` for demands that mean nothing, or not what they seem to: metrics that nothing measures,
    /// statements of whose words nothing is demanded, two requirements of one name.
    package func checkDemands(allowsUnknownMetrics: Bool) throws(AssayError) {
        try checkDeadline()
        try checkMetricNames(allowsUnknownMetrics: allowsUnknownMetrics)
        guard (attestations ?? []).count <= Self.attestationsMax else {
            throw AssayError(.policyInvalid, "the policy demands over \(Self.attestationsMax) attestations")
        }
        for demand in attestations ?? [] { try demand.check() }
        try checkFigureNames()
        var names: Set<String> = []
        for name in requirements where !names.insert(name).inserted {
            throw AssayError(
                .policyInvalid, "two requirements have the name \(Printable.quote(name))",
                reason: "a waiver of one would waive the other",
                remedy: "give the attestation, the metric or the dataset another name")
        }
    }

    private func checkMetricNames(allowsUnknownMetrics: Bool) throws(AssayError) {
        for (place, policy) in [("", self)] + parts.map({ ("datasets.\($0.name).", $0.policy) }) {
            for (name, bound) in (policy.metrics ?? [:]).sorted(by: { $0.key < $1.key }) {
                let quoted = Printable.quote(name, limit: 80)
                guard !name.isEmpty, name.utf8.count <= 100, name.utf8.allSatisfy({ 0x21...0x7E ~= $0 }),
                    !name.utf8.contains(UInt8(ascii: "."))
                else {
                    throw AssayError(
                        .policyInvalid, "\(place)metrics has the name \(quoted)",
                        reason: "a dot in a key is no path, and a metric has 1 to 100 plain characters",
                        remedy: "nest the bounds, as metrics: {accuracy: {min: 0.9}}")
                }
                let slices = (bound.perSlice ?? [:]).values.map { ($0.min, $0.max) }
                guard ([(bound.min, bound.max)] + slices).allSatisfy({ $0 ?? -.infinity <= $1 ?? .infinity }) else {
                    throw AssayError(.policyInvalid, "\(place)metrics bounds \(quoted) by a min above its max")
                }
                if allowsUnknownMetrics || Metric.names.contains(where: { $0.utf8.elementsEqual(name.utf8) }) {
                    continue
                }
                let near = Suggestion.nearest(to: name, among: Metric.names)
                throw AssayError(
                    .policyInvalid, "\(place)metrics bounds \(quoted), which nothing measures",
                    reason: near.map { "did you mean '\($0)'?" },
                    remedy: "name one of docs/formats/evaluation.md, or set the policy with --allow-unknown "
                        + "(allow_unknown=true)")
            }
        }
    }
}
