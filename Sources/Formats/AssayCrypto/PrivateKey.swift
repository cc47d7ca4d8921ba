package import AssayDomain
import COpenSSL

/// An ECDSA key that signs; it never shows its secret except as the PEM text that goes to its own file.
package struct PrivateKey: Sendable {
    /// The half that verifies.
    package let publicKey: PublicKey
    /// The curve of the key.
    package let curve: Curve
    private let handle: KeyHandle

    /// A new key from the system's randomness.
    package static func generate(_ curve: Curve = .p256) throws(AssayError) -> PrivateKey {
        guard let key = assay_generate_ec_key(curve.rawValue) else {
            throw OpenSSLFailure.error("no key was made", call: "EVP_PKEY_Q_keygen")
        }
        return try PrivateKey(KeyHandle(owning: key))
    }

    /// Reads one PEM block, PKCS#8 or SEC1; throws `key-invalid` for anything else.
    ///
    /// `passphrase` is asked once, and only if the key is encrypted; what it throws is thrown here. An encrypted key
    /// without it, or with a wrong one, is `key-invalid` too. Nothing is ever asked at the terminal.
    package init(pem: String, passphrase: (() throws(AssayError) -> String)? = nil) throws(AssayError) {
        try self.init(PEM.readPrivateKey(pem, passphrase: passphrase))
    }

    private init(_ handle: KeyHandle) throws(AssayError) {
        self.handle = handle
        curve = try Curve(of: handle)
        // Read back from text, so that the public half does not keep the secret alive.
        publicKey = try PublicKey(pem: PEM.publicText(of: handle))
    }

    /// The key as PKCS#8 PEM text, not encrypted: write it only to a file that its owner alone can read.
    package var pem: String {
        get throws(AssayError) { try PEM.privateText(of: handle) }
    }

    /// The key as PKCS#8 PEM text, encrypted: PBES2 with AES-256-CBC. It takes over a tenth of a second.
    ///
    /// Throws `key-invalid` for a passphrase that is empty or longer than 1024 bytes.
    package func encryptedPEM(passphrase: String) throws(AssayError) -> String {
        guard !passphrase.isEmpty else { throw AssayError(.keyInvalid, "the passphrase is empty") }
        return try PEM.encryptedText(of: handle, Passphrase(passphrase))
    }

    /// The signature of a message: ECDSA with the curve's hash, in DER form.
    package func sign(_ message: [UInt8]) throws(AssayError) -> [UInt8] {
        try handle.sign(message, hash: curve.hash)
    }
}
