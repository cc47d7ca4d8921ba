/// What a tar archive may make a reader do.
package struct TarLimits: Sendable {
    package var membersMax: Int
    package var memberBytesMax: Int64
    /// The sum over all members.
    package var totalBytesMax: Int64

    package init(membersMax: Int = 100_000, memberBytesMax: Int64 = 1 << 44, totalBytesMax: Int64 = 1 << 46) {
        self.membersMax = membersMax
        self.memberBytesMax = memberBytesMax
        self.totalBytesMax = totalBytesMax
    }
}

/// One file of a tar archive.
package struct TarMember: Sendable, Equatable {
    /// Checked by `EntryPath`.
    package let path: String
    package let size: Int64
    /// Where its content starts, in bytes from the start of the archive.
    package let offset: Int64
}

/// Reads a tar archive member by member, as a stream, and refuses everything that two readers could see differently.
///
/// It reads the headers itself and not through libarchive. libarchive is made to get something out of any archive: it
/// passes over wrong checksums, joins rival long-name headers and stops at the first zero block, each of which hides
/// content from one reader and shows it to another. A strict check in front of it would have to parse all that this
/// reader parses, and then parse it a second time. Members are plain files; folders are checked and passed over.
/// Modes, owners and times are never applied. After an error the reader is of no further use.
package struct TarReader {
    private static let chunkBytes = 256 << 10
    /// Zero bytes after the end marker, with which writers fill their last record.
    private static let paddingBytesMax = 1 << 20

    private let input: any ByteInput
    private let limits: TarLimits
    private var paths = PathTree()
    private var memberCount = 0
    private var totalBytes: Int64 = 0
    private var position: Int64 = 0
    private var contentLeft: Int64 = 0
    private var paddingLeft = 0
    private var isFinished = false
    private var buffer: [UInt8] = []

    package init(_ input: any ByteInput, limits: TarLimits = TarLimits()) {
        self.input = input
        self.limits = limits
    }

    /// The next file; what was not read of the one before is passed over. Nil once the whole archive was checked.
    ///
    /// Throws `ArchiveError`, or what the input fails with.
    package mutating func next() throws -> TarMember? {
        guard !isFinished else { return nil }
        while contentLeft > 0 { try forwardChunk { _ in } }
        try skipPadding()
        while let (header, pax) = try nextHeader() {
            if let member = try member(header, pax) { return member }
        }
        isFinished = true
        return nil
    }

    /// Hands the rest of the current file to a function, in pieces of at most 1 MiB.
    package mutating func forEachChunk(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        while contentLeft > 0 { try forwardChunk(body) }
    }

    /// The rest of the current file; throws `too-large` if that is over a limit.
    package mutating func readContent(bytesMax: Int) throws -> [UInt8] {
        guard contentLeft <= Int64(bytesMax) else {
            throw ArchiveError(.tooLarge, "a member is over \(bytesMax) bytes")
        }
        var content: [UInt8] = []
        content.reserveCapacity(Int(contentLeft))
        try forEachChunk { content.append(contentsOf: $0) }
        return content
    }

    // MARK: Headers

    /// The next header of a file or folder with the records before it; nil at the end marker.
    private mutating func nextHeader() throws -> (TarHeader, PaxRecords?)? {
        var pax: PaxRecords?
        while true {
            let block = try readBlock()
            if block.allSatisfy({ $0 == 0 }) {
                guard pax == nil else { throw ArchiveError(.truncated, "a pax header has no member") }
                try checkEnd()
                return nil
            }
            let header = try TarHeader(block)
            switch header.type {
            case UInt8(ascii: "x"), UInt8(ascii: "g"):
                guard pax == nil else { throw ArchiveError(.ambiguousHeader, "two headers describe one member") }
                let isGlobal = header.type == UInt8(ascii: "g")
                let records = try readPax(header, isGlobal: isGlobal)
                if !isGlobal { pax = records }
            case UInt8(ascii: "L"), UInt8(ascii: "K"):
                throw ArchiveError(.ambiguousHeader, "a long name is not written as a pax header")
            default:
                return (header, pax)
            }
        }
    }

    private mutating func readPax(_ header: TarHeader, isGlobal: Bool) throws -> PaxRecords {
        guard header.size <= Int64(PaxRecords.bytesMax) else {
            throw ArchiveError(.tooLarge, "a pax header is over \(PaxRecords.bytesMax) bytes")
        }
        try count()
        startContent(header.size)
        let records = try PaxRecords(try readContent(bytesMax: PaxRecords.bytesMax), isGlobal: isGlobal)
        try skipPadding()
        return records
    }

    /// Checks a member and stands at its content; nil for a folder.
    private mutating func member(_ header: TarHeader, _ pax: PaxRecords?) throws(ArchiveError) -> TarMember? {
        try count()
        var path = pax?.path ?? header.path
        let size = try size(header, pax)
        switch header.type {
        case UInt8(ascii: "0"), 0:
            try EntryPath.check(path)
            try paths.insertFile(path)
        case UInt8(ascii: "5"):
            if path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
            try EntryPath.check(path)
            try paths.insertFolder(path)
            guard size == 0 else { throw ArchiveError(.sizeInvalid, "the folder '\(path)' has content") }
            return nil
        case UInt8(ascii: "1"), UInt8(ascii: "2"):
            throw ArchiveError(.linkNotAllowed, "'\(path)' is a link")
        default:
            throw ArchiveError(.typeNotAllowed, "'\(path)' is not a plain file")
        }
        guard size <= limits.memberBytesMax, size <= limits.totalBytesMax - totalBytes else {
            throw ArchiveError(.tooLarge, "the members are larger than the limit")
        }
        totalBytes += size
        startContent(size)
        return TarMember(path: path, size: size, offset: position)
    }

    /// The size of a member; where both headers state one they must agree, or the older one must be 0.
    private func size(_ header: TarHeader, _ pax: PaxRecords?) throws(ArchiveError) -> Int64 {
        guard let size = pax?.size else { return header.size }
        guard header.size == size || header.size == 0 else {
            throw ArchiveError(.ambiguousHeader, "two headers state different sizes")
        }
        return size
    }

    private mutating func count() throws(ArchiveError) {
        memberCount += 1
        guard memberCount <= limits.membersMax else {
            throw ArchiveError(.tooManyEntries, "the archive has over \(limits.membersMax) members")
        }
    }

    /// After one zero block there must be a second one, and then nothing but zeros.
    private mutating func checkEnd() throws {
        let damaged = ArchiveError(.trailingData, "the end marker is damaged or is not the end")
        var zeros = 0
        while case let count = try readSome(), count > 0 {
            zeros += count
            guard zeros <= Self.paddingBytesMax, buffer.prefix(count).allSatisfy({ $0 == 0 }) else { throw damaged }
        }
        guard zeros >= TarHeader.byteCount else { throw damaged }
    }

    // MARK: Bytes

    private mutating func startContent(_ size: Int64) {
        contentLeft = size
        paddingLeft = Int((512 - size % 512) % 512)
    }

    private mutating func forwardChunk(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.chunkBytes) }
        let wanted = Int(min(contentLeft, Int64(Self.chunkBytes)))
        let count = try buffer.withUnsafeMutableBytes { [input] bytes in
            let count = try input.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<wanted]))
            try body(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            return count
        }
        guard count > 0 else { throw ArchiveError(.truncated, "the archive ends within a member") }
        contentLeft -= Int64(count)
        position += Int64(count)
    }

    private mutating func skipPadding() throws {
        guard paddingLeft > 0 else { return }
        guard try readExactly(paddingLeft).allSatisfy({ $0 == 0 }) else {
            throw ArchiveError(.headerInvalid, "the padding of a member is not zero")
        }
        paddingLeft = 0
    }

    private mutating func readBlock() throws -> [UInt8] { try readExactly(TarHeader.byteCount) }

    private mutating func readExactly(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let more = try bytes.withUnsafeMutableBytes { buffer in
                try input.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
            }
            guard more > 0 else { throw ArchiveError(.truncated, "the archive ends before its end marker") }
            filled += more
        }
        position += Int64(count)
        return bytes
    }

    private mutating func readSome() throws -> Int {
        if buffer.isEmpty { buffer = [UInt8](repeating: 0, count: Self.chunkBytes) }
        return try buffer.withUnsafeMutableBytes { [input] in try input.read(into: $0) }
    }
}
