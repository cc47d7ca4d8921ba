import AssayAuditLog
import AssayClient
import AssayCrypto
import AssayDomain
import AssayIndex
import Foundation
import Glibc
import Logging
import NIOPosix

/// The folder of a store, owned by this process from `open` until the value is gone.
final class StoreFolder: Sendable {
    /// The version of the folder's layout that this build reads and writes.
    static let formatVersion = 1
    private static let othersMayNothing: mode_t = 0o077
    /// What lies in the folder and must be its owner's too: it may be older than the rights that the folder has now.
    private static let contents = [
        "assay.lock", "blobs", "index.sqlite", "index.sqlite-shm", "index.sqlite-wal", "keys", "log", "staging",
        "store.json", "uploads",
    ]

    let path: String
    /// The key that signs reports and verdicts, and the one that may follow it.
    let keys: RegistryKeyFiles
    /// Signs the audit log's checkpoints.
    let logKey: Ed25519PrivateKey
    /// Binds uploads to their repositories.
    let uploadKey: MessageKey
    private let lock: Int32
    /// What stands for a store that can only be read; nil for one that is written too.
    private let readable: ReadableStore?
    /// Whether nothing of it can be written.
    var isReadOnly: Bool { readable != nil }

    var indexPath: String { path + "/index.sqlite" }
    var staging: String { path + "/staging" }
    var logPath: String { path + "/log" }

    /// Says that a folder is a store, and of which format.
    static let markerName = "store.json"

    private struct Marker: Codable {
        var format: Int
        var createdAt: Timestamp
    }

    private init(
        path: String, keys: RegistryKeyFiles, logKey: Ed25519PrivateKey, uploadKey: MessageKey, lock: Int32,
        readable: ReadableStore? = nil
    ) {
        self.path = path
        self.keys = keys
        self.logKey = logKey
        self.uploadKey = uploadKey
        self.lock = lock
        self.readable = readable
    }

    deinit { if lock >= 0 { close(lock) } }

    // MARK: Making

