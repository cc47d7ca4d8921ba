package import AssayDomain

/// Answers what there is: every read of names, versions, aliases and evidence. What is not there is an error that says
/// what is missing.
package struct Catalog: Sendable {
    /// The most items of one page.
    package static let pageMax = 1000
    /// The items of a page where the caller says nothing.
    package static let pageDefault = 100

    let index: any Index

    // MARK: Repositories

    /// Throws `repository-not-found`.
    package func repository(_ name: RepositoryName) async throws -> Repository {
        guard let repository = try await index.repository(name) else {
            let names = try await index.repositories(RepositoryQuery(limit: Self.pageMax)).items.map(\.name.text)
            throw AssayError(
                .repositoryNotFound, "there is no repository \(name)",
                remedy: Self.remedy(name.text, among: names, "see the names with: assay list"))
        }
        return repository
    }

    /// Names the nearest of some names, if one is near.
    private static func remedy(_ name: String, among names: [String], _ remedy: String) -> String {
        Suggestion.nearest(to: name, among: names).map { "did you mean '\($0)'? Otherwise \(remedy)" } ?? remedy
    }

    package func repositories(_ query: RepositoryQuery) async throws -> Page<Repository> {
        try await index.repositories(query)
    }

    // MARK: Versions

    /// Throws `version-not-found`, `alias-not-found` or `repository-not-found`, whichever says most.
    package func version(_ reference: Reference) async throws -> Version {
        if let version = try await index.version(reference) { return version }
        _ = try await repository(reference.repository)
        if case .tag(.alias(let alias)) = reference.selector {
            throw try await noAlias(alias, in: reference.repository)
        }
        throw AssayError(
            .versionNotFound, "there is no version \(reference)",
            remedy: "see its versions with: assay list \(reference.repository)")
    }

    /// That a repository has no alias of a name.
    func noAlias(_ alias: AliasName, in repository: RepositoryName) async throws -> AssayError {
        let names = try await index.aliases(in: repository).map(\.name.text)
        return AssayError(
            .aliasNotFound, "\(repository) has no alias \(alias)",
            remedy: Self.remedy(
                alias.text, among: names, "see its versions and aliases with: assay list \(repository)"))
    }

    package func versions(_ query: VersionQuery) async throws -> Page<Version> { try await index.versions(query) }

    package func search(_ text: String, kind: Repository.Kind?, limit: Int) async throws -> [Version] {
        try await index.search(text, kind: kind, limit: limit)
    }

    /// Changes annotations; a nil value removes one. Throws `version-not-found`, `metadata-invalid`, `body-too-large`.
    package func annotate(_ reference: Reference, changes: [String: String?]) async throws -> Version {
        let version = try await version(reference)
        let kept = changes.reduce(into: version.annotations) { $0[$1.key] = $1.value }
        try VersionMetadata.check(kept, as: "annotations")
        return try await index.annotate(version.repository, version.number, changes: changes)
    }

    /// A version and the manifest that lists its files. Throws as `version`.
    func versionWithManifest(_ reference: Reference) async throws -> (Version, Manifest) {
        let version = try await version(reference)
        return (version, try await manifest(.digest(version.manifestDigest), in: version.repository).parsed())
    }

    // MARK: Manifests

    /// Throws `manifest-not-found` or `repository-not-found`.
    package func manifest(_ selector: VersionSelector, in name: RepositoryName) async throws -> StoredManifest {
        if let manifest = try await index.manifest(selector, in: name) { return manifest }
        _ = try await repository(name)
        throw AssayError(.manifestNotFound, "\(name) has no manifest \(selector)")
    }

    package func referrers(
        of subject: Digest, in name: RepositoryName, artifactType: String?, after: Int64?, limit: Int
    ) async throws -> Page<Descriptor> {
        try await index.referrers(of: subject, in: name, artifactType: artifactType, after: after, limit: limit)
    }

    package func tags(in name: RepositoryName, after: String?, limit: Int) async throws -> Page<String> {
        try await index.tags(in: name, after: after, limit: limit)
    }

    // MARK: Evidence

    /// Signed statements about a version, oldest first. Throws as `version(_:)`.
    package func attestations(of reference: Reference) async throws -> [AttestationRecord] {
        let version = try await version(reference)
        return try await index.attestations(of: version.manifestDigest, in: version.repository)
    }

    // MARK: Lineage

    /// The graph around a version. Throws as `version(_:)`.
    package func lineage(
        of reference: Reference, direction: LineageGraph.Direction, depth: Int
    ) async throws -> LineageGraph {
        let version = try await version(reference)
        return try await index.lineage(
            of: .version(version.repository, version.number), direction: direction,
            depth: min(max(depth, 1), Self.lineageDepthMax), edgesMax: Self.lineageEdgesMax)
    }

    /// How far a lineage question reaches where it does not say.
    package static let lineageDepthDefault = 16
    package static let lineageDepthMax = 1000
    package static let lineageEdgesMax = 10_000

    // MARK: Garbage

    /// Blobs that nothing refers to any more, and whether there are more of them. Nothing is removed.
    package func garbage(now: Timestamp) async throws -> (blobs: [BlobRecord], isTruncated: Bool) {
        let found = try await index.unreferencedBlobs(now: now, limit: Self.garbageMax + 1)
        return (Array(found.prefix(Self.garbageMax)), found.count > Self.garbageMax)
    }

    package static let garbageMax = 10_000
}
