import AssayBundle
import AssayClient
import AssayCrypto
import AssayDomain
import AssayRegistry
import Glibc
import Synchronization

/// The registry's signing key in the store's folder: `registry.pem`, and `registry.next.pem` while a key follows it.
///
/// The next key is durable before the trust root names it, and takes the place of the other by a rename. So a crash
/// leaves either both, of which the trust root says which one signs, or the new one alone.
final class RegistryKeyFiles: SigningKeys {
    static let bytesMax = 16 << 10

    let signer: RegistrySigner
    private let folder: String

    private var currentPath: String { folder + "/registry.pem" }
    private let nextName = "registry.next.pem"
    private var nextPath: String { "\(folder)/\(nextName)" }

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
        try write(try key.pem, as: nextName)
        return key.publicKey.pem
    }

    func useNext() async throws {
        guard let key = try next() else {
            throw AssayError(.storageFailed, "the registry's next key is gone", remedy: "rotate the key again")
        }
        try use(key)
    }

    private func next() throws -> PrivateKey? {
        do {
            let file = try LocalFile(openingSecret: nextPath, called: "the registry's next key")
            return try PrivateKey(pem: String(decoding: file.readAll(bytesMax: Self.bytesMax), as: UTF8.self))
        } catch {
            if error.code == .fileNotFound { return nil }
            throw error
        }
    }

    private func use(_ key: PrivateKey) throws {
        try Self.check("rename", rename(nextPath, currentPath))
        try flushFolder()
        signer.replace(by: key)
        // For people alone; the key itself says the same.
        try? write(key.publicKey.pem, as: "registry.pub.pem")
    }

    /// Writes a file aside, flushes it and puts it in its place.
    private func write(_ text: String, as name: String) throws {
        try FolderHandle.openOwn(path: folder, called: "the folder of keys")
            .write(Array(text.utf8), as: name, replacing: true, flushed: true, isSecret: true)
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
