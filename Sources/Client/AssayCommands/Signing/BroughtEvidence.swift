import APIProtocol
import AssayBundle
import AssayClient
import AssayDomain

/// Evidence that was signed elsewhere, in a file: a signature of a model, or a statement in a DSSE envelope, by itself
/// or in a sigstore bundle.
enum BroughtEvidence: Sendable {
    case signature([UInt8])
    case envelope([UInt8])

    /// Throws `signature-invalid` for a bundle that holds no statement.
    static func read(_ path: String) throws(AssayError) -> BroughtEvidence {
        let bytes = try InputFile.read(path, bytesMax: DSSEEnvelope.bytesMax)
        guard let bundle = SigstoreBundle(reading: bytes) else { return .envelope(bytes) }
        if bundle.isModelSignature { return .signature(bytes) }
        guard !bundle.predicateType.isEmpty else {
            throw AssayError(
                .signatureInvalid, "the sigstore bundle holds no statement",
                reason: "it is a signature over bytes, or cannot be read", remedy: "sign an in-toto statement")
        }
        return .envelope(bundle.envelope)
    }

    func request(for version: Reference) -> AttestRequest {
        switch self {
        case .signature(let bytes):
            AttestRequest(reference: version, signature: String(decoding: bytes, as: UTF8.self))
        case .envelope(let bytes):
            AttestRequest(reference: version, envelope: String(decoding: bytes, as: UTF8.self))
        }
    }

    /// Attaches a signature of a model's files, as `assay sign` does. Throws `signature-invalid` for a statement.
    func attach(to reference: Reference, _ options: ServerOptions) async throws {
        guard case .signature = self else {
            throw AssayError(
                .signatureInvalid, "the file is no signature of a model's files",
                remedy: "attach a statement with: assay attest \(reference) --envelope FILE")
        }
        let (isJSON, console) = (options.json, options.console)
        try await options.withClient { client in
            let version = try await client.version(reference)
            let attached = try await client.attest(
                request(for: Reference(version.repository, .digest(version.manifestDigest))))
            if isJSON { return try console.print(json: attached) }
            try console.print(
                "\(version.reference)  \(version.manifestDigest)  signature attached as \(attached.manifestDigest)")
        }
    }
}
