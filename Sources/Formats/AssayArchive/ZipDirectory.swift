import Glibc

/// One entry of a zip file, as directory and local header both describe it.
struct ZipEntry: Equatable {
    let name: String
    let size: Int
}

/// The structure of a zip file, read so that no two readers can see different entries in it.
///
/// Entries follow each other from the first byte in the order of the directory, the directory follows the last one, the
/// end records follow the directory, and nothing follows them. Each place is stated once or by records that agree.
/// Readers differ in where they look for the end record, whether they believe an offset or an adjacency, the directory
/// or the local header, the first or the last of two equal names: here all of them find the same.
/// Source: PKWARE, APPNOTE 6.3.10, section 4.3.
struct ZipDirectory {
    /// In the order of the file.
    let entries: [ZipEntry]

    init(_ source: ZipSource, limits: ZipLimits) throws(ZipError) {
        let end = try ZipEnd(source)
        guard end.entryCount <= limits.entriesMax else { throw .tooManyEntries(limit: limits.entriesMax) }
        guard end.directorySize <= Self.bytesMax else { throw .damaged("its directory is too large") }
        var fields = ZipFields(try source.bytes(at: end.directoryOffset, count: end.directorySize))
        var entries: [ZipEntry] = []
        var names: Set<[UInt8]> = []
        var position = 0
        for _ in 0..<end.entryCount {
            let (header, offset) = try Self.centralHeader(&fields, limits: limits)
            guard names.insert(header.name).inserted else {
                throw .duplicateEntry(String(decoding: header.name, as: UTF8.self))
            }
            guard offset == position else { throw .ambiguous("its entries overlap, or do not follow each other") }
            position = try Self.end(of: header, at: offset, in: source, before: end.directoryOffset)
            entries.append(ZipEntry(name: String(decoding: header.name, as: UTF8.self), size: header.size))
        }
        guard fields.count == 0 else { throw .ambiguous("its directory has more entries than its end record says") }
        guard position == end.directoryOffset else {
            throw .ambiguous("there is something between entries and directory")
        }
        self.entries = entries
    }

    /// More than a thousand entries with long names need.
    private static let bytesMax = 16 << 20

    // MARK: Directory

    /// One header of the directory, and where it says that its entry begins.
    private static func centralHeader(
        _ fields: inout ZipFields, limits: ZipLimits
    ) throws(ZipError) -> (ZipHeader, offset: Int) {
        guard try fields.number32() == ZipHeader.centralMark else { throw .damaged("its directory is not one") }
        let maker = try fields.number16() >> 8
        try checkVersion(try fields.number16())
        let flags = try fields.number16()
        let method = try fields.number16()
        _ = try fields.number32()  // The time.
        let checksum = try fields.number32()
        let sizes = [try fields.number32(), try fields.number32()].reversed()
        let nameCount = try fields.number16()
        let extraCount = try fields.number16()
        let commentCount = try fields.number16()
        let disk = try fields.number16()
        _ = try fields.number16()  // Whether it is text, for people.
        let attributes = try fields.number32()
        let offset = try fields.number32()
        guard nameCount <= limits.nameBytesMax else { throw .nameTooLong(limit: limits.nameBytesMax) }
        let name = try fields.bytes(nameCount)
        var extra = try ZipExtra(try fields.bytes(extraCount))
        guard disk == 0 else { throw .ambiguous("it is a part of several files") }
        guard commentCount == 0 else { throw .ambiguous("an entry has a comment") }
        let text = try checkName(name, flags: flags)
        try checkKind(text, flags: flags, method: method)
        guard isFile(maker: maker, attributes: attributes) else { throw .notAFile(text) }
        let wide = try extra.widen(Array(sizes) + [offset])
        let header = ZipHeader(
            name: name, flags: flags, method: method, checksum: checksum, compressedSize: wide[1], size: wide[0])
        guard method != ZipHeader.Method.stored || header.size == header.compressedSize else {
            throw .ambiguous("an entry that is stored as it is has two sizes")
        }
        return (header, wide[2])
    }

    /// The name as text: printable as bytes that every reader decodes alike.
    private static func checkName(_ name: [UInt8], flags: Int) throws(ZipError) -> String {
        guard let text = String(validating: name, as: UTF8.self) else {
            throw .ambiguous("a name is not UTF-8")
        }
        // Readers that do not see the flag decode such names by the code page of a system.
        guard flags & ZipHeader.Flag.utf8 != 0 || name.allSatisfy({ $0 < 0x80 }) else {
            throw .ambiguous("a name has other letters than ASCII and does not say that they are UTF-8")
        }
        // Python cuts a name at a zero and turns a backslash on some systems.
        guard !name.isEmpty, !name.contains(0), !name.contains(UInt8(ascii: "\\")) else {
            throw .ambiguous("a name is empty, or has a zero or a backslash in it")
        }
        guard name.last != UInt8(ascii: "/") else { throw .notAFile(text) }
        return text
    }

