package import AssayDomain

/// `POST /api/v1/worker/claims`: a worker asks for the next job that fits.
package struct ClaimRequest: Sendable, Codable {
    package var worker: WorkerName
    package var labels: [WorkerLabel]?
    /// Name and version of its evaluator build.
    package var evaluator: String
    /// The CPUs that its evaluator is kept on; absent if it is on all of its machine's.
    package var threadsMax: Int?

    package init(worker: WorkerName, labels: [WorkerLabel], evaluator: String, threadsMax: Int?) {
        self.worker = worker
        self.labels = labels
        self.evaluator = evaluator
        self.threadsMax = threadsMax
    }
}

/// A job that is the worker's as long as it tells of itself.
package struct ClaimResponse: Sendable, Codable {
    /// A file that the job needs, to be fetched as a blob of its repository.
    package struct File: Sendable, Codable {
        package enum Role: String, Sendable, Codable {
            case model
            case dataset
            case baseline
            case modelData = "model-data"
            case baselineData = "baseline-data"
            case teacher
            case teacherData = "teacher-data"
        }

        package let role: Role
        package let repository: RepositoryName
        package let path: String
        package let digest: Digest
        package let size: Int64
        /// Where a model looks for it; of data alone.
        package let location: String?

        package init(role: Role, repository: RepositoryName, file: VersionFile, location: String? = nil) {
            self.role = role
            self.location = location
            self.repository = repository
            path = file.path
            digest = file.digest
            size = file.size
        }
    }

    package let claim: ClaimID
    package let verification: Verification
    package let files: [File]
    /// How long the worker may be silent.
    package let leaseMilliseconds: Int64

    package init(claim: ClaimID, verification: Verification, files: [File], leaseMilliseconds: Int64) {
        self.claim = claim
        self.verification = verification
        self.files = files
        self.leaseMilliseconds = leaseMilliseconds
    }
}

/// `PUT /api/v1/worker/claims/{id}`: the worker lives.
package struct HeartbeatRequest: Sendable, Codable {
    package var progress: Verification.Progress?

    package init(progress: Verification.Progress?) { self.progress = progress }
}

/// `POST /api/v1/worker/claims/{id}/result`: exactly one of measurements and a failure.
package struct ResultRequest: Sendable, Codable {
    package var environment: VerificationReport.Environment?
    package var cage: VerificationReport.Cage?
    package var measurements: VerificationReport.Measurements?
    package var failure: VerificationReport.Failure?

    package init(
        environment: VerificationReport.Environment?, cage: VerificationReport.Cage?,
        measurements: VerificationReport.Measurements?, failure: VerificationReport.Failure?
    ) {
        self.environment = environment
        self.cage = cage
        self.measurements = measurements
        self.failure = failure
    }
}
