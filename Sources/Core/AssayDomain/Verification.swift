/// What a verification is asked to do; part of a report's identity.
package struct VerificationSettings: Sendable, Hashable, Codable {
    /// Intra-op threads of the executor.
    package var threads: Int
    /// Samples per run when latency is measured.
    package var batch: Int
    package var warmupRuns: Int
    package var measuredRuns: Int
    /// The wall-clock deadline of the whole run, in seconds.
    package var deadlineSeconds: Int
    /// The most that a figure of latency may be, divided by the baseline's: comparing ends when each is decided.
    package var maxRatios: [String: Double]?
    /// How sure that decision must be; 0.95 if it is not set.
    package var confidence: Double?
    /// Batch sizes and numbers of threads of which every pair is measured as well.
    package var sweepBatches: [Int]?
    package var sweepThreads: [Int]?
    /// The arrays of the dataset that may go into a model, sorted; nil leaves that to the dataset.
    package var inputs: [String]?
    /// The model's file, by its path in the version; nil if the version has one alone.
    package var file: String?
    /// The output that is judged; nil if the model has one alone that can be.
    package var output: String?
    /// What scores are; nil if they are probabilities where all of them can be, and logits elsewhere.
    package var scores: ScoreKind?
    /// The version whose answers the subject's are compared with; nil if there is none.
    package var teacher: VerificationReport.Subject?
    /// The most that a figure of latency may be, divided by the teacher's.
    package var teacherMaxRatios: [String: Double]?
    /// What the worker must have; in order, each once, nil if nothing.
    package var labels: [WorkerLabel]?

    package static let confidenceDefault = 0.95
    package static let confidenceRange = 0.5...0.999
    /// With fewer measured runs there is no p99.
    package static let runsForP99 = 600
    package static let runsMin = 10
    private static let threadsRange = 1...256
    private static let batchRange = 1...4096
    private static let sweepCountMax = 16

    package init(
        threads: Int = 1, batch: Int = 1, warmupRuns: Int = 200, measuredRuns: Int = 600, deadlineSeconds: Int = 120,
        labels: [WorkerLabel]? = nil
    ) {
        self.threads = threads
        self.batch = batch
        self.warmupRuns = warmupRuns
        self.measuredRuns = measuredRuns
        self.deadlineSeconds = deadlineSeconds
        self.labels = labels
    }

    /// What a verification with these settings needs of an evaluator.
    package var demand: JobDemand {
        JobDemand(threads: ([threads] + (sweepThreads ?? [])).max() ?? 1, labels: labels ?? [])
    }

    /// Throws `request-invalid` naming the setting that lies outside of its range, and `too-many-entries`.
    package func check() throws(AssayError) {
        _ = try WorkerLabel.normalised(labels ?? [])
        if let inputs { try InputNames.check(inputs) }
        if let output { try OutputName.check(output) }
        if let file { try ONNXFileName.check(file) }
        var ranges: [(String, Int, ClosedRange<Int>)] = [
            ("threads", threads, Self.threadsRange), ("batch", batch, Self.batchRange),
            ("warmup_runs", warmupRuns, 0...100_000), ("measured_runs", measuredRuns, Self.runsMin...100_000),
            ("deadline_seconds", deadlineSeconds, 1...86_400),
            ("the number of sweep_batches", sweepBatches?.count ?? 0, 0...Self.sweepCountMax),
            ("the number of sweep_threads", sweepThreads?.count ?? 0, 0...Self.sweepCountMax),
        ]
        ranges += (sweepBatches ?? []).map { ("a batch of sweep_batches", $0, Self.batchRange) }
        ranges += (sweepThreads ?? []).map { ("a number of sweep_threads", $0, Self.threadsRange) }
        for (name, value, range) in ranges where !range.contains(value) {
            throw AssayError(
                .requestInvalid, "\(name) is \(value)", remedy: "use \(range.lowerBound) to \(range.upperBound)")
        }
        if let confidence, !Self.confidenceRange.contains(confidence) {
            throw AssayError(
                .requestInvalid, "confidence is \(confidence)",
                remedy: "use \(Self.confidenceRange.lowerBound) to \(Self.confidenceRange.upperBound)")
        }
        for (name, ratio) in Array(maxRatios ?? [:]) + Array(teacherMaxRatios ?? [:]) {
            guard VerificationReport.Latency.statistics.contains(name), ratio.isFinite, ratio > 0 else {
                throw AssayError(
                    .requestInvalid, "\(Printable.quote(name)) is bounded by \(ratio)",
                    remedy: "bound one of \(VerificationReport.Latency.statistics.joined(separator: ", ")) above 0")
            }
        }
    }
}