    /// What is needed is told by method and flags; some readers go by the version and give up above this one.
    private static func checkVersion(_ needed: Int) throws(ZipError) {
        guard needed <= 63 else { throw .ambiguous("an entry needs a version that is not known") }
    }

    private static func checkKind(_ name: String, flags: Int, method: Int) throws(ZipError) {
        guard flags & ZipHeader.Flag.encrypted == 0 else { throw .encrypted(name) }
        let known = ZipHeader.Flag.effort | ZipHeader.Flag.descriptor | ZipHeader.Flag.utf8
        guard flags & ~known == 0 else { throw .ambiguous("an entry has flags that are not known") }
        guard ZipHeader.Method.known.contains(method) else {
            throw .damaged("an entry is compressed by the method \(method), which is not known")
        }
    }

    /// No folder by the attributes of MS-DOS, and a regular file, or nothing said, by those of Unix.
    private static func isFile(maker: Int, attributes: Int) -> Bool {
        let unix = 3
        let kind = attributes >> 16 & 0o170000
        return attributes & 0x10 == 0 && (maker != unix || kind == 0 || kind == 0o100000)
    }

    // MARK: Entries

    /// Where an entry ends with all that belongs to it, its local header having said the same as the directory.
    private static func end(
        of central: ZipHeader, at offset: Int, in source: ZipSource, before limit: Int
    ) throws(ZipError) -> Int {
        var fields = ZipFields(try source.bytes(at: offset, count: ZipHeader.localByteCount))
        guard try fields.number32() == ZipHeader.localMark else { throw .damaged("an entry has no header of its own") }
        try checkVersion(try fields.number16())
        let flags = try fields.number16()
        let method = try fields.number16()
        _ = try fields.number32()
        let checksum = try fields.number32()
        let compressedSize = try fields.number32()
        let size = try fields.number32()
        let nameCount = try fields.number16()
        let extraCount = try fields.number16()
        var rest = ZipFields(
            try source.bytes(at: offset + ZipHeader.localByteCount, count: nameCount + extraCount))
        let name = try rest.bytes(nameCount)
        var extra = try ZipExtra(try rest.bytes(extraCount))
        let hasWideSizes = extra.zip64 != nil
        let wide = try extra.widen([size, compressedSize])
        let local = ZipHeader(
            name: name, flags: flags, method: method, checksum: checksum, compressedSize: wide[1], size: wide[0])
        guard agree(local, central) else { throw .ambiguous("an entry's own header contradicts the directory") }
        let data = offset + ZipHeader.localByteCount + nameCount + extraCount
        guard central.compressedSize <= limit - data else { throw .damaged("an entry reaches into the directory") }
        let end = data + central.compressedSize
        return central.hasDescriptor
            ? try endOfDescriptor(of: central, at: end, isWide: hasWideSizes, in: source) : end
    }

    /// With a descriptor the header may leave checksum and sizes to it, all of them or none.
    private static func agree(_ local: ZipHeader, _ central: ZipHeader) -> Bool {
        guard local.name == central.name, local.flags == central.flags, local.method == central.method else {
            return false
        }
        let figures = [local.checksum, local.compressedSize, local.size]
        return figures == [central.checksum, central.compressedSize, central.size]
            || central.hasDescriptor && figures == [0, 0, 0]
    }

    /// The descriptor has its mark, and sizes as wide as those of the header that it belongs to.
    private static func endOfDescriptor(
        of header: ZipHeader, at offset: Int, isWide: Bool, in source: ZipSource
    ) throws(ZipError) -> Int {
        let count = isWide ? 24 : 16
        var fields = ZipFields(try source.bytes(at: offset, count: count))
        let mark = try fields.number32()
        let checksum = try fields.number32()
        let compressedSize = isWide ? try fields.number64() : try fields.number32()
        let size = isWide ? try fields.number64() : try fields.number32()
        guard mark == ZipHeader.descriptorMark, checksum == header.checksum,
            compressedSize == header.compressedSize, size == header.size
        else { throw .ambiguous("what follows an entry's data contradicts the directory") }
        return offset + count
    }
}

