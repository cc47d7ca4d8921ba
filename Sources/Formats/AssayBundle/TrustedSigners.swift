import AssayCrypto
package import AssayDomain

/// Keys and authorities of a trust root, ready to check signatures with.
package struct TrustedSigners: Sendable {
    private let entries: [TrustedKey]
    private(set) var keys: [PublicKey] = []
    private var roots: [Certificate] = []
    /// Ids of keys whose signatures count for nothing, whoever certified them.
    private let revoked: Set<String>

    /// Throws `key-invalid` for an entry that is neither a key nor a certificate.
    package init(_ entries: [TrustedKey], revoked: [TrustedKey] = []) throws(AssayError) {
        self.entries = entries
        self.revoked = Set(revoked.map(\.id))
        for entry in entries {
            switch try TrustAnchor(pem: entry.pem) {
            case .key(let key): keys.append(key)
            case .authority(let certificate): roots.append(certificate)
            }
        }
    }

    /// The entry whose key, or whose certificates' key, signed exactly these files; certificates count at a time.
    ///
    /// Throws `signature-invalid`, `untrusted-key`, `expired`, `digest-mismatch`, `unsigned`.
    package func signer(of bundle: [UInt8], over files: [VersionFile], at time: Timestamp) throws -> TrustedKey {
        let signer = try ModelSignature.verify(bundle, files: files, trusted: keys, roots: roots, at: time)
        guard !revoked.contains(signer.keyID) else {
            throw AssayError(
                .untrustedKey, "the signature is by a key that was revoked",
                reason: "an authority's certificate for the key \(signer.keyID.prefix(12)) does not make up for it")
        }
        return try entry(signer.rootID ?? signer.keyID)
    }

    /// The statement in an envelope that one of the keys signed. Authorities certify no signers of statements.
    ///
    /// Throws `signature-invalid`, `untrusted-key`.
    package func open(_ envelope: [UInt8]) throws -> (statement: Statement, signer: TrustedKey) {
        let envelope = try DSSEEnvelope(parsing: envelope)
        let key = try envelope.verify(trusted: keys)
        return (try envelope.unverifiedStatement(), try entry(key.id))
    }

    private func entry(_ id: String) throws(AssayError) -> TrustedKey {
        guard let entry = entries.first(where: { $0.id == id }) else {
            throw AssayError(.untrustedKey, "the signer \(id.prefix(12)) is not in the trust root")
        }
        return entry
    }
}
