import AssayDomain
import AssayIndex
import AssayRegistry
import Foundation
import Testing

extension Sample {
    /// An index of one child.
    static func index(_ seed: Int, of child: Digest) throws -> Manifest {
        let fields: [String: Any] = [
            "schemaVersion": 2, "mediaType": MediaType.imageIndex,
            "manifests": [["mediaType": MediaType.imageManifest, "digest": child.description, "size": 1]],
        ]
        let bytes = [UInt8](try JSONSerialization.data(withJSONObject: fields, options: .sortedKeys))
        return try Manifest(parsing: bytes, digest: digest(1_000_000 + seed), contentType: nil)
    }
}

extension SQLiteIndex {
    /// Deletes the version of a reference, which must be there.
    func delete(_ reference: String) async throws {
        let version = try await found(reference)
        try await deleteManifest(version.manifestDigest, in: version.repository, actor: "tester", at: time(9))
    }

    /// Protects an alias of team/fraud.
    func protect(_ alias: String, by json: String = #"{"version":1}"#, seed: Int = 500) async throws {
        try await setPolicy(
            PolicyRecord(
                repository: try repositoryName("team/fraud"), alias: try aliasName(alias), digest: digest(seed),
                json: Array(json.utf8), setAt: time(3), actor: "owner"))
    }

    /// Promotes a version of team/fraud to production by a verdict named by `seed`.
    func promote(to target: Int64, from holder: Int64? = nil, seed: Int) async throws {
        let version = try await found("team/fraud:\(target)")
        let production = try aliasName("production")
        let basis = try await promotionBasis(
            of: version.manifestDigest, to: production, in: version.repository, verificationsMax: 9)
        _ = try await moveAlias(
            AliasMoveRequest(
                repository: version.repository, name: production, target: version.number,
                expectation: .version(try holder.map(number)),
                cause: .promotion(
                    policy: digest(500), verdict: digest(seed),
                    attachment: try Sample.attachment(seed, about: version.manifestDigest), basis: basis.mark,
                    decidedUntil: nil, rollback: nil),
                actor: "promoter", at: time(9)))
    }

    /// A verification of versions that are there.
    func verification(
        of subject: String, on dataset: String, baseline: String? = nil, bits: UInt64
    ) async throws -> Verification {
        func named(_ reference: String) async throws -> VerificationReport.Subject { .init(try await found(reference)) }
        let baselineSubject: VerificationReport.Subject? =
            if let baseline { try await named(baseline) } else { nil }
        return Verification(
            id: VerificationID(bits: bits), subject: try await named(subject), dataset: try await named(dataset),
            baseline: baselineSubject, settings: VerificationSettings(batch: 4), createdAt: time(1))
    }

    /// Queues a verification and ends it with a report named by `seed`.
    func measure(_ subject: String, on dataset: String, bits: UInt64, seed: Int) async throws -> Verification {
        try await enqueue(try await verification(of: subject, on: dataset, bits: bits))
        var claimed = try #require(try await claim(bits))
        (claimed.state, claimed.finishedAt, claimed.envelopeDigest) = (.measured, time(9), digest(seed))
        try await finish(
            claimed, claim: ClaimID(bits: bits),
            attaching: [try Sample.attachment(seed, about: claimed.subject.digest)], tryBy: nil, actor: "tester")
        return claimed
    }
}
