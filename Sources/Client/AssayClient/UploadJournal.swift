import AssayCrypto
package import AssayDomain

/// Remembers where unfinished uploads are, so that the next push goes on where the last one ended.
///
/// It is only a shortcut: an entry that is lost or stale costs a new upload.
package struct UploadJournal: Sendable {
    private static let locationBytesMax = 4_096

    private let folder: CacheFolder

    /// Keeps entries in a folder; nil keeps none.
    package init(folder: String?) { self.folder = CacheFolder(folder) }

    /// The folder in the user's cache; nil if there is no such cache. Throws `configuration-invalid`
    /// for one that is not this user's alone.
    package static func folder(in variables: [String: String]) throws(AssayError) -> String? {
        try UserFolder.cache.path("uploads", in: variables)
    }

    /// Names one upload: the same content to a repository of the same name.
    ///
    /// The server is not part of it, because one server is reached by several addresses; another one does not know the
    /// session and says so, and a new one is begun.
    package struct Key: Sendable, Hashable {
        let text: String

        package init(repository: RepositoryName, digest: Digest) {
            text = Digest.sha256(of: "\(repository)\n\(digest)".utf8).hex
        }
    }

    /// The location of an unfinished upload, if one is remembered.
    package func location(of key: Key) -> String? {
        guard let text = folder.text(key.text, bytesMax: Self.locationBytesMax) else { return nil }
        return text.hasPrefix("/") && text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) ? text : nil
    }

    package func remember(_ location: String, of key: Key) { folder.keep(location, as: key.text) }

    /// Forgets an upload that ended.
    package func forget(_ key: Key) { folder.remove(key.text) }
}
