import AssayClient
import AssayCrypto
import AssayDomain

/// Reads what `--trust FILE` names: a trust root, or one public key or certificate in PEM form.
enum TrustFiles {
    /// One trust root out of all files: each adds keys, and none brings back what another one revokes or ends.
    ///
    /// A key that somebody names by itself has no limits of its own: an ECDSA key or a certificate may sign as anything
    /// but a log, an Ed25519 key is a log's. Throws `key-invalid`, and `usage` if the files name no key.
    static func read(_ paths: [String]) throws(AssayError) -> TrustRoot {
        var roots: [TrustRoot] = []
        for path in paths { roots.append(try read(path)) }
        let root = TrustRoot(merging: roots)
        guard !root.keys.isEmpty else {
            throw AssayError(
                .usage, "the trust root names no key", remedy: "add --trust FILE with a key that you trust")
        }
        return root
    }

    private static func read(_ path: String) throws(AssayError) -> TrustRoot {
        let bytes = try InputFile.read(path, bytesMax: TrustRoot.bytesMax)
        do throws(AssayError) {
            return try root(in: bytes, path)
        } catch {
            throw AssayError(
                error.code, "\(Printable.quote(path)) cannot be used as a trust root",
                reason: error.reason.map { "\(error.message): \($0)" } ?? error.message,
                remedy: [error.remedy, Self.remedy].compactMap(\.self).joined(separator: "; or "),
                cause: error)
        }
    }

    private static let remedy =
        "name a trust root (assay key export -o root.json), or one public key or certificate in PEM form"

    private static func root(in bytes: [UInt8], _ path: String) throws(AssayError) -> TrustRoot {
        let isJSON = bytes.first { !$0.isBlank } == UInt8(ascii: "{")
        if isJSON { return try checked(TrustRoot.parse(bytes)) }
        let text = String(decoding: bytes, as: UTF8.self)
        let name = KeyTrustCommand.name(of: path)
        func key(_ id: String, _ pem: String, _ role: TrustedKey.Role) -> TrustedKey {
            TrustedKey(id: id, name: name, pem: pem, role: role, addedAt: Timestamp(milliseconds: 0))
        }
        // No key of a log: then it must be a key or a certificate of a signer, or it is refused.
        if let (id, pem) = try? TrustAnchor.identity(ofPEM: text, role: .log) {
            return TrustRoot(keys: [key(id, pem, .log)])
        }
        let (id, pem) = try TrustAnchor.identity(ofPEM: text, role: .release)
        return TrustRoot(keys: [TrustedKey.Role.release, .training, .registry].map { key(id, pem, $0) })
    }

    /// Throws `key-invalid` if an entry holds no key of its role, or another one than its id says.
    private static func checked(_ root: TrustRoot) throws(AssayError) -> TrustRoot {
        for key in root.keys {
            guard try TrustAnchor.identity(ofPEM: key.pem, role: key.role).id == key.id else {
                throw AssayError(
                    .keyInvalid, "the trust root cannot be read",
                    reason: "the key \(Printable.quote(key.name)) has not the id that stands beside it")
            }
        }
        return root
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}
