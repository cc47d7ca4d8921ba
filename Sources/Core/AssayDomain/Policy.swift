/// What an alias demands of a version before it may point to it.
///
/// A valid signature by a trusted release key is always demanded; a policy only adds to that. Its canonical JSON is
/// content-addressed, so that a verdict names exactly the demands that it decided. Format: docs/formats/policy.md.
package struct Policy: Sendable, Hashable, Codable {
    package static let formatVersion = 1
    package static let bytesMax = 256 << 10

    /// Bounds of a measured metric; each is optional, one at least is set.
    package struct MetricBound: Sendable, Hashable, Codable {
        package var min: Double?
        package var max: Double?
        /// The most that the metric may be worse by than the current holder's on the same dataset.
        package var maxDrop: Double?
        /// How sure it must be that the drop is no larger; without it what was measured decides.
        package var confidence: Double?
        /// Bounds of the metric over the samples of every value of a group, by group.
        package var perSlice: [String: SliceBound]?
    }

    /// Bounds of a metric over slices.
    package struct SliceBound: Sendable, Hashable, Codable {
        package var min: Double?
        package var max: Double?
        /// A slice of fewer samples decides nothing; 1 if it is not set.
        package var minSamples: Int?
    }

    /// Bounds of a figure of latency.
    package struct LatencyBound: Sendable, Hashable, Codable {
        package var maxMilliseconds: Double?
        /// The most that it may be, divided by the current holder's, measured in the same run.
        package var maxRatio: Double?
    }

    package struct Latency: Sendable, Hashable, Codable {
        package var threads: Int?
        package var batch: Int?
        package var runs: Int?
        package var p50: LatencyBound?
        package var p90: LatencyBound?
        package var p95: LatencyBound?
        package var p99: LatencyBound?
        package var mean: LatencyBound?
        /// Of the mean of the slowest tenth of the runs.
        package var tail: LatencyBound?
        package var throughput: ThroughputBound?
        /// How sure a decision on a `maxRatio` must be.
        package var confidence: Double?
        package var sweep: Sweep?

        /// The bounds that are set, by the figure's name, in order.
        package var bounds: [(name: String, bound: LatencyBound)] {
            [("p50", p50), ("p90", p90), ("p95", p95), ("p99", p99), ("mean", mean), ("tail", tail)]
                .compactMap { name, bound in bound.map { (name, $0) } }
        }
    }

    package struct ThroughputBound: Sendable, Hashable, Codable {
        /// Samples per second at the policy's threads and batch.
        package var min: Double
    }

    /// What is measured besides, for people to look at.
    package struct Sweep: Sendable, Hashable, Codable {
        package var batches: [Int]?
        package var threads: [Int]?
    }

    package struct ByteBound: Sendable, Hashable, Codable {
        package var maxBytes: Int64
    }

    package struct Signature: Sendable, Hashable, Codable {
        /// Ids of the release keys that count; all trusted ones if it is not set.
        package var keys: [String]?
    }

    /// A signed statement that must be there, by whomever it was made.
    package struct AttestationDemand: Sendable, Hashable, Codable {
        /// The predicate's type, or one of its short names.
        package var type: String
        /// What the signer must be trusted as; any role if it is not set.
        package var role: TrustedKey.Role?
        /// Ids of the keys that count; all trusted ones if it is not set.
        package var keys: [String]?
    }

    /// What the process that measures must be confined by.
    package enum CageDemand: String, Sendable, Hashable, Codable {
        /// Every layer that there is.
        case full
    }

    /// What is demanded on data besides the policy's own: metrics alone.
    package struct DatasetDemand: Sendable, Hashable, Codable {
        package var dataset: Reference
        package var metrics: [String: MetricBound]
    }

    /// Who may waive a requirement; nobody if the policy has none.
    package struct WaiverRule: Sendable, Hashable, Codable {
        /// What the signer must be trusted as.
        package var role: TrustedKey.Role?
        /// Ids of the keys that count.
        package var keys: [String]?

        func allows(_ waiver: Evidence.SignedWaiver) -> Bool {
            (role.map { $0 == waiver.role } ?? true) && (keys.map { $0.contains(waiver.signer) } ?? true)
        }
    }

    package var version: Int
    /// The name of the profile that this is, for people.
    package var profile: String?
    package var signature: Signature?
    package var attestations: [AttestationDemand]?
    /// The dataset version that metrics and latency are measured on.
    package var dataset: Reference?
    /// Further data, by the names that its requirements begin with.
    package var datasets: [String: DatasetDemand]?
    package var metrics: [String: MetricBound]?
    package var latency: Latency?
    /// The evaluator's peak memory.
    package var memory: ByteBound?
    /// The evaluator's confinement.
    package var cage: CageDemand?
    /// The sum of the version's files.
    package var size: ByteBound?
    /// Relations that signed provenance must tell.
    package var lineage: [LineageRelation]?
    package var waivers: WaiverRule?
    package var deadlineSeconds: Int?
    /// What the worker that measures must have.
    package var labels: [WorkerLabel]?

    /// Decodes and checks a policy from JSON; throws `policy-invalid` naming every unknown key and bad bound.
    package static func parse(_ json: [UInt8]) throws -> Policy {
        guard json.count <= bytesMax else {
            throw AssayError(.bodyTooLarge, "the policy has over \(bytesMax) bytes")
        }
        do {
            let policy = try JSON.decode(Policy.self, from: json)
            let known = try JSON.encode(policy)
            try checkKeys(of: json, against: known)
            try policy.check()
            return policy
        } catch let error as AssayError where error.code != .policyInvalid && error.code != .formatVersionUnsupported {
            throw AssayError(
                .policyInvalid, "the policy cannot be read", reason: error.reason ?? error.message, cause: error)
        }
    }

    /// What a verification for this policy is asked to do; nil if nothing needs to be measured.
    package var verificationSettings: VerificationSettings? {
        guard needsMeasurement else { return nil }
        var settings = VerificationSettings()
        if let threads = latency?.threads { settings.threads = threads }
        if let batch = latency?.batch { settings.batch = batch }
        if let runs = latency?.runs { settings.measuredRuns = runs }
        if let deadlineSeconds { settings.deadlineSeconds = deadlineSeconds }
        let ratios = (latency?.bounds ?? []).compactMap { name, bound in bound.maxRatio.map { (name, $0) } }
        if !ratios.isEmpty { settings.maxRatios = Dictionary(uniqueKeysWithValues: ratios) }
        settings.confidence = latency?.confidence
        settings.sweepBatches = latency?.sweep?.batches
        settings.sweepThreads = latency?.sweep?.threads
        if let labels { settings.labels = Set(labels).sorted() }
        return settings
    }

    /// What is demanded on each further dataset, as a policy of its own, in order.
    package var parts: [(name: String, policy: Policy)] {
        (datasets ?? [:]).sorted { $0.key < $1.key }.map { name, demand in
            var part = Policy(version: version)
            part.dataset = demand.dataset
            part.metrics = demand.metrics
            part.deadlineSeconds = deadlineSeconds
            // Nobody looks at its latency.
            part.latency = Latency(runs: VerificationSettings.runsMin)
            return (name, part)
        }
    }

    /// Whether a version is measured beside the current holder.
    package var needsBaseline: Bool { needsLatencyBaseline || needsPairedMetrics }

    /// Whether a requirement compares latency with the current holder.
    package var needsLatencyBaseline: Bool {
        latency?.bounds.contains { $0.bound.maxRatio != nil } ?? false
    }

    /// Whether a requirement compares metrics with the current holder.
    package var needsMetricBaseline: Bool {
        metrics?.values.contains { $0.maxDrop != nil && $0.confidence == nil } ?? false
    }

    /// Whether a requirement compares metrics with the current holder's, sample by sample in one run.
    package var needsPairedMetrics: Bool {
        metrics?.values.contains { $0.confidence != nil } ?? false
    }

    private var needsMeasurement: Bool {
        !(metrics ?? [:]).isEmpty || !(latency?.bounds ?? []).isEmpty || latency?.throughput != nil || memory != nil
            || cage != nil
    }

    private func check() throws(AssayError) {
        guard version == Self.formatVersion else {
            throw AssayError(
                .formatVersionUnsupported, "the policy has format version \(version)",
                remedy: "this build reads version \(Self.formatVersion)")
        }
        for (name, part) in parts {
            guard !name.isEmpty, name.utf8.count <= 40,
                name.utf8.allSatisfy({ $0.isLowerAlphanumeric || $0 == UInt8(ascii: "-") })
            else {
                throw AssayError(
                    .policyInvalid, "datasets has the name \(Printable.quote(name, limit: 60))",
                    remedy: "use lower-case letters, digits and dashes")
            }
            guard !(part.metrics ?? [:]).isEmpty else {
                throw AssayError(.policyInvalid, "datasets.\(name) demands nothing", remedy: "bound one of its metrics")
            }
            do {
                try part.check()
            } catch {
                throw AssayError(
                    error.code, "datasets.\(name): \(error.message)", reason: error.reason, remedy: error.remedy)
            }
        }
        if needsMeasurement, dataset == nil {
            throw AssayError(
                .policyInvalid, "the policy measures without a dataset",
                remedy: "name the held-out data as dataset: NAME:1")
        }
        if let labels {
            guard needsMeasurement, 1...WorkerLabel.countMax ~= labels.count else {
                throw AssayError(
                    .policyInvalid, "the policy names \(labels.count) labels of workers",
                    reason: "they say where measurements are taken, and it demands none or there are too few or many",
                    remedy: "name 1 to \(WorkerLabel.countMax) beside a bound of metrics, latency or memory")
            }
        }
        if let dataset, case .tag(.alias) = dataset.selector {
            throw AssayError(
                .policyInvalid, "the policy's dataset \(dataset) can move",
                reason: "whoever moved it would change the policy",
                remedy: "name it by number or digest")
        }
        for (name, bound) in metrics ?? [:] { try Self.check(bound, of: name) }
        for (name, bound) in latency?.bounds ?? [] {
            let values = [bound.maxMilliseconds, bound.maxRatio].compactMap(\.self)
            guard !values.isEmpty, values.allSatisfy({ $0.isFinite && $0 > 0 }) else {
                throw AssayError(.policyInvalid, "latency.\(name) needs max_milliseconds or max_ratio above 0")
            }
        }
        if let throughput = latency?.throughput?.min, !(throughput.isFinite && throughput > 0) {
            throw AssayError(.policyInvalid, "latency.throughput needs a min above 0")
        }
        if latency?.p99 != nil, let runs = latency?.runs, runs < VerificationSettings.runsForP99 {
            throw AssayError(
                .policyInvalid, "latency.p99 is bounded with \(runs) runs",
                reason: "the 99th percentile of so few is hardly more than their maximum",
                remedy: "bound tail or p95, or ask for \(VerificationSettings.runsForP99) runs")
        }
        for (name, bound) in [("memory", memory), ("size", size)] {
            guard (bound?.maxBytes ?? 0) >= 0 else { throw AssayError(.policyInvalid, "\(name).max_bytes is negative") }
        }
        if let keys = signature?.keys, keys.isEmpty {
            throw AssayError(.policyInvalid, "signature.keys is empty, so nothing could ever satisfy it")
        }
        for demand in attestations ?? [] {
            guard !demand.type.isEmpty, demand.type.utf8.count <= 1_000 else {
                throw AssayError(.policyInvalid, "an attestation is demanded without a type, or with one too long")
            }
            guard demand.role != .log, demand.keys.map({ !$0.isEmpty }) ?? true else {
                throw AssayError(
                    .policyInvalid,
                    "the attestation \(Printable.quote(demand.type)) is demanded of nobody who could sign it")
            }
        }
        if let profile, profile.isEmpty || profile.utf8.count > 100 {
            throw AssayError(.policyInvalid, "profile is empty or has over 100 bytes")
        }
        if let waivers {
            guard waivers.role != .log, !(waivers.keys ?? []).isEmpty || (waivers.keys == nil && waivers.role != nil)
            else {
                throw AssayError(
                    .policyInvalid, "waivers does not say who may waive", remedy: "name a role, or keys by their ids")
            }
        }
        do {
            try verificationSettings?.check()
        } catch {
            throw AssayError(.policyInvalid, error.message, remedy: error.remedy)
        }
    }

    private static func check(_ bound: MetricBound, of name: String) throws(AssayError) {
        let name = Printable.escape(name)
        let values = [bound.min, bound.max, bound.maxDrop].compactMap(\.self)
        let slices = bound.perSlice ?? [:]
        guard !values.isEmpty || !slices.isEmpty else {
            throw AssayError(.policyInvalid, "metrics.\(name) needs min, max, max_drop or per_slice")
        }
        guard values.allSatisfy(\.isFinite), (bound.maxDrop ?? 0) >= 0 else {
            throw AssayError(.policyInvalid, "metrics.\(name) has a bound that is negative or no finite number")
        }
        if let confidence = bound.confidence {
            guard bound.maxDrop != nil else {
                throw AssayError(.policyInvalid, "metrics.\(name) has a confidence and no max_drop that it is for")
            }
            let range = VerificationSettings.confidenceRange
            guard range.contains(confidence) else {
                throw AssayError(
                    .policyInvalid, "metrics.\(name).confidence is \(confidence)",
                    remedy: "use \(range.lowerBound) to \(range.upperBound)")
            }
        }
        for (group, slice) in slices {
            let values = [slice.min, slice.max].compactMap(\.self)
            guard !values.isEmpty, values.allSatisfy(\.isFinite), slice.minSamples ?? 1 >= 1 else {
                throw AssayError(
                    .policyInvalid,
                    "metrics.\(name).per_slice.\(Printable.escape(group)) needs a finite min or max, and min_samples "
                        + "from 1 on")
            }
        }
    }

    /// Refuses keys that decoding ignored: a misspelt demand must never silently demand nothing.
    private static func checkKeys(of given: [UInt8], against known: [UInt8]) throws {
        let unknown = try Set(KeyPaths(of: given)).subtracting(KeyPaths(of: known)).sorted()
        guard unknown.isEmpty else {
            throw AssayError(
                .policyInvalid, "the policy has unknown keys",
                reason: Printable.escape(unknown.joined(separator: ", ")),
                remedy: "see docs/formats/policy.md for the keys there are")
        }
    }
}
