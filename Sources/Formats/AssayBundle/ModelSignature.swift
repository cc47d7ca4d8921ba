package import AssayCrypto
package import AssayDomain

/// A signature over the files of a model, in the form that the `model_signing` tool verifies.
///
/// Source: OpenSSF Model Signing v1.0, key mode, in a sigstore bundle v0.3. Only the method `files` with SHA-256 is
/// written and read. Files are signed by their stored digests, never read again.
package struct ModelSignature: Sendable {
    /// The file name under which a signature lies beside the files of a model.
    package static let fileName = "model.sig"
    /// The most bytes of a signature file.
    package static let bytesMax = DSSEEnvelope.bytesMax
    /// What verifiers pass over at the top of a model's folder, and so no signature covers.
    package static let ignoredNames = [".git", ".gitattributes", ".github", ".gitignore", fileName]

    /// The id of the key that the bundle claims; nil if it claims none.
    package let keyID: String?
    private let envelope: DSSEEnvelope

    /// Whether no signature can cover a file, because verifiers pass over its top folder or name.
    package static func ignores(path: String) -> Bool {
        ignoredNames.contains(String(path.prefix { $0 != "/" }))
    }

    /// Signs files and gives the bytes of the signature file. `name` is for people: the name of the model.
    ///
    /// Resources stand in the order of the specification, by code points of the whole path; verifiers follow the listed
    /// order, so those that would list another one agree. Throws `path-unsafe` for paths that no signature can cover:
    /// leaving such a file out would let unsigned content pass as signed; and `request-invalid` for no files.
    package static func sign(_ files: [VersionFile], name: String, key: PrivateKey) throws -> [UInt8] {
        guard !files.isEmpty else { throw AssayError(.requestInvalid, "there are no files to sign") }
        var paths = PathRules()
        for file in files {
            try paths.add(file.path)
            guard !ignores(path: file.path) else { throw notCoverable(file.path) }
            guard file.digest.algorithm == .sha256 else {
                throw AssayError(.digestUnsupported, "\(Printable.quote(file.path)) is not named by SHA-256")
            }
        }
        let statement = try SignedModel(files, name: name).encoded()
        let envelope = try DSSEEnvelope(signing: statement, type: MediaType.inToto, key: key, keyID: "")
        return try WireJSON.encode(BundleJSON(keyID: key.publicKey.id, envelope: envelope))
    }

    /// Reads a signature file without believing it; throws `signature-invalid`, `body-too-large`, `too-many-entries`.
    package init(parsing bytes: [UInt8]) throws(AssayError) {
        guard bytes.count <= Self.bytesMax else {
            throw AssayError(.bodyTooLarge, "the signature has over \(Self.bytesMax) bytes")
        }
        try BundleJSON.checkMembers(of: bytes)
        let bundle = try SignedJSON.decode(BundleJSON.self, from: bytes, what: "the signature")
        keyID = try bundle.checkedKeyID()
        envelope = try DSSEEnvelope(bundle.dsseEnvelope)
        guard envelope.signatures.count == 1 else {
            throw SignedJSON.invalid("the signature bundle must hold exactly one signature")
        }
        guard envelope.payloadType == MediaType.inToto else {
            throw SignedJSON.invalid(
                "the signature is over another type of payload", reason: Printable.quote(envelope.payloadType))
        }
    }

    /// The trusted key that made the signature. Throws `untrusted-key`, `signature-invalid`.
    package func verify(trusted: [PublicKey]) throws(AssayError) -> PublicKey {
        let candidates = trusted.filter { keyID == nil || keyID == $0.id }
        guard !candidates.isEmpty else {
            throw AssayError(
                .untrustedKey, "the signature is of a key that is not trusted",
                reason: keyID.map { "it names the key \(Printable.quote($0, limit: 64))" },
                remedy: "name the signer's public key as one that you trust, if you do")
        }
        return try envelope.verify(trusted: candidates)
    }

    /// Throws unless the signature speaks of exactly these files: `digest-mismatch` for one that changed or is missing,
    /// `unsigned` for one that is not covered, `signature-invalid` for a statement that is malformed.
    package func check(_ files: [VersionFile]) throws(AssayError) {
        try SignedModel(parsing: envelope.payload).check(files)
    }

    /// The trusted key that signed exactly these files: signature first, then what it says.
    ///
    /// Throws `signature-invalid`, `untrusted-key`, `digest-mismatch`, `unsigned`, `body-too-large` and
    /// `too-many-entries`.
    package static func verify(
        _ bundle: [UInt8], files: [VersionFile], trusted: [PublicKey]
    ) throws(AssayError) -> PublicKey {
        let signature = try ModelSignature(parsing: bundle)
        let key = try signature.verify(trusted: trusted)
        try signature.check(files)
        return key
    }

    private static func notCoverable(_ path: String) -> AssayError {
        AssayError(
            .pathUnsafe, "\(Printable.quote(path)) cannot be signed",
            reason: "verifiers of model signatures pass over it", remedy: "leave the file out of the version")
    }
}

/// A sigstore bundle with a public key's hint; the members that v0.3 has in key mode, and no others.
private struct BundleJSON: Codable {
    struct Material: Codable {
        struct PublicKey: Codable {
            let hint: String?
        }

        let publicKey: PublicKey?
        let tlogEntries: [Entry]?
    }

    /// An entry of a transparency log; key mode has none.
    struct Entry: Codable {}

    let mediaType: String
    let verificationMaterial: Material
    let dsseEnvelope: EnvelopeJSON

    init(keyID: String, envelope: DSSEEnvelope) {
        mediaType = MediaType.sigstoreBundle
        verificationMaterial = Material(publicKey: .init(hint: keyID), tlogEntries: [])
        dsseEnvelope = envelope.json
    }

    func checkedKeyID() throws(AssayError) -> String? {
        guard mediaType == MediaType.sigstoreBundle else {
            throw SignedJSON.invalid("the signature is of another format", reason: Printable.quote(mediaType))
        }
        guard let publicKey = verificationMaterial.publicKey else {
            throw SignedJSON.invalid("the signature is not of key mode", reason: "it names no public key")
        }
        guard verificationMaterial.tlogEntries?.isEmpty ?? true else {
            throw SignedJSON.invalid("the signature is not of key mode", reason: "it has log entries")
        }
        return publicKey.hint.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The reference tool refuses members that it does not know; so does this reader.
    static func checkMembers(of bytes: [UInt8]) throws(AssayError) {
        let names = try SignedJSON.decode([String: Ignored].self, from: bytes, what: "the signature").keys
        guard Set(names).isSubset(of: ["mediaType", "verificationMaterial", "dsseEnvelope"]) else {
            throw SignedJSON.invalid("the signature has members that bundles of v0.3 do not have")
        }
    }

    private struct Ignored: Decodable {
        init(from decoder: any Decoder) {}
    }
}
