package import AssayDomain
package import Logging
import Synchronization

/// The queue of verifications, and what is done with the next one: here in the evaluators of this process, or by
/// workers elsewhere. What it measured becomes a report that the registry signs.
package final class Verify: Sendable {
    let blobs: any BlobStore
    let index: any Index
    let evidence: any EvidenceFormat
    let inspector: any ModelInspector
    let host: any EvaluatorHost
    let clock: any WallClock
    /// The time by which leases end: setting the clock ends none, and lets none go on.
    let steadyClock: any SteadyClock
    let ids: any IDGenerator
    let logger: Logger
    let evaluators: [LocalEvaluator]
    let localWorker: Worker
    let lease: Duration
    /// What is known of the jobs that run and of who asked for some; lost with the process, and found out anew.
    let state = Mutex(State())

    struct State {
        var progress: [VerificationID: Verification.Progress] = [:]
        /// Ends the evaluation of a job of this process.
        var running: [VerificationID: AsyncStream<Void>.Continuation] = [:]
        /// What workers elsewhere offered when they asked last.
        var offers: [WorkerName: JobOffer] = [:]
    }

    /// One evaluator of this process.
    struct LocalEvaluator: Sendable {
        /// The CPUs that it is kept on; nil for all.
        let cpus: CPUSet?
        let wakeUps = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Throws `too-many-entries` for more labels than a worker may have.
    package init(
        blobs: any BlobStore, index: any Index, evidence: any EvidenceFormat, inspector: any ModelInspector,
        host: any EvaluatorHost, clock: any WallClock, steadyClock: any SteadyClock, ids: any IDGenerator,
        logger: Logger, settings: EvaluatorSettings
    ) throws(AssayError) {
        self.blobs = blobs
        self.index = index
        self.evidence = evidence
        self.inspector = inspector
        self.host = host
        self.clock = clock
        self.steadyClock = steadyClock
        self.ids = ids
        self.logger = logger
        evaluators = settings.places.map { LocalEvaluator(cpus: $0) }
        localWorker = try Worker(name: .local, labels: settings.labels)
        lease = settings.lease
    }

    /// The evaluator build whose reports count now.
    package var evaluatorBuild: String { host.build }

    // MARK: Running

    /// Evaluates; faults of the machine become a failed report, so that one of them does not stop the queue.
    func evaluate(_ verification: Verification, on cpus: CPUSet?) async throws -> EvaluationOutcome {
        do {
            let files = try await files(of: verification)
            let models = [files.model] + [files.baseline, files.teacher].compactMap(\.self)
            return try await withFiles(models.flatMap(\.files) + files.dataset.files) { paths in
                var rest = paths[...]
                let local = models.map { model in
                    defer { rest = rest.dropFirst(model.files.count) }
                    return model.located(at: Array(rest.prefix(model.files.count)))
                }
                return try await self.host.evaluate(
                    EvaluationRequest(
                        model: local[0], baseline: files.baseline == nil ? nil : local[1],
                        teacher: files.teacher == nil ? nil : local.last,
                        dataset: files.dataset.located(at: Array(rest)), settings: verification.settings, cpus: cpus)
                ) { step in self.note(step, of: verification.id) }
            }
        } catch let failure as VerificationReport.FailureError {
            return EvaluationOutcome(environment: nil, result: .failure(failure))
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            let known = error as? AssayError ?? AssayError(.internalError, "the evaluation could not run", cause: error)
            logger.error("verification could not run", metadata: ["error": "\(error)", "id": "\(verification.id)"])
            return EvaluationOutcome(environment: nil, result: .failure(.init(known.code.name, known.message)))
        }
    }

    /// Gives the local paths of files, in their order.
    private func withFiles<Value: Sendable>(
        _ files: [VersionFile], _ body: @escaping @Sendable ([String]) async throws -> Value
    ) async throws -> Value {
        guard let last = files.last else { return try await body([]) }
        return try await withFiles(Array(files.dropLast())) { [blobs] paths in
            try await blobs.withLocalFile(of: last.digest) { try await body(paths + [$0]) }
        }
    }

    /// The files that a verification needs, each of the version that it is named for. Throws `FailureError`.
    func files(of verification: Verification) async throws -> JobFiles {
        let file = verification.settings.file
        var baseline: JobFiles.Model?
        if let subject = verification.baseline { baseline = try await model(file, of: subject) }
        var teacher: JobFiles.Model?
        if let subject = verification.settings.teacher { teacher = try await model(file, of: subject) }
        return JobFiles(
            model: try await model(file, of: verification.subject), dataset: try await dataset(verification.dataset),
            baseline: baseline, teacher: teacher)
    }

    /// The files of a dataset that are read. Throws `FailureError`.
    func dataset(_ subject: VerificationReport.Subject) async throws -> DatasetLayout {
        try DatasetLayout(
            files: try await files(of: subject, failure: "invalid-dataset"),
            of: "\(subject.repository):\(subject.number)")
    }

    /// A version's model together with those of the version's files that hold data of its tensors.
    private func model(
        _ file: String?, of subject: VerificationReport.Subject
    ) async throws -> JobFiles.Model {
        let files = try await files(of: subject, failure: "invalid-model")
        let model = try ONNXFileName.find(file, among: files, of: "\(subject.repository):\(subject.number)")
        let named = try await blobs.withLocalFile(of: model.digest) {
            try await self.inspector.externalData(ofModel: $0)
        }
        return JobFiles.Model(
            file: model, externalData: try ExternalDataFiles.find(named, beside: model, among: files))
    }

    /// A version's files as they can be measured. Throws `FailureError`, and `manifest-ambiguous` for one whose files
    /// are packed: it would be measured as something else than clients unpack.
    func files(of subject: VerificationReport.Subject, failure: String) async throws -> [VersionFile] {
        guard let manifest = try await index.manifest(.digest(subject.digest), in: subject.repository) else {
            throw VerificationReport.FailureError(failure, "\(subject.repository):\(subject.number) is gone")
        }
        let parsed = try manifest.parsed()
        try evidence.requireRaw(parsed)
        return try evidence.files(of: parsed)
    }

    func store(_ report: VerificationReport, of verification: Verification, claim: ClaimID) async throws {
        guard let manifest = try await index.manifest(.digest(report.subject.digest), in: report.subject.repository)
        else { throw AssayError(.versionNotFound, "the verified version is gone") }
        let writer = WriteEvidence(blobs: blobs, evidence: evidence)
        let subject = try manifest.parsed()
        let name = "\(report.subject.repository):\(report.subject.number)"
        let (envelope, attachment) = try await writer.attest(
            try JSON.encode(report), as: PredicateType.verificationReport, about: subject, name: name)
        let (_, result) = try await writer.attest(
            try evidence.testResult(of: report, envelope: envelope), as: PredicateType.testResult, about: subject,
            name: name)
        var finished = verification
        finished.state = report.measurements == nil ? .failed : .measured
        finished.finishedAt = report.finishedAt
        finished.envelopeDigest = envelope
        try await index.finish(
            finished, claim: claim, attaching: [attachment, result],
            tryBy: report.tries == nil ? nil : report.evaluator, actor: Principal.registry.name)
    }

    /// What was measured as it stands in a report.
    package static func measurements(
        _ measured: EvaluationOutcome.Measurements, of verification: Verification
    ) -> VerificationReport.Measurements {
        let baseline = verification.baseline
        var measurements = VerificationReport.Measurements(
            metrics: measured.metrics, confusionMatrix: measured.confusionMatrix, classes: measured.classes,
            sampleCount: measured.sampleCount, latency: measured.latency,
            comparison: baseline.flatMap { baseline in
                measured.comparison.map { .init(baseline: baseline, figures: $0) }
            },
            sweep: measured.sweep, loadMicroseconds: measured.loadMicroseconds,
            firstRunMicroseconds: measured.firstRunMicroseconds,
            peakMemoryBytes: measured.peakMemoryBytes)
        measurements.perClass = measured.perClass
        measurements.slices = measured.slices
        measurements.paired = measured.paired
        measurements.pairedFailure = measured.pairedFailure
        measurements.fixedBatch = measured.fixedBatch
        measurements.fed = measured.fed
        measurements.inputsNamedBy = measured.inputsNamedBy
        measurements.judged = measured.judged
        measurements.batchInvariant = measured.batchInvariant
        measurements.deterministic = measured.deterministic
        measurements.leftOut = measured.leftOut
        measurements.agreement = measured.agreement
        measurements.agreement?.teacher = verification.settings.teacher
        measurements.cacheable = measurements.cacheability(threads: verification.settings.threads)
        return measurements
    }
}
