/// One 512-byte header of a tar archive, read strictly.
///
/// Source: POSIX.1-2017, pax, "ustar Interchange Format". The only extension taken is the base-256 form of a size,
/// which writers use beside a pax record for files from 8 GiB.
struct TarHeader {
    static let byteCount = 512

    /// The name with its prefix, as the header has it; a pax record can replace it.
    let path: String
    let size: Int64
    let type: UInt8

    init(_ block: [UInt8]) throws(ArchiveError) {
        let checksum = block[148..<156]
        guard try Self.octal(checksum) == Self.checksum(of: block),
            Self.checksumEndings.contains(Array(checksum.drop { $0 > UInt8(ascii: " ") }))
        else {
            throw ArchiveError(.checksum, "a header's checksum is wrong")
        }
        guard Array(block[257..<265]) == Array("ustar\u{0}00".utf8) else {
            throw ArchiveError(.headerInvalid, "a header is not of the POSIX tar format")
        }
        let name = try Self.text(block[0..<100])
        let prefix = try Self.text(block[345..<500])
        path = prefix.isEmpty ? name : "\(prefix)/\(name)"
        size = try Self.size(block[124..<136])
        type = block[156]
    }

    /// How writers end the digits of a checksum. It is the one field that no checksum covers, so it has few spellings.
    private static let checksumEndings: [[UInt8]] = [[0, 0x20], [0x20, 0], [0], [0x20]]

    /// The sum of all bytes, those of the checksum itself taken as spaces.
    private static func checksum(of block: [UInt8]) -> Int64 {
        let sum = block.reduce(Int64(0)) { $0 + Int64($1) }
        let own = block[148..<156].reduce(Int64(0)) { $0 + Int64($1) }
        return sum - own + 8 * Int64(UInt8(ascii: " "))
    }

    /// Text up to the first NUL; what follows must be NUL too, so that nothing hides there.
    private static func text(_ field: ArraySlice<UInt8>) throws(ArchiveError) -> String {
        let bytes = field.prefix { $0 != 0 }
        guard field.dropFirst(bytes.count).allSatisfy({ $0 == 0 }) else {
            throw ArchiveError(.headerInvalid, "a header has bytes behind the end of a text")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ArchiveError(.pathInvalid, "a path is not UTF-8")
        }
        return text
    }

    /// Octal digits with spaces or NULs behind them.
    private static func octal(_ field: ArraySlice<UInt8>) throws(ArchiveError) -> Int64 {
        let digits = field.prefix { UInt8(ascii: "0")...UInt8(ascii: "7") ~= $0 }
        let rest = field.dropFirst(digits.count)
        guard !digits.isEmpty, rest.allSatisfy({ $0 == 0 || $0 == UInt8(ascii: " ") }) else {
            throw ArchiveError(.headerInvalid, "a number in a header is not octal")
        }
        // A field has at most 12 digits of 3 bits, so the sum stays far below 64 bits.
        return digits.reduce(0) { $0 << 3 | Int64($1 - UInt8(ascii: "0")) }
    }

    private static func size(_ field: ArraySlice<UInt8>) throws(ArchiveError) -> Int64 {
        guard let first = field.first, first & 0x80 != 0 else { return try octal(field) }
        // Base 256: big-endian behind a 0x80 byte. 0xFF starts a negative number; eight bytes must hold the rest.
        let high = field.dropFirst().prefix(3)
        let low = field.suffix(8)
        guard first == 0x80, high.allSatisfy({ $0 == 0 }), let top = low.first, top < 0x80 else {
            throw ArchiveError(.sizeInvalid, "a size is negative or over 63 bits")
        }
        return low.reduce(0) { $0 << 8 | Int64($1) }
    }
}
