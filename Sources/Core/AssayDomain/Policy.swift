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
        /// Of the slowest run.
        package var max: TimeBound?
        /// Of making the session, and of the first run in it.
        package var load: TimeBound?
        package var firstRun: TimeBound?
        package var throughput: ThroughputBound?
        /// How sure a decision on a `maxRatio` must be.
        package var confidence: Double?
        package var sweep: Sweep?

        /// The bounds that are set, by the figure's name, in order.
        package var bounds: [(name: String, bound: LatencyBound)] {
            [("p50", p50), ("p90", p90), ("p95", p95), ("p99", p99), ("mean", mean), ("tail", tail)]
                .compactMap { name, bound in bound.map { (name, $0) } }
        }

        /// The bounds of times that are never compared with the holder's, likewise.
        package var times: [(name: String, bound: TimeBound)] {
            [("max", max), ("load", load), ("first_run", firstRun)]
                .compactMap { name, bound in bound.map { (name, $0) } }
        }
    }

    package struct TimeBound: Sendable, Hashable, Codable {
        package var maxMilliseconds: Double
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

    package struct TriesBound: Sendable, Hashable, Codable {
        package var max: Int
    }

    package struct Signature: Sendable, Hashable, Codable {
        /// Ids of the release keys that count; all trusted ones if it is not set.
        package var keys: [String]?
    }

    /// A signed statement that must be there and say what is demanded, by whomever it was made.
    package struct AttestationDemand: Sendable, Hashable, Codable {
        /// The predicate's type, or one of its short names.
        package var type: String
        /// What its requirement is called after `attestation.`; its type's short name if it is not set.
        package var name: String?
        /// What the signer must be trusted as; any role if it is not set.
        package var role: TrustedKey.Role?
        /// Ids of the keys that count; all trusted ones if it is not set.
        package var keys: [String]?
        /// True if it is enough that one is there, whatever it says; for types that Assay does not know.
        package var present: Bool?
        /// What fields of the predicate must be, by dotted path.
        package var `where`: [String: FieldBound]?
    }

    /// What the process that measures must be confined by.
    package enum CageDemand: String, Sendable, Hashable, Codable {
        /// Every layer that there is.
        case full
    }

    /// What is demanded on data besides the policy's own: metrics alone.
    package struct DatasetDemand: Sendable, Hashable, Codable {
        package var dataset: Reference
        /// As the policy's own.
        package var inputs: [String]?
        package var output: String?
        package var scores: ScoreKind?
        package var metrics: [String: MetricBound]
    }

    /// How far answers may lie apart that should be the same.
    package struct DifferenceBound: Sendable, Hashable, Codable {
        package var maxDifference: Double
    }

    /// Bounds of a figure that somebody measured elsewhere and signed.
    package struct FigureDemand: Sendable, Hashable, Codable {
        package var min: Double?
        package var max: Double?
        /// What the figure must be in; any unit, and none, if it is not set.
        package var unit: String?
        /// What the signer must be trusted as; any role but a registry's if it is not set.
        package var role: TrustedKey.Role?
        /// Ids of the keys that count; all trusted ones if it is not set.
        package var keys: [String]?
        /// The dataset version that it must be measured on; any if it is not set.
        package var dataset: Reference?
        /// How long ago it may have been recorded; without it however long.
        package var maxAge: Age?
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

    /// How the alias may go back to a version that held it.
    package struct RollbackRule: Sendable, Hashable, Codable {
        /// Who may let it go back at once, by nothing but the version's signatures, as logs name them.
        package var emergency: [String]
    }

    package var version: Int
    /// The name of the profile that this is, for people.
    package var profile: String?
    package var signature: Signature?
    package var attestations: [AttestationDemand]?
    /// Figures that were measured elsewhere, by name; never what a registry measured itself.
    package var measured: [String: FigureDemand]?
    /// The version whose answers are compared with, on the same samples.
    package var teacher: TeacherName?
    package var agreement: AgreementBound?
    /// By the names of `Policy.divergences`.
    package var divergence: [String: AgreementFigureBound]?
    /// The share of samples on which exactly one of the two is right.
    package var flips: AgreementFigureBound?
    /// The share of the teacher's errors that are made again, with the same answer.
    package var inheritedErrors: AgreementFigureBound?
    package var errorConsistency: AgreementFigureBound?
    package var retained: RetainedBound?
    /// By the names of `Policy.costs`.
    package var cost: [String: RatioBound]?
    /// The dataset version that metrics and latency are measured on.
    package var dataset: Reference?
    /// The arrays of the dataset that may go into a model; where it is not set the dataset says it, or nobody.
    package var inputs: [String]?
    /// The model's file, by its path in the version; where it is not set the version must have one alone.
    package var file: String?
    /// The output that is judged; where it is not set the model must have one alone that can be.
    package var output: String?
    /// What the scores of a classifier are.
    package var scores: ScoreKind?
    /// Further data, by the names that its requirements begin with.
    package var datasets: [String: DatasetDemand]?
    package var metrics: [String: MetricBound]?
    package var latency: Latency?
    /// The evaluator's peak memory.
    package var memory: ByteBound?
    /// The evaluator's confinement.
    package var cage: CageDemand?
    /// Answers in batches of another size and in another order.
    package var batchInvariant: DifferenceBound?
    /// Answers to the same samples once more.
    package var deterministic: DifferenceBound?
    /// True if answers must be the same bits whenever they are asked for, so that they may be kept.
    package var cacheable: Bool?
    /// The sum of the version's files.
    package var size: ByteBound?
    /// What its files must not be.
    package var formats: FormatDemand?
    /// Relations that signed provenance must tell.
    package var lineage: [LineageRelation]?
    /// How often a version may be measured on a dataset before its figures count no more.
    package var tries: TriesBound?
    package var waivers: WaiverRule?
    package var rollback: RollbackRule?
    package var deadlineSeconds: Int?
    /// What the worker that measures must have.
    package var labels: [WorkerLabel]?

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
        settings.inputs = InputNames.sorted(inputs)
        settings.file = file
        settings.output = output
        settings.scores = scores
        if let ratios = teacherMaxRatios { settings.teacherMaxRatios = ratios }
        return settings
    }

    /// What is demanded on each further dataset, as a policy of its own, in order.
    package var parts: [(name: String, policy: Policy)] {
        (datasets ?? [:]).sorted { $0.key < $1.key }.map { name, demand in
            var part = Policy(version: version)
            part.dataset = demand.dataset
            part.inputs = demand.inputs
            part.file = file
            part.output = demand.output ?? output
            part.scores = demand.scores ?? scores
            part.metrics = demand.metrics
            part.cage = cage
            part.labels = labels
            part.tries = tries
            part.deadlineSeconds = deadlineSeconds
            // Nobody looks at its latency, but the model answers as it will run.
            part.latency = Latency(
                threads: latency?.threads, batch: latency?.batch, runs: VerificationSettings.runsMin)
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

    /// Whether anything is demanded that only a measurement tells.
    var needsMeasurement: Bool {
        !(metrics ?? [:]).isEmpty || !(latency?.bounds ?? []).isEmpty || !(latency?.times ?? []).isEmpty
            || latency?.throughput != nil || memory != nil || cage != nil || batchInvariant != nil
            || deterministic != nil || cacheable != nil || hasTeacherBounds
    }
}
