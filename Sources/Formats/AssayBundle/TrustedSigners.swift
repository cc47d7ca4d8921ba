import AssayCrypto
package import AssayDomain

/// Keys and authorities of a trust root, ready to check signatures with.
package struct TrustedSigners: Sendable {
    private let entries: [TrustedKey]
    private(set) var keys: [PublicKey] = []
    private var roots: [Certificate] = []
    /// Ids of keys whose signatures count for nothing, whoever certified them.
    private let revoked: Set<String>
    /// Keys that are known and do not count: a signature by one of them is told as that.
    private let uncounted: [TrustedKey]

    /// `revoked` and `outOfTime` count for nothing; they tell why a signature by one of them does not count. Throws
    /// `key-invalid` for an entry that is neither a key nor a certificate.
    package init(
        _ entries: [TrustedKey], revoked: [TrustedKey] = [], outOfTime: [TrustedKey] = []
    ) throws(AssayError) {
        self.entries = entries
        self.revoked = Set(revoked.map(\.id))
        uncounted = revoked + outOfTime
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
        let signer: ModelSignature.Signer
        do throws(AssayError) {
            signer = try ModelSignature.verify(bundle, files: files, trusted: keys, roots: roots, at: time)
        } catch {
            guard error.code == .untrustedKey else { throw error }
            let signature = try ModelSignature(parsing: bundle)
            throw refusal(at: time) { (try? signature.verify(trusted: [$0])) != nil } ?? error
        }
        guard !revoked.contains(signer.keyID) else {
            throw AssayError(
                .untrustedKey, "the signature is by a key that was revoked",
                reason: "an authority's certificate for the key \(signer.keyID.prefix(12)) does not make up for it")
        }
        return try entry(signer.rootID ?? signer.keyID)
    }

    /// The statement in an envelope that one of the keys signed. Authorities certify no signers of statements.
    ///
    /// With a time, a signature by a known key that does not count then is told as that. Throws `signature-invalid`,
    /// `untrusted-key`, `expired`.
    package func open(
        _ envelope: [UInt8], at time: Timestamp? = nil
    ) throws -> (statement: Statement, signer: TrustedKey) {
        let envelope = try DSSEEnvelope(parsing: envelope)
        let key: PublicKey
        do throws(AssayError) {
            key = try envelope.verify(trusted: keys)
        } catch {
            guard error.code == .untrustedKey, let time else { throw error }
            throw refusal(at: time) { (try? envelope.verify(trusted: [$0])) != nil } ?? error
        }
        return (try envelope.unverifiedStatement(), try entry(key.id))
    }

    /// Why a signature does not count that one of the keys made which do not count at a time; nil if none of them did.
    private func refusal(at time: Timestamp, made: (PublicKey) -> Bool) -> AssayError? {
        for entry in uncounted {
            // What is no key any more, or a certificate, made no signature.
            guard case .key(let key)? = try? TrustAnchor(pem: entry.pem), made(key) else { continue }
            return entry.refusal(at: time)
        }
        return nil
    }

    private func entry(_ id: String) throws(AssayError) -> TrustedKey {
        guard let entry = entries.first(where: { $0.id == id }) else {
            throw AssayError(.untrustedKey, "the signer \(id.prefix(12)) is not in the trust root")
        }
        return entry
    }
}
