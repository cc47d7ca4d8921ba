/// Little-endian numbers and bytes of one record of a zip file, taken from front to back.
struct ZipFields {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    var count: Int { rest.count }

    mutating func number16() throws(ZipError) -> Int { Int(try number(2)) }

    mutating func number32() throws(ZipError) -> Int { Int(try number(4)) }

    /// A size or an offset; those that a file cannot have are refused.
    mutating func number64() throws(ZipError) -> Int {
        guard let value = Int(exactly: try number(8)) else { throw .damaged("a size is over 63 bits") }
        return value
    }

    mutating func bytes(_ count: Int) throws(ZipError) -> [UInt8] {
        guard count <= rest.count else { throw .damaged("a record ends before its last field") }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    private mutating func number(_ count: Int) throws(ZipError) -> UInt64 {
        try bytes(count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// What central directory and local header both say of an entry, and what each adds to it.
///
/// Source: PKWARE, APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.4.
struct ZipHeader {
    static let saturated32 = 0xFFFF_FFFF
    static let saturated16 = 0xFFFF
    /// The marks of a local header, of a directory header and of a data descriptor.
    static let localMark = 0x0403_4B50
    static let centralMark = 0x0201_4B50
    static let descriptorMark = 0x0807_4B50
    static let localByteCount = 30
    static let centralByteCount = 46

    /// What the bits of the flags say, of those that are read at all.
    enum Flag {
        static let encrypted = 1 << 0
        /// How hard a compressor tried; it means nothing to a reader.
        static let effort = 3 << 1
        /// Checksum and sizes follow the data.
        static let descriptor = 1 << 3
        static let utf8 = 1 << 11
    }

    enum Method {
        static let stored = 0
        static let deflated = 8
        static let bzip2 = 12
        static let lzma = 14
        /// What both Python and libarchive take out.
        static let known: Set<Int> = [stored, deflated, bzip2, lzma]
    }

    let name: [UInt8]
    let flags: Int
    let method: Int
    let checksum: Int
    let compressedSize: Int
    let size: Int

    var hasDescriptor: Bool { flags & Flag.descriptor != 0 }
}

/// The extra fields of a header.
struct ZipExtra {
    /// The content of the zip64 field, if there is one.
    private(set) var zip64: ZipFields?

    private static let zip64ID = 0x0001
    /// Times, owners and marks of tools: nothing that changes what an entry is or is called. All others are refused,
    /// among them the fields that give an entry another name (0x7075), encrypt it or add to its meaning.
    private static let ignoredIDs: Set<Int> = [
        0x000A,  // NTFS times
        0x5455,  // Unix times, of Info-ZIP
        0x5855, 0x7855, 0x7875,  // Unix owners, of Info-ZIP
        0xCAFE,  // the mark of Java archives
    ]

    init(_ bytes: [UInt8]) throws(ZipError) {
        var fields = ZipFields(bytes)
        var ids: Set<Int> = []
        while fields.count > 0 {
            let id = try fields.number16()
            let content = try fields.bytes(try fields.number16())
            guard ids.insert(id).inserted else { throw .ambiguous("an entry has an extra field twice") }
            if id == Self.zip64ID {
                zip64 = ZipFields(content)
            } else if !Self.ignoredIDs.contains(id) {
                throw .ambiguous("an entry has the extra field 0x\(String(id, radix: 16)), which can change what it is")
            }
        }
    }

    /// Takes the wide values of fields that are saturated in the header, in their order, and leaves the others.
    ///
    /// A zip64 field has exactly these values: whoever reads more of it, or less, would see other ones.
    mutating func widen(_ values: [Int]) throws(ZipError) -> [Int] {
        let isSaturated = values.contains(ZipHeader.saturated32)
        guard var wide = zip64 else {
            guard !isSaturated else { throw .ambiguous("an entry's size is in a zip64 field that is not there") }
            return values
        }
        var widened: [Int] = []
        for value in values { widened.append(value == ZipHeader.saturated32 ? try wide.number64() : value) }
        guard isSaturated, wide.count == 0 else {
            throw .ambiguous("an entry's zip64 field has other values than its header leaves to it")
        }
        return widened
    }
}
