import AssayClient
import AssayCrypto
import AssayDomain

/// Reads what `--trust FILE` names: a trust root, or one public key or certificate in PEM form.
enum TrustFiles {
    /// One trust root out of all files.
    ///
    /// A key that somebody names by itself has no limits: an ECDSA key or a certificate may sign as anything but a log,
    /// an Ed25519 key is a log's. Throws `key-invalid`, and `usage` if the files name no key.
    static func read(_ paths: [String]) throws(AssayError) -> TrustRoot {
        var keys: [TrustedKey] = []
        for path in paths { keys += try read(path) }
        guard !keys.isEmpty else {
            throw AssayError(
                .usage, "the trust root names no key", remedy: "add --trust FILE with a key that you trust")
        }
        return TrustRoot(keys: keys)
    }

    private static func read(_ path: String) throws(AssayError) -> [TrustedKey] {
        let bytes = try LocalFile(opening: path).readAll(bytesMax: TrustRoot.bytesMax)
        let isJSON = bytes.first { !$0.isBlank } == UInt8(ascii: "{")
        if isJSON { return try TrustRoot.parse(bytes).keys }
        let text = String(decoding: bytes, as: UTF8.self)
        let name = KeyTrustCommand.name(of: path)
        func key(_ id: String, _ pem: String, _ role: TrustedKey.Role) -> TrustedKey {
            TrustedKey(id: id, name: name, pem: pem, role: role, addedAt: Timestamp(milliseconds: 0))
        }
        // No key of a log: then it must be a key or a certificate of a signer, or it is refused.
        if let log = try? Ed25519PublicKey(pem: text) { return [key(log.id, log.pem, .log)] }
        let (id, pem) = try TrustAnchor.identity(ofPEM: text)
        return [TrustedKey.Role.release, .training, .registry].map { key(id, pem, $0) }
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == 0x20 || (0x09...0x0D).contains(self) }
}

extension TrustRoot {
    /// The keys of logs that count now.
    func logKeys(at time: Timestamp) throws(AssayError) -> [Ed25519PublicKey] {
        try keys(.log, for: nil, at: time).map { key throws(AssayError) in try Ed25519PublicKey(pem: key.pem) }
    }
}
