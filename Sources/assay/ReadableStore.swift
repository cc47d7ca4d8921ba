import AssayClient
import AssayDomain
import Foundation
import Glibc

/// A store that can be read and not written: on a read-only file system, on one that is full, or without the rights.
///
/// A database writes beside its file even where it is only read, and a log that was cut is completed at each start, so
/// what reads them gets copies in a folder of its own; blobs and keys are read where they are. The folder goes with
/// this value.
final class ReadableStore: Sendable {
    /// What is read in its place.
    private static let linked = ["blobs", "checksums", "keys"]
    private static let made = ["uploads", "staging"]
    /// What is written at each start: the index, whose second part is there only where it was not closed, and the log.
    private static let copied = ["index.sqlite", "index.sqlite-wal", "log"]
    /// How a lock cannot be taken for want of the right to write.
    static let refusals: Set<Int32> = [EROFS, EACCES, EPERM, ENOSPC, EDQUOT]

    /// The folder that stands for the store.
    let path: String

    /// Stands for the store at a path. Throws `storage-failed` and `storage-full` where there is no room for the index.
    init(of store: String, named name: String) throws(AssayError) {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(base)/assay-store-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw AssayError(
                .storageFailed, "the store \(Printable.quote(name)) can only be read, and its index cannot be copied",
                reason: "\(base): \(String(cString: strerror(errno)))",
                remedy: "name a folder with room for it in TMPDIR")
        }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        do {
            let files = FileManager.default
            for name in Self.copied where files.fileExists(atPath: "\(store)/\(name)") {
                try files.copyItem(atPath: "\(store)/\(name)", toPath: "\(path)/\(name)")
                try Self.makeWritable("\(path)/\(name)")
            }
            for name in Self.linked where files.fileExists(atPath: "\(store)/\(name)") {
                try files.createSymbolicLink(atPath: "\(path)/\(name)", withDestinationPath: "\(store)/\(name)")
            }
            for name in Self.made { mkdir("\(path)/\(name)", 0o700) }
        } catch {
            // Nobody has seen it yet.
            try? FileManager.default.removeItem(atPath: path)
            throw AssayError(
                .storageFailed, "the index of the store \(Printable.quote(name)) cannot be copied",
                reason: Printable.escape("\(error.localizedDescription)"),
                remedy: "name a folder with room for it in TMPDIR", cause: error)
        }
    }

    /// A copy has the rights of what it was made of, which may be none to write.
    private static func makeWritable(_ path: String) throws {
        guard FileStatus(of: path)?.type == .typeDirectory else {
            chmod(path, 0o600)
            return
        }
        chmod(path, 0o700)
        for name in try FileManager.default.contentsOfDirectory(atPath: path) { try makeWritable("\(path)/\(name)") }
    }

    deinit {
        // What stays behind is a copy in a folder of temporary files.
        try? FileManager.default.removeItem(atPath: path)
    }
}