    /// Makes a store with its index and keys, in a new folder or in one that is there and empty. It is a store once all
    /// of it is there. Gives the lines to print.
    static func initialise(_ store: String) async throws -> [String] {
        umask(othersMayNothing)
        let path = absolute(store)
        let isThere = FileManager.default.fileExists(atPath: path)
        let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
        if isThere {
            try checkEmpty(path, named: store)
        } else if !FileManager.default.isWritableFile(atPath: parent) {
            throw AssayError(
                .fileNotFound, "no store can be made in \(Printable.quote(parent))",
                reason: "it is no folder, or not one that you may write to", remedy: "make the folder first")
        }
        try Surroundings.check(path, called: "the store \(Printable.quote(store))")
        // A name that nobody can guess, for a folder that is its owner's alone from the start.
        var template = Array((isThere ? "\(path)/.init-XXXXXX" : "\(path).init-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw failure("mkdtemp", store) }
        let draft = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        do {
            let keys = try await build(at: draft)
            // A store is made once, so everything the machine has not written yet may be flushed for it.
            sync()
            if isThere {
                try move(draft, into: path, named: store)
            } else if rename(draft, path) != 0 {
                throw failure("rename", store)
            }
            sync()
            let origin = FileAuditLog.origin(of: keys.log.publicKey)
            return [
                "made store \(store)",
                "registry key \(keys.registry.publicKey.id.prefix(12)) signs reports and verdicts",
                "log key \(keys.log.publicKey.id.prefix(12)) signs the audit log \(origin)",
                "serve it with: assay serve --store \(store)",
            ]
        } catch {
            // The draft holds nothing that anyone has seen yet.
            try? FileManager.default.removeItem(atPath: draft)
            throw error
        }
    }

    /// Throws `store-exists` unless a folder, which may be where a volume is mounted, holds nothing that anybody put
    /// there.
    private static func checkEmpty(_ path: String, named store: String) throws {
        let found = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [""]  // One that nobody may read.
        guard !found.allSatisfy({ $0 == "lost+found" }) else { return }
        throw AssayError(
            .storeExists, "\(Printable.quote(store)) is there already",
            remedy: found.contains(markerName)
                ? "use the store: assay serve --store \(store)"
                : "name a folder that does not exist yet, such as \(store)/store")
    }

    /// Moves what was made into the folder that was there; what makes it a store comes last.
    private static func move(_ draft: String, into path: String, named store: String) throws {
        guard chmod(path, 0o700) == 0 else { throw failure("chmod", store) }
        try Custody.unwritable.check(path: path, called: "the folder \(Printable.quote(store))")
        let names = try FileManager.default.contentsOfDirectory(atPath: draft).filter { $0 != markerName }
        for name in names + [markerName] {
            guard rename("\(draft)/\(name)", "\(path)/\(name)") == 0 else { throw failure("rename", store) }
        }
        rmdir(draft)
    }

    private static func build(at path: String) async throws -> (registry: PrivateKey, log: Ed25519PrivateKey) {
        for folder in ["/blobs", "/uploads", "/keys", "/staging", "/log"] {
            guard mkdir(path + folder, 0o700) == 0 else { throw failure("mkdir", path) }
        }
        let key = try PrivateKey.generate()
        try write(key.pem, as: "registry.pem", in: path + "/keys")
        try write(key.publicKey.pem, as: "registry.pub.pem", in: path + "/keys")
        let logKey = try Ed25519PrivateKey.generate()
        try write(logKey.pem, as: "log.pem", in: path + "/keys")
        try write(logKey.publicKey.pem, as: "log.pub.pem", in: path + "/keys")
        let now = SystemClock().now()
        let threads = NIOThreadPool(numberOfThreads: 1)
        threads.start()
        let log = try FileAuditLog(folder: path + "/log", key: logKey, threads: threads, logger: Logger(label: "assay"))
        let index = try SQLiteIndex.open(path: path + "/index.sqlite", log: log)
        try await index.addTrustedKey(
            TrustedKey(
                id: key.publicKey.id, name: "registry", pem: key.publicKey.pem, role: .registry, addedAt: now),
            actor: Principal.registry.name)
        try await index.addTrustedKey(
            TrustedKey(
                id: logKey.publicKey.id, name: "log", pem: logKey.publicKey.pem, role: .log, addedAt: now),
            actor: Principal.registry.name)
        try index.close()
        try await threads.shutdownGracefully()
        let marker = try JSON.encode(Marker(format: formatVersion, createdAt: now))
        try write(String(decoding: marker, as: UTF8.self) + "\n", as: markerName, in: path)
        return (key, logKey)
    }

    private static func write(_ text: String, as name: String, in folder: String) throws(AssayError) {
        try FolderHandle.openOwn(path: folder, called: "the folder")
            .write(Array(text.utf8), as: name, replacing: false, flushed: true, isSecret: true)
    }

    // MARK: Opening

    /// Takes a store for this process; nil if another process has it.
    ///
    /// From here on this process makes nothing that anybody but its user may open, sockets included: whatever a store
    /// holds is its owner's. Throws `store-not-found`, `configuration-invalid` for a store or a key that is somebody
    /// else's, that others may write to, or a key that they may read, and `store-version-unsupported`.
    static func open(_ store: String) throws -> StoreFolder? {
        umask(othersMayNothing)
        let path = absolute(store)
        try checkFolder(path, named: store)
        try checkFormat(path, named: store)
        let lock = Glibc.open(path + "/assay.lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard lock >= 0 else {
            guard ReadableStore.refusals.contains(errno) else { throw failure("open", store) }
            return try openReadOnly(path, named: store)
        }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            close(lock)
            if code == EWOULDBLOCK { return nil }
            throw failure("flock", store)
        }
        do {
            guard FileManager.default.fileExists(atPath: path + "/index.sqlite") else {
                throw AssayError(
                    .storageFailed, "the store \(Printable.quote(store)) has lost its index",
                    reason: "an empty one would forget every version, policy and trusted key",
                    remedy: "restore index.sqlite from a backup")
            }
            let logKey = try readLogKey(in: path)
            return StoreFolder(
                path: path,
                keys: try RegistryKeyFiles(
                    folder: path + "/keys", current: PrivateKey(pem: readKey("registry.pem", in: path)),
                    logKeyID: logKey.publicKey.id),
                logKey: logKey, uploadKey: try UploadKeyFile.open(in: path + "/keys"), lock: lock)
        } catch {
            close(lock)
            throw error
        }
    }

    /// Takes a store to read it and nothing else, beside others who do; nil if somebody writes to it, who can be asked.
    private static func openReadOnly(_ path: String, named store: String) throws -> StoreFolder? {
        // A copy of a store may lack the file; then nobody else can have its lock.
        let lock = Glibc.open(path + "/assay.lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard lock < 0 || flock(lock, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
            close(lock)
            return nil
        }
        do {
            return try read(path, named: store, lock: lock)
        } catch {
            if lock >= 0 { close(lock) }
            throw error
        }
    }

    /// The same store to be read and nothing else, after it was found that nothing can be written; this one keeps it.
    func asReadOnly(named store: String) throws -> StoreFolder {
        try Self.read(path, named: store, lock: -1)
    }

    private static func read(_ path: String, named store: String, lock: Int32) throws -> StoreFolder {
        let readable = try ReadableStore(of: path, named: store)
        let logKey = try Ed25519PrivateKey(pem: readKey("log.pem", in: path))
        return StoreFolder(
            path: readable.path,
            keys: try RegistryKeyFiles(
                folder: path + "/keys", current: PrivateKey(pem: readKey("registry.pem", in: path)),
                logKeyID: logKey.publicKey.id),
            logKey: logKey, uploadKey: try MessageKey(secret: SecureRandom.bytes(MessageKey.secretLength)), lock: lock,
            readable: readable)
    }

    private static func checkFolder(_ path: String, named store: String) throws {
        guard let status = FileStatus(of: path) else {
            throw AssayError(
                .storeNotFound, "there is no store \(Printable.quote(store))", remedy: "make one: assay init \(store)")
        }
        guard status.type == .typeDirectory else {
            throw AssayError(
                .storeNotFound, "\(Printable.quote(store)) is a file or a link, no folder",
                remedy: "name the store's folder itself")
        }
        try Custody.unwritable.check(path: path, called: "the store \(Printable.quote(store))")
        for name in contents {
            try Custody.unwritable.check(
                path: "\(path)/\(name)", called: "\(name) of the store \(Printable.quote(store))")
        }
        try Surroundings.check(path, called: "the store \(Printable.quote(store))")
    }

    private static func checkFormat(_ path: String, named store: String) throws {
        guard let content = FileManager.default.contents(atPath: "\(path)/\(markerName)") else {
            throw AssayError(
                .storeNotFound, "\(Printable.quote(store)) is no store", reason: "it has no store.json",
                remedy: "make one: assay init FOLDER")
        }
        let marker: Marker
        do {
            marker = try JSON.decode(Marker.self, from: [UInt8](content))
        } catch {
            throw AssayError(
                .configurationInvalid, "store.json of \(Printable.quote(store)) is damaged",
                reason: (error as? AssayError)?.reason, remedy: "restore it from a backup", cause: error)
        }
        guard marker.format == formatVersion else {
            throw AssayError(
                .storeVersionUnsupported, "the store \(Printable.quote(store)) has format \(marker.format)",
                reason: "this build knows format \(formatVersion)",
                remedy: "use the build that made it, or a newer one")
        }
    }

    private static func readKey(_ name: String, in store: String) throws -> String {
        let path = "\(store)/keys/\(name)"
        do {
            let file = try LocalFile(openingSecret: path, called: "the key keys/\(name) of the store")
            return String(decoding: try file.readAll(bytesMax: RegistryKeyFiles.bytesMax), as: UTF8.self)
        } catch {
            if error.code == .configurationInvalid { throw error }
            throw AssayError(
                .keyInvalid, "a key of the store is missing", reason: error.message, remedy: "restore keys/\(name)",
                cause: error)
        }
    }

    /// The log's key. A store of before the audit log gets one; a store with a log that lost its key does not, because
    /// another key would be another log.
    private static func readLogKey(in store: String) throws -> Ed25519PrivateKey {
        if FileManager.default.fileExists(atPath: store + "/log") {
            return try Ed25519PrivateKey(pem: readKey("log.pem", in: store))
        }
        let key = try Ed25519PrivateKey.generate()
        try write(key.pem, as: "log.pem", in: store + "/keys")
        try write(key.publicKey.pem, as: "log.pub.pem", in: store + "/keys")
        guard mkdir(store + "/log", 0o700) == 0 else { throw failure("mkdir", store) }
        sync()
        return key
    }

    static func absolute(_ path: String) -> String {
        let full = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        return URL(fileURLWithPath: full).standardizedFileURL.path
    }

    private static func failure(_ call: String, _ store: String) -> AssayError {
        let text = String(cString: strerror(errno))
        return AssayError(
            .storageFailed, "the store \(Printable.quote(store)) cannot be opened", reason: "\(call): \(text)")
    }
}
