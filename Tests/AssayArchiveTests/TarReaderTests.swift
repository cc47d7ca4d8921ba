import AssayArchive
import Testing

struct TarReaderTests {
    private func kind(_ bytes: [UInt8], limits: TarLimits = TarLimits()) -> ArchiveError.Kind? {
        do {
            _ = try readTar(bytes, limits: limits)
            return nil
        } catch {
            return (error as? ArchiveError)?.kind
        }
    }

    @Test func `files come in order with their content and place`() throws {
        let bytes = TarBuilder().member("d", type: UInt8(ascii: "5")).member("d/a", [1, 2, 3]).member("b").finished
        let members = try readTar(bytes)
        #expect(members.map(\.member.path) == ["d/a", "b"])
        #expect(members.map(\.content) == [[1, 2, 3], []])
        #expect(members[0].member.offset == 1024)
        #expect(bytes[1024..<1027] == [1, 2, 3])
    }

    @Test func `content that is not asked for is passed over`() throws {
        let large = [UInt8](repeating: 5, count: 3 << 20)
        var reader = TarReader(BytesInput(TarBuilder().member("a", large).member("b", [9]).finished))
        #expect(try reader.next()?.path == "a")
        #expect(try reader.next()?.path == "b")
        #expect(try reader.readContent(bytesMax: 10) == [9])
        #expect(try reader.next() == nil)
        #expect(try reader.next() == nil)
    }

    @Test func `a pax header gives long paths and its size wins over none`() throws {
        let path = String(repeating: "ü/", count: 30) + "x"
        let records = [("path", path), ("size", "3"), ("mtime", "99999999999.5")]
        let zero = Array("00000000000".utf8)
        let bytes = TarBuilder().pax(records).member("short", [1, 2, 3], size: zero).finished
        #expect(try readTar(bytes).map(\.member.path) == [path])
        #expect(try readTar(bytes).map(\.content) == [[1, 2, 3]])
    }

    @Test(arguments: ["../x", "a/../../x", "/x", "..", "a/.."])
    func `a path that escapes is refused`(path: String) {
        #expect(kind(TarBuilder().member(path).finished) == .pathEscapes)
        #expect(kind(TarBuilder().pax([("path", path)]).member("x").finished) == .pathEscapes)
    }

    @Test(arguments: ["a\\b", "C:x", "c:/x", "a//b", "./a", "a/.", "a\nb", "a\u{7f}", "\u{85}", "x/", ""])
    func `a path that is read differently elsewhere is refused`(path: String) {
        #expect(kind(TarBuilder().member(path).finished) == .pathInvalid)
    }

    @Test func `long, deep and NUL paths are refused`() {
        func pax(_ path: String) -> [UInt8] { TarBuilder().pax([("path", path)]).member("x").finished }
        #expect(kind(pax(String(repeating: "a", count: 256))) == .pathInvalid)
        #expect(kind(pax(String(repeating: "a/", count: 32) + "a")) == .pathInvalid)
        #expect(kind(pax(String(repeating: "abcdefgh/", count: 120))) == .pathInvalid)
        #expect(kind(pax("a\u{0}b")) == .headerInvalid)
        #expect(kind(TarBuilder().member("a\u{0}b").finished) == .headerInvalid)
    }

    @Test(arguments: [
        (Character("1"), ArchiveError.Kind.linkNotAllowed), ("2", .linkNotAllowed), ("3", .typeNotAllowed),
        ("4", .typeNotAllowed), ("6", .typeNotAllowed), ("7", .typeNotAllowed), ("S", .typeNotAllowed),
        ("L", .ambiguousHeader), ("K", .ambiguousHeader),
    ])
    func `links, devices and other types are refused`(type: Character, expected: ArchiveError.Kind) throws {
        let byte = try #require(type.asciiValue)
        #expect(kind(TarBuilder().member("x", type: byte, link: "y").finished) == expected)
    }

    @Test func `a path twice, or as file and folder, is refused`() {
        let folder = UInt8(ascii: "5")
        #expect(kind(TarBuilder().member("a").member("a").finished) == .duplicateEntry)
        #expect(kind(TarBuilder().member("a", type: folder).member("a/", type: folder).finished) == .duplicateEntry)
        #expect(kind(TarBuilder().member("a").member("a/b").finished) == .pathConflict)
        #expect(kind(TarBuilder().member("a/b/c").member("a/b").finished) == .pathConflict)
        #expect(kind(TarBuilder().member("a").member("a", type: folder).finished) == .pathConflict)
        #expect(kind(TarBuilder().member("a/b").member("a", type: folder).finished) == nil)
        #expect(kind(TarBuilder().member("a/b").member("a/c").member("ab").finished) == nil)
    }

