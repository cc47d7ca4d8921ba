import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain

/// A version with everything that decides whether and how its files are written.
struct PullPlan: Sendable {
    let version: Version
    let files: [VersionFile]
    /// The signature to lie beside the files; nil if the version has none that speaks of them.
    let signature: [UInt8]?
    /// The trusted key that signed; nil if nobody asked.
    let signer: PublicKey?

    /// Resolves a reference once and reads what its digest names.
    ///
    /// Throws `path-unsafe` for files that would lie elsewhere; with trusted keys, `unsigned`, `untrusted-key` or
    /// `signature-invalid` unless one of them signed exactly these files.
    static func make(_ reference: Reference, trusted: [PublicKey]?, client: AssayClient) async throws -> PullPlan {
        let version = try await client.version(reference)
        let manifest = try await client.manifest(version.manifestDigest, in: version.repository)
        let files = try ModelPack.files(of: manifest)
        let signatures = try await signatures(of: version, client: client)
        let (signature, signer) = try choose(signatures, files: files, trusted: trusted, version: version)
        return PullPlan(version: version, files: files, signature: signature, signer: signer)
    }

    /// The signature files attached to a version.
    static func signatures(of version: Version, client: AssayClient) async throws -> [[UInt8]] {
        let type = MediaType.sigstoreBundle
        let referrers = try await client.referrers(
            of: version.manifestDigest, in: version.repository, artifactType: type)
        var signatures: [[UInt8]] = []
        for referrer in referrers.prefix(BundlePlan.referrersMax) {
            let manifest = try await client.manifest(referrer.digest, in: version.repository)
            guard manifest.subject?.digest == version.manifestDigest, let layer = manifest.layers.first else {
                continue
            }
            signatures.append(
                try await client.content(of: layer.digest, in: version.repository, bytesMax: ModelSignature.bytesMax))
        }
        return signatures
    }

    private static func choose(
        _ signatures: [[UInt8]], files: [VersionFile], trusted: [PublicKey]?, version: Version
    ) throws(AssayError) -> ([UInt8]?, PublicKey?) {
        guard let trusted else { return (signatures.first { speaks($0, of: files) }, nil) }
        var fault = AssayError(
            .unsigned, "\(version.reference) is not signed", remedy: "sign it: push it again with --key")
        for signature in signatures {
            do throws(AssayError) {
                return (signature, try ModelSignature.verify(signature, files: files, trusted: trusted))
            } catch {
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
