import AssayBundle
import AssayCrypto
import AssayDomain
import AssayRegistry
import Foundation
import Glibc
import Synchronization

/// The registry's signing key in the store's folder: `registry.pem`, and `registry.next.pem` while a key follows it.
///
/// The next key is durable before the trust root names it, and takes the place of the other by a rename. So a crash
/// leaves either both, of which the trust root says which one signs, or the new one alone.
final class RegistryKeyFiles: SigningKeys {
    let signer: RegistrySigner
    private let folder: String

    private var currentPath: String { folder + "/registry.pem" }
    private var nextPath: String { folder + "/registry.next.pem" }
    private var draftPath: String { folder + "/registry.next.pem.new" }

    let logKeyID: String

    init(folder: String, current: PrivateKey, logKeyID: String) {
        self.folder = folder
        self.logKeyID = logKeyID
        signer = RegistrySigner(current)
    }

    /// Goes on where a process that ended left a next key: it is taken into use if it is trusted, else it is nothing.
    func settleNext(isTrusted: (_ id: String) throws -> Bool) throws {
        guard let key = try next() else { return }
        if try isTrusted(key.publicKey.id) { return try use(key) }
        try Self.check("unlink", unlink(nextPath))
    }

    func makeNext() async throws -> String {
        let key = try PrivateKey.generate()
        try write(try key.pem, to: nextPath)
        return key.publicKey.pem
    }

    func useNext() async throws {
        guard let key = try next() else {
            throw AssayError(.storageFailed, "the registry's next key is gone", remedy: "rotate the key again")
        }
        try use(key)
    }

    private func next() throws -> PrivateKey? {
        guard let content = FileManager.default.contents(atPath: nextPath) else { return nil }
        return try PrivateKey(pem: String(decoding: content, as: UTF8.self))
    }

    private func use(_ key: PrivateKey) throws {
        try Self.check("rename", rename(nextPath, currentPath))
        try flushFolder()
        signer.replace(by: key)
        // For people alone; the key itself says the same.
        try? write(key.publicKey.pem, to: folder + "/registry.pub.pem")
    }

    /// Writes a file aside, flushes it and puts it in its place.
    private func write(_ text: String, to path: String) throws {
        unlink(draftPath)  // What a process that ended left of one.
        let file = open(draftPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        try Self.check("open", file)
        defer { close(file) }
        let bytes = Array(text.utf8)
        guard Glibc.write(file, bytes, bytes.count) == bytes.count else { throw Self.failure("write") }
        try Self.check("fsync", fsync(file))
        try Self.check("rename", rename(draftPath, path))
        try flushFolder()
    }

    private func flushFolder() throws {
        let handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try Self.check("open", handle)
        defer { close(handle) }
        try Self.check("fsync", fsync(handle))
    }

    private static func check(_ call: String, _ result: Int32) throws {
        guard result >= 0 else { throw failure(call) }
    }

    private static func failure(_ call: String) -> AssayError {
        AssayError(
            .storageFailed, "the registry's key cannot be kept", reason: "\(call): \(String(cString: strerror(errno)))")
    }
}
