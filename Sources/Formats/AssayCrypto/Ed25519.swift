package import AssayDomain
import COpenSSL

/// An Ed25519 key that signs checkpoints of the audit log; models are signed with a `PrivateKey`.
///
/// Source: RFC 8032, section 5.1 (PureEdDSA, no context). A message has the same signature every time.
package struct Ed25519PrivateKey: Sendable {
    /// The half that verifies.
    package let publicKey: Ed25519PublicKey
    private let handle: KeyHandle

    /// A new key from the system's randomness.
    package static func generate() throws(AssayError) -> Ed25519PrivateKey {
        guard let key = assay_generate_ed25519_key() else {
            throw OpenSSLFailure.error("no key was made", call: "EVP_PKEY_Q_keygen")
        }
        return try Ed25519PrivateKey(KeyHandle(owning: key))
    }

    /// Reads one PEM block, PKCS#8 and not encrypted (RFC 8410); throws `key-invalid` for anything else.
    package init(pem: String) throws(AssayError) {
        try PEMText.demand("PRIVATE KEY", of: pem, wanted: "a private key in PKCS#8 form, not encrypted")
        try self.init(PEM.readPrivateKey(pem))
    }

    private init(_ handle: KeyHandle) throws(AssayError) {
        self.handle = handle
        // Made again from its bytes, so that the public half does not keep the secret alive.
        publicKey = try Ed25519PublicKey(bytes: Ed25519PublicKey.rawBytes(of: handle))
    }

    /// The key as PKCS#8 PEM text, not encrypted: write it only to a file that its owner alone can read.
    package var pem: String {
        get throws(AssayError) { try PEM.privateText(of: handle) }
    }

    /// The 64 bytes that sign a message.
    package func sign(_ message: [UInt8]) throws(AssayError) -> [UInt8] { try handle.sign(message, hash: nil) }
}

/// The half of an Ed25519 key that verifies; two are equal if their bytes are.
package struct Ed25519PublicKey: Sendable {
    /// The number of bytes of a key.
    package static let byteCount = 32

    /// The key as RFC 8032 encodes it, 32 bytes.
    package let bytes: [UInt8]
    /// SubjectPublicKeyInfo as PEM text, a newline at the end, whatever form it was read from.
    package let pem: String
    /// Lower-case hex SHA-256 of `pem`, as for a `PublicKey`.
    package let id: String
    private let handle: KeyHandle

    /// Reads one PEM block with the label `PUBLIC KEY`; throws `key-invalid` for anything else.
    package init(pem: String) throws(AssayError) {
        try self.init(PEM.readPublicKey(pem))
    }

    /// Takes the 32 bytes of a key; throws `key-invalid` for any other number of them.
    ///
    /// Bytes that encode no point of the curve are taken too: no signature verifies with them.
    package init(bytes: [UInt8]) throws(AssayError) {
        guard bytes.count == Self.byteCount else {
            throw AssayError(
                .keyInvalid, "the key is not an Ed25519 key", reason: "it has \(bytes.count) bytes, not 32")
        }
        guard let key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, bytes, bytes.count) else {
            throw OpenSSLFailure.error(
                "the key is not readable", call: "EVP_PKEY_new_raw_public_key", code: .keyInvalid)
        }
        try self.init(KeyHandle(owning: key))
    }

    private init(_ handle: KeyHandle) throws(AssayError) {
        self.handle = handle
        bytes = try Self.rawBytes(of: handle)
        pem = try PEM.publicText(of: handle)
        id = Digest.sha256(of: pem.utf8).hex
    }

    /// Whether the signature is this key's for exactly that message; every failure means no.
    package func verify(signature: [UInt8], message: [UInt8]) -> Bool {
        handle.verify(signature: signature, message: message, hash: nil)
    }

    /// The public bytes of a key; throws `key-invalid` if it is of another type.
    fileprivate static func rawBytes(of handle: KeyHandle) throws(AssayError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        var count = byteCount
        guard handle.isA("ED25519") else {
            throw AssayError(.keyInvalid, "the key is not an Ed25519 key", remedy: "use an Ed25519 key")
        }
        guard handle.withKey({ EVP_PKEY_get_raw_public_key($0, &bytes, &count) }) == 1, count == byteCount else {
            throw OpenSSLFailure.error("the key is not readable", call: "EVP_PKEY_get_raw_public_key")
        }
        return bytes
    }
}

extension Ed25519PublicKey: Hashable {
    package static func == (left: Ed25519PublicKey, right: Ed25519PublicKey) -> Bool { left.bytes == right.bytes }

    package func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}
