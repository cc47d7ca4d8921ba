package import AssayDomain

/// Tells where content is by its digest: in which versions of all repositories, and under which names there.
package struct FindContent: Sendable {
    let index: any Index
    let evidence: any EvidenceFormat

    /// The places of content, manifests first, then what manifests name; those after the cursor of the page before.
    ///
    /// A page may have more items than the limit where one version has the content under several paths.
    package func callAsFunction(_ digest: Digest, after: String?, limit: Int) async throws -> Page<ContentPlace> {
        var places: [ContentPlace] = []
        if after == nil {
            places += try await index.manifestUses(of: digest, limit: limit).map { place($0, .manifest) }
        }
        let page = try await index.contentUses(of: digest, after: after, limit: limit)
        for use in page.items {
            guard use.version != nil else {
                places.append(place(use, use.isConfig && use.subject == nil ? .config : .file))
                continue
            }
            let paths = try await paths(of: digest, in: use)
            places += paths.isEmpty ? [place(use, .config)] : paths.map { place(use, .file, $0) }
        }
        return Page(items: places, next: page.next)
    }

    private func paths(of digest: Digest, in use: ContentUse) async throws -> [String] {
        guard let manifest = try await index.manifest(.digest(use.manifestDigest), in: use.repository) else {
            return []  // It was deleted meanwhile.
        }
        return try evidence.files(of: manifest.parsed()).filter { $0.digest == digest }.map(\.path)
    }

    /// `role` is what it is where the manifest is a version; what hangs on one is evidence about that.
    private func place(_ use: ContentUse, _ role: ContentPlace.Role, _ path: String? = nil) -> ContentPlace {
        let isOfVersion = use.version != nil
        return ContentPlace(
            repository: use.repository, version: use.version ?? use.subjectVersion,
            manifestDigest: isOfVersion ? use.manifestDigest : use.subject ?? use.manifestDigest,
            role: isOfVersion ? role : use.subject == nil ? .other : .evidence, path: path, aliases: use.aliases,
            earlierAliases: use.everAliases.filter { !use.aliases.contains($0) })
    }
}
