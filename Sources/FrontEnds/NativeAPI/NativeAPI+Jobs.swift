import APIProtocol
import AssayDomain
import AssayRegistry
import HTTPKit
import HTTPTypes
import Hummingbird

extension NativeAPI {
    var jobRoutes: [Route] {
        [
            Route(.post, "/api/v1/verifications/{id}/cancel", .verify, cancelVerification),
            Route(.post, "/api/v1/worker/claims", .work, claimJob),
            Route(.put, "/api/v1/worker/claims/{id}", .work, extendClaim),
            Route(.delete, "/api/v1/worker/claims/{id}", .work, giveBackClaim),
            Route(.post, "/api/v1/worker/claims/{id}/result", .work, finishClaim),
        ]
    }

    @Sendable private func cancelVerification(_ call: Call) async throws -> Response {
        try .message(try await registry.verify.cancel(try VerificationID(parsing: try call.capture("id"))))
    }

    /// Verifications of all versions, newest first.
    func listJobs(_ call: Call) async throws -> Response {
        let state = try call.query["state"].map { text throws(AssayError) in
            guard let state = Verification.State(rawValue: text) else {
                throw AssayError(
                    .requestInvalid, "state is \(Printable.quote(text, limit: 20))",
                    remedy: "use \(Verification.State.allCases.map(\.rawValue).joined(separator: ", "))")
            }
            return state
        }
        let page = try await registry.verify.verifications(
            JobQuery(
                state: state, repository: try call.query["repository"].map { try RepositoryName(parsing: $0) },
                before: try call.query.integer("after", in: 0...Int64.max), limit: try Self.limit(of: call)))
        return try .message(ListResponse(items: page.items, next: page.next))
    }

    // MARK: Workers

    @Sendable private func claimJob(_ call: Call) async throws -> Response {
        let request = try await call.json(ClaimRequest.self)
        let worker = try Worker(name: request.worker, labels: request.labels ?? [])
        let job = try await registry.verify.claim(
            by: worker, build: request.evaluator, threadsMax: request.threadsMax)
        guard let job else { return Response(status: .noContent) }
        let (verification, files) = (job.verification, job.files)
        var list = Self.files(files.model, in: verification.subject.repository, .model, data: .modelData)
        list += files.dataset.files.map {
            .init(role: .dataset, repository: verification.dataset.repository, file: $0)
        }
        if let model = files.baseline, let subject = verification.baseline {
            list += Self.files(model, in: subject.repository, .baseline, data: .baselineData)
        }
        if let model = files.teacher, let subject = verification.settings.teacher {
            list += Self.files(model, in: subject.repository, .teacher, data: .teacherData)
        }
        return try .message(
            ClaimResponse(
                claim: job.claim, verification: verification, files: list, leaseMilliseconds: job.lease.milliseconds))
    }

    private static func files(
        _ model: JobFiles.Model, in repository: RepositoryName, _ role: ClaimResponse.File.Role,
        data: ClaimResponse.File.Role
    ) -> [ClaimResponse.File] {
        [.init(role: role, repository: repository, file: model.file)]
            + model.externalData.map {
                .init(role: data, repository: repository, file: $0.file, location: $0.location)
            }
    }

    @Sendable private func extendClaim(_ call: Call) async throws -> Response {
        let request = try await call.json(HeartbeatRequest.self)
        return try .message(try await registry.verify.extend(try Self.claim(in: call), progress: request.progress))
    }

    @Sendable private func giveBackClaim(_ call: Call) async throws -> Response {
        try await registry.verify.giveBack(try Self.claim(in: call))
        return Response(status: .noContent)
    }

    /// Figures of 10,000 classes, slices and metrics.
    private static let resultBytesMax = 4 << 20

    @Sendable private func finishClaim(_ call: Call) async throws -> Response {
        let request = try await call.json(ResultRequest.self, upTo: Self.resultBytesMax)
        return try .message(
            try await registry.verify.finish(
                try Self.claim(in: call),
                JobResult(
                    environment: request.environment, cage: request.cage, measurements: request.measurements,
                    failure: request.failure)))
    }

    private static func claim(in call: Call) throws(AssayError) -> ClaimID {
        try ClaimID(parsing: try call.capture("id"))
    }
}
