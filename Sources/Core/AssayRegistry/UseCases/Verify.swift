package import AssayDomain
package import Logging
import Synchronization

/// Queues verifications and runs them one after the other, so that no measurement disturbs another.
package final class Verify: Sendable {
    private let blobs: any BlobStore
    private let index: any Index
    private let evidence: any EvidenceFormat
    private let host: any EvaluatorHost
    private let clock: any WallClock
    private let ids: any IDGenerator
    private let logger: Logger
    /// Progress of the running verification; lost with the process, as the run itself is.
    private let progress = Mutex<[VerificationID: Verification.Progress]>([:])
    private let wakeUps = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    package init(
        blobs: any BlobStore, index: any Index, evidence: any EvidenceFormat, host: any EvaluatorHost,
        clock: any WallClock, ids: any IDGenerator, logger: Logger
    ) {
        self.blobs = blobs
        self.index = index
        self.evidence = evidence
        self.host = host
        self.clock = clock
        self.ids = ids
        self.logger = logger
    }

    /// Queues a verification and returns at once.
    ///
    /// Throws `evaluator-unavailable`, `dataset-unsupported`, `request-invalid`.
    package func start(
        subject: Version, dataset: Version, baseline: Version?, settings: VerificationSettings
    ) async throws -> Verification {
        try settings.check()
        try host.checkAvailable()
        try Self.requireDataset(dataset)
        try await requireData(in: dataset)
        let verification = Verification(
            id: VerificationID(bits: ids.next()), subject: .init(subject), dataset: .init(dataset),
            baseline: baseline.map { .init($0) }, settings: settings, createdAt: clock.now())
        try await index.enqueue(verification)
        wakeUps.continuation.yield()
        return verification
    }

    /// Throws `dataset-unsupported` for a version that holds a model.
    static func requireDataset(_ version: Version) throws(AssayError) {
        guard version.kind == .dataset else {
            throw AssayError(
                .datasetUnsupported, "\(version.reference) is no dataset",
                remedy: "push the held-out data with: assay push NAME data.npz --kind dataset")
        }
    }

    /// Throws `dataset-unsupported` for a dataset without files that can be measured on.
    private func requireData(in version: Version) async throws {
        do {
            _ = try await dataset(.init(version))
        } catch let error as VerificationReport.FailureError {
            throw AssayError(
                .datasetUnsupported, "\(version.reference) is no data that is measured on",
                reason: error.failure.message,
                remedy: "push an .npz archive that numpy.savez wrote, or a folder with test_data_set_0")
        }
    }

    /// A verification with its latest progress. Throws `verification-not-found`.
    package func verification(_ id: VerificationID) async throws -> Verification {
        guard var verification = try await index.verification(id) else {
            throw AssayError(.verificationNotFound, "there is no verification \(id)")
        }
        verification.progress = progress.withLock { $0[id] }
        return verification
    }

    /// Verifications of a version, newest first.
    package func verifications(of version: Version, limit: Int) async throws -> [Verification] {
        try await index.verifications(of: version.manifestDigest, in: version.repository, limit: limit)
    }

    /// The report of a finished verification, its signature checked.
    /// Throws `verification-not-found`, `signature-invalid`, `untrusted-key`, `digest-mismatch`.
    package func report(of verification: Verification) async throws -> VerificationReport {
        guard let digest = verification.envelopeDigest else {
            throw AssayError(
                .verificationNotFound, "verification \(verification.id) has no report yet",
                remedy: "ask again when its state is measured or failed")
        }
        let report = try await ReadEvidence(blobs: blobs, index: index, evidence: evidence)
            .report(
                envelope: digest, of: verification.subject, at: verification.finishedAt ?? verification.createdAt)
        guard report.verification == verification.id, report.dataset.digest == verification.dataset.digest,
            report.settings == verification.settings
        else {
            throw AssayError(.signatureInvalid, "the report of verification \(verification.id) is of another one")
        }
        return report
    }

    /// The evaluator build whose reports count now.
    package var evaluatorBuild: String { host.build }

    // MARK: Running

    /// How long the queue waits after the store failed, before it tries again.
    private static let pauseAfterFault = Duration.seconds(5)

    /// Works on the queue until the task is cancelled. No failure of one verification, or of the store, ends it.
    package func run() async throws {
        var wakeUps = wakeUps.stream.makeAsyncIterator()
        var isInterrupted = true
        while !Task.isCancelled {
            do {
                if isInterrupted { try await index.requeueInterruptedVerifications() }
                isInterrupted = false
                while let verification = try await index.claimVerification() { try await run(verification) }
                guard await wakeUps.next() != nil else { return }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                logger.error("verification could not be concluded", metadata: ["error": "\(error)"])
                isInterrupted = true
                try await Task.sleep(for: Self.pauseAfterFault)
            }
        }
    }

    private func run(_ verification: Verification) async throws {
        let startedAt = clock.now()
        var outcome = try await evaluate(verification)
        if case .failure(let error) = outcome.result, error.failure.isWorkerCrash {
            // The machine may have been short of memory, so a crash has a second chance.
            outcome = try await evaluate(verification)
        }
        try Task.checkCancellation()
        let report = VerificationReport(
            verification: verification.id, subject: verification.subject, dataset: verification.dataset,
            settings: verification.settings, evaluator: host.build, environment: outcome.environment,
            outcome: outcome.result.map { Self.measurements($0, baseline: verification.baseline) },
            startedAt: startedAt, finishedAt: clock.now())
        defer { progress.withLock { $0[verification.id] = nil } }
        do {
            try await store(report, of: verification)
        } catch let error as AssayError where Self.goneCodes.contains(error.code) {
            // The version was deleted meanwhile, and its verifications with it: nobody asks for the report any more.
            logger.info("verified version is gone", metadata: ["id": "\(verification.id)"])
        }
    }

    private static let goneCodes: Set<ErrorCode> = [.versionNotFound, .verificationNotFound]

    /// Evaluates; faults of the machine become a failed report, so that one of them does not stop the queue.
    private func evaluate(_ verification: Verification) async throws -> EvaluationOutcome {
        do {
            let model = try await file(".onnx", of: verification.subject, failure: "invalid-model")
            let baseline = try await baselineFile(of: verification)
            let dataset = try await dataset(verification.dataset)
            return try await withFiles([model] + (baseline.map { [$0] } ?? [])) { models in
                try await self.withFiles(dataset) { dataset in
                    try await self.host.evaluate(
                        EvaluationRequest(
                            modelPath: models[0], baselineModelPath: models.dropFirst().first, dataset: dataset,
                            settings: verification.settings)
                    ) { step in self.progress.withLock { $0[verification.id] = step } }
                }
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

    private func withFiles<Value: Sendable>(
        _ digests: [Digest], _ body: @escaping @Sendable ([String]) async throws -> Value
    ) async throws -> Value {
        guard let last = digests.last else { return try await body([]) }
        return try await withFiles(Array(digests.dropLast())) { [blobs] paths in
            try await blobs.withLocalFile(of: last) { try await body(paths + [$0]) }
        }
    }

    private func withFiles<Value: Sendable>(
        _ dataset: DatasetLayout, _ body: @escaping @Sendable (DatasetFiles) async throws -> Value
    ) async throws -> Value {
        switch dataset {
        case .archive(let digest): return try await withFiles([digest]) { try await body(.archive($0[0])) }
        case .recorded(let files):
            let names = files.keys.sorted()
            return try await withFiles(names.compactMap { files[$0] }) { paths in
                try await body(.recorded(Dictionary(uniqueKeysWithValues: zip(names, paths))))
            }
        }
    }

    private func baselineFile(of verification: Verification) async throws -> Digest? {
        guard let baseline = verification.baseline else { return nil }
        return try await file(".onnx", of: baseline, failure: "invalid-model")
    }

    private func dataset(_ subject: VerificationReport.Subject) async throws -> DatasetLayout {
        try DatasetLayout(
            files: try await files(of: subject, failure: "invalid-dataset"),
            of: "\(subject.repository):\(subject.number)")
    }

    /// The one file of a version with this extension.
    private func file(
        _ suffix: String, of subject: VerificationReport.Subject, failure: String
    ) async throws -> Digest {
        let files = try await files(of: subject, failure: failure).filter { $0.path.hasSuffix(suffix) }
        guard let file = files.first, files.count == 1 else {
            throw VerificationReport.FailureError(
                failure, "\(subject.repository):\(subject.number) has \(files.count) \(suffix) files, one is needed")
        }
        return file.digest
    }

    private func files(of subject: VerificationReport.Subject, failure: String) async throws -> [VersionFile] {
        guard let manifest = try await index.manifest(.digest(subject.digest), in: subject.repository) else {
            throw VerificationReport.FailureError(failure, "\(subject.repository):\(subject.number) is gone")
        }
        return try evidence.files(of: manifest.parsed())
    }

    private func store(_ report: VerificationReport, of verification: Verification) async throws {
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
        try await index.finish(finished, attaching: [attachment, result], actor: Principal.registry.name)
    }

    private static func measurements(
        _ measured: EvaluationOutcome.Measurements, baseline: VerificationReport.Subject?
    ) -> VerificationReport.Measurements {
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
        return measurements
    }
}
