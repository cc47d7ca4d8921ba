import AssayCrypto
import AssayDomain

/// What a signature bundle says of who signed, without any proof.
enum SignatureMaterial: Sendable {
    /// Key mode: the id of the key that the bundle claims; nil if it claims none.
    case key(hint: String?)
    /// Certificate mode: first the certificate whose key signed, then those on its way to a root.
    case certificates([Certificate])
}

/// A sigstore bundle of key mode or of certificate mode; the members that v0.3 has there, and no others.
struct SignatureBundle: Codable {
    private let mediaType: String
    private let verificationMaterial: MaterialJSON
    private let dsseEnvelope: EnvelopeJSON

    private static let shape = JSONShape.object([
        "mediaType": .free, "dsseEnvelope": EnvelopeJSON.shape,
        "verificationMaterial": .object([
            "publicKey": .object(["hint": .free]), "certificate": .free, "tlogEntries": .free,
            "timestampVerificationData": .free,
            "x509CertificateChain": .object(["certificates": .list(.object(["rawBytes": .free]))]),
        ]),
    ])

    /// A bundle of key mode.
    init(keyID: String, envelope: DSSEEnvelope) {
        mediaType = MediaType.sigstoreBundle
        verificationMaterial = MaterialJSON(keyID: keyID)
        dsseEnvelope = envelope.json
    }

    /// Reads a bundle; throws `signature-invalid` if it is malformed, of another format or of another mode.
    static func parse(
        _ bytes: [UInt8]
    ) throws(AssayError) -> (material: SignatureMaterial, envelope: EnvelopeJSON) {
        // The reference tool refuses members that it does not know; so does this reader.
        let names = try SignedJSON.decode([String: Ignored].self, from: bytes, what: "the signature", shape: .free).keys
        guard Set(names).isSubset(of: ["mediaType", "verificationMaterial", "dsseEnvelope"]) else {
            throw SignedJSON.invalid("the signature has members that bundles of v0.3 do not have")
        }
        let bundle = try SignedJSON.decode(Self.self, from: bytes, what: "the signature", shape: shape)
        guard bundle.mediaType == MediaType.sigstoreBundle else {
            throw SignedJSON.invalid("the signature is of another format", reason: Printable.quote(bundle.mediaType))
        }
        return (try bundle.verificationMaterial.checked(), bundle.dsseEnvelope)
    }
}

private struct MaterialJSON: Codable {
    struct PublicKey: Codable {
        let hint: String?
    }

    struct Chain: Codable {
        struct RawCertificate: Codable {
            let rawBytes: String
        }

        let certificates: [RawCertificate]
    }

    let publicKey: PublicKey?
    let x509CertificateChain: Chain?
    /// The certificate of the keyless mode, which is not read.
    let certificate: Ignored?
    /// Entries of a transparency log; the modes that are read have none.
    let tlogEntries: [Ignored]?

    init(keyID: String) {
        publicKey = PublicKey(hint: keyID)
        x509CertificateChain = nil
        certificate = nil
        tlogEntries = []
    }

    /// The one mode that the material is of.
    func checked() throws(AssayError) -> SignatureMaterial {
        guard certificate == nil else { throw otherMode("it is keyless") }
        guard tlogEntries?.isEmpty ?? true else { throw otherMode("it has log entries") }
        switch (publicKey, x509CertificateChain) {
        case (let key?, nil): return .key(hint: key.hint.flatMap { $0.isEmpty ? nil : $0 })
        case (nil, let chain?): return .certificates(try chain.checked())
        case (nil, nil): throw otherMode("it names neither a public key nor certificates")
        case (_?, _?): throw otherMode("it names both a public key and certificates")
        }
    }

    private func otherMode(_ reason: String) -> AssayError {
        SignedJSON.invalid("the signature is neither of key mode nor of certificate mode", reason: reason)
    }
}

extension MaterialJSON.Chain {
    func checked() throws(AssayError) -> [Certificate] {
        guard 1...CertificateChain.countMax ~= certificates.count else {
            throw SignedJSON.invalid(
                "the signature has \(certificates.count) certificates",
                reason: "1 to \(CertificateChain.countMax) are read")
        }
        var result: [Certificate] = []
        for certificate in certificates { result.append(try certificate.checked()) }
        return result
    }
}

extension MaterialJSON.Chain.RawCertificate {
    func checked() throws(AssayError) -> Certificate {
        guard let der = Base64Text.decodeEitherAlphabet(rawBytes) else {
            throw SignedJSON.invalid("a certificate of the signature is not base64")
        }
        do throws(AssayError) {
            return try Certificate(der: der)
        } catch {
            throw SignedJSON.invalid("a certificate of the signature cannot be read", reason: error.reason)
        }
    }
}

/// A value that only has to be there.
private struct Ignored: Codable {
    init(from decoder: any Decoder) {}

    func encode(to encoder: any Encoder) {}
}
