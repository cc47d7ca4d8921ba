package import AssayDomain
import COpenSSL

/// The half of an ECDSA key that verifies; two are equal if their canonical PEM texts are.
package struct PublicKey: Sendable {
    /// SubjectPublicKeyInfo as PEM text: lines of 64 characters, a newline at the end. The curve by its name, the point
    /// uncompressed, whatever form it was read from: one key has one text.
    package let pem: String
    /// Lower-case hex SHA-256 of `pem`: the key's name here and the hint in a model signature.
    ///
    /// The text is hashed and not its DER form, as OpenSSF Model Signing does.
    package let id: String
    /// The curve of the key.
    package let curve: Curve
    private let handle: KeyHandle

    /// Reads one PEM block with the label `PUBLIC KEY`; throws `key-invalid` for anything else.
    package init(pem: String) throws(AssayError) {
        try self.init(PEM.readPublicKey(pem))
    }

    init(_ given: KeyHandle) throws(AssayError) {
        curve = try Curve(of: given)
        handle = try curve.canonicalKey(of: given)
        pem = try PEM.publicText(of: handle)
        id = Digest.sha256(of: pem.utf8).hex
    }

    /// Whether the signature, in DER form, is this key's for exactly that message.
    ///
    /// Every failure means no: a malformed signature, one of another curve, and an error of the library too.
    package func verify(signature: [UInt8], message: [UInt8]) -> Bool {
        handle.verify(signature: signature, message: message, hash: curve.hash)
    }
}

extension PublicKey: Hashable {
    package static func == (left: PublicKey, right: PublicKey) -> Bool { left.pem == right.pem }

    package func hash(into hasher: inout Hasher) { hasher.combine(pem) }
}