    @Test func `headers that allow two readings are refused`() {
        let global = UInt8(ascii: "g"), long = UInt8(ascii: "L")
        #expect(kind(TarBuilder().pax([("path", "b")]).member("n", [120], type: long).finished) == .ambiguousHeader)
        #expect(kind(TarBuilder().pax([]).pax([]).member("x").finished) == .ambiguousHeader)
        #expect(kind(TarBuilder().pax([("path", "a"), ("path", "b")]).member("x").finished) == .ambiguousHeader)
        #expect(kind(TarBuilder().pax([("linkpath", "a")]).member("x").finished) == .ambiguousHeader)
        #expect(kind(TarBuilder().pax([("GNU.sparse.size", "1")]).member("x").finished) == .ambiguousHeader)
        #expect(kind(TarBuilder().pax([("hdrcharset", "ISO-8859-1")]).member("x").finished) == .ambiguousHeader)
        #expect(kind(TarBuilder().pax([("size", "2")]).member("x", [1]).finished) == .ambiguousHeader)
        #expect(kind(TarBuilder().pax([("path", "b")], type: global).member("x").finished) == .ambiguousHeader)
        #expect(kind(TarBuilder().pax([("size", "1")], type: global).member("x").finished) == .ambiguousHeader)
        #expect(kind(TarBuilder().pax([("comment", "b")], type: global).member("x").finished) == nil)
    }

    @Test(arguments: ["-1", "", "9223372036854775808", "+1", "1 ", "0x1"])
    func `a pax size that is no size is refused`(size: String) {
        #expect(kind(TarBuilder().pax([("size", size)]).member("x").finished) == .sizeInvalid)
    }

    @Test(arguments: [
        [UInt8](repeating: 0xff, count: 12), [0x80] + [UInt8](repeating: 0xff, count: 11),
        [0x80, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0], [0xC0] + [UInt8](repeating: 0, count: 11),
    ])
    func `a base-256 size that is negative or overflows is refused`(size: [UInt8]) {
        #expect(kind(TarBuilder().member("x", size: size).finished) == .sizeInvalid)
    }

    @Test func `the largest base-256 size is over the limit`() {
        let size = [0x80, 0, 0, 0, 0x7f] + [UInt8](repeating: 0xff, count: 7)
        #expect(kind(TarBuilder().member("x", size: size).finished) == .tooLarge)
    }

    @Test func `a wrong checksum and another format are refused`() {
        var bytes = TarBuilder().member("x").finished
        bytes[0] ^= 1
        #expect(kind(bytes) == .checksum)
        var block = Array(TarBuilder().member("x").bytes)
        block.replaceSubrange(257..<265, with: Array("ustar  \u{0}".utf8))
        #expect(kind(TarBuilder().raw(TarBuilder.checksummed(block)).finished) == .headerInvalid)
        #expect(kind([UInt8](repeating: 0x1f, count: 2048)) == .headerInvalid)
    }

    @Test func `every damaged byte of a header is noticed`() {
        let bytes = TarBuilder().member("x", [1]).finished
        for index in 0..<512 {
            var damaged = bytes
            damaged[index] ^= 0x10
            #expect(kind(damaged) != nil, "byte \(index)")
        }
    }

    @Test func `the end marker is exactly the end`() {
        let tar = TarBuilder().member("x", [1])
        let zero = TarBuilder.zeroBlock
        #expect(kind(tar.bytes + zero) == .trailingData)
        #expect(kind(tar.bytes + zero + TarBuilder().member("y").finished) == .trailingData)
        #expect(kind(tar.finished + [1]) == .trailingData)
        #expect(kind(tar.finished + TarBuilder().member("y").finished) == .trailingData)
        #expect(kind(tar.finished + zero + zero) == nil)
        #expect(kind(zero + zero) == nil)
    }

    @Test func `an archive cut anywhere is refused`() {
        let bytes = TarBuilder().pax([("path", "long")]).member("x", [1, 2, 3]).finished
        for length in 0..<bytes.count { #expect(kind(Array(bytes.prefix(length))) != nil, "\(length) bytes") }
    }

    @Test func `padding that hides bytes is refused`() {
        var bytes = TarBuilder().member("x", [1]).finished
        bytes[600] = 1
        #expect(kind(bytes) == .headerInvalid)
    }

    @Test func `limits hold for members and bytes`() {
        let three = TarBuilder().member("a", [1]).member("b", [2]).member("c", [3]).finished
        #expect(kind(three, limits: TarLimits(membersMax: 2)) == .tooManyEntries)
        #expect(kind(three, limits: TarLimits(totalBytesMax: 2)) == .tooLarge)
        #expect(kind(TarBuilder().member("a", [1, 2]).finished, limits: TarLimits(memberBytesMax: 1)) == .tooLarge)
        #expect(kind(three, limits: TarLimits(membersMax: 3, memberBytesMax: 1, totalBytesMax: 3)) == nil)
    }

    @Test func `odd modes and times are never applied`() {
        let bytes = TarBuilder().member("x", mode: "0006777", time: "77777777777").finished
        #expect(kind(bytes) == nil)
    }
}