/// The name of one verification: 16 lower-case hex digits.
package struct VerificationID: Sendable, Hashable, Codable, CustomStringConvertible {
    package let text: String

    /// Throws `verification-not-found`: a malformed id names nothing.
    package init(parsing text: some StringProtocol) throws(AssayError) {
        guard text.utf8.count == 16, text.utf8.allSatisfy(\.isLowerHexDigit) else {
            throw AssayError(.verificationNotFound, "there is no verification \(Printable.quote(text, limit: 40))")
        }
        self.text = String(text)
    }

    package init(bits: UInt64) {
        let digits = String(bits, radix: 16)
        text = String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    package var description: String { text }
}

/// The name of one run of a verification by a worker: 16 lower-case hex digits that nobody can guess.
package struct ClaimID: Sendable, Hashable, Codable, CustomStringConvertible {
    package let text: String

    /// Throws `claim-not-found`: a malformed id names nothing.
    package init(parsing text: some StringProtocol) throws(AssayError) {
        guard let id = try? VerificationID(parsing: text) else {
            throw AssayError(.claimNotFound, "there is no claim \(Printable.quote(text, limit: 40))")
        }
        self.text = id.text
    }

    package init(bits: UInt64) { text = VerificationID(bits: bits).text }

    package init(from decoder: any Decoder) throws {
        try self.init(parsing: decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }

    package var description: String { text }
}

/// A verification as a job of the queue.
package struct Verification: Sendable, Hashable, Codable {
    package enum State: String, Sendable, Codable, CaseIterable {
        case queued
        case running
        /// There is a report with measurements.
        case measured
        /// There is a report with a failure.
        case failed
        /// Somebody asked for its end before there was a report.
        case cancelled
    }

    package struct Progress: Sendable, Hashable, Codable {
        package let stage: String
        package let done: Int
        package let total: Int

        package init(stage: String, done: Int, total: Int) {
            self.stage = stage
            self.done = done
            self.total = total
        }
    }

    package let id: VerificationID
    package let subject: VerificationReport.Subject
    package let dataset: VerificationReport.Subject
    package let baseline: VerificationReport.Subject?
    package let settings: VerificationSettings
    package var state: State
    package var progress: Progress?
    /// How often it was begun; what was given back before its end does not count.
    package var attempts: Int
    /// Who runs it, or ran it last.
    package var worker: Worker?
    /// When a worker elsewhere must have told of itself, lest it counts as dead.
    package var leaseUntil: Timestamp?
    /// What it needs that no evaluator offers which has asked for work so far; nil if it only waits for its turn.
    package var waitsFor: [String]?
    package let createdAt: Timestamp
    package var startedAt: Timestamp?
    package var finishedAt: Timestamp?
    /// True for a repetition that only compares: no try, and nothing is promoted by it.
    package var isReplay: Bool?
    /// The blob that holds the signed report.
    package var envelopeDigest: Digest?

    package init(
        id: VerificationID, subject: VerificationReport.Subject, dataset: VerificationReport.Subject,
        baseline: VerificationReport.Subject?, settings: VerificationSettings, state: State = .queued,
        progress: Progress? = nil, attempts: Int = 0, worker: Worker? = nil, leaseUntil: Timestamp? = nil,
        createdAt: Timestamp, startedAt: Timestamp? = nil, finishedAt: Timestamp? = nil, envelopeDigest: Digest? = nil
    ) {
        self.id = id
        self.subject = subject
        self.dataset = dataset
        self.baseline = baseline
        self.settings = settings
        self.state = state
        self.progress = progress
        self.attempts = attempts
        self.worker = worker
        self.leaseUntil = leaseUntil
        self.startedAt = startedAt
        self.createdAt = createdAt
        self.finishedAt = finishedAt
        self.envelopeDigest = envelopeDigest
    }

    package var isFinished: Bool { state != .queued && state != .running }
}
