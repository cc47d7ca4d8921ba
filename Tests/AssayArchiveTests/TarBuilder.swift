import AssayArchive

/// Writes tar archives header by header, valid or not, for the tests of the reader.
struct TarBuilder {
    private(set) var bytes: [UInt8] = []

    static let file = UInt8(ascii: "0")
    static let zeroBlock = [UInt8](repeating: 0, count: 512)

    /// A member; `size` overrides what the header says of its content's length.
    func member(
        _ path: String, _ content: [UInt8] = [], type: UInt8 = file, size: [UInt8]? = nil, link: String = "",
        mode: String = "0000644", time: String = "00000000000"
    ) -> TarBuilder {
        var header = Self.zeroBlock
        func put(_ field: [UInt8], at offset: Int) {
            header.replaceSubrange(offset..<offset + field.count, with: field)
        }
        put(Array(path.utf8.prefix(100)), at: 0)
        put(Array(mode.utf8), at: 100)
        let octal = String(content.count, radix: 8)
        put(size ?? Array((String(repeating: "0", count: 11 - octal.count) + octal).utf8), at: 124)
        put(Array(time.utf8), at: 136)
        put([type], at: 156)
        put(Array(link.utf8), at: 157)
        put(Array("ustar\u{0}00".utf8), at: 257)
        return raw(Self.checksummed(header)).content(content)
    }

    /// A header of records for the member after it.
    func pax(_ records: [(String, String)], type: UInt8 = UInt8(ascii: "x")) -> TarBuilder {
        member("PaxHeader", records.flatMap { Self.record($0, $1) }, type: type)
    }

    func raw(_ more: [UInt8]) -> TarBuilder {
        var copy = self
        copy.bytes += more
        return copy
    }

    /// The archive with its end marker.
    var finished: [UInt8] { bytes + Self.zeroBlock + Self.zeroBlock }

    static func checksummed(_ block: [UInt8]) -> [UInt8] {
        var header = block
        header.replaceSubrange(148..<156, with: [UInt8](repeating: UInt8(ascii: " "), count: 8))
        let octal = String(header.reduce(0) { $0 + Int($1) }, radix: 8)
        let field = String(repeating: "0", count: 6 - octal.count) + octal + "\u{0} "
        header.replaceSubrange(148..<156, with: Array(field.utf8))
        return header
    }

    static func record(_ key: String, _ value: String) -> [UInt8] {
        let body = " \(key)=\(value)\n"
        var length = body.utf8.count
        while "\(length)\(body)".utf8.count != length { length += 1 }
        return Array("\(length)\(body)".utf8)
    }

    private func content(_ content: [UInt8]) -> TarBuilder {
        raw(content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512))
    }
}

/// All members of an archive in memory.
func readTar(_ bytes: [UInt8], limits: TarLimits = TarLimits()) throws -> [(member: TarMember, content: [UInt8])] {
    var reader = TarReader(BytesInput(bytes), limits: limits)
    var result: [(TarMember, [UInt8])] = []
    while let member = try reader.next() {
        result.append((member, try reader.readContent(bytesMax: 1 << 20)))
    }
    return result
}
