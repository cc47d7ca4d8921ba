import CArchive

/// Writes a tar archive whose bytes depend on nothing but the paths, the contents and their order.
///
/// Times, user and group are 0 and the mode is 0644. Headers are plain ustar; a pax header comes before a member only
/// where its path or size does not fit. The caller gives the members in order and each size beforehand. Paths are
/// ASCII: libarchive would translate others by the locale of the process, and a bundle names its members by digest
/// anyway.
package final class TarWriter {
    private static let mode: UInt32 = 0o644
    private static let regularFile: UInt32 = 0o100000

    private let handle: OpaquePointer  // struct archive *, owned
    private let sink: Sink
    private var bytesLeft: Int64 = 0
    private var paths = PathTree()

    /// Starts an archive that goes to an output as it is written.
    package init(_ output: any ByteOutput) throws {
        guard let handle = archive_write_new() else { throw ArchiveError(.writeFailed, "out of memory") }
        self.handle = handle
        sink = Sink(output)
        try check(archive_write_set_format_pax_restricted(handle), "archive_write_set_format_pax_restricted")
        // The caller's chunks pass through unbuffered, and the end is not filled up to a record.
        try check(archive_write_set_bytes_per_block(handle, 0), "archive_write_set_bytes_per_block")
        try check(archive_write_set_bytes_in_last_block(handle, 1), "archive_write_set_bytes_in_last_block")
        let context = Unmanaged.passUnretained(sink).toOpaque()
        try check(archive_write_open(handle, context, nil, writeToSink, nil), "archive_write_open")
    }

    deinit {
        // Without this, freeing the handle would write an end marker behind an archive that was given up.
        archive_write_fail(handle)
        archive_write_free(handle)
    }

    /// Starts a member of exactly `size` bytes. Throws an `ArchiveError` for a path that the reader would refuse.
    package func begin(path: String, size: Int64) throws {
        precondition(bytesLeft == 0, "the member before has its whole content")
        precondition(size >= 0, "a size is not negative")
        try EntryPath.check(path)
        guard path.utf8.allSatisfy({ $0 < 0x80 }) else {
            throw ArchiveError(.pathInvalid, "'\(path)' is not ASCII, as members that are written must be")
        }
        try paths.insertFile(path)
        guard let entry = archive_entry_new() else { throw ArchiveError(.writeFailed, "out of memory") }
        defer { archive_entry_free(entry) }
        archive_entry_copy_pathname(entry, path)
        archive_entry_set_size(entry, size)
        archive_entry_set_filetype(entry, Self.regularFile)
        archive_entry_set_perm(entry, Self.mode)
        archive_entry_set_uid(entry, 0)
        archive_entry_set_gid(entry, 0)
        archive_entry_set_mtime(entry, 0, 0)
        try check(archive_write_header(handle, entry), "archive_write_header")
        bytesLeft = size
    }

    /// Adds content to the member that was begun.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        guard Int64(bytes.count) <= bytesLeft else {
            throw ArchiveError(.sizeInvalid, "a member has more content than its size")
        }
        guard !bytes.isEmpty else { return }
        let count = archive_write_data(handle, bytes.baseAddress, bytes.count)
        guard count == bytes.count else { throw failure("archive_write_data") }
        bytesLeft -= Int64(count)
    }

    /// Ends the member that was begun. Throws `size-invalid` if its content is too short.
    package func end() throws {
        guard bytesLeft == 0 else { throw ArchiveError(.sizeInvalid, "a member has less content than its size") }
        try check(archive_write_finish_entry(handle), "archive_write_finish_entry")
    }

    /// Adds a whole member from memory.
    package func add(path: String, bytes: [UInt8]) throws {
        try begin(path: path, size: Int64(bytes.count))
        try bytes.withUnsafeBytes { try write($0) }
        try end()
    }

    /// Writes the end marker; without it the archive is not complete.
    package func finish() throws {
        precondition(bytesLeft == 0, "the last member has its whole content")
        try check(archive_write_close(handle), "archive_write_close")
    }

    private func check(_ status: Int32, _ call: String) throws {
        if status != ARCHIVE_OK { throw failure(call) }
    }

    /// The output's own error if that is what failed, or else libarchive's words.
    private func failure(_ call: String) -> any Error {
        if let error = sink.error { return error }
        let text = archive_error_string(handle).map { String(cString: $0) } ?? "no reason given"
        return ArchiveError(.writeFailed, "\(call): \(text)")
    }
}

/// Carries an output and its first error across libarchive's callback.
private final class Sink {
    private let output: any ByteOutput
    private(set) var error: (any Error)?

    init(_ output: any ByteOutput) { self.output = output }

    /// The number of bytes taken, or -1.
    func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        do {
            try output.write(bytes)
            return bytes.count
        } catch {
            self.error = error
            return -1
        }
    }
}

/// libarchive's write callback; the context is the writer's `Sink`, which outlives the handle.
private func writeToSink(
    _: OpaquePointer?, context: UnsafeMutableRawPointer?, bytes: UnsafeRawPointer?, count: Int
) -> Int {
    guard let context else { return -1 }
    return Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
        .write(UnsafeRawBufferPointer(start: bytes, count: count))
}
