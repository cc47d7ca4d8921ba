/// The name of a tile: a part of the tree's hashes, or of its entries, that is read at once.
///
/// Source: C2SP tlog-tiles v0.1.0, "Merkle Tree" and "Log Entries".
package struct Tile: Sendable, Hashable {
    package enum Content: Sendable, Hashable {
        /// Hashes of the tree's level 8·L.
        case hashes(level: Int)
        case entries
    }

    /// Levels of the tree in one tile.
    package static let height = 8
    /// Hashes or entries of a full tile.
    package static let widthMax = 256
    /// Levels 0 to 7 hold more entries than can be counted.
    private static let levelMax = 7

    package let content: Content
    /// Counts the tiles of a level from the left.
    package let number: Int64
    /// Hashes or entries in it: `widthMax` if it is full.
    package let width: Int

    /// A full tile, or a partial one of a smaller width.
    package init(_ content: Content, _ number: Int64, width: Int = Tile.widthMax) {
        precondition(number >= 0 && 1...Self.widthMax ~= width, "a tile lies within the tree")
        self.content = content
        self.number = number
        self.width = width
    }

    package var isPartial: Bool { width < Self.widthMax }

    /// `0/x001/234.p/7`: what stands behind `tile/`.
    package var path: String {
        let first =
            switch content {
            case .hashes(let level): "\(level)"
            case .entries: "entries"
            }
        return "\(first)/\(Self.text(number))" + (isPartial ? ".p/\(width)" : "")
    }

    /// The tile of a path; nil for any text that `path` does not give.
    package init?(path: String) {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 2, parts.count <= 12 else { return nil }
        var width = Self.widthMax
        if parts[parts.count - 2].hasSuffix(".p") {
            guard let stated = Int(parts.removeLast()), 1..<Self.widthMax ~= stated else { return nil }
            width = stated
            parts[parts.count - 1].removeLast(2)
        }
        let content: Content
        if parts[0] == "entries" {
            content = .entries
        } else if let level = Int(parts[0]), 0...Self.levelMax ~= level {
            content = .hashes(level: level)
        } else {
            return nil
        }
        let digits = parts.dropFirst().map { $0.hasPrefix("x") ? String($0.dropFirst()) : $0 }.joined()
        guard digits.utf8.count <= 18, let number = Int64(digits), number >= 0 else { return nil }
        self.init(content, number, width: width)
        // One spelling only: `path` decides on prefixes, leading zeros and signs.
        guard self.path.utf8.elementsEqual(path.utf8) else { return nil }
    }

    /// Groups of three digits, all but the last with an `x`: 1234067 is `x001/x234/067`.
    private static func text(_ number: Int64) -> String {
        var groups: [String] = []
        var rest = number
        repeat {
            let digits = String(rest % 1000)
            groups.append(String(repeating: "0", count: 3 - digits.utf8.count) + digits)
            rest /= 1000
        } while rest > 0
        return groups.reversed().enumerated().map { $0.offset == groups.count - 1 ? $0.element : "x" + $0.element }
            .joined(separator: "/")
    }
}

extension Tile {
    /// How many hashes a tree of `size` entries has on the level of its tiles of level `level`.
    package static func count(level: Int, size: Int64) -> Int64 { size >> (height * level) }

    /// The tile with the hash or entry of an index, as wide as a tree of `size` entries has it; nil beyond the tree.
    package static func holding(_ index: Int64, _ content: Content, size: Int64) -> Tile? {
        let count =
            switch content {
            case .hashes(let level): count(level: level, size: size)
            case .entries: size
            }
        guard index >= 0, index < count else { return nil }
        let number = index / Int64(widthMax)
        return Tile(content, number, width: Int(min(Int64(widthMax), count - number * Int64(widthMax))))
    }
}

/// The entries of a tile: each with its length in 16 bits, big-endian, before it.
package enum EntryBundle {
    package static func encode(_ entry: [UInt8]) -> [UInt8] {
        precondition(entry.count <= Int(UInt16.max), "an entry has at most 65,535 bytes")
        return [UInt8(entry.count >> 8), UInt8(truncatingIfNeeded: entry.count)] + entry
    }

    /// The first `count` entries; nil if there are fewer, or one is cut.
    package static func entries(_ bundle: [UInt8], count: Int) -> [ArraySlice<UInt8>]? {
        var entries: [ArraySlice<UInt8>] = []
        entries.reserveCapacity(count)
        var position = 0
        while entries.count < count {
            guard position + 2 <= bundle.count else { return nil }
            let end = position + 2 + Int(bundle[position]) << 8 + Int(bundle[position + 1])
            guard end <= bundle.count else { return nil }
            entries.append(bundle[(position + 2)..<end])
            position = end
        }
        return entries
    }
}
