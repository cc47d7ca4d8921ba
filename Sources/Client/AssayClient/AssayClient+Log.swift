package import APIProtocol
package import AssayDomain

extension AssayClient {
    // MARK: The audit log

    private static let factBytes = 32

    /// The signed checkpoint of now; nothing of it is believed before its signature was checked.
    package func logCheckpoint() async throws -> [UInt8] { try await bytes("/log/checkpoint") }

    /// A tile by what stands behind `tile/` in its path.
    package func logTile(_ path: String) async throws -> [UInt8] { try await bytes("/log/tile/\(path)") }

    /// A proof of an entry in the form of C2SP tlog-proof. Throws `log-entry-not-found`.
    package func logProof(of index: Int64) async throws -> [UInt8] {
        try await bytes(Self.api + "/audit/proofs/\(index)")
    }

    /// A part of the log's entries, newest first, that fit everything asked for.
    package func auditEntries(
        kind: AuditEntry.Kind? = nil, repository: RepositoryName? = nil, since: Timestamp? = nil,
        until: Timestamp? = nil, cause: String? = nil, actor: String? = nil, after: String? = nil, limit: Int? = nil
    ) async throws -> ListResponse<AuditEntryResponse> {
        let list: ListResponse<AuditEntryResponse> = try await get(
            "/audit/entries",
            [
                "kind": kind?.rawValue, "repository": repository, "since": since, "until": until, "cause": cause,
                "actor": actor, "after": after, "limit": limit,
            ])
        // Newest first, and each page behind the one before: so every list of entries comes to an end.
        var above = after.flatMap { Int64($0) } ?? .max
        for item in list.items {
            let fits =
                (kind.map { $0 == item.entry.kind } ?? true)
                && (repository.map { $0.text == item.entry.text(.repository) } ?? true)
                && (since.map { $0 <= item.entry.at } ?? true) && (until.map { item.entry.at < $0 } ?? true)
                && (cause.map { $0 == item.entry.text(.cause) } ?? true)
                && (actor.map { $0 == item.entry.actor } ?? true)
            try AnswerCheck.demand(
                fits && 0 <= item.index && item.index < above,
                asked: "entries \(kind?.rawValue ?? "") \(repository?.text ?? "") before \(above)",
                answered: "entry \(item.index), \(item.entry.kind.rawValue) \(item.entry.text(.repository) ?? "")")
            above = item.index
        }
        return list
    }

    /// The leaf hashes of the entries that the registry's index gives, 32 bytes each; zeros where it gives none.
    package func auditFacts(from first: Int64, count: Int) async throws -> [UInt8] {
        let hashes = try await bytes(Self.api + "/audit/facts", ["from": first, "count": count])
        try AnswerCheck.demand(
            hashes.count == count * Self.factBytes, asked: "\(count) facts", answered: "\(hashes.count) bytes")
        return hashes
    }

    /// What of the index its own history does not explain.
    package func auditFaults() async throws -> [String] {
        let list: ListResponse<String> = try await get("/audit/faults")
        return list.items
    }
}
