import AssayBundle
import AssayClient
import AssayDomain

/// A version with everything that decides whether and how its files are written.
struct PullPlan: Sendable {
    /// The most signatures and statements of a type that are read, as many as a registry decides by.
    private static let attachedMax = 10_000

    let version: Version
    let files: [VersionFile]
    /// The signature to lie beside the files; nil if the version has none that speaks of them.
    let signature: [UInt8]?
    /// The trusted key that signed; nil if nobody asked.
    let signer: TrustedKey?
    /// What ties the manifest to the signed files; nil if nobody asked.
    var binding: ManifestBinding?

    /// Resolves a reference once and reads what its digest names.
    ///
    /// Throws `path-unsafe` for files that would lie elsewhere; with a trust root, `unsigned`, `untrusted-key`,
    /// `expired` or `signature-invalid` unless one of its release keys signed exactly these files, and
    /// `manifest-ambiguous` or `manifest-unbound` unless nothing else can be in the manifest.
    static func make(_ reference: Reference, trusted: TrustRoot?, client: AssayClient) async throws -> PullPlan {
        let version = try await client.version(reference)
        let manifest = try await client.manifest(version.manifestDigest, in: version.repository)
        try ManifestReading.requireRaw(manifest)
        let files = try ModelPack.files(of: manifest)
        let signatures = try await signatures(of: version, client: client)
        let check = try trusted.map { root in
            try EvidenceCheck(repository: version.repository, manifest: manifest, root: root, time: .now)
        }
        let (signature, signer) = try choose(signatures, files: files, check: check, version: version)
        var plan = PullPlan(version: version, files: files, signature: signature, signer: signer)
        if let check { plan.binding = try await binding(of: version, check, client: client) }
        return plan
    }

    /// What ties the manifest to its files. Throws as `EvidenceCheck.require`.
    private static func binding(
        of version: Version, _ check: EvidenceCheck, client: AssayClient
    ) async throws -> ManifestBinding {
        let config = try await config(of: check.manifest, in: version.repository, client: client)
        var binding = check.binding(config: config, envelopes: [])
        if binding == .unbound {
            var envelopes: [[UInt8]] = []
            for type in MediaType.envelopes {
                envelopes += try await documents(of: version, type: type, client: client)
            }
            binding = check.binding(config: config, envelopes: envelopes)
        }
        try check.require(binding)
        return binding
    }

    /// The config of a manifest that may be of a plain form; nil of any other.
    static func config(
        of manifest: Manifest, in repository: RepositoryName, client: AssayClient
    ) async throws -> [UInt8]? {
        guard let config = manifest.config, PlainForm.isPossible(manifest) else { return nil }
        return try await client.content(of: config.digest, in: repository, bytesMax: PlainForm.configBytesMax)
    }

    /// The signature files attached to a version.
    static func signatures(of version: Version, client: AssayClient) async throws -> [[UInt8]] {
        try await documents(of: version, type: MediaType.sigstoreBundle, client: client)
    }

    /// What referrers of a type carry. One that is too large, gone or damaged is passed over: it proves nothing, and
    /// whoever may push can attach it.
    private static func documents(
        of version: Version, type: String, client: AssayClient
    ) async throws -> [[UInt8]] {
        let referrers = try await client.referrerManifests(
            of: version.manifestDigest, in: version.repository, artifactType: type,
            countMax: attachedMax)
        var documents: [[UInt8]] = []
        for layer in referrers.compactMap(\.layers.first) where layer.size <= Int64(ModelSignature.bytesMax) {
            if let document = try await client.attachedContent(
                layer.digest, in: version.repository, bytesMax: ModelSignature.bytesMax)
            {
                documents.append(document)
            }
        }
        return documents
    }

    private static func choose(
        _ signatures: [[UInt8]], files: [VersionFile], check: EvidenceCheck?, version: Version
    ) throws -> ([UInt8]?, TrustedKey?) {
        guard let check else { return (signatures.first { speaks($0, of: files) }, nil) }
        var fault = AssayError(
            .unsigned, "\(version.reference) is not signed",
            remedy: "sign it: assay sign \(version.reference) --key KEY")
        for signature in signatures {
            do {
                return (signature, try check.signer(of: signature))
            } catch let error as AssayError {
                fault = error
            }
        }
        throw fault
    }

    /// Whether a signature is well formed and covers the files; by whom it is does not matter here.
    private static func speaks(_ signature: [UInt8], of files: [VersionFile]) -> Bool {
        do {
            try ModelSignature(parsing: signature).check(files)
            return true
        } catch {
            return false
        }
    }
}
