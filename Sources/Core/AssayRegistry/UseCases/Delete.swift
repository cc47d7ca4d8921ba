package import AssayDomain

/// Takes versions, manifests, aliases and blobs out of a repository, where nothing needs them any more.
///
/// Bytes stay in the store until garbage is collected.
package struct Delete: Sendable {
    let index: any Index
    let aliases: ManageAliases
    let clock: any WallClock

    /// Deletes the manifest of a digest, with the version that it may be; of an alias the name alone.
    ///
    /// Throws `repository-not-found`, `manifest-not-found`, `alias-not-found`, `version-not-found`, `alias-protected`
    /// for an alias with a policy, `tag-immutable` for a version number, and `in-use` as `Index.deleteManifest`.
    package func manifest(
        _ selector: VersionSelector, in repository: RepositoryName, by principal: Principal
    ) async throws {
        switch selector {
        case .digest(let digest):
            try await index.deleteManifest(digest, in: repository, actor: principal.name, at: clock.now())
        case .tag(.alias(let alias)):
            _ = try await aliases.move(alias, in: repository, to: nil, expecting: .anything, by: principal)
        case .tag(.number(let number)):
            throw try await immutable(Reference(repository, number))
        }
    }

    /// Deletes a version, named by its number or digest.
    ///
    /// Throws `reference-invalid` for an alias, `repository-not-found`, `version-not-found`, and `in-use` as
    /// `Index.deleteManifest`.
    package func version(_ reference: Reference, by principal: Principal) async throws {
        if case .tag(.alias) = reference.selector {
            throw AssayError(
                .referenceInvalid, "\(reference) is an alias, and may move before its version is deleted",
                remedy: "name the version by its number or digest, or remove the alias")
        }
        let version = try await Catalog(index: index).version(reference)
        try await index.deleteManifest(
            version.manifestDigest, in: version.repository, actor: principal.name, at: clock.now())
    }

    /// Takes a blob away from a repository. Throws `blob-not-found`, `in-use` while a manifest there names it.
    package func blob(_ digest: Digest, in repository: RepositoryName, by principal: Principal) async throws {
        try await index.deleteBlob(digest, in: repository, actor: principal.name, at: clock.now())
    }

    /// What is said of a delete by number: whoever takes a tag away means the name, and this one cannot be given again.
    private func immutable(_ reference: Reference) async throws -> AssayError {
        let version = try await Catalog(index: index).version(reference)
        return AssayError(
            .tagImmutable, "\(reference) is not deleted", reason: "a version has its number for as long as it is there",
            remedy: "delete the version by its digest \(version.manifestDigest)")
    }
}
