/// Whatever signs messages for one public key: a key in memory, or a command or a device that keeps its key to itself.
package protocol MessageSigner: Sendable {
    /// The half that verifies what `sign` gives.
    var publicKey: PublicKey { get }

    /// The signature of a message: ECDSA with the hash of the key's curve, in DER form. It may differ each time.
    ///
    /// A signer that is no key in memory may block, and throws `signer-failed` if it gives no signature.
    func sign(_ message: [UInt8]) throws -> [UInt8]
}

extension PrivateKey: MessageSigner {}
