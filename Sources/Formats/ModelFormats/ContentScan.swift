import ONNXModel

/// Looks for pickles in a file by its content, whatever it is called and however it is packed.
///
/// A file is what any reader takes it for: the bytes at its beginning, an archive by its end, streams that unpack.
struct ContentScan {
    private(set) var imports: Set<String> = []
    private(set) var hasPickle = false
    /// Where within the file pickles are, such as `archive/data.pkl`; empty for the file itself.
    private(set) var places: [String] = []
    /// Why a part of a pickle was not read.
    private(set) var rest: String?
    /// Why something in the file could be anything.
    private(set) var opaque: String?

    private static let packed: [(name: String, start: [UInt8])] = [
        ("bzip2", Array("BZh".utf8)), ("xz", [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]), ("lzma", [0x5D, 0x00, 0x00]),
        ("zstd", [0x28, 0xB5, 0x2F, 0xFD]), ("lz4", [0x04, 0x22, 0x4D, 0x18]), ("7z", [0x37, 0x7A, 0xBC, 0xAF]),
        ("rar", Array("Rar!".utf8)), ("lzop", [0x89, 0x4C, 0x5A, 0x4F]), ("compress", [0x1F, 0x9D]),
        ("joblib's old compression", Array("ZF0x".utf8)),
    ]

    /// Throws what the source throws.
    mutating func look(at part: SourcePart) throws {
        do {
            try look(at: part, place: "", depth: 0)
        } catch let limit as NotInspected {
            opaque = opaque ?? limit.reason
        }
    }

    private mutating func look(at part: SourcePart, place: String, depth: Int) throws {
        let head = try part.bytes(0, count: 512)
        guard !head.isEmpty else { return }
        note(try PickleScan.scan(part), at: place)
        if try lookAtArray(part, head, place) { return }
        if let packed = Self.packed.first(where: { head.starts(with: $0.start) }), !hasPickle {
            return note(opaque: "compressed by \(packed.name)", at: place)
        }
        guard depth < ScanLimit.depth else {
            if head.starts(with: [0x50, 0x4B, 3, 4]) || head.starts(with: [0x1F, 0x8B]) || Self.isTar(head) {
                note(opaque: "archives within each other, deeper than \(ScanLimit.depth)", at: place)
            }
            return
        }
        if try lookAtStream(part, head, place, depth) { return }
        if Self.isTar(head) { return try lookAtTar(part, place, depth) }
        // Within an archive an archive begins with its first entry; whatever else ends so is looked at from its end.
        if depth == 0 || head.starts(with: [0x50, 0x4B]) { try lookAtZip(part, place, depth) }
    }

    private mutating func note(_ outcome: PickleScan.Outcome, at place: String) {
        if case .undetermined(let reason) = outcome { note(opaque: reason, at: place) }
        guard case .pickle(let names, let rest) = outcome else { return }
        hasPickle = true
        imports.formUnion(names)
        if self.rest == nil { self.rest = rest.map { place.isEmpty ? $0 : "\(place): \($0)" } }
        if !place.isEmpty, places.count < ScanLimit.values { places.append(place) }
    }

    private mutating func note(opaque reason: String, at place: String) {
        opaque = opaque ?? (place.isEmpty ? reason : "\(place): \(reason)")
    }

    // MARK: What may hold pickles

    /// An array of NumPy; one of objects is a pickle behind its header. Source: numpy.lib.format.
    private mutating func lookAtArray(_ part: SourcePart, _ head: [UInt8], _ place: String) throws -> Bool {
        guard head.starts(with: [0x93] + Array("NUMPY".utf8)), head.count >= 12 else { return false }
        let isShort = head[6] == 1
        let length =
            isShort
            ? Int(head[8]) | Int(head[9]) << 8
            : (0..<4).reduce(0) { $0 | Int(head[8 + $1]) << (8 * $1) }
        let start = isShort ? 10 : 12
        let header = String(decoding: try part.bytes(start, count: min(length, 65_536)), as: UTF8.self)
        guard length <= 65_536 else {
            note(opaque: "an array with a header of \(length) bytes", at: place)
            return true
        }
        guard ["|O", "'O", "\"O"].contains(where: { header.utf8.firstRange(of: Array($0.utf8)) != nil }) else {
            return true
        }
        guard let content = part.part(start + length, count: max(0, part.byteCount - start - length)) else {
            note(opaque: "an array that is cut", at: place)
            return true
        }
        let outcome = try PickleScan.scan(content)
        note(
            outcome == .none ? .pickle(imports: [], rest: "an array of objects that is no pickle") : outcome, at: place)
        return true
    }

    /// gzip, and zlib as joblib writes it. Sources: RFC 1952, RFC 1950.
    private mutating func lookAtStream(
        _ part: SourcePart, _ head: [UInt8], _ place: String, _ depth: Int
    ) throws -> Bool {
        let isGzip = head.starts(with: [0x1F, 0x8B, 8])
        let isZlib =
            head.count > 2 && head[0] == 0x78 && (Int(head[0]) << 8 | Int(head[1])) % 31 == 0 && head[1] & 0x20 == 0
        guard isGzip || isZlib else { return false }
        let start = isGzip ? Self.gzipContent(head) : 2
        do {
            guard let start else { throw Inflate.Malformed() }
            let output = try Inflate.unpack(part, at: start, limit: ScanLimit.unpackedBytes)
            try lookAtUnpacked(output, of: part, place, depth)
            // Readers go on with the streams behind the first one.
            if output.isWhole, output.end + (isGzip ? 8 : 4) < part.byteCount {
                note(opaque: "several packed streams, or bytes behind one", at: place)
            }
            return true
        } catch is Inflate.Malformed {
            if isGzip { note(opaque: "a gzip stream that is malformed", at: place) }
            return isGzip
        }
    }

