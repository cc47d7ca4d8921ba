import Foundation
import Testing

@testable import AssayArchive

struct `Zip reader` {
    private func read(_ bytes: [UInt8]) throws -> [String: String] {
        let url = FileManager.default.temporaryDirectory.appending(path: "assay-\(UUID().uuidString).zip")
        try Data(bytes).write(to: url)
        // A file that stays behind is no reason to fail a test.
        defer { try? FileManager.default.removeItem(at: url) }
        let reader = try ZipReader(path: url.path(), limits: ZipLimits(entriesMax: 10, outputBytesMax: 1_000))
        var texts: [String: String] = [:]
        while let name = try reader.nextEntry() {
            var content = [UInt8](repeating: 0, count: 100)
            let count = try content.withUnsafeMutableBytes { buffer in
                var span = MutableRawSpan(_unsafeBytes: buffer)
                return try reader.read(into: &span)
            }
            texts[name] = String(decoding: content.prefix(count), as: UTF8.self)
        }
        return texts
    }

    private static let two = ZipBuilder(.init("a", "first"), .init("b", "second"))

    private static func changed(_ change: (inout ZipBuilder) -> Void) -> ZipBuilder {
        var copy = two
        change(&copy)
        return copy
    }

    private static func first(_ change: (inout ZipBuilder.Entry) -> Void) -> ZipBuilder {
        changed { change(&$0.entries[0]) }
    }

    private static func descriptor(_ entry: ZipBuilder.Entry, wide: Bool = false, size: Int? = nil) -> [UInt8] {
        [0x50, 0x4B, 7, 8] + ZipBuilder.number(entry.central.checksum, 4)
            + ZipBuilder.number(entry.central.compressedSize, wide ? 8 : 4)
            + ZipBuilder.number(size ?? entry.central.size, wide ? 8 : 4)
    }

    /// An entry as Python writes it to an output that cannot go back.
    private static func streamed(wide: Bool, size: Int? = nil) -> ZipBuilder.Entry {
        var entry = ZipBuilder.Entry("a", "first").with { $0.flags = 8 }
        entry.local.checksum = 0
        entry.local.size = wide ? 0xFFFF_FFFF : 0
        entry.local.compressedSize = entry.local.size
        if wide { entry.local.extra = ZipBuilder.extra(1, [UInt8](repeating: 0, count: 16)) }
        entry.tail = descriptor(entry, wide: wide, size: size)
        return entry
    }

    /// An entry as `numpy.savez` writes it: sizes of the local header in a zip64 field.
    private static func wide(_ sizes: [Int] = [5, 5]) -> ZipBuilder.Entry {
        var entry = ZipBuilder.Entry("a", "first")
        entry.local.size = 0xFFFF_FFFF
        entry.local.compressedSize = 0xFFFF_FFFF
        entry.local.extra = ZipBuilder.extra(1, sizes.flatMap { ZipBuilder.number($0, 8) })
        return entry
    }

    @Test func `an archive gives its entries in order`() throws {
        #expect(try read(Self.two.bytes) == ["a": "first", "b": "second"])
        #expect(try read(ZipBuilder().bytes).isEmpty)
    }

    @Test(arguments: [
        ZipBuilder(wide()), ZipBuilder(streamed(wide: false)), ZipBuilder(streamed(wide: true)),
        changed { $0.isWide = true },
        changed {
            $0.isWide = true
            ($0.count, $0.directorySize, $0.directoryOffset) = (0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF)
        },
        first { $0.attributes = 0o600 << 16 },
        first { $0 = $0.with { $0.extra = ZipBuilder.extra(0x5455, [1, 0, 0, 0, 0]) } },
    ])
    func `what real writers do is read`(archive: ZipBuilder) throws {
        #expect(try read(archive.bytes)["a"] == "first")
    }

    @Test func `a name in any letters is read as UTF-8`() throws {
        let entry = ZipBuilder.Entry("größe", "first").with { $0.flags = 1 << 11 }
        #expect(try read(ZipBuilder(entry).bytes) == ["größe": "first"])
    }

