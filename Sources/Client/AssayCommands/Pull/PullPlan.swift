import AssayBundle
import AssayClient
import AssayDomain

/// A version with everything that decides whether and how its files are written.
struct PullPlan: Sendable {
    /// The most signatures and statements of a type that are read, as many as a registry decides by.
    private static let attachedMax = 10_000
    /// The most pieces of evidence that a notice names.
    private static let namesMax = 5

    let version: Version
    let files: [VersionFile]
    /// The signature to lie beside the files; nil if the version has none that speaks of them.
    let signature: [UInt8]?
    /// The trusted key that signed; nil if nobody asked.
    let signer: TrustedKey?
    /// What ties the manifest to the signed files; nil if nobody asked.
    var binding: ManifestBinding?
    /// What is attached and could not be read, by its digests: gone, damaged or too large.
    private(set) var unread: [Digest] = []

    /// What people are told before anything is written.
    func warnings(as reference: Reference) -> [String] {
        let lost = unread.prefix(Self.namesMax).map(\.description).joined(separator: ", ")
        let note =
            "passed over, as it is gone, damaged or too large: \(lost)"
            + (unread.count > Self.namesMax ? " and \(unread.count - Self.namesMax) more" : "")
            + "; who signed it can write it again: assay sign \(version.reference) --key KEY"
        return [
            version.withdrawnWarning, version.notPromotedWarning(as: reference), unread.isEmpty ? nil : note,
        ].compactMap(\.self)
    }

    /// Resolves a reference once and reads what its digest names.
    ///
    /// Throws `path-unsafe` for files that would lie elsewhere; with a trust root, `unsigned`, `untrusted-key`,
    /// `expired` or `signature-invalid` unless one of its release keys signed exactly these files, and
    /// `manifest-ambiguous` or `manifest-unbound` unless nothing else can be in the manifest, and `version-withdrawn`
    /// unless that is allowed.
    static func make(
        _ reference: Reference, trusted: TrustRoot?, allowsWithdrawn: Bool = false, client: AssayClient
    ) async throws -> PullPlan {
        let version = try await client.version(reference)
        if let withdrawn = version.withdrawn, trusted != nil, !allowsWithdrawn {
            throw Version.isWithdrawn("\(version.reference)", withdrawn)
        }
        let manifest = try await client.manifest(version.manifestDigest, in: version.repository)
        try ManifestReading.requireRaw(manifest)
        let files = try ModelPack.files(of: manifest)
        let check = try trusted.map { root in
            try EvidenceCheck(repository: version.repository, manifest: manifest, root: root, time: .now)
        }
        var attached = AttachedDocuments(version: version, client: client, countMax: attachedMax)
        let (signature, signer) = try await choose(among: &attached, files: files, check: check, version: version)
        var plan = PullPlan(version: version, files: files, signature: signature, signer: signer)
        if let check { plan.binding = try await binding(of: version, check, among: &attached, client: client) }
        plan.unread = attached.unread
        return plan
    }

    /// What ties the manifest to its files. Throws as `EvidenceCheck.require`.
    private static func binding(
        of version: Version, _ check: EvidenceCheck, among attached: inout AttachedDocuments, client: AssayClient
    ) async throws -> ManifestBinding {
        let config = try await config(of: check.manifest, in: version.repository, client: client)
        var binding = check.binding(config: config, envelopes: [])
        for type in MediaType.envelopes where binding == .unbound {
            let found = try await attached.first(of: type) { envelope in
                let found = check.binding(config: config, envelopes: [envelope])
                return found == .unbound ? nil : found
            }
            binding = found ?? .unbound
        }
        try check.require(binding)
        return binding
    }

    /// The config of a manifest that may be of a plain form; nil of any other, and where it is gone or damaged: then a
    /// signed binding can stand for it.
    static func config(
        of manifest: Manifest, in repository: RepositoryName, client: AssayClient
    ) async throws -> [UInt8]? {
        guard let config = manifest.config, PlainForm.isPossible(manifest) else { return nil }
        return try await client.attachedContent(config.digest, in: repository, bytesMax: PlainForm.configBytesMax)
    }

    /// The first signature that counts, or without a check, the first that speaks of the files.
    private static func choose(
        among attached: inout AttachedDocuments, files: [VersionFile], check: EvidenceCheck?, version: Version
    ) async throws -> ([UInt8]?, TrustedKey?) {
        guard let check else {
            let signature = try await attached.first(of: MediaType.sigstoreBundle) { speaks($0, of: files) ? $0 : nil }
            return (signature, nil)
        }
        var fault = AssayError(
            .unsigned, "\(version.reference) is not signed",
            remedy: "sign it: assay sign \(version.reference) --key KEY")
        let found = try await attached.first(of: MediaType.sigstoreBundle) { bytes -> ([UInt8], TrustedKey)? in
            do {
                return (bytes, try check.signer(of: bytes))
            } catch let error as AssayError {
                fault = error
                return nil
            }
        }
        if let found { return found }
        if fault.code == .unsigned, let lost = attached.unread.first {
            throw AssayError(
                .unsigned, "no signature of \(version.reference) can be read",
                reason: "what is attached is gone or damaged, such as \(lost)",
                remedy: "write it again: assay sign \(version.reference) --key KEY")
        }
        throw fault
    }

    /// Whether a signature is well formed and covers the files; by whom it is does not matter here.
    static func speaks(_ signature: [UInt8], of files: [VersionFile]) -> Bool {
        do {
            try ModelSignature(parsing: signature).check(files)
            return true
        } catch {
            return false
        }
    }
}
