package import AssayDomain
import GRDB

extension SQLiteIndex {
    package func trustedKeys() async throws -> [TrustedKey] {
        try await readOnce { try $0.trustedKeys() }
    }

    /// Adding a key again changes nothing. A revoked key never comes back: that throws `key-conflict` too.
    package func addTrustedKey(_ key: TrustedKey) async throws {
        try await write { database in
            guard let found = try database.trustedKey(key.id) else {
                try database.insertTrustedKey(key)
                return
            }
            guard found.role == key.role else {
                throw AssayError(
                    .keyConflict, "key \(key.id.prefix(12)) is trusted as a \(found.role.rawValue) key",
                    remedy: "use a key of its own for each role")
            }
            guard found.revokedAt == nil else {
                throw AssayError(
                    .keyConflict, "key \(key.id.prefix(12)) was revoked", remedy: "make a new key and trust that")
            }
        }
    }

    /// Revoking a key again keeps the first time.
    package func revokeTrustedKey(_ id: String, at: Timestamp) async throws {
        try await write { database in
            guard try database.trustedKey(id) != nil else {
                throw AssayError(.keyNotFound, "there is no trusted key \(Printable.quote(id, limit: 70))")
            }
            try database.revokeTrustedKey(id, at: at)
        }
    }
}

extension Database {
    fileprivate func trustedKeys() throws -> [TrustedKey] {
        try all(
            """
            SELECT id, name, pem, role, added_at, revoked_at FROM trusted_keys ORDER BY added_at, id LIMIT ?
            """, [IndexLimits.pageMax], trustedKey(of:))
    }

    fileprivate func trustedKey(_ id: String) throws -> TrustedKey? {
        try first(
            "SELECT id, name, pem, role, added_at, revoked_at FROM trusted_keys WHERE id = ?", [id], trustedKey(of:))
    }

    fileprivate func insertTrustedKey(_ key: TrustedKey) throws {
        try run(
            "INSERT INTO trusted_keys (id, name, pem, role, added_at, revoked_at) VALUES (?, ?, ?, ?, ?, ?)",
            [
                key.id, key.name, key.pem, key.role.rawValue, key.addedAt.milliseconds,
                key.revokedAt?.milliseconds,
            ])
    }

    fileprivate func revokeTrustedKey(_ id: String, at: Timestamp) throws {
        try run(
            "UPDATE trusted_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?", [at.milliseconds, id])
    }

    private func trustedKey(of row: Row) throws -> TrustedKey {
        TrustedKey(
            id: try row.text(0), name: try row.text(1), pem: try row.text(2), role: try row.word(3),
            addedAt: try row.time(4),
            revokedAt: row.timeIfPresent(5))
    }
}
