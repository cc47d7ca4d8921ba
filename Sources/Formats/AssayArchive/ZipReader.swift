import CArchive

/// Reads the entries of a zip file one after another, in an archive that can be read in one way alone.
///
/// `ZipDirectory` reads the structure before any data; libarchive only takes out what it lists. Nothing is written
/// anywhere: names are labels here, never paths. What comes out must be as long as was said. After an error the reader
/// gives nothing more.
package final class ZipReader {
    private let source: ZipSource
    private let handle: OpaquePointer  // struct archive *, owned
    private let limits: ZipLimits
    private var entries: ArraySlice<ZipEntry>
    private var bytesLeft: Int
    /// Of the entry that is read now, what must still come out.
    private var entryBytesLeft = 0
    private var isFinished = false

    /// Opens the zip file at a path, which the caller has made sure to be a regular file.
    package init(path: String, limits: ZipLimits) throws(ZipError) {
        source = try ZipSource(path: path)
        entries = try ZipDirectory(source, limits: limits).entries[...]
        guard let handle = archive_read_new() else { throw ZipError.outOfMemory }
        self.handle = handle
        self.limits = limits
        bytesLeft = limits.outputBytesMax
        // libarchive takes an archive without entries for none.
        guard !entries.isEmpty else {
            isFinished = true
            return
        }
        // The seekable reader alone: it goes by the central directory, as all that is checked was.
        try check(archive_read_support_format_zip_seekable(handle))
        try check(archive_read_open_fd(handle, source.descriptor, Self.blockBytes))
    }

    deinit {
        archive_read_free(handle)
    }

    private static let blockBytes = 64 << 10

    /// The name of the next entry, whose bytes `read` then gives; nil after the last one.
    package func nextEntry() throws(ZipError) -> String? {
        guard !isFinished else { return nil }
        var entry: OpaquePointer?
        let status = archive_read_next_header(handle, &entry)
        guard let expected = entries.popFirst() else {
            guard status == ARCHIVE_EOF else { throw fail(Self.otherReading) }
            isFinished = true
            return nil
        }
        // libarchive warns of names that the locale has no letters for; they are not taken from it.
        if status != ARCHIVE_WARN { try check(status) }
        // Entries come in the order of the file, which is that of the directory.
        guard let entry, archive_entry_size_is_set(entry) != 0, archive_entry_size(entry) == Int64(expected.size),
            archive_entry_filetype(entry) == Self.regularFile, archive_entry_is_encrypted(entry) == 0
        else { throw fail(Self.otherReading) }
        entryBytesLeft = expected.size
        return expected.name
    }

    /// Fills the buffer with the entry's next bytes and says how many; fewer than asked for only at its end.
    ///
    /// At the end of an entry its size and its checksum have been compared.
    package func read(into buffer: inout MutableRawSpan) throws(ZipError) -> Int {
        var filled = 0
        while filled < buffer.byteCount, !isFinished {
            let count = buffer.withUnsafeMutableBytes { bytes in
                archive_read_data(handle, bytes.baseAddress.map { $0 + filled }, bytes.count - filled)
            }
            if count == 0 {
                guard entryBytesLeft == 0 else { throw fail(Self.otherReading) }
                return filled
            }
            guard count > 0 else { throw fail(.damaged(reason)) }
            guard count <= bytesLeft else { throw fail(.tooLarge(limit: limits.outputBytesMax)) }
            guard count <= entryBytesLeft else { throw fail(Self.otherReading) }
            bytesLeft -= count
            entryBytesLeft -= count
            filled += count
        }
        return filled
    }

    private static let otherReading = ZipError.ambiguous("its entries are not those that its directory lists")
    private static let regularFile: UInt32 = 0o100000

    private func check(_ status: Int32) throws(ZipError) {
        if status != ARCHIVE_OK { throw fail(.damaged(reason)) }
    }

    private func fail(_ error: ZipError) -> ZipError {
        isFinished = true
        return error
    }

    private var reason: String {
        archive_error_string(handle).map { String(cString: $0) } ?? "no reason given"
    }
}

/// What a zip file may make a reader do.
package struct ZipLimits: Sendable {
    package var entriesMax: Int
    package var nameBytesMax: Int
    /// Bytes over all entries, counted as they come out.
    package var outputBytesMax: Int

    package init(entriesMax: Int, nameBytesMax: Int = 1_024, outputBytesMax: Int) {
        self.entriesMax = entriesMax
        self.nameBytesMax = nameBytesMax
        self.outputBytesMax = outputBytesMax
    }
}

/// Why a zip file cannot be read; names in it are as found and not safe to print.
package enum ZipError: Error, Equatable {
    case damaged(String)
    /// Two readers could find different things in it.
    case ambiguous(String)
    case encrypted(String)
    case duplicateEntry(String)
    case notAFile(String)
    case nameTooLong(limit: Int)
    case tooManyEntries(limit: Int)
    case tooLarge(limit: Int)
    case outOfMemory
}
