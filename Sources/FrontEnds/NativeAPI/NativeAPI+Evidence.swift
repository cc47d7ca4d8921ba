import APIProtocol
import AssayDomain
import AssayRegistry
import HTTPKit
import HTTPTypes
import Hummingbird

extension NativeAPI {
    // MARK: Verifications

    @Sendable func startVerification(_ call: Call) async throws -> Response {
        let request = try await call.json(VerifyRequest.self)
        var baseline: Version?
        if let reference = request.baseline { baseline = try await registry.catalog.version(reference) }
        var teacher: Version?
        if let reference = request.teacher { teacher = try await registry.catalog.version(reference) }
        let verification = try await registry.verify.start(
            subject: try await registry.catalog.version(request.reference),
            dataset: try await registry.catalog.version(request.dataset), baseline: baseline,
            settings: request.settings(teacher: teacher.map { .init($0) }), isReplay: request.isReplay ?? false)
        return try .message(verification, status: .accepted)
    }

    @Sendable func listVerifications(_ call: Call) async throws -> Response {
        guard let reference = try call.query["reference"] else { return try await listJobs(call) }
        let version = try await registry.catalog.version(try Reference(parsing: reference))
        return try .message(
            ListResponse(
                items: try await registry.verify.verifications(of: version, limit: try Self.limit(of: call))))
    }

    @Sendable func getVerification(_ call: Call) async throws -> Response {
        try .message(try await verification(of: call))
    }

    @Sendable func getReport(_ call: Call) async throws -> Response {
        try .message(try await registry.verify.report(of: try await verification(of: call)))
    }

    private func verification(of call: Call) async throws -> Verification {
        try await registry.verify.verification(try VerificationID(parsing: try call.capture("id")))
    }

    // MARK: Promotions

    @Sendable func promote(_ call: Call) async throws -> Response {
        let request = try await call.json(PromoteRequest.self)
        let version = try await registry.catalog.version(request.reference)
        let outcome = try await registry.promote(
            version, to: request.alias, dryRun: request.dryRun ?? false, by: call.principal)
        return try Self.response(to: outcome, of: version, as: request.alias, call)
    }

    @Sendable func rollBack(_ call: Call) async throws -> Response {
        let request = try await call.json(RollbackRequest.self)
        let (version, outcome) = try await registry.promote.rollBack(
            request.alias, in: request.repository, to: request.to, reason: request.reason,
            isEmergency: request.emergency ?? false, dryRun: request.dryRun ?? false, by: call.principal)
        return try Self.response(to: outcome, of: version, as: request.alias, call)
    }

    @Sendable func withdraw(_ call: Call) async throws -> Response {
        let request = try await call.json(WithdrawRequest.self)
        return try .message(
            try await registry.withdraw(
                request.reference, request.reinstate ?? false ? .reinstate : .withdraw, reason: request.reason,
                by: call.principal))
    }

    /// A refusal is a problem that carries the table of requirements.
    private static func response(
        to outcome: Promote.Outcome, of version: Version, as alias: AliasName, _ call: Call
    ) throws -> Response {
        if case .refused(let decision, _, _) = outcome {
            return ProblemForm.response(
                to: refusal(of: version, alias: alias, decision: decision), requestID: call.requestID,
                outcomes: decision.outcomes)
        }
        let answer = answer(outcome, of: version, to: alias)
        return try .message(answer, status: answer.state == .measuring ? .accepted : .ok)
    }

    static func answer(_ outcome: Promote.Outcome, of version: Version, to alias: AliasName) -> PromotionResponse {
        func answer(
            _ state: PromotionResponse.State, holder: VersionNumber?, decision: PolicyDecision? = nil,
            verifications: [VerificationID] = [], verdict: Digest? = nil
        ) -> PromotionResponse {
            PromotionResponse(
                state: state, version: version.number, alias: alias, holder: holder,
                outcomes: decision?.outcomes ?? [], verifications: verifications, verdictDigest: verdict)
        }
        return switch outcome {
        case .unchanged: answer(.unchanged, holder: version.number)
        case .measuring(let ids, let holder): answer(.measuring, holder: holder, verifications: ids)
        case .decided(let decision, let holder):
            answer(decision.isPassed ? .wouldPass : .refused, holder: holder, decision: decision)
        case .promoted(let decision, let holder, let verdict):
            answer(.promoted, holder: holder, decision: decision, verdict: verdict)
        case .refused(let decision, let holder, let verdict):
            answer(.refused, holder: holder, decision: decision, verdict: verdict)
        }
    }

