import APIProtocol
import AssayBundle
import AssayClient
import AssayDomain

/// Finds versions that hold a protected alias although nothing ties their manifests to their files: they got there
/// before that was demanded.
///
/// Keys count as the registry names them, and as of when it recorded what they signed.
struct UnboundHolders: Sendable {
    struct Holder: Encodable, Sendable {
        let alias: Reference
        let version: VersionNumber
        /// Nil if the registry does not say which manifest that is.
        let digest: Digest?
        let reason: String
    }

    /// The most repositories that are looked through.
    private static let repositoriesMax = 1_000_000

    let client: AssayClient

    /// The holders, and what of the index could not be read on the way, in words.
    func find() async throws -> (holders: [Holder], faults: [String]) {
        do {
            return try await search()
        } catch let error as AssayError where error.code.kind != .busy {
            return ([], ["who holds the protected aliases cannot be read: \(error.message)"])
        }
    }

    private func search() async throws -> (holders: [Holder], faults: [String]) {
        let root = TrustRoot(keys: try await client.keys().items)
        let repositories = try await Pages.collect(limit: Self.repositoriesMax) { after, limit in
            try await client.repositories(after: after, limit: limit)
        }
        var found: (holders: [Holder], faults: [String]) = ([], [])
        for repository in repositories.items where repository.versionCount > 0 {
            do {
                for alias in try await client.aliases(in: repository.name).items where alias.policyDigest != nil {
                    if let holder = try await holder(of: alias, root: root) { found.holders.append(holder) }
                }
            } catch let error as AssayError where error.code.kind != .busy {
                found.faults.append("the aliases of \(repository.name) cannot be read: \(error.message)")
            }
        }
        return found
    }

    /// The holder of an alias if nothing binds its manifest.
    private func holder(of alias: Alias, root: TrustRoot) async throws -> Holder? {
        do {
            return try await unbound(alias, root: root)
        } catch let error as AssayError where [.notFound, .integrity, .invalid, .tooLarge].contains(error.code.kind) {
            // What the index says of it is at odds with itself; that is found, and told, as a fault of its own.
            return Holder(
                alias: Reference(alias.repository, alias.name), version: alias.version, digest: nil,
                reason: "not to be read: \(error.message)")
        }
    }

    private func unbound(_ alias: Alias, root: TrustRoot) async throws -> Holder? {
        let version = try await client.version(Reference(alias.repository, alias.version))
        let manifest = try await client.manifest(version.manifestDigest, in: version.repository)
        let binding = try await binding(of: manifest, version, root: root)
        guard !binding.isBound else { return nil }
        return Holder(
            alias: Reference(alias.repository, alias.name), version: version.number, digest: manifest.digest,
            reason: binding.text)
    }

    private func binding(of manifest: Manifest, _ version: Version, root: TrustRoot) async throws -> ManifestBinding {
        let config = try await PullPlan.config(of: manifest, in: version.repository, client: client)
        var binding = ManifestReading.binding(of: manifest, config: config, statements: [])
        guard binding == .unbound else { return binding }
        for item in try await client.attestations(about: version).items
        where MediaType.envelopes.contains(item.artifactType) {
            guard
                let envelope = try await client.attachedContent(
                    item.envelopeDigest, in: version.repository, bytesMax: DSSEEnvelope.bytesMax)
            else { continue }
            let check = try EvidenceCheck(
                repository: version.repository, manifest: manifest, root: root, time: item.createdAt)
            binding = check.binding(config: nil, envelopes: [envelope])
            if binding.isBound { break }
        }
        return binding
    }
}
