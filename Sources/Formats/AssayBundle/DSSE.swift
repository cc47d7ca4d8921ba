package import AssayCrypto
package import AssayDomain

/// A signed payload: what was signed, its type, and who says so.
///
/// Source: DSSE 1.0.2, envelope.md and protocol.md. What is in an envelope means nothing before `verify` has passed.
package struct DSSEEnvelope: Sendable, Hashable {
    /// The most bytes of an envelope in JSON.
    package static let bytesMax = 16 << 20
    /// The most signatures of one envelope.
    package static let signaturesMax = 16

    /// One signature over payload and type.
    package struct Signature: Sendable, Hashable {
        /// An unauthenticated hint at the key; nil or empty if there is none.
        package let keyID: String?
        /// ECDSA in DER form.
        package let bytes: [UInt8]
    }

    package let payloadType: String
    package let payload: [UInt8]
    package let signatures: [Signature]

    /// Signs a payload with one key, whose id becomes the hint unless another one, or none, is wanted.
    ///
    /// Throws what the signer throws.
    package init(signing payload: [UInt8], type: String, key: any MessageSigner, keyID: String? = nil) throws {
        payloadType = type
        self.payload = payload
        let signature = try key.sign(Self.signedBytes(type: type, payload: payload))
        signatures = [Signature(keyID: keyID ?? key.publicKey.id, bytes: signature)]
    }

    /// Reads an envelope; throws `signature-invalid` for a malformed one, `too-many-entries` and `body-too-large`.
    package init(parsing bytes: [UInt8]) throws(AssayError) {
        guard bytes.count <= Self.bytesMax else {
            throw AssayError(.bodyTooLarge, "the envelope has over \(Self.bytesMax) bytes")
        }
        try self.init(
            SignedJSON.decode(EnvelopeJSON.self, from: bytes, what: "the envelope", shape: EnvelopeJSON.shape))
    }

    init(_ json: EnvelopeJSON) throws(AssayError) {
        guard json.signatures.count <= Self.signaturesMax else {
            throw AssayError(
                .tooManyEntries, "the envelope has \(json.signatures.count) signatures",
                reason: "at most \(Self.signaturesMax) are read")
        }
        guard !json.signatures.isEmpty else { throw SignedJSON.invalid("the envelope has no signature") }
        guard let payload = Base64Text.decodeEitherAlphabet(json.payload) else {
            throw SignedJSON.invalid("the envelope's payload is not base64")
        }
        payloadType = json.payloadType
        self.payload = payload
        var signatures: [Signature] = []
        for signature in json.signatures {
            guard let bytes = Base64Text.decodeEitherAlphabet(signature.sig) else {
                throw SignedJSON.invalid("a signature is not base64")
            }
            signatures.append(Signature(keyID: signature.keyid, bytes: bytes))
        }
        self.signatures = signatures
    }

    /// The envelope as canonical JSON.
    package func encoded() throws -> [UInt8] { try WireJSON.encode(json) }

    var json: EnvelopeJSON {
        EnvelopeJSON(
            payload: Base64Text.encode(payload), payloadType: payloadType,
            signatures: signatures.map { .init(keyid: $0.keyID, sig: Base64Text.encode($0.bytes)) })
    }

    /// The first trusted key that signed exactly this payload and type.
    ///
    /// Throws `untrusted-key` if no signature claims a trusted key, `signature-invalid` if one does and is not its.
    package func verify(trusted: [PublicKey]) throws(AssayError) -> PublicKey {
        guard !trusted.isEmpty else { throw AssayError(.untrustedKey, "there is no trusted key to check against") }
        let message = Self.signedBytes(type: payloadType, payload: payload)
        var isClaimed = false
        for signature in signatures {
            let hint = signature.keyID.flatMap { $0.isEmpty ? nil : $0 }
            let claimed = trusted.filter { hint == $0.id }
            isClaimed = isClaimed || !claimed.isEmpty
            // No hint, or one that names no trusted key and may be of another kind: every key is tried.
            for key in claimed.isEmpty ? trusted : claimed
            where key.verify(signature: signature.bytes, message: message) {
                return key
            }
        }
        guard isClaimed else {
            throw AssayError(
                .untrustedKey, "the envelope is signed by a key that is not trusted",
                reason: signatures.first?.keyID.map { "it names the key \(Printable.quote($0, limit: 64))" },
                remedy: "name the signer's public key as one that you trust, if you do")
        }
        throw SignedJSON.invalid("no signature of the envelope is valid")
    }

    /// The known key that made a signature; nil if it claims none of them.
    ///
    /// Throws `signature-invalid` for a signature that names a known key and is not its.
    func key(of signature: Signature, among known: [PublicKey]) throws(AssayError) -> PublicKey? {
        let message = Self.signedBytes(type: payloadType, payload: payload)
        guard let hint = signature.keyID, !hint.isEmpty else {
            return known.first { $0.verify(signature: signature.bytes, message: message) }
        }
        guard let key = known.first(where: { $0.id == hint }) else { return nil }
        guard key.verify(signature: signature.bytes, message: message) else {
            throw AssayError(
                .signatureInvalid, "the envelope claims a key that did not sign it",
                reason: "it names the key \(hint.prefix(12))",
                remedy: "sign it with that key, or name the one that signed it")
        }
        return key
    }

    /// The in-toto statement that it holds; it means nothing before `verify` has passed. Throws `signature-invalid`.
    package func unverifiedStatement() throws(AssayError) -> Statement {
        guard payloadType == MediaType.inToto else {
            throw SignedJSON.invalid("the envelope holds no statement", reason: Printable.quote(payloadType))
        }
        return try Statement(parsing: payload)
    }

    /// What a signature is made over: the pre-authentication encoding of type and payload.
    static func signedBytes(type: String, payload: [UInt8]) -> [UInt8] {
        Array("DSSEv1 \(type.utf8.count) \(type) \(payload.count) ".utf8) + payload
    }
}

/// An envelope's JSON; unknown members are ignored, as DSSE demands.
struct EnvelopeJSON: Codable {
    struct Signature: Codable {
        let keyid: String?
        let sig: String
    }

    let payload: String
    let payloadType: String
    let signatures: [Signature]

    static let shape = JSONShape.object([
        "payload": .free, "payloadType": .free, "signatures": .list(.object(["keyid": .free, "sig": .free])),
    ])
}

/// Strict decoding of signed documents; whatever is wrong with their form makes the signature invalid, another spelling
/// of one of their keys included.
enum SignedJSON {
    static func decode<Value: Decodable>(
        _ type: Value.Type, from bytes: [UInt8], what: String, shape: JSONShape
    ) throws(AssayError) -> Value {
        do {
            return try JSON.decodeVerbatim(type, from: bytes, shape: shape)
        } catch let error as AssayError {
            throw AssayError(.signatureInvalid, "\(what) cannot be read", reason: error.reason ?? error.message)
        } catch {
            throw AssayError(.signatureInvalid, "\(what) cannot be read", cause: error)
        }
    }

    static func invalid(_ message: String, reason: String? = nil) -> AssayError {
        AssayError(.signatureInvalid, message, reason: reason)
    }
}
