package import AssayDomain
import GRDB

extension SQLiteIndex {
    package func trustedKeys() async throws -> [TrustedKey] {
        try await readOnce { try $0.trustedKeys() }
    }

    /// Adding a key again changes nothing, with another name or other limits it throws `key-conflict`. A revoked key
    /// never comes back.
    package func addTrustedKey(_ key: TrustedKey, actor: String) async throws {
        try await write { database in
            guard let found = try database.trustedKey(key.id) else {
                return try database.trust(key, actor: actor)
            }
            if let conflict = found.conflict(with: key) { throw conflict }
        }
    }

    /// Setting the limits that a key has already changes nothing.
    package func limitTrustedKey(
        _ id: String, validFrom: Timestamp?, validUntil: Timestamp?, actor: String, at: Timestamp
    ) async throws -> TrustedKey {
        try await write { database in
            var key = try database.requireTrustedKey(id)
            guard key.validFrom != validFrom || key.validUntil != validUntil else { return key }
            (key.validFrom, key.validUntil) = (validFrom, validUntil)
            try database.updateTrustedKey(key)
            try database.insertKeyChange(.limit, key, actor: actor, at: database.logTime(at))
            return key
        }
    }

    /// Revoking a key again keeps the first date.
    package func revokeTrustedKey(
        _ id: String, since: Timestamp, actor: String, at: Timestamp
    ) async throws -> TrustedKey {
        try await write { database in
            var key = try database.requireTrustedKey(id)
            guard key.revokedAt == nil else { return key }
            key.revokedAt = since
            try database.updateTrustedKey(key)
            try database.insertKeyChange(.revoke, key, actor: actor, at: database.logTime(at))
            return key
        }
    }

    /// A key that has ended already, or was revoked, keeps its limits.
    package func replaceTrustedKey(
        _ id: String, by key: TrustedKey, actor: String
    ) async throws -> (old: TrustedKey?, new: TrustedKey) {
        try await write { database in
            guard try database.trustedKey(key.id) == nil else {
                throw AssayError(.keyConflict, "the key \(key.id.prefix(12)) is known already")
            }
            let at = try database.logTime(key.addedAt)
            try database.trust(key, actor: actor)
            var old = try database.trustedKey(id)
            if var ended = old, ended.isValid(at: at) {
                ended.validUntil = at
                try database.updateTrustedKey(ended)
                try database.insertKeyChange(.limit, ended, actor: actor, at: at)
                old = ended
            }
            guard let new = try database.trustedKey(key.id) else { throw IndexFault.unreadable("a key") }
            return (old, new)
        }
    }

    /// Whether a key is trusted, asked before the index is used by anybody else. Throws as any read.
    package func trustsAtStart(_ id: String) throws -> Bool {
        try readAtStart { try $0.trustedKey(id) != nil }
    }
}

extension TrustedKey {
    /// Why a key that is known cannot be trusted in another way too; nil if it is trusted in just this way.
    fileprivate func conflict(with other: TrustedKey) -> AssayError? {
        let (reason, remedy): (String?, String)
        if revokedAt != nil {
            return AssayError(.keyConflict, "key \(id.prefix(12)) was revoked", remedy: "make a new key and trust that")
        } else if role != other.role {
            (reason, remedy) = (nil, "use a key of its own for each role")
        } else if repositories != other.repositories {
            (reason, remedy) = ("for other repositories", "use a key of its own for the other repositories")
        } else if validFrom != other.validFrom || validUntil != other.validUntil {
            (reason, remedy) = ("from or until another time", "change its times: assay key limit \(id.prefix(12))")
        } else if name != other.name {
            (reason, remedy) = (
                "it is called \(Printable.quote(name)), and not \(Printable.quote(other.name))",
                "call it by that name, or leave it as it is"
            )
        } else {
            return nil
        }
        return AssayError(
            .keyConflict, "key \(id.prefix(12)) is trusted as a \(role.rawValue) key already", reason: reason,
            remedy: remedy)
    }
}

/// What a change of the trust root did; the raw value is stored.
private enum KeyAction: String {
    case trust, limit, revoke
}

extension Database {
    private static let keyColumns = "id, name, pem, role, repositories, valid_from, valid_until, added_at, revoked_at"

    func trustedKeys() throws -> [TrustedKey] {
        try all(
            "SELECT \(Self.keyColumns) FROM trusted_keys ORDER BY added_at, id LIMIT ?", [IndexLimits.pageMax],
            trustedKey(of:))
    }

    fileprivate func trustedKey(_ id: String) throws -> TrustedKey? {
        try first("SELECT \(Self.keyColumns) FROM trusted_keys WHERE id = ?", [id], trustedKey(of:))
    }

    fileprivate func requireTrustedKey(_ id: String) throws -> TrustedKey {
        guard let key = try trustedKey(id) else {
            throw AssayError(.keyNotFound, "there is no trusted key \(Printable.quote(id, limit: 70))")
        }
        return key
    }

    /// Takes a new key into the trust root, at the log's time.
    fileprivate func trust(_ key: TrustedKey, actor: String) throws {
        let at = try logTime(key.addedAt)
        try insertTrustedKey(key, at: at)
        try insertKeyChange(.trust, key, actor: actor, at: at)
    }

    private func insertTrustedKey(_ key: TrustedKey, at: Timestamp) throws {
        try run(
            "INSERT INTO trusted_keys (\(Self.keyColumns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                key.id, key.name, key.pem, key.role.rawValue, try key.repositories.map(StoredJSON.text),
                key.validFrom?.milliseconds, key.validUntil?.milliseconds, at.milliseconds,
                key.revokedAt?.milliseconds,
            ])
    }

    fileprivate func updateTrustedKey(_ key: TrustedKey) throws {
        try run(
            "UPDATE trusted_keys SET valid_from = ?, valid_until = ?, revoked_at = ? WHERE id = ?",
            [
                key.validFrom?.milliseconds, key.validUntil?.milliseconds, key.revokedAt?.milliseconds, key.id,
            ])
    }

    fileprivate func insertKeyChange(_ action: KeyAction, _ key: TrustedKey, actor: String, at: Timestamp) throws {
        let logIndex = try nextLogIndex(at: at)
        try run(
            """
            INSERT INTO key_changes
                (log_index, action, key_id, name, role, repositories, valid_from, valid_until, revoked_at, at, actor)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                logIndex, action.rawValue, key.id, key.name, key.role.rawValue,
                try key.repositories.map(StoredJSON.text), key.validFrom?.milliseconds, key.validUntil?.milliseconds,
                key.revokedAt?.milliseconds, at.milliseconds, actor,
            ])
        try log(.keyChange, at: logIndex)
    }

    private func trustedKey(of row: Row) throws -> TrustedKey {
        TrustedKey(
            id: try row.text(0), name: try row.text(1), pem: try row.text(2), role: try row.word(3),
            repositories: try (row[4] as String?).map { try StoredJSON.value([RepositoryPattern].self, $0) },
            validFrom: row.timeIfPresent(5), validUntil: row.timeIfPresent(6), addedAt: try row.time(7),
            revokedAt: row.timeIfPresent(8))
    }
}
