/// What is asked of a version when the best one is looked for, and by what they are compared.
package struct SelectionCriteria: Sendable, Hashable {
    /// What decides among those that fit.
    package enum Order: Sendable, Hashable, CustomStringConvertible {
        /// The lowest of a figure of latency, by its name among `VerificationReport.Latency.statistics`.
        case latency(String)
        /// The fewest bytes.
        case size
        /// The best value of a metric: the lowest of an error, the highest of anything else.
        case metric(String)

        /// `size`, a figure of latency such as `p99`; everything else names a metric.
        package init(_ text: String) {
            if VerificationReport.Latency.statistics.contains(text) {
                self = .latency(text)
            } else {
                self = text == "size" ? .size : .metric(text)
            }
        }

        package var description: String {
            switch self {
            case .size: "size"
            case .latency(let name), .metric(let name): name
            }
        }
    }

    /// The most metrics that may be named.
    package static let metricsMax = 64

    /// The least, and the most, that a metric may be.
    package var min: [String: Double] = [:]
    package var max: [String: Double] = [:]
    package var maxP50Milliseconds: Double?
    package var maxP99Milliseconds: Double?
    package var maxBytes: Int64?
    /// Reports of other numbers of threads or samples per run do not count: their latencies are of something else.
    package var threads = VerificationSettings().threads
    package var batch = VerificationSettings().batch
    /// Reports of workers without these labels do not count: their latencies are of another machine.
    package var labels: [WorkerLabel] = []
    package var order = Order.latency("p99")

    package init() {}

    /// Throws `request-invalid` for bounds that are no bounds.
    package func check() throws(AssayError) {
        for (name, value) in Array(min) + Array(max) {
            guard !name.isEmpty, value.isFinite else {
                throw Self.invalid("the bound of \(Printable.quote(name)) is no finite number")
            }
        }
        guard min.count <= Self.metricsMax, max.count <= Self.metricsMax else {
            throw Self.invalid("over \(Self.metricsMax) metrics are named")
        }
        for value in [maxP50Milliseconds, maxP99Milliseconds].compactMap(\.self) {
            guard value.isFinite, value > 0 else { throw Self.invalid("a bound of latency is not above 0") }
        }
        guard maxBytes ?? 0 >= 0 else { throw Self.invalid("a bound of bytes is negative") }
        guard order != .metric("") else { throw Self.invalid("versions cannot be compared by nothing") }
        _ = try WorkerLabel.normalised(labels)
        try VerificationSettings(threads: threads, batch: batch).check()
    }

    private static func invalid(_ message: String) -> AssayError {
        AssayError(.requestInvalid, message, remedy: "see: assay select --help")
    }

    /// Whether a report is of so many samples per run as is asked for, whatever its settings say.
    package func accepts(_ report: VerificationReport) -> Bool {
        accepts(report.settings, by: report.worker) && report.measurements?.fixedBatch == nil
    }

    /// Whether a verification was made the way, and where, that is asked for.
    package func accepts(_ settings: VerificationSettings, by worker: Worker?) -> Bool {
        settings.threads == threads && settings.batch == batch && Set(worker?.labels ?? []).isSuperset(of: labels)
    }

    /// What became of each demand; a version fits if all of them passed.
    package func outcomes(of report: VerificationReport, contentBytes: Int64) -> [RequirementOutcome] {
        var metrics: [String: Policy.MetricBound] = [:]
        for (name, value) in min { metrics[name, default: .init()].min = value }
        for (name, value) in max { metrics[name, default: .init()].max = value }
        let policy = Policy(
            version: Policy.formatVersion, metrics: metrics,
            latency: .init(
                p50: maxP50Milliseconds.map { .init(maxMilliseconds: $0) },
                p99: maxP99Milliseconds.map { .init(maxMilliseconds: $0) }),
            size: maxBytes.map { .init(maxBytes: $0) })
        return policy.measuredOutcomes(
            Evidence(
                signers: [], signatureFault: nil, contentBytes: contentBytes, relations: [:], report: report))
            + comparability(of: report)
    }

    /// A version that cannot be compared is not the best one.
    private func comparability(of report: VerificationReport) -> [RequirementOutcome] {
        guard figure(of: report, contentBytes: 0) == nil else { return [] }
        let measured = report.failure.map { "\($0.kind): \(Printable.escape($0.message))" } ?? "not measured"
        return [
            RequirementOutcome(
                requirement: order.description, demanded: "measured, to compare by", measured: measured,
                status: .missing)
        ]
    }

    /// What a version is compared by: lower is better. Nil if the report does not have it.
    package func figure(of report: VerificationReport, contentBytes: Int64) -> Double? {
        guard let measurements = report.measurements else { return nil }
        switch order {
        case .latency(let name): return measurements.latency.microseconds(of: name)
        case .size: return Double(contentBytes)
        case .metric(let name):
            guard let value = measurements.metrics[name], value.isFinite else { return nil }
            return Metric.direction(of: name) == .lowerIsBetter ? value : -value
        }
    }
}

/// What was found of one version.
package struct SelectionCandidate: Sendable, Hashable, Codable {
    package let number: VersionNumber
    package let digest: Digest
    package let contentBytes: Int64
    /// The verification whose report counts; nil if none does.
    package let verification: VerificationID?
    package let metrics: [String: Double]?
    package let p50Microseconds: Double?
    package let p99Microseconds: Double?
    /// The model of the processor that it was measured on.
    package let cpu: String?
    package let isFitting: Bool
    package let outcomes: [RequirementOutcome]

    package init(
        number: VersionNumber, digest: Digest, contentBytes: Int64, report: VerificationReport?,
        outcomes: [RequirementOutcome]
    ) {
        self.number = number
        self.digest = digest
        self.contentBytes = contentBytes
        verification = report?.verification
        metrics = report?.measurements?.metrics
        p50Microseconds = report?.measurements?.latency.p50Microseconds
        p99Microseconds = report?.measurements?.latency.p99Microseconds
        cpu = report?.environment?.cpu
        isFitting = report?.measurements != nil && outcomes.allSatisfy { $0.status == .passed }
        self.outcomes = outcomes
    }
}
