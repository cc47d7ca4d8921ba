import Foundation

/// Writes zip archives byte by byte, right ones and such that two readers would see differently.
struct ZipBuilder {
    /// What one header says of an entry, beside what both say.
    struct Header {
        var name: [UInt8]
        var flags = 0
        var method = 0
        var checksum: Int
        var compressedSize: Int
        var size: Int
        var extra: [UInt8] = []
    }

    struct Entry {
        var local: Header
        var central: Header
        var data: [UInt8]
        /// Bytes between the data and what follows.
        var tail: [UInt8] = []
        /// Added to where the directory says that the entry begins.
        var offsetShift = 0
        var attributes = 0o100644 << 16
        var madeBy = 3 << 8 | 20
        var comment: [UInt8] = []

        init(_ name: String, _ text: String = "text") {
            data = Array(text.utf8)
            local = Header(
                name: Array(name.utf8), checksum: Int(ZipBuilder.checksum(data)), compressedSize: data.count,
                size: data.count)
            central = local
        }

        /// The same with both headers changed alike.
        func with(_ change: (inout Header) -> Void) -> Entry {
            var copy = self
            change(&copy.local)
            change(&copy.central)
            return copy
        }
    }

    var entries: [Entry]
    var prefix: [UInt8] = []
    /// Bytes between the last entry and the directory, and between that and the end records.
    var beforeDirectory: [UInt8] = []
    var afterDirectory: [UInt8] = []
    var suffix: [UInt8] = []
    var comment: [UInt8] = []
    /// What the narrow end record says instead of the truth.
    var count: Int?
    var directorySize: Int?
    var directoryOffset: Int?
    /// Whether there are a wide end record and its locator.
    var isWide = false
    var wideCount: Int?
    var wideDirectoryOffset: Int?
    var wideDirectorySize: Int?
    /// Where the locator says that the wide record is, and bytes between the two.
    var locatorOffset: Int?
    var afterWide: [UInt8] = []

    init(_ entries: Entry...) { self.entries = entries }

    var bytes: [UInt8] {
        var file = prefix
        var directory: [UInt8] = []
        for entry in entries {
            directory += Self.central(entry, offset: file.count + entry.offsetShift)
            file += [0x50, 0x4B, 3, 4] + Self.number(20, 2) + Self.common(entry.local) + entry.local.name
            file += entry.local.extra + entry.data + entry.tail
        }
        file += beforeDirectory
        let offset = file.count
        file += directory + afterDirectory
        if isWide {
            let wideOffset = file.count
            file += [0x50, 0x4B, 6, 6] + Self.number(44, 8) + Self.number(45, 2) + Self.number(45, 2)
            file += Self.number(0, 8) + Self.number(wideCount ?? entries.count, 8)
            file += Self.number(wideCount ?? entries.count, 8)
            file += Self.number(wideDirectorySize ?? directory.count, 8)
            file += Self.number(wideDirectoryOffset ?? offset, 8) + afterWide
            file += [0x50, 0x4B, 6, 7] + Self.number(0, 4) + Self.number(locatorOffset ?? wideOffset, 8)
            file += Self.number(1, 4)
        }
        file += [0x50, 0x4B, 5, 6] + Self.number(0, 4) + Self.number(count ?? entries.count, 2)
        file += Self.number(count ?? entries.count, 2) + Self.number(directorySize ?? directory.count, 4)
        file += Self.number(directoryOffset ?? offset, 4) + Self.number(comment.count, 2) + comment
        return file + suffix
    }

    private static func central(_ entry: Entry, offset: Int) -> [UInt8] {
        [0x50, 0x4B, 1, 2] + number(entry.madeBy, 2) + number(20, 2) + common(entry.central)
            + number(entry.comment.count, 2) + number(0, 2) + number(0, 2) + number(entry.attributes, 4)
            + number(offset, 4) + entry.central.name + entry.central.extra + entry.comment
    }

    private static func common(_ header: Header) -> [UInt8] {
        number(header.flags, 2) + number(header.method, 2) + number(0, 4) + number(header.checksum, 4)
            + number(header.compressedSize, 4) + number(header.size, 4) + number(header.name.count, 2)
            + number(header.extra.count, 2)
    }

    /// An extra field.
    static func extra(_ id: Int, _ content: [UInt8]) -> [UInt8] { number(id, 2) + number(content.count, 2) + content }

    static func number(_ value: Int, _ bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    /// CRC-32 of IEEE 802.3, reflected.
    static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~UInt32(0)) { state, byte in
            (0..<8).reduce(state ^ UInt32(byte)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0) }
        }
    }
}
