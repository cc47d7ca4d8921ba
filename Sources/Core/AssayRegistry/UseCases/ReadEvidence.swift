import AssayDomain

/// Reads signed evidence from the store and believes none of it before its signature, subject and bytes are checked.
struct ReadEvidence: Sendable {
    /// The most bytes of one signature bundle or envelope.
    static let envelopeBytesMax: Int64 = 16 << 20
    /// The most bytes of one model signature.
    static let signatureBytesMax: Int64 = 4 << 20
    /// The most signatures looked at for one version.
    static let signaturesMax = 64

    let blobs: any BlobStore
    let index: any Index
    let evidence: any EvidenceFormat

    /// The report in an envelope that a trusted registry key signed for this subject.
    /// Throws `digest-mismatch`, `signature-invalid`, `untrusted-key`, `blob-not-found`.
    func report(envelope digest: Digest, of subject: Digest) async throws -> VerificationReport {
        let statement = try evidence.openStatement(
            try await content(of: digest), trusted: try await keys(.registry))
        guard statement.predicateType == PredicateType.verificationReport, statement.subjects == [subject] else {
            throw AssayError(.signatureInvalid, "the envelope \(digest) is no verification report of \(subject)")
        }
        let report = try JSON.decode(VerificationReport.self, from: statement.predicate)
        guard report.format == VerificationReport.formatVersion, report.subject.digest == subject else {
            throw AssayError(.signatureInvalid, "the report in \(digest) speaks of another version")
        }
        return report
    }

    /// The policy by which a verdict in an envelope was given. Throws as `report(envelope:of:)`.
    func policy(ofVerdict digest: Digest, on subject: Digest) async throws -> Digest? {
        let statement = try evidence.openStatement(
            try await content(of: digest), trusted: try await keys(.registry))
        guard statement.predicateType == PredicateType.verdict, statement.subjects == [subject] else { return nil }
        let verdict = try JSON.decodeVerbatim(VerdictPolicy.self, from: statement.predicate)
        return try verdict.policy.digest[Digest.Algorithm.sha256.rawValue].map { try Digest(parsing: "sha256:\($0)") }
    }

    /// The part of a verdict that names its policy.
    private struct VerdictPolicy: Decodable {
        let policy: Verdict.PolicyDescriptor
    }

    /// Ids of the trusted release keys whose signature over exactly the version's files is valid.
    func signers(of manifest: Manifest, in repository: RepositoryName) async throws -> (ids: [String], fault: String?) {
        let keys = try await keys(.release)
        let bundles = try await bundles(of: manifest, in: repository)
        let files = try evidence.files(of: manifest)
        var ids: [String] = []
        var fault = bundles.isEmpty ? Policy.noSignature : nil
        for bundle in bundles {
            do {
                let bytes = try await content(of: bundle.envelope.digest)
                let id = try evidence.signer(ofModelSignature: bytes, over: files, trusted: keys)
                if !ids.contains(id) { ids.append(id) }
            } catch let error as AssayError {
                fault = error.code == .untrustedKey ? "by a key that is not trusted" : error.message
            }
        }
        return (ids, ids.isEmpty ? fault : nil)
    }

    /// The keys that are trusted now to sign as this role says.
    func keys(_ role: TrustedKey.Role) async throws -> [TrustedKey] {
        try await index.trustedKeys().filter { $0.role == role && $0.revokedAt == nil }
    }

    private func bundles(of manifest: Manifest, in repository: RepositoryName) async throws -> [AttestationRecord] {
        let all = try await index.attestations(of: manifest.digest, in: repository)
        let bundles = all.filter {
            $0.artifactType == MediaType.sigstoreBundle && $0.envelope.size <= Self.signatureBytesMax
        }
        return Array(bundles.prefix(Self.signaturesMax))
    }

    private func content(of digest: Digest) async throws -> [UInt8] {
        let bytes = try await blobs.content(of: digest, bytesMax: Self.envelopeBytesMax)
        guard evidence.digest(of: bytes, algorithm: digest.algorithm) == digest else {
            throw AssayError(.digestMismatch, "the stored bytes of \(digest) are damaged")
        }
        return bytes
    }
}
