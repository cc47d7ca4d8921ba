import APIProtocol
import AssayClient
import AssayDomain
import TransparencyLog

/// Demands that the promotion of a version is in the audit log.
struct LogDemand: Sendable {
    /// The entry that proves it.
    struct Promotion: Encodable, Sendable {
        let alias: String
        let index: Int64
        let at: Timestamp
        /// The size of the log by the checkpoint that proves it.
        let entryCount: Int64
        /// Whether the log's key was taken from the registry itself.
        let isKeyOfRegistry: Bool
    }

    let client: AssayClient
    /// Where the log's key comes from; nil takes what the registry says.
    let root: TrustRoot?
    let memory: CheckpointMemory

    /// The last promotion of exactly this version: under the alias, if the reference names one.
    ///
    /// Of an alias the last move that the registry lists must be that promotion, and the log must have no later one.
    /// Throws `log-entry-not-found` if there is none, `log-inconsistent`, `untrusted-key`, `signature-invalid`.
    func promotion(of plan: PullPlan, as reference: Reference) async throws -> Promotion {
        let trust = try await LogTrust.make(root, client: client)
        let version = plan.version
        guard let item = try await entry(of: version, as: reference) else {
            throw AssayError(
                .logEntryNotFound, "no promotion of \(version.reference) is in the audit log",
                reason: "\(reference) did not get there by a policy",
                remedy: "promote it: assay promote \(version.reference) ALIAS")
        }
        let proof = try LogProof(parsing: try await client.logProof(of: item.index))
        let (entry, checkpoint) = try proof.verify(trusted: trust.keys)
        guard proof.index == item.index, entry.isPromotion(of: version), let alias = entry.text(.alias),
            entry.text(.alias) == item.entry.text(.alias)
        else {
            throw AssayError(
                .logInconsistent, "entry \(item.index) of the audit log is no promotion of \(version.reference)")
        }
        try await memory.check(checkpoint, proof.checkpoint, client: client)
        if case .tag(.alias(let name)) = reference.selector {
            try await LaterMoves(client: client, memory: memory).check(
                name, of: version.repository, movedLastAt: item.index, in: checkpoint)
        }
        return Promotion(
            alias: alias, index: item.index, at: entry.at, entryCount: checkpoint.size,
            isKeyOfRegistry: trust.isOfRegistry)
    }

    private func entry(of version: Version, as reference: Reference) async throws -> AuditEntryResponse? {
        var after: String?
        repeat {
            let page = try await client.auditEntries(
                kind: .alias, repository: version.repository, after: after, limit: Pages.itemsMax)
            for item in page.items {
                if case .tag(.alias(let alias)) = reference.selector {
                    guard item.entry.text(.alias) == alias.text else { continue }
                    return item.entry.isPromotion(of: version) ? item : nil
                }
                if item.entry.isPromotion(of: version) { return item }
            }
            after = page.next
        } while after != nil
        return nil
    }
}

extension AuditEntry {
    /// Whether it says that a policy let exactly this version under an alias.
    func isPromotion(of version: Version) -> Bool {
        kind == .alias && text(.cause) == "promotion" && text(.repository) == version.repository.text
            && text(.digest) == version.manifestDigest.description
    }
}
