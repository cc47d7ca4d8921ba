package import AssayCrypto
package import AssayDomain

/// A signature over the files of a model, in the form that the `model_signing` tool verifies.
///
/// Source: OpenSSF Model Signing v1.0 in a sigstore bundle v0.3. Key mode is written and read, certificate mode only
/// read, and only with the method `files` and SHA-256. Files are signed by their stored digests, never read again.
package struct ModelSignature: Sendable {
    /// The file name under which a signature lies beside the files of a model.
    package static let fileName = "model.sig"
    /// The most bytes of a signature file.
    package static let bytesMax = DSSEEnvelope.bytesMax
    /// What verifiers pass over at the top of a model's folder, and so no signature covers.
    package static let ignoredNames = [".git", ".gitattributes", ".github", ".gitignore", fileName]

    /// Who signed, once that is proven.
    package struct Signer: Sendable, Hashable {
        /// The id of the key that signed.
        package let keyID: String
        /// Whom the key's certificate names, to be escaped before it is shown; nil in key mode.
        package let subject: String?
        /// The id of the trusted certificate that vouches for the subject; nil in key mode.
        package let rootID: String?
    }

    private let material: SignatureMaterial
    private let envelope: DSSEEnvelope

    /// The id of the key that the bundle claims; nil if it claims none, and in certificate mode.
    package var keyID: String? {
        guard case .key(let hint) = material else { return nil }
        return hint
    }

    /// Whether no signature can cover a file, because verifiers pass over its top folder or name.
    package static func ignores(path: String) -> Bool {
        path.pathComponents.first.map { top in ignoredNames.contains { $0.isExactly(top) } } ?? false
    }

    /// Signs files and gives the bytes of the signature file. `name` is for people: the name of the model.
    ///
    /// Resources stand in the order of the specification, by code points of the whole path; verifiers follow the listed
    /// order, so those that would list another one agree. Throws `path-unsafe` for paths that no signature can cover:
    /// leaving such a file out would let unsigned content pass as signed; `request-invalid` for no files; and what the
    /// signer throws.
    package static func sign(_ files: [VersionFile], name: String, key: any MessageSigner) throws -> [UInt8] {
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
        return try WireJSON.encode(SignatureBundle(keyID: key.publicKey.id, envelope: envelope))
    }

    /// Reads a signature file without believing it; throws `signature-invalid`, `body-too-large`, `too-many-entries`.
    package init(parsing bytes: [UInt8]) throws(AssayError) {
        guard bytes.count <= Self.bytesMax else {
            throw AssayError(.bodyTooLarge, "the signature has over \(Self.bytesMax) bytes")
        }
        let bundle = try SignatureBundle.parse(bytes)
        material = bundle.material
        envelope = try DSSEEnvelope(bundle.envelope)
        guard envelope.signatures.count == 1 else {
            throw SignedJSON.invalid("the signature bundle must hold exactly one signature")
        }
        guard envelope.payloadType == MediaType.inToto else {
            throw SignedJSON.invalid(
                "the signature is over another type of payload", reason: Printable.quote(envelope.payloadType))
        }
    }

    /// The trusted key that made the signature. Throws `untrusted-key`, `signature-invalid`.
    ///
    /// A signature with certificates is of no key that is trusted by itself.
    package func verify(trusted: [PublicKey]) throws(AssayError) -> PublicKey {
        guard case .key(let keyID) = material else {
            throw AssayError(
                .untrustedKey, "the signature is made with a certificate, which no trusted key vouches for",
                remedy: "name the root certificate of its signer as one that you trust, if you do")
        }
        let candidates = trusted.filter { keyID == nil || keyID == $0.id }
        guard !candidates.isEmpty else {
            throw AssayError(
                .untrustedKey, "the signature is of a key that is not trusted",
                reason: keyID.map { "it names the key \(Printable.quote($0, limit: 64))" },
                remedy: "name the signer's public key as one that you trust, if you do")
        }
        do throws(AssayError) {
            return try envelope.verify(trusted: candidates)
        } catch {
            // The hint stands in the bundle and not in its envelope.
            guard keyID != nil, error.code == .untrustedKey else { throw error }
            throw SignedJSON.invalid("the signature is not by the key that it names")
        }
    }

    /// Who made the signature: a trusted key, or one whose certificate a trusted root vouches for at that time.
    ///
    /// Throws `untrusted-key`, `signature-invalid`, and `expired` for a certificate that does not count at that time.
    package func verify(
        trusted: [PublicKey], roots: [Certificate], at time: Timestamp
    ) throws(AssayError) -> Signer {
        guard case .certificates(let chain) = material else {
            return Signer(keyID: try verify(trusted: trusted).id, subject: nil, rootID: nil)
        }
        let proof = try CertificateChain.prove(chain, roots: roots, at: time)
        do throws(AssayError) {
            _ = try envelope.verify(trusted: [proof.publicKey])
        } catch {
            throw SignedJSON.invalid("the signature is not by the key of its certificate")
        }
        return Signer(keyID: proof.publicKey.id, subject: chain.first?.subject, rootID: proof.root.id)
    }

    /// Throws unless the signature speaks of exactly these files: `digest-mismatch` for one that changed or is missing,
    /// `unsigned` for one that is not covered, `signature-invalid` for a statement that is malformed.
    package func check(_ files: [VersionFile]) throws(AssayError) {
        try SignedModel(parsing: envelope.payload).check(files)
    }

    /// The files that it lists, whoever made it; each path stays in its folder. Throws as `check`, and `path-unsafe`.
    package func listedFiles() throws(AssayError) -> [(path: String, digest: Digest)] {
        try SignedModel(parsing: envelope.payload).files()
    }

    /// What the signer passed over; it means nothing before the signature was checked. Throws as `check`.
    package func ignoredPaths() throws(AssayError) -> IgnoredPaths {
        try SignedModel(parsing: envelope.payload).ignoredPaths
    }

    /// Throws `signature-invalid` where it names a known key that did not make it.
    package func checkClaim(known: [TrustedKey]) throws {
        guard let key = known.first(where: { $0.id == keyID && $0.role != .log }) else { return }
        _ = try verify(trusted: try TrustedSigners([key]).keys)
    }

    /// Who signed exactly these files, by key or by certificate: signature first, then what it says.
    ///
    /// Throws `signature-invalid`, `untrusted-key`, `digest-mismatch`, `unsigned`, `body-too-large`,
    /// `too-many-entries`, and `expired` for a certificate that does not count at that time.
    package static func verify(
        _ bundle: [UInt8], files: [VersionFile], trusted: [PublicKey], roots: [Certificate], at time: Timestamp
    ) throws(AssayError) -> Signer {
        let signature = try ModelSignature(parsing: bundle)
        let signer = try signature.verify(trusted: trusted, roots: roots, at: time)
        try signature.check(files)
        return signer
    }

    /// Throws `path-unsafe` for a path that leads out of a folder, or that not every system can have.
    package static func checkPath(_ path: String) throws(AssayError) { try ArchiveFault.checkPath(path) }

    private static func notCoverable(_ path: String) -> AssayError {
        AssayError(
            .pathUnsafe, "\(Printable.quote(path)) cannot be signed",
            reason: "verifiers of model signatures pass over it", remedy: "leave the file out of the version")
    }
}
