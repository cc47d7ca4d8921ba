import AssayCrypto
import AssayDomain
import Foundation
import Glibc

/// The secret in the store's folder by which uploads are bound to their repositories: `keys/uploads.key`.
///
/// It is a file, because unfinished uploads outlive the process. Where there is none, in a new store or one of an older
/// build, a fresh one is made: uploads that were begun without it then begin anew.
enum UploadKeyFile {
    private static let name = "uploads.key"

    /// Throws `key-invalid` for a file that holds no secret, `configuration-invalid` for one that others may read.
    static func open(in folder: String) throws -> MessageKey {
        let path = "\(folder)/\(name)"
        guard let status = FileStatus(of: path) else { return try make(at: path, in: folder) }
        guard status.type == .typeRegular, let content = FileManager.default.contents(atPath: path),
            content.count == MessageKey.secretLength
        else {
            throw AssayError(
                .keyInvalid, "keys/\(name) of the store holds no secret",
                remedy: "remove it: a new one is made, and unfinished uploads begin anew")
        }
        guard status.permissions & 0o077 == 0 else {
            throw AssayError(
                .configurationInvalid, "others may read a key of the store",
                remedy: "take their right away: chmod 600 keys/\(name)")
        }
        return try MessageKey(secret: [UInt8](content))
    }

    /// Writes a fresh secret aside, flushes it and puts it in its place. The store's lock keeps others out.
    private static func make(at path: String, in folder: String) throws -> MessageKey {
        let secret = try SecureRandom.bytes(MessageKey.secretLength)
        let draft = path + ".new"
        unlink(draft)  // What a process that ended left of one.
        let file = Glibc.open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        try check("open", file >= 0)
        defer { close(file) }
        try check("write", write(file, secret, secret.count) == secret.count)
        try check("fsync", fsync(file) == 0)
        try check("rename", rename(draft, path) == 0)
        let handle = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try check("open", handle >= 0)
        defer { close(handle) }
        try check("fsync", fsync(handle) == 0)
        return try MessageKey(secret: secret)
    }

    private static func check(_ call: String, _ isDone: Bool) throws {
        guard !isDone else { return }
        throw AssayError(
            .storageFailed, "the store's key for uploads cannot be kept",
            reason: "\(call): \(String(cString: strerror(errno)))")
    }
}
