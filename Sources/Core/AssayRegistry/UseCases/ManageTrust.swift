package import AssayDomain

/// Keeps the trust root: whose signatures count, and for what. Every change is in the audit log.
package struct ManageTrust: Sendable {
    package static let nameBytesMax = 200
    package static let repositoriesMax = 100

    /// A key that is to be trusted.
    package struct Request: Sendable {
        package var pem: String
        package var name: String
        package var role: TrustedKey.Role
        package var repositories: [RepositoryPattern]?
        package var validFrom: Timestamp?
        package var validUntil: Timestamp?

        package init(
            pem: String, name: String, role: TrustedKey.Role, repositories: [RepositoryPattern]? = nil,
            validFrom: Timestamp? = nil, validUntil: Timestamp? = nil
        ) {
            self.pem = pem
            self.name = name
            self.role = role
            self.repositories = repositories
            self.validFrom = validFrom
            self.validUntil = validUntil
        }
    }

    let index: any Index
    let evidence: any EvidenceFormat
    let signingKeys: (any SigningKeys)?
    let clock: any WallClock

    /// All keys, revoked ones too.
    package func keys() async throws -> [TrustedKey] { try await index.trustedKeys() }

    /// Trusts a public key, or an authority's certificate, from now on. Throws `key-invalid`, `key-conflict`; repeating
    /// it changes nothing.
    package func trust(_ request: Request, by principal: Principal) async throws -> TrustedKey {
        guard 1...Self.nameBytesMax ~= request.name.utf8.count else {
            throw AssayError(.keyInvalid, "the key's name is empty or over \(Self.nameBytesMax) bytes")
        }
        if let repositories = request.repositories {
            guard 1...Self.repositoriesMax ~= repositories.count else {
                throw AssayError(
                    .keyInvalid, "a key speaks for 1 to \(Self.repositoriesMax) patterns of repositories",
                    remedy: "name none to let it speak for all")
            }
        }
        try Self.checkOrder(request.validFrom, request.validUntil)
        let (id, canonicalPEM) = try evidence.keyID(ofPEM: request.pem, role: request.role)
        try await requireOneEncoding(of: id, role: request.role)
        let key = TrustedKey(
            id: id, name: Printable.escape(request.name), pem: canonicalPEM, role: request.role,
            repositories: request.repositories, validFrom: request.validFrom, validUntil: request.validUntil,
            addedAt: clock.now())
        try await index.addTrustedKey(key, actor: principal.name)
        return try await index.trustedKeys().first { $0.id == id } ?? key
    }

    /// Sets from when and until when a key counts: how one key follows another. Throws `key-not-found`, `key-invalid`.
    package func limit(
        _ id: String, from validFrom: Timestamp?, until validUntil: Timestamp?, by principal: Principal
    ) async throws -> TrustedKey {
        try Self.checkOrder(validFrom, validUntil)
        let now = clock.now()
        if (validFrom ?? now) > now || (validUntil ?? now) < now { try requireUnused(id, "would not count any more") }
        return try await index.limitTrustedKey(
            id, validFrom: validFrom, validUntil: validUntil, actor: principal.name, at: clock.now())
    }

    /// Stops trusting a key, whenever it signed; `since` is kept as the date from which on it may have been misused.
    /// Throws `key-not-found`, and `in-use` for the keys that the registry and its log sign with.
    package func revoke(_ id: String, since: Timestamp?, by principal: Principal) async throws -> TrustedKey {
        try requireUnused(id, "is not revoked")
        let now = clock.now()
        return try await index.revokeTrustedKey(id, since: since ?? now, actor: principal.name, at: now)
    }

    /// Gives the registry another key: it signs with that from now on, and what the old one signed until now still
    /// counts until that is revoked. Throws `configuration-invalid` where its key lies elsewhere, `storage-failed`.
    package func rotate(by principal: Principal) async throws -> (old: TrustedKey?, new: TrustedKey) {
        guard let signingKeys else {
            throw AssayError(.configurationInvalid, "the registry's key is not kept by the registry itself")
        }
        return try await Self.rotation.run {
            let old = evidence.signingKeyID
            let known = try await index.trustedKeys().first { $0.id == old }
            let (id, pem) = try evidence.keyID(ofPEM: try await signingKeys.makeNext(), role: .registry)
            let key = TrustedKey(
                id: id, name: known?.name ?? "registry", pem: pem, role: .registry, repositories: known?.repositories,
                addedAt: clock.now())
            let changed = try await index.replaceTrustedKey(old, by: key, actor: principal.name)
            try await signingKeys.useNext()
            return changed
        }
    }

    /// One rotation after the other, in whichever registry of the process.
    private static let rotation = Turn()

    /// Throws `in-use` for a key that the registry itself signs with.
    private func requireUnused(_ id: String, _ fault: String) throws(AssayError) {
        if id == evidence.signingKeyID {
            throw AssayError(
                .inUse, "the key \(id.prefix(12)) \(fault)", reason: "the registry signs reports and verdicts with it",
                remedy: "give the registry another key first: assay key rotate registry")
        }
        if id == signingKeys?.logKeyID {
            throw AssayError(
                .inUse, "the key \(id.prefix(12)) \(fault)",
                reason: "the registry signs its audit log with it, and nobody could check that any more",
                remedy: "a log's key cannot be replaced: begin another store, and bring its versions there as bundles")
        }
    }

    /// A key that was trusted before ids were those of one encoding stands under another id. Throws `key-conflict`.
    private func requireOneEncoding(of id: String, role: TrustedKey.Role) async throws {
        for key in try await index.trustedKeys() where key.id != id {
            // What is no key any more speaks for nobody.
            guard let known = try? evidence.keyID(ofPEM: key.pem, role: key.role), known.id == id else { continue }
            throw AssayError(
                .keyConflict, "the key \(id.prefix(12)) is known in another encoding, as \(key.id.prefix(12))",
                remedy: key.revokedAt == nil ? "revoke that first, and make a new key" : "make a new key and trust that"
            )
        }
    }

    private static func checkOrder(_ from: Timestamp?, _ until: Timestamp?) throws(AssayError) {
        guard let from, let until, until < from else { return }
        throw AssayError(.keyInvalid, "the key's validity ends before it begins")
    }
}
