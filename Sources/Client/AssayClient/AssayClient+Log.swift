package import APIProtocol
package import AssayDomain

extension AssayClient {
    // MARK: The audit log

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
        kind: AuditEntry.Kind? = nil, repository: RepositoryName? = nil, after: String? = nil, limit: Int? = nil
    ) async throws -> ListResponse<AuditEntryResponse> {
        try await get(
            "/audit/entries",
            ["kind": kind?.rawValue, "repository": repository, "after": after, "limit": limit])
    }

    /// The leaf hashes of the entries that the registry's index gives, 32 bytes each; zeros where it gives none.
    package func auditFacts(from first: Int64, count: Int) async throws -> [UInt8] {
        try await bytes(Self.api + "/audit/facts", ["from": first, "count": count])
    }

    /// What of the index its own history does not explain.
    package func auditFaults() async throws -> [String] {
        let list: ListResponse<String> = try await get("/audit/faults")
        return list.items
    }
}
