package import AssayDomain
import COpenSSL

/// An ECDSA key that signs; it never shows its secret except as the PEM text that goes to its own file.
package struct PrivateKey: Sendable {
    /// The half that verifies.
    package let publicKey: PublicKey
    private let handle: KeyHandle

    /// The curve of the key.
    package var curve: Curve { handle.curve }

    /// A new key from the system's randomness.
    package static func generate(_ curve: Curve = .p256) throws(AssayError) -> PrivateKey {
        guard let key = assay_generate_ec_key(curve.rawValue) else {
            throw OpenSSLFailure.error("no key was made", call: "EVP_PKEY_Q_keygen")
        }
        return try PrivateKey(KeyHandle(owning: key))
    }

    /// Reads one PEM block, PKCS#8 or SEC1; throws `key-invalid` for anything else, encrypted keys included.
    package init(pem: String) throws(AssayError) {
        try self.init(PEM.readPrivateKey(pem))
    }

    private init(_ handle: KeyHandle) throws(AssayError) {
        self.handle = handle
        // Read back from text, so that the public half does not keep the secret alive.
        self.publicKey = try PublicKey(pem: PEM.publicText(of: handle))
    }

    /// The key as PKCS#8 PEM text, not encrypted: write it only to a file that its owner alone can read.
    package var pem: String {
        get throws(AssayError) { try PEM.privateText(of: handle) }
    }

    /// The signature of a message: ECDSA with the curve's hash, in DER form.
    package func sign(_ message: [UInt8]) throws(AssayError) -> [UInt8] {
        guard let context = EVP_MD_CTX_new() else {
            throw OpenSSLFailure.error("nothing was signed", call: "EVP_MD_CTX_new")
        }
        defer { EVP_MD_CTX_free(context) }
        guard handle.withKey({ EVP_DigestSignInit(context, nil, curve.hash, nil, $0) }) == 1 else {
            throw OpenSSLFailure.error("nothing was signed", call: "EVP_DigestSignInit")
        }
        var length = 0
        guard EVP_DigestSign(context, nil, &length, message, message.count) == 1 else {
            throw OpenSSLFailure.error("nothing was signed", call: "EVP_DigestSign")
        }
        var signature = [UInt8](repeating: 0, count: length)
        guard EVP_DigestSign(context, &signature, &length, message, message.count) == 1 else {
            throw OpenSSLFailure.error("nothing was signed", call: "EVP_DigestSign")
        }
        return Array(signature.prefix(length))
    }
}
