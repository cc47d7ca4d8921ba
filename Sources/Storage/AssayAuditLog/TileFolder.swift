import AssayDomain
import Glibc
import TransparencyLog

/// The files of a log: one for each tile, which grows to its full width and then never changes.
///
/// A partial tile is the beginning of the full one, so a reader of any width gets the first bytes of the file. A file
/// may hold more than what is published: bytes beyond the published tree mean nothing.
struct TileFolder: Sendable {
    /// The most bytes of a tile: 256 entries of the largest size, each with its length.
    private static let tileBytesMax = Tile.widthMax * (AuditEntry.bytesMax + 2)

    let root: String

    /// Where the file of a tile lies, whatever its width.
    private func path(of content: Tile.Content, _ number: Int64) -> String {
        "\(root)/tile/\(Tile(content, number).path)"
    }

    /// The bytes of a tile's file; nil if there is none.
    func read(_ content: Tile.Content, _ number: Int64) throws(AssayError) -> [UInt8]? {
        try self.content(of: path(of: content, number), bytesMax: Self.tileBytesMax)
    }

    private func content(of path: String, bytesMax: Int) throws(AssayError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw Self.failure("open")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.failure("read") }
            if count == 0 { return bytes }
            bytes.append(contentsOf: buffer[..<count])
            guard bytes.count <= bytesMax else {
                throw AssayError(.logInconsistent, "a file of the audit log is larger than any that is written")
            }
        }
    }

    /// Puts bytes at an offset of a tile's file, cuts off what stood behind them, and flushes all of it if asked to.
    func write(
        _ bytes: [UInt8], at offset: Int, of content: Tile.Content, _ number: Int64, isDurable: Bool
    ) throws(AssayError) {
        let path = path(of: content, number)
        try write(bytes, at: offset, to: path, isDurable: isDurable)
        if isDurable { try flushFolder(above: path) }
    }

    private func write(
        _ bytes: [UInt8], at offset: Int, to path: String, isDurable: Bool = false
    ) throws(AssayError) {
        if offset == 0 { try makeFolder(above: path) }
        let descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.failure("open") }
        defer { close(descriptor) }
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes {
                pwrite(descriptor, $0.baseAddress, $0.count, off_t(offset + written))
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw Self.failure("pwrite") }
            written += count
        }
        guard ftruncate(descriptor, off_t(offset + bytes.count)) == 0 else { throw Self.failure("ftruncate") }
        guard isDurable else { return }
        guard fsync(descriptor) == 0 else { throw Self.failure("fsync") }
    }

    // MARK: The last checkpoint

    private var checkpointPath: String { "\(root)/checkpoint" }

    /// The checkpoint that was published last; nil if there is none.
    func readCheckpoint() throws(AssayError) -> [UInt8]? {
        let bytes = try content(of: checkpointPath, bytesMax: Self.checkpointBytesMax)
        return bytes.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Keeps a checkpoint. It needs no flush: one that is lost in a crash is older than the index, never newer.
    func writeCheckpoint(_ bytes: [UInt8]) throws(AssayError) { try write(bytes, at: 0, to: checkpointPath) }

    private static let checkpointBytesMax = 64 << 10

    // MARK: Files

    /// Makes the folders that a file needs, each durable in the one above it.
    private func makeFolder(above path: String) throws(AssayError) {
        guard let folder = Self.folder(above: path), access(folder, F_OK) != 0 else { return }
        if folder.utf8.count > root.utf8.count { try makeFolder(above: folder) }
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw Self.failure("mkdir") }
        try flushFolder(above: folder)
    }

    private func flushFolder(above path: String) throws(AssayError) {
        guard let folder = Self.folder(above: path) else { return }
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Self.failure("open") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Self.failure("fsync") }
    }

    private static func folder(above path: String) -> String? {
        path.lastIndex(of: "/").map { String(path[..<$0]) }
    }

    private static func failure(_ call: String) -> AssayError {
        let code = errno
        let isFull = code == ENOSPC || code == EDQUOT
        return AssayError(
            isFull ? .storageFull : .storageFailed, "the audit log cannot be written or read",
            reason: "\(call): \(String(cString: strerror(code)))", remedy: "check the disk, then restart the server")
    }
}
