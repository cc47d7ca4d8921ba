package import AssayDomain
import COpenSSL

/// The half of an ECDSA key that verifies; two are equal if their canonical PEM texts are.
package struct PublicKey: Sendable {
    /// SubjectPublicKeyInfo as PEM text: lines of 64 characters, a newline at the end, whatever form it was read from.
    package let pem: String
    /// Lower-case hex SHA-256 of `pem`: the key's name here and the hint in a model signature.
    ///
    /// The text is hashed and not its DER form, as OpenSSF Model Signing does.
    package let id: String
    private let handle: KeyHandle

    /// The curve of the key.
    package var curve: Curve { handle.curve }

    /// Reads one PEM block with the label `PUBLIC KEY`; throws `key-invalid` for anything else.
    package init(pem: String) throws(AssayError) {
        handle = try PEM.readPublicKey(pem)
        self.pem = try PEM.publicText(of: handle)
        id = Digest.sha256(of: self.pem.utf8).hex
    }

    /// Whether the signature, in DER form, is this key's for exactly that message.
    ///
    /// Every failure means no: a malformed signature, one of another curve, and an error of the library too.
    package func verify(signature: [UInt8], message: [UInt8]) -> Bool {
        guard let context = EVP_MD_CTX_new() else { return false }
        defer {
            EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        guard handle.withKey({ EVP_DigestVerifyInit(context, nil, curve.hash, nil, $0) }) == 1 else { return false }
        return EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
}

extension PublicKey: Hashable {
    package static func == (left: PublicKey, right: PublicKey) -> Bool { left.pem == right.pem }

    package func hash(into hasher: inout Hasher) { hasher.combine(pem) }
}
