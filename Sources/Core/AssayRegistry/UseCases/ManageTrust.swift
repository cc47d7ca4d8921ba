package import AssayDomain

/// Keeps the trust root: whose signatures count, and for what.
package struct ManageTrust: Sendable {
    package static let nameBytesMax = 200

    let index: any Index
    let evidence: any EvidenceFormat
    let clock: any WallClock

    /// All keys, revoked ones too.
    package func keys() async throws -> [TrustedKey] { try await index.trustedKeys() }

    /// Trusts a public key from now on. Throws `key-invalid`, `key-conflict`; repeating it changes nothing.
    package func trust(pem: String, name: String, role: TrustedKey.Role) async throws -> TrustedKey {
        guard 1...Self.nameBytesMax ~= name.utf8.count else {
            throw AssayError(.keyInvalid, "the key's name is empty or over \(Self.nameBytesMax) bytes")
        }
        let (id, canonicalPEM) = try evidence.keyID(ofPEM: pem)
        let key = TrustedKey(
            id: id, name: Printable.escape(name), pem: canonicalPEM, role: role, addedAt: clock.now())
        try await index.addTrustedKey(key)
        return try await index.trustedKeys().first { $0.id == id } ?? key
    }

    /// Stops trusting a key. Throws `key-not-found`.
    package func revoke(_ id: String) async throws { try await index.revokeTrustedKey(id, at: clock.now()) }
}
