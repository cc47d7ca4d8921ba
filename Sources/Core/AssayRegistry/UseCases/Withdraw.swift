package import AssayDomain

/// Says that a version must not be used any more, or may be used again: signed, logged, and without moving an alias.
package struct Withdraw: Sendable {
    let blobs: any BlobStore
    let index: any Index
    let evidence: any EvidenceFormat
    let clock: any WallClock

    /// Withdraws a version, or lets it be used again; its aliases stay where they are. Of one that is withdrawn nothing
    /// changes by another withdrawal, whatever the reason.
    ///
    /// Throws `request-invalid` for no reason or a long one, and for a version that is to be used again and is not
    /// withdrawn; and as `Catalog.version`.
    package func callAsFunction(
        _ reference: Reference, _ action: Withdrawal.Action = .withdraw, reason: String, by principal: Principal
    ) async throws -> Version {
        try Withdrawal.check(reason: reason)
        let (version, manifest) = try await Catalog(index: index).versionWithManifest(reference)
        switch action {
        case .withdraw: if version.withdrawn != nil { return version }
        case .reinstate: try await requireWithdrawn(version, manifest)
        }
        let withdrawal = Withdrawal(
            repository: version.repository, version: manifest.digest, action: action, reason: reason, at: clock.now())
        let (statement, attachment) = try await WriteEvidence(blobs: blobs, evidence: evidence).attest(
            try JSON.encode(withdrawal), as: PredicateType.withdrawal, about: manifest,
            name: "\(version.reference)")
        return try await index.withdraw(
            WithdrawalRequest(
                withdrawal: withdrawal, statement: statement, attachment: attachment, actor: principal.name))
    }

    /// By this registry, or by another one that is trusted here. Throws `request-invalid`.
    private func requireWithdrawn(_ version: Version, _ manifest: Manifest) async throws {
        guard version.withdrawn == nil else { return }
        let reader = ReadEvidence(blobs: blobs, index: index, evidence: evidence)
        let statements = try await reader.statements(about: manifest.digest, in: version.repository)
        guard reader.withdrawal(of: manifest.digest, in: version.repository, among: statements) == nil else { return }
        throw AssayError(
            .requestInvalid, "\(version.reference) is not withdrawn", remedy: "see: assay show \(version.reference)")
    }
}