    /// Where the content of a gzip file begins; nil where its header is longer than anybody's.
    private static func gzipContent(_ head: [UInt8]) -> Int? {
        guard head.count >= 10 else { return nil }
        var place = 10
        if head[3] & 4 != 0 {
            guard head.count >= 12 else { return nil }
            place += 2 + Int(head[10]) + Int(head[11]) << 8
        }
        for flag in [UInt8(8), 16] where head[3] & flag != 0 {
            guard place < head.count, let end = head[place...].firstIndex(of: 0) else { return nil }
            place = end + 1
        }
        if head[3] & 2 != 0 { place += 2 }
        return place < head.count ? place : nil
    }

    private mutating func lookAtUnpacked(
        _ output: Inflate.Output, of part: SourcePart, _ place: String, _ depth: Int
    ) throws {
        var inner = SourcePart(BytesSource(output.bytes), budget: part.budget)
        inner.isCut = !output.isWhole
        let before = hasPickle
        try look(at: inner, place: place, depth: depth + 1)
        // What an archive has behind the first bytes is not seen.
        if !output.isWhole, hasPickle == before, Self.isContainer(output.bytes) || output.bytes.isEmpty {
            note(opaque: "over \(ScanLimit.unpackedBytes >> 20) MiB are packed in it", at: place)
        }
    }

    private static func isContainer(_ bytes: [UInt8]) -> Bool {
        isTar(Array(bytes.prefix(512))) || bytes.starts(with: [0x50, 0x4B])
    }

    // MARK: Archives

    private mutating func lookAtZip(_ part: SourcePart, _ place: String, _ depth: Int) throws {
        let directory: ZipDirectory?
        do {
            directory = try ZipDirectory(part)
        } catch let fault as NotInspected {
            return note(opaque: fault.reason, at: place)
        }
        guard let directory else { return }
        for entry in directory.entries where entry.packedBytes > 0 {
            let inner = place.isEmpty ? entry.name : "\(place)/\(entry.name)"
            guard !entry.isEncrypted, let content = try ZipDirectory.content(of: entry, in: part) else {
                note(opaque: entry.isEncrypted ? "encrypted" : "an entry that is cut", at: inner)
                continue
            }
            switch entry.method {
            case 0: try look(at: content, place: inner, depth: depth + 1)
            case 8:
                do {
                    // The beginning tells most files; the rest is unpacked of those alone that it does not tell.
                    let short = try Inflate.unpack(content, limit: 4_096)
                    let needsMore = !short.isWhole && (Self.isContainer(short.bytes) || mayBePickle(short.bytes))
                    let output =
                        needsMore ? try Inflate.unpack(content, limit: ScanLimit.unpackedBytes) : short
                    try lookAtUnpacked(output, of: content, inner, depth)
                } catch is Inflate.Malformed {
                    note(opaque: "an entry that is malformed", at: inner)
                }
            default: note(opaque: "compressed by method \(entry.method)", at: inner)
            }
        }
    }

    private func mayBePickle(_ bytes: [UInt8]) -> Bool {
        bytes.first.map { PickleOpcode.argument(of: $0) != nil || $0 == 0x93 } ?? false
    }

    /// Whether 512 bytes are the header of a tar entry, by its checksum. Source: POSIX.1-2017, pax, "ustar".
    private static func isTar(_ head: [UInt8]) -> Bool {
        guard head.count == 512, let stated = octal(head[148..<156]), stated > 256 else { return false }
        let sum = head.enumerated().reduce(0) { $0 + (148..<156 ~= $1.offset ? 0x20 : Int($1.element)) }
        return sum == stated
    }

    private mutating func lookAtTar(_ part: SourcePart, _ place: String, _ depth: Int) throws {
        var position = 0
        for _ in 0..<ScanLimit.entries {
            let head = try part.bytes(position, count: 512)
            guard head.count == 512, head.contains(where: { $0 != 0 }) else { return }
            guard Self.isTar(head), let size = Self.octal(head[124..<136]),
                let content = part.part(position + 512, count: min(size, max(0, part.byteCount - position - 512)))
            else { return note(opaque: "a tar archive that is malformed", at: place) }
            let name = String(decoding: head[..<100].prefix { $0 != 0 }, as: UTF8.self)
            if [0, UInt8(ascii: "0"), UInt8(ascii: "7")].contains(head[156]) {
                try look(at: content, place: place.isEmpty ? name : "\(place)/\(name)", depth: depth + 1)
            }
            let (next, isOverflow) = (position + 512).addingReportingOverflow((size + 511) / 512 * 512)
            guard !isOverflow, next <= part.byteCount else { return }
            position = next
        }
        note(opaque: "a tar archive of over \(ScanLimit.entries) entries", at: place)
    }

    /// A number in octal digits, or with its first bit set in binary; nil for none, and from 2^48 on.
    private static func octal(_ field: ArraySlice<UInt8>) -> Int? {
        if let first = field.first, first == 0x80 {
            let value = field.dropFirst().suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            return value < 1 << 48 ? Int(value) : nil
        }
        let digits = field.drop { $0 == 0x20 }.prefix { 0x30...0x37 ~= $0 }
        guard !digits.isEmpty, digits.count <= 16 else { return nil }
        return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
    }
}
