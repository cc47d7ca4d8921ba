import AssayCrypto
package import AssayDomain
import Glibc

/// Digests of large files that were hashed before and have not changed since, so that pushing them again reads nothing.
///
/// A file counts as unchanged if its device, inode, size, mode and both its times are what they were: whoever writes to
/// a file changes them, unless he sets the clock back or writes through a mapping that was not synchronised yet.
package struct DigestCache: Sendable {
    /// What is smaller is hashed faster than its entry is worth.
    package static let fileBytesMin: Int64 = 4 << 20
    /// A file that changed so lately could change again within the same tick of the file system's clock.
    private static let settledSeconds = 2
    /// Entries have one of so many places, and a new one replaces what is there: so the cache stays small.
    private static let placeDigits = 3
    private static let entryBytesMax = 512

    private let folder: CacheFolder

    /// Keeps entries in a folder; nil keeps none.
    package init(folder: String?) { self.folder = CacheFolder(folder) }

    /// The folder in the user's cache; nil if there is no such cache. Throws `configuration-invalid`
    /// for one that is not this user's alone.
    package static func folder(in variables: [String: String]) throws(AssayError) -> String? {
        try UserFolder.cache.path("digests", in: variables)
    }

    /// The SHA-256 of a file as it was when it was opened, if it is known.
    package func digest(of file: LocalFile) -> Digest? {
        guard file.size >= Self.fileBytesMin,
            let entry = folder.text(Self.place(of: file), bytesMax: Self.entryBytesMax)
        else { return nil }
        let lines = entry.split(separator: "\n")
        guard lines.count == 2, lines[0] == file.identity.description else { return nil }
        return try? Digest(parsing: lines[1])
    }

    /// Remembers what a file hashed to while it did not change; `now` is in seconds since 1970.
    package func remember(_ digest: Digest, of file: LocalFile, now: Int = time(nil)) {
        guard file.size >= Self.fileBytesMin, file.identity.lastChange < now - Self.settledSeconds else { return }
        folder.keep("\(file.identity)\n\(digest)\n", as: Self.place(of: file))
    }

    private static func place(of file: LocalFile) -> String {
        String(Digest.sha256(of: "\(file.identity.device) \(file.identity.node)".utf8).hex.prefix(placeDigits))
    }
}
