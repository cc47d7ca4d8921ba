import AssayCrypto
package import AssayDomain
import Glibc

/// Remembers where unfinished uploads are, so that the next push goes on where the last one ended.
///
/// It is only a shortcut: an entry that is lost or stale costs a new upload, so failures here are not errors.
package struct UploadJournal: Sendable {
    private static let locationBytesMax = 4_096
    private static let folderMode: mode_t = 0o700
    private static let fileMode: mode_t = 0o600

    private let folder: String?

    /// Keeps entries in a folder, which is made when the first one is written; nil keeps none.
    package init(folder: String?) { self.folder = folder }

    /// The folder in the user's cache, from `XDG_CACHE_HOME` or `HOME`; nil without either.
    package static func folder(in variables: [String: String]) -> String? {
        if let cache = variables["XDG_CACHE_HOME"], cache.hasPrefix("/") { return cache + "/assay/uploads" }
        guard let home = variables["HOME"], home.hasPrefix("/") else { return nil }
        return home + "/.cache/assay/uploads"
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
        guard let path = path(of: key), let file = try? LocalFile(opening: path),
            let bytes = try? file.readAll(bytesMax: Self.locationBytesMax)
        else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        return text.hasPrefix("/") && text.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) ? text : nil
    }

    /// Remembers a location, replacing what was there in one step.
    package func remember(_ location: String, of key: Key) {
        guard let folder, let path = path(of: key), makeFolder(folder) else { return }
        let draft = "\(path).\(getpid())"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, Self.fileMode)
        guard descriptor >= 0 else { return }
        let bytes = Array(location.utf8)
        let isWritten = write(descriptor, bytes, bytes.count) == bytes.count
        close(descriptor)
        if !isWritten || rename(draft, path) != 0 { unlink(draft) }
    }

    /// Forgets an upload that ended.
    package func forget(_ key: Key) {
        if let path = path(of: key) { unlink(path) }
    }

    private func path(of key: Key) -> String? { folder.map { "\($0)/\(key.text)" } }

    /// Makes the folder and those above it; true if it is there afterwards.
    private func makeFolder(_ folder: String) -> Bool {
        var position = folder.startIndex
        while let slash = folder[position...].dropFirst().firstIndex(of: "/") {
            mkdir(String(folder[..<slash]), Self.folderMode)
            position = slash
        }
        return mkdir(folder, Self.folderMode) == 0 || errno == EEXIST
    }
}