    /// The body is a policy; without one the alias's own is taken.
    @Sendable func checkPolicy(_ call: Call) async throws -> Response {
        let version = try await registry.catalog.version(
            try Reference(parsing: try call.query.required("reference")))
        let alias = try AliasName(parsing: try call.query.required("alias"))
        let body = try await call.jsonBytes(upTo: Policy.bytesMax)
        if !body.isEmpty { try call.requireJSON() }
        let policy = body.isEmpty ? nil : try Policy.parse(body)
        // A metric that nothing measures shows as missing; that says enough.
        try policy?.checkDemands(allowsUnknownMetrics: true)
        let (decision, holder) = try await registry.promote.check(version, for: alias, policy: policy)
        return try .message(
            PromotionResponse(
                state: decision.isPassed ? .wouldPass : .refused, version: version.number, alias: alias,
                holder: holder, outcomes: decision.outcomes, verifications: [], verdictDigest: nil))
    }

    private static func refusal(of version: Version, alias: AliasName, decision: PolicyDecision) -> AssayError {
        let unmet = decision.outcomes.filter { !$0.isMet }
        let first = unmet.first.map { "\($0.requirement): \($0.measured), demanded \($0.demanded)" }
        let isUnsigned = unmet.contains { ["signature", "manifest"].contains($0.requirement) }
        return AssayError(
            .promotionRefused, "\(version.reference) is not promoted to \(alias)", reason: first,
            remedy: isUnsigned
                ? "sign the version with a trusted release key: assay sign \(version.reference) --key KEY"
                : "see the requirements that are not met; the alias did not move")
    }

    // MARK: Trust and upkeep

    @Sendable func listKeys(_ call: Call) async throws -> Response {
        try .message(ListResponse(items: try await registry.trust.keys()))
    }

    @Sendable func trustKey(_ call: Call) async throws -> Response {
        let request = try await call.json(TrustKeyRequest.self)
        return try .message(
            try await registry.trust.trust(
                ManageTrust.Request(
                    pem: request.pem, name: request.name, role: request.role, repositories: request.repositories,
                    validFrom: request.validFrom?.time, validUntil: request.validUntil?.time), by: call.principal))
    }

    @Sendable func limitKey(_ call: Call) async throws -> Response {
        let request = try await call.json(LimitKeyRequest.self)
        return try .message(
            try await registry.trust.limit(
                try call.capture("id"), from: request.validFrom?.time, until: request.validUntil?.time,
                by: call.principal))
    }

    @Sendable func revokeKey(_ call: Call) async throws -> Response {
        let since = try Self.time("since", in: call)
        _ = try await registry.trust.revoke(try call.capture("id"), since: since, by: call.principal)
        return Response(status: .noContent)
    }

    @Sendable func rotateKey(_ call: Call) async throws -> Response {
        let request = try await call.json(RotateKeyRequest.self)
        guard request.role == .registry else {
            throw AssayError(
                .requestInvalid, "the registry has no \(request.role.rawValue) key of its own that could be rotated",
                remedy: "rotate the role registry")
        }
        let (old, new) = try await registry.trust.rotate(by: call.principal)
        return try .message(RotateKeyResponse(old: old, new: new))
    }

    @Sendable func getGarbage(_ call: Call) async throws -> Response {
        let (blobs, isTruncated) = try await registry.catalog.garbage(now: registry.steadyClock.now())
        return try .message(
            GarbageResponse(
                blobs: blobs.map { .init(digest: $0.digest, size: $0.size) },
                totalBytes: blobs.reduce(0) { $0 + $1.size }, isTruncated: isTruncated,
                uploads: Self.uploads(try await registry.blobs.unfinishedUploads())))
    }

    @Sendable func dropUploads(_ call: Call) async throws -> Response {
        try .message(Self.uploads(try await registry.blobs.dropUploads()))
    }

    private static func uploads(_ held: UploadsHeld) -> UploadsResponse {
        UploadsResponse(count: held.count, bytes: held.bytes)
    }
}
