import APIProtocol
import AssayBundle
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
    /// Of an alias the last move that the registry lists must be that promotion, by the policy that the alias has now,
    /// and the log must have no later one. Repository, alias, number, digest and policy are those of the log's entry
    /// and of the verdict that it names. Throws `log-entry-not-found` if there is none, `log-inconsistent`,
    /// `untrusted-key`, `expired`, `signature-invalid`.
    func promotion(of plan: PullPlan, as reference: Reference) async throws -> Promotion {
        let version = plan.version
        let trust = try await LogTrust.make(root, for: version.repository, client: client)
        let before = try await memory.seen(of: trust, client: client)
        guard let item = try await entry(of: version, as: reference) else {
            throw AssayError(
                .logEntryNotFound, "no promotion of \(version.reference) is in the audit log",
                reason: "\(reference) did not get there by a policy",
                remedy: "promote it: assay promote \(version.reference) ALIAS")
        }
        let proof = try LogProof(parsing: try await client.logProof(of: item.index))
        let (entry, opened) = try trust.prove(proof)
        guard proof.index == item.index, entry == item.entry, let record = PromotionRecord(entry),
            record.isOf(version), Self.alias(of: reference).map({ $0 == record.alias }) ?? true
        else {
            throw AssayError(
                .logInconsistent, "entry \(item.index) of the audit log is no promotion of \(version.reference)")
        }
        // The log vouches for the verdict's bytes, and the trust root for who signed them, if it names a registry.
        let verdict = try await client.content(
            of: record.verdict, in: version.repository, bytesMax: DSSEEnvelope.bytesMax)
        try record.check(verdict: try DSSEEnvelope(parsing: verdict).unverifiedStatement())
        if let root, root.namesRegistry {
            try Self.requireCounting(verdict, root.keys(.registry, for: version.repository, at: entry.at))
        }
        let newest = try await memory.check(opened, after: before, trust: trust, client: client)
        if Self.alias(of: reference) != nil {
            try await LaterMoves(client: client, memory: memory).check(
                record, at: item.index, of: version, in: newest, trust: trust)
        }
        return Promotion(
            alias: record.alias.text, index: item.index, at: entry.at, entryCount: opened.checkpoint.size,
            isKeyOfRegistry: trust.isOfRegistry)
    }

    /// Throws `untrusted-key` for a verdict by a registry's key that does not count, or not any more.
    private static func requireCounting(_ verdict: [UInt8], _ keys: [TrustedKey]) throws {
        do {
            _ = try TrustedSigners(keys).open(verdict)
        } catch let error as AssayError where error.code == .untrustedKey {
            throw AssayError(
                .untrustedKey, "the verdict behind the promotion is by no registry key that counts",
                reason: "the trust root names other keys, or that one was revoked or has ended",
                remedy: "promote the version again under the registry's key of today", cause: error)
        }
    }

    private static func alias(of reference: Reference) -> AliasName? {
        if case .tag(.alias(let alias)) = reference.selector { alias } else { nil }
    }

    private func entry(of version: Version, as reference: Reference) async throws -> AuditEntryResponse? {
        var after: String?
        var walk = PageWalk()
        repeat {
            let page = try await client.auditEntries(
                kind: .alias, repository: version.repository, after: after, limit: Pages.itemsMax)
            for item in page.items {
                let isPromotion = PromotionRecord(item.entry).map { $0.isOf(version) } ?? false
                if let alias = Self.alias(of: reference) {
                    guard item.entry.text(.alias) == alias.text else { continue }
                    return isPromotion ? item : nil
                }
                if isPromotion { return item }
            }
            after = try walk.step(to: page.next)
        } while after != nil
        return nil
    }
}

extension TrustRoot {
    /// Whether it names a registry. A key that a file holds by itself may be any signer, and so names none.
    fileprivate var namesRegistry: Bool {
        keys.contains { key in
            key.role == .registry && !keys.contains { $0.id == key.id && $0.role != .registry }
        }
    }
}
