import CArchive

/// Reads the entries of a zip file one after another, as its central directory lists them.
///
/// Nothing is written anywhere: names are labels here, never paths. Sizes that the archive claims are not trusted; what
/// comes out is counted. After an error the reader gives nothing more.
package final class ZipReader {
    private let handle: OpaquePointer  // struct archive *, owned
    private let limits: ZipLimits
    private var names: Set<String> = []
    private var bytesLeft: Int
    private var isFinished = false

    /// Opens the zip file at a path, which the caller has made sure to be a regular file.
    package init(path: String, limits: ZipLimits) throws(ZipError) {
        guard let handle = archive_read_new() else { throw ZipError.outOfMemory }
        self.handle = handle
        self.limits = limits
        bytesLeft = limits.outputBytesMax
        // The seekable reader alone: it goes by the central directory, so junk between entries is never read as one.
        try check(archive_read_support_format_zip_seekable(handle))
        try check(archive_read_open_filename(handle, path, Self.blockBytes))
    }

    deinit {
        archive_read_free(handle)
    }

    private static let blockBytes = 64 << 10

    /// The name of the next entry, whose bytes `read` then gives; nil after the last one.
    ///
    /// Folders, links and encrypted entries are refused, as are names that occur twice.
    package func nextEntry() throws(ZipError) -> String? {
        guard !isFinished else { return nil }
        var entry: OpaquePointer?
        let status = archive_read_next_header(handle, &entry)
        if status == ARCHIVE_EOF {
            isFinished = true
            return nil
        }
        try check(status)
        guard let entry, let text = archive_entry_pathname_utf8(entry) ?? archive_entry_pathname(entry) else {
            throw fail(.damaged("an entry has no readable name"))
        }
        let name = String(cString: text)
        guard name.utf8.count <= limits.nameBytesMax else { throw fail(.nameTooLong(limit: limits.nameBytesMax)) }
        guard names.count < limits.entriesMax else { throw fail(.tooManyEntries(limit: limits.entriesMax)) }
        guard names.insert(name).inserted else { throw fail(.duplicateEntry(name)) }
        guard archive_entry_filetype(entry) == Self.regularFile else { throw fail(.notAFile(name)) }
        guard archive_entry_is_encrypted(entry) == 0 else { throw fail(.encrypted(name)) }
        return name
    }

    /// Fills the buffer with the entry's next bytes and says how many; fewer than asked for only at its end.
    ///
    /// At the end of an entry its checksum has been compared.
    package func read(into buffer: inout MutableRawSpan) throws(ZipError) -> Int {
        var filled = 0
        while filled < buffer.byteCount, !isFinished {
            let count = buffer.withUnsafeMutableBytes { bytes in
                archive_read_data(handle, bytes.baseAddress.map { $0 + filled }, bytes.count - filled)
            }
            if count == 0 { return filled }
            guard count > 0 else { throw fail(.damaged(reason)) }
            guard count <= bytesLeft else { throw fail(.tooLarge(limit: limits.outputBytesMax)) }
            bytesLeft -= count
            filled += count
        }
        return filled
    }

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
    case encrypted(String)
    case duplicateEntry(String)
    case notAFile(String)
    case nameTooLong(limit: Int)
    case tooManyEntries(limit: Int)
    case tooLarge(limit: Int)
    case outOfMemory
}