    static let ambiguous: [(String, ZipBuilder)] = [
        ("bytes before the first entry", changed { $0.prefix = [0] }),
        (
            "bytes before, with offsets as if there were none",
            changed {
                $0.prefix = [0, 0]
                $0.entries[0].offsetShift = -2
                $0.entries[1].offsetShift = -2
            }
        ),
        ("bytes between entries", first { $0.tail = [0] }),
        ("bytes before the directory", changed { $0.beforeDirectory = [0] }),
        ("bytes after the directory", changed { $0.afterDirectory = [0] }),
        ("bytes after the end", changed { $0.suffix = [0] }),
        ("a comment", changed { $0.comment = [0x20] }),
        (
            "an archive in the comment",
            changed { $0.comment = ZipBuilder(.init("a", "other")).bytes }
        ),
        ("a second end record", changed { $0.suffix = ZipBuilder().bytes }),
        ("fewer entries in the end record", changed { $0.count = 1 }),
        ("more entries in the end record", changed { $0.count = 3 }),
        ("a smaller directory", changed { $0.directorySize = 40 }),
        ("another offset of the directory", changed { $0.directoryOffset = 0 }),
        ("a saturated count without a wide record", changed { $0.count = 0xFFFF }),
        ("a saturated offset without a wide record", changed { $0.directoryOffset = 0xFFFF_FFFF }),
        (
            "two wide end records",
            changed {
                $0.isWide = true
                $0.afterDirectory = [0x50, 0x4B, 6, 6] + [UInt8](repeating: 0, count: 52)
            }
        ),
        (
            "a locator that points elsewhere",
            changed {
                $0.isWide = true
                $0.locatorOffset = 0
            }
        ),
        (
            "bytes between wide record and locator",
            changed {
                $0.isWide = true
                $0.afterWide = [0]
            }
        ),
        (
            "a wide record of another count",
            changed {
                $0.isWide = true
                $0.wideCount = 1
            }
        ),
        (
            "a wide record of another directory",
            changed {
                $0.isWide = true
                $0.wideDirectoryOffset = 0
            }
        ),
        (
            "a wide record that another reader does not see",
            changed {
                $0.isWide = true
                ($0.wideCount, $0.count) = (1, 2)
            }
        ),
        ("another name in the local header", first { $0.local.name = Array("c".utf8) }),
        ("another size in the local header", first { $0.local.size = 4 }),
        ("another checksum in the local header", first { $0.local.checksum += 1 }),
        ("other flags in the local header", first { $0.local.flags = 8 }),
        ("another method in the local header", first { $0.local.method = 8 }),
        ("two sizes of a stored entry", first { $0 = $0.with { $0.size = 4 } }),
        ("an entry twice in the directory", changed { $0.entries[1].offsetShift = -100 }),
        ("overlapping entries", changed { $0.entries[1].offsetShift = -1 }),
        ("a name twice", ZipBuilder(.init("a"), .init("a", "other"))),
        ("a folder", ZipBuilder(.init("a/", ""))),
        ("a link", first { $0.attributes = 0o120777 << 16 }),
        ("a folder by its attribute", first { $0.attributes = 0x10 }),
        ("an encrypted entry", first { $0 = $0.with { $0.flags = 1 } }),
        ("a patched entry", first { $0 = $0.with { $0.flags = 1 << 5 } }),
        ("masked headers", first { $0 = $0.with { $0.flags = 1 << 13 } }),
        ("a method that is not known", first { $0 = $0.with { $0.method = 99 } }),
        ("a zero in a name", ZipBuilder(.init("a\u{0}b"))),
        ("a backslash in a name", ZipBuilder(.init("a\\b"))),
        ("no name", ZipBuilder(.init(""))),
        ("a name of a code page", first { $0 = $0.with { $0.name = [0x81] } }),
        ("a name that does not say that it is UTF-8", ZipBuilder(.init("größe"))),
        ("a second name", first { $0 = $0.with { $0.extra = ZipBuilder.extra(0x7075, [1, 0, 0, 0, 0, 0x62]) } }),
        (
            "a second name in the directory",
            first { $0.central.extra = ZipBuilder.extra(0x7075, [1, 0, 0, 0, 0, 0x62]) }
        ),
        (
            "an extra field twice",
            first { $0 = $0.with { $0.extra = ZipBuilder.extra(0x5455, [0]) + ZipBuilder.extra(0x5455, [1]) } }
        ),
        ("an extra field that is cut", first { $0 = $0.with { $0.extra = [0x55, 0x54, 9, 0, 1] } }),
        ("a zip64 field that is not needed", first { $0.central.extra = ZipBuilder.extra(1, ZipBuilder.number(6, 8)) }),
        ("a zip64 field of other sizes", ZipBuilder(wide([4, 4]))),
        ("a zip64 field with more in it", ZipBuilder(wide([5, 5, 0]))),
        ("a zip64 field with less in it", ZipBuilder(wide([5]))),
        ("a comment of an entry", first { $0.comment = [0x20] }),
        ("a descriptor that contradicts", ZipBuilder(streamed(wide: false, size: 4))),
        (
            "a wide descriptor of a narrow header",
            ZipBuilder(
                {
                    var entry = streamed(wide: false)
                    entry.tail = descriptor(entry, wide: true)
                    return entry
                }())
        ),
        ("a descriptor without its flag", first { $0.tail = descriptor($0) }),
        ("a flag without its descriptor", first { $0 = $0.with { $0.flags = 8 } }),
        ("content that hides another entry", first { $0.data += ZipBuilder(.init("b")).bytes }),
    ]

    @Test(arguments: ambiguous.indices)
    func `what two readers could see differently is refused`(index: Int) throws {
        let (what, archive) = Self.ambiguous[index]
        #expect(throws: ZipError.self, "\(what)") { try read(archive.bytes) }
    }

    @Test func `an archive that is cut anywhere is refused`() throws {
        let whole = Self.changed { $0.isWide = true }.bytes
        for count in 0..<whole.count {
            #expect(throws: ZipError.self, "the first \(count) bytes") { try read(Array(whole.prefix(count))) }
        }
    }

    @Test func `a changed byte is refused or changes no content`() throws {
        let whole = ZipBuilder(Self.wide(), .init("b", "second")).bytes
        for place in whole.indices {
            var changed = whole
            changed[place] ^= 0x01
            guard let texts = try? read(changed) else { continue }
            #expect(Array(texts.values.sorted()) == ["first", "second"], "byte \(place)")
        }
    }
}
