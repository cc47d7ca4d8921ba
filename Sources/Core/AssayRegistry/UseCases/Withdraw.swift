package import AssayDomain

/// Says that a version must not be used any more, or may be used again: signed, logged, and without moving an alias.
package struct Withdraw: Sendable {
    let blobs: any BlobStore
    let index: any Index
    let evidence: any EvidenceFormat
    let clock: any WallClock

    /// Withdraws a version. Of one that is withdrawn nothing changes, whatever the reason.
    ///
    /// Throws `request-invalid` for no reason or a long one, and as `Catalog.version`.
    package func callAsFunction(
        _ reference: Reference, reason: String, by principal: Principal
    ) async throws -> Version {
        try Withdrawal.check(reason: reason)
        let (version, manifest) = try await Catalog(index: index).versionWithManifest(reference)
        guard version.withdrawn == nil else { return version }
        return try await say(.withdraw, of: version, manifest, reason: reason, by: principal)
    }

    /// Lets a version be used again; its aliases are where they were. Throws as a withdrawal, and `request-invalid` for
    /// a version that is not withdrawn.
    package func reinstate(
        _ reference: Reference, reason: String, by principal: Principal
    ) async throws -> Version {
        try Withdrawal.check(reason: reason)
        let (version, manifest) = try await Catalog(index: index).versionWithManifest(reference)
        let reader = ReadEvidence(blobs: blobs, index: index, evidence: evidence)
        let statements = try await reader.statements(about: manifest.digest, in: version.repository)
        let isWithdrawn =
            version.withdrawn != nil
            || reader.withdrawal(of: manifest.digest, in: version.repository, among: statements) != nil
        guard isWithdrawn else {
            throw AssayError(
                .requestInvalid, "\(version.reference) is not withdrawn", remedy: "see: assay show \(version.reference)"
            )
        }
        return try await say(.reinstate, of: version, manifest, reason: reason, by: principal)
    }

    private func say(
        _ action: Withdrawal.Action, of version: Version, _ manifest: Manifest, reason: String, by principal: Principal
    ) async throws -> Version {
        let withdrawal = Withdrawal(
            repository: version.repository, version: manifest.digest, action: action, reason: reason, at: clock.now())
        let (statement, attachment) = try await WriteEvidence(blobs: blobs, evidence: evidence).attest(
            try JSON.encode(withdrawal), as: PredicateType.withdrawal, about: manifest,
            name: "\(version.reference)")
        return try await index.withdraw(
            WithdrawalRequest(
                withdrawal: withdrawal, statement: statement, attachment: attachment, actor: principal.name))
    }
}
