import AssayDomain
import AssayRegistry
import Glibc

/// Where things lie beneath the store's folder. Every name is made of checked hex, so none can leave it.
struct FileLayout: Sendable {
    let root: String

    var uploads: String { root + "/uploads" }

    func upload(_ id: UploadID) -> String { "\(uploads)/\(id.text)" }

    /// `blobs/sha256/ab`
    func folder(of digest: Digest) -> String { "\(root)/blobs/\(digest.algorithm.rawValue)/\(digest.hex.prefix(2))" }

    /// `blobs/sha256/ab/<hex>`
    func blob(_ digest: Digest) -> String { "\(folder(of: digest))/\(digest.hex)" }

    /// `checksums/sha256/ab/<hex>`: the table of a blob of more than one chunk.
    func checksums(_ digest: Digest) -> String {
        "\(root)/checksums/\(digest.algorithm.rawValue)/\(digest.hex.prefix(2))/\(digest.hex)"
    }

    /// Where a blob goes whose bytes are not what its name says: kept for a person to look at, and never served.
    func damaged(_ digest: Digest) -> String { "\(root)/damaged/\(digest.algorithm.rawValue)-\(digest.hex)" }

    /// Makes a folder and its missing parents beneath the root, each one durable before the next.
    func makeFolder(_ path: String) throws(AssayError) {
        if mkdir(path, 0o700) == 0 {
            try Self.flushFolder(Self.parent(of: path))
        } else if errno == ENOENT {
            try makeFolder(Self.parent(of: path))
            try makeFolder(path)
        } else if errno != EEXIST {
            throw SystemCall.failure("mkdir", errno)
        }
    }

    /// The unfinished uploads, and how long ago each was last written to, if the clock was not set meanwhile.
    func unfinishedUploads() throws(AssayError) -> [(id: UploadID, age: Duration, size: Int64)] {
        guard let folder = opendir(uploads) else { throw SystemCall.failure("opendir", errno) }
        defer { closedir(folder) }
        var found: [(id: UploadID, age: Duration, size: Int64)] = []
        let now = time(nil)
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
            }
            guard let id = try? UploadID(parsing: name) else { continue }  // `.`, `..` and what is not ours
            var status = stat()
            guard lstat(upload(id), &status) == 0 else { continue }
            let age = now.subtractingReportingOverflow(status.st_mtim.tv_sec).partialValue
            found.append((id, .seconds(age), Int64(status.st_size)))
        }
        return found
    }

    /// Makes the names in a folder durable.
    static func flushFolder(_ path: String) throws(AssayError) {
        let descriptor = try SystemCall.check("open") { open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        defer { close(descriptor) }
        try SystemCall.flush("fsync") { fsync(descriptor) }
    }

    static func parent(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    }
}
