package import AssayDomain
import Synchronization

/// The files that a verification needs, each of the version that it is named for.
package struct JobFiles: Sendable {
    package let model: Model
    package let dataset: DatasetLayout
    package let baseline: Model?
    package let teacher: Model?

    /// A model, and where it keeps data of its tensors.
    package struct Model: Sendable {
        package let file: VersionFile
        package let externalData: [ExternalData]

        /// All of its files.
        var files: [VersionFile] { [file] + externalData.map(\.file) }

        /// The model at the paths of `files`, in their order.
        func located(at paths: [String]) -> LocalModel {
            LocalModel(
                path: paths[0],
                externalData: Dictionary(
                    zip(externalData.map { ExactText($0.location) }, paths.dropFirst()), uniquingKeysWith: { $1 }))
        }
    }

    /// A file that a model names as holding data of its tensors.
    package struct ExternalData: Sendable {
        /// As the model names it: a path of plain names within its folder.
        package let location: String
        package let file: VersionFile
    }
}

/// What a worker elsewhere is given.
package struct ClaimedJob: Sendable {
    package let claim: ClaimID
    package let verification: Verification
    package let files: JobFiles
    /// How long the worker may be silent.
    package let lease: Duration
}

/// What a worker elsewhere says that came of a job: exactly one of measurements and a failure.
package struct JobResult: Sendable {
    package let environment: VerificationReport.Environment?
    package let cage: VerificationReport.Cage?
    package let measurements: VerificationReport.Measurements?
    package let failure: VerificationReport.Failure?

    package init(
        environment: VerificationReport.Environment?, cage: VerificationReport.Cage? = nil,
        measurements: VerificationReport.Measurements?, failure: VerificationReport.Failure?
    ) {
        self.environment = environment
        self.cage = cage
        self.measurements = measurements
        self.failure = failure
    }
}

/// Workers elsewhere: they claim jobs, tell of themselves until they end them, and say what came of them.
extension Verify {
    /// The most workers that are remembered.
    private static let workersMax = 1_000
    /// The most jobs that are found to be impossible before a worker is told that there are none.
    private static let impossibleMax = 100

    /// Gives a worker the next job that fits; nil if there is none.
    ///
    /// Throws `evaluator-mismatch` for a build whose reports would not count, and `request-invalid`.
    package func claim(by worker: Worker, build: String, threadsMax: Int?) async throws -> ClaimedJob? {
        guard build == host.build else {
            throw AssayError(
                .evaluatorMismatch, "the worker's evaluator is \(Printable.quote(build, limit: 80))",
                reason: "reports count for \(host.build) alone", remedy: "use a worker of the server's release")
        }
        guard worker.name != .local, 1...CPUSet.numberMax + 1 ~= threadsMax ?? 1 else {
            throw AssayError(
                .requestInvalid, "a worker has a name other than '\(WorkerName.local)' and 1 CPU or more")
        }
        remember(worker.name, JobOffer(labels: worker.labels, threadsMax: threadsMax))
        for _ in 0..<Self.impossibleMax {
            let claim = Claim(
                id: ClaimID(bits: ids.next()), worker: worker, threadsMax: threadsMax, leaseUntil: leaseEnd,
                at: clock.now())
            guard let verification = try await index.claimVerification(claim) else { return nil }
            do {
                let files = try await files(of: verification)
                return ClaimedJob(claim: claim.id, verification: verification, files: files, lease: lease)
            } catch let failure as VerificationReport.FailureError {
                try await conclude(verification, claim: claim.id, environment: nil, result: .failure(failure))
            }
        }
        return nil
    }

    private func remember(_ name: WorkerName, _ offer: JobOffer) {
        state.withLock { state in
            if state.offers.count >= Self.workersMax, state.offers[name] == nil { state.offers.removeAll() }
            state.offers[name] = offer
        }
    }

    /// Gives a worker that tells of itself more time, and keeps how far it is. Throws `claim-not-found`, `claim-lost`.
    package func extend(_ claim: ClaimID, progress: Verification.Progress?) async throws -> Verification {
        let verification = try await index.extendLease(of: claim, until: leaseEnd)
        if let progress { note(progress.printable, of: verification.id) }
        return verification
    }

    /// Takes a job back from a worker that is asked to end; the attempt does not count. Throws as `extend`.
    package func giveBack(_ claim: ClaimID) async throws {
        try await index.giveBack(claim, counts: false)
        wake()
    }

    /// Ends a job by what a worker says of it; repeating it changes nothing.
    ///
    /// Throws `claim-not-found`, `claim-lost`, and `request-invalid` for a result that cannot be one.
    package func finish(_ claim: ClaimID, _ result: JobResult) async throws -> Verification {
        let verification = try await index.verification(of: claim)
        guard !verification.isFinished else { return verification }
        let outcome = try result.checked(for: verification)
        defer { state.withLock { $0.progress[verification.id] = nil } }
        try await conclude(
            verification, claim: claim, environment: result.environment?.printable, cage: result.cage?.printable,
            result: outcome)
        return try await self.verification(verification.id)
    }
}

extension Verification.Progress {
    /// As a worker may have said it, made safe to print.
    var printable: Self {
        Self(stage: Printable.escape(stage, limit: 40), done: max(0, done), total: max(0, total))
    }
}

extension VerificationReport.Environment {
    /// As a worker may have said it, made safe to print.
    var printable: Self {
        Self(
            runtime: Printable.escape(runtime), cpu: Printable.escape(cpu),
            isaFlags: isaFlags.map { Printable.escape($0, limit: 40) }, cores: cores, cpuSet: cpuSet)
    }
}

extension VerificationReport.Cage {
    /// The most layers that a worker may name.
    private static let layersMax = 100

    /// As a worker may have said it, made safe to print.
    var printable: Self {
        func names(_ list: [String]) -> [String] {
            list.prefix(Self.layersMax).map { Printable.escape($0, limit: 100) }
        }
        return Self(layers: names(layers), absent: names(absent))
    }
}