/// Where the directory lies, by the records at the end of the file.
private struct ZipEnd {
    private static let mark = 0x0605_4B50
    private static let wideMark = 0x0606_4B50
    private static let locatorMark = 0x0706_4B50
    private static let byteCount = 22
    private static let wideByteCount = 56
    private static let locatorByteCount = 20

    let entryCount: Int
    let directorySize: Int
    let directoryOffset: Int

    init(_ source: ZipSource) throws(ZipError) {
        let offset = source.byteCount - Self.byteCount
        guard offset >= 0 else { throw .damaged("it is too short") }
        var fields = ZipFields(try source.bytes(at: offset, count: Self.byteCount))
        guard try fields.number32() == Self.mark else {
            throw .damaged("it does not end with the end record of an archive: it was cut, or has something after it")
        }
        let disks = [try fields.number16(), try fields.number16()]
        let counts = [try fields.number16(), try fields.number16()]
        let narrow = [try fields.number32(), try fields.number32()]
        guard try fields.number16() == 0 else { throw .ambiguous("it has a comment") }
        guard disks == [0, 0], counts[0] == counts[1] else {
            throw .ambiguous("it is a part of several files")
        }
        if let wide = try Self.wide(in: source, before: offset) {
            // Readers that know the wide record believe it alone, others the narrow one: both must say the same.
            guard counts[0] == wide.values[0] || counts[0] == ZipHeader.saturated16,
                zip(narrow, wide.values[1...]).allSatisfy({ $0 == $1 || $0 == ZipHeader.saturated32 })
            else { throw .ambiguous("its two end records contradict each other") }
            try self.init(wide.values, end: wide.offset)
        } else {
            guard counts[0] != ZipHeader.saturated16, !narrow.contains(ZipHeader.saturated32) else {
                throw .ambiguous("its end record needs a zip64 record that is not there")
            }
            try self.init([counts[0]] + narrow, end: offset)
        }
    }

    /// Of the count of entries, the directory's size and its offset; it must end where the end records begin.
    private init(_ values: [Int], end: Int) throws(ZipError) {
        (entryCount, directorySize, directoryOffset) = (values[0], values[1], values[2])
        guard directorySize <= end, directoryOffset == end - directorySize else {
            throw .ambiguous("its directory does not lie right before its end record")
        }
    }

    /// The zip64 end record, if there is a locator where one would be: then it must be there, and right before it.
    private static func wide(
        in source: ZipSource, before end: Int
    ) throws(ZipError) -> (values: [Int], offset: Int)? {
        let locatorOffset = end - locatorByteCount
        guard locatorOffset >= 0 else { return nil }
        var locator = ZipFields(try source.bytes(at: locatorOffset, count: locatorByteCount))
        guard try locator.number32() == locatorMark else { return nil }
        let offset = locatorOffset - wideByteCount
        let disk = try locator.number32()
        let stated = try locator.number64()
        let disks = try locator.number32()
        guard offset >= 0, stated == offset, disk == 0, disks == 1 else {
            throw .ambiguous("its zip64 end record is not where it must be")
        }
        var fields = ZipFields(try source.bytes(at: offset, count: wideByteCount))
        let recordMark = try fields.number32()
        let size = try fields.number64()
        _ = try fields.number32()  // Versions.
        let parts = [try fields.number32(), try fields.number32()]
        let counts = [try fields.number64(), try fields.number64()]
        guard recordMark == wideMark, size == wideByteCount - 12, parts == [0, 0], counts[0] == counts[1] else {
            throw .ambiguous("its zip64 end record is not one, or has more in it")
        }
        return ([counts[0], try fields.number64(), try fields.number64()], offset)
    }
}

/// The file that an archive is read from; owns its descriptor.
final class ZipSource {
    let descriptor: Int32
    let byteCount: Int

    init(path: String) throws(ZipError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .damaged(String(cString: strerror(errno))) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw .damaged("it is not a regular file")
        }
        self.descriptor = descriptor
        byteCount = Int(status.st_size)
    }

    deinit { close(descriptor) }

    /// Bytes that must all be there.
    func bytes(at offset: Int, count: Int) throws(ZipError) -> [UInt8] {
        guard offset >= 0, count <= byteCount - offset else { throw .damaged("a record ends after the file") }
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let more = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress.map { $0 + filled }, count - filled, off_t(offset + filled))
            }
            if more < 0, errno == EINTR { continue }
            guard more > 0 else { throw .damaged("it became shorter while it was read") }
            filled += more
        }
        return bytes
    }
}
