package import AssayDomain
import Synchronization

/// What people do with the queue: add to it, look at it, take something out of it.
extension Verify {
    /// Queues a verification and returns at once.
    ///
    /// Throws `evaluator-unavailable`, `dataset-unsupported`, `request-invalid`, `queue-full`.
    package func start(
        subject: Version, dataset: Version, baseline: Version?, settings: VerificationSettings, isReplay: Bool = false
    ) async throws -> Verification {
        try settings.check()
        // Without evaluators of its own the server leaves everything to workers elsewhere.
        if !evaluators.isEmpty { try host.checkAvailable() }
        try Self.requireDataset(dataset)
        try await requireData(in: dataset)
        guard settings.teacherMaxRatios == nil || settings.teacher != nil else {
            throw AssayError(
                .requestInvalid, "latency is compared with that of no teacher", remedy: "name it with --teacher")
        }
        if let teacher = settings.teacher { try await requireVersion(teacher) }
        for model in [subject, baseline].compactMap(\.self) {
            _ = try await files(of: .init(model), failure: "invalid-model")
        }
        var verification = Verification(
            id: VerificationID(bits: ids.next()), subject: .init(subject), dataset: .init(dataset),
            baseline: baseline.map { .init($0) }, settings: settings, createdAt: clock.now())
        if isReplay { verification.isReplay = true }
        try await index.enqueue(verification)
        wake()
        return withNews(verification)
    }

    /// Throws `version-not-found` unless a teacher is a version that is there, by all of its names, and has files.
    private func requireVersion(_ teacher: VerificationReport.Subject) async throws {
        let found = try await index.version(Reference(teacher.repository, .digest(teacher.digest)))
        guard let found, found.number == teacher.number, found.kind == .model else {
            throw AssayError(
                .versionNotFound, "the teacher \(teacher.repository):\(teacher.number) is no model that is there",
                reason: "no model has this number and the digest \(teacher.digest.short)",
                remedy: "name a version of a model")
        }
        _ = try await files(of: teacher, failure: "invalid-model")
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
        guard let verification = try await index.verification(id) else {
            throw AssayError(.verificationNotFound, "there is no verification \(id)")
        }
        return withNews(verification)
    }

    /// Verifications of a version, newest first.
    package func verifications(of version: Version, limit: Int) async throws -> [Verification] {
        try await index.verifications(of: version.manifestDigest, in: version.repository, limit: limit).map(withNews)
    }

    /// Verifications of all versions, newest first.
    package func verifications(_ query: JobQuery) async throws -> Page<Verification> {
        let page = try await index.verifications(query)
        return Page(items: page.items.map(withNews), next: page.next)
    }

    /// Ends a verification that waits or runs; repeating it changes nothing.
    ///
    /// Throws `verification-not-found`, and `verification-ended` if it has a report.
    package func cancel(_ id: VerificationID) async throws -> Verification {
        let verification = try await index.cancelVerification(id, at: clock.now())
        state.withLock { state in
            state.progress[id] = nil
            state.running[id]?.finish()
        }
        return verification
    }

    /// The report of a finished verification, its signature checked.
    /// Throws `verification-not-found`, `verification-cancelled`, `signature-invalid`, `untrusted-key`,
    /// `digest-mismatch`.
    package func report(of verification: Verification) async throws -> VerificationReport {
        try await report(of: verification, by: ReadEvidence(blobs: blobs, index: index, evidence: evidence))
    }

    func report(of verification: Verification, by reader: ReadEvidence) async throws -> VerificationReport {
        guard verification.state != .cancelled else {
            throw AssayError(
                .verificationCancelled, "verification \(verification.id) was cancelled",
                remedy: "start another one with: assay verify")
        }
        guard let digest = verification.envelopeDigest else {
            throw AssayError(
                .verificationNotFound, "verification \(verification.id) has no report yet",
                remedy: "ask again when its state is measured or failed")
        }
        let report = try await reader.report(
            envelope: digest, of: verification.subject, at: verification.finishedAt ?? verification.createdAt)
        guard report.verification == verification.id, report.dataset.digest == verification.dataset.digest,
            report.settings == verification.settings
        else {
            throw AssayError(.signatureInvalid, "the report of verification \(verification.id) is of another one")
        }
        return report
    }

    // MARK: What the index does not know

    /// Has every evaluator of this process look into the queue.
    func wake() {
        for evaluator in evaluators { evaluator.wakeUps.continuation.yield() }
    }

    /// Keeps how far a running verification is.
    func note(_ progress: Verification.Progress, of id: VerificationID) {
        state.withLock { $0.progress[id] = progress }
    }

    private func withNews(_ verification: Verification) -> Verification {
        var verification = verification
        switch verification.state {
        case .running: verification.progress = state.withLock { $0.progress[verification.id] }
        case .queued:
            let local = evaluators.map { JobOffer(labels: localWorker.labels, threadsMax: $0.cpus?.numbers.count) }
            let offers = local + state.withLock { Array($0.offers.values) }
            let missing = JobQueue.missing(for: verification.settings.demand, among: offers)
            verification.waitsFor = missing.isEmpty ? nil : missing
        case .measured, .failed, .cancelled: break
        }
        return verification
    }
}
