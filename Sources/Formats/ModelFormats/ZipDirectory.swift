/// The entries of a zip archive by its directory at the end, as Python and PyTorch find them.
///
/// Source: PKWARE APPNOTE 6.3.10, sections 4.3 and 4.5.3; CPython 3.13, Lib/zipfile.
struct ZipDirectory {
    struct Entry {
        let name: String
        let method: Int
        let isEncrypted: Bool
        let start: Int
        let packedBytes: Int
    }

    private static let endBytes = 22
    private static let commentBytesMax = 65_535

    let entries: [Entry]

    /// Nil where the bytes have no end record: then they are no archive to anybody who looks at the end. Throws
    /// `NotInspected` for a directory that cannot be read.
    init?(_ part: SourcePart) throws {
        let tailStart = max(0, part.byteCount - Self.endBytes - Self.commentBytesMax)
        guard part.byteCount >= Self.endBytes else { return nil }
        let tail = try part.bytes(tailStart, count: part.byteCount - tailStart)
        guard let end = Self.lastEnd(in: tail) else { return nil }
        var (count, size, start) = (Self.number(tail, end + 10, 2), Self.number(tail, end + 12, 4), 0)
        let stated = Self.number(tail, end + 16, 4)
        var directoryEnd = tailStart + end
        if count == 0xFFFF || size == 0xFFFF_FFFF || stated == 0xFFFF_FFFF {
            guard let large = try Self.largeEnd(part, before: directoryEnd) else {
                throw NotInspected("a zip archive without the end record that it needs")
            }
            (count, size, directoryEnd) = large
        }
        start = directoryEnd - size
        guard start >= 0, size <= ScanLimit.directoryBytes, count <= ScanLimit.entries else {
            throw NotInspected("a zip archive whose directory is above \(ScanLimit.directoryBytes >> 20) MiB or cut")
        }
        // What stands before the archive moves it, as to Python.
        let moved = stated == 0xFFFF_FFFF ? 0 : start - stated
        let directory = try part.bytes(start, count: size)
        var entries: [Entry] = []
        var place = 0
        while place + 46 <= directory.count, Self.number(directory, place, 4) == 0x0201_4B50 {
            guard entries.count < ScanLimit.entries else {
                throw NotInspected("a zip archive of over \(ScanLimit.entries) entries")
            }
            entries.append(try Self.entry(directory, at: &place, moved: moved, in: part))
        }
        guard entries.count == count, place == directory.count else {
            throw NotInspected("a zip archive whose directory is not as its end record says")
        }
        self.entries = entries
    }

    /// Packed bytes from where the local header ends.
    static func content(of entry: Entry, in part: SourcePart) throws -> SourcePart? {
        let header = try part.bytes(entry.start, count: 30)
        guard header.count == 30, number(header, 0, 4) == 0x0403_4B50 else { return nil }
        let start = entry.start + 30 + number(header, 26, 2) + number(header, 28, 2)
        return part.part(start, count: entry.packedBytes)
    }

    private static func entry(
        _ directory: [UInt8], at place: inout Int, moved: Int, in part: SourcePart
    ) throws(NotInspected) -> Entry {
        let (nameBytes, extraBytes) = (number(directory, place + 28, 2), number(directory, place + 30, 2))
        let nameStart = place + 46
        let extraStart = nameStart + nameBytes
        let next = extraStart + extraBytes + number(directory, place + 32, 2)
        guard next <= directory.count else { throw NotInspected("a zip archive whose directory is cut") }
        var packed = number(directory, place + 20, 4)
        let unpacked = number(directory, place + 24, 4)
        var start = number(directory, place + 42, 4)
        // Sizes and places of 64 bits, those of them that do not fit, in this order.
        var extra = extraStart
        while extra + 4 <= extraStart + extraBytes {
            let (tag, bytes) = (number(directory, extra, 2), number(directory, extra + 2, 2))
            if tag == 1 {
                var value = extra + 4
                let end = min(value + bytes, extraStart + extraBytes)
                func take() -> Int? {
                    guard value + 8 <= end else { return nil }
                    defer { value += 8 }
                    return number(directory, value, 8)
                }
                if unpacked == 0xFFFF_FFFF { _ = take() }
                if packed == 0xFFFF_FFFF { packed = take() ?? packed }
                if start == 0xFFFF_FFFF { start = take() ?? start }
            }
            extra += 4 + bytes
        }
        let name = String(
            decoding: directory[nameStart..<min(extraStart, nameStart + ScanLimit.textBytes)], as: UTF8.self)
        defer { place = next }
        let (sum, isOverflow) = start.addingReportingOverflow(moved)
        guard !isOverflow, sum >= 0, sum <= part.byteCount else {
            throw NotInspected("a zip archive with an entry outside of it")
        }
        return Entry(
            name: name, method: number(directory, place + 10, 2),
            isEncrypted: number(directory, place + 8, 2) & 1 == 1, start: sum, packedBytes: packed)
    }

    /// The end record of 64 bits: count, size and where the directory ends.
    private static func largeEnd(_ part: SourcePart, before end: Int) throws -> (Int, Int, Int)? {
        let locator = try part.bytes(end - 20, count: 20)
        guard locator.count == 20, number(locator, 0, 4) == 0x0706_4B50 else { return nil }
        let place = end - 20 - 56
        let record = try part.bytes(place, count: 56)
        guard record.count == 56, number(record, 0, 4) == 0x0606_4B50 else { return nil }
        return (number(record, 32, 8), number(record, 40, 8), place)
    }

    private static func lastEnd(in tail: [UInt8]) -> Int? {
        var place = tail.count - endBytes
        while place >= 0 {
            // What follows the comment does not matter to Python.
            if tail[place] == 0x50, number(tail, place, 4) == 0x0605_4B50 { return place }
            place -= 1
        }
        return nil
    }

    /// A number of the bytes, the lowest first; what is above 2^62 is that.
    private static func number(_ bytes: [UInt8], _ place: Int, _ count: Int) -> Int {
        let value = (0..<count).reduce(UInt64(0)) { $0 | UInt64(bytes[place + $1]) << (8 * UInt64($1)) }
        return Int(min(value, 1 << 62))
    }
}
