package import AssayDomain
import Glibc
import Synchronization

/// Blobs of a server in a folder of this machine, so that the next use does not fetch them again.
///
/// What was used least recently makes room for what is new; what is in use stays. One process has the folder at a time.
package final class BlobCache: Sendable {
    private static let lockName = ".lock"
    private static let lockMode: mode_t = 0o600

    private let folder: FolderHandle
    private let bytesMax: Int64
    private let lock: Int32  // owned
    private let turn = Turn()
    private let state = Mutex(State())

    private struct State {
        /// How many use a file now.
        var users: [String: Int] = [:]
        /// Files whose bytes this process has seen to be right, as they were then.
        var proven: [String: FileIdentity] = [:]
    }

    /// Makes the folder if it is missing. Throws `configuration-invalid` if another process has it, if it is somebody
    /// else's, or if others may write to it.
    package init(path: String, bytesMax: Int64) throws(AssayError) {
        folder = try FolderHandle.makeOwn(path: path, called: "the cache")
        self.bytesMax = bytesMax
        lock = open("\(path)/\(Self.lockName)", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, Self.lockMode)
        guard lock >= 0 else { throw FileFailure.error(path, "lock", errno) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw AssayError(
                .configurationInvalid, "another process has the cache \(Printable.quote(path))",
                remedy: "name another folder: --cache DIR")
        }
    }

    deinit { close(lock) }

    /// Lends the path of a file with a blob's bytes, checked against its digest, fetching it if it is not there.
    ///
    /// The path names the very file that was checked, and holds until `body` returns. It is not to be changed. Throws
    /// `body-too-large` where the cache cannot hold it, and what a download throws.
    package func withFile<Result: Sendable>(
        of blob: Descriptor, from repository: RepositoryName, by client: AssayClient,
        _ body: (String) async throws -> Result
    ) async throws -> Result {
        let name = "\(blob.digest.algorithm.rawValue)-\(blob.digest.hex)"
        state.withLock { $0.users[name, default: 0] += 1 }
        defer {
            state.withLock { state in
                let count = state.users[name, default: 1] - 1
                state.users[name] = count > 0 ? count : nil
            }
        }
        // One at a time: two that want the same blob fetch it once, and room that is made is not taken by another.
        let file = try await turn.run { try await self.fetch(blob, as: name, from: repository, by: client) }
        // Its descriptor is what was proven; the name could be given to other bytes.
        defer { withExtendedLifetime(file) {} }
        return try await body(file.ownPath)
    }

    private func fetch(
        _ blob: Descriptor, as name: String, from repository: RepositoryName, by client: AssayClient
    ) async throws -> LocalFile {
        if let file = try await proven(blob, name, files: client.files) { return file }
        try await client.files.run { try self.makeRoom(for: blob.size) }
        try await client.download(
            blob, from: repository, to: DownloadTarget(folder: folder, name: name, isReplacing: true))
        guard let file = try await proven(blob, name, files: client.files) else {
            throw AssayError(
                .changedWhileReading, "\(Printable.quote("\(folder.path)/\(name)")) is not what was written",
                reason: "somebody else changed the cache meanwhile", remedy: "use a folder of your own")
        }
        return file
    }

    /// The file of a blob, if it is there with its bytes; what has its name and is something else is removed.
    private func proven(_ blob: Descriptor, _ name: String, files: FileAccess) async throws -> LocalFile? {
        guard let file = try await files.run({ try self.folder.ownFile(name) }) else {
            // What somebody else put there while the folder let him is no blob of ours.
            folder.remove(name)
            return nil
        }
        let known = state.withLock { $0.proven[name] }
        guard file.size == blob.size else {
            folder.remove(name)
            return nil
        }
        if !(known.map(file.identity.hasBytes(of:)) ?? false) {
            guard try await files.hash(file, algorithm: blob.digest.algorithm) == blob.digest else {
                folder.remove(name)
                return nil
            }
        }
        let now = try file.touch()
        state.withLock { $0.proven[name] = now }
        return file
    }

    // MARK: Room

    private struct Entry {
        let name: String
        let size: Int64
        let lastUse: Int
    }

    /// Removes what was used least recently until so many bytes more fit.
    private func makeRoom(for size: Int64) throws(AssayError) {
        guard size >= 0 else { throw AssayError(.serverRefused, "the server named a file of \(size) bytes") }
        var entries = entries()
        var sum = entries.reduce(Int64(0)) { $0 + $1.size }
        let used = state.withLock { Set($0.users.keys) }
        entries.removeAll { used.contains($0.name) }
        entries.sort { ($0.lastUse, $0.name) < ($1.lastUse, $1.name) }
        for entry in entries where sum > bytesMax - size {
            folder.remove(entry.name)
            state.withLock { $0.proven[entry.name] = nil }
            sum -= entry.size
        }
        guard sum <= bytesMax - size else {
            throw AssayError(
                .bodyTooLarge, "the cache has no room for \(size) bytes",
                reason: "it holds \(bytesMax), and \(sum) of them are in use", remedy: "raise --cache-size")
        }
    }

    /// The files of the folder, unfinished ones too.
    private func entries() -> [Entry] {
        guard let stream = opendir(folder.path) else { return [] }
        defer { closedir(stream) }
        var entries: [Entry] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            var status = stat()
            guard name != Self.lockName, lstat("\(folder.path)/\(name)", &status) == 0,
                status.st_mode & S_IFMT == S_IFREG
            else { continue }
            entries.append(Entry(name: name, size: Int64(status.st_size), lastUse: status.st_mtim.tv_sec))
        }
        return entries
    }
}

/// Lets one piece of work run at a time, in the order of asking.
private actor Turn {
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func run<Value: Sendable>(_ work: @Sendable () async throws -> Value) async throws -> Value {
        if isTaken {
            await withCheckedContinuation { waiting.append($0) }
        } else {
            isTaken = true
        }
        defer {
            if waiting.isEmpty { isTaken = false } else { waiting.removeFirst().resume() }
        }
        try Task.checkCancellation()
        return try await work()
    }
}
